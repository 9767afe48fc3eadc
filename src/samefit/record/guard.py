"""The promise that recording never breaks a training, in one place."""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Callable
from typing import TypeVar

from samefit.store.writer import RunWriter

_T = TypeVar("_T")


class Guard:
    """Runs pieces of recording; the first failure stops the recording, never the training, and marks the run.

    Attributes:
        broken: Whether recording has stopped.
    """

    def __init__(self, writer: RunWriter) -> None:
        self.broken = False
        self._writer = writer

    def __call__(self, work: Callable[[], _T], otherwise: _T) -> _T:
        """Returns what `work` returns, or `otherwise` if it fails or recording has stopped."""
        if self.broken:
            return otherwise
        try:
            return work()
        except Exception as error:  # any failure of ours must leave the training alone; it is marked in the run
            self._fail(error)
            return otherwise

    def _fail(self, error: BaseException) -> None:
        self.broken = True
        reason = f"{type(error).__name__}: {error}"
        sys.stderr.write(f"samefit: recording stopped, the training goes on: {reason}\n")
        with contextlib.suppress(Exception):  # the writer may be what failed (a full disk)
            self._writer.warning("recording-failed", reason + "\n" + "".join(traceback.format_exception(error)[-3:]))
            self._writer.update_manifest({"recording_failed": reason})
