"""Causes in what the code of a dataset draws while workers make the batches: read from the code, not from a ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from samefit.comparison.result import Evidence
from samefit.comparison.settings import workers_of
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.explain.generators import place
from samefit.explain.stages import Stage, stages_of_training
from samefit.store.codec import build
from samefit.store.records import TrainingRecord
from samefit.types import CodeDraw


def code_draws(training: TrainingRecord, *kinds: str) -> list[CodeDraw]:
    """Returns the draws of some kinds in the code that makes the batches of a training."""
    draws: list[CodeDraw] = [build(CodeDraw, each) for each in training.options.get("draws") or ()]
    return [draw for draw in draws if draw.kind in kinds]


def in_words(draw: CodeDraw) -> str:
    """Returns a call, and where it stands."""
    return f"{draw.text} draws in {draw.function}, at {place(draw.location)}"


ONE_WORKER = {"workers": 1, "use_multiprocessing": False}
"""Attributes with which Keras reads a `PyDataset` in one thread."""

REMEDY = "numpy.random.default_rng([seed, index])  where a sample is made, or a seed for each worker in worker_init_fn"


def explain_worker_draws(case: Case) -> Iterator[Suspect]:
    """Yields suspects where the code that workers run takes entropy, and where nothing is known of processes."""
    numbers = [loader_of(side.training) for side in (case.a, case.b)]
    if None not in numbers:
        yield from _loaders(case)
    elif workers_of(case.a.training) and workers_of(case.b.training):
        unseeded = code_draws(case.b.training, "entropy")
        trainings = sorted({case.a.training.number, case.b.training.number})
        alone = [{"do": "dataset", "training": number, "attributes": ONE_WORKER} for number in trainings]
        if unseeded:
            yield _without_a_seed(case, unseeded, alone, "one worker", str(_described(case.b).get("type")))


def _loaders(case: Case) -> Iterator[Suspect]:
    """PyTorch's worker processes: what they draw stands in no ledger."""
    stages = {
        (side.name, stage.number): stage for side in (case.a, case.b) if (stage := loader_of(side.training)) is not None
    }
    alone = [
        {"do": "pipeline", "side": side, "call": number, "arguments": _in_this_process(stage)}
        for (side, number), stage in stages.items()
    ]
    unseeded = code_draws(case.b.training, "entropy")
    if unseeded:
        yield _without_a_seed(case, unseeded, alone, "num_workers=0", "DataLoader")
        return
    where = case.b.training.location
    yield Suspect(
        slug="data-race",
        summary="What the worker processes of DataLoader make is not what one process makes, and is not fixed.",
        evidence=tuple(not_recorded(case)),
        location=where,
        remedy="let what is random depend on the sample, and not on the process that makes it:  " + REMEDY,
        counterfactuals=(Counterfactual("num_workers=0 on both sides", both=tuple(alone)),),
        weak=True,
        needs_proof=True,
    )
    yield Suspect(
        slug="unseeded",
        summary="Something in the worker processes of DataLoader takes its start from the operating system.",
        evidence=tuple(not_recorded(case)),
        location=where,
        remedy=REMEDY,
        counterfactuals=(_fixed(case, alone, "num_workers=0", None),),
        weak=True,
        needs_proof=True,
    )


def not_recorded(case: Case) -> Iterator[Evidence]:
    """Yields what is to be said of sides whose batches are made in processes that have no ledger."""
    for side in (case.a, case.b):
        if (loader := loader_of(side.training)) is not None:
            text = f"what the {loader.arguments['num_workers']} worker processes of DataLoader draw is not recorded"
            yield Evidence(text, side.role, loader.location)


def _without_a_seed(case: Case, unseeded: list[CodeDraw], alone: list[dict[str, Any]], one: str, kind: str) -> Suspect:
    fixes = [_fixed(case, alone, one, [draw.location.code for draw in unseeded])]
    if one == "num_workers=0":
        # Then its worker_init_fn is not called at all.
        fixes.append(Counterfactual("num_workers=0 on both sides", both=tuple(alone)))
    return Suspect(
        slug="unseeded",
        summary=f"What the workers of {kind} run draws without a seed: it takes its start from the operating system.",
        evidence=tuple(Evidence(f"{in_words(draw)}, without a seed", "", draw.location) for draw in unseeded[:3]),
        location=unseeded[0].location,
        remedy=REMEDY,
        counterfactuals=tuple(fixes),
    )


def _fixed(case: Case, alone: list[dict[str, Any]], one: str, codes: list[str | None] | None) -> Counterfactual:
    sides = dict.fromkeys((case.a.name, case.b.name))
    plans = ({"do": "fixed_entropy", "side": side, "codes": codes} for side in sides)
    what = "the operating system's entropy" if codes is None else "the entropy of these lines"
    return Counterfactual(f"{one}, and {what} fixed, on both sides", both=(*alone, *plans))


def loader_of(training: TrainingRecord) -> Stage | None:
    """Returns the loader that `fit` was given, if it makes its batches in worker processes."""
    stages = stages_of_training(training)
    if not stages or stages[-1].function != "DataLoader":
        return None
    return stages[-1] if stages[-1].arguments.get("num_workers") else None


def _in_this_process(stage: Stage) -> dict[str, Any]:
    """Returns the options with which a loader makes its batches itself: some are refused where it has no workers."""
    without = {"num_workers": 0, "prefetch_factor": None, "persistent_workers": False, "timeout": 0}
    return {name: value for name, value in without.items() if stage.arguments.get(name, value) != value}


def _described(side: Side) -> Mapping[str, Any]:
    described = side.training.options.get("x")
    return described if isinstance(described, Mapping) else {}
