"""Scripts that run under the recorder, and under plain Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from samefit.launch.process import SideTarget, start
from samefit.launch.target import parse_target

PROBE = """
import os, sys
print(sys.argv, __name__, __file__, __spec__ and __spec__.name, sys.path, os.getcwd())
"""


def launched(tmp_path: Path, *targets: tuple[str, str], **session: Any) -> tuple[int | None, str, str]:
    """Runs targets under the recorder; returns exit status, stdout and stderr."""
    sides = [SideTarget(name, parse_target(text)) for name, text in targets]
    child = start(sides, run_directory=tmp_path / "run", session={"target": "", "side": "", **session})
    child.wait()
    return child.exit_status, (tmp_path / "run.out").read_text(), (tmp_path / "run.err").read_text()


def plain(*arguments: str) -> tuple[int, str, str]:
    """Runs Python as it is."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr
