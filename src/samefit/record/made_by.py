"""The statements that make the data that is trained on, as they stand in the user's source: a backward slice, by names.

It says where to look, and proves nothing: names are followed through functions of the user's own, and not through what
libraries are handed.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import linecache
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

from samefit.attribution import kind_of
from samefit.data_code import attributes_held
from samefit.statements import Node, is_text, line_of, parts_of, text_of

_DATA: tuple[str, ...] = ("x", "y", "sample_weight")

_MOST = 40
"""So many statements are kept, those that stand last."""

_MOST_LINES = 20_000
"""A file of more lines is not read."""

_LONGEST = 200
"""Statements of more characters are cut, with a digest of the whole; values of more are left out."""

_BEHIND = 1_000_000
"""Values stand behind all else on the line of the call."""

_MOST_CALLS = 256
"""So many calls are remembered: a loop calls `fit` again and again."""

_slices: dict[tuple[tuple[CodeType, int], ...], _Slicer] = {}

_WRITE = ("shuffle", "sort", "fill", "put", "place", "copyto", "put_along_axis", "fill_diagonal")
"""Functions that write into what they are given."""

_LEAVE = ("fit", "evaluate", "predict", "compile", "summary", "train_on_batch", "close")
"""Methods that change nothing of the data that their object holds."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Scope = ast.Module | _Function


def statements_behind(frame: FrameType | None, method: str) -> list[dict[str, Any]]:
    """Returns the statements that make the data that `fit` or `train_on_batch` is given.

    Args:
        frame: It is called by the innermost frame of the user's code from here outwards.
        method: Which of the two.

    Returns:
        [{"file", "line" (1-based), "text"}], file by file as they stand, with the values that some of their names have
        at the call; none where the source is not known.
    """
    frames = [*_users(frame)]
    chain = tuple((each.f_code, each.f_lineno) for each in frames)
    if chain not in _slices:
        if len(_slices) >= _MOST_CALLS:
            _slices.clear()
        _slices[chain] = _Slicer()
        with contextlib.suppress(RecursionError):  # a sum of very many parts, which `ast.unparse` cannot write
            _slices[chain].follow(frames, method)
    slicer = _slices[chain]
    kept = {file: dict(statements) for file, statements in slicer.kept.items()}
    for each, wanted in zip(frames, slicer.wanted, strict=False):
        statements = kept.setdefault(each.f_code.co_filename, {})
        said = {*statements.values()}
        for number, text in enumerate(_values(each, wanted)):
            if text not in said:
                statements[each.f_lineno, number + _BEHIND] = text
    every = ((file, place[0], kept[file][place]) for file in kept for place in sorted(kept[file]))
    return [{"file": file, "line": line, "text": _short(text)} for file, line, text in every][-_MOST:]


def _short(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]} … ({hashlib.blake2b(text.encode(errors='replace'), digest_size=4).hexdigest()})"


def _values(frame: FrameType, wanted: Iterable[str]) -> Iterator[str]:
    """Yields the values of names in a frame: of a loop, of the arguments of the script."""
    for name in sorted(wanted):
        first, _, second = name.partition(".")
        value = frame.f_locals.get(first)
        if second:
            value = None if type(value) in (ModuleType, type) else attributes_held(value).get(second)
        # Nothing of the user's is run to write it.
        text = f"{name} = {value!r}" if type(value) in (bool, int, float, str) else ""
        if text and len(text) <= _LONGEST and not name.startswith("__"):
            yield text


@dataclass(frozen=True)
class _Place:
    """A file, and what the names in one of its scopes stand for."""

    file: str
    tree: ast.Module
    globals: Mapping[str, Any]
    locals: Mapping[str, Any]


