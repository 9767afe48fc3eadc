"""What to run: `script.py [args]`, `-m package.module [args]`, or `script.py:function`."""

from __future__ import annotations

import ast
import difflib
import importlib.util
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from samefit.errors import TargetError

_FUNCTION = re.compile(r"^(?P<file>.+\.py):(?P<name>[A-Za-z_]\w*)$")


@dataclass(frozen=True)
class Target:
    """One thing that can be run.

    Attributes:
        kind: "script", "module" or "function".
        text: As the user wrote it.
        path: The script's file; "" for a module.
        module: Name of the module; "" otherwise.
        function: Name of the function; "" otherwise.
        args: Arguments of the script or module.
    """

    kind: str
    text: str
    path: str = ""
    module: str = ""
    function: str = ""
    args: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """A short name for the target."""
        if self.kind == "module":
            return self.module
        name = Path(self.path).name
        return f"{name}:{self.function}" if self.function else name


def parse_target(text: str | Sequence[str]) -> Target:
    """Reads a target.

    Args:
        text: As on a command line, one string or its words.

    Returns:
        The target.

    Raises:
        TargetError: If there is nothing of that name to run.
    """
    words = shlex.split(text) if isinstance(text, str) else list(text)
    written = text if isinstance(text, str) else shlex.join(words)
    if not words:
        raise TargetError("The target is empty: give a script, such as train.py.")
    if words[0] == "-m":
        return _module(words[1:], written)
    match = _FUNCTION.match(words[0])
    if match:
        return _function(match["file"], match["name"], words[1:], written)
    _require_file(words[0])
    return Target("script", written, path=words[0], args=tuple(words[1:]))


def _module(words: Sequence[str], written: str) -> Target:
    if not words:
        raise TargetError("-m needs the name of a module, such as -m package.train.")
    try:
        spec = importlib.util.find_spec(words[0].split(".")[0]) or _in_directory(words[0].split(".")[0])
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        raise TargetError(f"There is no module called '{words[0]}' here.")
    return Target("module", written, module=words[0], args=tuple(words[1:]))


def _in_directory(name: str) -> Path | None:
    # `python -m` looks in the working directory first; this process may have been started from elsewhere.
    found = [path for path in (Path(name), Path(f"{name}.py")) if path.exists()]
    return found[0] if found else None


def _function(file: str, name: str, rest: Sequence[str], written: str) -> Target:
    _require_file(file)
    if rest:
        raise TargetError(f"A function takes no arguments: '{' '.join(rest)}' after {file}:{name}.")
    try:
        tree = ast.parse(Path(file).read_text(encoding="utf-8"), file)
    except SyntaxError as error:
        raise TargetError(f"{file} cannot be read: {error.msg} (line {error.lineno}).") from error
    functions = {node.name: node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
    names = {
        n.id for node in tree.body for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    imported = {a.asname or a.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for a in node.names}
    if name not in functions and name not in names | imported:
        callable_ = [n for n, node in functions.items() if not n.startswith("_") and _takes_nothing(node)]
        have = ", ".join(callable_) or "no function without arguments"
        raise TargetError(f"{file} has no function called '{name}'; it has: {have}.")
    if name in functions and not _takes_nothing(functions[name]):
        raise TargetError(f"{file}:{name} needs arguments; a target is a function without required arguments.")
    return Target("function", written, path=file, function=name)


def _takes_nothing(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    arguments = node.args
    required = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    return required == 0 and all(default is not None for default in arguments.kw_defaults)


def _require_file(file: str) -> None:
    path = Path(file)
    if path.is_dir():
        raise TargetError(f"{file} is a directory: give the script in it.")
    if path.exists():
        if path.suffix != ".py":
            raise TargetError(f"{file} is not a Python script (.py).")
        return
    near = path.parent if path.parent.is_dir() else Path()
    close = difflib.get_close_matches(path.name, [p.name for p in near.glob("*.py")], n=1)
    hint = f" Did you mean {near / close[0]}?" if close else ""
    raise TargetError(f"There is no file {file}.{hint}")
