"""How the layers of two graphs are connected: it must speak where they are not alike, and be silent where they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.explain.cases import case_between, found, texts
from tests.handmade import Change, Training, make_run

from samefit.explain.case import Case
from samefit.store.records import WireRecord, WiringRecord
from samefit.types import Stage


def case_of(tmp_path: Path, first: list[WireRecord], second: list[WireRecord]) -> Case:
    runs = [
        make_run(tmp_path / name, trainings=[Training()], changes=changes)
        for name, changes in (("a", ()), ("b", (Change("loss"),)))
    ]
    case = case_between(*runs)
    assert case.divergence.stage is Stage.FORWARD
    for side, calls in ((case.a, first), (case.b, second)):
        side.__dict__["model"] = replace(side.model, wiring=WiringRecord(tuple(calls)))
    return case


def wire(name: str, *sources: int) -> WireRecord:
    return WireRecord(name, None, sources)


def blamed(case: Case) -> list[str]:
    return [texts(suspect) for suspect in found(case) if "not connected alike" in suspect.summary]


def test_inputs_in_another_order(tmp_path: Path) -> None:
    case = case_of(
        tmp_path,
        [wire("Concatenate", -1, -2), wire("Dense", 0)],
        [wire("Concatenate", -2, -1), wire("Dense", 0)],
    )
    assert blamed(case) == ["Concatenate gets input 1, input 2\nConcatenate gets input 2, input 1"]


def test_a_layer_that_is_fed_from_elsewhere(tmp_path: Path) -> None:
    first = [wire("Dense", -1), wire("ReLU", 0), wire("Concatenate", 0, 1)]
    second = [wire("Dense", -1), wire("ReLU", 0), wire("Concatenate", 1, 1)]
    assert blamed(case_of(tmp_path, first, second)) == [
        "Concatenate gets Dense, ReLU\nConcatenate gets ReLU, ReLU",
    ]


def test_the_same_graph_written_in_another_order_is_not_blamed(tmp_path: Path) -> None:
    first = [wire("Dense", -1), wire("ReLU", -1), wire("Add", 0, 1)]
    second = [wire("ReLU", -1), wire("Dense", -1), wire("Add", 0, 1)]
    assert blamed(case_of(tmp_path, first, second)) == []


def test_other_layers_are_another_structure_and_not_another_wiring(tmp_path: Path) -> None:
    assert blamed(case_of(tmp_path, [wire("Dense", -1)], [wire("ReLU", -1)])) == []


def test_a_model_without_a_graph_is_not_blamed(tmp_path: Path) -> None:
    assert blamed(case_of(tmp_path, [wire("Dense", -1)], [])) == []
    assert blamed(case_of(tmp_path / "none", [], [])) == []
