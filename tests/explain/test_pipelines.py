"""Causes in input pipelines: each must speak where it is there, and be silent where it is not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.explain.cases import FILE, Story, at, case_between, found, lines, plans, slugs, texts
from tests.handmade import Change, Training, make_run

from samefit.explain.case import Case, Suspect

REORDERED = (Change("batch"), Change("swap rows"))
SEEDED = [1, 5]
UNSEEDED = [0, 0]


def stage(function: str, number: int = 0, line: int = 5, event: int = -1, **more: Any) -> dict[str, Any]:
    seeds = {"seeds": more.pop("seeds")} if "seeds" in more else {}
    where = {"file": FILE, "line": line, "code": f"dataset.{function}()"}
    made = {"function": function, "number": number, "side": "", "event": event, "location": where}
    beside = {name: more.pop(name) for name in ("alike", "reads") if name in more}
    return {**made, **seeds, **beside, "arguments": more}


def two(tmp_path: Path, *pipelines: list[dict[str, Any]], stories: tuple[Story, Story] | None = None) -> Case:
    runs = []
    for k, pipeline in enumerate(pipelines):
        story = stories[k] if stories else None
        begin = story.begin.get(1, 0) if story else 0
        trainings = [Training(options={"pipeline": pipeline}, location=at(9), begin_event=begin)]
        changes = REORDERED if k else ()
        events, states = (story.events, story.states) if story else ((), None)
        runs.append(make_run(tmp_path / "ab"[k], trainings=trainings, changes=changes, events=events, states=states))
    return case_between(*runs)


def plan(case: Case, which: int = 0) -> Mapping[str, Any]:
    fix = found(case)[0].counterfactuals[which]
    return (*fix.transplants, *fix.both)[0]


def test_another_buffer(tmp_path: Path) -> None:
    pipelines = [[stage("shuffle", 2, buffer_size=n, seed=1, seeds=[1, 1]), stage("batch", 3)] for n in (64, 16)]
    case = two(tmp_path, *pipelines)
    first = found(case)[0]
    assert (first.slug, lines(first), first.location) == ("data-order", [5, 5], first.evidence[1].location)
    assert "buffer_size=64" in texts(first)
    assert first.remedy == "shuffle(..., buffer_size=64)  on both sides"
    assert plan(case) == {"do": "pipeline", "side": "", "call": 2, "arguments": {"buffer_size": 64}}


def test_another_seed(tmp_path: Path) -> None:
    case = two(tmp_path, *[[stage("shuffle", 1, seed=n, seeds=[1, n])] for n in (3, 4)])
    assert found(case)[0].slug == "different-seed"
    assert plan(case)["arguments"] == {"seed": 3}


def test_a_line_that_shuffles_for_each_training_is_given_the_seeds_in_turn(tmp_path: Path) -> None:
    runs = []
    for name, first in (("a", 3), ("b", 7)):
        trainings = [
            Training(options={"pipeline": [stage("shuffle", n, seed=first + n, seeds=[1, first + n])]})
            for n in range(3)
        ]
        runs.append(make_run(tmp_path / name, trainings=trainings, changes=REORDERED if name == "b" else ()))
    first = found(case_between(*runs))[0]
    (fix,) = first.counterfactuals
    assert fix.text == "the seeds 3, 4, 5 there as well"
    assert [(p["call"], p["arguments"]) for p in fix.transplants] == [(n, {"seed": 3 + n}) for n in range(3)]
    assert first.remedy == "shuffle(..., seed=...)  with 3, 4, 5 in turn, on both sides"


def test_a_seed_on_one_side_alone(tmp_path: Path) -> None:
    first = [stage("shuffle", 1, seed=None, seeds=UNSEEDED)], [stage("shuffle", 4, seed=2, seeds=[8, 2])]
    case = two(tmp_path / "1", *first)
    assert found(case)[0].slug == "unseeded"
    assert [p["arguments"] for p in found(case)[0].counterfactuals[0].both] == [{"seed": 2}, {"seed": 2}]
    # With a global seed, the baseline has a seed all the same: TensorFlow drew it.
    case = two(tmp_path / "2", [stage("shuffle", 1, seed=None, seeds=[1, 77])], first[1])
    assert found(case)[0].slug == "different-seed"
    assert plan(case)["arguments"] == {"seed": 77}


def test_other_stages(tmp_path: Path) -> None:
    shuffle, batch = stage("shuffle", seeds=[1, 1], buffer_size=8), stage("batch", 1, 6, batch_size=4)
    case = two(tmp_path, [shuffle, batch], [batch, shuffle])
    first = found(case)[0]
    assert first.slug == "data-order"
    assert "shuffle(buffer_size=8) · batch(batch_size=4)" in texts(first)
    assert first.no_counterfactual


@pytest.mark.parametrize("role", ["candidate", "baseline"])
def test_a_stage_that_one_side_alone_has_is_left_out(tmp_path: Path, role: str) -> None:
    shuffle, cache, batch = stage("shuffle", seeds=[1, 1]), stage("cache", 1), stage("batch", 2, 6, batch_size=4)
    pipelines = [shuffle, batch], [shuffle, cache, batch]
    fix = found(two(tmp_path, *(pipelines if role == "candidate" else pipelines[::-1])))[0].counterfactuals[0]
    assert fix.transplants == ({"do": "leave_out", "side": "", "call": 1},)
    assert fix.of_baseline is (role == "baseline")
    assert fix.text == f"the {role}'s pipeline without cache()"


@pytest.mark.parametrize("alike", [True, False])
def test_a_map_that_one_side_alone_has_is_left_out_if_the_rest_can_do_without(tmp_path: Path, alike: bool) -> None:
    first = found(two(tmp_path, [stage("range")], [stage("range"), stage("map", 1, alike=alike)]))[0]
    assert [fix.text for fix in first.counterfactuals] == ["the candidate's pipeline without map()"] * alike
    assert bool(first.no_counterfactual) is not alike


def reading(value: str, alike: bool = True, line: int | None = 2) -> dict[str, Any]:
    where = None if line is None else {"file": FILE, "line": line, "code": f"SCALE = {value}"}
    return stage("map", 1, alike=alike, reads={"map_func": {"SCALE": {"value": value, "location": where}}})


def of_scale(case: Case) -> list[Suspect]:
    return [suspect for suspect in found(case) if "SCALE" in suspect.summary]


def test_a_function_that_reads_other_values(tmp_path: Path) -> None:
    (first,) = of_scale(two(tmp_path, [reading("2.0")], [reading("3.0")]))
    assert first.summary == "What map calls reads another value on each side: SCALE."
    assert (lines(first), first.location and first.location.line, first.needs_proof) == ([5, 5, 2, 2], 5, True)
    assert [e.text for e in first.evidence[2:]] == [f"SCALE is {value} where map is made" for value in ("2.0", "3.0")]
    assert first.counterfactuals[0].both == ({"do": "leave_out", "side": "", "call": 1},)


def test_a_function_that_reads_other_values_and_cannot_be_left_out(tmp_path: Path) -> None:
    case = two(tmp_path, *[[reading(value, alike=False, line=None)] for value in ("2.0", "3.0")])
    (suspect,) = of_scale(case)
    assert (suspect.weak, suspect.counterfactuals, lines(suspect)) == (True, (), [5, 5, 5, 5])


def test_of_several_values_none_is_called_the_cause(tmp_path: Path) -> None:
    sides = [reading("2.0"), reading("3.0")]
    for side, value in zip(sides, ("'a'", "'b'"), strict=True):
        reads = side["reads"]["map_func"]
        side["reads"]["map_func"] = {"RUN": {"value": value, "location": None}, **reads}
    (suspect,) = of_scale(two(tmp_path, *[[side] for side in sides]))
    assert suspect.summary == "What map calls reads other values on each side: RUN, SCALE."
    assert (suspect.location and suspect.location.line, lines(suspect)[2:6]) == (5, [5, 5, 2, 2])
    assert suspect.evidence[-1].text == "that the sides agree without map does not tell which of these matter"
    assert [fix.text for fix in suspect.counterfactuals] == ["map left out on both sides"]


def test_a_function_that_reads_the_same_is_not_blamed(tmp_path: Path) -> None:
    case = two(tmp_path, [reading("2.0", line=2)], [reading("2.0", line=7)])
    assert of_scale(case) == []


def test_a_function_that_is_other_code_as_well_is_not_left_out(tmp_path: Path) -> None:
    pipelines = [reading(value) for value in ("2.0", "3.0")]
    pipelines[1]["arguments"]["map_func"] = {"is": "f", "code": "0"}
    assert of_scale(two(tmp_path, *[[pipeline] for pipeline in pipelines]))[0].counterfactuals == ()


def test_a_stage_that_makes_something_else_is_not_left_out(tmp_path: Path) -> None:
    shuffle, batch = stage("shuffle", seeds=[1, 1]), stage("batch", 2, 6, batch_size=4)
    assert found(two(tmp_path, [shuffle], [shuffle, batch]))[0].counterfactuals == ()


def test_what_a_user_hands_in_is_not_put_in(tmp_path: Path) -> None:
    case = two(tmp_path, *[[stage("map", map_func={"is": name})] for name in ("one", "other")])
    first = found(case)[0]
    assert first.counterfactuals == ()
    assert first.no_counterfactual == "map_func is an object of your own, which is not changed"


def test_the_seed_of_a_generator_of_torch(tmp_path: Path) -> None:
    case = two(
        tmp_path, *[[stage("DataLoader", shuffle=True, generator={"is": "Generator", "seed": n})] for n in (1, 2)]
    )
    assert found(case)[0].slug == "different-seed"
    assert plan(case)["arguments"] == {"generator": 1}
    assert found(case)[0].remedy == "DataLoader(..., generator=torch.Generator().manual_seed(1))  on both sides"


@pytest.mark.parametrize(("seeded", "slug"), [(True, "different-seed"), (False, "unseeded")])
def test_a_loader_without_a_generator_shuffles_from_torchs_own(tmp_path: Path, seeded: bool, slug: str) -> None:
    story = Story().seed(1, generator="torch") if seeded else Story()
    event = len(story.events) - 1
    generators = (None, {"is": "Generator", "seed": 5})
    pipelines = [[stage("DataLoader", shuffle=True, generator=g, event=event)] for g in generators]
    assert found(two(tmp_path, *pipelines, stories=(story, story)))[0].slug == slug


def shuffle_without_seed(story: Story, **seeds: Any) -> tuple[Story, list[dict[str, Any]]]:
    event = len(story.events) - 1
    story.draw(5, "tensorflow", function="Dataset.shuffle").training(1)
    return story, [stage("shuffle", 1, event=event, seed=None, **seeds)]


def test_a_shuffle_that_nobody_seeded(tmp_path: Path) -> None:
    (a, first), (b, second) = (shuffle_without_seed(Story(name), seeds=UNSEEDED) for name in "ab")
    suspect = found(two(tmp_path, first, second, stories=(a, b)))[0]
    assert suspect.slug == "unseeded"
    assert suspect.location == at(5)
    assert suspect.remedy.startswith("shuffle(..., seed=1)  at line 5 of train.py, or  keras.utils.set_random_seed(1)")
    assert plans(suspect) == ["seed_first both"]


def test_a_shuffle_behind_another_draw(tmp_path: Path) -> None:
    a, first = shuffle_without_seed(Story().seed(1, generator="tensorflow"), seeds=[1, 5])
    other = Story().seed(1, generator="tensorflow").draw(4, "tensorflow")
    b, second = shuffle_without_seed(other, seeds=[1, 6])
    suspect = found(two(tmp_path, first, second, stories=(a, b)))[0]
    assert suspect.slug == "generator-advanced"
    assert 4 in lines(suspect)
    assert plans(suspect) == ["generators"]


def test_one_dataset_for_two_trainings(tmp_path: Path) -> None:
    options = {"pipeline": [stage("shuffle", 1, seed=1, seeds=[1, 1])]}
    trainings = [Training((4,), model=n, options=options, location=at(8 + n)) for n in (1, 2)]
    changes = (Change("batch", step=4), Change("swap rows", step=4))
    run = make_run(tmp_path / "run", trainings=trainings, changes=changes)
    case = case_between(run, run, trainings=([1], [2]))
    first = found(case)[0]
    assert first.slug == "generator-advanced"
    assert plan(case)["arguments"] == {"reshuffle_each_iteration": False}
    assert 9 in lines(first)


def test_parallel_calls_have_to_be_proven(tmp_path: Path) -> None:
    pipeline = [stage("map", 2, num_parallel_calls=4), stage("batch", 3)]
    suspects = [s for s in found(two(tmp_path, pipeline, pipeline)) if s.slug == "data-race"]
    assert [s.needs_proof for s in suspects] == [True]
    assert plans(suspects[0]) == ["pipeline both"]


@pytest.mark.parametrize("pipeline", [[], [stage("shuffle", seed=1, seeds=[1, 1]), stage("batch", 1)]])
def test_equal_pipelines_say_nothing(tmp_path: Path, pipeline: list[dict[str, Any]]) -> None:
    case = two(tmp_path, pipeline, pipeline)
    assert slugs(case)[0] == "data-order"
    assert "arrives" not in found(case)[0].summary
    assert not [s for s in found(case) if "pipeline" in s.summary or "shuffle" in s.summary]


def test_not_given_is_as_good_as_no(tmp_path: Path) -> None:
    case = two(tmp_path, *[[stage("DataLoader", shuffle=given)] for given in (None, False)])
    assert not [s for s in found(case) if "pipelines differ" in s.summary]


def test_another_sampler_is_another_order(tmp_path: Path) -> None:
    case = two(tmp_path, *[[stage("DataLoader", sampler=given)] for given in (None, {"is": "RandomSampler"})])
    first = found(case)[0]
    assert (first.slug, first.counterfactuals) == ("data-order", ())
    assert "sampler=RandomSampler" in texts(first)
