"""Two fresh processes, two ways of building: equal weights, optimizer state and losses, bit for bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SUBSET = "mlp-dropout,attention"


def in_two_processes(backend: str, *arguments: list[str]) -> list[dict[str, Any]]:
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-m", "tests.pin.trained"]
    running = [
        subprocess.Popen(
            [*command, *its], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for its in arguments
    ]
    found = []
    for process in running:
        out, errors = process.communicate()
        assert process.returncode == 0, errors[-4000:]
        found.append(json.loads(out)["trained"])
    return found


def differences(*runs: dict[str, Any]) -> set[str]:
    """Returns the names of architectures for which not all styles of all runs gave one result."""
    results: dict[str, set[str]] = {}
    for run in runs:
        for name, styles in run.items():
            results.setdefault(name, set()).update(json.dumps(result) for result in styles.values())
    return {name for name, its in results.items() if len(its) > 1}


def test_styles_in_two_processes(any_backend: str) -> None:
    runs = in_two_processes(
        any_backend,
        ["--only", SUBSET, "--styles", "functional"],
        ["--only", SUBSET, "--styles", "subclassed,sequential", "--backwards"],
    )
    assert set(runs[0]) == set(runs[1]) == set(SUBSET.split(","))
    assert differences(*runs) == set()


@pytest.mark.slow
def test_all_architectures_in_all_styles_in_two_processes(each_backend: str) -> None:
    runs = in_two_processes(each_backend, [], ["--backwards"])
    assert len(runs[0]) >= 30
    assert differences(*runs) == set()


def test_a_difference_is_found() -> None:
    one = {"mlp": {"functional": {"end": "a"}}, "unet": {"functional": {"end": "b"}}}
    other = {"mlp": {"functional": {"end": "c"}}, "unet": {"subclassed": {"end": "b"}}}
    assert differences(one, other) == {"mlp"}
