"""Causes of a divergence at the stage `data`: each must speak where it is there, and be silent where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.explain.cases import OTHER, REORDERED, Story, at, case_between, found, plans, slugs, texts, two
from tests.handmade import Change, Training, make_run

from samefit.explain.case import Case
from samefit.store.records import generator_digest
from samefit.types import Samples


def training(**options: Any) -> Training:
    return Training(options={"batch_size": 32, **options}, location=at(9))


# -- options of fit -----------------------------------------------------------------------------------------------


def test_an_option_of_fit_that_orders_the_data(tmp_path: Path) -> None:
    case = two(tmp_path, None, None, options=({"shuffle": True}, {"shuffle": False}))
    first = found(case)[0]
    assert first.slug == "data-order"
    assert "fit(shuffle=True) at line 9 of train.py" in texts(first)
    assert "shuffle=False" in texts(first)
    assert first.location == at(9)
    assert "shuffle=True" in first.remedy
    assert plans(first) == ["fit"]
    assert first.counterfactuals[0].transplants[0]["arguments"] == {"shuffle": True}


def test_another_split_is_other_content(tmp_path: Path) -> None:
    case = two(tmp_path, None, None, options=({}, {"validation_split": 0.25}))
    assert slugs(case)[0] == "data-content"
    assert found(case)[0].counterfactuals[0].transplants[0]["arguments"] == {"validation_split": 0.0}


@pytest.mark.parametrize(
    "candidate", [{"shuffle": True}, {"batch_size": 32}, {"validation_split": 0.0}, {"shuffle": True, "epochs": 2}]
)
def test_a_default_that_is_written_out_is_no_difference(tmp_path: Path, candidate: dict[str, Any]) -> None:
    a = make_run(tmp_path / "a", trainings=[Training(options={})])
    b = make_run(tmp_path / "b", trainings=[Training(options=candidate)], changes=OTHER)
    assert not [s for s in found(case_between(a, b)) if "batch the data" in s.summary]


ARRAYS = {"x": {"type": "ndarray", "digest": "xx", "shape": [128, 4]}, "rows": "01"}
ITERATORS = {
    "generator": {"x": {"type": "generator"}, "steps_per_epoch": 4},
    "dataset": {"x": {"type": "_BatchDataset"}},
    "loader": {"x": {"type": "DataLoader", "batch_size": 16, "num_workers": 0}},
    "ordered": {"x": {"type": "Batches", "workers": 1, "use_multiprocessing": False}, "shuffle": False},
}


@pytest.mark.parametrize("arrays_first", [True, False])
@pytest.mark.parametrize("kind", ITERATORS)
def test_arrays_that_are_shuffled_against_an_iterator(tmp_path: Path, kind: str, arrays_first: bool) -> None:
    sides = ({**ARRAYS, "batch_size": 16}, {**ITERATORS[kind], "batch_size": None})
    options = sides if arrays_first else (sides[1], sides[0])
    case = two(tmp_path, None, None, REORDERED, options=options)
    suspects = found(case)
    assert not [s for s in suspects if "batch the data differently" in s.summary]
    first = suspects[0]
    role = "baseline" if arrays_first else "candidate"
    assert first.slug == "data-order"
    assert first.summary.startswith(f"fit of the {role} shuffles its arrays")
    (fix,) = first.counterfactuals
    assert fix.transplants == ({"do": "fit", "training": 1, "arguments": {"shuffle": False}},)
    assert fix.of_baseline is arrays_first


def test_arrays_against_a_dataset_whose_batches_fit_shuffles_as_well(tmp_path: Path) -> None:
    own = {"x": {"type": "Batches", "workers": 1, "use_multiprocessing": False}}
    first = found(two(tmp_path, None, None, REORDERED, options=(ARRAYS, own)))[0]
    assert first.slug == "data-order"
    assert first.counterfactuals[0].both == ({"do": "fit", "training": 1, "arguments": {"shuffle": False}},)


@pytest.mark.parametrize(
    ("shuffle", "samples"), [(False, Samples.REORDERED), (True, Samples.OTHER), (True, Samples.BATCHED_OTHERWISE)]
)
def test_arrays_against_an_iterator_where_the_shuffle_explains_nothing(
    tmp_path: Path, shuffle: bool, samples: Samples
) -> None:
    case = two(tmp_path, None, None, REORDERED, options=({**ARRAYS, "shuffle": shuffle}, ITERATORS["generator"]))
    case = replace(case, divergence=replace(case.divergence, samples=samples))
    assert not [s for s in found(case) if "shuffles its arrays" in s.summary or "batch the data" in s.summary]


@pytest.mark.parametrize("line", [None, 12])
def test_a_fit_that_shuffles_against_a_loop_of_the_users(tmp_path: Path, line: int | None) -> None:
    """Where the loop draws an order of its own, without the shuffle the two would differ all the same."""
    plain, drawing = (Story().seed(1, generator="numpy") for _ in "ab")
    if line is not None:
        drawing.draw(line, "numpy", function="numpy.random.permutation")
    swapped = [Change("batch", 0), Change("batch", 1), Change("swap rows", 0)]
    runs = []
    for name, story, training, changes in (
        ("a", plain, Training((4, 4), options=ARRAYS, location=at(9)), []),
        ("b", drawing, Training((8,), kind="train_on_batch", options=ARRAYS, location=at(10)), swapped),
    ):
        story.training(1)
        more = {"events": story.events, "states": story.states, "changes": changes}
        runs.append(make_run(tmp_path / name, trainings=[replace(training, begin_event=story.begin[1])], **more))
    first = next(s for s in found(case_between(*runs)) if "shuffles its arrays" in s.summary)
    assert (first.slug, first.location) == ("data-order", at(line or 9))
    assert first.summary.endswith("a loop of the candidate hands over its batches in an order of its own.")
    assert plans(first) == (["fit"] if line is None else [])
    assert bool(first.no_counterfactual) is (line is not None)


def test_an_option_of_the_dataset_cannot_be_put_in(tmp_path: Path) -> None:
    options = tuple({"x": {"type": "Batches", "batch_size": size}} for size in (16, 32))
    first = found(two(tmp_path, None, None, options=options))[0]
    assert (first.slug, first.counterfactuals) == ("data-order", ())
    assert "x(batch_size=16)" in texts(first)
    assert "your own" in first.no_counterfactual


def test_workers_of_a_dataset_are_put_in(tmp_path: Path) -> None:
    options = tuple({"x": {"type": "Batches", "workers": number}} for number in (1, 4))
    first = found(two(tmp_path, None, None, options=options))[0]
    assert first.slug == "data-order"
    plan = {"do": "dataset", "training": 1, "attributes": {"workers": 1}}
    assert first.counterfactuals[0].transplants == (plan,)


def test_a_run_without_a_ledger_is_no_failure(tmp_path: Path) -> None:
    for backend in ("jax", "tensorflow", "torch"):
        case = two(tmp_path / backend, None, None, manifest=({"backend": backend}, {"backend": backend}))
        assert slugs(case)[-1] == "data-content"


def test_an_unseeded_shuffle_of_tensorflow(tmp_path: Path) -> None:
    stories = [Story(name).training(1).draw(9, "tensorflow", "shuffle of fit #1") for name in "ab"]
    tensorflow = {"backend": "tensorflow"}
    first = found(two(tmp_path, *stories, REORDERED, manifest=(tensorflow, tensorflow)))[0]
    assert first.slug == "unseeded"
    assert first.location == at(9)


def test_a_seeded_shuffle_of_tensorflow_is_not_blamed(tmp_path: Path) -> None:
    stories = [
        Story(name).seed(1, generator="tensorflow").training(1).draw(9, "tensorflow", "shuffle of fit #1")
        for name in "ab"
    ]
    tensorflow = {"backend": "tensorflow"}
    assert slugs(two(tmp_path, *stories, manifest=(tensorflow, tensorflow))) == ["data-content"]


# -- draws of the user's own lines ------------------------------------------------------------------------------


def noise(line: int | None, *, within: bool = True) -> Story:
    """A side whose own line draws noise for its batches, or for its arrays before; every side draws its data."""
    story = Story().seed(1, generator="numpy").draw(5, "numpy")
    if line is not None and not within:
        story.draw(line, "numpy", function="numpy.random.normal")
    story.training(1).epoch(0)
    if line is not None and within:
        story.draw(line, "numpy", function="numpy.random.normal")
    return story


@pytest.mark.parametrize("role", ["baseline", "candidate"])
@pytest.mark.parametrize("within", [True, False])
def test_a_line_that_draws_on_one_side_alone_is_told(tmp_path: Path, role: str, within: bool) -> None:
    sides = [noise(None), noise(12, within=within)]
    last = found(two(tmp_path, *(sides if role == "candidate" else reversed(sides))))[-1]
    assert (last.slug, last.location) == ("data-content", at(12))
    when = "while the training ran" if within else "before the training"
    told = f"numpy.random.normal draws at line 12 of train.py {when}, and no line of the other side does so"
    assert [e.side for e in last.evidence if e.text == told] == [role]


def test_a_line_that_draws_on_both_sides_is_not_told(tmp_path: Path) -> None:
    last = found(two(tmp_path, noise(12), noise(12)))[-1]
    assert "no line of the other side" not in texts(last)
    # The same draw from the same state, on a line that was written otherwise.
    last = found(two(tmp_path / "otherwise", noise(12), noise(13)))[-1]
    assert "no line of the other side" not in texts(last)


def test_a_line_whose_first_draw_both_sides_have_is_told_by_what_else_it_draws(tmp_path: Path) -> None:
    """X and y permuted by one permutation, or each by its own."""
    one, other = (Story().seed(1, generator="numpy") for _ in "ab")
    one.draw(12, "numpy")
    other.draw(13, "numpy").draw(13, "numpy")
    last = found(two(tmp_path, one.training(1).epoch(0), other.training(1).epoch(0)))[-1]
    told = [(e.side, e.location) for e in last.evidence if "no line of the other side" in e.text]
    assert told == [("candidate", at(13))]


def test_a_line_with_the_text_of_another_one_is_told(tmp_path: Path) -> None:
    def drawing(*lines: int) -> Story:
        story = Story().seed(1, generator="numpy")
        for line in lines:
            story.draw(line, "numpy", location=replace(at(12), line=line))
        return story.training(1).epoch(0)

    last = found(two(tmp_path, drawing(12, 20, 12, 20), drawing(14, 14)))[-1]
    told = [(e.side, e.location and e.location.line) for e in last.evidence if "no line of the other side" in e.text]
    assert told == [("baseline", 20)]
    last = found(two(tmp_path / "same", drawing(12, 20, 12), drawing(14, 22, 22)))[-1]
    assert "no line of the other side" not in texts(last)


def of_one_process(tmp_path: Path, story: Story) -> Case:
    """Two sides of one process, of which the second gets other samples."""
    trainings = [
        Training(side=side, model=number, location=at(8 + number), begin_event=story.begin[number])
        for number, side in ((1, "a"), (2, "b"))
    ]
    changes = [Change("batch", 8), Change("rows", 8)]
    run = make_run(tmp_path / "run", trainings=trainings, events=story.events, states=story.states, changes=changes)
    return case_between(run, run, sides=("a", "b"))


def one_process(tmp_path: Path, *states: bytes) -> Case:
    """Each side begins with a generator of the script in that state."""
    story = Story()
    for number, (name, state) in enumerate(zip("ab", states, strict=True), start=1):
        story.side(name).note("state", generator="own", function="RNG", value="numpy.Generator", state=state)
        story.training(number).end()
    return of_one_process(tmp_path, story)


def made_by_the_first(tmp_path: Path, module: str, state: bytes, first: bytes | None) -> Case:
    """A generator is there when the second side begins, and was not when the first one did."""
    key = f"own:{module}:RNG"
    story = Story().side("a").training(1).end().side("b")
    for later in (b"", b" on"):
        story.note("state", generator="own", function="RNG", component=key, state=generator_digest(state + later))
    story.states["side:b"] |= {key: state} | ({f"first:{key}": first} if first is not None else {})
    return of_one_process(tmp_path, story.training(2).end())


def test_a_generator_of_the_scripts_own_that_had_been_drawn_from(tmp_path: Path) -> None:
    first = found(one_process(tmp_path, b"1" * 16, b"2" * 16))[0]
    assert (first.slug, first.location, plans(first)) == ("generator-advanced", at(2), ["alone"])
    assert "RNG (numpy.Generator) is in another state" in texts(first)


def test_a_generator_of_the_scripts_own_that_is_as_it_was(tmp_path: Path) -> None:
    case = one_process(tmp_path, b"1" * 16, b"1" * 16)
    assert slugs(case) == ["state-carried-over", "data-content"]
    last = found(case)[0]
    assert (last.weak, plans(last)) == (True, ["alone"])


def test_a_generator_that_the_first_side_has_made_in_a_module_of_both(tmp_path: Path) -> None:
    """It is noted when the second side imports that module, and again when it imports another one."""
    first = found(made_by_the_first(tmp_path, "common", b"moved", b"seeded"))[0]
    assert (first.slug, first.location, plans(first)) == ("generator-advanced", at(2), ["alone"])


@pytest.mark.parametrize(
    ("module", "state", "first"),
    [("common", b"seeded", b"seeded"), ("common", b"moved", None), ("__main__", b"moved", b"seeded")],
    ids=["not drawn from", "it does not tell its seed", "of the script, which is gone"],
)
def test_a_generator_that_the_first_side_has_made_is_no_cause(
    tmp_path: Path, module: str, state: bytes, first: bytes | None
) -> None:
    assert "generator-advanced" not in slugs(made_by_the_first(tmp_path, module, state, first))


def one_script(
    tmp_path: Path, states: Sequence[tuple[bytes, bytes]], firsts: tuple[bytes, bytes] | None = (b"0", b"0")
) -> Case:
    """Two trainings of one script, each of which begins with generators of the script in these states."""
    story = Story()
    for number in (1, 2):
        kept = {}
        for name, pair in zip(("RNG", "LOG"), states, strict=False):
            key = f"own:__main__:{name}"
            told = {"function": name, "component": key, "value": "numpy.Generator", "state": pair[number - 1]}
            story.note("state", training=number, generator="own", **told)
            kept |= {key: pair[number - 1]} | ({f"first:{key}": firsts[number - 1]} if firsts else {})
        story.training(number).end()
        story.states[f"training:{number}"] |= kept
    trainings = [Training(model=number, location=at(8 + number), begin_event=story.begin[number]) for number in (1, 2)]
    changes = [Change("batch", 8), Change("rows", 8)]
    run = make_run(tmp_path / "run", trainings=trainings, events=story.events, states=story.states, changes=changes)
    return case_between(run, run, trainings=((1,), (2,)))


MOVED, SAME = (b"1" * 16, b"2" * 16), (b"1" * 16, b"1" * 16)


def test_a_generator_of_the_scripts_own_that_the_training_before_had_drawn_from(tmp_path: Path) -> None:
    first = found(one_script(tmp_path, [MOVED]))[0]
    assert (first.slug, first.location) == ("generator-advanced", at(2))
    put_back, anew = (fix.transplants[0] for fix in first.counterfactuals)
    assert (put_back["training"], put_back["states"]) == (2, {"own:__main__:RNG": (b"1" * 16).hex()})
    assert anew == {"do": "anew", "after": 1, "keys": ["own:__main__:RNG"]}


def test_a_generator_that_does_not_know_its_seed_is_only_put_back(tmp_path: Path) -> None:
    first = found(one_script(tmp_path, [MOVED], None))[0]
    assert [fix.transplants[0]["do"] for fix in first.counterfactuals] == ["generators"]


def test_each_generator_is_a_suspect_of_its_own(tmp_path: Path) -> None:
    moved = [s for s in found(one_script(tmp_path, [MOVED, MOVED])) if s.slug == "generator-advanced"]
    assert [s.summary.split(",")[0] for s in moved] == ["RNG", "LOG"]
    assert [[*s.counterfactuals[0].transplants[0]["states"]] for s in moved] == [
        ["own:__main__:RNG"],
        ["own:__main__:LOG"],
    ]


def test_a_generator_that_was_made_anew_with_another_seed(tmp_path: Path) -> None:
    first = found(one_script(tmp_path, [MOVED], (b"3", b"4")))[0]
    assert (first.slug, len(first.counterfactuals)) == ("different-seed", 1)
    assert first.remedy == "make RNG with the same seed for both"


def test_a_generator_that_stands_the_same_for_both_trainings_is_no_suspect(tmp_path: Path) -> None:
    assert {"generator-advanced", "different-seed"}.isdisjoint(slugs(one_script(tmp_path, [SAME])))


# -- the whole process --------------------------------------------------------------------------------------------


def test_a_side_of_one_process_is_first_of_all_run_alone(tmp_path: Path) -> None:
    story = Story().side("a").seed(1, generator="numpy")
    story.training(1).epoch(0).draw(9, "numpy", "shuffle of fit #1", count=3).end()
    story.side("b").training(2).epoch(0).draw(10, "numpy", "shuffle of fit #2")
    trainings = [
        Training(side=side, model=number, location=at(8 + number), begin_event=story.begin[number])
        for number, side in ((1, "a"), (2, "b"))
    ]
    run = make_run(
        tmp_path / "run",
        trainings=trainings,
        events=story.events,
        states=story.states,
        changes=[Change("batch", 8), Change("rows", 8)],
    )
    case = case_between(run, run, sides=("a", "b"))
    assert (case.same_process, case.separable) == (True, True)
    first = found(case)[0]
    assert first.slug == "generator-advanced"
    assert "3 draws: shuffle of fit #1" in texts(first)
    assert "alone" in plans(first)


def test_hash_seeds_of_two_processes(tmp_path: Path) -> None:
    random = {"hash_seed": "random"}
    case = two(tmp_path, None, None, manifest=(random, random))
    suspect = found(case)[0]
    assert suspect.slug == "environment"
    assert suspect.counterfactuals[0].environment_both == {"PYTHONHASHSEED": "0"}
    fixed = {"hash_seed": "0"}
    assert slugs(two(tmp_path / "fixed", None, None, manifest=(fixed, fixed))) == ["data-content"]


# -- the form of targets ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "said"), [([96, 1], True), ([96], False)])
def test_targets_of_another_shape(tmp_path: Path, shape: list[int], said: bool) -> None:
    described = [{"type": "ndarray", "digest": d, "shape": s} for d, s in (("aa", [96]), ("bb", shape))]
    runs = [
        make_run(
            tmp_path / name,
            trainings=[Training(options={"y": y}, location=at(9))],
            changes=[Change("loss")] if name == "b" else (),
        )
        for name, y in zip("ab", described, strict=True)
    ]
    suspects = [s for s in found(case_between(*runs)) if "The targets are of shape (96,) and (96, 1)" in s.summary]
    assert [(s.slug, s.needs_proof, plans(s)) for s in suspects] == (
        [("data-content", True, ["keep data"])] if said else []
    )
