"""Whether the process that writes a run is still there: how it writes itself down, and how a reader asks."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def identity() -> dict[str, Any]:
    """Returns what a run's manifest says about the process that writes it."""
    return {"pid": os.getpid(), "host": socket.gethostname(), "process_started": _started(os.getpid())}


def is_alive(manifest: Mapping[str, Any]) -> bool:
    """Returns whether the process of a manifest runs on this machine, and is that very process.

    A process that has ended and was not waited for by its parent counts as ended; a number that the system has given to
    another process since counts as ended, too (where the system tells when a process began: on Linux).
    """
    pid = manifest.get("pid")
    # 0 and negative numbers would address process groups.
    if not isinstance(pid, int) or pid <= 0 or manifest.get("host", socket.gethostname()) != socket.gethostname():
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True  # it exists, and belongs to somebody else
    except (ProcessLookupError, OverflowError):
        return False
    if _field(pid, 0) == "Z":
        return False
    known = manifest.get("process_started")
    return known is None or _started(pid) in (None, known)


def _started(pid: int) -> int | None:
    ticks = _field(pid, 19)
    return None if ticks is None else int(ticks)


def _field(pid: int, position: int) -> str | None:
    """Returns a field of /proc/PID/stat after the name of the command, or None where there is no such file."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name stands in parentheses, and may hold spaces and parentheses itself.
    return text.rpartition(")")[2].split()[position]
