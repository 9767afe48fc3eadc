"""Trainings in other processes of a script, which no run records: they leave a mark, so that no verdict forgets them.

Only the standard library is imported here: a process that a script starts may train nothing at all.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def _marks(run: str) -> Path:
    # Beside the run: it begins only when NumPy is imported, which another process may do first.
    return Path(f"{run}.elsewhere")


def leave_mark(run: str) -> None:
    """Notes that this process, which is not the recorded one, trains.

    Args:
        run: The directory of the run that does not hold it.
    """
    try:
        _marks(run).mkdir(parents=True, exist_ok=True)
        (_marks(run) / str(os.getpid())).touch()
    except OSError as error:  # the training is not ours to break
        sys.stderr.write(f"samefit: process {os.getpid()} trains unrecorded, and its run cannot be told: {error}\n")


def take_marks(run: str) -> int:
    """Returns how many other processes have trained, and removes their marks."""
    marks = _marks(run)
    if not marks.exists():
        return 0
    number = len(list(marks.iterdir()))
    # One of them may still live, and train on: what it leaves here is cleared when another run begins.
    shutil.rmtree(marks, ignore_errors=True)
    return number
