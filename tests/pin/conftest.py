"""Runs a script once per backend, in a process of its own, and gives what it printed to all tests."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Found = dict[str, Any]
SCRIPTS = Path(__file__).parent / "scripts"


@functools.cache
def found_by(script: str, backend: str, *arguments: str) -> Found:
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(SCRIPTS / script), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    found: Found = json.loads(done.stdout)
    return found


@pytest.fixture(scope="session")
def run_script() -> Callable[..., Found]:
    return found_by
