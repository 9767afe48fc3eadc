"""Where two functions of the user's own are not the same code: the first statement that one of them has alone."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

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
    return [(text, line + offset) for text, line in _flat(tree.body)]


def _flat(body: Sequence[ast.stmt | ast.excepthandler]) -> Iterator[Statement]:
    for node in body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            continue  # a docstring
        parts = [(name, part) for name in _PARTS if (part := getattr(node, name, None))]
        decorators = getattr(node, "decorator_list", [])
        yield _head(node) if parts else ast.unparse(node), min(part.lineno for part in (node, *decorators))
        for name, part in parts:
            if name in ("orelse", "finalbody"):
                yield name, part[0].lineno
            yield from _flat(part)


_PARTS = ("body", "handlers", "orelse", "finalbody")
"""What a compound statement is made of, in the order in which it stands."""


def _head(node: ast.stmt | ast.excepthandler) -> str:
    lines = ast.unparse(node).splitlines()
    decorators = len(getattr(node, "decorator_list", []))
    return " ".join(lines[: decorators + 1])


def _location(function: Mapping[str, Any], statements: Sequence[Statement]) -> Location | None:
    if not statements:
        return None
    line = statements[0][1]
    code = str(function["source"]).splitlines()[line - int(function["line"])].strip()
    return Location(str(function["file"]), line, code)
