"""Where two functions are not the same code."""

from __future__ import annotations

from typing import Any

import pytest

from samefit.explain.code_lines import first_difference


def function(source: str, line: int = 10) -> dict[str, Any]:
    return {"file": "/code/train.py", "line": line, "source": source}


LOOP = """\
    @decorated
    def call(self, x):
        for layer in self.layers:
            x = layer(x)
        try:
            x = x / 2
        except ValueError:
            x = 0
        else:
            x = x + 1
        match x:
            case _:
                x = -1
        return x
"""


def parts(one: str, other: str) -> list[tuple[int, str] | None] | None:
    found = first_difference(function(one), function(other, 20))
    return None if found is None else [place and (place.line, place.code) for place in found]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("layer(x)", "layer(2 * x)", [(13, "x = layer(x)"), (23, "x = layer(2 * x)")]),
        ("in self.layers", "in self.all", [(12, "for layer in self.layers:"), (22, "for layer in self.all:")]),
        ("ValueError", "KeyError", [(16, "except ValueError:"), (26, "except KeyError:")]),
        ("ValueError", "ValueError as error", [(16, "except ValueError:"), (26, "except ValueError as error:")]),
        ("        else", "        finally", [(19, "x = x + 1"), (29, "x = x + 1")]),
        ("x = x + 1", "x = x + 2", [(19, "x = x + 1"), (29, "x = x + 2")]),
        ("        return x\n", "", [(23, "return x"), None]),
        ("        for", "        x = -x\n        for", [None, (22, "x = -x")]),
        ("@decorated", "@other", [(10, "@decorated"), (20, "@other")]),
        ("case _:", "case 2:", [(21, "case _:"), (31, "case 2:")]),
        ("x = -1", "x = -2", [(22, "x = -1"), (32, "x = -2")]),
    ],
)
def test_the_first_statement_that_differs(old: str, new: str, expected: list[Any]) -> None:
    assert parts(LOOP, LOOP.replace(old, new)) == expected


@pytest.mark.parametrize(
    "other",
    [
        LOOP,
        LOOP.replace("layer(x)", "layer( x )  # called"),
        LOOP.replace("        for", "        '''Calls all.'''\n\n        # One by one.\n        for"),
        "",
        "lambda x: (",
    ],
)
def test_nothing_is_said_of_what_is_the_same_or_cannot_be_read(other: str) -> None:
    assert parts(LOOP, other) is None
    assert first_difference("line 3 of train.py", function(LOOP)) is None
