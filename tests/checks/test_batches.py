"""What is run to look at batches of other bits, and what becomes of the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from tests.checks.later import Later
from tests.handmade import Change, dense, make_run, met

from samefit.checks import confirm
from samefit.checks.batches import measure_batches
from samefit.checks.confirm import Found, confirmed_causes
from samefit.checks.execution import Execution
from samefit.checks.pair import Pair, Part
from samefit.comparison.parity import Batches, BatchGap
from samefit.errors import TargetFailed
from samefit.store.reader import Run

X = np.linspace(-1, 1, 8, dtype=np.float32)
NEAR, GROWN, SCALED = X * np.float32(1 + 2e-7), X * np.float32(1 + 1e-4), X * np.float32(1.001)


def others(*steps: int) -> list[Change]:
    return [Change(what, step, lasting=False) for step in steps for what in ("batch", "rows")]


OTHER = others(2, 5)


class Bench:
    """Stands in for the workshop: the re-runs kept `batches[name]` at each step, or fail where there is none."""

    room: int | None = None
    """How many batches a re-run has kept; None for all."""

    def __init__(self, tmp_path: Path, batches: Mapping[str, Any]) -> None:
        self.started: dict[str, Execution] = {}
        self._tmp_path, self._batches = tmp_path, batches

    def begin(self, execution: Execution, name: str) -> Later:
        self.started[name] = execution
        return Later(lambda: self._run(name))

    def _run(self, name: str) -> Run:
        if name not in self._batches:
            raise TargetFailed("the script failed", 1)
        manifest = {"transplants": met(self.started[name].options.get("transplants", ()))}
        run = make_run(self._tmp_path / name, manifest=manifest)
        for look in self.started[name].options["looks"][: self.room]:
            save_file({"batch/0": self._batches[name]}, run.path / "arrays" / f"inside-{look['step']}.safetensors")
        return run

    def say(self, text: str) -> None:
        pass


def pair_of(tmp_path: Path, *changes: Change, backend: str = "torch") -> Pair:
    layers = [dense(2, 3)]
    a = make_run(tmp_path / "a", layers=layers)
    b = make_run(tmp_path / "b", layers=layers, changes=changes, manifest={"backend": backend})
    return Pair(Part(a), Part(b), Execution(()), Execution(()))


def measured(pair: Pair, bench: Bench) -> Batches | None:
    return measure_batches(pair, pair.compared(), bench)  # type: ignore[arg-type]


def test_batches_that_differ_by_some_units_are_rounding(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"batches-a": X, "batches-b": NEAR})
    found = measured(pair_of(tmp_path, *OTHER), bench)
    assert found is not None
    assert (found.differ, found.first, found.verdict) == (2, 3, "rounding")
    assert [gap.step for gap in found.gaps] == [3, 6]
    # Nothing else had to run, and nothing after the last of them.
    assert [*bench.started] == ["batches-a", "batches-b"]
    options = bench.started["batches-b"].options
    assert [(look["step"], look["batch_only"]) for look in options["looks"]] == [(2, True), (5, True)]
    assert options["stop_after"] == 6


def test_batches_that_a_re_run_has_not_kept_are_not_judged(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"batches-a": X, "batches-b": NEAR})
    bench.room = 1
    found = measured(pair_of(tmp_path, *OTHER), bench)
    assert found is not None
    assert ([gap.step for gap in found.gaps], found.missing, found.verdict) == ([3], 1, "undecided")


def test_a_gap_that_goes_away_in_float64_is_rounding(tmp_path: Path) -> None:
    wide = X.astype(np.float64)
    bench = Bench(
        tmp_path,
        {"batches-a": X, "batches-b": GROWN, "batches-float64-a": wide, "batches-float64-b": wide * (1 + 1e-14)},
    )
    found = measured(pair_of(tmp_path, *OTHER), bench)
    assert found is not None
    assert [gap.verdict for gap in found.gaps] == ["proven", "proven"]
    assert found.verdict == "rounding"
    assert bench.started["batches-float64-a"].environment == {"JAX_ENABLE_X64": "1"}
    assert "batches-moved" not in bench.started


def test_another_scale_stays_in_float64(tmp_path: Path) -> None:
    wide = X.astype(np.float64)
    bench = Bench(
        tmp_path, {"batches-a": X, "batches-b": SCALED, "batches-float64-a": wide, "batches-float64-b": wide * 1.001}
    )
    found = measured(pair_of(tmp_path, *OTHER), bench)
    assert found is not None
    assert found.verdict == "logic"


@pytest.mark.parametrize(("moved", "verdict"), [(GROWN, "rounding"), (NEAR, "logic")])
def test_without_float64_the_baseline_from_moved_weights_decides(tmp_path: Path, moved: Any, verdict: str) -> None:
    bench = Bench(tmp_path, {"batches-a": X, "batches-b": GROWN, "batches-moved": moved})
    found = measured(pair_of(tmp_path, *OTHER), bench)
    assert found is not None
    assert found.verdict == verdict
    assert bench.started["batches-moved"].transplants == [{"do": "perturb", "training": 1}]


def test_without_any_of_them_it_is_not_decided(tmp_path: Path) -> None:
    found = measured(pair_of(tmp_path, *OTHER), Bench(tmp_path, {"batches-a": X, "batches-b": GROWN}))
    assert found is not None
    assert found.verdict == "undecided"


def test_a_script_that_cannot_run_again_is_not_looked_at(tmp_path: Path) -> None:
    found = measured(pair_of(tmp_path, *OTHER), Bench(tmp_path, {}))
    assert found is not None
    assert (found.verdict, found.failed) == ("undecided", "a re-run failed: the script failed")


@pytest.mark.parametrize(
    ("changes", "backend"),
    [
        ((Change("loss", 1),), "torch"),
        (OTHER, "jax"),
        # An order is known without a look at the values.
        ((Change("batch", 1), Change("swap rows", 1)), "torch"),
    ],
)
def test_what_is_not_looked_at(tmp_path: Path, changes: Sequence[Change], backend: str) -> None:
    bench = Bench(tmp_path, {})
    assert measured(pair_of(tmp_path, *changes, backend=backend), bench) is None
    assert not bench.started


def test_of_many_steps_some_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samefit.checks.batches._MOST", 3)
    bench = Bench(tmp_path, {"batches-a": X, "batches-b": NEAR})
    found = measured(pair_of(tmp_path, *others(*range(8))), bench)
    assert found is not None
    assert (found.differ, [gap.step for gap in found.gaps]) == (8, [1, 4, 8])


def causes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gap: BatchGap) -> Found:
    monkeypatch.setattr(confirm, "measure_batches", lambda *_: Batches(2, 3, (gap, replace(gap, step=6))))
    pair = pair_of(tmp_path, *OTHER)
    return confirmed_causes(pair, pair.compared(), Bench(tmp_path, {}), lambda text: None)  # type: ignore[arg-type]


def test_rounding_is_the_cause_of_batches_that_differ_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (cause,) = causes(tmp_path, monkeypatch, BatchGap(3, 0, 1e-7, 1.2e-7)).causes
    assert (cause.slug, cause.confirmed) == ("rounding", False)
    assert "2 batches of other bits, from step 3 on: computed on each side" in cause.evidence[0].text


@pytest.mark.parametrize("wide", [1e-3, None])
def test_other_data_stay_the_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wide: float | None) -> None:
    (cause,) = causes(tmp_path, monkeypatch, BatchGap(3, 0, 1e-3, 1.2e-7, wide, True)).causes
    assert cause.slug.startswith("data-")
    assert "at step 3 they differ" in cause.evidence[-1].text
