"""Weights that part in the update, and in the gradients before it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.comparison.places import compared, place
from tests.handmade import Change, Layer, dense, make_run

from samefit.comparison import compare
from samefit.types import Stage


def test_weights_that_part_from_slots_that_agree_part_in_the_update(tmp_path: Path) -> None:
    # The slots hold the gradients: what parts is what was made of them (a constraint, code of an optimizer).
    result = compared(tmp_path, Change("applied", 2, "dense/kernel"), Change("applied", 2, "dense_1/bias"))
    assert place(result) == (Stage.UPDATE, 3, "dense/kernel")


@pytest.mark.parametrize(
    "changes",
    [
        # A gradient of one weight differs: it runs back to the others.
        [Change("applied", 2, "dense/kernel"), Change("variable", 2, "dense_1/bias")],
        # Whether its slot differs is not known.
        [Change("applied", 2, "dense/kernel"), Change("unreadable", 2, "adam/dense_kernel_velocity")],
    ],
)
def test_weights_whose_slots_do_not_all_agree_part_in_the_backward_pass(tmp_path: Path, changes: list[Change]) -> None:
    assert place(compared(tmp_path, *changes)) == (Stage.BACKWARD, 3, "dense/kernel")


def test_without_slots_a_constraint_on_one_side_tells_where_weights_part(tmp_path: Path) -> None:
    plain, held = dense(4, 8, config={"kernel_constraint": None}), dense(4, 8, config={"kernel_constraint": "MaxNorm"})
    a = make_run(tmp_path / "a", layers=[plain, plain], slots=())

    def parting(name: str, layers: list[Layer], *paths: str) -> Stage:
        changes = [Change("applied", 2, path) for path in paths]
        return place(compare(a, make_run(tmp_path / name, layers=layers, slots=(), changes=changes)))[0]

    assert parting("held", [plain, held], "dense_1/kernel") is Stage.UPDATE
    # Another weight parts as well, which no constraint changes: what came before the update is not excluded.
    assert parting("both", [plain, held], "dense/kernel", "dense_1/kernel") is Stage.BACKWARD
    assert parting("bias", [plain, held], "dense_1/bias") is Stage.BACKWARD
    assert parting("plain", [plain, plain], "dense_1/kernel") is Stage.BACKWARD
