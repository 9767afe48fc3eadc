"""`verify`: does a recorded run still come out, bit for bit, when it is run again as its manifest says?"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from samefit.checks.check import execution_of
from samefit.checks.conclude import concluded
from samefit.checks.pair import Pair, Part
from samefit.checks.workshop import Workshop
from samefit.comparison.result import Comparison
from samefit.comparison.settings import manifest_differences
from samefit.errors import NoTrainingError, SelectionError
from samefit.store.home import new_directory
from samefit.store.reader import Run
from samefit.store.variables import is_recorded_variable
from samefit.types import Verdict


def verify(
    path: str | Path, *, directory: Path | None = None, confirm: bool = True, progress: Any = None
) -> Comparison:
    """Runs a recorded run again, with the same arguments, environment and seeds, and compares.

    Args:
        path: The recorded run.
        directory: Where the new run is kept; by default a new directory below `.samefit`.
        confirm: Whether causes of a divergence are confirmed by more re-runs.
        progress: Shows what is going on (`samefit.report.progress`).

    Returns:
        The comparison of the recorded run with the new one; a note names what of the manifest no longer holds.

    Raises:
        RunError: If the run cannot be read.
        SelectionError: If the run cannot be repeated: it has not ended, or its working directory is gone.
        TargetFailed: If the script fails now.
        NoTrainingError: If nothing is trained now.
    """
    began = time.monotonic()
    home = (directory or new_directory()).absolute()
    say = progress.phase if progress is not None else lambda text: None
    with Run.open(path) as recorded, Workshop(home, say) as workshop:
        _require_repeatable(recorded)
        with contextlib.chdir(str(recorded.manifest["cwd"])):
            execution = execution_of(recorded)
            variables: dict[str, str | None] = {name: None for name in os.environ if is_recorded_variable(name)}
            execution = replace(execution, environment={**variables, **execution.environment})
            say(f"running {recorded.manifest['target']} again")
            new = workshop.run((execution, "again"))[0]
            if not new.trainings:
                raise NoTrainingError(f"{recorded.manifest['target']} ran to its end, but nothing was trained in it.")
            pair = Pair(Part(recorded), Part(new), execution, execution_of(new))
            comparison = concluded(pair, workshop, began=began, ended=False, confirm=confirm, inside=False)
        return replace(comparison, notes=(*comparison.notes, *_what_holds(recorded, new, comparison)))


def _require_repeatable(run: Run) -> None:
    if run.status != "complete":
        raise SelectionError(f"{run.path} is {run.status}: only a run that ended by itself can be verified.")
    if run.manifest.get("transplants"):
        raise SelectionError(f"{run.path} is a re-run of a check with one thing changed: verify the run it repeats.")
    if not run.trainings:
        raise SelectionError(f"{run.path} holds no training to verify.")
    directory = str(run.manifest.get("cwd"))
    if not Path(directory).is_dir():
        raise SelectionError(f"{run.path} was made in {directory}, which is not there any more.")


def _what_holds(recorded: Run, new: Run, comparison: Comparison) -> Iterable[str]:
    changed = [
        f"{item.kind} {item.name} (was {item.baseline}, is {item.candidate})"
        if item.kind != "code"
        else f"code of {item.name} (edited since)"
        for item in manifest_differences(recorded.manifest, new.manifest)
    ]
    if changed:
        yield f"What no longer holds of the manifest: {', '.join(changed)}."
    elif comparison.verdict is not Verdict.IDENTICAL:
        yield "All of the manifest still holds: versions, flags, variables, device, code."
    else:
        yield "All of the manifest holds, and the run comes out bit for bit."
    explained = any(cause.confirmed for cause in comparison.causes)
    if recorded.manifest.get("hash_seed") == "random" and comparison.verdict is Verdict.DIVERGED and not explained:
        yield "Python's hash seed was random in the recorded run and cannot be repeated: set PYTHONHASHSEED."
