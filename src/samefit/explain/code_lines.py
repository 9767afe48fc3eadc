"""Where two functions of the user's own are not the same code: the first statement that one of them has alone."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

from samefit.statements import flat
from samefit.types import Location

Statement = tuple[str, int]
"""A statement as Python would write it, of a compound one its head, and the line on which it stands."""


Places = tuple[Location | None, Location | None]
"""A line of each side; None for a side that has nothing in its place."""

Parting = Places | None
"""Where two functions part; None if that is not known."""


def first_difference(one: Any, other: Any) -> Parting:
    """Returns where two functions part.

    Args:
        one: The baseline's function as it was recorded: {"file", "line", "source"}.
        other: The candidate's.

    Returns:
        None if a source is not known, or nothing differs in them (then something does that they read or call).
    """
    first, second = _statements(one), _statements(other)
    if first is None or second is None:
        return None
    matcher = SequenceMatcher(None, [text for text, _ in first], [text for text, _ in second], autojunk=False)
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind != "equal":
            return _location(one, first[i1:i2]), _location(other, second[j1:j2])
    return None


def other_code(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[tuple[str, Places]]:
    """Yields the functions of the user's own that are not the same code, and the line of each side.

    Args:
        one: The baseline's, as they were recorded: {name: {"code": digest, "name": {"file", "line", "source"}}}.
        other: The candidate's.

    Yields:
        (name, where the two part, or where they stand).
    """
    for key in {**one, **other}:
        mine, theirs = one.get(key), other.get(key)
        if mine is None or theirs is None or mine["code"] != theirs["code"]:
            first, second = (None if each is None else each["name"] for each in (mine, theirs))
            yield key, first_difference(first, second) or (first and head_of(first), second and head_of(second))


_MOST_BLOCKS = 4
"""Two lists of statements that differ in more places are two other programs: no line of them tells anything."""


def parted_statements(one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]) -> list[Places]:
    """Returns the lines at which two lists of statements are not the same, in their order.

    Args:
        one: The baseline's, as they were recorded: {"file", "line", "text"}.
        other: The candidate's.
    """
    # What a value is called matters to nobody who reads no other name of it.
    first, second = ([re.sub(r"^\w+ = ", "", str(each["text"])) for each in side] for side in (one, other))
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    blocks = [block for block in matcher.get_opcodes() if block[0] != "equal"]
    if len(blocks) > _MOST_BLOCKS:
        return []
    found: list[Places] = []
    for _, i1, i2, j1, j2 in blocks:
        first_ones, others = (side[begin : begin + _MOST_BLOCKS] for side, begin in ((one[:i2], i1), (other[:j2], j1)))
        found += [(_written(mine), _written(theirs)) for mine, theirs in zip_longest(first_ones, others)]
    return found


def _written(statement: Mapping[str, Any] | None) -> Location | None:
    if statement is None:
        return None
    return Location(str(statement["file"]), int(statement["line"]), str(statement["text"]))


def head_of(function: Mapping[str, Any]) -> Location:
    """Returns where a function begins."""
    lines = str(function["source"]).splitlines() or [""]
    return Location(str(function["file"]), int(function["line"]), lines[0].strip())


def _statements(function: Any) -> list[Statement] | None:
    if not isinstance(function, Mapping) or not function.get("source"):
        return None
    try:
        tree = ast.parse(textwrap.dedent(str(function["source"])))
    except SyntaxError:  # a lambda, or a function in the middle of an expression
        return None
    offset = int(function["line"]) - 1
    return [(text, line + offset) for text, line in flat(tree.body)]


def _location(function: Mapping[str, Any], statements: Sequence[Statement]) -> Location | None:
    if not statements:
        return None
    line = statements[0][1]
    code = str(function["source"]).splitlines()[line - int(function["line"])].strip()
    return Location(str(function["file"]), line, code)
