"""What is run to judge steps of two backends from equal state, and what is made of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.checks.later import Later
from tests.handmade import Change, dense, make_run, met
from tests.insides import LOSS, ONES, Seen, look

from samefit.checks.execution import Execution
from samefit.checks.pair import Pair, Part
from samefit.checks.parity import Measured, measure_parity
from samefit.comparison.parity import Batches, BatchGap
from samefit.errors import TargetFailed
from samefit.store.reader import Run

LAYERS = [dense(2, 3)]
OFF = ONES * np.float32(1 + 2e-7)
FAR = ONES * np.float32(1.1)
Output = Callable[[str, str], np.ndarray[Any, Any]]


class Bench:
    """Stands in for the workshop: the re-runs are made by hand, and saw what `output(run, look)` says."""

    def __init__(
        self, tmp_path: Path, output: Output, fails: str = "", perturbed: Mapping[str, Change] | None = None
    ) -> None:
        self.started: dict[str, Execution] = {}
        self._tmp_path, self._output, self._fails, self._changes = tmp_path, output, fails, perturbed or {}

    def run(self, *executions: tuple[Execution, str]) -> list[Run]:
        return [self._one(execution, name) for execution, name in executions]

    def _one(self, execution: Execution, name: str) -> Run:
        name = f"{name}-2" if name in self.started else name
        self.started[name] = execution
        if name == self._fails:
            raise TargetFailed("the script failed", 1)
        changes = [self._changes[name]] if name in self._changes else []
        manifest = {"transplants": met(execution.options.get("transplants", ()))}
        run = make_run(self._tmp_path / name, layers=LAYERS, changes=changes, manifest=manifest)
        begin = run.arrays("initial-1")
        assert begin is not None
        for item in execution.options["looks"]:
            output = self._output(name, item["name"])
            dtype = np.float64 if "float64" in name else np.float32
            calls = [Seen("Dense", 0, output.astype(dtype)), replace(LOSS, output=dtype(0.5))]
            written = item["name"] or str(item["step"])
            look(run, calls, step=item["step"], name=written, before=begin)
        return run

    def begin(self, execution: Execution, name: str) -> Later:
        return Later(lambda: self.run((execution, name))[0])

    def say(self, text: str) -> None:
        pass


def measured(
    tmp_path: Path,
    output: Output,
    *changes: Change,
    backend: str = "torch",
    batches: Batches | None = None,
    **options: Any,
) -> tuple[Measured | None, Bench]:
    a = make_run(tmp_path / "a", layers=LAYERS)
    loss = Change("loss", 1, value=a.step(1).logs["loss"] + 1e-6, lasting=False)
    manifest = {"backend": backend}
    b = make_run(tmp_path / "b", layers=LAYERS, changes=changes or [loss], manifest=manifest)
    pair = Pair(Part(a), Part(b), Execution(()), Execution(()))
    bench = Bench(tmp_path, output, **options)
    return measure_parity(pair, pair.compared(), bench, batches), bench  # type: ignore[arg-type]


def rounding(run: str, name: str) -> np.ndarray[Any, Any]:
    return OFF if run == "parity-b" or name.endswith("-moved") else ONES


def pooling(run: str, name: str) -> np.ndarray[Any, Any]:
    return FAR if run in ("parity-b", "parity-float64-b", "parity-float64-b-2") else ONES


def test_the_candidate_begins_with_the_state_that_the_baseline_had(tmp_path: Path) -> None:
    found, bench = measured(tmp_path, rounding)
    assert found is not None
    assert [(step.step, step.why) for step in found.parity.steps] == [(2, "first"), (8, "last")]
    a, b = bench.started["parity-a"].options, bench.started["parity-b"].options
    assert [(look["step"], look["name"], look["perturb"]) for look in a["looks"]] == [
        (1, "", False),
        (1, "1-moved", True),
        (7, "", False),
        (7, "7-moved", True),
    ]
    # Those of the envelope.
    assert sorted(a["keep_states"]) == sorted(b["keep_states"]) == [0, 1, 3, 7]
    arrays = tmp_path / "parity-a" / "arrays"
    first, last = b["looks"]
    assert (first["state"], last["state"]) == (f"{arrays}/inside-1.safetensors", f"{arrays}/inside-7.safetensors")
    assert first["gradients"] == f"{arrays}/inside-1.safetensors"
    assert first["batch"] == ""
    assert first["pairs"]["dense/kernel"] == "dense/kernel"
    assert (a["stop_after"], b["stop_after"]) == (8, 8)


def test_what_is_equal(tmp_path: Path) -> None:
    found, _ = measured(tmp_path, rounding)
    assert found is not None
    assert (found.parity.start, found.parity.order, found.parity.masks) == (True, True, None)
    assert (found.parity.is_rounding, found.samples) == (True, [1, 2, 4, 8])


LOSS_APART = Change("loss", 1)


def test_a_batch_that_was_not_seen_is_not_called_equal(tmp_path: Path) -> None:
    found, _ = measured(tmp_path, rounding, LOSS_APART, Change("no batch", 4))
    assert found is not None
    assert found.parity.order is None


def test_a_batch_that_differs_is_said_though_another_was_not_seen(tmp_path: Path) -> None:
    found, _ = measured(tmp_path, rounding, LOSS_APART, Change("no batch", 4), Change("batch", 6))
    assert found is not None
    assert found.parity.order is False


def test_a_start_that_is_not_known_is_not_called_equal(tmp_path: Path) -> None:
    variables = make_run(tmp_path / "other", layers=LAYERS).layouts[0]
    unreadable = [Change("unreadable", -1, path=variable.path) for variable in variables]
    found, _ = measured(tmp_path, rounding, LOSS_APART, *unreadable)
    assert found is not None
    assert found.parity.start is None


def test_only_the_first_step_is_run_in_float64_if_no_other_is_doubtful(tmp_path: Path) -> None:
    _, bench = measured(tmp_path, rounding)
    wide = bench.started["parity-float64-b"]
    assert [look["step"] for look in wide.options["looks"]] == [1]
    assert (wide.environment, wide.options["stop_after"]) == ({"JAX_ENABLE_X64": "1"}, 2)
    assert wide.options["transplants"] == [{"do": "global", "side": "", "floatx": "float64", "wide": True}]
    # Both sides begin with the state that the baseline had in float32.
    states = [bench.started[f"parity-float64-{side}"].options["looks"][0]["state"] for side in "ab"]
    assert states == [str(tmp_path / "parity-a" / "arrays" / "inside-1.safetensors")] * 2


def test_another_function_is_found_in_every_step(tmp_path: Path) -> None:
    found, bench = measured(tmp_path, pooling)
    assert found is not None
    # The later step, after the first one had been.
    assert [look["step"] for look in bench.started["parity-float64-b-2"].options["looks"]] == [7]
    assert [step.verdict for step in found.parity.steps] == ["logic", "logic"]
    assert found.parity.beyond is not None
    assert found.parity.beyond[1].path == "dense"


def test_a_script_that_cannot_run_in_float64_is_judged_without(tmp_path: Path) -> None:
    found, _ = measured(tmp_path, rounding, fails="parity-float64-a")
    assert found is not None
    assert (found.parity.is_rounding, found.parity.is_proven) == (True, False)


def test_a_script_that_cannot_run_again_is_not_judged(tmp_path: Path) -> None:
    found, _ = measured(tmp_path, rounding, fails="parity-b")
    assert found is not None
    assert (found.parity.steps, found.parity.is_rounding) == ((), None)
    assert found.parity.failed == "a re-run failed: the script failed"


def test_another_batch_is_no_equal_state(tmp_path: Path) -> None:
    found, _ = measured(tmp_path, rounding, perturbed={"parity-b": Change("batch", 7)})
    assert found is not None
    assert [step.failed for step in found.parity.steps] == ["", "the two got other batches when they ran again"]
    assert found.parity.is_rounding is None


OWN_BATCH = Change("batch", 7)


def test_a_step_with_a_batch_of_its_own_is_taken_with_that_of_the_baseline(tmp_path: Path) -> None:
    found, bench = measured(tmp_path, pooling, LOSS_APART, OWN_BATCH, perturbed={"parity-b": OWN_BATCH})
    assert found is not None
    assert [(step.is_handed, step.failed) for step in found.parity.steps] == [(False, ""), (True, "")]
    looks = [bench.started[name].options["looks"][-1] for name in ("parity-b", "parity-float64-b-2")]
    # In float64 that is the batch which the baseline has there.
    whose = ("parity-a", "parity-float64-a-2")
    assert [look["batch"] for look in looks] == [f"{tmp_path}/{run}/arrays/inside-7.safetensors" for run in whose]


@pytest.mark.parametrize(("gap", "order"), [(1e-7, True), (0.5, None), (math.inf, False)])
def test_whether_batches_that_differ_are_in_order_is_as_they_were_judged(
    tmp_path: Path, gap: float, order: bool | None
) -> None:
    batches = Batches(1, 7, (BatchGap(7, 0, gap, 1.2e-7),))
    found, _ = measured(tmp_path, rounding, LOSS_APART, Change("batch", 6), batches=batches)
    assert found is not None
    assert (found.parity.order, found.parity.batches) == (order, batches)


def test_one_backend_is_not_asked(tmp_path: Path) -> None:
    found, bench = measured(tmp_path, rounding, backend="jax")
    assert found is None
    assert not bench.started
