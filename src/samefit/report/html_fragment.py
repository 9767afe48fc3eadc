"""A comparison as a small piece of HTML, for the cell of a notebook; no scripts, nothing from outside."""

from __future__ import annotations

from html import escape

from samefit.comparison.model_result import ModelComparison
from samefit.comparison.result import Comparison
from samefit.report.model_sections import model_sections
from samefit.report.sections import Line, Report, sections

_COLOURS = {"good": "#1a7f37", "bad": "#cf222e", "doubt": "#9a6700"}
_STYLES = {"plain": "", "strong": "font-weight:600", "good": f"color:{_COLOURS['good']}", "dim": "opacity:.65"}


def to_html(comparison: Comparison) -> str:
    """Returns the report as HTML; everything that comes from a script is escaped.

    Args:
        comparison: What to show. With `unpinned`, two blocks: as it is, and pinned.
    """
    if comparison.unpinned is None:
        return _block(sections(comparison))
    return (
        f"<div><b>as it is</b></div>{_block(sections(comparison.unpinned))}"
        f"<div><b>pinned</b></div>{_block(sections(comparison))}"
    )


def models_to_html(comparison: ModelComparison) -> str:
    """Returns the report of two models as HTML; everything that comes from a script is escaped."""
    return _block(model_sections(comparison))


def _block(report: Report) -> str:
    head = (
        f'<div><b style="color:{_COLOURS[report.tone]}">{escape(report.mark)} {escape(report.verdict)}</b> &nbsp; '
        f"{escape(report.sides[0])} · {escape(report.sides[1])} &nbsp; "
        f'<span style="opacity:.65">{escape(" · ".join(report.environments))}</span></div>'
    )
    rows = "".join(
        f'<tr><td style="text-align:left;vertical-align:top;opacity:.65">{escape(row.label)}</td>'
        f'<td style="text-align:left">{"".join(map(_line, row.lines))}</td></tr>'
        for row in report.rows + report.footer
    )
    return f'<div style="font-size:.95em;line-height:1.45">{head}<table style="border:none">{rows}</table></div>'


def _line(line: Line) -> str:
    style = _STYLES[line.style] + (";padding-left:1em" if line.indented else "")
    lead = " ".join(filter(None, line.lead))
    prefix = f"<code>{escape(lead)}</code> &nbsp;" if lead else ""
    text = escape(line.text).replace("\n", "<br>")
    return f'<div style="{style}">{prefix}{text}</div>'
