"""`check --models`: two models, each built in a process of its own, compared without training."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from samefit.checks.execution import Execution
from samefit.checks.workshop import Workshop
from samefit.comparison.model_result import WEIGHTS_MAY, ModelComparison
from samefit.comparison.models import compare_probes
from samefit.errors import NoModelError, SelectionError
from samefit.launch.target import Target, parse_target
from samefit.store.home import new_directory
from samefit.store.probes import Probe, load_probe, save_data

Split = tuple[Any, Sequence[Any], Sequence[Any], Any]


def check_models(
    baseline: str,
    candidate: str | None = None,
    *,
    backends: Sequence[str] = (),
    env_a: Mapping[str, str] | None = None,
    env_b: Mapping[str, str] | None = None,
    pin: int | None = None,
    input_shape: Sequence[str] = (),
    data: Split | None = None,
    weights: str = "drawn",
    directory: Path | None = None,
    progress: Any = None,
) -> ModelComparison:
    """Builds two models, each in a fresh process, and compares them without training.

    Args:
        baseline: TARGET of the baseline: "script.py:function" with a function that returns a model, "script.py:name"
            with a global name that is one, or a script that makes exactly one.
        candidate: TARGET of the candidate; the baseline's again if not given.
        backends: Two Keras backends, one for each side.
        env_a: Environment variables of the baseline.
        env_b: Environment variables of the candidate.
        pin: Seed to pin all randomness with, initial weights included.
        input_shape: Shape of each input without the axis of samples, such as "28,28,1" or "16:int32"; needed for a
            model that does not say what its inputs are.
        data: The user's own data: structure and arrays of the inputs, arrays and structure of the targets.
        weights: What may differ: "equal" asks for equal bits, "drawn" for weights that differ by their draw alone,
            "any" for nothing.
        directory: Where the runs are kept; by default a new directory below `.samefit`.
        progress: Shows what is going on (`samefit.report.progress`).

    Raises:
        TargetError: If a target cannot be run.
        TargetFailed: If the user's code fails.
        NoModelError: If a target gives no model, or it cannot be called on the data.
        SelectionError: If `weights` is none of these.
    """
    if weights not in WEIGHTS_MAY:
        raise SelectionError(f"weights is '{weights}'; it must be one of {', '.join(WEIGHTS_MAY)}.")
    began = time.monotonic()
    first = parse_target(baseline)
    second = parse_target(candidate) if candidate is not None else first
    environments: list[dict[str, str | None]] = [dict(env_a or {}), dict(env_b or {})]
    for environment, backend in zip(environments, backends, strict=False):
        environment["KERAS_BACKEND"] = backend
    home = directory or new_directory()

    def say(text: str) -> None:
        if progress is not None:
            progress.phase(text)

    with Workshop(home, say) as workshop:
        wanted: dict[str, Any] = {"input_shape": list(input_shape)}
        if data is not None:
            structure, arrays, targets, targets_structure = data
            save_data(home, structure, arrays, targets, targets_structure)
            wanted["data"] = str(home.absolute())
        say(f"building {first.label}")
        a = _probed(workshop, Execution((("", first),), environments[0], pin, {"models": wanted}), "a", first)
        say(f"building {second.label}")
        wanted = {**wanted, "baseline": a.run}
        b = _probed(workshop, Execution((("", second),), environments[1], pin, {"models": wanted}), "b", second)
    built = time.monotonic()
    comparison = compare_probes(a, b, weights_may=weights)
    timing = {"build": built - began, "compare": time.monotonic() - built}
    return replace(comparison, timing=timing, notes=(*comparison.notes, *workshop.remarks))


def _probed(workshop: Workshop, execution: Execution, name: str, target: Target) -> Probe:
    (run,) = workshop.run((execution, name))
    if "no_model" in run.manifest:
        raise NoModelError(str(run.manifest["no_model"]))
    if "recording_failed" in run.manifest:
        raise NoModelError(f"{target.text} was not seen: {run.manifest['recording_failed']}.")
    return load_probe(run.path.absolute())
