"""The statements that make the data that is trained on, as they stand in the user's source: a backward slice, by names.

It says where to look, and proves nothing: names are followed through functions of the user's own, and not through what
libraries are handed.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import itertools
import linecache
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

from samefit.attribution import kind_of
from samefit.data_code import attributes_held
from samefit.record.names import (
    FUNCTIONS,
    Function,
    bound_anew,
    bound_by,
    bound_in,
    parameters_of,
    read_by,
    read_in,
    targets_of,
)
from samefit.statements import Node, is_text, line_of, parts_of, text_of

_DATA: tuple[str, ...] = ("x", "y", "sample_weight")

_MOST = 100
"""Of more statements none is kept."""

_MOST_LINES = 20_000
"""A file of more lines is not read."""

_LONGEST = 200
"""Statements of more characters are cut, with a digest of the whole; values of more are left out."""

_BEHIND = 1_000_000
"""Values stand behind all else on the line of the call."""

_MOST_CALLS = 256
"""So many calls are remembered: a loop calls `fit` again and again."""

_slices: dict[tuple[tuple[int, int], ...], _Slicer] = {}

_WRITE = ("shuffle", "sort", "fill", "put", "place", "copyto", "put_along_axis", "fill_diagonal")
"""Functions that write into what they are given."""

_CHANGE = {
    *("append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse", "update", "add", "discard"),
    *("fill", "resize", "put", "shuffle", "adapt", "fit", "partial_fit", "setdefault", "seed"),
}
"""Methods that change what their object holds: a list, a set, a dict, an array, a generator, what learns from data."""

_Scope = ast.Module | Function


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
    # By identity: code objects of two files, or of a cell that ran again, are equal if they do the same.
    chain = tuple((id(each.f_code), each.f_lasti) for each in frames)
    slicer = _slices.get(chain)
    if slicer is None or not slicer.still_holds():
        if len(_slices) >= _MOST_CALLS:
            _slices.clear()
        slicer = _Slicer(frames)
        try:
            slicer.follow(frames, method)
        except RecursionError:  # a sum of very many parts, which `ast.unparse` cannot write
            # The other statements alone would be another slice.
            slicer = _Slicer(frames)
        _slices[chain] = slicer
    kept = {file: dict(statements) for file, statements in slicer.kept.items()}
    for each, wanted in zip(frames, slicer.wanted, strict=False):
        statements = kept.setdefault(each.f_code.co_filename, {})
        said = {*statements.values()}
        for number, text in enumerate(_values(each, wanted)):
            if text not in said:
                statements[each.f_lineno, number + _BEHIND] = text
    every = [(file, place[0], kept[file][place]) for file in kept for place in sorted(kept[file])]
    # A part of them would differ from another part where the wholes do not.
    whole = every if len(every) <= _MOST else []
    return [{"file": file, "line": line, "text": _short(text)} for file, line, text in whole]


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
        # Nothing of the user's is run to write it, and Python refuses to write integers of thousands of digits.
        if type(value) in (bool, int, float, str) and sys.getsizeof(value) <= _LONGEST and not name.startswith("__"):
            yield f"{name} = {value!r}"


@dataclass(frozen=True)
class _Place:
    """A file, and what the names in one of its scopes stand for."""

    file: str
    tree: ast.Module
    globals: Mapping[str, Any]
    locals: Mapping[str, Any]


class _Slicer:
    """Finds the statements behind one call.

    Args:
        frames: The frames of the user's code from the call outwards.

    Attributes:
        kept: {file: {(line, column): statement}}.
        wanted: The names behind the call in each of the frames that were looked at, from within outwards.
    """

    def __init__(self, frames: Sequence[FrameType]) -> None:
        self.kept: dict[str, dict[tuple[int, int], str]] = {}
        self.wanted: list[set[str]] = []
        # While they are held, nothing else has their identity.
        self._codes = [frame.f_code for frame in frames]
        self._seen: set[int] = set()
        self._functions: list[tuple[Mapping[str, Any], str, CodeType]] = []

    def still_holds(self) -> bool:
        """Whether the names that were followed to functions still stand for them."""
        return all(_function(names, name) is code for names, name, code in self._functions)

    def follow(self, frames: Sequence[FrameType], method: str) -> None:
        """Goes from the call outwards, as long as something that it is given comes from further out."""
        parameters, asked = _DATA, {*_DATA}
        for frame in frames:
            found = _scope_of(frame.f_code)
            call = None if found is None else _call_at(found[1], frame, method)
            if found is None or call is None or not asked:
                return
            tree, scope = found
            place = _Place(frame.f_code.co_filename, tree, frame.f_globals, frame.f_locals)
            given = _handed_over(call, parameters, asked)
            wanted = {name for each in given for name in read_in(each)}
            self._slice(place, scope, wanted, call)
            self._given(place, given)
            self.wanted.append(wanted)
            method, parameters = frame.f_code.co_name, parameters_of(scope)
            asked = wanted & {*parameters}

    def _slice(self, place: _Place, scope: _Scope, wanted: set[str], call: ast.Call) -> None:
        """Keeps the statements of a scope that make the wanted names, and those of the file that these need."""
        self._body(place, scope.body, wanted, call, is_straight=True)
        self._attributes(place, scope, wanted)
        outer = wanted
        if not isinstance(scope, ast.Module):
            inside = {*bound_in(scope), *parameters_of(scope)}
            outer = {name for name in wanted if name.partition(".")[0] not in inside}
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
        """Keeps what makes attributes of `self`: statements of the other methods, and methods that are called."""
        around = next((c for c in ast.walk(place.tree) if isinstance(c, ast.ClassDef) and scope in c.body), None)
        if around is None:
            return
        # Its other methods have nothing to do with the data.
        self._seen |= {id(around), id(scope)}
        methods = [each for each in around.body if isinstance(each, FUNCTIONS) and each is not scope]
        before = None
        while before != len(wanted):
            before = len(wanted)
            for method in methods:
                if f"self.{method.name}" not in wanted:
                    self._body(place, method.body, wanted, None)
                elif id(method) not in self._seen:
                    self._whole(place, method, wanted)

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
            if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
                if node.name in wanted and id(node) not in self._seen:
                    self._whole(place, node, wanted)
                    kept = True
                continue
            inner = [self._body(place, part, wanted, call) for _, part in reversed(parts_of(node))]
            if any(inner) or _makes(node, wanted, place):
                self._keep(place, node)
                if is_straight:
                    wanted -= bound_anew(node)
                wanted |= read_by(node)
                kept = True
        return kept

    def _whole(self, place: _Place, node: Function | ast.ClassDef, wanted: set[str]) -> None:
        """Keeps all of a function or a class; what it takes from outside is wanted then."""
        self._seen.add(id(node))
        for each in _every(node):
            self._keep(place, each)
        inside = {*bound_in(node), *(name for each in ast.walk(node) for name in parameters_of(each))}
        wanted |= {name for name in read_in(node) if name.partition(".")[0] not in inside}

    def _elsewhere(self, place: _Place, wanted: set[str]) -> None:
        """Keeps functions of other files of the user's that global names stand for."""
        for name in sorted(wanted):
            code = _function(place.globals, name)
            found = None if code is None or code.co_filename == place.file else _scope_of(code)
            if code is None or found is None:
                continue
            self._functions.append((place.globals, name, code))
            tree, scope = found
            if id(scope) not in self._seen and isinstance(scope, FUNCTIONS):
                # The names of another file are its own.
                there, further = _Place(code.co_filename, tree, {}, {}), set[str]()
                self._whole(there, scope, further)
                self._body(there, tree.body, further, None)

    def _keep(self, place: _Place, node: Node) -> None:
        self._kept_of(place)[line_of(node), getattr(node, "col_offset", 0)] = text_of(node)


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
        if isinstance(node, FUNCTIONS) and node.name == code.co_name and line_of(node) == code.co_firstlineno:
            return tree, node
    return None


