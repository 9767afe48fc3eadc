"""`audit`: every source of randomness that a script uses, from a run of its first steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samefit.checks.check import nothing_recorded
from samefit.checks.execution import Execution
from samefit.checks.workshop import Workshop
from samefit.errors import NoTrainingError
from samefit.explain.sources import Source, Standing, sources
from samefit.launch.target import parse_target
from samefit.report.words import leaves_unpinned
from samefit.store.home import new_directory
from samefit.store.manifest import pin_limits

FIRST_STEPS = 3


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        target: The target.
        run: Directory of the run that was looked at.
        steps: Number of training steps that were run.
        ended_early: Whether the script was ended after these steps.
        pin: The seed of `--pin`, or None.
        sources: The sources, those that are unseeded first.
        limits: What the pin could not cover, as in the manifest of the run: kind, text, remedy, location.
    """

    target: str
    run: str
    steps: int
    ended_early: bool
    pin: int | None
    sources: tuple[Source, ...]
    limits: tuple[Mapping[str, Any], ...] = ()

    @property
    def unseeded(self) -> tuple[Source, ...]:
        """The sources whose values nothing decides that is written down."""
        return tuple(source for source in self.sources if source.standing is Standing.UNSEEDED)

    @property
    def unpinned(self) -> tuple[Mapping[str, Any], ...]:
        """Those of the limits that leave something to other things than the pin's seed."""
        return tuple(limit for limit in self.limits if leaves_unpinned(limit))


def audit(
    target: str,
    *,
    pin: int | None = None,
    steps: int = FIRST_STEPS,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    progress: Any = None,
) -> Audit:
    """Runs the first training steps of a script and lists its sources of randomness.

    Args:
        target: TARGET.
        pin: Seed of a pinned scope around the script, or None.
        steps: Number of training steps after which the script is ended.
        environment: Environment variables of the script.
        directory: Where the run is kept; by default a new directory below `.samefit`.
        progress: Shows what is going on (`samefit.report.progress`).

    Raises:
        TargetError: If the target cannot be run.
        TargetFailed: If the script fails.
        NoTrainingError: If nothing is trained that can be recorded.
    """
    parsed = parse_target(target)
    say = progress.phase if progress is not None else lambda text: None
    with Workshop(directory or new_directory(), say) as workshop:
        say(f"running the first {steps} steps of {parsed.label}")
        execution = Execution((("", parsed),), dict(environment or {}), pin).ending_after(steps)
        run = workshop.run((execution, "run"))[0]
        if not run.trainings:
            raise NoTrainingError(nothing_recorded(run, parsed.text))
        return Audit(
            target=parsed.text,
            run=str(run.path),
            steps=len(run.step_indices()),
            ended_early=run.status == "stopped",
            pin=pin,
            sources=sources(run),
            limits=tuple(pin_limits(run.manifest)),
        )
