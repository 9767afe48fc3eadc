"""A signal that ends samefit ends the scripts that it runs, and lets them end in their own way."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from samefit.checks import workshop
from samefit.checks.execution import Execution
from samefit.checks.workshop import Workshop
from samefit.errors import Terminated
from samefit.launch.process import Child, start
from samefit.launch.target import parse_target

WAITING = """
import os, signal
with open({say!r}, "w") as say:
    say.write(str(os.getpid()))
while True:
    signal.pause()
"""
CATCHING = """
import signal, sys
def leave(number, frame):
    print("kept")
    sys.exit(3)
signal.signal({number}, leave)
"""

DEAF = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
"""


class Begun:
    """samefit, and the scripts that it has started."""

    def __init__(self, process: subprocess.Popen[str], scripts: Sequence[int]) -> None:
        self.process, self.scripts = process, scripts

    def ended(self) -> tuple[int, str, str]:
        """Returns exit status, stdout and stderr."""
        out, errors = self.process.communicate(timeout=60)
        return self.process.returncode, out, errors


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Begun]]:
    """Starts samefit on scripts that wait, and returns when all of them do."""
    monkeypatch.chdir(tmp_path)

    def begin(
        *words: str, scripts: Sequence[str] = ("",), hang_up: signal.Handlers = signal.SIG_DFL, apart: bool = False
    ) -> Begun:
        pipes = []
        for n, code in enumerate(scripts):
            pipes.append(tmp_path / f"say-{n}")
            os.mkfifo(pipes[-1])
            Path(f"script_{n}.py").write_text(code + WAITING.format(say=str(pipes[-1])))
        # Processes inherit what is ignored, and these tests may run under nohup or in the background.
        before = {signal.SIGHUP: signal.signal(signal.SIGHUP, hang_up)}
        before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
        process = subprocess.Popen(
            [sys.executable, "-m", "samefit", *words, *(f"script_{n}.py" for n in range(len(scripts)))],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=apart,
        )
        for number, handler in before.items():
            signal.signal(number, handler)
        begun.append(Begun(process, [int(pipe.read_text()) for pipe in pipes]))
        return begun[-1]

    begun: list[Begun] = []
    yield begin
    for left in begun:
        running = [] if left.process.poll() is not None else [left.process.pid]
        for number in (*running, *(script for script in left.scripts if not is_gone(script))):
            os.kill(number, signal.SIGKILL)


def is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_run_ends_its_script_and_ends_as_it_does(begin: Callable[..., Begun], number: int) -> None:
    begun = begin("run", "-q")
    begun.process.send_signal(number)
    assert begun.ended() == (128 + number, "", "")
    assert is_gone(begun.scripts[0])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_waits_for_a_script_that_catches_a_signal(begin: Callable[..., Begun], number: int) -> None:
    begun = begin("run", "-q", scripts=[CATCHING.format(number=int(number))], apart=True)
    begun.process.send_signal(number)
    assert begun.ended() == (3, "kept\n", "")


# The process of the tests has threads; the child runs another program at once.
@pytest.mark.filterwarnings("ignore:.*forkpty:DeprecationWarning")
def test_an_interrupt_from_the_keyboard_comes_to_a_script_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("say")
    Path("script.py").write_text(CATCHING.format(number=int(signal.SIGINT)) + WAITING.format(say="say"))
    process, terminal = pty.fork()
    if process == 0:
        os.execv(sys.executable, [sys.executable, "-m", "samefit", "run", "-q", "script.py"])
    Path("say").read_text()
    os.write(terminal, b"\x03")
    said = b""
    with contextlib.suppress(OSError):  # what Linux says at the end of a terminal
        while part := os.read(terminal, 1024):
            said += part
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    assert (os.waitstatus_to_exitcode(status), said.count(b"kept")) == (3, 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_does_not_wait_leaves_no_script_behind(begin: Callable[..., Begun], number: int) -> None:
    begun = begin("check", scripts=[DEAF, DEAF])
    # The first asks the scripts to end and waits for them; each further one ends a wait.
    while begun.process.poll() is None and not all(is_gone(script) for script in begun.scripts):
        begun.process.send_signal(number)
        time.sleep(0.3)
    assert begun.ended()[0] == 128 + number
    assert all(is_gone(script) for script in begun.scripts)


def test_check_ends_both_of_its_scripts(begin: Callable[..., Begun]) -> None:
    begun = begin("check", scripts=["", ""])
    begun.process.send_signal(signal.SIGTERM)
    status, _, errors = begun.ended()
    assert status == 128 + signal.SIGTERM
    assert errors.endswith("samefit: ended by SIGTERM\n")
    assert all(is_gone(script) for script in begun.scripts)


@pytest.mark.parametrize("shown", [False, True])
def test_a_signal_while_a_script_is_started_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: bool
) -> None:
    children = []

    def signalled(*args: Any, **fields: Any) -> Child:
        children.append(start(*args, **fields))
        os.kill(os.getpid(), signal.SIGTERM)
        return children[0]

    monkeypatch.setattr(workshop, "start", signalled)
    (tmp_path / "script.py").write_text("import signal\nsignal.pause()\n")
    execution = Execution((("", parse_target(str(tmp_path / "script.py"))),))
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        # One that only wraps the script ends as that does.
        with (
            contextlib.nullcontext() if shown else pytest.raises(Terminated),
            Workshop(tmp_path / "runs", lambda text: None, show_output=shown) as begun,
        ):
            assert begun.start(execution, "run").wait(10) == -signal.SIGTERM
        assert children[0].wait(10) == -signal.SIGTERM
    finally:
        signal.signal(signal.SIGTERM, before)
        children[0].stop()


def test_what_is_ignored_stays_ignored(begin: Callable[..., Begun]) -> None:
    begun = begin("run", "-q", hang_up=signal.SIG_IGN)  # as nohup does
    begun.process.send_signal(signal.SIGHUP)
    begun.process.terminate()  # handled after the other, if both were
    assert begun.ended()[0] == 128 + signal.SIGTERM
