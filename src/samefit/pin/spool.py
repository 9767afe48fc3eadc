"""What processes that a script starts have to say, on its way to the scope of the process that started them.

Only the standard library is imported: a process that a script starts may need nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Spool:
    """A file that is there as long as a scope is open; it can be pickled. What is said stands there line by line.

    Attributes:
        path: Where it is; "" if there is none, and nobody is told.
        process: The process whose scope it is.
    """

    path: str
    process: int

    @classmethod
    def open(cls) -> Spool:
        """Makes the file."""
        descriptor, path = tempfile.mkstemp(prefix="samefit-said-")
        os.close(descriptor)
        return cls(path, os.getpid())

    @property
    def is_open(self) -> bool:
        """Whether the scope is open still."""
        return os.path.exists(self.path)

    def say(self, said: Mapping[str, Any]) -> None:
        """Writes something down at once: the process may be killed at any time."""
        line = json.dumps(said).encode() + b"\n"
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND)
            try:
                os.write(descriptor, line)
            finally:
                os.close(descriptor)
        except FileNotFoundError:  # the scope was left: there is nobody to be told
            return
        except OSError as error:  # the work of the process is not ours to break
            sys.stderr.write(f"samefit: process {os.getpid()} cannot tell its scope ({error}): {said.get('text')}\n")

    def said(self) -> list[dict[str, Any]]:
        """Returns what was said so far."""
        with open(self.path, encoding="utf-8") as file:
            # The last line may be on its way.
            return [json.loads(line) for line in file if line.endswith("\n")]

    def close(self) -> None:
        """Removes the file."""
        os.unlink(self.path)


_told: list[Spool] = []
"""Whom the task that runs in this process tells, the innermost last."""


@contextlib.contextmanager
def telling(spool: Spool) -> Iterator[None]:
    """Within, what this process has to say is for one scope, whichever was open when the process began."""
    _told.append(spool)
    try:
        yield
    finally:
        _told.pop()


def told() -> Spool | None:
    """Returns whom the task that runs here tells, if one runs."""
    return _told[-1] if _told else None
