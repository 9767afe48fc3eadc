"""Which steps are judged, and how the gap of whole trainings is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from tests.handmade import Change, Training, make_run

from samefit.comparison.envelope import envelope, judged_steps, sampled_steps
from samefit.comparison.pairing import Pairing
from samefit.store.reader import Run

EPOCHS = Training((8, 8))
BY_BATCH = Training((16,), kind="train_on_batch")


def paired(a: Run, b: Run) -> Pairing:
    return Pairing(a, b, a.trainings, b.trainings)


def apart(tmp_path: Path, training: Training, *gaps: tuple[int, float]) -> Pairing:
    """Returns two sides whose logged losses differ by so much at these 0-based steps."""
    a = make_run(tmp_path / "a", trainings=[training])
    losses = {step: a.step(step).logs["loss"] for step, _ in gaps}
    changes = [Change("loss", step, value=losses[step] + gap, lasting=False) for step, gap in gaps]
    return paired(a, make_run(tmp_path / "b", trainings=[training], changes=changes))


def test_the_first_the_fastest_growth_and_the_last(tmp_path: Path) -> None:
    gaps = (1, 1e-5), (2, 2e-5), (9, 1e-2), (10, 2e-2)
    steps = judged_steps(apart(tmp_path, BY_BATCH, *gaps), 2)
    assert steps == [(2, "first"), (9, "before growth"), (10, "growth"), (16, "last")]


def test_of_a_mean_over_the_epoch_the_loss_of_the_batch_is_taken(tmp_path: Path) -> None:
    # The mean goes on differing by what one batch did; at step 9 an epoch begins, and with it the mean of one batch.
    gaps = (5, 1e-4), (6, 1e-2), (7, 1e-2 * 7 / 8), (8, 1e-2)
    steps = judged_steps(apart(tmp_path, EPOCHS, *gaps), 6)
    assert steps == [(6, "first"), (7, "growth"), (16, "last")]


def test_noise_of_the_mean_is_no_growth(tmp_path: Path) -> None:
    steps = judged_steps(apart(tmp_path, BY_BATCH, (3, 1e-9), (9, 2e-8)), 4)
    assert steps == [(4, "first"), (16, "last")]


def test_a_loss_that_is_no_number_is_left_out(tmp_path: Path) -> None:
    assert judged_steps(apart(tmp_path, BY_BATCH, (3, float("nan"))), 4) == [(4, "first"), (16, "last")]


@pytest.mark.parametrize(
    ("steps", "affordable", "expected"),
    [
        (1, 9, [1]),
        (2, 9, [1, 2]),
        (45, 99, [1, 2, 4, 8, 16, 32, 45]),
        (45, 4, [1, 4, 16, 45]),
        (45, 0, [1, 45]),
    ],
)
def test_steps_after_which_weights_are_compared(steps: int, affordable: int, expected: list[int]) -> None:
    assert sampled_steps(steps, affordable) == expected


def keep(run: Run, step: int, offset: float) -> None:
    before = run.arrays("initial-1")
    assert before is not None
    arrays = {path: np.asarray(value + np.float32(offset)) for path, value in before.items()}
    save_file(arrays, run.path / "arrays" / f"state-{step}.safetensors")


def test_the_envelope(tmp_path: Path) -> None:
    pairing = apart(tmp_path, BY_BATCH, (0, 1e-6), (2, 3e-6), (3, 2e-6))
    own = paired(pairing.run_a, make_run(tmp_path / "moved", trainings=[BY_BATCH]))
    for step in (0, 3):
        keep(pairing.run_a, step, 0.0)
        keep(pairing.run_b, step, 0.5 * (step + 1))
        keep(own.run_b, step, 0.25)
    first, second, last = envelope(pairing, own, [1, 4, 16])
    assert first.loss == pytest.approx(1e-6, rel=1e-3)
    # The largest since the sample before, not the last.
    assert second.loss == pytest.approx(3e-6, rel=1e-3)
    assert (first.floor_loss, last.loss) == (0.0, 0.0)
    assert set(first.weights) >= {"dense/kernel", "batchnormalization/moving_mean"}
    assert second.weights["dense/kernel"] == pytest.approx(4 * first.weights["dense/kernel"], rel=1e-4)
    assert first.floor_weights is not None
    assert first.floor_weights == pytest.approx(max(first.weights.values()) / 2, rel=1e-4)
    assert last.weights == {}


def test_weights_that_are_zero_on_one_side_have_a_finite_gap(tmp_path: Path) -> None:
    pairing = apart(tmp_path, BY_BATCH, (0, 1e-6))
    before = pairing.run_a.arrays("initial-1")
    assert before is not None
    for run, value in ((pairing.run_a, 0.0), (pairing.run_b, 0.5)):
        arrays = {path: np.full_like(array, value) for path, array in before.items()}
        save_file(arrays, run.path / "arrays" / "state-0.safetensors")
    (sample,) = envelope(pairing, None, [1])
    assert {*sample.weights.values()} == {1.0}


def test_without_the_moved_baseline_there_is_no_floor(tmp_path: Path) -> None:
    (sample,) = envelope(apart(tmp_path, BY_BATCH, (0, 1e-6)), None, [16])
    assert (sample.floor_loss, sample.floor_weights) == (None, None)
