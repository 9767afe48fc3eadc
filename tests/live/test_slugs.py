"""Every script of tests/cases/slugs gets the right verdict, stage and cause, confirmed by a re-run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.live.checked import BACKENDS, CASES, EXPECTED, cause_of_report, checked, literal


def slugs() -> Iterator[Any]:
    """Yields every case; those on JAX with which a cause, or a verdict without one, comes first are not slow.

    What a report is about comes first there.
    """
    answers = {cause for number in EXPECTED if (cause := cause_of_report(number)) is not None}
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
        if expected.get("all"):
            found = {(cause["slug"], cause["confirmed"]) for cause in answer["causes"]}
            assert found == {(expected["slug"], True)}
        assert first["location"] is not None or expected["slug"] in ("environment", "backend-generator")
