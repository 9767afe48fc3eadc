"""What is known of the samples where batches differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.comparison.places import compared, detail
from tests.handmade import Change, Training, make_run

from samefit.comparison import compare
from samefit.types import Samples


def test_the_same_samples_in_another_order(tmp_path: Path) -> None:
    result = compared(tmp_path, Change("batch", 0), Change("swap rows", 0))
    assert detail(result) == "the same 128 samples in another order"
    assert "content of the data" in result.equal
    assert "batches" not in result.equal


def test_other_samples(tmp_path: Path) -> None:
    result = compared(tmp_path, Change("batch", 0), Change("rows", 0))
    assert detail(result) == "other samples or values"
    assert "content of the data" not in result.equal


def test_an_epoch_that_is_not_whole_is_judged_by_the_data_of_fit(tmp_path: Path) -> None:
    for options in ({"rows": "ab"}, {"x": {"rows": "ab"}}):
        trainings = [Training(options=options)]
        a = make_run(tmp_path / str(len(options)) / f"a{'x' in options}", trainings=trainings)
        b = make_run(
            tmp_path / f"b{'x' in options}",
            trainings=[Training((4, 2), options=options)],
            changes=[Change("batch", 4), Change("rows", 4)],
        )
        assert detail(compare(a, b)) == "the same samples in another order"


def arrays(digest: str, rows: str, **more: object) -> dict[str, object]:
    return {"x": {"type": "ndarray", "digest": digest, "rows": rows}, "rows": rows, "batch_size": 32, **more}


def test_other_arrays_are_other_samples_also_in_an_epoch_that_was_cut_off(tmp_path: Path) -> None:
    a = make_run(tmp_path / "a", trainings=[Training((6,), status="stopped", options=arrays("aa", "01"))])
    for name, more in (("b", {}), ("more", {"batch_size": 16})):
        b = make_run(
            tmp_path / name,
            trainings=[Training((6,), status="stopped", options=arrays("bb", "02"))],
            changes=[Change("batch"), Change("rows")],
            **more,
        )
        first = compare(a, b).first_divergence
        assert first is not None
        assert first.samples is Samples.OTHER


@pytest.mark.parametrize("number", [128, 256])
def test_equal_arrays_that_are_converted_are_not_in_another_order(tmp_path: Path, number: int) -> None:
    options = arrays("aa", "01")
    options["x"] = {**options["x"], "shape": [number, 4]}  # type: ignore[dict-item]
    runs = [
        make_run(tmp_path / name, trainings=[Training(options=options)], changes=changes)
        for name, changes in (("a", ()), ("b", (Change("batch"), Change("rows"))))
    ]
    result = compare(*runs)
    # An epoch that a callback ends early has not passed over all samples: another part of them, in another order.
    converted = number == 128
    assert (detail(result) == "equal arrays, of which other values arrive") is converted
    assert ("content of the data" not in result.equal) is converted


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("steps", [(4, 4), (4, 2)])
def test_arrays_that_a_callback_changes_are_not_in_another_order(
    tmp_path: Path, shuffle: bool, steps: tuple[int, int]
) -> None:
    whole = steps == (4, 4)
    options = arrays("aa", "01", shuffle=shuffle, callbacks=["Jitter"])
    options["x"] = {**options["x"], "shape": [128, 4]}  # type: ignore[dict-item]
    trainings = [Training(steps, options=options, status="complete" if whole else "stopped")]
    # Both jitter, each in its way.
    a, b, same = (
        make_run(tmp_path / name, trainings=trainings, changes=changes)
        for name, changes in (
            ("a", [Change("rows", 4)]),
            ("b", [Change("batch", 4), Change("rows", 4), Change("rows", 4)]),
            ("same", [Change("rows", 4)]),
        )
    )
    first = compare(a, b).first_divergence
    assert first is not None
    assert first.step == 5
    if whole or not shuffle:
        assert first.detail == "other samples or values: the arrays were changed after the first epoch"
        assert first.samples is Samples.OTHER
    else:
        assert first.samples is Samples.UNKNOWN
    assert "content of the data" not in compare(a, b).equal
    assert compare(a, same).first_divergence is None


def test_without_a_callback_the_arrays_of_a_cut_off_epoch_are_what_they_were(tmp_path: Path) -> None:
    trainings = [Training((4, 2), options=arrays("aa", "01", shuffle=True), status="stopped")]
    a, b = (
        make_run(tmp_path / name, trainings=trainings, changes=changes)
        for name, changes in (("a", []), ("b", [Change("batch", 4), Change("rows", 4)]))
    )
    assert detail(compare(a, b)) == "the same samples in another order"


def test_another_share_of_the_same_arrays_is_not_the_same_samples(tmp_path: Path) -> None:
    runs = [
        make_run(
            tmp_path / str(share),
            trainings=[Training(options=arrays("aa", "01", validation_split=share))],
            changes=[Change("batch"), Change("rows")] if share == 0.2 else (),
        )
        for share in (0.1, 0.2)
    ]
    result = compare(*runs)
    assert detail(result) == "other samples or values"
    assert "content of the data" not in result.equal


@pytest.mark.parametrize(
    "options",
    [
        {"steps_per_epoch": 4},
        {"pipeline": [{"function": "batch", "arguments": {"drop_remainder": True}}]},
        {"pipeline": [{"function": "repeat", "arguments": {}}]},
    ],
)
def test_an_epoch_that_is_a_part_of_the_data_says_nothing_of_the_rest(tmp_path: Path, options: dict[str, Any]) -> None:
    runs = [
        make_run(tmp_path / name, trainings=[Training((4,), options=options)], changes=changes)
        for name, changes in (("a", []), ("b", [Change("batch", 0), Change("rows", 0)]))
    ]
    first = compare(*runs).first_divergence
    assert first is not None
    assert first.samples is Samples.UNKNOWN


def test_epochs_of_other_samples_each_are_parts_of_the_data(tmp_path: Path) -> None:
    # What an epoch leaves out is not the same in the next one.
    apart = [Change("rows", 4)]
    a = make_run(tmp_path / "a", changes=apart)
    b = make_run(tmp_path / "b", changes=[*apart, Change("batch", 0), Change("rows", 0)])
    first = compare(a, b).first_divergence
    assert first is not None
    assert first.samples is Samples.UNKNOWN


def test_where_one_side_has_the_same_samples_in_each_epoch_the_other_has_other_ones(tmp_path: Path) -> None:
    # Noise that one side adds anew to each sample.
    noisy = [Change("batch"), Change("rows", 0), Change("rows", 5)]
    first = compare(make_run(tmp_path / "a"), make_run(tmp_path / "b", changes=noisy)).first_divergence
    assert first is not None
    assert first.samples is Samples.OTHER
    # Of a single epoch it is not known whether the next one has the same.
    once = [Training((4,))]
    a = make_run(tmp_path / "once a", trainings=[Training((4,), status="stopped")])
    b = make_run(tmp_path / "once b", trainings=once, changes=noisy[:2])
    single = compare(a, b).first_divergence
    assert single is not None
    assert single.samples is Samples.UNKNOWN


def test_of_epochs_that_were_cut_off_other_samples_are_not_claimed(tmp_path: Path) -> None:
    cut = [Training((4, 2), status="stopped")]
    a = make_run(tmp_path / "a", trainings=cut)
    for where, step, known in (("cut off", 4, Samples.UNKNOWN), ("before that", 0, Samples.OTHER)):
        b = make_run(tmp_path / where, trainings=cut, changes=[Change("batch", step), Change("rows", step)])
        first = compare(a, b).first_divergence
        assert first is not None
        assert (first.step, first.samples) == (step + 1, known)
    changes = [Change("batch", 4), Change("swap rows", 4)]
    first = compare(a, make_run(tmp_path / "swapped", trainings=cut, changes=changes)).first_divergence
    assert first is not None
    assert first.samples is Samples.REORDERED


def test_another_batch_size(tmp_path: Path) -> None:
    result = compared(tmp_path, Change("batch", 0), batch_size=16)
    assert detail(result) == "batched otherwise: 32 and 16 samples"


LOOP = Training((8,), kind="train_on_batch", options={**arrays("bb", "02")})


def test_a_loop_of_the_users_is_held_against_the_epochs_of_fit(tmp_path: Path) -> None:
    fit = [Training((4, 4), options=arrays("aa", "01"))]
    a = make_run(tmp_path / "a", trainings=fit)
    swapped = [Change("batch", 0), Change("batch", 1), Change("swap rows", 0)]
    order = compare(a, make_run(tmp_path / "order", trainings=[LOOP], changes=swapped)).first_divergence
    assert order is not None
    assert (order.detail, order.samples) == ("the same 128 samples in another order", Samples.REORDERED)
    turned = compare(make_run(tmp_path / "loop", trainings=[LOOP], changes=swapped), a).first_divergence
    assert turned is not None
    assert turned.samples is Samples.REORDERED


@pytest.mark.parametrize(("steps", "samples"), [(8, Samples.OTHER), (3, Samples.UNKNOWN)])
def test_a_loop_of_the_users_that_takes_others(tmp_path: Path, steps: int, samples: Samples) -> None:
    # Of a loop that was cut off not even what would be an epoch is known.
    a = make_run(tmp_path / "a", trainings=[Training((4, 4), options=arrays("aa", "01"))])
    loop = [Training((steps,), kind="train_on_batch", options=arrays("bb", "02"))]
    b = make_run(tmp_path / "b", trainings=loop, changes=[Change("batch"), Change("rows")])
    first = compare(a, b).first_divergence
    assert first is not None
    assert first.samples is samples
