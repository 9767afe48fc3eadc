"""Python's statements in the order in which they stand, each as Python would write it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

Node = ast.stmt | ast.excepthandler | ast.match_case

PARTS = ("body", "handlers", "cases", "orelse", "finalbody")
"""What a compound statement is made of, in the order in which it stands."""


def flat(body: Sequence[Node]) -> Iterator[tuple[str, int]]:
    """Yields (each statement but docstrings as Python would write it, of a compound one its head; its line)."""
    for node in body:
        if is_text(node):
            continue
        yield text_of(node), line_of(node)
        for name, part in parts_of(node):
            if name in ("orelse", "finalbody"):
                yield name, line_of(part[0])
            yield from flat(part)


def parts_of(node: ast.AST) -> list[tuple[str, list[Node]]]:
    """Returns the bodies of a compound statement by their names; none of a simple one."""
    return [(name, part) for name in PARTS if isinstance(part := getattr(node, name, None), list) and part]


def is_text(node: ast.AST) -> bool:
    """Whether a statement is a docstring, or another text that stands alone."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def text_of(node: Node) -> str:
    """Returns a statement as Python would write it; of a compound one its head."""
    lines = ast.unparse(node).splitlines()
    if not parts_of(node):
        return "\n".join(lines)
    decorators = len(getattr(node, "decorator_list", []))
    return " ".join(lines[: decorators + 1])


def line_of(node: Node) -> int:
    """Returns the line on which a statement begins, with its decorators."""
    if isinstance(node, ast.match_case):
        return node.pattern.lineno
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min(part.lineno for part in (node, *decorators))
