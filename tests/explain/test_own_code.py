"""Causes in the user's own code: each must speak where it is there, and be silent where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.explain.cases import at, case_between, found, plans, texts
from tests.handmade import Change, Layer, Training, dense, make_run, maker

from samefit.explain.case import Case
from samefit.explain.inside import _options
from samefit.explain.options import differing_options
from samefit.explain.own_code import explain_own_code
from samefit.store.reader import Run
from samefit.types import Location, Stage


def code(digest: str, line: int = 4, source: str = "") -> dict[str, Any]:
    return {"code of call": {"code": digest, "name": {"file": "/code/train.py", "line": line, "source": source}}}


def two(tmp_path: Path, a: dict[str, Any], b: dict[str, Any], *, other_class: str = "Dense") -> Case:
    runs = []
    for name, own, class_name in zip("ab", (a, b), ("Dense", other_class), strict=True):
        layer = replace(dense(4, 4, record={"location": at(7), "attributes": own}), class_name=class_name, key="one")
        changes = () if name == "a" else (Change("loss"),)
        runs.append(make_run(tmp_path / name, layers=[layer], trainings=[Training(location=at(9))], changes=changes))
    return case_between(*runs)


def test_an_attribute_that_is_no_option(tmp_path: Path) -> None:
    case = two(tmp_path, {"factor": 4.0, "axes": [1, 2]}, {"factor": 1.0, "axes": [1, 2]})
    first = found(case)[0]
    assert (first.slug, first.location, first.weak) == ("model-config", at(7), False)
    assert texts(first) == "Dense.factor: 4.0 and 1.0"
    assert "set  Dense.factor = 4.0  on both sides" in first.remedy
    assert plans(first) == ["attributes"]
    assert first.counterfactuals[0].transplants[0]["values"] == {"dense": {"factor": 4.0}}
    assert list(_options(case.a.model.layers[0], case.b.model.layers[0])) == ["Dense.factor=4.0 and Dense.factor=1.0"]


def test_attributes_that_differ_are_put_in_one_by_one_first(tmp_path: Path) -> None:
    case = two(tmp_path, {"alpha": 4.0, "created": 7.0}, {"alpha": 1.0, "created": 8.0})
    tried = [s.counterfactuals[0].transplants[0] for s in explain_own_code(case)]
    values = [plan["values"]["dense"] for plan in tried]
    assert values == [{"alpha": 4.0}, {"created": 7.0}, {"alpha": 4.0, "created": 7.0}]


def test_a_value_of_many_parts_cannot_be_put_in(tmp_path: Path) -> None:
    values = ({"table": f"list of 900 (your own, {digest})"} for digest in ("aa", "bb"))
    first = found(two(tmp_path, *values))[0]
    assert (first.counterfactuals, first.weak) == ((), True)
    assert first.no_counterfactual


def test_values_that_are_not_numbers_are_one(tmp_path: Path) -> None:
    assert not list(explain_own_code(two(tmp_path, {"bad": float("nan")}, {"bad": float("nan")})))


def test_a_method_with_other_code_comes_after_all_else(tmp_path: Path) -> None:
    case = two(tmp_path, {"factor": 4.0, **code("aa")}, {"factor": 1.0, **code("bb", 12)})
    suspects = [s for s in found(case) if s.slug == "model-config"]
    assert [s.weak for s in suspects] == [False, True]
    assert texts(suspects[1]) == "Dense.call: line 4 of train.py and line 12 of train.py"
    assert suspects[1].no_counterfactual


HALF = """
    def call(self, x):
        '''Adds half of it.'''
        return x + 0.5 * x
