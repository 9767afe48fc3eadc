"""Progress of long work, for the person who waits: on standard error, only on a terminal, gone when it is done."""

from __future__ import annotations

import sys
from typing import IO, Protocol


class Progress(Protocol):
    """What long work tells about itself."""

    def phase(self, text: str) -> None:
        """Begins a new phase, named in words: "run again with the generator put back"."""

    def step(self, side: str, done: int, total: int | None) -> None:
        """Tells how many steps a side has taken, of how many (None: unknown)."""

    def done(self) -> None:
        """Ends all; may be called more than once."""


class Silent:
    """Shows nothing."""

    def phase(self, text: str) -> None:
        """Does nothing."""

    def step(self, side: str, done: int, total: int | None) -> None:
        """Does nothing."""

    def done(self) -> None:
        """Does nothing."""


class Live:
    """Shows the phase and one bar a side, redrawn in place.

    Args:
        stream: A terminal.
    """

    def __init__(self, stream: IO[str]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._bars = RichProgress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[steps]}", markup=False),
            TimeElapsedColumn(),
            console=Console(file=stream, highlight=False, emoji=False),
            transient=True,
            # What the user's script writes is its own business: taking over the streams would change it.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._phase = self._bars.add_task("starting", total=None, steps="")
        self._sides: dict[str, TaskID] = {}
        self._bars.start()

    def phase(self, text: str) -> None:
        """Shows the new phase and forgets the bars of the one before."""
        for task in self._sides.values():
            self._bars.remove_task(task)
        self._sides.clear()
        self._bars.reset(self._phase, description=text)

    def step(self, side: str, done: int, total: int | None) -> None:
        """Moves the bar of one side."""
        if side not in self._sides:
            self._sides[side] = self._bars.add_task(f"  {side}", total=total, steps="")
        steps = f"{done} steps" if total is None else f"{done} of {total} steps"
        self._bars.update(self._sides[side], completed=done, total=total, steps=steps)

    def done(self) -> None:
        """Takes the display away."""
        self._bars.stop()


def make(*, quiet: bool = False, stream: IO[str] | None = None) -> Progress:
    """Returns a live display if `stream` (standard error if None) is a terminal, else a silent one."""
    stream = stream or sys.stderr
    if quiet or not stream.isatty():
        return Silent()
    return Live(stream)
