"""`check`, `run` and `compare`: the verbs of the command line and of Python."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from samefit.checks.conclude import concluded, explained_by_reruns
from samefit.checks.confirm import case_of
from samefit.checks.execution import Execution
from samefit.checks.notes import what_pinning_changed
from samefit.checks.pair import Pair, Part
from samefit.checks.told import explained, suspected
from samefit.checks.watch import Watch, parted_for_good
from samefit.checks.workshop import Workshop, trains_elsewhere
from samefit.comparison import compare as compare_offline
from samefit.comparison.compare import opened
from samefit.comparison.coverage import trained_elsewhere
from samefit.comparison.result import Comparison
from samefit.errors import NoTrainingError, SelectionError
from samefit.launch.target import parse_target
from samefit.report.words import count
from samefit.store.home import new_directory
from samefit.store.reader import Run
from samefit.store.writer import correct_exit_status
from samefit.types import Verdict


def check(
    baseline: str,
    candidate: str | None = None,
    *,
    same_process: bool = False,
    trainings: tuple[int, int] | None = None,
    backends: Sequence[str] = (),
    env_a: Mapping[str, str] | None = None,
    env_b: Mapping[str, str] | None = None,
    pin: int | None = None,
    directory: Path | None = None,
    confirm: bool = True,
    to_end: bool = False,
    inside: bool | None = None,
    every_step: bool = False,
    progress: Any = None,
) -> Comparison:
    """Runs, records, compares and explains two trainings.

    Args:
        baseline: TARGET of the baseline: "script.py", "-m package.module" or "script.py:function".
        candidate: TARGET of the candidate; the baseline's again if not given.
        same_process: Whether the two run one after the other in one process.
        trainings: Numbers of two trainings inside one run of the baseline, which are compared then.
        backends: Two Keras backends, one for each side.
        env_a: Environment variables of the baseline.
        env_b: Environment variables of the candidate.
        pin: Seed to pin all randomness with; the comparison as it is stands in `Comparison.unpinned`.
        directory: Where the runs are kept; by default a new directory below `.samefit`.
        confirm: Whether causes are confirmed by re-runs.
        to_end: Whether both trainings go on to their ends even if they part early.
        inside: Whether the step at which they part is run again with every layer watched; None: if it is an early one
            and `confirm` is set.
        every_step: Whether weights are recorded after every step from the start; by default some steps do, and where
            that leaves the place open both sides run again.
        progress: Shows what is going on (`samefit.report.progress`).

    Returns:
        The comparison, with its causes.

    Raises:
        TargetError: If a target cannot be run.
        TargetFailed: If the user's script fails.
        NoTrainingError: If nothing was trained that can be recorded.
        SelectionError: If `trainings` names one that is not there.
    """
    began = time.monotonic()
    home = directory or new_directory()

    def say(text: str) -> None:
        if progress is not None:
            progress.phase(text)

    options = {"every_step": True} if every_step else {}
    if backends:
        # One backend alone passes steps over; whether all batches are equal is what is asked here.
        options["every_batch"] = True

    sides = baseline, candidate, same_process, trainings, backends, env_a, env_b

    def once(seed: int | None, where: Path) -> Comparison:
        with Workshop(where, say) as workshop:
            pair, ended = _run_pair(workshop, *sides, seed, options, to_end)
            found = concluded(pair, workshop, began=began, ended=ended, confirm=confirm, inside=inside)
            if ended and found.verdict is Verdict.WITHIN_TOLERANCE:
                # That it is rounding holds for what was seen; what comes after it may be more.
                pair, ended = _run_pair(workshop, *sides, seed, options, True)
                found = concluded(pair, workshop, began=began, ended=ended, confirm=confirm, inside=inside)
            return found

    if pin is None:
        return once(None, home)
    unpinned, pinned = once(None, home / "unpinned"), once(pin, home / "pinned")
    return replace(pinned, unpinned=unpinned, notes=(what_pinning_changed(unpinned, pinned), *pinned.notes))


def _run_pair(
    workshop: Workshop,
    baseline: str,
    candidate: str | None,
    same_process: bool,
    trainings: tuple[int, int] | None,
    backends: Sequence[str],
    env_a: Mapping[str, str] | None,
    env_b: Mapping[str, str] | None,
    pin: int | None,
    options: Mapping[str, Any],
    to_end: bool,
) -> tuple[Pair, bool]:
    """Runs the two sides; returns them, and whether they were ended early because they had parted."""
    first = parse_target(baseline)
    second = parse_target(candidate) if candidate is not None else first
    environments: list[dict[str, str | None]] = [dict(env_a or {}), dict(env_b or {})]
    for environment, backend in zip(environments, backends, strict=False):
        environment["KERAS_BACKEND"] = backend
    # What the user sets is looked at on both sides, whatever it is called.
    options = {**options, "variables": sorted({*(env_a or {}), *(env_b or {})})}
    selections: list[tuple[str, tuple[int, ...] | None]] = [("", None), ("", None)]
    if trainings is not None:
        workshop.say(f"running {first.label}")
        executions = [Execution((("", first),), environments[0], pin, options)]
        selections = [("", trainings[:1]), ("", trainings[1:])]
    elif same_process:
        workshop.say(f"running {first.label}, then {second.label}, in one process")
        executions = [Execution((("a", first), ("b", second)), environments[0], pin, options)]
        selections = [("a", None), ("b", None)]
    else:
        workshop.say(f"running {first.label} and {second.label}, each in a fresh process")
        executions = [
            Execution((("", target),), environment, pin, options)
            for target, environment in zip((first, second), environments, strict=True)
        ]

    def sides(runs: Sequence[Run]) -> tuple[Part, Part]:
        return Part(runs[0], *selections[0]), Part(runs[-1], *selections[1])

    names = ["run"] if len(executions) == 1 else ["a", "b"]
    named = list(zip(executions, names, strict=True))
    watch = None if to_end else Watch(sides, parted_for_good)
    pair = Pair(*sides(workshop.run(*named, watch=watch)), executions[0], executions[-1])
    # Short trainings are over before they can be ended.
    ended = watch is not None and watch.settled and any(run.status != "complete" for run in (pair.a.run, pair.b.run))
    if ended and pair.compared().first_divergence is None:
        # What was seen of the unfinished runs did not hold: nothing less than the whole will do.
        ended = False
        pair = Pair(*sides(workshop.run(*named)), executions[0], executions[-1])
    for part, target in ((pair.a, first), (pair.b, second)):
        for number in part.trainings or ():
            part.run.training(number)
        if not part.selected():
            raise NoTrainingError(nothing_recorded(part.run, target.text))
    return pair, ended


def nothing_recorded(run: Run, text: str) -> str:
    """Returns why a run holds no training, and what the user can do."""
    if "recording_failed" in run.manifest:
        return f"{text} was not recorded: the recorder failed ({run.manifest['recording_failed']})."
    updates = run.unseen_updates()
    if updates:
        return (
            f"{text} trains in a loop of its own ({count(updates, 'optimizer update')} seen outside fit and "
            "train_on_batch; a compiled one is seen once), whose steps samefit cannot see: "
            "call samefit.Recorder.step in the loop (see the docs, 'A loop of your own')."
        )
    if elsewhere := trained_elsewhere(run):
        return trains_elsewhere(text, elsewhere)
    if "backend" not in run.manifest:
        return f"{text} ran to its end without importing Keras: there is no training to compare."
    return (
        f"{text} ran to its end, but nothing was trained in it with fit or train_on_batch. If it trains in a loop of "
        "its own, call samefit.Recorder.step in the loop (see the docs, 'A loop of your own')."
    )


def check_backends(target: str, backends: Sequence[str], **options: Any) -> tuple[Comparison, ...]:
    """Runs `target` on several backends and compares each with the first.

    Args:
        target: TARGET.
        backends: Two or more Keras backends.
        **options: As for `check`.

    Returns:
        One comparison for each backend after the first.
    """
    directory = options.pop("directory", None)
    home = directory or new_directory()
    return tuple(
        check(target, backends=(backends[0], other), directory=home / f"{backends[0]}-{other}", **options)
        for other in backends[1:]
    )


def compare(a: str | Path | Run, b: str | Path | Run, *, confirm: bool = False, progress: Any = None) -> Comparison:
    """Compares two recorded trainings; where they part, the most telling suspect is named.

    Args:
        a: The baseline: a `Run`, or its directory with an optional selection ("baseline.run#2").
        b: The candidate, likewise.
        confirm: Whether both are run again, from their manifests, to confirm the causes; only this needs the script,
            and Keras.
        progress: Shows what is going on (`samefit.report.progress`).

    Raises:
        RunError: If a run cannot be read.
        SelectionError: If a training is not there, or the runs cannot be run again.
    """
    comparison = compare_offline(a, b)
    if comparison.verdict is not Verdict.DIVERGED:
        return comparison
    with contextlib.ExitStack() as stack:
        (run_a, numbers_a), (run_b, numbers_b) = opened(a, stack), opened(b, stack)
        runs = [run_a] if run_a.path.resolve() == run_b.path.resolve() else [run_a, run_b]
        parts = Part(run_a, "", numbers_a), Part(run_b, "", numbers_b)
        if not confirm:
            executions = [Execution(()) for _ in runs]
            case = case_of(Pair(*parts, executions[0], executions[-1]), comparison)
            return comparison if case is None else explained(comparison, suspected(case))
        say = progress.phase if progress is not None else lambda text: None
        with Workshop(new_directory().absolute(), say) as workshop, contextlib.chdir(_made_in(runs)):
            executions = [execution_of(run) for run in runs]
            return explained_by_reruns(Pair(*parts, executions[0], executions[-1]), comparison, workshop)


def _made_in(runs: Sequence[Run]) -> str:
    directories = sorted({str(run.manifest.get("cwd")) for run in runs})
    if len(directories) > 1:
        raise SelectionError(f"The runs were made in {' and '.join(directories)}; re-runs need one directory.")
    if not Path(directories[0]).is_dir():
        raise SelectionError(f"The runs were made in {directories[0]}, which is not there any more.")
    return directories[0]


def check_against_run(run: Path, target: str, *, pin: int | None = None, directory: Path | None = None) -> Comparison:
    """Runs a target and compares it with a recorded run, which is the baseline; names the suspects.

    Args:
        run: Directory of the recorded run.
        target: TARGET.
        pin: Seed to pin all randomness of the target with.
        directory: Where the new run is kept; by default a new directory below `.samefit`.

    Raises:
        RunError: If the run cannot be read.
        TargetError: If the target cannot be run.
        TargetFailed: If the script fails.
        NoTrainingError: If nothing was trained that can be recorded.
    """
    with Workshop(directory or new_directory(), lambda text: None) as workshop:
        new = workshop.run((Execution((("", parse_target(target)),), {}, pin), "run"))[0]
        if not new.trainings:
            raise NoTrainingError(nothing_recorded(new, target))
        return compare(run, new)


def execution_of(run: Run) -> Execution:
    """Returns how a recorded run can be run again.

    Raises:
        SelectionError: If it held two sides.
        TargetError: If its script is not there.
    """
    text = str(run.manifest.get("target", ""))
    if " ; " in text:
        raise SelectionError(f"{run.path} holds two sides of one process; check them again instead of comparing.")
    environment = dict(run.manifest.get("environment") or {})
    options: dict[str, Any] = {"variables": [*environment]}
    options |= {name: True for name in ("every_step", "every_batch") if run.manifest.get(name)}
    return Execution((("", parse_target(text)),), environment, run.manifest.get("pin"), options)


def run(
    target: str,
    *,
    directory: Path,
    pin: int | None = None,
    environment: Mapping[str, str] | None = None,
    every_step: bool = False,
) -> int:
    """Runs a script under the recorder, with its own output.

    Args:
        target: TARGET.
        directory: The run directory, which must not exist.
        pin: Seed to pin all randomness with.
        environment: Environment variables of the script.
        every_step: Whether weights are recorded after every step.

    Returns:
        The script's own exit status.
    """
    options = {"every_step": True} if every_step else {}
    execution = Execution((("", parse_target(target)),), dict(environment or {}), pin, options)
    with Workshop(directory.parent, lambda text: None, show_output=True) as workshop:
        child = workshop.start(execution, directory.name)
        child.wait(None)
    status = int(child.exit_status or 0)
    if status > 0 and (child.run_directory / "manifest.json").exists():
        correct_exit_status(child.run_directory, status)
    # A script that a signal ended: what a shell would report.
    return status if status >= 0 else 128 - status
