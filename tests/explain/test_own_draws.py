"""Causes in what the user's own code draws: each must speak where it is there, and be silent where it is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.explain.cases import REORDERED, Story, at, case_between, found, lines, plans, slugs, texts, two
from tests.handmade import Change, Training, make_run

from samefit.explain.case import Case
from samefit.types import Location


def test_the_users_own_draw(tmp_path: Path) -> None:
    a = Story().seed(1, generator="numpy").draw(5, "numpy", function="numpy.random.normal").training(1)
    b = Story().seed(1, generator="numpy").draw(4, "numpy", function="numpy.random.uniform")
    b.draw(5, "numpy", function="numpy.random.normal").training(1)
    first = found(two(tmp_path, a, b))[0]
    assert first.slug == "generator-advanced"
    assert "the values of numpy.random.normal" in texts(first)
    assert first.location == at(5)
    plan = first.counterfactuals[0].transplants[0]
    assert (plan["at"], plan["draw"]) == ("draw", 1)
    assert plan["states"] == {"numpy": a.states["draw::numpy:0"]["numpy"].hex()}


def test_the_users_own_draw_before_the_seed(tmp_path: Path) -> None:
    stories = [
        Story(name).draw(5, "numpy", function="numpy.random.normal").seed(1, 6, "numpy").training(1) for name in "ab"
    ]
    first = found(two(tmp_path, *stories))[0]
    assert first.slug == "seed-too-late"
    assert "before line 5 of train.py:  x = numpy.random.normal(size=(96, 4))" in first.remedy
    assert lines(first) == [5, 6]
    assert plans(first)[0] == "seed_first both"


def epochs(story: Story, *extra: int) -> Story:
    """A dataset that draws from line 5 at the end of each epoch, after a draw of something else in some of them."""
    story.training(1)
    for epoch in range(3):
        story.epoch(epoch)
        if epoch in extra:
            story.draw(6, "numpy", function="numpy.random.randint")
        story.draw(5, "numpy", function="numpy.random.shuffle")
    return story


def test_what_is_drawn_between_epochs(tmp_path: Path) -> None:
    a, b = epochs(Story().seed(1, generator="numpy")), epochs(Story().seed(1, generator="numpy"), 0, 1)
    first = found(two(tmp_path, a, b, (Change("batch", 4), Change("rows", 4))))[0]
    assert first.slug == "generator-advanced"
    assert first.location == at(5)
    assert 6 in lines(first)
    assert first.remedy == "let line 6 of train.py draw from a generator of its own:  numpy.random.default_rng(1)"
    fix = first.counterfactuals[0]
    assert fix.text == "numpy.random put back right before line 5 of train.py, each time"
    assert [plan["draw"] for plan in fix.transplants] == [1, 3, 4]


def test_what_both_sides_draw_in_the_training_needs_no_generator_of_its_own(tmp_path: Path) -> None:
    def told(*before: int) -> Story:
        story = Story().seed(1, generator="numpy")
        for line in before:
            story.draw(line, "numpy", function="numpy.random.rand")
        story.training(1).draw(6, "numpy", function="numpy.random.normal")
        return story.epoch(0).draw(9, "numpy", "shuffle of fit #1", function="numpy.random.permutation")

    first = found(two(tmp_path, told(), told(4), REORDERED))[0]
    assert first.slug == "generator-advanced"
    assert first.remedy.startswith("put  keras.utils.set_random_seed(1)  before line 9 of train.py")


def test_what_is_drawn_after_the_epoch_does_not_count(tmp_path: Path) -> None:
    a, b = epochs(Story().seed(1, generator="numpy")), epochs(Story().seed(1, generator="numpy"), 2)
    suspects = found(two(tmp_path, a, b, (Change("batch", 4), Change("rows", 4))))
    assert not [s for s in suspects if "numpy.random.shuffle" in texts(s)]


def loop(tmp_path: Path, *changes: Change, look_after: int) -> Case:
    """A loop of `train_on_batch` draws a batch for each step; the candidate draws once more after one of the steps."""
    runs = []
    for name in ("a", "b"):
        story = Story().seed(1, generator="numpy")
        for step in range(4):
            if step == 1:
                story.training(1).end()
            story.draw(5, "numpy", function="numpy.random.normal")
            if name == "b" and step == look_after:
                story.draw(6, "numpy", function="numpy.random.normal")
        own = Training(steps=(4,), kind="train_on_batch", location=at(9), begin_event=story.begin[1])
        changed = changes if name == "b" else ()
        runs.append(
            make_run(tmp_path / name, trainings=[own], events=story.events, states=story.states, changes=changed)
        )
    return case_between(*runs)


def test_what_is_drawn_between_two_steps_of_a_loop(tmp_path: Path) -> None:
    first = found(loop(tmp_path, Change("batch", 2), Change("rows", 2), Change("generator", 2, "numpy"), look_after=1))[
        0
    ]
    assert first.slug == "generator-advanced"
    assert first.location == at(5)
    assert 6 in lines(first)
    assert first.remedy == "let line 6 of train.py draw from a generator of its own:  numpy.random.default_rng(1)"
    assert [plan["draw"] for plan in first.counterfactuals[0].transplants] == [3, 4]


def test_what_a_loop_draws_after_the_step_does_not_count(tmp_path: Path) -> None:
    suspects = found(loop(tmp_path, Change("batch", 2), Change("rows", 2), look_after=2))
    assert not [s for s in suspects if s.slug == "generator-advanced"]


@pytest.mark.parametrize("counts", [((3, 2), (2, 3)), ((2, 1, 2), (2, 3))])
def test_draws_are_paired_by_how_often_their_line_had_drawn(tmp_path: Path, counts: Any) -> None:
    stories = []
    for own in counts:
        story = Story().seed(1, generator="numpy")
        for count in own:
            story.draw(5, "numpy", function="numpy.random.normal", count=count)
        stories.append(story.training(1))
    assert not [s for s in found(two(tmp_path, *stories)) if s.slug == "generator-advanced"]


def test_the_seed_of_a_generator_of_the_users_own(tmp_path: Path) -> None:
    stories = []
    for seed in (3, 4):
        stories.append(Story().note("create", 5, generator="own", function="numpy.random.default_rng", value=seed))
        stories[-1].training(1)
    first = found(two(tmp_path, *stories))[0]
    assert (first.slug, first.location) == ("different-seed", at(5))
    assert first.summary == "The two sides seeded numpy.random.default_rng with 3 and 4."
    plan = {"do": "seed_value", "side": "", "file": at(5).file, "line": 5, "value": 3}
    assert first.counterfactuals[0].transplants == (plan,)
    assert not [s for s in found(two(tmp_path / "same", stories[0], stories[0])) if s.slug == "different-seed"]


@pytest.mark.parametrize("seeds", [((0, 1, 2), (10, 11, 12)), ((0, 1, 2), (0, 5, 5)), ((0, 1), (0, 5, 6))])
def test_seeds_of_a_loop_are_given_in_turn(tmp_path: Path, seeds: tuple[tuple[int, ...], ...]) -> None:
    stories = []
    for own in seeds:
        stories.append(Story().seed(1, generator="numpy"))
        for seed in own:
            stories[-1].seed(seed, 5, generator="numpy", function="numpy.random.seed").draw(7, "numpy")
        stories[-1].training(1)
    first = found(two(tmp_path, *stories))[0]
    assert first.slug == "different-seed"
    plan = {"do": "seed_value", "side": "", "file": at(5).file, "line": 5, "values": [*seeds[0]]}
    assert first.counterfactuals[0].transplants == (plan,)
    assert first.remedy == f"use the same seeds:  numpy.random.seed(...)  with {str([*seeds[0]])[1:-1]} in turn"


def test_a_line_that_makes_generators_in_a_loop_is_one_suspect(tmp_path: Path) -> None:
    stories = [Story(), Story()]
    for story, seed in zip(stories, (0, 100), strict=True):
        for epoch in range(3):
            story.note("create", 5, generator="own", function="numpy.random.default_rng", value=seed + epoch)
        story.training(1)
    (only,) = [s for s in found(two(tmp_path, *stories)) if s.slug == "different-seed"]
    assert only.counterfactuals[0].transplants[0]["values"] == [0, 1, 2]
    assert only.counterfactuals[0].text == "the seeds 0, 1, 2 at line 5 of train.py as well"


def test_a_generator_that_took_entropy(tmp_path: Path) -> None:
    stories = [Story().entropy(value).training(1) for value in (11, 12)]
    first = found(two(tmp_path, *stories))[0]
    assert (first.slug, first.location) == ("unseeded", at(5))
    assert "took entropy from the operating system" in texts(first)
    take = {"function": "secrets.randbits", "code": at(5).code, "value": 11}
    assert first.counterfactuals[0].transplants[0] == {"do": "entropy", "side": "", "takes": [take]}


def test_one_of_python_is_given_a_seed_of_its_own_kind(tmp_path: Path) -> None:
    def story(value: int) -> Story:
        return Story().note("entropy", 5, generator="os", function="random.Random", value=value).training(1)

    first = found(two(tmp_path, story(11), story(12)))[0]
    assert (first.slug, first.remedy) == ("unseeded", "give the generator a seed, such as  random.Random(1)")
    assert "random.Random() took entropy from the operating system" in texts(first)


def test_a_generator_that_a_dataset_makes_for_each_sample(tmp_path: Path) -> None:
    stories = []
    for first in (11, 21):
        story = Story().entropy(3, 4, "unused = default_rng()").training(1)
        for value in range(first, first + 4):
            story.entropy(value)
        stories.append(story.end())
    suspect = found(two(tmp_path, *stories))[0]
    assert (suspect.slug, suspect.location) == ("unseeded", at(5))
    takes = [{"function": "secrets.randbits", "code": at(5).code, "value": value} for value in range(11, 15)]
    assert suspect.counterfactuals[0].transplants == ({"do": "entropy", "side": "", "takes": takes},)


def test_what_a_dataset_draws_after_a_training_within_the_training(tmp_path: Path) -> None:
    stories = []
    for value in (11, 21):
        story = Story().training(1).epoch(0).note("training", value=2)
        stories.append(story.entropy(value).epoch(1).entropy(value + 1).end())
    first = found(two(tmp_path, *stories))[0]
    assert (first.slug, first.location) == ("unseeded", at(5))


def test_what_a_library_draws_while_it_is_imported_is_not_the_users(tmp_path: Path) -> None:
    line = Location(at(3).file, 3, "import keras")
    stories = [Story(name).draw(3, "numpy", location=line).training(1) for name in "ab"]
    assert slugs(two(tmp_path, *stories)) == ["data-content"]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ((11, 11), "rng = numpy.random.default_rng()"),
        ((11, 12), "rng = numpy.random.RandomState(3)"),
        ((11, 12), "import tensorflow"),
    ],
)
def test_entropy_that_shapes_nothing(tmp_path: Path, values: tuple[int, int], code: str) -> None:
    stories = [Story().entropy(value, 5, code).training(1) for value in values]
    assert slugs(two(tmp_path, *stories)) == ["data-content"]
