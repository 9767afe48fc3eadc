"""Several scripts in one process, each of which is run as plain Python would run it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.launch.launched import PROBE, launched, plain


def test_each_side_imports_from_its_own_directory(project: Path, tmp_path: Path) -> None:
    """Modules of one name are two modules, whatever ran before in the process."""
    for side in ("a", "b"):
        for name in ("model.py", "library/__init__.py", "library/part.py", "parts/one.py"):
            (file := project / side / name).parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"print({side!r}, __name__)\n")
        (project / side / "train.py").write_text(f"{PROBE}\nimport model, library.part, parts.one\n")
        (project / side / "again.py").write_text("import model\nprint(model.__file__)\n")
    ran = plain("a/train.py"), plain("b/train.py")
    both = launched(tmp_path / "one", ("baseline", "a/train.py"), ("candidate", "b/train.py"))
    assert both == (0, ran[0][1] + ran[1][1], "")
    again = launched(tmp_path / "two", ("baseline", "a/again.py"), ("candidate", "a/again.py"))
    assert again[1].count("a model\n") == 1


def test_each_side_imports_from_what_it_adds_to_the_path_itself(project: Path, tmp_path: Path) -> None:
    """What two find at the same place is one module, with its state; what they find at another place is another one."""
    (project / "common").mkdir()
    (project / "common" / "shared.py").write_text("print('shared', __name__)\nseen = []\n")
    for side in ("a", "b"):
        (project / side / "src").mkdir(parents=True)
        (project / side / "src" / "model.py").write_text(f"print({side!r}, __name__)\n")
        (project / side / "train.py").write_text(
            "import os, sys\nhere = os.path.dirname(__file__)\nprint(len(sys.path))\n"
            "sys.path[:0] = [os.path.join(here, 'src'), os.path.join(here, '..', 'common')]\n"
            "import model, shared\nfrom importlib import reload\n"
            f"shared.seen.append({side!r})\nprint(shared.seen, shared.__spec__.origin == shared.__file__)\n"
            "if len(shared.seen) == 2: reload(shared)\n"
        )
    status, out, error = launched(tmp_path, ("baseline", "a/train.py"), ("candidate", "b/train.py"))
    assert (status, error) == (0, "")
    first, second = plain("a/train.py")[1].splitlines(), plain("b/train.py")[1].splitlines()
    assert out.splitlines() == [*first, *second[:2], "['a', 'b'] True", "shared shared"]


LOADS = """
import importlib.util, os, sys
def load(name, file):
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, file)
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]
print(load("model", "impl_{side}/model.py").NAME)
"""


@pytest.mark.parametrize(
    "script",
    [
        "import sys; sys.path.insert(0, 'impl_{side}')\nimport model\nprint(model.NAME)",
        "import sys; sys.path.insert(0, 'impl_{side}')\nimport model\ndel sys.path[0]\nprint(model.NAME)",
        "import os, sys; sys.path.insert(0, 'impl_{side}')\nimport model\nos.chdir('out')\nprint(model.NAME)",
        "import sys; sys.path.insert(0, 'impl_{side}')\nfrom parts import one\nprint(one.NAME)",
        "import sys; sys.path.insert(0, 'impl_{side}')\nfrom library import part\nprint(part.NAME)",
        LOADS,
    ],
    ids=[
        "added to the path",
        "for a moment",
        "relative to where it was",
        "no __init__",
        "package",
        "loader of its own",
    ],
)
@pytest.mark.parametrize("directories", ["", "a b"])
def test_modules_of_one_name_are_two_however_they_are_found(
    project: Path, tmp_path: Path, script: str, directories: str
) -> None:
    (project / "out").mkdir()
    files = []
    for side, directory in zip("ab", directories.split() or (".", "."), strict=True):
        for name in ("model.py", "parts/one.py", "library/part.py"):
            (file := project / f"impl_{side}" / name).parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"NAME = {side!r}\n")
        (project / f"impl_{side}" / "library" / "__init__.py").write_text("")
        (project / directory).mkdir(exist_ok=True)
        files.append(f"{directory}/train_{side}.py")
        (project / files[-1]).write_text(script.replace("{side}", side))
    assert plain(files[0])[1] + plain(files[1])[1] == "a\nb\n"
    assert launched(tmp_path, ("baseline", files[0]), ("candidate", files[1])) == (0, "a\nb\n", "")


FINDER = """
import importlib.util, os, sys
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "editable":
            home = os.environ["PROJECT"] + "/src/editable"
            return importlib.util.spec_from_file_location(
                name, home + "/__init__.py", submodule_search_locations=[home])
sys.meta_path.append(Finder)
"""


def test_a_package_of_both_is_executed_once_whoever_finds_it(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one that is installed to be edited: it is on no path."""
    package = project / "src" / "editable"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("print('executed')\nseen = []\n")
    (package / "part.py").write_text("print('executed')\nseen = []\n")
    (project / "site").mkdir()
    (project / "site" / "sitecustomize.py").write_text(FINDER)
    monkeypatch.setenv("PYTHONPATH", str(project / "site"))
    monkeypatch.setenv("PROJECT", str(project))
    script = "import editable, sys\nfrom editable import part\neditable.seen.append(1); part.seen.append(1)\n"
    for side in ("a", "b"):
        (project / f"{side}.py").write_text(
            f"{script}print(len(editable.seen), len(part.seen), sys.modules['editable.part'] is part)\n"
        )
    _, out, error = launched(tmp_path, ("baseline", "a.py"), ("candidate", "b.py"))
    assert (out, error) == ("executed\nexecuted\n1 1 True\n2 2 True\n", "")


