"""A launched script sees what plain Python would give it."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from tests.launch.launched import PROBE, launched, plain

from samefit.checks.check import nothing_recorded, run
from samefit.checks.execution import Execution
from samefit.checks.workshop import Workshop
from samefit.errors import TargetError, TargetFailed
from samefit.launch.target import parse_target
from samefit.store.reader import Run


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
