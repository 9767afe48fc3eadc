"""A launched script sees what plain Python would give it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from samefit.checks.check import nothing_recorded, run
from samefit.checks.execution import Execution
from samefit.checks.workshop import Workshop
from samefit.errors import TargetError, TargetFailed
from samefit.launch.process import SideTarget, start
from samefit.launch.target import parse_target
from samefit.store.reader import Run

PROBE = """
import os, sys
print(sys.argv, __name__, __file__, __spec__ and __spec__.name, sys.path, os.getcwd())
"""


def launched(tmp_path: Path, *targets: tuple[str, str], **session: Any) -> tuple[int | None, str, str]:
    """Runs targets under the recorder; returns exit status, stdout and stderr."""
    sides = [SideTarget(name, parse_target(text)) for name, text in targets]
    child = start(sides, run_directory=tmp_path / "run", session={"target": "", "side": "", **session})
    child.wait()
    return child.exit_status, (tmp_path / "run.out").read_text(), (tmp_path / "run.err").read_text()


def plain(*arguments: str) -> tuple[int, str, str]:
    """Runs Python as it is."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of a user, as the working directory."""
    home = tmp_path / "project"
    home.mkdir()
    monkeypatch.chdir(home)
    return home


def test_a_script_sees_the_same(project: Path, tmp_path: Path) -> None:
    (project / "probe.py").write_text(PROBE)
    assert launched(tmp_path, ("", "probe.py one 'two words'")) == plain("probe.py", "one", "two words")


@pytest.mark.parametrize("session", [{}, {"pin": 1, "transplants": [{"do": "perturb", "training": 1}]}])
def test_nothing_that_a_script_may_set_up_first_is_imported_before_it(
    project: Path, tmp_path: Path, session: dict[str, Any]
) -> None:
    """NumPy reads the number of its threads, and frameworks their flags, from the environment when it is imported."""
    libraries = ("numpy", "scipy", "ml_dtypes", "h5py", "keras", "jax", "tensorflow", "torch")
    (project / "first.py").write_text(f"import sys\nprint([name for name in {libraries} if name in sys.modules])\n")
    assert launched(tmp_path, ("", "first.py"), **session)[1] == "[]\n"


def test_a_module_sees_the_same(project: Path, tmp_path: Path) -> None:
    (project / "package").mkdir()
    (project / "package" / "__init__.py").write_text("")
    (project / "package" / "__main__.py").write_text(PROBE)
    assert launched(tmp_path, ("", "-m package x")) == plain("-m", "package", "x")


@pytest.mark.parametrize(
    "ending",
    ["", "raise SystemExit", "raise SystemExit(3)", "import sys; sys.exit('bad')", "import os; os._exit(5)", "1 / 0"],
)
def test_endings_are_the_same(project: Path, tmp_path: Path, ending: str) -> None:
    (project / "ends.py").write_text(f"def f():\n    {ending or 'pass'}\nf()\n")
    assert launched(tmp_path, ("", "ends.py")) == plain("ends.py")


def test_a_sitecustomize_of_the_user_still_runs(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "site").mkdir()
    (project / "site" / "sitecustomize.py").write_text("import builtins\nbuiltins.from_the_user = 7\n")
    (project / "asks.py").write_text("print(from_the_user)\n")
    monkeypatch.setenv("PYTHONPATH", str(project / "site"))
    assert launched(tmp_path, ("", "asks.py"))[1] == "7\n"


def test_functions_share_their_module_and_leave_main_alone(project: Path, tmp_path: Path) -> None:
    (project / "two.py").write_text(
        "seen = []\ndef a():\n    seen.append('a')\ndef b():\n    print(seen, __name__)\n"
        "if __name__ == '__main__':\n    print('main')\n"
    )
    assert launched(tmp_path, ("a", "two.py:a"), ("b", "two.py:b")) == (0, "['a'] two\n", "")


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


def test_an_exception_of_a_function_shows_the_users_frames_only(project: Path, tmp_path: Path) -> None:
    (project / "fails.py").write_text("def a():\n    1 / 0\n")
    status, _, error = launched(tmp_path, ("", "fails.py:a"))
    assert status == 1
    assert "samefit" not in error
    assert error.splitlines()[0] == "Traceback (most recent call last):"
    assert error.splitlines()[-1] == "ZeroDivisionError: division by zero"


def test_a_child_process_does_not_record_into_the_run(project: Path, tmp_path: Path) -> None:
    (project / "parent.py").write_text(
        "import numpy, subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import numpy; numpy.random.rand()'])\n"
    )
    status, _, error = launched(tmp_path, ("", "parent.py"))
    assert (status, error) == (0, "")
    run = Run.open(tmp_path / "run")
    assert run.status == "complete"
    assert not [event for event in run.events if event.function == "numpy.random.rand"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trian.py", "There is no file trian.py. Did you mean train.py?"),
        ("train.py:nothing", "train.py has no function called 'nothing'; it has: fine."),
        ("train.py:needs", "train.py:needs needs arguments; a target is a function without required arguments."),
        ("notes.txt", "notes.txt is not a Python script (.py)."),
        ("-m no_such_module_at_all", "There is no module called 'no_such_module_at_all' here."),
        ("", "The target is empty: give a script, such as train.py."),
    ],
)
def test_what_cannot_be_run_is_said(project: Path, text: str, message: str) -> None:
    (project / "train.py").write_text("def fine(): pass\ndef needs(x): pass\n")
    (project / "notes.txt").write_text("")
    with pytest.raises(TargetError) as caught:
        parse_target(text)
    assert str(caught.value) == message


