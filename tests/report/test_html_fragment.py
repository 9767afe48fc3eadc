"""The comparison in the cell of a notebook."""

from __future__ import annotations

from html.parser import HTMLParser

from samefit.comparison.result import Comparison
from samefit.report.html_fragment import to_html


class Balance(HTMLParser):
    """Checks that every tag is closed, in order, and remembers which there are."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_well_formed_without_scripts_or_anything_from_outside(sample: Comparison) -> None:
    parser = Balance()
    html = to_html(sample)
    parser.feed(html)
    parser.close()
    assert parser.open == []
    assert parser.seen <= {"div", "b", "span", "table", "tr", "td", "code", "br"}
    assert "http" not in html


def test_what_a_script_says_is_escaped(samples: dict[str, Comparison]) -> None:
    html = to_html(samples["hostile"])
    assert "<b>\\x1b" not in html
    assert "&lt;b&gt;" in html


def test_it_says_what_the_text_says(samples: dict[str, Comparison]) -> None:
    html = to_html(samples["diverged"])
    for fact in ("diverged", "generator-advanced, confirmed", "line 42", "the same 1797 samples in another order"):
        assert fact in html
    both = to_html(samples["pinned"])
    assert both.index("diverged") < both.index("identical")
