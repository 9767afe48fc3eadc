"""What is drawn covers the vocabulary and is told in plain Keras; a sample of pairs and faults is answered right."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.honesty.faults import ALL, FAULTS
from tests.honesty.page import ROOT, WHY, page
from tests.honesty.plan import Injected, check, inject, judged, plan

from samefit.explain.slugs import SLUGS

HERE = Path(__file__).parent
SMALL = "mlp,mlp-dropout,mlp-initializers,own-layers,nested,random-dense,siamese,experts,merging"
SAMPLE = (
    pytest.param("a look at the outputs in training mode", "jax", marks=pytest.mark.slow),
    ("noise of a generator without a seed", "torch"),
    pytest.param("a callback lowers the rate from an epoch on", "tensorflow", marks=pytest.mark.slow),
)
"""One fault for each backend, of kinds that other cases do not hold."""


def identical(backend: str, *arguments: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.honesty.identical", "--seed=11", *arguments],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def fault(name: str, backend: str, seed: str = "11") -> Injected:
    return inject(next(fault for fault in FAULTS if fault.name == name), backend, seed)


# -- what is drawn ------------------------------------------------------------------------------------------------


def test_every_cause_has_faults() -> None:
    assert {fault.slug for fault in FAULTS} == set(SLUGS)


def test_a_plan_holds_every_fault_and_every_cause_on_every_backend() -> None:
    planned = plan(3, ALL)
    assert len(planned) >= 60
    assert {one.fault.name for one in planned} == {fault.name for fault in FAULTS}
    assert {one.backend for one in planned if one.fault.slug == "model-config"} == set(ALL)
    assert len({one.key for one in planned}) == len(planned)


def test_a_seed_gives_one_plan() -> None:
    assert plan(3, ALL) == plan(3, ALL)
    assert plan(3, ALL) != plan(4, ALL)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_scripts_are_whole(fault: Any) -> None:
    for seed in range(10):
        one = inject(fault, fault.backends[seed % len(fault.backends)], str(seed))
        ast.parse(one.baseline)
        ast.parse(one.candidate)
        assert "$" not in one.baseline + one.candidate


def test_faults_know_nothing_of_samefit() -> None:
    for file in (HERE / "scripts.py", HERE / "plan.py", *(HERE / "faults").glob("*.py")):
        imported = [
            node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, (ast.Import, ast.ImportFrom))
        ]
        names = {name for node in imported for name in (getattr(node, "module", ""), *(a.name for a in node.names))}
        assert not any(str(name).partition(".")[0] == "samefit" for name in names), file


# -- how answers are judged ---------------------------------------------------------------------------------------


def test_an_answer_is_right_only_with_step_stage_and_a_confirmed_cause() -> None:
    one = fault("a callback lowers the rate from an epoch on", "jax")
    right = {"step": one.step, "stage": "update", "causes": [["optimizer-config", True]]}
    assert judged(one, right) == {"step": True, "stage": True, "cause": True}
    assert judged(one, {**right, "step": 1})["step"] is False
    assert judged(one, {**right, "stage": "data"})["stage"] is False
    assert judged(one, {**right, "causes": [["optimizer-config", False]]})["cause"] is False
    assert judged(one, {**right, "causes": []})["cause"] is False
    assert judged(one, {"failed": "…"}) == {"step": False, "stage": False, "cause": False}


def test_the_page_says_that_nothing_was_measured() -> None:
    assert "Not measured yet" in page({}, 3)


def test_the_page_tells_of_wrong_answers() -> None:
    pair = {"kind": "pair", "key": "pair/jax/0", "why": "again", "backend": "jax", "equal": True}
    pair |= {"architecture": "mlp", "optimizer": "SGD", "training": "fit"}
    alarm = {**pair, "key": "pair/jax/1", "right": False, "verdict": "diverged", "step": 2, "stage": "update"}
    same = {**pair, "right": True, "verdict": "identical"}
    other = {**same, "key": "pair/jax/2", "equal": False, "verdict": "diverged"}
    text = page({"0": same, "1": alarm, "2": other}, 3)
    assert "**1 of 2 pairs are answered `identical`.**" in text
    assert "Of 1 further pairs (jax) they are not equal" in text
    assert "| pair/jax/1 | diverged, step 2, update |" in text


# -- a sample -----------------------------------------------------------------------------------------------------


def wrong(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if (line["verdict"] == "identical") != line["equal"]]


def test_identical_pairs_raise_no_alarm(each_backend: str) -> None:
    found = identical(each_backend, "--last=7", "--only", SMALL)
    assert {line["why"] for line in found} == set(WHY)
    assert wrong(found) == []
    assert sum(line["equal"] for line in found) >= 6


@pytest.mark.slow
def test_identical_pairs_of_all_layer_families(each_backend: str) -> None:
    found = identical(each_backend, "--last=40")
    assert wrong(found) == []
    assert sum(line["equal"] for line in found) >= 36


@pytest.mark.parametrize(("name", "backend"), SAMPLE)
def test_a_fault_is_found(name: str, backend: str, tmp_path: Path) -> None:
    one = fault(name, backend)
    found = check(one, tmp_path / "check")
    assert judged(one, found) == {"step": True, "stage": True, "cause": True}, found


@pytest.mark.slow
@pytest.mark.parametrize("one", plan(12, ALL), ids=lambda one: one.key)
def test_all_faults_are_found(one: Injected, tmp_path: Path) -> None:
    found = check(one, tmp_path / "check")
    assert judged(one, found) == {"step": True, "stage": True, "cause": True}, found


@pytest.mark.slow
def test_a_baseline_against_its_copy_raises_no_alarm(each_backend: str, tmp_path: Path) -> None:
    one = fault("another learning rate", each_backend)
    assert check(one, tmp_path / "check", control=True)["verdict"] == "identical"
