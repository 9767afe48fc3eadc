"""Who may import whom; read from the source, so that nothing has to run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"

LEAVES = {"blocks", "by_object", "errors", "nested", "statements", "types", "version"}
OFFLINE = ("store", "align", "comparison", "explain", "report")
LIVE = {"backends", "patches", "pin", "probe", "record", "transplant"}

# package: what of samefit it may import besides itself. What is not named here may import nothing of ours.
ALLOWED: dict[str, set[str]] = {
    "blocks": set(),
    "by_object": set(),
    "errors": set(),
    "nested": set(),
    "statements": set(),
    "types": set(),
    "version": set(),
    "attribution": {"types"},
    "calls": set(),
    "given_seeds": {"attribution"},
    "data_code": {"attribution", "backends", "patches", "types"},
    "__init__": {"version"},
    "__main__": {"cli"},
    # The offline half: each may import those before it. It needs neither Keras nor a framework.
    "store": LEAVES,
    "align": {"store"} | LEAVES,
    "comparison": {"store", "align"} | LEAVES,
    "explain": {"store", "align", "comparison"} | LEAVES,
    "report": {"store", "align", "comparison", "explain"} | LEAVES,
    # The live half, inside the process of the user's script. Of the offline half it knows the run directory only.
    "backends": LEAVES,
    "patches": {"backends"} | LEAVES,
    "transplant": {"backends", "patches", "store"} | LEAVES,
    "pin": {"attribution", "backends", "calls", "data_code", "patches"} | LEAVES,
    "record": {"attribution", "backends", "calls", "data_code", "given_seeds"}
    | {"patches", "pin", "store", "transplant"}
    | LEAVES,
    # It gives the candidate the baseline's weights, so it must know which is which.
    "probe": {"align", "backends", "patches", "pin", "record", "store", "transplant"} | LEAVES,
    "live": LIVE | {"store"} | LEAVES,
    # The parent, which starts processes and looks at what they leave behind; never the live half.
    "launch": {"store", "__init__"} | LEAVES,
    # The child's side of launching: what runs in the user's process before its first line.
    "child": {"attribution", "live", "patches", "record"} | LEAVES,
    "checks": {"launch", *OFFLINE} | LEAVES,
    "cli": {"checks", *OFFLINE} | LEAVES,
    # Models that are handed in as objects are looked at here.
    "testing": {"checks", "probe", *OFFLINE} | LEAVES,
}

# Single imports that the table forbids and that are right all the same, each inside of a function.
EXCEPTIONS = {
    ("samefit.comparison.result", "samefit.report.html_fragment"): "how a comparison shows itself in a notebook",
    ("samefit.comparison.result", "samefit.report.text"): "how a comparison is printed",
    ("samefit.comparison.model_result", "samefit.report.html_fragment"): "how a comparison shows itself in a notebook",
}

FRAMEWORKS = {"jax", "jaxlib", "tensorflow", "torch"}
MAY_IMPORT_KERAS = LIVE | {"live"}


@dataclass(frozen=True)
class Import:
    module: str
    target: str
    line: int
    at_import_time: bool


CHILD = ("samefit.launch.child", "samefit.launch.bootstrap")


def package_of(module: str) -> str:
    if module.startswith(CHILD):
        return "child"
    if module == "samefit.record.callback":
        return "live"  # the face of the live half for those who record by hand
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted((SOURCE / "samefit").rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports_of(module: str, source: str) -> Iterator[Import]:
    """Yields all imports but those for type checkers."""

    def walk(node: ast.AST, at_import_time: bool) -> Iterator[Import]:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            children: list[ast.AST] = list(node.orelse)
        else:
            children = list(ast.iter_child_nodes(node))
        for child in children:
            if isinstance(child, ast.Import):
                yield from (Import(module, alias.name, child.lineno, at_import_time) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{module}:{child.lineno} imports relatively"
                for alias in child.names:
                    name = f"{child.module}.{alias.name}"
                    known = name in KNOWN or child.module == "samefit"
                    yield Import(module, name if known else str(child.module), child.lineno, at_import_time)
            inner = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from walk(child, at_import_time and not inner)

    yield from walk(ast.parse(source), True)


KNOWN = {module for module, _ in modules()}
ALL = [found for module, path in modules() for found in imports_of(module, path.read_text(encoding="utf-8"))]


def forbidden(found: Import) -> str | None:
    """Returns why an import is forbidden, or None."""
    top = found.target.partition(".")[0]
    mine = package_of(found.module)
    if top in FRAMEWORKS and mine != "backends":
        return "frameworks are imported in backends/ only"
    if top == "keras" and mine not in MAY_IMPORT_KERAS:
        return "Keras is imported in the live half only"
    if top != "samefit":
        return None
    theirs = package_of(found.target)
    if theirs == mine or theirs in ALLOWED.get(mine, set()) or (found.target == "samefit" and mine == "__main__"):
        return None
    if (found.module, found.target) in EXCEPTIONS and not found.at_import_time:
        return None
    return f"{mine} may import {', '.join(sorted(ALLOWED.get(mine, set()))) or 'nothing of ours'}"


def test_every_import_is_allowed() -> None:
    wrong = [f"{i.module}:{i.line} imports {i.target}: {why}" for i in ALL if (why := forbidden(i)) is not None]
    assert wrong == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("samefit.report.text", "import keras"),
        ("samefit.store.reader", "from samefit.comparison.result import Comparison"),
        ("samefit.patches.trainer", "def f():\n    import torch"),
        ("samefit.checks.check", "from samefit.record.recorder import Recorder"),
        ("samefit.comparison.result", "from samefit.report.html_fragment import to_html"),
    ],
)
def test_the_rule_can_fail(module: str, source: str) -> None:
    assert [forbidden(found) for found in imports_of(module, source)] != [None]


def test_an_import_for_type_checkers_is_free() -> None:
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import keras"
    assert [found.target for found in imports_of("samefit.report.text", source)] == ["typing"]


def test_every_package_has_a_rule() -> None:
    assert {package_of(module) for module, _ in modules()} <= set(ALLOWED)


def cycle_in(edges: dict[str, set[str]]) -> list[str] | None:
    """Returns one cycle, or None."""
    done: set[str] = set()

    def visit(module: str, trail: list[str]) -> list[str] | None:
        if module in trail:
            return [*trail[trail.index(module) :], module]
        if module in done:
            return None
        for other in sorted(edges.get(module, ())):
            if (found := visit(other, [*trail, module])) is not None:
                return found
        done.add(module)
        return None

    for module in sorted(edges):
        if (found := visit(module, [])) is not None:
            return found
    return None


def test_no_import_cycles() -> None:
    edges: dict[str, set[str]] = {}
    for found in ALL:
        if found.at_import_time and found.target in KNOWN and found.target != found.module:
            edges.setdefault(found.module, set()).add(found.target)
    assert cycle_in(edges) is None


def test_a_cycle_is_found() -> None:
    assert cycle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]


def test_no_module_is_longer_than_400_lines() -> None:
    long = {module: n for module, path in modules() if (n := len(path.read_text(encoding="utf-8").splitlines())) > 400}
    assert long == {}


def test_every_broad_except_says_why() -> None:
    """A swallowed failure becomes a false "identical"; whoever catches everything says why on that line."""
    wrong = [
        f"{module}:{number}"
        for module, path in modules()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if ("except Exception" in line or "except BaseException" in line or line.strip() == "except:")
        and "#" not in line
    ]
    assert wrong == []


def test_no_question_which_backend_it_is_outside_of_backends() -> None:
    """What a backend cannot do is a property of its adapter; nobody else asks for its name."""
    wrong = [
        f"{module}:{number}"
        for module, path in modules()
        if package_of(module) != "backends"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if "backend() ==" in line
    ]
    assert wrong == []
