"""What is only logged: metrics, the history of a `fit`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from samefit.comparison.finding import Finding
from samefit.comparison.pairing import Pairing, same_float
from samefit.types import Stage

_COMPLETE = "complete"


def last_reported(pairing: Pairing) -> Finding | None:
    """Compares what is only known at the end of a training: the metrics on validation data, the history."""
    for position in pairing.ends:
        a, b = pairing.trainings_at(position)
        if a.status == b.status == _COMPLETE:
            for finding in reported(position, a.metrics, b.metrics, " at the end of the training"):
                return finding
            for finding in _before(position, a.history, b.history):
                return finding
    return None


def reported(position: int, a: Mapping[str, float], b: Mapping[str, float], where: str) -> Iterator[Finding]:
    """Yields a finding where values of the same name differ."""
    names = [name for name in a if name in b and not same_float(a[name], b[name])]
    if names:
        detail = f"{a[names[0]]:.9g} and {b[names[0]]:.9g}{where}"
        yield Finding(position, Stage.REPORTING, names[0], detail, len(names))


def _before(position: int, a: Mapping[str, Sequence[float]], b: Mapping[str, Sequence[float]]) -> Iterator[Finding]:
    """Compares two histories epoch by epoch, where both are of so many epochs."""
    for name in a:
        values = zip(a[name], b[name], strict=True) if len(a[name]) == len(b.get(name, ())) else ()
        for epoch, (one, other) in enumerate(values, start=1):
            if not same_float(one, other):
                detail = f"{one:.9g} and {other:.9g} in epoch {epoch} of the history"
                yield Finding(position, Stage.REPORTING, name, detail)
