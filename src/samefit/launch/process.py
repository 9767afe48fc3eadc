"""Starting a fresh process for a target, and watching over it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import samefit
from samefit.errors import TargetError
from samefit.launch.target import Target
from samefit.store.elsewhere import take_marks

_BOOTSTRAP = Path(__file__).parent / "bootstrap"
_GRACE_SECONDS = 10.0
_TAIL_LINES = 12


@dataclass(frozen=True)
class SideTarget:
    """A target and the name of the side that it is ("" if it has the process for itself)."""

    name: str
    target: Target


class Child:
    """A process that runs a target.

    Attributes:
        run_directory: Where its recorder writes.
        stop_requested: Whether it was asked to end before its script does.
    """

    def __init__(
        self, popen: subprocess.Popen[bytes], run_directory: Path, launch_file: Path, logs: Sequence[IO[bytes]]
    ):
        self.run_directory = run_directory
        self.stop_requested = False
        self._popen = popen
        self._launch_file = launch_file
        self._logs = logs

    @property
    def exit_status(self) -> int | None:
        """The exit status, or None while it runs; minus the signal's number if one ended it."""
        return self._popen.returncode

    def poll(self) -> int | None:
        """Returns the exit status, or None while it runs."""
        return self._popen.poll()

    def wait(self, timeout: float | None = None) -> int | None:
        """Waits for the end, at most `timeout` seconds; returns the exit status, or None if it still runs."""
        try:
            status = self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        for log in self._logs:
            log.close()
        return status

    def signal(self, number: int) -> None:
        """Sends it a signal, if it still runs."""
        self._popen.send_signal(number)

    def stop_after(self, steps: int) -> None:
        """Asks the process to end once it has recorded so many steps."""
        file = Path(f"{self._launch_file}.stop")
        part = file.with_suffix(".part")
        part.write_text(str(steps))
        os.replace(part, file)
        self.stop_requested = True

    def stop(self) -> None:
        """Ends the process: at the next step boundary if it gets there, else at once; so, too, where nobody waits."""
        self.stop_after(0)
        try:
            if self.wait(_GRACE_SECONDS) is None:
                self._popen.terminate()
                self.wait(_GRACE_SECONDS)
        finally:
            self._popen.kill()
            self.wait()

    def tail(self) -> str:
        """Returns the last lines that it printed, where they were kept."""
        file = self.run_directory.with_suffix(".err")
        if not file.exists():
            return ""
        return "\n".join(file.read_text(errors="replace").strip().splitlines()[-_TAIL_LINES:])


def start(
    targets: Sequence[SideTarget],
    *,
    run_directory: Path,
    session: Mapping[str, Any],
    environment: Mapping[str, str | None] | None = None,
    output: str = "keep",
    python: str = sys.executable,
) -> Child:
    """Starts one fresh process for one side, or for several that run in it one after the other.

    Args:
        targets: The sides, in order.
        run_directory: Where the recorder writes; it must not exist.
        session: What `samefit.live.start` gets.
        environment: Variables to set; None removes one.
        output: "show" lets the script print to the terminal, "keep" writes files beside the run directory.
        python: The interpreter.

    Returns:
        The running process.

    Raises:
        TargetError: If the interpreter's flags switch off what the recorder needs.
    """
    if sys.flags.ignore_environment or sys.flags.isolated:
        raise TargetError("Python runs with -E or -I, which keeps the recorder out: start samefit without them.")
    run_directory = run_directory.absolute()
    run_directory.parent.mkdir(parents=True, exist_ok=True)
    take_marks(str(run_directory))
    launch_file = run_directory.with_suffix(".launch.json")
    launch_file.unlink(missing_ok=True)
    for suffix in (".stop", ".claimed"):
        Path(str(launch_file) + suffix).unlink(missing_ok=True)
    described = {
        **session,
        "run": str(run_directory),
        "stop_file": f"{launch_file}.stop",
        "targets": [{"name": side.name, **asdict(side.target)} for side in targets],
    }
    launch_file.write_text(json.dumps(described))
    command = [python, *_command(targets, inside="models" in session)]
    logs: list[IO[bytes]] = []
    if output == "keep":
        logs = [run_directory.with_suffix(suffix).open("wb") for suffix in (".out", ".err")]
    streams: dict[str, Any] = {"stdout": logs[0], "stderr": logs[1]} if logs else {}
    popen = subprocess.Popen(command, env=_environment(launch_file, environment or {}), **streams)
    return Child(popen, run_directory, launch_file, logs)


def _command(targets: Sequence[SideTarget], *, inside: bool) -> list[str]:
    """Returns the arguments of the interpreter; `inside`: what a script leaves behind is looked at."""
    first = targets[0].target
    # One side of several that runs alone is run, and named, as it was among them.
    if inside or len(targets) > 1 or targets[0].name or first.kind == "function":
        return [str(_BOOTSTRAP / "sides.py")]
    if first.kind == "module":
        return ["-m", first.module, *first.args]
    return [first.path, *first.args]


def _environment(launch_file: Path, changes: Mapping[str, str | None]) -> dict[str, str]:
    environment = dict(os.environ)
    for name, value in changes.items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value
    paths = [str(_BOOTSTRAP), *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    environment["SAMEFIT_LAUNCH"] = str(launch_file)
    # Where this samefit lies: the child's interpreter may not have it installed (a checkout, an editable install).
    environment["SAMEFIT_HOME"] = str(Path(samefit.__file__).parent.parent)
    return environment
