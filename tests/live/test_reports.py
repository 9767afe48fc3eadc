"""Every script of tests/cases/reports gets the right verdict, stage and cause, confirmed by a re-run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.live.checked import BACKENDS, CASES, EXPECTED, checked, literal


def reports() -> Iterator[Any]:
    for file in sorted((CASES / "reports").glob("*.py")):
        case = literal(file, "CASE")
        backends = ["both"] if case["isolated"] else [b for b in case["backends"] if b in BACKENDS]
        for backend in backends:
            marks = () if backend == backends[0] else (pytest.mark.slow,)
            yield pytest.param(file, case, EXPECTED[file.name[:2]], backend, id=f"{file.stem}-{backend}", marks=marks)


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
