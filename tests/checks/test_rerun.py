"""What a re-run changes on each side, and what it gives the baseline again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.checks.test_confirm import Bench, run_of
from tests.handmade import Training, make_run

from samefit.checks.execution import Execution
from samefit.checks.pair import Pair, Part
from samefit.checks.rerun import again as run_again
from samefit.checks.rerun import unchanged
from samefit.explain.case import STANDS_IN, Counterfactual
from samefit.launch.target import Target


def test_a_baseline_that_runs_again_keeps_the_weights_that_the_candidate_has_from_it(tmp_path: Path) -> None:
    plan = {"do": "weights", "training": 2, "from": "a", "arrays": "initial-1", "pairs": {"theirs": "mine"}}
    pair = Pair(Part(run_of(tmp_path / "a")), Part(run_of(tmp_path / "b")), Execution(()), Execution(()))
    pair = replace(pair, execution_b=pair.execution_b.with_transplants([plan]))
    shuffled = {"do": "fit", "training": 1, "arguments": {"shuffle": False}}
    both = Counterfactual("", both=(shuffled,))
    bench = Bench(*(run_of(tmp_path / name) for name in "cdef"))
    for _ in range(2):
        again = run_again(pair, both, bench, lambda comparison: False)  # type: ignore[arg-type]
        assert isinstance(again, Pair)
        pair = again
    for execution in (bench.executions[0], bench.executions[2]):
        found = [item for item in execution.options["transplants"] if item["do"] == "weights"]
        assert found == [{**plan, "training": 1, "pairs": {"mine": "mine"}}]


SEEDS = {"do": "seeds", "side": "", "values": {"0": 11}, STANDS_IN: True}
STATES = {"do": "generators", "at": "training", "training": 1, "states": {"numpy": "00"}, STANDS_IN: True}
ENTROPY = {"do": "entropy", "side": "", "takes": []}
SEEDED = Counterfactual("", both=({"do": "seed_first", "seed": 1},))


def pair_with(path: Path, *plans: Mapping[str, Any]) -> Pair:
    """Returns a pair whose candidate has taken something from the baseline."""
    a, b = Part(run_of(path / "a")), Part(run_of(path / "b"))
    return Pair(a, b, Execution(()), Execution(()).with_transplants(plans))


def test_a_seed_on_both_sides_takes_the_place_of_what_stood_in_for_one(tmp_path: Path) -> None:
    bench = Bench(run_of(tmp_path / "c"), run_of(tmp_path / "d"))
    pair = pair_with(tmp_path, SEEDS, ENTROPY)
    assert isinstance(run_again(pair, SEEDED, bench, lambda comparison: False), Pair)  # type: ignore[arg-type]
    seed = SEEDED.both[0]
    assert [execution.transplants for execution in bench.executions] == [[seed, ENTROPY], [ENTROPY, seed]]


def test_an_unchanged_baseline_gets_what_it_had_without_a_seed(tmp_path: Path) -> None:
    bench = Bench(run_of(tmp_path / "c"), run_of(tmp_path / "d"))
    plans = [SEEDS, STATES, ENTROPY]
    assert isinstance(unchanged(pair_with(tmp_path, *plans), SEEDED, bench), Pair)  # type: ignore[arg-type]
    assert [execution.transplants for execution in bench.executions] == [plans, plans]


def test_what_is_counted_in_another_script_is_not_handed_to_the_baseline(tmp_path: Path) -> None:
    bench = Bench(run_of(tmp_path / "c"), run_of(tmp_path / "d"))
    pair = pair_with(tmp_path, SEEDS, STATES, ENTROPY)
    sides = (("", Target("script", "other.py", "other.py")),)
    pair = replace(pair, execution_b=replace(pair.execution_b, sides=sides))
    assert isinstance(unchanged(pair, SEEDED, bench), Pair)  # type: ignore[arg-type]
    assert bench.executions[0].transplants == [ENTROPY]


KEEP = Counterfactual("", ({"do": "weights", "from": "", "arrays": "state-3"},), keep=3)


def test_what_the_baseline_holds_in_the_middle_of_its_training_is_kept_in_a_rerun(tmp_path: Path) -> None:
    pair = Pair(Part(run_of(tmp_path / "a")), Part(run_of(tmp_path / "b")), Execution(()), Execution(()))
    kept = run_of(tmp_path / "kept")
    bench = Bench(kept, run_of(tmp_path / "again"))
    assert isinstance(run_again(pair, KEEP, bench, lambda comparison: False), Pair)  # type: ignore[arg-type]
    first, second = (execution.options for execution in bench.executions)
    assert (first["keep_states"], first["stop_after"]) == ([3], 4)
    assert second["transplants"] == [{"do": "weights", "from": str(kept.path), "arrays": "state-3"}]


def test_a_process_that_holds_both_sides_keeps_it_for_itself(tmp_path: Path) -> None:
    execution = Execution(
        tuple((name, Target("function", "x.py", "x.py", function=name)) for name in "ab"), options={"keep_states": (1,)}
    )
    run = run_of(tmp_path / "a")
    pair = Pair(Part(run, "a"), Part(run, "b"), execution, execution)
    for others in (pair, replace(pair, execution_b=replace(execution))):
        bench = Bench(run_of(tmp_path / f"again-{others is pair}"))
        assert isinstance(run_again(others, KEEP, bench, lambda comparison: False), Pair)  # type: ignore[arg-type]
        assert bench.executions[0].options["keep_states"] == [1, 3]
        assert bench.executions[0].options["transplants"][0]["from"] == ""


@pytest.mark.parametrize("same_process", [False, True])
def test_what_the_candidate_holds_may_be_put_into_the_baseline(tmp_path: Path, same_process: bool) -> None:
    if same_process:
        execution = Execution(tuple((name, Target("function", "x.py", "x.py", function=name)) for name in "ab"))
        trainings = [Training(side="a"), Training(side="b", model=2)]
        run = make_run(tmp_path / "run", trainings=trainings)
        pair = Pair(Part(run, "a"), Part(run, "b"), execution, execution)
        again = make_run(tmp_path / "again", trainings=trainings)
    else:
        pair = Pair(Part(run_of(tmp_path / "a")), Part(run_of(tmp_path / "b")), Execution(()), Execution(()))
        again = run_of(tmp_path / "again")
    kept = run_of(tmp_path / "kept")
    bench = Bench(kept, again)
    found = run_again(pair, replace(KEEP, of_baseline=True), bench, lambda comparison: False)  # type: ignore[arg-type]
    assert isinstance(found, Pair)
    assert (found.a.run, found.b) == (again, pair.b)
    assert found.execution_a.options["transplants"][0]["from"] == str(kept.path)
    first, second = (execution.options for execution in bench.executions)
    assert (first["keep_states"], first["stop_after"]) == ([3], 4)
    assert "keep_states" not in second
