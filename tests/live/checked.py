"""What the tests on scripts share: where these are, and a `check` whose JSON fits the schema."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema

from samefit.cli import main

CASES = Path(__file__).parents[1] / "cases"
BACKENDS = os.environ.get("SAMEFIT_TEST_BACKENDS", "jax,tensorflow,torch").split(",")
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "reference" / "comparison.schema.json").read_text())
EXPECTED: dict[str, dict[str, Any]] = json.loads((CASES / "reports" / "expected.json").read_text())


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


def checked_in_a_process(backend: str, tmp_path: Path, *arguments: Any) -> dict[str, Any]:
    """As `checked`, in a process of its own on a backend of its own."""
    out = tmp_path / "comparison.json"
    command = [sys.executable, "-m", "samefit", "check", *map(str, arguments), "--json", str(out)]
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode in (0, 2), done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(out.read_text())
    jsonschema.validate(answer, SCHEMA)
    return answer


def printed(home: Path, backend: str, script: str, *arguments: str) -> str:
    """Runs a script in a process of its own, from a directory; returns what it printed."""
    (home / "train.py").write_text(script)
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "train.py", *arguments]
    return subprocess.run(command, cwd=home, check=True, env=environment, stdout=subprocess.PIPE, text=True).stdout


def cause_of_report(number: str) -> str | None:
    """Returns the cause that a report has, if it can be only one."""
    causes = EXPECTED[number].get("cause one of", [])
    return causes[0] if len(causes) == 1 else None