class _Slicer:
    """Finds the statements behind one call.

    Attributes:
        kept: {file: {(line, column): statement}}.
        wanted: The names behind the call in each of the frames that were looked at, from within outwards.
    """

    def __init__(self) -> None:
        self.kept: dict[str, dict[tuple[int, int], str]] = {}
        self.wanted: list[set[str]] = []
        self._whole_ones: set[int] = set()

    def follow(self, frames: Sequence[FrameType], method: str) -> None:
        """Goes from the call outwards, as long as something that it is given comes from further out."""
        parameters, asked = _DATA, {*_DATA}
        for frame in frames:
            found = _scope_of(frame.f_code)
            call = None if found is None else _call_at(found[1], frame.f_lineno, method)
            if found is None or call is None or not asked:
                return
            tree, scope = found
            place = _Place(frame.f_code.co_filename, tree, frame.f_globals, frame.f_locals)
            given = _handed_over(call, parameters, asked)
            wanted = {name for each in given for inner in ast.walk(each) for name in _names(inner)}
            self._slice(place, scope, wanted, call)
            self._given(place, given)
            self.wanted.append(wanted)
            method, parameters = frame.f_code.co_name, _parameters(scope)
            asked = wanted & {*parameters}

    def _slice(self, place: _Place, scope: _Scope, wanted: set[str], call: ast.Call) -> None:
        """Keeps the statements of a scope that make the wanted names, and those of the file that these need."""
        self._attributes(place, scope, wanted)
        self._body(place, scope.body, wanted, call, is_straight=True)
        if isinstance(scope, ast.Module):
            self._elsewhere(place, wanted)
            return
        outer = wanted - {*_bound_in(scope), *_parameters(scope)}
        self._body(place, place.tree.body, outer, None)
        self._elsewhere(place, outer)

    def _given(self, place: _Place, given: Sequence[ast.expr]) -> None:
        """Keeps what is handed over where it is more than a name."""
        for each in given:
            if not isinstance(each, (ast.Name, ast.Attribute, ast.Constant)):
                self._kept_of(place)[each.lineno, each.col_offset] = ast.unparse(each)

    def _kept_of(self, place: _Place) -> dict[tuple[int, int], str]:
        return self.kept.setdefault(place.file, {})

    def _attributes(self, place: _Place, scope: _Scope, wanted: set[str]) -> None:
        """Keeps the statements of the methods around a scope that make attributes of `self`."""
        around = next((c for c in ast.walk(place.tree) if isinstance(c, ast.ClassDef) and scope in c.body), None)
        if around is None:
            return
        self._whole_ones.add(id(around))
        for function in around.body:
            if isinstance(function, _FUNCTIONS) and function is not scope:
                self._body(place, function.body, wanted, None)

    def _body(
        self, place: _Place, body: Sequence[Node], wanted: set[str], call: ast.Call | None, *, is_straight: bool = False
    ) -> bool:
        """Goes backwards through statements, adds what is wanted then, and says whether one of them was kept.

        Args:
            place: The file.
            body: The statements.
            wanted: Names.
            call: The call that is looked back from: its own statement and what stands behind it are passed over.
            is_straight: Whether all of them are run, one after the other: what is assigned then was nothing before.
        """
        kept = False
        for node in reversed(body):
            if call is not None and not _precedes(node, call):
                continue
            if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
                if node.name in wanted and id(node) not in self._whole_ones:
                    self._whole(place, node, wanted)
                    kept = True
                continue
            inner = [self._body(place, part, wanted, call) for _, part in reversed(parts_of(node))]
            if any(inner) or _makes(node, wanted, place):
                self._keep(place, node)
                if is_straight and isinstance(node, ast.Assign):
                    wanted -= {target.id for target in node.targets if isinstance(target, ast.Name)}
                wanted |= _loads(node)
                kept = True
        return kept

    def _whole(self, place: _Place, node: _Function | ast.ClassDef, wanted: set[str]) -> None:
        """Keeps all of a function or a class; what it takes from outside is wanted then."""
        self._whole_ones.add(id(node))
        for each in _every(node):
            self._keep(place, each)
        inside = {*_bound_in(node), *(name for each in ast.walk(node) for name in _parameters(each))}
        wanted |= {name for each in ast.walk(node) for name in _names(each)} - inside

    def _elsewhere(self, place: _Place, wanted: set[str]) -> None:
        """Keeps functions of other files of the user's that global names stand for."""
        for name in sorted(wanted):
            first, _, second = name.partition(".")
            value = place.globals.get(first)
            value = vars(value).get(second) if type(value) is ModuleType else value
            if type(value) is not FunctionType or kind_of(value.__code__) != "user":
                continue
            found = None if value.__code__.co_filename == place.file else _scope_of(value.__code__)
            if found is not None and id(found[1]) not in self._whole_ones:
                tree, scope = found
                there = _Place(value.__code__.co_filename, tree, value.__globals__, value.__globals__)
                if isinstance(scope, _FUNCTIONS):
                    further = set[str]()
                    self._whole(there, scope, further)
                    self._body(there, tree.body, further, None)

    def _keep(self, place: _Place, node: Node) -> None:
        self._kept_of(place)[line_of(node), getattr(node, "col_offset", 0)] = text_of(node)


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _users(frame: FrameType | None) -> Iterator[FrameType]:
    """Yields the frames of the user's code from one outwards, those of functions and modules."""
    while frame is not None:
        code = frame.f_code
        # A comprehension and a lambda stand in a statement of the function around them.
        if kind_of(code) == "user" and (not code.co_name.startswith("<") or code.co_name == "<module>"):
            yield frame
        frame = frame.f_back


@functools.lru_cache(maxsize=32)
def _tree(file: str) -> ast.Module | None:
    lines = linecache.getlines(file)
    if not 0 < len(lines) <= _MOST_LINES:
        return None
    try:
        return ast.parse("".join(lines))
    except SyntaxError:  # a cell of a notebook with magic commands
        return None


def _scope_of(code: CodeType) -> tuple[ast.Module, _Scope] | None:
    """Returns the tree of a file and what of it a code object is: the whole, or a function."""
    tree = _tree(code.co_filename)
    if tree is None or code.co_name == "<module>":
        return None if tree is None else (tree, tree)
    for node in ast.walk(tree):
        if isinstance(node, _FUNCTIONS) and node.name == code.co_name and line_of(node) == code.co_firstlineno:
            return tree, node
    return None