@pytest.mark.parametrize(
    "script",
    [
        "import importlib; importlib.invalidate_caches()\nprint('fine')",
        "import os; os.makedirs('out/here', exist_ok=True); os.chdir('out/here')\nimport sys, math; print(sys.argv)",
        "import sys; del sys.path[0]\nprint('fine')",
        "import sys; sys.path.append(None)\nprint('fine')",
        "import setuptools, setuptools.command.build_py, setuptools.config.pyprojecttoml\nprint('fine')",
        "import helper, importlib; importlib.reload(helper)\ndel sys.modules['helper']; import helper",
        "import helper, importlib.util, pkgutil, runpy\nprint(importlib.util.find_spec('helper').origin)\n"
        "print(pkgutil.get_data('helper', 'helper.py'))\nrunpy.run_module('helper', run_name='again')",
        "def f(x: int) -> float: ...\nprint(f.__annotations__)",
        "print(__builtins__.len, type(__loader__).__name__, __spec__, __cached__)",
        "class Missing:\n    def __getattr__(self, name): raise ImportError(name)\n"
        "import sys; sys.modules['missing'] = Missing()\nprint('fine')",
    ],
    ids=[
        *("caches", "goes elsewhere", "off the path", "odd entry", "library with more on the path", "fresh import"),
        *("looked for", "annotations", "names of a main program", "stand-in"),
    ],
)
def test_a_second_script_is_run_as_the_first_one(project: Path, tmp_path: Path, script: str) -> None:
    (project / "helper.py").write_text("print('helper', __name__)\n")
    for side in ("a", "b"):
        (project / f"{side}.py").write_text(f"import sys\n{script}\n")
    ran = plain("a.py"), plain("b.py")
    one_after_the_other = [("baseline", "a.py"), ("candidate", "b.py")]
    status, out, error = launched(tmp_path, *one_after_the_other)
    # What both import is executed once.
    again = ran[1][1].removeprefix("helper helper\n")
    assert (status, out, error) == (0, ran[0][1] + again, "")


def test_a_script_behind_a_link_imports_from_where_it_is(project: Path, tmp_path: Path) -> None:
    (project / "common").mkdir()
    (project / "common" / "train.py").write_text("import model\nprint(model.__name__)\n")
    (project / "common" / "model.py").write_text("")
    (project / "linked.py").symlink_to("common/train.py")
    (project / "other.py").write_text("")
    both = launched(tmp_path, ("baseline", "other.py"), ("candidate", "linked.py"))
    assert both == (0, plain("linked.py")[1], "")


def test_a_module_is_run_by_name_though_a_script_has_imported_it(project: Path, tmp_path: Path) -> None:
    (project / "scripts").mkdir()
    (project / "scripts" / "old.py").write_text("import sys; sys.path.insert(0, '.')\nimport package.train\n")
    (project / "package").mkdir()
    for name in ("__init__", "__main__", "train"):
        (project / "package" / f"{name}.py").write_text("print(__name__)\n")
    old = plain("scripts/old.py")[1]
    for number, module in enumerate(("package.train", "package")):
        _, out, error = launched(tmp_path / str(number), ("baseline", "scripts/old.py"), ("candidate", f"-m {module}"))
        assert (out, error) == (f"{old}__main__\n", "")


@pytest.mark.parametrize("safe", ["", "1"])
def test_the_directory_of_a_script_is_left_out_where_python_is_told_so(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, safe: str
) -> None:
    (project / "library").mkdir()
    (project / "library" / "lib.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", str(project / "library"))
    monkeypatch.setenv("PYTHONSAFEPATH", safe)
    for side in ("a", "b"):
        (project / f"{side}.py").write_text("import sys, lib\nprint(sys.path)\n")
    ran = plain("a.py"), plain("b.py")
    assert launched(tmp_path, ("baseline", "a.py"), ("candidate", "b.py")) == (0, ran[0][1] + ran[1][1], "")


def test_each_program_begins_where_the_user_is(project: Path, tmp_path: Path) -> None:
    (project / "goes.py").write_text("import os\nos.chdir('..')\ndef f():\n    print(os.path.basename(os.getcwd()))\n")
    (project / "stays.py").write_text("import os\nprint(os.path.basename(os.getcwd()))\n")
    scripts = [("baseline", "goes.py"), ("candidate", "stays.py"), ("again", "-m stays")]
    assert launched(tmp_path / "one", *scripts) == (0, "project\nproject\n", "")
    # Functions are called as from one program: what one does to the process is there for the next.
    functions = [("baseline", "goes.py:f"), ("candidate", "stays.py:getcwd")]
    (project / "stays.py").write_text("import os\ndef getcwd():\n    print(os.path.basename(os.getcwd()))\n")
    assert launched(tmp_path / "two", *functions) == (0, f"{tmp_path.name}\n" * 2, "")


def test_modules_see_the_same_one_after_the_other(project: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (project / f"{name}.py").write_text(PROBE)
    ran = plain("-m", "one", "x"), plain("-m", "two")
    assert launched(tmp_path, ("baseline", "-m one x"), ("candidate", "-m two")) == (0, ran[0][1] + ran[1][1], "")


def test_functions_of_two_directories_import_their_own_modules(project: Path, tmp_path: Path) -> None:
    for side in ("a", "b"):
        (project / side).mkdir()
        (project / side / "model.py").write_text(f"NAME = {side!r}\n")
        (project / side / "train.py").write_text("def f():\n    import model\n    print(model.NAME)\n")
    sides = [("baseline", "a/train.py:f"), ("candidate", "b/train.py:f"), ("baseline again", "a/train.py:f")]
    assert launched(tmp_path, *sides)[:2] == (0, "a\nb\na\n")
