"""The report as text in a terminal: the answer first, aligned, wrapped to the width that there is."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from samefit.comparison.model_result import ModelComparison
from samefit.comparison.result import Comparison
from samefit.report.model_sections import model_sections
from samefit.report.sections import Report, Row, sections
from samefit.report.words import SEPARATOR

_LABEL = 12  # where all that is said begins, counted from the left of the label
_MARGIN = 2
_MIN_WIDTH = 40

_STYLES = {"plain": "", "strong": "bold", "good": "green", "dim": "dim"}
_TONES = {"good": "bold green", "bad": "bold red", "doubt": "bold yellow"}

_ASCII = str.maketrans(
    {
        "✓": "+", "✗": "x", "≈": "~", "…": "...", "·": "|", "×": "x", "–": "-", "—": "-", "→": "->", "±": "+-",
        "“": '"', "”": '"', "‘": "'", "’": "'", "≤": "<=", "≥": ">=",
    }
)  # fmt: skip


def render(comparison: Comparison, *, verbose: bool, console: Console, quiet: bool = False) -> None:
    """Prints a comparison.

    Args:
        comparison: What to print. With `unpinned`, two blocks: as it is, and pinned.
        verbose: Whether to say all: every piece of evidence, settings that differ, alignment, timing.
        console: Where to print; its width, encoding and colour decide the form.
        quiet: Whether to print the line of the verdict only.
    """
    writer = _Writer(console)
    if comparison.unpinned is None:
        writer.report(sections(comparison, verbose=verbose), quiet)
        return
    writer.heading("as it is")
    as_it_is = sections(comparison.unpinned, verbose=verbose)
    writer.report(as_it_is, quiet)
    if not quiet:
        writer.blank()
    writer.heading("pinned")
    writer.report(sections(comparison, verbose=verbose), quiet)


def render_models(comparison: ModelComparison, *, verbose: bool, console: Console, quiet: bool = False) -> None:
    """Prints a comparison of two models; the arguments are those of `render`."""
    _Writer(console).report(model_sections(comparison, verbose=verbose), quiet)


def as_text(comparison: Comparison, *, verbose: bool = False, width: int = 100) -> str:
    """Returns a comparison as plain text, without colour: for the message of an error or a log.

    Args:
        comparison: What to say.
        verbose: Whether to say all.
        width: Columns to wrap to.
    """
    stream = io.StringIO()
    # Not what FORCE_COLOR or a notebook would make of it: the text is the same everywhere.
    plain = Console(file=stream, width=width, force_terminal=False, force_jupyter=False, color_system=None, _environ={})
    render(comparison, verbose=verbose, console=plain)
    return stream.getvalue()


class _Writer:
    """Lays rows out on one console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._width = max(console.width, _MIN_WIDTH)
        self._ascii = console.options.ascii_only

    def blank(self) -> None:
        self._console.print()

    def heading(self, text: str) -> None:
        self._print(Text(text, "bold underline" if self._console.is_terminal else ""))

    def report(self, report: Report, quiet: bool) -> None:
        self._verdict(report)
        if quiet:
            return
        self.blank()
        for number, row in enumerate(report.rows):
            if row.begins and number:
                self.blank()
            self._row(row)
        if report.footer:
            self.blank()
            for row in report.footer:
                self._row(row)

    def _verdict(self, report: Report) -> None:
        """Prints verdict, sides and environment on one line if they fit, else under each other."""
        head = Text.assemble((self._encodable(f"{report.mark} {report.verdict}"), _TONES[report.tone]))
        head.append(" " * max(2, _MARGIN + _LABEL - cell_len(head.plain)))
        first, second = (self._encodable(side) for side in report.sides)
        environments = [self._encodable(environment) for environment in report.environments]
        middle = self._encodable("   ·   ")
        one_line = f"{first}{middle}{second}"
        if len(environments) == 1 and head.cell_len + cell_len(one_line) + 3 + cell_len(environments[0]) <= self._width:
            gap = self._width - head.cell_len - cell_len(one_line) - cell_len(environments[0])
            # On a wide terminal the environment does not flee to the far right.
            tail = Text(" " * min(gap, 8) + environments[0], "dim")
            self._print(Text.assemble(head, one_line, tail))
            return
        indent = head.cell_len
        blank = Text(" " * indent)
        if len(environments) == 1:
            if indent + cell_len(one_line) <= self._width:
                self._print(Text.assemble(head, one_line))
            else:
                self._wrapped(head, Text(first))
                self._wrapped(blank, Text(second))
            self._wrapped(blank, Text(environments[0], "dim"))
            return
        width = max(cell_len(first), cell_len(second)) + 3
        beside = indent + width + max(map(cell_len, environments)) <= self._width
        for lead, side, environment in ((head, first, environments[0]), (blank, second, environments[1])):
            if beside:
                padding = " " * (width - cell_len(side))
                self._print(Text.assemble(lead, side, padding, (environment, "dim")))
            else:
                self._wrapped(lead, Text(side))
                self._wrapped(blank, Text(environment, "dim"))

    def _row(self, row: Row) -> None:
        label = Text(" " * _MARGIN + row.label)
        label.append(" " * max(2, _MARGIN + _LABEL - label.cell_len))
        leads = _leads([line.lead for line in row.lines])
        for line, lead in zip(row.lines, leads, strict=True):
            start = label.copy()
            if line.indented:
                start.append("  ")
                start.append(self._encodable(lead), "cyan")
            for part in line.text.split("\n"):
                self._wrapped(start, Text(self._encodable(part), _STYLES[line.style]))
                start = Text(" " * start.cell_len)
            label = Text(" " * (_MARGIN + _LABEL))

    def _wrapped(self, lead: Text, body: Text) -> None:
        """Prints a lead and a body that wraps under its own first character."""
        room = self._width - lead.cell_len
        if room < 20:  # a lead that leaves no room: the body goes below it
            for line in lead.wrap(self._console, self._width):
                self._print(line)
            lead, room = Text(" " * (_MARGIN + 2)), self._width - _MARGIN - 2
        for line in self._folded(body, room):
            self._print(Text.assemble(lead, line))
            lead = Text(" " * lead.cell_len)

    def _folded(self, body: Text, room: int) -> Iterator[Text]:
        """Breaks a text into lines, between the things that it lists where it can."""
        separator = self._encodable(SEPARATOR)
        line = Text()
        for item in body.split(separator):
            if not line:
                line = item
            elif line.cell_len + cell_len(separator) + item.cell_len <= room - 2:
                line = Text.assemble(line, separator, item)
            else:
                yield from self._broken(Text.assemble(line, separator), room)
                line = item
        yield from self._broken(line, room)

    def _broken(self, line: Text, room: int) -> Iterator[Text]:
        line.rstrip()
        if " " in line.plain.removesuffix(self._encodable(SEPARATOR).rstrip()):
            yield from line.wrap(self._console, room)
        else:  # a path stays whole, to be copied
            yield line

    def _print(self, text: Text) -> None:
        text.rstrip()
        self._console.print(text, soft_wrap=True, highlight=False, markup=False, emoji=False)

    def _encodable(self, text: str) -> str:
        if not self._ascii:
            return text
        return text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")


def _leads(leads: Sequence[tuple[str, ...]]) -> list[str]:
    """Returns the leads of one row as columns; numbers of lines stand right-aligned, as in an editor's margin."""
    columns = list(zip_longest(*leads, fillvalue=""))
    padded = [_padded(list(column)) for column in columns]
    return ["".join(cells) for cells in zip(*padded, strict=True)] if padded else [""] * len(leads)


def _padded(cells: list[str]) -> list[str]:
    digits = max((len(cell) - 5 for cell in cells if cell.startswith("line ")), default=0)
    cells = [f"line {cell[5:]:>{digits}}" if cell.startswith("line ") else cell for cell in cells]
    width = max(map(cell_len, cells))
    return [cell + " " * (width - cell_len(cell)) + "  " * bool(width) for cell in cells]
