"""What the user's code draws from while it makes batches, read from its source.

Draws of a generator object cannot be watched (NumPy's `Generator` is an immutable type), and a worker process has no
ledger. What is found here is what the code says, not what has happened. What cannot be followed (a subscript, a
property, an argument) is passed over; a function that cannot be read at all is said. No object of the user's is asked
anything on the way: names may stand for objects that raise whatever they are asked.
"""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import sys
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Literal

from samefit import backends
from samefit.attribution import kind_of, location
from samefit.patches import generators
from samefit.patches.own_generators import state_of
from samefit.types import CodeDraw

Kind = Literal["own", "shared", "entropy", "unread"]

_DEPTH = 3
"""So far functions that a function calls are looked into, and datasets within datasets."""

_MOST = 100
"""So many parts of a dataset are looked into: one may be put together of a dataset for each file."""

_NO_DRAWS = {
    *("seed", "getstate", "setstate", "get_state", "set_state"),
    *("manual_seed", "initial_seed", "clone_state", "reset", "reset_from_seed"),
}
"""Methods of generators that draw nothing."""

_METHODS = ("__getitem__", "__getitems__", "__iter__", "__next__")

_TAKE_A_SEED = {
    "numpy.random": (
        *("default_rng", "RandomState", "SeedSequence", "seed"),
        *("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"),
    ),
    "random": ("Random", "seed"),
}
"""What takes entropy of the operating system where it is given nothing."""

_TAKE_ENTROPY = {
    "os": ("urandom", "getrandom"),
    "random": ("SystemRandom",),
    "secrets": ("SystemRandom", "choice", "randbelow", "randbits"),
}

_UNKNOWN = object()


def draws_of(data: Any) -> tuple[CodeDraw, ...]:
    """Returns the draws in what makes the batches of a dataset or a loader of the user's; none for anything else."""
    reader = _Reader()
    for function, bound in _makers(data, _DEPTH):
        reader.read(function, bound, _DEPTH)
    return tuple(dict.fromkeys(reader.found))


def draws_in(function: Any) -> tuple[CodeDraw, ...]:
    """Returns the draws in a function of the user's, or in what a call of an object runs; none for anything else."""
    reader = _Reader()
    for one, bound in _functions(function):
        reader.read(one, bound, _DEPTH)
    return tuple(dict.fromkeys(reader.found))


def _makers(data: Any, depth: int) -> Iterator[tuple[FunctionType, Any]]:
    if depth < 0:
        return
    for name in _METHODS:
        method = inspect.getattr_static(type(data), name, None)
        if isinstance(method, FunctionType):
            yield method, data
    held = attributes_held(data)
    for name in ("collate_fn", "worker_init_fn"):
        yield from _functions(held.get(name))
    # PyTorch's loaders, and its datasets that are made of others.
    if "dataset" in held:
        yield from _makers(held["dataset"], depth - 1)
    others = held.get("datasets")
    for other in others[:_MOST] if isinstance(others, (list, tuple)) else ():
        yield from _makers(other, depth - 1)


def _functions(value: Any) -> Iterator[tuple[FunctionType, Any]]:
    """Yields the Python function that a call of a value runs, and what it is bound to."""
    if _is(value, functools.partial):
        value = value.func
    if _is(value, MethodType):
        value, bound = value.__func__, value.__self__
    elif _is(value, FunctionType):
        bound = _UNKNOWN
    else:
        bound, value = value, inspect.getattr_static(type(value), "__call__", None)
    if _is(value, FunctionType):
        yield value, bound


def _is(value: Any, kinds: type | tuple[type, ...]) -> bool:
    """Whether a value is of a kind; `isinstance` would ask it, and a stand-in answers as it likes, or raises."""
    return issubclass(type(value), kinds)


def attributes_held(value: Any) -> Mapping[str, Any]:
    """Returns the attributes of an object; nothing of the user's is run to find them."""
    try:
        held = object.__getattribute__(value, "__dict__")
    except Exception:  # it has none, or one that a proxy makes up; what that raises is no matter of ours
        return {}
    if not isinstance(held, dict):
        return {}
    # One of a class of the user's may have methods of its own.
    return held if type(held) is dict else dict.copy(held)


class _Reader:
    """Reads functions, and those of the user's own that they call."""

    def __init__(self) -> None:
        self.found: list[CodeDraw] = []
        self._known: set[tuple[int, int]] = set()
        self._shared = [getattr(owner, name) for owner, name, _ in _shared_draws()]

    def read(self, function: FunctionType, bound: Any, depth: int) -> None:
        if depth < 0 or (id(function), id(bound)) in self._known or kind_of(function.__code__) != "user":
            return
        self._known.add((id(function), id(bound)))
        node = _node_of(function.__code__)
        if node is None:
            return
        try:
            _Visitor(self, function, node, bound, depth).visit_body(node)
        except RecursionError:  # code that is nested too deep for a visitor; the training needs none of this
            code = function.__code__
            where = location(code.co_filename, code.co_firstlineno)
            self.found.append(CodeDraw(code.co_name, "unread", code.co_qualname, where))

    def kind(self, call: ast.Call, names: _Names) -> Kind | None:
        """Returns what a call draws from, or None if nothing is known of it."""
        method = call.func if isinstance(call.func, ast.Attribute) and call.func.attr not in _NO_DRAWS else None
        if method is not None and state_of(names.value(method.value)) is not None:
            return "own"
        for keyword in call.keywords:
            # torch.randn(3, generator=self.generator)
            if keyword.arg == "generator" and state_of(names.value(keyword.value)) is not None:
                return "own"
        function = names.value(call.func)
        if function is _UNKNOWN:
            return None
        if _is_one_of(function, _TAKE_ENTROPY) or (_is_one_of(function, _TAKE_A_SEED) and not _given(call)):
            return "entropy"
        return "shared" if any(function is draw for draw in self._shared) else None


