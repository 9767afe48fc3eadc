"""What an audit says in its first line."""

from __future__ import annotations

from samefit.explain.sources import Source, Standing
from samefit.report.audit_text import answer

SEEDED, UNSEEDED = (Source("layer", "Dropout", standing) for standing in (Standing.BY_POSITION, Standing.UNSEEDED))
LIMIT = {"kind": "raw-draw", "text": "a layer draws by itself"}


def test_the_answer_says_what_is_open() -> None:
    assert answer((SEEDED, SEEDED), ()) == "2 sources of randomness, none unseeded"
    assert answer((SEEDED, UNSEEDED), ()) == "1 of 2 sources of randomness unseeded"
    assert answer((SEEDED,), (LIMIT,)) == "1 source of randomness, none unseeded; 1 limit of the pin"
