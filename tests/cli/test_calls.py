"""The command line as a table of calls: what each verb asks of `samefit.checks`, without running anything."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from samefit import checks
from samefit.cli import main
from samefit.comparison.result import Comparison
from samefit.errors import TargetError, TargetFailed
from samefit.types import Verdict


@dataclass
class Fake:
    """Stands for `samefit.checks`: remembers calls and returns what it was given."""

    comparison: Comparison
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    error: BaseException | None = None
    status: int = 0

    def __call__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            kwargs.pop("progress", None)
            self.calls.append((name, args, kwargs))
            if self.error is not None:
                raise self.error
            results = {
                "run": self.status,
                "check_backends": (self.comparison, self.comparison),
                "doctor": SimpleNamespace(
                    rows=(
                        SimpleNamespace(name="keras", value="3.15.1", status="ok", note=""),
                        SimpleNamespace(name="torch", value="not installed", status="missing", note="pip install it"),
                    )
                ),
            }
            return results.get(name, self.comparison)

        return call


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make_comparison: Callable[..., Comparison]) -> Fake:
    found = Fake(make_comparison())
    for name in ("check", "check_backends", "compare", "run", "doctor"):
        monkeypatch.setattr(checks, name, found(name))
    monkeypatch.chdir(tmp_path)
    return found


CHECK_DEFAULTS: dict[str, Any] = {
    "same_process": False,
    "trainings": None,
    "backends": (),
    "env_a": {},
    "env_b": {},
    "pin": None,
    "confirm": True,
    "inside": None,
    "to_end": False,
    "every_step": False,
}


@pytest.mark.parametrize(
    ("line", "targets", "changes"),
    [
        (["a.py"], ("a.py", None), {}),
        (["a.py", "b.py"], ("a.py", "b.py"), {}),
        (["train.py --epochs 3"], ("train.py --epochs 3", None), {}),
        (["-m package.train"], ("-m package.train", None), {}),
        (["--", "-m package.train", "-m other"], ("-m package.train", "-m other"), {}),
        (["a.py:one", "a.py:two", "--same-process"], ("a.py:one", "a.py:two"), {"same_process": True}),
        (["a.py", "--trainings", "1,2"], ("a.py", None), {"trainings": (1, 2)}),
        (["a.py", "--trainings", "#2, #1"], ("a.py", None), {"trainings": (2, 1)}),
        (["a.py", "--backends", "jax,torch"], ("a.py", None), {"backends": ("jax", "torch")}),
        (["a.py", "--env-b", "A=1", "--env-b", "B=x=y"], ("a.py", None), {"env_b": {"A": "1", "B": "x=y"}}),
        (["--env-a", "EMPTY=", "a.py"], ("a.py", None), {"env_a": {"EMPTY": ""}}),
        (["a.py", "--pin", "7"], ("a.py", None), {"pin": 7}),
        (["a.py", "--every-step"], ("a.py", None), {"every_step": True}),
        (["a.py", "--no-confirm"], ("a.py", None), {"confirm": False}),
        (["a.py", "--inside"], ("a.py", None), {"inside": True}),
        (["a.py", "--no-inside"], ("a.py", None), {"inside": False}),
    ],
)
def test_check(fake: Fake, line: list[str], targets: tuple[Any, ...], changes: dict[str, Any]) -> None:
    assert main(["check", *line]) == 0
    ((name, args, kwargs),) = fake.calls
    kwargs.pop("directory")
    assert (name, args, kwargs) == ("check", targets, CHECK_DEFAULTS | changes)


def test_check_three_backends(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "a.py", "--backends", "jax,tensorflow,torch"]) == 0
    ((name, args, _),) = fake.calls
    assert (name, args) == ("check_backends", ("a.py", ("jax", "tensorflow", "torch")))
    assert capsys.readouterr().out.count("✓ identical") == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["check"], "Missing argument 'A'. (see: samefit check --help)"),
        (["check", ""], "Invalid value for 'A': a target is a script"),
        (["check", "-m", "package.train"], "quote a target that is a module, as in: samefit check '-m package.train'"),
        (
            ["audit", "train.py", "5"],
            "'5' is one too many; quote a target with its arguments: samefit audit 'train.py 5'",
        ),
        (["check", "a.py", "b.py", "--models", "--inside"], "--models compares without training; leave"),
        (["check", "a.py", "--models", "--backends", "jax,tensorflow,torch"], "--models compares two models: name two"),
        (["check", "a.py", "--same-process"], "--same-process runs A and then B in one process; name B as well"),
        (["check", "a.py", "b.py", "--trainings", "1,2"], "--trainings compares two trainings inside one run of A"),
        (["check", "a.py", "b.py", "--backends", "jax,torch"], "--backends runs A once on each backend; leave B out"),
        (["check", "a.py", "--trainings", "1,2", "--backends", "jax,torch"], "choose one"),
        (["check", "a.py", "--trainings", "1,2", "--env-a", "A=1"], "need two processes"),
        (["check", "a.py", "--trainings", "1"], "'1' is not two numbers of trainings, such as 1,2"),
        (["check", "a.py", "--trainings", "0,1"], "trainings are counted from 1"),
        (["check", "a.py", "--trainings", "2,2"], "training 2 is always the same as itself; name two"),
        (["check", "a.py", "--backends", "jax,mxnet"], "'mxnet' is not one of jax, tensorflow, torch"),
        (["check", "a.py", "--backends", "jax"], "name two or three different backends"),
        (["check", "a.py", "--backends", "jax,jax"], "name two or three different backends"),
        (["check", "a.py", "--env-a", "OOPS"], "'OOPS' is not NAME=VALUE"),
        (["check", "a.py", "--pin", "-1"], "--pin"),
        (["check", "a.py", "--trainins", "1,2"], "No such option"),
        (["chek", "a.py"], "No such command"),
        (["run"], "Missing argument 'TARGET'"),
        (["run", "-m"], "-m needs the name of a module"),
        (["run", "--pim", "3", "a.py"], "No such option"),
        (["compare", "a.run"], "Missing argument 'RUN[#N]'"),
        (["show", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_is_one_line_and_status_1(
    fake: Fake, capsys: pytest.CaptureFixture[str], line: list[str], message: str
) -> None:
    assert main(line) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("samefit: ")
    assert err.count("\n") == 1
    assert message in err
    assert fake.calls == []
    assert not os.path.exists(".samefit")


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (Verdict.IDENTICAL, 0),
        (Verdict.WITHIN_TOLERANCE, 0),
        (Verdict.DIVERGED, 2),
        (Verdict.INCOMPLETE, 2),
        (Verdict.NOT_COMPARABLE, 2),
    ],
)
@pytest.mark.parametrize("line", [["check", "a.py"], ["compare", "a.run", "b.run"]])
def test_exit_status(
    fake: Fake, make_comparison: Callable[..., Comparison], line: list[str], verdict: Verdict, status: int
) -> None:
    fake.comparison = make_comparison(verdict=verdict)
    assert main(line) == status


@pytest.mark.parametrize(
    "error", [TargetError("There is no file a.py."), TargetFailed("a.py\nended with exit status 3", 3)]
)
def test_errors_of_samefit_are_one_line(fake: Fake, capsys: pytest.CaptureFixture[str], error: BaseException) -> None:
    fake.error = error
    assert main(["check", "a.py"]) == 1
    assert capsys.readouterr().err == f"samefit: {' '.join(str(error).split())}\n"


def test_a_bug_keeps_its_traceback(fake: Fake) -> None:
    fake.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        main(["check", "a.py"])


def test_ctrl_c(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake.error = KeyboardInterrupt()
    assert main(["check", "a.py"]) == 130
    assert capsys.readouterr().err.strip() == "samefit: interrupted"


# -- where runs are kept ----------------------------------------------------------------------------------------------


def test_runs_are_kept_in_a_new_directory_that_git_ignores(fake: Fake) -> None:
    directories = []
    for _ in range(2):
        main(["check", "models/train.py --epochs 3"])
        directory = fake.calls[-1][2]["directory"]
        (directory / "a").mkdir(parents=True)  # as if a run had come to be in it
        directories.append(directory)
    assert directories[0] != directories[1]
    assert directories[0].parent == Path(".samefit")
    assert directories[0].name.endswith("-train")
    assert Path(".samefit/.gitignore").read_text() == "*\n"


def test_a_directory_that_stays_empty_is_taken_away(fake: Fake) -> None:
    fake.error = TargetError("no")
    main(["check", "a.py"])
    assert [path.name for path in Path(".samefit").iterdir()] == [".gitignore"]


def test_chosen_directory(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "a.py", "--runs", "kept/here"]) == 0
    assert fake.calls[-1][2]["directory"] == Path("kept/here")
    Path("full").mkdir()
    Path("full/thing").touch()
    assert main(["check", "a.py", "--runs", "full"]) == 1
    assert "'full' exists and is not an empty directory" in capsys.readouterr().err
    assert main(["check", "a.py", "--runs", "full/thing"]) == 1


# -- what is printed --------------------------------------------------------------------------------------------------


def test_json_to_a_file_and_text_to_the_terminal(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "a.py", "--json", "out.json"]) == 0
    assert json.loads(Path("out.json").read_text())["verdict"] == "identical"
    assert "identical" in capsys.readouterr().out


def test_json_to_standard_output_is_alone_there(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "a", "b", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "identical"


def test_json_of_three_backends_is_an_array(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", "a.py", "--backends", "jax,tensorflow,torch", "--json", "-"])
    assert [document["verdict"] for document in json.loads(capsys.readouterr().out)] == ["identical"] * 2


def test_json_is_not_written_over_a_script(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` takes the word behind it: a script that stands there would be lost."""
    Path("a.py").write_text("import keras\n")
    assert main(["check", "--json", "a.py", "b.py"]) == 1
    assert "it is not written over" in " ".join(capsys.readouterr().err.split())
    assert (Path("a.py").read_text(), fake.calls) == ("import keras\n", [])
    Path("out.json").write_text("{}\n")
    assert main(["check", "a.py", "b.py", "--json", "out.json"]) == 0


