"""A candidate that runs alone agrees whatever was carried in the process: that confirms no suspect that is refuted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.checks.test_confirm import Bench
from tests.explain.cases import OTHER, Story, at
from tests.handmade import Change, Training, make_run

from samefit.checks.confirm import confirmed_causes
from samefit.checks.execution import Execution
from samefit.checks.pair import Pair, Part
from samefit.comparison.result import Cause
from samefit.launch.target import Target
from samefit.store.reader import Run

OTHER_OF_CANDIDATE = [Change(change.what, 8) for change in OTHER]
"""The candidate's training is the second one of the run."""


def story(data_from: str) -> Story:
    """One seed for both functions; each takes its data from a generator, and is shuffled by NumPy's."""
    told = Story().seed(1, 3, "numpy")
    for number, side in ((1, "a"), (2, "b")):
        told.side(side)
        if data_from == "own":
            state = bytes([number]) * 16
            told.note("state", generator="own", function="RNG", value="numpy.Generator", state=state)
        if data_from == "numpy":
            told.draw(5, "numpy", function="numpy.random.normal")
        told.training(number).epoch(0).draw(9, "numpy", f"shuffle of fit #{number}", count=2).end()
    return told


def causes_of(tmp_path: Path, data_from: str, *reruns: bool) -> tuple[tuple[Cause, ...], list[str]]:
    """Returns the causes, and what was tried: `reruns` tells which of the first agree; alone, the candidate does."""
    told = story(data_from)
    trainings = [
        Training(
            side=side,
            model=number,
            location=at(9),
            begin_event=told.begin[number],
            options={"batch_size": 32, "x": {"digest": f"x{number}"}},
        )
        for number, side in ((1, "a"), (2, "b"))
    ]

    def made(name: str, changes: Sequence[Change]) -> Run:
        return make_run(tmp_path / name, trainings=trainings, events=told.events, states=told.states, changes=changes)

    run = made("run", OTHER_OF_CANDIDATE)
    execution = Execution(tuple((name, Target("function", "x.py", "x.py", function=name)) for name in "ab"))
    pair = Pair(Part(run, "a"), Part(run, "b"), execution, execution)
    again = [made(f"again-{n}", () if agrees else OTHER_OF_CANDIDATE) for n, agrees in enumerate(reruns)]
    alone = make_run(tmp_path / "alone", trainings=[Training(side="b", location=at(9), options=trainings[0].options)])
    bench, said = Bench(*again, alone), list[str]()
    found = confirmed_causes(pair, pair.compared(), bench, said.append)  # type: ignore[arg-type]
    return found.causes, said


def test_a_shuffle_that_put_back_changes_nothing_is_not_confirmed_by_running_alone(tmp_path: Path) -> None:
    found, said = causes_of(tmp_path, "own", False, False)
    assert [(cause.slug, cause.confirmed, "RNG" in cause.summary) for cause in found] == [
        ("generator-advanced", True, True)
    ]
    assert "run alone" in found[0].counterfactual
    assert len(said) == 3


def test_the_draw_of_the_data_is_put_back_before_the_candidate_runs_alone(tmp_path: Path) -> None:
    found, said = causes_of(tmp_path, "numpy", False, False, True)
    assert (found[0].slug, found[0].confirmed) == ("generator-advanced", True)
    assert "numpy.random.normal" in found[0].summary
    assert "right before" in found[0].counterfactual
    assert "alone" not in "".join(said[:3])
