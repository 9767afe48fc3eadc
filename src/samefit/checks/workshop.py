"""The directory of a check, and the processes that run in it."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from samefit.checks.execution import Execution
from samefit.checks.watch import Watch
from samefit.errors import BackendError, NoTrainingError, TargetFailed
from samefit.launch.process import Child, SideTarget, start
from samefit.launch.signals import handed_on
from samefit.store.elsewhere import take_marks
from samefit.store.reader import Run

_PAUSE = 0.05
"""Seconds between two looks at whether a process has ended."""

_AT_ONCE = 2
"""Processes that run at the same time, as the two sides do: each may want the whole memory of an accelerator."""

_SHARED_MEMORY = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
"""JAX takes three quarters of an accelerator's memory when it starts, and TensorFlow all of it, unless told otherwise:
the second side would find none. They take what they need then, and compute the same."""


class Begun:
    """An execution that runs while something else is done.

    Args:
        child: Its process.
        opened: Returns its run once it has ended.
    """

    def __init__(self, child: Child, opened: Callable[[], Run]) -> None:
        self._child, self._opened = child, opened

    def run(self) -> Run:
        """Waits until it has ended, and returns its run.

        Raises:
            TargetFailed: If the script ends with an exception or another exit status than 0.
            NoTrainingError: If the script records nothing.
        """
        self._child.wait()
        return self._opened()

    def drop(self) -> None:
        """Asks it to end at its next step, if it still runs: nobody waits for its run any more."""
        if self._child.poll() is None:
            self._child.stop_after(0)


class Workshop:
    """The directory of one check, and the processes that are started for it; on leaving, its runs are closed.

    Args:
        directory: Where runs are kept; made if it is not there.
        progress: Called with one line about what is going on.
        show_output: Whether the scripts' own output goes to the terminal.

    Attributes:
        remarks: What was odd about the processes, and did not keep their runs from being used; one line each.
    """

    def __init__(self, directory: Path, progress: Callable[[str], None], *, show_output: bool = False) -> None:
        self.directory = directory
        self.say = progress
        self._show = show_output
        self._names: dict[str, int] = {}
        self._opened: list[Run] = []
        self._begun: list[Child] = []
        self._leaving = contextlib.ExitStack()
        self._held: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
        self.remarks: list[str] = []
        directory.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Workshop:
        self._held = self._leaving.enter_context(handed_on(self._running, as_their_own=self._show))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._leaving as leaving:
            for run in self._opened:
                leaving.callback(run.close)
            for child in self._running():
                leaving.callback(child.stop)
                # All are asked before the first is waited for.
                child.stop_after(0)

    def _running(self) -> list[Child]:
        return [child for child in self._begun if child.poll() is None]

    def _make_room(self, number: int) -> None:
        while (running := self._running()) and len(running) + number > _AT_ONCE:
            running[0].wait(_PAUSE)

    def begin(self, execution: Execution, name: str) -> Begun:
        """Runs an execution in a process of its own, while the caller goes on.

        Args:
            execution: The execution.
            name: Name of its run.
        """
        self._make_room(1)
        child = self.start(execution, name)
        return Begun(child, functools.partial(self._open, child, execution))

    def start(self, execution: Execution, name: str) -> Child:
        """Starts an execution in a fresh process."""
        self._names[name] = self._names.get(name, 0) + 1
        if self._names[name] > 1:
            name = f"{name}-{self._names[name]}"
        target = " ; ".join(target.text for _, target in execution.sides)
        session = {
            "target": target,
            "side": "",
            "pin": execution.pin,
            "backend": execution.environment.get("KERAS_BACKEND"),
            "sides": [side for side, _ in execution.sides],
            **execution.options,
        }
        with self._held():
            child = start(
                [SideTarget(side, target) for side, target in execution.sides],
                run_directory=self.directory / name,
                session=session,
                environment={**self._memory(), **execution.environment},
                output="show" if self._show else "keep",
            )
            self._begun.append(child)
        return child

    def _memory(self) -> dict[str, str]:
        # What shows its output is run alone.
        return {} if self._show else {k: v for k, v in _SHARED_MEMORY.items() if k not in os.environ}

    def run(self, *executions: tuple[Execution, str], watch: Watch | None = None) -> list[Run]:
        """Runs executions at once, each in a process of its own, and returns their runs.

        Args:
            *executions: (execution, name of its run).
            watch: Says whether they can end before their scripts do.

        Raises:
            TargetFailed: If a script ends with an exception or another exit status than 0.
            NoTrainingError: If a script records nothing.
        """
        self._make_room(len(executions))
        children = [self.start(execution, name) for execution, name in executions]
        try:
            _attend(children, watch)
        finally:
            for child in children:
                if child.poll() is None:
                    child.stop()
                child.wait()
        return [self._open(child, execution) for child, (execution, _) in zip(children, executions, strict=True)]

    def _open(self, child: Child, execution: Execution) -> Run:
        label = " and ".join(target.text for _, target in execution.sides)
        status = child.exit_status or 0
        if _has_failed(child):
            tail = child.tail()
            missing = [line for line in tail.splitlines() if line.startswith(("ModuleNotFoundError", "ImportError"))]
            backend = execution.environment.get("KERAS_BACKEND")
            if missing and backend and backend.split("-")[0] in missing[-1]:
                raise BackendError(
                    f"The backend '{backend}' is not installed here ({missing[-1]}): pip install {backend}."
                )
            raise TargetFailed(f"{label} {_ending(status)}.", status, tail)
        if not (child.run_directory / "manifest.json").exists():
            if elsewhere := take_marks(str(child.run_directory)):
                raise NoTrainingError(trains_elsewhere(label, elsewhere))
            raise NoTrainingError(
                f"{label} ran, but nothing was recorded: it imported neither NumPy nor Keras. {tail_of(child)}".rstrip()
            )
        if status < 0 and not child.stop_requested:
            self.remarks.append(f"{label} {_ending(status)} after the script had ended and was recorded.")
        self._opened.append(run := Run.open(child.run_directory))
        asked, ran_on = execution.environment.get("KERAS_BACKEND"), run.manifest.get("backend")
        if asked and ran_on and asked != ran_on:
            raise BackendError(f"{label} ran on {ran_on}, and not on {asked}, which was asked for.")
        return run


def trains_elsewhere(text: str, number: int) -> str:
    """Says that a target trains in other processes, and what the user can do."""
    processes = "another process" if number == 1 else f"{number} other processes"
    return (
        f"{text} trains in {processes}, which samefit does not record: train in the script's own process, or hand "
        "a samefit.Recorder to each training and compare the runs that they write."
    )


def _attend(children: Sequence[Child], watch: Watch | None) -> None:
    """Waits until all processes have ended, or one has failed: then the others are of no use any more."""
    told: Sequence[int] | None = None
    while running := [child for child in children if child.poll() is None]:
        if any(_has_failed(child) for child in children):
            return
        ends = watch.stop_after([child.run_directory for child in children]) if watch is not None else None
        if ends is not None and ends != told:
            told = ends
            for child, steps in zip(children, ends, strict=True):
                child.stop_after(steps)
        running[0].wait(_PAUSE)


def _has_failed(child: Child) -> bool:
    """Whether a process ended by itself, and otherwise than well."""
    if not child.exit_status or child.stop_requested:
        return False
    if child.exit_status > 0 or not (child.run_directory / "manifest.json").exists():
        return True
    # Native libraries may crash while the interpreter is taken down: then everything was recorded before.
    with contextlib.closing(Run.open(child.run_directory)) as run:
        return run.status != "complete"


def _ending(exit_status: int) -> str:
    if exit_status > 0:
        return f"ended with exit status {exit_status}"
    try:
        name = signal.Signals(-exit_status).name
    except ValueError:  # real-time signals have no names
        name = str(-exit_status)
    return f"was ended by signal {name}"


def tail_of(child: Child) -> str:
    """Returns what a child printed about its own recording, if anything."""
    return " ".join(line for line in child.tail().splitlines() if line.startswith("samefit:"))
