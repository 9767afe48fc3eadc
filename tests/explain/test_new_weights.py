"""Weights that a model got after a training: told where the other side has others, silent where they are no news."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.explain.cases import at, case_between, texts
from tests.handmade import Change, Training, make_run

from samefit.explain.case import Case, Suspect
from samefit.explain.new_weights import explain_new_weights
from samefit.store.records import Origin, VariableRecord
from samefit.types import Role

TWICE = (Training((4,)), Training((4,)))
LATER = Change("batch", 5)


def case_of(
    tmp_path: Path, *ranks: int | None, trainings: tuple[Training, ...] = TWICE, change: Change = LATER
) -> Case:
    """Each side trains its model, which has got an adapter of a rank before the step where they part."""
    runs = [
        make_run(tmp_path / name, trainings=trainings, changes=changes)
        for name, changes in (("a", ()), ("b", (change,)))
    ]
    case = case_between(*runs)
    for side, rank in zip((case.a, case.b), ranks, strict=True):
        own = (
            [] if rank is None else [VariableRecord(Role.TRAINABLE, "dense/lora_kernel_a", (4, rank), "float32", 0, 2)]
        )
        side.__dict__["layout"] = (*side.layout, *own)
    return case


def told(case: Case) -> list[Suspect]:
    return list(explain_new_weights(case))


def test_an_adapter_of_another_rank(tmp_path: Path) -> None:
    (suspect,) = told(case_of(tmp_path, 2, 3))
    assert suspect.slug == "model-config"
    assert texts(suspect) == "dense/lora_kernel_a: shape (4, 2) and (4, 3)"
    assert suspect.remedy.startswith("change dense alike on both sides before training #2: ")


def test_the_line_that_made_the_weights_is_named(tmp_path: Path) -> None:
    case = case_of(tmp_path, None, 2)
    assert [suspect.location for suspect in told(case)] == [case.b.training.location]
    (*rest, adapter) = case.b.layout
    made = replace(adapter, origin=Origin("HeUniform", location=at(7)))
    case.b.__dict__["layout"] = (*rest, made)
    (suspect,) = told(case)
    assert suspect.location == at(7)
    assert [line.location for line in suspect.evidence] == [at(7)]


def test_an_adapter_on_one_side(tmp_path: Path) -> None:
    (suspect,) = told(case_of(tmp_path / "b", None, 2))
    assert texts(suspect) == "dense/lora_kernel_a (4, 2): only in the candidate"
    (suspect,) = told(case_of(tmp_path / "a", 2, None))
    assert [e.side for e in suspect.evidence] == ["baseline"]


def test_the_same_weights_are_not_told(tmp_path: Path) -> None:
    assert told(case_of(tmp_path / "none", None, None)) == []
    assert told(case_of(tmp_path / "both", 2, 2)) == []


FROM_THE_BEGIN = {"trainings": (Training((4,)),), "change": Change("batch", 1)}


def test_what_was_there_from_the_begin_is_told_of_the_same_layer(tmp_path: Path) -> None:
    (suspect,) = told(case_of(tmp_path, None, 2, **FROM_THE_BEGIN))
    assert suspect.summary == "Layers with the same options have weights that the other side has not, or has otherwise."
    assert texts(suspect) == "dense/lora_kernel_a (4, 2): only in the candidate"


def test_what_was_there_from_the_begin_in_another_layer_is_another_structure(tmp_path: Path) -> None:
    case = case_of(tmp_path, None, 2, **FROM_THE_BEGIN)
    layer = case.b.model.layers[0]
    others = (replace(layer, config={**layer.config, "units": 9}), *case.b.model.layers[1:])
    case.b.__dict__["model"] = replace(case.b.model, layers=others)
    assert told(case) == []


def test_a_layer_that_was_quantised_is_told_although_its_options_say_so(tmp_path: Path) -> None:
    for policy, number in (("int8_from_float32", 1), ("float32", 0)):
        case = case_of(tmp_path / policy, None, 2, **FROM_THE_BEGIN)
        layer = case.b.model.layers[0]
        config = {**layer.config, "quantization_config": policy}
        others = (replace(layer, config=config, dtype_policy=policy), *case.b.model.layers[1:])
        case.b.__dict__["model"] = replace(case.b.model, layers=others)
        first = case.a.model.layers[0]
        config = {**first.config, "quantization_config": None}
        case.a.__dict__["model"] = replace(
            case.a.model, layers=(replace(first, config=config), *case.a.model.layers[1:])
        )
        assert len(told(case)) == number


def test_a_quantised_kernel_is_told_by_its_dtype(tmp_path: Path) -> None:
    case = case_of(tmp_path, 2, 2)
    (*rest, adapter) = case.b.layout
    case.b.__dict__["layout"] = (*rest, replace(adapter, role=Role.NON_TRAINABLE, dtype="int8"))
    (suspect,) = told(case)
    assert texts(suspect) == "dense/lora_kernel_a: float32 and int8"
