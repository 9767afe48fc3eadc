"""Which names a part of Python's syntax tree reads and binds.

"cfg" is a name, "cfg.scale" its attribute, and "cfg.*" all that it holds: of a name that is handed on as a whole.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from samefit.statements import Node, parts_of

Function = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def parameters_of(node: ast.AST) -> tuple[str, ...]:
    """Returns the parameters of a function; none of anything else."""
    if not isinstance(node, (*FUNCTIONS, ast.Lambda)):
        return ()
    its = node.args
    every = [*its.posonlyargs, *its.args, *its.kwonlyargs, *filter(None, (its.vararg, its.kwarg))]
    return tuple(argument.arg for argument in every)


def read_in(node: ast.AST) -> Iterator[str]:
    """Yields what is read within a node."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        yield node.value.id
        yield f"{node.value.id}.{node.attr}"
        return
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        yield node.id
        yield f"{node.id}.*"
    for child in ast.iter_child_nodes(node):
        yield from read_in(child)


def read_by(node: Node) -> set[str]:
    """Returns what a statement reads, of a compound one its head."""
    bodies = {id(each) for _, part in parts_of(node) for each in part}
    heads = [child for child in ast.iter_child_nodes(node) if id(child) not in bodies]
    return {name for head in heads for name in read_in(head)}


def targets_of(node: ast.AST) -> Iterator[ast.expr]:
    """Yields what a node assigns to."""
    if isinstance(node, ast.Assign):
        yield from node.targets
    elif isinstance(node, (ast.AugAssign, ast.AnnAssign, ast.For, ast.AsyncFor, ast.NamedExpr, ast.comprehension)):
        yield node.target
    elif isinstance(node, (ast.With, ast.AsyncWith)):
        yield from (item.optional_vars for item in node.items if item.optional_vars is not None)


def bound_by(target: ast.AST) -> Iterator[str]:
    """Yields what an assignment to a target changes: an item changes what it belongs to, an attribute its whole."""
    if isinstance(target, (ast.Tuple, ast.List)):
        for each in target.elts:
            yield from bound_by(each)
    elif isinstance(target, (ast.Subscript, ast.Starred)):
        yield from bound_by(target.value)
    elif isinstance(target, ast.Attribute):
        if isinstance(target.value, ast.Name):
            yield f"{target.value.id}.{target.attr}"
            # A method that hands `self` on has no other data than one that does not.
            if target.value.id != "self":
                yield f"{target.value.id}.*"
        else:
            yield from bound_by(target.value)
    elif isinstance(target, ast.Name):
        yield target.id


def bound_anew(node: ast.AST) -> set[str]:
    """Returns the names of which nothing is left that they stood for before a statement."""
    targets = node.targets if isinstance(node, ast.Assign) else []
    flat = [each for target in targets for each in (target.elts if isinstance(target, ast.Tuple) else [target])]
    inner = [each for target in flat for each in (target.elts if isinstance(target, ast.Tuple) else [target])]
    return {each.id for each in inner if isinstance(each, ast.Name)}


def bound_in(scope: ast.AST) -> Iterator[str]:
    """Yields the names that are local to a function or a class."""
    for node in ast.walk(scope):
        for target in targets_of(node):
            yield from bound_by(target)
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and node is not scope:
            yield node.name
