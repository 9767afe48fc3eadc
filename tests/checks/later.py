"""Stands in for an execution that runs while something else is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from samefit.store.reader import Run


@dataclass(frozen=True)
class Later:
    """What `Workshop.begin` returns; `run` makes the run by hand, or fails."""

    run: Callable[[], Run]

    def drop(self) -> None:
        """Nothing runs."""
