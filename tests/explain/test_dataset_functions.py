"""Pipelines that a function of a library puts together: what it was given is told, in place of what it made of that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.explain.cases import Story, at, case_between, found, lines, plans, texts
from tests.explain.test_pipelines import stage, two
from tests.handmade import Change, Training, make_run

FUNCTION = "timeseries_dataset_from_array"


def made(*stages: dict[str, Any], within: str = FUNCTION, **given: Any) -> list[dict[str, Any]]:
    """A line calls a function, which makes stages."""
    where = vars(at(5))
    return [{**each, "location": where, "within": within, "given": given} for each in stages]


def test_what_no_option_of_a_stage_tells_is_told_by_the_function(tmp_path: Path) -> None:
    case = two(
        tmp_path,
        *(made(stage("range", args={"is": [n]}), stage("skip", count=n), sampling_rate=n, format="tf") for n in (1, 2)),
    )
    suspects = [s for s in found(case) if not s.weak]
    first = suspects[0]
    assert first.summary == f"{FUNCTION} was given sampling_rate=1 on one side and sampling_rate=2 on the other."
    assert lines(first) == [5, 5, 5, 5]
    assert first.location == first.evidence[0].location
    assert "format" not in texts(first)
    assert first.remedy == f"{FUNCTION}(..., sampling_rate=1)  on both sides"
    assert first.counterfactuals == ()
    assert first.no_counterfactual
    assert len([s for s in suspects if FUNCTION in s.summary]) == 1, "one call is one cause"


def test_stages_that_can_be_given_what_the_others_have_are_given_it_together(tmp_path: Path) -> None:
    case = two(
        tmp_path,
        *(
            made(stage("shuffle", 1, buffer_size=8 * n, seed=1, seeds=[1, 1]), stage("batch", 2, batch_size=n), size=n)
            for n in (16, 32)
        ),
    )
    (fix,) = found(case)[0].counterfactuals
    assert fix.text == "buffer_size=128 there as well, and batch_size=16 there as well"
    assert [plan["arguments"] for plan in fix.transplants] == [{"buffer_size": 128}, {"batch_size": 16}]


def test_a_stage_less_does_not_show_what_a_function_made_of_its_arguments(tmp_path: Path) -> None:
    """It may have shuffled by itself before."""
    shuffle, batch = stage("shuffle", 3, seed=1, seeds=[1, 1], alike=True), stage("batch", 4, batch_size=8)
    case = two(tmp_path, made(batch, shuffle=False), made(shuffle, batch, shuffle=True))
    first = found(case)[0]
    assert first.remedy == f"{FUNCTION}(..., shuffle=False)  on both sides"
    assert (first.counterfactuals, first.no_counterfactual != "") == ((), True)


def test_the_same_stages_of_other_arguments(tmp_path: Path) -> None:
    case = two(tmp_path, *(made(stage("map"), stage("batch", 1), size=n, labels="inferred") for n in (8, 9)))
    (told,) = [s for s in found(case) if FUNCTION in s.summary]
    assert (told.slug, told.weak) == ("data-order", True), "it may have nothing to do with it"
    assert told.summary == f"{FUNCTION} was given size=8 on one side and size=9 on the other."
    alike = two(tmp_path / "alike", *(made(stage("map"), size=8) for _ in range(2)))
    assert not [s for s in found(alike) if FUNCTION in s.summary]


def test_long_pipelines_are_told_by_where_they_differ(tmp_path: Path) -> None:
    alike = [stage("map", n) for n in range(9)]
    case = two(tmp_path, [*alike, stage("batch", 9)], [*alike, stage("cache", 9), stage("batch", 10)])
    told = [e.text for e in found(case)[0].evidence]
    assert told == ["map() · 7 more alike · map() · batch()", "map() · 7 more alike · map() · cache() · batch()"]


def test_a_seed_goes_to_all_that_the_function_shuffles_with(tmp_path: Path) -> None:
    stories = [
        Story().note("create", 5, generator="own", function="numpy.random.RandomState", keras=FUNCTION, value=seed)
        for seed in (3, 4)
    ]
    pipelines = [made(stage("shuffle", 2, seed=n, seeds=[1, n]), seed=n) for n in (3, 4)]
    first = found(two(tmp_path / "own", *pipelines, stories=(stories[0].training(1), stories[1].training(1))))[0]
    assert (first.slug, plans(first)) == ("different-seed", ["pipeline seed_value"])
    assert first.remedy == f"give {FUNCTION} one seed on both sides, such as 3"
    first = found(two(tmp_path / "stage", *pipelines))[0]
    assert (first.slug, plans(first)) == ("different-seed", ["pipeline"])


def test_a_function_in_a_loop_is_given_its_seeds_in_turn(tmp_path: Path) -> None:
    runs = []
    for name, first in (("a", 3), ("b", 7)):
        story = Story()
        for seed in (first, first + 1):
            story.note("create", 5, generator="own", function="numpy.random.RandomState", keras=FUNCTION, value=seed)
        trainings = [
            Training(
                options={"pipeline": made(stage("shuffle", n, seed=first + n, seeds=[1, first + n]), seed=first + n)}
            )
            for n in range(2)
        ]
        trainings = [replace(training, begin_event=2) for training in trainings]
        changes = (Change("batch"), Change("swap rows")) if name == "b" else ()
        runs.append(make_run(tmp_path / name, trainings=trainings, changes=changes, events=story.events))
    (fix,) = found(case_between(*runs))[0].counterfactuals[:1]
    assert [(plan.get("arguments") or plan.get("values")) for plan in fix.transplants] == [
        {"seed": 3},
        {"seed": 4},
        [3, 4],
    ]


def test_what_the_users_own_line_makes_is_told_as_it_is(tmp_path: Path) -> None:
    for name, pipelines in {
        "own": [[stage("batch", batch_size=n)] for n in (2, 4)],
        "alike": [made(stage("batch", batch_size=n), size=1) for n in (2, 4)],
        "others": [made(stage("batch", batch_size=n), within=f"of_{n}", size=n) for n in (2, 4)],
    }.items():
        assert found(two(tmp_path / name, *pipelines))[0].remedy == "batch(..., batch_size=2)  on both sides"