def test_json_that_cannot_be_written(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "a.py", "--json", "no/such/place.json"]) == 1
    assert "cannot be written to 'no/such/place.json'" in capsys.readouterr().err


def test_quiet_is_the_verdict_alone(
    fake: Fake, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    main(["check", "a.py", "--quiet"])
    out = capsys.readouterr().out
    assert out.startswith("✓ identical")
    assert out.count("\n") == 1


def test_doctor(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out == "  ✓ keras  3.15.1\n  ✗ torch  not installed  pip install it\n"


def test_doctor_as_json(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"][1]["status"] == "missing"


# -- run --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "target", "pin"),
    [
        (["train.py"], "train.py", None),
        (["train.py", "--pin", "3", "-o", "x", "-h"], "train.py --pin 3 -o x -h", None),
        (["--pin", "3", "train.py", "--", "-v"], "train.py -- -v", 3),
        (["-m", "package.train", "--epochs", "3"], "-m package.train --epochs 3", None),
        (["--", "train.py", "two words"], "train.py 'two words'", None),
        (["-q", "train.py:baseline"], "train.py:baseline", None),
    ],
)
def test_run_hands_arguments_on_untouched(fake: Fake, line: list[str], target: str, pin: int | None) -> None:
    assert main(["run", *line]) == 0
    ((name, args, kwargs),) = fake.calls
    assert (name, args, kwargs["pin"]) == ("run", (target,), pin)


@pytest.mark.parametrize("status", [0, 1, 2, 3, 77])
def test_run_passes_the_exit_status_on(fake: Fake, status: int) -> None:
    fake.status = status
    assert main(["run", "train.py"]) == status


def test_run_names_the_run_on_standard_error_only(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*_: Any, directory: Path, **__: Any) -> int:
        directory.mkdir(parents=True)
        (directory / "manifest.json").write_text("{}")
        return 0

    checks.run = run  # put back by the fixture's monkeypatch
    assert main(["run", "-o", "first.run", "train.py"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "samefit: the run is kept in first.run  (samefit show first.run)\n"


def test_run_says_what_a_pin_could_not_pin(fake: Fake, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What is not pinned is never silent, also where nothing is compared."""
    limits = [
        {
            "kind": "raw-draw",
            "text": "torch.rand is called.",
            "remedy": "Draw with keras.random.",
            "location": {"file": str(tmp_path / "train.py"), "line": 7},
        },
        {"kind": "equal-models", "text": "Two models start alike.", "remedy": "", "location": None},
    ]

    def run(*_: Any, directory: Path, **__: Any) -> int:
        directory.mkdir(parents=True)
        (directory / "manifest.json").write_text(json.dumps({"pin_report": {"limits": limits}}))
        return 0

    checks.run = run  # put back by the fixture's monkeypatch
    assert main(["run", "-o", "first.run", "--pin", "7", "train.py"]) == 0
    assert capsys.readouterr().err.splitlines()[1:] == [
        "samefit: not pinned: train.py:7: torch.rand is called. Draw with keras.random.",
        "samefit: note: Two models start alike.",
    ]
    assert main(["run", "-q", "-o", "second.run", "--pin", "7", "train.py"]) == 0
    assert capsys.readouterr().err == ""


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    from samefit.version import __version__

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"samefit {__version__}\n"
