"""An audit as text and as JSON: which sources of randomness a script has, and which nobody seeded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from samefit.explain.sources import Source, Standing
from samefit.report.tables import encodable, print_table
from samefit.report.words import Places, count, limit_of_pin

_MARKS = {Standing.UNSEEDED: "✗", Standing.BY_POSITION: "!", Standing.FIXED: "✓", Standing.PINNED: "✓"}


def print_audit(
    sources: tuple[Source, ...],
    *,
    steps: int,
    ended_early: bool,
    limits: Sequence[Mapping[str, Any]],
    unpinned: Sequence[Mapping[str, Any]],
    console: Console,
) -> None:
    """Prints the answer, then one row for each source, then what to do.

    Args:
        sources: The sources, those that are unseeded first.
        steps: Number of training steps that were looked at.
        ended_early: Whether the script was ended after them.
        limits: What there is to say of a pin, as the manifest has it.
        unpinned: Those of them that leave something unpinned.
        console: Where to print.
    """
    unseeded = [source for source in sources if source.standing is Standing.UNSEEDED]
    places = Places(frozenset(source.location.file for source in sources if source.location is not None))
    is_fine = not unseeded and not unpinned
    line = f"{'✓' if is_fine else '✗'} {answer(sources, unpinned)}"
    head = Text(encodable(console, line), "bold green" if is_fine else "bold red")
    console.print(head, soft_wrap=True, highlight=False)
    console.print()
    if sources:
        rows = [
            (
                _MARKS[source.standing],
                source.kind,
                places(source.location) if source.location is not None else "",
                source.standing.value,
                _what(source),
            )
            for source in sources
        ]
        print_table(console, ("", "kind", "at", "standing", "what, and who seeded it"), rows)
        console.print()
    for remedy in dict.fromkeys(source.remedy for source in unseeded if source.remedy):
        print_table(console, (), [("fix", remedy)])
    if any(source.standing is Standing.BY_POSITION for source in sources):
        text = "By position: seeded, but a draw added before it changes its values; samefit.pinned(SEED) ends that."
        print_table(console, (), [("note", text)])
    for limit in limits:
        print_table(console, (), [limit_of_pin(limit)])
    if ended_early:
        text = f"The script was ended after {count(steps, 'step')} of training: what it draws later was not seen."
        print_table(console, (), [("note", text)])


def answer(sources: Sequence[Source], unpinned: Sequence[Mapping[str, Any]]) -> str:
    """Returns the answer in one line."""
    unseeded = sum(source.standing is Standing.UNSEEDED for source in sources)
    said = f"{count(len(sources), 'source')} of randomness"
    said = f"{unseeded} of {said} unseeded" if unseeded else f"{said}, none unseeded"
    return f"{said}; {count(len(unpinned), 'limit')} of the pin" if unpinned else said


def _what(source: Source) -> str:
    what = source.what if source.count == 1 else f"{source.what} ({source.count} times)"
    return f"{what}; {source.seeded_by}" if source.seeded_by else what


def source_as_json(source: Source) -> dict[str, Any]:
    """Returns one source as plain data."""
    location = source.location
    return {
        "kind": source.kind,
        "what": source.what,
        "standing": source.standing.value,
        "seeded_by": source.seeded_by,
        "remedy": source.remedy,
        "count": source.count,
        "location": None if location is None else {"file": location.file, "line": location.line, "code": location.code},
    }
