"""What a check runs: the sides, where they run, and how to run one of them again with one thing changed."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from samefit.errors import BackendError, NoTrainingError, TargetFailed
from samefit.launch.process import Child, SideTarget, start
from samefit.launch.target import Target
from samefit.store.reader import Run


@dataclass(frozen=True)
class Execution:
    """One process: the sides that run in it, in order, and how.

    Attributes:
        sides: (name, target), in order; the name is "" for a side that has the process for itself.
        environment: Variables of its environment; None removes one.
        pin: Seed of `--pin`, or None.
        options: More keys of the session: "transplants", "keep_data".
    """

    sides: tuple[tuple[str, Target], ...]
    environment: Mapping[str, str | None] = field(default_factory=dict)
    pin: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def with_transplants(self, transplants: Sequence[Mapping[str, Any]]) -> Execution:
        """Returns the same execution with more transplants."""
        before = list(self.options.get("transplants") or ())
        return replace(self, options={**self.options, "transplants": [*before, *transplants]})

    def only(self, name: str) -> Execution:
        """Returns the execution of one side alone."""
        return replace(self, sides=tuple(side for side in self.sides if side[0] == name))


class Workshop:
    """The directory of one check, and the processes that are started for it.

    Args:
        directory: Where runs are kept; made if it is not there.
        progress: Called with one line about what is going on.
        show_output: Whether the scripts' own output goes to the terminal.
    """

    def __init__(self, directory: Path, progress: Callable[[str], None], *, show_output: bool = False) -> None:
        self.directory = directory
        self.say = progress
        self._show = show_output
        self._names: dict[str, int] = {}
        directory.mkdir(parents=True, exist_ok=True)

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
            "sides": [side for side, _ in execution.sides],
            **execution.options,
        }
        return start(
            [SideTarget(side, target) for side, target in execution.sides],
            run_directory=self.directory / name,
            session=session,
            environment=dict(execution.environment),
            output="show" if self._show else "keep",
        )

    def run(self, *executions: tuple[Execution, str]) -> list[Run]:
        """Runs executions at once, each in a process of its own, and returns their runs.

        Raises:
            TargetFailed: If a script ends with an exception or another exit status than 0.
            NoTrainingError: If a script records nothing.
        """
        children = [self.start(execution, name) for execution, name in executions]
        try:
            for child in children:
                if child.wait(None):
                    # One side has failed: the others are of no use any more.
                    break
        finally:
            for child in children:
                if child.poll() is None:
                    child.stop()
        return [self._opened(child, execution) for child, (execution, _) in zip(children, executions, strict=True)]

    def _opened(self, child: Child, execution: Execution) -> Run:
        label = " and ".join(target.text for _, target in execution.sides)
        if child.exit_status:
            tail = child.tail()
            missing = [line for line in tail.splitlines() if line.startswith(("ModuleNotFoundError", "ImportError"))]
            backend = execution.environment.get("KERAS_BACKEND")
            if missing and backend and backend.split("-")[0] in missing[-1]:
                raise BackendError(
                    f"The backend '{backend}' is not installed here ({missing[-1]}): pip install {backend}."
                )
            raise TargetFailed(f"{label} ended with exit status {child.exit_status}.", child.exit_status, tail)
        if not (child.run_directory / "manifest.json").exists():
            raise NoTrainingError(
                f"{label} ran, but nothing was recorded: it imported neither NumPy nor Keras. {tail_of(child)}".rstrip()
            )
        return Run.open(child.run_directory)


def tail_of(child: Child) -> str:
    """Returns what a child printed about its own recording, if anything."""
    return " ".join(line for line in child.tail().splitlines() if line.startswith("samefit:"))


def new_directory(base: Path | None) -> Path:
    """Returns a fresh directory for a check: `base`, or one below `.samefit` in the working directory."""
    if base is not None:
        return base
    home = Path(".samefit")
    home.mkdir(exist_ok=True)
    ignore = home / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    candidates = [home / stamp, *(home / f"{stamp}-{i}" for i in range(2, 1000))]
    return next(path for path in candidates if not path.exists())
