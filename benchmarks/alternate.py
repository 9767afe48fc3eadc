"""Measures two things alternately, so that whatever else the machine does hits both alike."""

from __future__ import annotations

import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Ratio:
    """What was measured: seconds of each chunk of both sides, in pairs.

    Attributes:
        plain: Seconds of a unit (a step, a call) on the side that is divided by.
        other: The same on the other side, in the same order.
        unit: How many steps a chunk held, for the record.
    """

    plain: Sequence[float]
    other: Sequence[float]
    unit: int = 1

    @property
    def median(self) -> float:
        """Median over the pairs of (other / plain): both members of a pair ran one after the other."""
        return statistics.median(b / a for a, b in zip(self.plain, self.other, strict=True))

    @property
    def p95(self) -> float:
        """95th percentile of the other side over that of the plain side."""
        return _p95(self.other) / _p95(self.plain)

    @property
    def milliseconds(self) -> tuple[float, float]:
        """Medians of both sides, in milliseconds."""
        return 1e3 * statistics.median(self.plain), 1e3 * statistics.median(self.other)


def _p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1] if len(values) > 1 else values[0]


class _Side:
    """One measured training, in a process of its own."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], chunk: int) -> None:
        self._pipes = tempfile.TemporaryDirectory()
        turn, say = (os.path.join(self._pipes.name, name) for name in ("turn", "say"))
        os.mkfifo(turn)
        os.mkfifo(say)
        variables = {
            "SAMEFIT_BENCHMARK_TURN": turn,
            "SAMEFIT_BENCHMARK_SAY": say,
            "SAMEFIT_BENCHMARK_CHUNK": str(chunk),
        }
        self._process = subprocess.Popen(command, env={**os.environ, **environment, **variables})
        # Opened for both directions, so that a script that fails to start leaves nobody waiting.
        self._turn = os.open(turn, os.O_RDWR)
        self._say = os.open(say, os.O_RDWR)

    def chunk(self) -> float:
        """Lets it train one chunk; returns the seconds."""
        os.write(self._turn, b"g")
        while not select.select([self._say], [], [], 1.0)[0]:
            if self._process.poll() is not None:
                raise RuntimeError(f"A measured training ended with status {self._process.returncode}.")
        return float(os.read(self._say, 64))

    def end(self) -> None:
        """Ends it, and waits until it has."""
        os.write(self._turn, b"s")
        self._process.wait()
        os.close(self._turn)
        os.close(self._say)
        self._pipes.cleanup()


def trainings(
    plain: Sequence[str],
    other: Callable[[int], Sequence[str]],
    *,
    environment: Mapping[str, str],
    chunk: int,
    pairs: int,
    warm_up: int = 3,
    rounds: int = 4,
) -> Ratio:
    """Trains two scripts in turns, a chunk of steps each.

    Two processes of one and the same script differ by up to a sixth for as long as they live (steps of a fifth of a
    millisecond, JAX), so both are begun anew some times.

    Args:
        plain: The command that is divided by.
        other: The command that is measured against it, by the number of the round: a run has a directory of its own.
        environment: Added to the environment of both.
        chunk: Steps in a chunk.
        pairs: How many chunks of each are measured.
        warm_up: How many chunks of each come before them (compilation, first reads), in each process.
        rounds: In how many processes of each.
    """
    seconds: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        sides = (_Side(plain, environment, chunk), _Side(other(number), environment, chunk))
        for pair in range(warm_up + pairs // rounds):
            # Who begins changes with each pair: being second is no advantage.
            for side in (0, 1) if pair % 2 else (1, 0):
                taken = sides[side].chunk()
                if pair >= warm_up:
                    seconds[side].append(taken / chunk)
        for side in sides:
            side.end()
    return Ratio(*seconds, unit=chunk)


def calls(plain: Callable[[], object], other: Callable[[], object], *, pairs: int) -> Ratio:
    """Calls two functions in turns."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for pair in range(pairs):
        for side in (0, 1) if pair % 2 else (1, 0):
            begun = time.perf_counter()
            (plain, other)[side]()
            seconds[side].append(time.perf_counter() - begun)
    return Ratio(*seconds)


def python(*arguments: str) -> list[str]:
    """Returns a command of this interpreter."""
    return [sys.executable, *arguments]