class _Visitor(ast.NodeVisitor):
    def __init__(self, reader: _Reader, function: FunctionType, node: _Function, bound: Any, depth: int) -> None:
        self._reader, self._function, self._depth = reader, function, depth
        self._names = _Names(function, node, bound)

    def visit_body(self, node: _Function) -> None:
        for part in node.body if isinstance(node.body, list) else [node.body]:
            self.visit(part)

    def visit_If(self, node: ast.If) -> None:
        truth = self._names.truth(node.test)
        self.visit(node.test)
        for part in (*(node.body if truth is not False else ()), *(node.orelse if truth is not True else ())):
            self.visit(part)

    def visit_Call(self, node: ast.Call) -> None:
        kind = self._reader.kind(node, self._names)
        if kind is not None:
            code = self._function.__code__
            where = location(code.co_filename, node.lineno)
            self._reader.found.append(CodeDraw(ast.unparse(node.func), kind, code.co_qualname, where))
        else:
            called = self._names.value(node.func)
            for function, bound in () if called is _UNKNOWN or _is(called, type) else _functions(called):
                self._reader.read(function, bound, self._depth - 1)
        self.generic_visit(node)


class _Names:
    """What the names of a function lead to, as far as that is the same in each call."""

    def __init__(self, function: FunctionType, node: _Function, bound: Any) -> None:
        self._function = function
        arguments = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
        self._own = {arguments[0]: bound} if arguments and bound is not _UNKNOWN else {}
        self._aliases: dict[str, ast.expr] = {}
        inner = [part for part in ast.walk(node) if part is not node]
        stored = [part.id for part in inner if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)]
        self._local = {*stored, *(part.arg for part in inner if isinstance(part, ast.arg))} - self._own.keys()
        for part in inner:
            if isinstance(part, ast.Assign) and len(part.targets) == 1 and isinstance(part.targets[0], ast.Name):
                name = part.targets[0].id
                # rng = self.rng
                if stored.count(name) == 1 and isinstance(part.value, (ast.Name, ast.Attribute)):
                    self._aliases[name] = part.value

    def value(self, node: ast.expr) -> Any:
        """Returns what an expression of names and attributes stands for, `_UNKNOWN` for any other."""
        if isinstance(node, ast.Attribute):
            return _attribute(self.value(node.value), node.attr)
        return self._name(node.id) if isinstance(node, ast.Name) else _UNKNOWN

    def truth(self, node: ast.expr) -> bool | None:
        """Returns whether a condition on a flag holds, or None if that is not known."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self.truth(node.operand)
            return None if inner is None else not inner
        value = node.value if isinstance(node, ast.Constant) else self.value(node)
        return bool(value) if type(value) in (bool, int, float, str, type(None)) else None

    def _name(self, name: str) -> Any:
        if name in self._aliases:
            # Taken out, so that a name that stands for itself ends.
            value = self.value(alias := self._aliases.pop(name))
            self._aliases[name] = alias
            return value
        if name in self._own:
            return self._own[name]
        if name in self._local:
            return _UNKNOWN
        function = self._function
        if name in function.__code__.co_freevars:
            cell = (function.__closure__ or ())[function.__code__.co_freevars.index(name)]
            try:
                return cell.cell_contents
            except ValueError:  # not yet assigned
                return _UNKNOWN
        return function.__globals__.get(name, _UNKNOWN)


def _attribute(value: Any, name: str) -> Any:
    if value is _UNKNOWN:
        return _UNKNOWN
    held = attributes_held(value)
    if name in held:
        return held[name]
    if _is(value, (ModuleType, type)):
        return _UNKNOWN
    of_class = inspect.getattr_static(type(value), name, _UNKNOWN)
    if _is(of_class, staticmethod):
        return of_class.__func__
    if _is(of_class, FunctionType):
        return MethodType(of_class, value)
    # A generator, or a flag, that all objects of a class have; a descriptor would be asked by running it.
    is_descriptor = inspect.getattr_static(type(of_class), "__get__", None) is not None
    return _UNKNOWN if is_descriptor else of_class


_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def _node_of(code: CodeType) -> _Function | None:
    """Returns where a function is written; None without its source, and of two lambdas on one line."""
    found = [
        node
        for node in _functions_in(code.co_filename)
        if getattr(node, "name", "<lambda>") == code.co_name
        and min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))]) == code.co_firstlineno
    ]
    return found[0] if len(found) == 1 else None


@functools.cache
def _functions_in(file: str) -> tuple[_Function, ...]:
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):  # a file that is no Python: a notebook's cell with magics
        return ()
    return tuple(node for node in ast.walk(tree) if isinstance(node, _Function))


def _shared_draws() -> Iterator[tuple[Any, str, str]]:
    yield from generators.python_draws()
    yield from generators.numpy_draws()
    for backend in backends.loaded():
        yield from backend.draw_functions()


def _is_one_of(function: Any, names: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether a function is one of those, or what stands behind a hook in the place of one."""
    modules = {module: sys.modules[module] for module in names if module in sys.modules}
    known = (getattr(modules[module], name, None) for module in modules for name in names[module])
    return any(function is one or _unhooked(function) is _unhooked(one) for one in known if one is not None)


def _unhooked(function: Any) -> Any:
    for _ in range(10):  # one may be said to wrap itself
        inner = attributes_held(function).get("__wrapped__")
        if inner is None:
            break
        function = inner
    return function


def _given(call: ast.Call) -> bool:
    """Whether a call is given a seed."""
    arguments = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg not in ("version",))]
    return any(not (isinstance(argument, ast.Constant) and argument.value is None) for argument in arguments)