def _call_at(scope: _Scope, line: int, name: str) -> ast.Call | None:
    """Returns the smallest call of a name, or of a method of that name, that stands on a line."""
    calls = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Call)
        and node.lineno <= line <= (node.end_lineno or node.lineno)
        and (getattr(node.func, "attr", None) or getattr(node.func, "id", None)) == name
    ]
    return min(calls, key=lambda call: (call.end_lineno or 0) - call.lineno, default=None)


def _precedes(node: Node, call: ast.Call) -> bool:
    """Whether something of a statement stands before a call that it does not make itself."""
    begin = node.pattern if isinstance(node, ast.match_case) else node
    if (begin.lineno, begin.col_offset) > (call.lineno, call.col_offset):
        return False
    return bool(parts_of(node)) or all(inner is not call for inner in ast.walk(node))


def _handed_over(call: ast.Call, parameters: Sequence[str], asked: set[str]) -> list[ast.expr]:
    """Returns what a call hands over for some parameters of a function."""
    found: list[ast.expr] = []
    names = [*parameters]
    if isinstance(call.func, ast.Attribute) and names[:1] in (["self"], ["cls"]):
        found += [call.func.value] if names.pop(0) in asked else []
    for number, argument in enumerate(call.args):
        if isinstance(argument, ast.Starred):
            found.append(argument)
            break
        if number < len(names) and names[number] in asked:
            found.append(argument)
    return found + [keyword.value for keyword in call.keywords if keyword.arg is None or keyword.arg in asked]


def _parameters(node: ast.AST) -> tuple[str, ...]:
    if not isinstance(node, (*_FUNCTIONS, ast.Lambda)):
        return ()
    its = node.args
    every = [*its.posonlyargs, *its.args, *its.kwonlyargs, *filter(None, (its.vararg, its.kwarg))]
    return tuple(argument.arg for argument in every)


def _names(node: ast.AST) -> Iterator[str]:
    """Yields what a node of a tree reads: a name, and the attribute of one with it."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        yield f"{node.value.id}.{node.attr}"


def _loads(node: Node) -> set[str]:
    """Returns the names that a statement reads, of a compound one its head."""
    bodies = {id(each) for _, part in parts_of(node) for each in part}
    heads = [child for child in ast.iter_child_nodes(node) if id(child) not in bodies]
    return {name for head in heads for inner in ast.walk(head) for name in _names(inner)}


def _targets(node: ast.AST) -> Iterator[ast.expr]:
    """Yields what a node of a tree assigns to."""
    if isinstance(node, ast.Assign):
        yield from node.targets
    elif isinstance(node, (ast.AugAssign, ast.AnnAssign, ast.For, ast.AsyncFor, ast.NamedExpr, ast.comprehension)):
        yield node.target
    elif isinstance(node, (ast.With, ast.AsyncWith)):
        yield from (item.optional_vars for item in node.items if item.optional_vars is not None)


def _bound(target: ast.AST) -> Iterator[str]:
    """Yields the names that an assignment changes: an item and an attribute change what they belong to."""
    if isinstance(target, (ast.Tuple, ast.List)):
        for each in target.elts:
            yield from _bound(each)
    elif isinstance(target, (ast.Subscript, ast.Starred)):
        yield from _bound(target.value)
    elif isinstance(target, ast.Attribute):
        if isinstance(target.value, ast.Name):
            yield f"{target.value.id}.{target.attr}"
        if not (isinstance(target.value, ast.Name) and target.value.id == "self"):
            yield from _bound(target.value)
    elif isinstance(target, ast.Name):
        yield target.id


def _bound_in(scope: ast.AST) -> Iterator[str]:
    """Yields the names that are local to a function or a class."""
    for node in ast.walk(scope):
        for target in _targets(node):
            yield from _bound(target)
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)) and node is not scope:
            yield node.name


def _makes(node: Node, wanted: set[str], place: _Place) -> bool:
    """Whether a statement assigns to a name that is wanted, or changes what it stands for."""
    if any(name in wanted for target in _targets(node) for name in _bound(target)):
        return True
    if isinstance(node, (ast.For, ast.AsyncFor)) and any(_moves(name, place) for name in _loads(node) & wanted):
        return True
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call):
        return False
    if isinstance(call.func, ast.Attribute):
        owners = [name for name in _bound(call.func.value) if name in wanted]
        held = [place.globals.get(name.partition(".")[0]) for name in owners]
        if any(type(value) is not ModuleType for value in held) and call.func.attr not in _LEAVE:
            return True
    written = getattr(call.func, "attr", None) or getattr(call.func, "id", None)
    return written in _WRITE and any(name in wanted for each in call.args for name in _bound(each))


def _moves(name: str, place: _Place) -> bool:
    """Whether what a name stands for may be moved by a look at its items: an iterator, a dataset that shuffles."""
    kind = type(place.locals.get(name))
    is_array = hasattr(kind, "__array__") or issubclass(kind, (str, list, tuple, dict, range, set, frozenset))
    return hasattr(kind, "__iter__") and not is_array


def _every(node: Node) -> Iterator[Node]:
    """Yields a statement and all within it."""
    if not is_text(node):
        yield node
    for _, part in parts_of(node):
        for each in part:
            yield from _every(each)
