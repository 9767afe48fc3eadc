"""Assertions for test suites: this training, or this model, did not change."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from samefit.comparison.compare import parse_selection
from samefit.comparison.model_result import ModelComparison
from samefit.comparison.result import Comparison
from samefit.errors import NotTheSameModel, NotTheSameTraining, SelectionError
from samefit.store.reader import Run


def assert_same_training(a: str | Path | Run, b: str | Path | Run, **options: Any) -> Comparison:
    """Asserts that two trainings are the same.

    Args:
        a: The baseline: a recorded run (a `Run` or its directory), or a TARGET such as "train.py:small".
        b: The candidate, likewise; a TARGET if the baseline is one.
        **options: For two TARGETs as for `samefit.check`; for a run and a TARGET `pin` and `directory`.

    Returns:
        The comparison, if the trainings are the same.

    Raises:
        NotTheSameTraining: If they are not; the message is the report.
        SelectionError: If the baseline is a TARGET and the candidate a run, or an option has no meaning for runs.

    Example:
        >>> samefit.assert_same_training("train.py:sequential", "train.py:functional")
        >>> samefit.assert_same_training("release.run", "train.py")
    """
    comparison = _compared(a, b, options)
    if not comparison.same:
        raise NotTheSameTraining(_report(comparison))
    return comparison


def _compared(a: str | Path | Run, b: str | Path | Run, options: dict[str, Any]) -> Comparison:
    from samefit.checks import check, check_against_run, compare

    first, second = (str(side.path) if isinstance(side, Run) else str(side) for side in (a, b))
    is_run = [Path(parse_selection(text)[0]).is_dir() for text in (first, second)]
    if not any(is_run):
        return check(first, second, **options)
    if not is_run[0]:
        raise SelectionError(
            f"{second} is a run and {first} is a target: give the recorded run first, as the baseline."
        )
    allowed = () if is_run[1] else ("pin", "directory")
    meaningless = [name for name in options if name not in allowed]
    if meaningless:
        raise SelectionError(f"{', '.join(meaningless)}: only where both sides are targets, which are run.")
    if is_run[1]:
        return compare(first, second)
    return check_against_run(Path(first), second, **options)


def assert_same_model(
    a: Any,
    b: Any,
    *,
    x: Any = None,
    y: Any = None,
    input_shape: str | Sequence[str] = (),
    weights: str = "drawn",
    **options: Any,
) -> ModelComparison:
    """Asserts that two models are the same, without training them.

    Structure, options, weights and three passes on the same few samples are compared: inference, training, and back.
    The passes are made with the weights and seeds of `a` in both, operation by operation, so that "the same function
    with other weights" is told from another function.

    Args:
        a: The baseline: a TARGET such as "models.py:small", a function without arguments that returns a
            `keras.Model`, or a model. A TARGET is built in a process of its own; a function and a model are looked at
            here, and left as they were.
        b: The candidate, likewise; a TARGET if `a` is one.
        x: Inputs of the passes, nested as the models take them, axis 0 the samples; at most four samples are used. Made
            from what the baseline says of its inputs if None.
        y: Targets: the backward pass then begins at the loss that the models were compiled with, and otherwise at a
            weighted mean of all outputs.
        input_shape: Shape of each input without the samples, such as "28,28,1" or "16:int32": for a subclassed model
            that was never called.
        weights: What may differ: "drawn" lets weights and seeds of layers differ by their draw alone, "equal" asks for
            equal bits, "any" asks for nothing. Where a model came from is not known of one that is handed in as an
            object; unequal weights are then more than a draw.
        **options: For TARGETs: `backends` (two names), `env_a`, `env_b`, `pin`, `directory`.

    Returns:
        The comparison, if the models are the same.

    Raises:
        NotTheSameModel: If they are not; the message is the report.
        NoModelError: If there is no model, or it cannot be called on the data.
        SelectionError: If one is a TARGET and the other is not, or `weights` is none of these.

    Example:
        >>> samefit.assert_same_model("models.py:sequential", "models.py:functional")
        >>> samefit.assert_same_model(make_sequential, make_subclassed, x=images[:4])
    """
    from samefit.comparison.model_result import WEIGHTS_MAY
    from samefit.comparison.models import compare_probes

    shapes = (input_shape,) if isinstance(input_shape, str) else tuple(input_shape)
    if weights not in WEIGHTS_MAY:
        raise SelectionError(f"weights is '{weights}'; it must be one of {', '.join(WEIGHTS_MAY)}.")
    if isinstance(a, (str, Path)) != isinstance(b, (str, Path)):
        raise SelectionError(
            "Compare two targets, which are built in processes of their own, or two objects of this one."
        )
    if isinstance(a, (str, Path)):
        from samefit.checks import check_models
        from samefit.probe.data import as_split

        data = None if x is None else as_split(x, y)
        comparison = check_models(str(a), str(b), input_shape=shapes, data=data, weights=weights, **options)
    else:
        if options:
            raise SelectionError(f"{', '.join(options)}: only for targets, which are built in processes of their own.")
        from samefit.probe.session import probe_here

        first = probe_here(a, _name(a, "a"), x=x, y=y, input_shape=shapes)
        second = probe_here(b, _name(b, "b"), baseline=first)
        comparison = compare_probes(first, second, weights_may=weights)
    if not comparison.same:
        raise NotTheSameModel(_report_of_models(comparison))
    return comparison


def _name(what: Any, otherwise: str) -> str:
    return str(getattr(what, "__name__", None) or getattr(what, "name", None) or otherwise)


def _report_of_models(comparison: ModelComparison) -> str:
    from rich.console import Console

    from samefit.report.text import render_models

    text = io.StringIO()
    render_models(comparison, verbose=False, console=Console(file=text, width=120))
    return "\n" + text.getvalue()


def _report(comparison: Comparison) -> str:
    from rich.console import Console

    from samefit.report.text import render

    text = io.StringIO()
    render(comparison, verbose=False, console=Console(file=text, width=120))
    return "\n" + text.getvalue()
