"""Causes of a divergence at the stage `reporting`: the trainings are the same, and what was logged is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from samefit.comparison.logged import since_a_reset
from samefit.comparison.result import Evidence
from samefit.explain.callbacks import callbacks_differ, suspects_of
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.explain.compiled import compiled_at, own_lines
from samefit.explain.handing import CANNOT, handed
from samefit.explain.options import bare, is_own, shown

_VALIDATION = ("validation_split", "validation_batch_size", "validation_steps", "validation_freq")
_EQUAL = "what was recorded of weights, batches and losses is equal in all steps"
_REMEDY = "evaluate both models after training with the same call on the same data:  model.evaluate(x, y)"


def explain_reporting(case: Case) -> Iterator[Suspect]:
    """Yields suspects: options of the validation, the metrics that were compiled, the validation data, or just that."""
    yield from _options(case)
    yield from _means(case)
    yield from _metrics(case)
    if callbacks_differ(case):
        for suspect in suspects_of(case, "The trainings are the same, but a callback acts on what is logged", _EQUAL):
            yield replace(suspect, slug="reporting", needs_proof=True)
    a, b = case.a.training, case.b.training
    evidence = [Evidence(f"{case.divergence.path}: {case.divergence.detail}")]
    digests = [_digest(training.options.get("validation_data")) for training in (a, b)]
    if digests[0] != digests[1]:
        evidence.append(Evidence("validation_data is not the same", "", b.location))
    yield Suspect(
        slug="reporting",
        summary=f"The trainings are the same, but {case.divergence.path} is not the same quantity.",
        evidence=(*evidence, Evidence(_EQUAL)),
        location=b.location,
        remedy="hand both the same validation_data" if digests[0] != digests[1] else _REMEDY,
        no_counterfactual="what is logged besides the training is the user's own",
        weak=True,
    )


def _options(case: Case) -> Iterator[Suspect]:
    a, b = case.a.training, case.b.training
    for name in _VALIDATION:
        one, other = a.options.get(name), b.options.get(name)
        if one == other:
            continue
        plan = {"do": "fit", "training": b.number, "arguments": {name: one}}
        yield Suspect(
            slug="reporting",
            summary=f"The two trainings validate differently: {name}={one!r} and {name}={other!r}.",
            evidence=(
                Evidence(f"fit({name}={one!r})", "baseline", a.location),
                Evidence(f"fit({name}={other!r})", "candidate", b.location),
            ),
            location=b.location,
            remedy=f"give both the same  {name}={one!r}",
            counterfactuals=(Counterfactual(f"{name}={one!r} in the candidate's fit as well", (plan,)),),
        )


def _means(case: Case) -> Iterator[Suspect]:
    """The loss of the same steps is averaged over other steps."""
    a, b = case.a, case.b
    kinds = [side.training.kind == "fit" for side in (a, b)]
    open_ended = [since_a_reset(side.run.manifest, side.training) for side in (a, b)]
    same_mean = kinds[0] == kinds[1] and a.step.step == b.step.step and not any(open_ended)
    if case.divergence.path != "loss" or same_mean:
        return
    summary = (
        "The steps are the same, but the loss is averaged over other epochs: fit logs the mean of the epoch so far."
    )
    remedy = _REMEDY
    if kinds[0] != kinds[1]:
        summary = (
            "The steps are the same, but fit logs the mean of the epoch so far, and train_on_batch returns "
            f"{'the mean since the metrics were reset' if any(open_ended) else 'the loss of one batch'}."
        )
    elif any(open_ended):
        summary = (
            "The steps are the same, but before Keras 3.15 train_on_batch returns the mean since the metrics were "
            "reset, which fit and evaluate do as well."
        )
        remedy = "put  model.reset_metrics()  before each train_on_batch, on both sides"
    yield Suspect(
        slug="reporting",
        summary=summary,
        evidence=tuple(
            Evidence(_mean_of(side, since), side.role, side.training.location)
            for side, since in zip((a, b), open_ended, strict=True)
        ),
        location=b.training.location,
        remedy=remedy,
        no_counterfactual="weights and batches of all steps are equal: nothing is to be changed but what is logged",
    )


def _mean_of(side: Side, since_reset: bool) -> str:
    if side.training.kind == "fit":
        return f"fit: the mean of {side.step.step + 1} steps of epoch {side.step.epoch + 1}"
    if since_reset:
        return "train_on_batch: the mean of all batches since the metrics were reset"
    return "train_on_batch: the loss of this step alone"


def _metrics(case: Case) -> Iterator[Suspect]:
    one, other = case.a.training.compiled.get("metrics"), case.b.training.compiled.get("metrics")
    if bare(one) == bare(other):
        return
    fix = _metrics_handed(case, one, other)
    yield Suspect(
        slug="reporting",
        summary="The two trainings were compiled with other metrics.",
        evidence=(
            Evidence(f"compile(metrics={_written(one)})", "baseline", compiled_at(case.a)),
            Evidence(f"compile(metrics={_written(other)})", "candidate", compiled_at(case.b)),
            *own_lines(case, "metrics"),
        ),
        location=compiled_at(case.b),
        remedy="give both the same code as metrics"
        if is_own(one)
        else f"compile(metrics={_written(one)})  on both sides",
        counterfactuals=() if fix is None else (fix,),
        no_counterfactual="" if fix is not None else "functions of your own cannot be put in from outside",
    )


def _metrics_handed(case: Case, one: object, other: object) -> Counterfactual | None:
    """Returns the re-run in which a side has the other's metrics; None where these are code of the user's own."""
    for side, wanted, there, words in (
        (case.b, one, other, "the baseline's metrics in the candidate's compile"),
        (case.a, other, one, "the candidate's metrics in the baseline's compile"),
    ):
        given = handed(wanted, there)
        if given is not CANNOT:
            number = side.training.compiled.get("number", 0)
            plan = {"do": "compile", "side": side.name, "compile": number, "metrics": given}
            return Counterfactual(words, (plan,), of_baseline=side is case.a)
    return None


def _written(metrics: object) -> str:
    if isinstance(metrics, list):
        return f"[{', '.join(_written(metric) for metric in metrics)}]"
    if isinstance(metrics, Mapping) and "class" in metrics:
        return shown({"class_name": metrics["class"], "config": metrics.get("config")})
    return repr(metrics)


def _digest(described: object) -> object:
    return described.get("digest") if isinstance(described, Mapping) else described
