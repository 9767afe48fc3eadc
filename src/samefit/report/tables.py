"""Plain tables of `show` and `doctor`: aligned columns, as wide as what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from samefit.report.words import plain

_MARKS = {"ok": ("✓", "+", "green"), "warn": ("!", "!", "yellow"), "missing": ("✗", "x", "red")}


def print_table(
    console: Console,
    headings: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[int] = (),
    crop: bool = False,
) -> None:
    """Prints a table without lines.

    Args:
        console: Where to print; the last column wraps to its width.
        headings: One a column, or none at all.
        rows: One text a column; None is shown as nothing.
        right: Columns of numbers, which stand right-aligned.
        crop: Whether the last column is cut to the width instead of wrapped.
    """
    cells = [["" if cell is None else encodable(console, plain(cell)) for cell in row] for row in rows]
    if headings:
        cells.insert(0, list(headings))
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    for number, row in enumerate(cells):
        text = Text("  ")
        for i, cell in enumerate(row[:-1]):
            padding = " " * (widths[i] - cell_len(cell))
            text.append(padding + cell if i in right else cell + padding)
            text.append("  ")
        style = "dim" if headings and number == 0 else ""
        room = max(console.width - text.cell_len, 20)
        last = Text(row[-1])
        if crop and last.cell_len > room:
            last = Text(encodable(console, row[-1][: room - 3] + "…"))
        lines = last.wrap(console, room) or [Text()]
        for line in lines:
            line.rstrip()
            whole = Text.assemble(text, line)
            whole.rstrip()
            whole.stylize(style)
            console.print(whole, soft_wrap=True, highlight=False)
            text = Text(" " * text.cell_len)


def print_doctor(rows: Iterable[tuple[str, str, str, str]], console: Console) -> None:
    """Prints rows of (name, value, status, note), status being "ok", "warn" or "missing"."""
    shown = [[encodable(console, plain(cell)) for cell in row] for row in rows]
    names = max((cell_len(row[0]) for row in shown), default=0)
    values = max((cell_len(row[1]) for row in shown), default=0)
    for name, value, status, note in shown:
        mark, ascii_mark, colour = _MARKS.get(status, ("?", "?", ""))
        lead = Text.assemble(
            "  ",
            (ascii_mark if console.options.ascii_only else mark, colour),
            f" {name}{' ' * (names - cell_len(name))}  {value}{' ' * (values - cell_len(value))}  ",
        )
        for line in Text(note).wrap(console, max(console.width - lead.cell_len, 20)) or [Text()]:
            whole = Text.assemble(lead, line)
            whole.rstrip()
            console.print(whole, soft_wrap=True, highlight=False)
            lead = Text(" " * lead.cell_len)


def encodable(console: Console, text: str) -> str:
    """Returns text that the console's encoding can show."""
    if not console.options.ascii_only:
        return text
    return text.replace("·", "|").replace("…", "...").encode("ascii", "backslashreplace").decode("ascii")
