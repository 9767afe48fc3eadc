"""`samefit check`: run, record, compare, explain, confirm."""

from __future__ import annotations

from typing import Any

import click

from samefit.cli.options import (
    Assignment,
    Backends,
    Pair,
    Target,
    TargetCommand,
    conclude,
    conclude_models,
    every_step_option,
    json_option,
    progress,
    quiet_option,
    runs_directory,
    verbose_option,
)


@click.command(
    cls=TargetCommand, short_help="Run training(s), and say whether they are the same, where they part and why."
)
@click.argument("baseline", metavar="A", type=Target())
@click.argument("candidate", metavar="[B]", type=Target(), required=False)
@click.option("--same-process", is_flag=True, help="Run A, then B, in one process.")
@click.option("--trainings", type=Pair(), metavar="I,J", help="Compare two trainings inside one run of A.")
@click.option(
    "--backends",
    type=Backends(),
    metavar="A,B[,C]",
    help="Run A once on each Keras backend; the first is the baseline.",
)
@click.option(
    "--env-a",
    multiple=True,
    type=Assignment(),
    metavar="NAME=VALUE",
    help="Set a variable for the first side. Repeatable.",
)
@click.option(
    "--env-b",
    multiple=True,
    type=Assignment(),
    metavar="NAME=VALUE",
    help="Set a variable for the second side. Repeatable.",
)
@click.option(
    "--pin",
    type=click.IntRange(0, 2**32 - 1),
    metavar="SEED",
    help="Also pin all randomness to SEED; show both verdicts. With --models: pin, one verdict.",
)
@click.option("--no-confirm", is_flag=True, help="Name the most telling suspect; make no re-runs to confirm it.")
@click.option(
    "--inside/--no-inside",
    default=None,
    help="Watch every layer in the step at which they part. Default: if that is one of the first 200.",
)
@click.option("--to-end", is_flag=True, help="Train both to their ends. Default: end both some steps after they part.")
@every_step_option
@click.option("--models", is_flag=True, help="Compare the models that A and B return, without training.")
@click.option(
    "--input-shape",
    "input_shapes",
    multiple=True,
    metavar="SHAPE",
    help="With --models: shape of an input without the samples, as 28,28,1 or 16:int32. Once for each.",
)
@click.option(
    "--weights",
    type=click.Choice(["equal", "drawn", "any"]),
    help="With --models: whether the weights may differ. Default: drawn, by their draw alone.",
)
@click.option("--runs", metavar="DIRECTORY", help="Keep the runs there (new or empty). Default: a new one in .samefit/")
@json_option
@verbose_option
@quiet_option
def check(
    baseline: str,
    candidate: str | None,
    same_process: bool,
    trainings: tuple[int, int] | None,
    backends: tuple[str, ...] | None,
    env_a: tuple[tuple[str, str], ...],
    env_b: tuple[tuple[str, str], ...],
    pin: int | None,
    no_confirm: bool,
    inside: bool | None,
    to_end: bool,
    every_step: bool,
    models: bool,
    input_shapes: tuple[str, ...],
    weights: str | None,
    runs: str | None,
    json_file: str | None,
    verbose: bool,
    quiet: bool,
) -> int:
    """Run training(s) in fresh processes, and say whether they are the same, where they part and why.

    A and B are targets: a script with its arguments in one string ("train.py --epochs 3"), a module
    ("-m package.train"), or a function without arguments that trains ("train.py:baseline"). The scripts are not edited.

    \b
    samefit check A                   is A repeatable? (runs A twice)
    samefit check A B                 are A and B the same training?
    samefit check A B --same-process  the same, one after the other in one process
    samefit check A --trainings 1,2   two trainings inside one run of A
    samefit check A --backends jax,torch
    samefit check A --env-b OMP_NUM_THREADS=1
    samefit check A B --models        are the models that A and B return the same?

    Exit status: 0 the trainings are the same, 2 they are not (or could not be compared to the end), 1 samefit or a
    script failed. With --pin it is that of the pinned trainings.
    """
    trains = same_process or trainings is not None or no_confirm or to_end or every_step or inside is not None
    _refuse_for_models(models, trains, input_shapes, weights)
    if models and len(backends or ()) > 2:
        raise click.UsageError("--models compares two models: name two backends, one for each")
    if not models:
        _refuse_contradictions(candidate, same_process, trainings, backends, bool(env_a or env_b))

    from samefit import checks

    if models:
        with runs_directory(baseline.split(), runs) as directory, progress(quiet) as display:
            comparison = checks.check_models(
                baseline,
                candidate,
                backends=backends or (),
                env_a=dict(env_a),
                env_b=dict(env_b),
                pin=pin,
                input_shape=input_shapes,
                weights=weights or "drawn",
                directory=directory,
                progress=display,
            )
        return conclude_models(comparison, json_file=json_file, verbose=verbose, quiet=quiet)

    with runs_directory(baseline.split(), runs) as directory, progress(quiet) as display:
        common: dict[str, Any] = {
            "env_a": dict(env_a),
            "env_b": dict(env_b),
            "pin": pin,
            "directory": directory,
            "confirm": not no_confirm,
            "inside": inside,
            "to_end": to_end,
            "every_step": every_step,
            "progress": display,
        }
        if backends is not None and len(backends) > 2:
            found = tuple(checks.check_backends(baseline, backends, **common))
        else:
            common |= {"same_process": same_process, "trainings": trainings, "backends": backends or ()}
            found = (checks.check(baseline, candidate, **common),)
    return conclude(found, json_file=json_file, verbose=verbose, quiet=quiet)


def _refuse_for_models(models: bool, trains: bool, input_shapes: tuple[str, ...], weights: str | None) -> None:
    if models and trains:
        raise click.UsageError(
            "--models compares without training; leave --same-process, --trainings, --no-confirm, --inside, --to-end "
            "and --every-step out"
        )
    if not models and (input_shapes or weights is not None):
        raise click.UsageError("--input-shape and --weights belong to --models")


def _refuse_contradictions(
    candidate: str | None,
    same_process: bool,
    trainings: tuple[int, int] | None,
    backends: tuple[str, ...] | None,
    environments: bool,
) -> None:
    if same_process and candidate is None:
        raise click.UsageError("--same-process runs A and then B in one process; name B as well")
    if trainings is not None and candidate is not None:
        raise click.UsageError("--trainings compares two trainings inside one run of A; leave B out")
    if backends is not None and candidate is not None:
        raise click.UsageError("--backends runs A once on each backend; leave B out")
    if backends is not None and trainings is not None:
        raise click.UsageError("--trainings compares inside one run, --backends between runs; choose one")
    if environments and (same_process or trainings is not None):
        raise click.UsageError("--env-a and --env-b need two processes; --same-process and --trainings have one")
