"""Entropy of the operating system: generators without a seed are seeded all the same, and the rest of it is said."""

from __future__ import annotations

import random
import secrets
from types import FrameType
from typing import TYPE_CHECKING

from samefit.attribution import behind_hooks, caller, is_importing, is_third_party, kind_of
from samefit.calls import makes_seeded_generator
from samefit.patches import pin_entropy
from samefit.pin import limits
from samefit.pin.here import here
from samefit.pin.report import PinReport
from samefit.pin.spool import Spool, told

if TYPE_CHECKING:
    from samefit.pin.scope import PinScope

_THROUGH = (random.__file__, secrets.__file__)


def pin_entropy_of_users(scope: PinScope) -> None:
    """Seeds what the user's code leaves unseeded, and says what it takes from the operating system."""
    pin_entropy.watch_entropy(scope.patches, Entropy(scope.report))


class Entropy:
    """Knows for whom entropy is taken: the user's code and other libraries, or Keras, a framework or Python itself.

    Python's process-wide generator gives the seeds. It begins anew with each training and each batch of a `PyDataset`,
    and callbacks have their own: what is seeded from it is kept apart as what is drawn from it is. And the initialiser
    that makes a generator is seen to draw.

    Args:
        report: Where what it takes from the operating system is said.
    """

    def __init__(self, report: PinReport) -> None:
        self._report = report
        self._said: set[tuple[Spool | None, str, int]] = set()

    def bits(self, frame: FrameType, number: int) -> int | None:
        taker: FrameType | None = behind_hooks(frame)
        if taker is None or kind_of(taker.f_code) == "own" or makes_seeded_generator(taker):
            return None
        taker = _taker(taker)
        if taker is None or is_importing(taker) or (where := caller(taker).location) is None:
            return None
        if self._report.is_over and told() is None:
            # In a process that was forked in the scope, and outlives it.
            return None
        if here.is_loose("Python"):
            self._report.limit(limits.worker_draw("A generator without a seed is made", where))
        with here.under_key():
            # What it takes from Python's generator is said already.
            return random.getrandbits(number)

    def took(self, frame: FrameType, function: str) -> None:
        taker = _taker(frame)
        if taker is None or (place := (told(), taker.f_code.co_filename, taker.f_lineno)) in self._said:
            return
        self._said.add(place)
        where = caller(taker).location
        if where is not None:
            self._report.limit(limits.os_entropy(function, where))


def _taker(frame: FrameType | None) -> FrameType | None:
    """Returns the innermost frame that is no part of the taking, if it is the user's or another library's."""
    while frame is not None:
        code = frame.f_code
        if pin_entropy.is_of_numpy(code) or (
            code.co_filename == secrets.__file__ and code.co_name.startswith("token_")
        ):
            # Bits that NumPy is not to be given, and names for files and requests.
            return None
        if kind_of(code) == "user" or is_third_party(code):
            return frame
        if kind_of(code) != "own" and code.co_filename not in _THROUGH:
            return None
        frame = frame.f_back
    return None
