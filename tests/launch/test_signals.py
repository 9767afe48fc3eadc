"""A signal that ends samefit ends the scripts that it runs, and lets them end in their own way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

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

    def begin(*words: str, scripts: Sequence[str] = ("",), hang_up: signal.Handlers = signal.SIG_DFL) -> Begun:
        pipes = []
        for n, code in enumerate(scripts):
            pipes.append(tmp_path / f"say-{n}")
            os.mkfifo(pipes[-1])
            Path(f"script_{n}.py").write_text(code + WAITING.format(say=str(pipes[-1])))
        # Processes inherit what is ignored, and these tests may run under nohup.
        before = signal.signal(signal.SIGHUP, hang_up)
        process = subprocess.Popen(
            [sys.executable, "-m", "samefit", *words, *(f"script_{n}.py" for n in range(len(scripts)))],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        signal.signal(signal.SIGHUP, before)
        begun.append(Begun(process, [int(pipe.read_text()) for pipe in pipes]))
        return begun[-1]

    begun: list[Begun] = []
    yield begin
    for left in begun:
        for number in (left.process.pid, *left.scripts) if left.process.poll() is None else ():
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
    begun = begin("run", "-q", scripts=[CATCHING.format(number=int(number))])
    # From the keyboard an interrupt comes to both.
    targets = [begun.process.pid, *(begun.scripts if number == signal.SIGINT else [])]
    for process in targets:
        os.kill(process, number)
    assert begun.ended() == (3, "kept\n", "")


def test_check_ends_both_of_its_scripts(begin: Callable[..., Begun]) -> None:
    begun = begin("check", scripts=["", ""])
    begun.process.send_signal(signal.SIGTERM)
    status, _, errors = begun.ended()
    assert status == 128 + signal.SIGTERM
    assert errors.endswith("samefit: ended by SIGTERM\n")
    assert all(is_gone(script) for script in begun.scripts)


def test_what_is_ignored_stays_ignored(begin: Callable[..., Begun]) -> None:
    begun = begin("run", "-q", hang_up=signal.SIG_IGN)  # as nohup does
    begun.process.send_signal(signal.SIGHUP)
    begun.process.terminate()  # handled after the other, if both were
    assert begun.ended()[0] == 128 + signal.SIGTERM