def _call_at(scope: _Scope, frame: FrameType, name: str) -> ast.Call | None:
    """Returns the call of a name, or of a method of that name, that a frame is at; None if it cannot be told."""
    position = next(itertools.islice(frame.f_code.co_positions(), frame.f_lasti // 2, None), None)
    if position is None or position[0] is None:
        return None
    calls = [node for node in ast.walk(scope) if isinstance(node, ast.Call) and name in _called(node)]
    exact = [c for c in calls if (c.lineno, c.end_lineno, c.col_offset, c.end_col_offset) == position]
    # A comprehension has a frame of its own: it is what the function around it is at.
    within = [c for c in calls if position[0] <= c.lineno <= (position[1] or 0)]
    return exact[0] if exact else within[0] if len(within) == 1 else None


def _called(call: ast.Call) -> tuple[str | None, str | None]:
    return getattr(call.func, "attr", None), getattr(call.func, "id", None)


def _function(names: Mapping[str, Any], name: str) -> CodeType | None:
    """Returns the code of the function of the user's own that a name stands for, or a module's attribute does."""
    first, _, second = name.partition(".")
    value = names.get(first)
    value = vars(value).get(second) if type(value) is ModuleType else value
    return value.__code__ if type(value) is FunctionType and kind_of(value.__code__) == "user" else None


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


def _makes(node: Node, wanted: set[str], place: _Place) -> bool:
    """Whether a statement assigns to a name that is wanted, or changes what it stands for."""
    if any(name in wanted for target in targets_of(node) for name in bound_by(target)):
        return True
    if isinstance(node, (ast.For, ast.AsyncFor)) and any(_moves(name, place) for name in read_by(node) & wanted):
        return True
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call):
        return False
    if isinstance(call.func, ast.Attribute):
        owners = {*bound_by(call.func.value)} & wanted
        changes = call.func.attr in _CHANGE or any(keyword.arg == "inplace" for keyword in call.keywords)
        if changes and any(type(place.globals.get(name.partition(".")[0])) is not ModuleType for name in owners):
            return True
    written = getattr(call.func, "attr", None) or getattr(call.func, "id", None)
    return written in _WRITE and any(name in wanted for each in call.args for name in bound_by(each))


def _moves(name: str, place: _Place) -> bool:
    """Whether what a name stands for may be moved by a look at its items: an iterator, a dataset that shuffles."""
    kind = type(place.locals.get(name))
    # Nothing of the user's is run: a class may answer to any name.
    held = {method: inspect.getattr_static(kind, method, None) for method in ("__iter__", "__array__")}
    stays = not {*kind.__mro__}.isdisjoint((str, list, tuple, dict, range, set, frozenset))
    return held["__iter__"] is not None and held["__array__"] is None and not stays


def _every(node: Node) -> Iterator[Node]:
    """Yields a statement and all within it."""
    if not is_text(node):
        yield node
    for _, part in parts_of(node):
        for each in part:
            yield from _every(each)
