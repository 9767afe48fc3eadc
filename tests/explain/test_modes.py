"""The mode of layers: which ran in another one, and what to write, where a line gives it a literal one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.explain.cases import at, found, slugs, texts
from tests.explain.test_layers import calls, layer, two

from samefit.explain.case import Suspect
from samefit.types import WrittenMode


def test_a_layer_that_ran_in_inference_mode(tmp_path: Path) -> None:
    modes = calls("Dense", training=True), calls("Dense", training=False)
    suspects = found(two(tmp_path, [layer()], [layer()], calls=modes))
    assert [s.slug for s in suspects] == ["training-flag"]
    assert (texts(suspects[0]), suspects[0].location) == ("Dense: training mode in the baseline alone", at(7))
    plan = {"do": "mode", "side": "", "class": "Dense", "construction": 0, "training": True}
    assert suspects[0].counterfactuals[0].transplants == (plan,)


def test_a_layer_that_ran_in_both_modes_cannot_be_given_one(tmp_path: Path) -> None:
    both = (*calls("Dense", training=True), *calls("Dense", training=False))
    suspects = found(two(tmp_path, [layer()], [layer()], calls=(both, calls("Dense", training=False) * 2)))
    assert [s.slug for s in suspects] == ["training-flag"]
    assert suspects[0].counterfactuals == ()
    assert "both modes" in suspects[0].no_counterfactual


@pytest.mark.parametrize("mode", [None, False])
def test_no_mode_is_inference_mode(tmp_path: Path, mode: bool | None) -> None:
    modes = calls("Dense", training=False), calls("Dense", training=mode)
    assert slugs(two(tmp_path, [layer()], [layer()], calls=modes)) == []


def between(
    tmp_path: Path, one: bool | None, other: bool | None, *, in_call: bool = True, backend: str = "jax"
) -> Suspect:
    """Line 11 calls the layer with a literal mode; without one the baseline trains, the candidate does not."""
    sides = []
    for literal, bare in ((one, True), (other, False)):
        (call,) = calls("Dense", training=bare if literal is None else literal)
        sides.append([replace(call, written=None if literal is None else WrittenMode(literal, at(11), in_call))])
    case = two(tmp_path, [layer()], [layer()], calls=tuple(sides), manifest={"backend": backend})
    (only,) = found(case)
    assert only.slug == "training-flag"
    return only


@pytest.mark.parametrize(("one", "other"), [(True, None), (None, False)])
def test_a_literal_mode_is_to_be_handed_on_instead(tmp_path: Path, one: bool | None, other: bool | None) -> None:
    only = between(tmp_path, one, other)
    literal = one if other is None else other
    assert only.location == at(11)
    assert f"called with training={literal}" in texts(only)
    assert only.remedy == (
        f"in place of  training={literal}  at line 11 of train.py  hand on what the method gets:  training=training, "
        "on both sides"
    )


def test_without_a_literal_the_mode_is_found_but_on_jax(tmp_path: Path) -> None:
    remedy = between(tmp_path, True, None, backend="torch").remedy
    assert remedy.endswith("training=training, or drop it, on both sides")


def test_literal_modes_on_both_sides(tmp_path: Path) -> None:
    remedy = between(tmp_path, True, False).remedy
    assert "training=True  at line 11 of train.py and training=False  at line 11 of train.py" in remedy


def test_a_mode_that_no_line_writes_is_to_be_handed_on(tmp_path: Path) -> None:
    remedy = between(tmp_path, None, None).remedy
    assert remedy.startswith("hand `training` on:  self.dropout(x, training=training)  in call")


def test_a_step_of_the_users_own_has_no_mode_to_hand_on(tmp_path: Path) -> None:
    remedy = between(tmp_path / "false", None, False, in_call=False).remedy
    assert remedy == "in place of  training=False  at line 11 of train.py  write  training=True"
    assert "self(x, training=True)  in a train_step" in between(tmp_path / "true", True, None, in_call=False).remedy


def test_a_literal_that_a_layer_did_not_get_is_not_blamed(tmp_path: Path) -> None:
    (call,), others = calls("Dense", training=True), calls("Dense", training=False)
    said = replace(call, written=WrittenMode(False, at(11), True))
    (only,) = found(two(tmp_path, [layer()], [layer()], calls=([said], others)))
    assert only.location == at(7)
    assert "training=False" not in only.remedy
