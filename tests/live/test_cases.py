"""Every script of tests/cases gets the right verdict, stage and cause, confirmed by a re-run."""

from __future__ import annotations

import ast
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from samefit.cli import main

CASES = Path(__file__).parents[1] / "cases"
BACKENDS = os.environ.get("SAMEFIT_TEST_BACKENDS", "jax,tensorflow,torch").split(",")
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "reference" / "comparison.schema.json").read_text())


def literal(file: Path, name: str) -> dict[str, Any]:
    """Reads a dictionary from a script without running it."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return dict(ast.literal_eval(node.value))
    raise AssertionError(f"{file} has no {name}")


def checked(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    """Runs `samefit check` and returns its JSON, which must fit the published schema."""
    out = tmp_path / "comparison.json"
    status = main(["check", *arguments, "--runs", str(tmp_path / "runs"), "--json", str(out)])
    assert status in (0, 2)
    for printed in sorted((tmp_path / "runs").glob("*.err")):
        sys.stdout.write(f"--- {printed.name}\n{printed.read_text()[-3000:]}\n")  # shown where a test fails
    answer: dict[str, Any] = json.loads(out.read_text())
    jsonschema.validate(answer, SCHEMA)
    assert (status == 0) == (answer["verdict"] in ("identical", "within_tolerance"))
    return answer


def reports() -> Iterator[Any]:
    expected = json.loads((CASES / "reports" / "expected.json").read_text())
    for file in sorted((CASES / "reports").glob("*.py")):
        case = literal(file, "CASE")
        backends = ["both"] if case["isolated"] else [b for b in case["backends"] if b in BACKENDS]
        for backend in backends:
            marks = () if backend == backends[0] else (pytest.mark.slow,)
            yield pytest.param(file, case, expected[file.name[:2]], backend, id=f"{file.stem}-{backend}", marks=marks)


@pytest.mark.parametrize(("file", "case", "expected", "backend"), list(reports()))
def test_report(
    file: Path,
    case: dict[str, Any],
    expected: dict[str, Any],
    backend: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments = [f"{file}:a", f"{file}:b"]
    if case["isolated"]:
        for side in ("a", "b"):
            for name, value in case["env"][side].items():
                arguments += [f"--env-{side}", f"{name}={value}"]
    else:
        arguments.append("--same-process")
        monkeypatch.setenv("KERAS_BACKEND", backend)
    answer = checked(tmp_path, *arguments)
    assert answer["verdict"] in expected["verdict"].split(" or ")
    if "stage one of" in expected:
        assert answer["first_divergence"]["stage"] in expected["stage one of"]
        assert answer["causes"][0]["slug"] in expected["cause one of"]
        assert answer["causes"][0]["confirmed"] == (answer["causes"][0]["slug"] != "rounding")


def slugs() -> Iterator[Any]:
    """Yields every case; those on JAX with which a cause, or a verdict without one, comes first are not slow."""
    answers: set[str] = set()
    for file in sorted((CASES / "slugs").glob("*.py")):
        if file.name == "common.py":
            continue
        expected = literal(file, "EXPECT")
        answer = expected.get("slug") or expected["verdict"]
        for backend in BACKENDS:
            needs = {backend, *expected.get("needs", ())}
            if backend in expected.get("backends", BACKENDS) and needs <= {*BACKENDS}:
                marks = () if backend == "jax" and answer not in answers else (pytest.mark.slow,)
                yield pytest.param(file, expected, backend, id=f"{file.stem}-{backend}", marks=marks)
        if "jax" in expected.get("backends", BACKENDS):
            answers.add(answer)


@pytest.mark.parametrize(("file", "expected", "backend"), list(slugs()))
def test_slug(
    file: Path, expected: dict[str, Any], backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", backend)
    arguments = [f"{file}:a", f"{file}:b"]
    if not expected.get("isolated"):
        arguments.append("--same-process")
    for side in ("a", "b"):
        for name, value in expected.get(f"env_{side}", {}).items():
            arguments += [f"--env-{side}", f"{name}={value}"]
    answer = checked(tmp_path, *arguments)
    assert answer["verdict"] == expected["verdict"]
    if expected["verdict"] == "diverged":
        assert answer["first_divergence"]["stage"] in expected["stage"]
        first = answer["causes"][0]
        assert (first["slug"], first["confirmed"]) == (expected["slug"], expected.get("confirmed", True))
        assert len(answer["causes"]) == expected.get("causes", len(answer["causes"]))
        assert first["location"] is not None or expected["slug"] in ("environment", "backend-generator")
