"""The mode that a line of the user's writes, and what kind of function it stands in."""

from __future__ import annotations

import sys

from samefit.record.modes import written_mode
from samefit.types import WrittenMode


def layer(training: bool | None = None) -> WrittenMode | None:
    return written_mode(sys._getframe(1))


class Net:
    def call(self, x: int) -> WrittenMode | None:
        return layer(training=False)

    def encode(self, x: int, *, training: bool | None = None) -> WrittenMode | None:
        return layer(training=True)

    def handed(self, x: int, training: bool | None = None) -> WrittenMode | None:
        return layer(training=training)

    def train_step(self, x: int) -> WrittenMode | None:
        return layer(training=True)


def test_where_a_literal_mode_stands() -> None:
    net = Net()
    found = [net.call(1), net.encode(1), net.train_step(1)]
    assert [each and (each.value, each.in_call) for each in found] == [(False, True), (True, True), (True, False)]
    assert found[0] is not None
    assert (found[0].location.file, found[0].location.code) == (__file__, "return layer(training=False)")
    assert net.handed(1) is None