"""


def test_the_statement_at_which_two_methods_part_is_named(tmp_path: Path) -> None:
    whole = HALF.replace("half", "all").replace("0.5 * x", "x  # all")
    [suspect] = explain_own_code(two(tmp_path, code("aa", 4, whole[1:]), code("bb", 12, HALF[1:])))
    assert suspect.location == Location("/code/train.py", 14, "return x + 0.5 * x")
    assert [(e.text, e.side, e.location and e.location.line) for e in suspect.evidence] == [
        ("Dense.call: return x + x  # all", "baseline", 6),
        ("Dense.call: return x + 0.5 * x", "candidate", 14),
    ]
    assert suspect.summary == "Dense.call is not the same code on both sides."
    assert suspect.remedy == "write one call for both sides"


def block(name: str, source: str, digest: str) -> Layer:
    """A layer of the user's own that holds others, and no weights of its own."""
    return Layer(name, {}, record={"location": at(7), "attributes": code(digest, 4, source)}, is_leaf=False)


def blocks(path: Path, *layers: Layer, changed: bool = False) -> Run:
    changes = (Change("loss"),) if changed else ()
    training = Training(location=at(9))
    return make_run(path, layers=[dense(4, 4, key="in"), *layers], trainings=[training], changes=changes)


def test_code_of_a_layer_that_holds_others(tmp_path: Path) -> None:
    whole = HALF.replace("0.5 * ", "")
    plain, other = block("Block", whole[1:], "aa"), block("Block", HALF[1:], "bb")
    a, b = blocks(tmp_path / "a", plain, plain), blocks(tmp_path / "b", plain, other, changed=True)
    [suspect] = explain_own_code(case_between(a, b))
    assert [e.text for e in suspect.evidence] == ["Block.call: return x + x", "Block.call: return x + 0.5 * x"]
    # Another number of them on each side: which stand for each other is not known.
    fewer = blocks(tmp_path / "c", other, changed=True)
    assert not list(explain_own_code(case_between(a, fewer)))
    same = blocks(tmp_path / "d", plain, plain, changed=True)
    assert not list(explain_own_code(case_between(a, same)))


@pytest.mark.parametrize(
    ("a", "b", "other_class"),
    [
        ({}, {}, "Dense"),
        (code("aa"), code("aa", 12), "Dense"),
        ({"factor": 4.0}, {"factor": 4.0}, "Dense"),
        # One side alone has it: it may be a trace of something else.
        ({"factor": 4.0}, {}, "Dense"),
        ({"factor": 4.0, **code("aa")}, {"factor": 1.0, **code("bb")}, "Own"),
    ],
)
def test_what_is_the_same_is_not_blamed(tmp_path: Path, a: dict[str, Any], b: dict[str, Any], other_class: str) -> None:
    assert not list(explain_own_code(two(tmp_path, a, b, other_class=other_class)))


def test_functions_that_do_the_same_are_one_whatever_they_are_called() -> None:
    assert differing_options({"activation": "one (your own, aa)"}, {"activation": "other (your own, aa)"}) == {}
    assert differing_options({"activation": "one (your own, aa)"}, {"activation": "one (your own, bb)"})
    assert differing_options({"activation": "gelu"}, {"activation": "gelu (your own, aa)"})


def stepping(path: Path, digest: str, monkeypatch: pytest.MonkeyPatch, changes: Sequence[Change] = ()) -> Run:
    """Returns a run of a model whose own `train_step` has that code."""
    own = {"code of train_step": {"code": digest, "name": {"file": f"{path.name}.py", "line": 7, "source": ""}}}
    record = maker.ModelRecord
    with monkeypatch.context() as patched:
        patched.setattr(maker, "ModelRecord", lambda *fields: replace(record(*fields), attributes=own))
        return make_run(path, class_name="Net", trainings=[Training(location=at(9))], changes=changes)


@pytest.mark.parametrize("other", [True, False])
def test_a_train_step_that_updates_otherwise(tmp_path: Path, other: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It updates twice, or every second step: equal losses, and the counter of the updates is another one."""
    changes = [Change("variable", 0, "dense/kernel"), Change("variable", 0, "adam/iteration")]
    a = stepping(tmp_path / "a", "one", monkeypatch)
    b = stepping(tmp_path / "b", "two" if other else "one", monkeypatch, changes)
    case = case_between(a, b)
    assert case.divergence.stage is Stage.UPDATE
    own = [s for s in found(case) if s.slug == "model-config"]
    assert [s.summary for s in own] == (
        ["Net.train_step is not the same code on both sides, or reads other values."] if other else []
    )