def test_a_crash_after_the_end_is_said_and_the_run_is_used(project: Path, tmp_path: Path) -> None:
    crash = (
        "class Late:\n    def __del__(self, kill=os.kill, own=os.getpid()):\n        kill(own, 11)\n\nlate = Late()\n"
    )
    (project / "late.py").write_text(f"import os\nimport numpy\n\n{crash}")
    claimed = tmp_path / "runs" / "late.launch.json.claimed"
    # The other side goes on after the crash, and must be let.
    waits = "while not (text := claim.exists() and claim.read_text()) or os.path.exists(f'/proc/{text}'): pass"
    (project / "slow.py").write_text(
        f"import os, pathlib\nimport numpy\nclaim = pathlib.Path({str(claimed)!r})\n{waits}\n"
    )
    with Workshop(tmp_path / "runs", lambda line: None) as workshop:
        late, slow = (Execution((("", parse_target(name)),)) for name in ("late.py", "slow.py"))
        runs = workshop.run((late, "late"), (slow, "slow"))
        assert [run.status for run in runs] == ["complete", "complete"]
        assert workshop.remarks == ["late.py was ended by signal SIGSEGV after the script had ended and was recorded."]


def test_a_crash_of_native_code_says_under_which_line(project: Path, tmp_path: Path) -> None:
    (project / "crash.py").write_text(
        "import os, signal\n\ndef dies():\n    os.kill(os.getpid(), signal.SIGSEGV)\n\ndies()\n"
    )
    status, _, printed = launched(tmp_path, ("", "crash.py"))
    assert status == -signal.SIGSEGV
    assert "crash.py" in printed
    assert "line 4 in dies" in printed
    with (
        Workshop(tmp_path / "runs", lambda line: None) as workshop,
        pytest.raises(TargetFailed, match="SIGSEGV") as failed,
    ):
        workshop.run((Execution((("", parse_target("crash.py")),)), "run"))
    assert "line 4 in dies" in failed.value.output


@pytest.mark.parametrize("pin", [None, 7])
def test_a_keras_that_cannot_be_hooked_into_is_said_and_never_trained_unpinned(
    project: Path, tmp_path: Path, pin: int | None
) -> None:
    (project / "keras").mkdir()
    (project / "keras" / "__init__.py").write_text(
        "from types import SimpleNamespace\n__version__ = '99.0'\nconfig = SimpleNamespace(backend=lambda: 'none')\n"
    )
    (project / "train.py").write_text("import numpy, keras\nprint('trained')\n")
    with Workshop(tmp_path / "runs", lambda text: None) as workshop:
        execution = Execution((("", parse_target("train.py")),), {}, pin)
        if pin is None:
            run = workshop.run((execution, "run"))[0]
            assert "samefit: recording stopped" in (tmp_path / "runs" / "run.err").read_text()
            assert "was not recorded: the recorder failed" in nothing_recorded(run, "train.py")
            assert (tmp_path / "runs" / "run.out").read_text() == "trained\n"
        else:
            with pytest.raises(TargetFailed, match="exit status 1"):
                workshop.run((execution, "run"))
            assert "it could not be pinned" in (tmp_path / "runs" / "run.err").read_text()
            assert (tmp_path / "runs" / "run.out").read_text() == ""


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("raise SystemExit(3)", "failed"),
        ("import sys; sys.exit(3)", "failed"),
        ("import os; os._exit(3)", "killed"),
    ],
)
def test_a_run_knows_how_its_script_ended(project: Path, tmp_path: Path, line: str, status: str) -> None:
    (project / "train.py").write_text(f"import numpy\n{line}\n")
    assert run("train.py", directory=tmp_path / "run") == 3
    with Run.open(tmp_path / "run") as recorded:
        assert recorded.status == status
        assert recorded.exit_status == (None if status == "killed" else 3)


def test_where_a_generator_stands_at_first_is_known_of_a_library_that_the_script_imports(
    project: Path, tmp_path: Path
) -> None:
    (project / "draws.py").write_text("import numpy as np\nfirst = np.random.rand()\n")
    assert launched(tmp_path, ("", "draws.py"))[0] == 0
    with Run.open(tmp_path / "run") as recorded:
        begin = recorded.generator_states("side:")
        (draw,) = (event for event in recorded.events if event.kind == "draw")
        assert {"python", "numpy"} <= {*begin}
        assert begin["numpy"] == recorded.generator_states("draw::numpy:0")["numpy"]
        assert draw.location is not None


def test_entropy_of_a_generator_of_the_users_own_is_recorded(project: Path, tmp_path: Path) -> None:
    (project / "draws.py").write_text("import numpy as np\nnp.random.default_rng()\nnp.random.default_rng(3)\n")
    assert launched(tmp_path, ("", "draws.py"))[0] == 0
    with Run.open(tmp_path / "run") as recorded:
        taken = [event for event in recorded.events if event.kind == "entropy" and event.location is not None]
    assert [event.location.code for event in taken if event.location] == ["np.random.default_rng()"]
