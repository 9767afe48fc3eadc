"""Seeds that functions of libraries were given, or were not: spoken of where they differ, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.explain.cases import Story, at, found, plans, slugs, texts, two

from samefit.explain.case import Suspect
from samefit.types import Location

STATE = "numpy.random.RandomState"
PYTHON = "random.Random"
NONE = "train_test_split without a seed"


def split(story: Story, seed: int | None, **fields: Any) -> Story:
    """A line calls `train_test_split`, with a seed or without."""
    if seed is None:
        return story.draw(5, "numpy", function=NONE, keras="check_random_state")
    given = {"generator": "own", "function": STATE, "keras": "train_test_split", "value": seed, **fields}
    return story.note("create", 5, **given)


def between(tmp_path: Path, *seeds: int | None, seeded: bool = True) -> list[Suspect]:
    stories = []
    for number, seed in enumerate(seeds):
        story = Story(str(number))
        story = story.seed(1, generator="numpy") if seeded else story
        stories.append(split(story, seed).training(1))
    return found(two(tmp_path, *stories))


def test_a_library_that_was_given_another_seed(tmp_path: Path) -> None:
    first = between(tmp_path, 3, 4)[0]
    assert (first.slug, first.location) == ("different-seed", at(5))
    assert first.summary == "train_test_split was given the seed 3 on one side and 4 on the other."
    assert "train_test_split makes numpy.random.RandomState(3) at line 5 of train.py" in texts(first)
    assert first.remedy == "give train_test_split one seed on both sides, such as 3"
    plan = {"do": "seed_value", "side": "", "file": at(5).file, "line": 5, "value": 3}
    assert first.counterfactuals[0].transplants == (plan,)
    assert not [s for s in between(tmp_path / "same", 3, 3) if s.slug == "different-seed"]


def test_one_line_that_makes_two_is_one_suspect(tmp_path: Path) -> None:
    stories = [split(split(Story(), seed), seed).training(1) for seed in (3, 4)]
    assert slugs(two(tmp_path, *stories)).count("different-seed") == 1


def test_what_belongs_together_is_told_by_who_makes_it(tmp_path: Path) -> None:
    stories = []
    for seed, more in ((3, 1), (4, 2)):
        story = split(Story(), seed)
        for _ in range(more):
            split(story, 9, keras="shuffle")
        stories.append(story.training(1))
    assert found(two(tmp_path, *stories))[0].slug == "different-seed"
    stories = [split(Story(), 3).training(1), split(split(Story(), 4), 5).training(1)]
    assert "different-seed" not in slugs(two(tmp_path / "two", *stories)), "which of the two is meant is not known"


def test_a_seed_on_one_side_alone(tmp_path: Path) -> None:
    first = between(tmp_path / "b", 3, None)[0]
    assert (first.slug, first.location) == ("different-seed", at(5))
    assert first.summary == "train_test_split was given the seed 3 on one side, and none on the other."
    assert "train_test_split at line 5 of train.py has no seed: it draws from numpy.random, as it stands" in texts(
        first
    )
    assert [fix.of_baseline for fix in first.counterfactuals] == [False]
    assert plans(first) == ["seed_value"]
    first = between(tmp_path / "a", None, 3)[0]
    assert [fix.of_baseline for fix in first.counterfactuals] == [True]
    assert first.remedy == "give train_test_split at line 5 of train.py the seed 3 as well"
    first = between(tmp_path / "unseeded", 3, None, seeded=False)[0]
    assert first.slug == "unseeded"
    assert "from numpy.random, which nobody had seeded" in texts(first)


def test_no_seed_on_either_side(tmp_path: Path) -> None:
    first = between(tmp_path, None, None, seeded=False)[0]
    assert (first.slug, first.location) == ("unseeded", at(5))
    assert first.summary == f"The values of {NONE} came from numpy.random, which nobody had seeded."
    assert first.remedy == (
        "give train_test_split at line 5 of train.py a seed (random_state=1), "
        "or put  keras.utils.set_random_seed(1)  before it"
    )
    assert plans(first)[0] == "generators"
    assert not [s for s in between(tmp_path / "seeded", None, None) if "train_test_split" in texts(s)]


def drawn(entropy: str, value: int, kind: str, function: str, generator: str) -> Story:
    """`split_dataset` draws a seed for itself, and seeds with it."""
    story = Story(entropy).draw(5, generator, function="random.randint", keras="split_dataset")
    own = {"generator": generator, "function": function, "keras": "split_dataset", "value": value}
    return story.note(kind, 5, **own)


def test_a_seed_that_a_library_drew_for_itself_is_not_one_that_was_given(tmp_path: Path) -> None:
    stories = [drawn(name, seed, "create", STATE, "numpy").training(1) for name, seed in (("a", 3), ("b", 4))]
    suspects = found(two(tmp_path, *stories))
    assert suspects[0].slug == "unseeded"
    assert suspects[0].remedy.startswith("give split_dataset at line 5 of train.py a seed (seed=1), or put")
    assert "different-seed" not in [s.slug for s in suspects]


def test_what_is_drawn_after_a_library_seeded_for_itself(tmp_path: Path) -> None:
    stories = []
    for name, value in (("a", 133), ("b", 552)):
        story = Story(name).draw(5, "python", function="random.randint", keras="split_dataset")
        story.seed(value, 5, function="random.seed", keras="split_dataset")
        stories.append(story.draw(7, "python", function="random.shuffle").training(1))
    suspects = found(two(tmp_path, *stories))
    assert {s.slug for s in suspects if not s.weak} == {"unseeded"}
    assert all("split_dataset at line 5" in s.remedy for s in suspects if not s.weak)


def test_a_library_seeded_the_process_with_other_seeds(tmp_path: Path) -> None:
    stories = []
    for value in (3, 4):
        story = Story().seed(value, 5, function="random.seed", keras="split_dataset")
        stories.append(story.draw(5, "python", function="random.shuffle", keras="split_dataset").training(1))
    first = found(two(tmp_path, *stories))[0]
    assert first.slug == "different-seed"
    assert first.remedy == "give split_dataset one seed on both sides, such as 3"


def test_a_function_is_called_what_the_users_line_calls_it(tmp_path: Path) -> None:
    stories = []
    where = Location(at(5).file, 5, "left, right = keras.utils.split_dataset(data, left_size=0.5, shuffle=True)")
    for name, value in (("a", 133), ("b", 552)):
        one = {"location": where, "keras": "_split_dataset_tf"}
        story = Story(name).draw(5, "python", function="random.randint", **one)
        story.events.append(
            replace(story.events[-1], id=1, kind="seed", function="random.seed", value=value, state=None)
        )
        stories.append(story.training(1))
    first = found(two(tmp_path, *stories))[0]
    assert first.remedy.startswith("give split_dataset at line 5 of train.py a seed (seed=1), or put")


def made(*seeds: int | None, story: Story | None = None, maker: str = "numpy.random.default_rng") -> Story:
    """Line 5 makes a generator of its own for each seed, or without one."""
    story = story or Story()
    takes = "random.Random" if maker == "random.Random" else "secrets.randbits"
    for number, seed in enumerate(seeds):
        if seed is None:
            story.entropy(1000 + number, 5, f"rng = {maker}()", takes)
        else:
            story.note("create", 5, generator="own", function=maker, value=seed)
    return story


def test_a_generator_with_a_seed_on_one_side_alone(tmp_path: Path) -> None:
    first = found(two(tmp_path, made(None).training(1), made(7).training(1)))[0]
    assert (first.slug, first.location and first.location.line) == ("unseeded", 5)
    assert first.summary == "numpy.random.default_rng was given the seed 7 on one side, and none on the other."
    assert [(e.side, e.text.split(" at ")[0]) for e in first.evidence] == [
        ("candidate", "numpy.random.default_rng(7)"),
        ("baseline", "default_rng()"),
    ]
    take = {"function": "secrets.randbits", "code": "rng = numpy.random.default_rng()", "value": 7}
    (fix,) = first.counterfactuals
    assert (fix.of_baseline, fix.transplants) == (True, ({"do": "entropy", "side": "", "takes": [take]},))

    (fix,) = found(two(tmp_path / "turned", made(7).training(1), made(None).training(1)))[0].counterfactuals
    assert (fix.of_baseline, fix.transplants) == (False, ({"do": "entropy", "side": "", "takes": [take]},))


def test_an_older_generator_with_a_seed_on_one_side_alone(tmp_path: Path) -> None:
    first = found(two(tmp_path, made(7, maker=STATE).training(1), made(None, maker=STATE).training(1)))[0]
    assert (first.slug, first.location and first.location.line) == ("unseeded", 5)
    assert first.summary == "numpy.random.RandomState was given the seed 7 on one side, and none on the other."
    assert [(e.side, e.text.split(" at ")[0]) for e in first.evidence] == [
        ("baseline", "numpy.random.RandomState(7)"),
        ("candidate", "RandomState()"),
    ]
    # Its first state is no function of entropy in the place of which the seed could stand.
    take = {"function": STATE, "code": "rng = numpy.random.RandomState()", "value": 7}
    (fix,) = first.counterfactuals
    assert (fix.of_baseline, fix.transplants) == (False, ({"do": "entropy", "side": "", "takes": [take]},))
    alike = two(tmp_path / "alike", made(7, maker=STATE).training(1), made(7, maker=STATE).training(1))
    assert "unseeded" not in slugs(alike)


def test_an_older_generator_under_another_name(tmp_path: Path) -> None:
    def stories(name: str, maker: str) -> list[Suspect]:
        bare = Story().note("entropy", 5, generator="os", function="secrets.randbits", value=3, keras=maker).training(1)
        return found(two(tmp_path / name, made(7, maker=STATE).training(1), bare))

    first = stories("known", STATE)[0]
    assert first.summary == "numpy.random.RandomState was given the seed 7 on one side, and none on the other."
    assert [(e.side, e.location) for e in first.evidence] == [("baseline", at(5)), ("candidate", at(5))]
    # Entropy that something else takes is no generator without its seed.
    assert not [s for s in stories("other", "Model.fit") if "was given the seed 7" in s.summary]


def test_a_generator_of_python_with_a_seed_on_one_side_alone(tmp_path: Path) -> None:
    first = found(two(tmp_path, made(None, maker=PYTHON).training(1), made(3, maker=PYTHON).training(1)))[0]
    assert first.slug == "unseeded"
    assert first.summary == "random.Random was given the seed 3 on one side, and none on the other."
    assert [e.text.split(" at ")[0] for e in first.evidence] == ["random.Random(3)", "random.Random()"]
    take = {"function": PYTHON, "code": "rng = random.Random()", "value": 3}
    (fix,) = first.counterfactuals
    assert (fix.of_baseline, fix.transplants) == (True, ({"do": "entropy", "side": "", "takes": [take]},))


def test_generators_of_python_with_other_seeds(tmp_path: Path) -> None:
    def told(name: str, *seeds: tuple[int, ...]) -> list[Suspect]:
        case = two(tmp_path / name, *(made(*each, maker=PYTHON).training(1) for each in seeds))
        return [s for s in found(case) if s.slug == "different-seed"]

    (only,) = told("one", (4,), (3,))
    assert only.summary == "The two sides seeded random.Random with 4 and 3."
    assert only.remedy == "use one seed:  random.Random(4)"
    line = {"do": "seed_value", "side": "", "file": at(5).file, "line": 5}
    plan = {**line, "value": 4}
    assert [fix.transplants for fix in only.counterfactuals] == [(plan,)]
    (only,) = told("loop", (4, 5, 6), (3, 5, 7))
    assert [fix.transplants for fix in only.counterfactuals] == [({**line, "values": [4, 5, 6]},)]
    assert only.remedy == "use the same seeds:  random.Random(...)  with 4, 5, 6 in turn"
    (only,) = told("one of them", (4, 4), (3, 4))
    assert [fix.transplants for fix in only.counterfactuals] == [(plan,)]
    assert told("alike", (4, 5), (4, 5)) == []


def test_two_generators_of_another_kind_are_not_one_and_the_other(tmp_path: Path) -> None:
    case = two(tmp_path, made(7).training(1), made(None, maker=STATE).training(1))
    assert not [s for s in found(case) if "was given the seed 7" in s.summary]


def test_an_older_generator_without_a_seed_on_either_side(tmp_path: Path) -> None:
    stories = [Story().entropy(value, 5, "rng = RandomState()").training(1) for value in (1, 2)]
    first = found(two(tmp_path, *stories))[0]
    assert first.slug == "unseeded"
    assert first.remedy == "give the generator a seed, such as  numpy.random.RandomState(1)"


def test_generators_of_a_loop_are_one_suspect(tmp_path: Path) -> None:
    case = two(tmp_path, made(3, 4, 5).training(1), made(None, None, None).training(1))
    (first,) = [s for s in found(case) if s.slug == "unseeded"]
    assert [take["value"] for take in first.counterfactuals[0].transplants[0]["takes"]] == [3, 4, 5]


def test_what_is_seeded_alike_or_made_later_is_not_told(tmp_path: Path) -> None:
    def draw(number: int) -> Story:
        return Story().seed(number, generator="numpy").draw(6, "numpy")

    def told(name: str, one: Story, other: Story) -> list[str]:
        return [slug for slug in slugs(two(tmp_path / name, one, other)) if slug == "unseeded"]

    assert told("alike", made(7, story=draw(1)).training(1), made(7, story=draw(2)).training(1)) == []
    later = made(None, story=draw(1).training(1).training(2))
    assert told("later", later, made(7, story=draw(2).training(1).training(2))) == []
    assert told("several", made(None, 7).training(1), made(7).training(1)) == [], "which is meant is not known"


def test_generators_without_a_seed_hide_no_other_seed(tmp_path: Path) -> None:
    first = found(two(tmp_path, made(3, None).training(1), made(4).training(1)))[0]
    assert first.slug == "different-seed"
    assert "numpy.random.default_rng(4) at line 5 of train.py" in texts(first)
