"""What the reader of a verdict should know besides: why identical is identical, and what was not seen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from samefit.checks.pair import Pair
from samefit.comparison.logged import keras_of
from samefit.comparison.result import Comparison
from samefit.report.words import count, limit_of_pin
from samefit.store.manifest import pin_limits
from samefit.store.records import TrainingRecord
from samefit.types import Verdict


def notes_of(pair: Pair, comparison: Comparison) -> tuple[str, ...]:
    """Returns notes for the report."""
    return (
        *_tensorflow_order(pair, comparison),
        *_not_a_number(comparison),
        *_no_such_floats(pair),
        *_not_pinned(pair),
        *_warnings(pair),
        *_unseen(pair, comparison),
    )


def _not_a_number(comparison: Comparison) -> Iterator[str]:
    """Equal bits say little where nothing is learned any more."""
    loss = comparison.differences.get("loss")
    if comparison.same and loss is not None and loss.final is not None and all(map(math.isnan, loss.final)):
        yield "Both trainings end with a loss that is not a number (NaN): what follows from there on is equal anyway."


def _no_such_floats(pair: Pair) -> Iterator[str]:
    """A side that asks for float64 may be equal to one that does not."""
    manifests = (pair.a.run.manifest, pair.b.run.manifest)
    asked = [(m.get("globals") or {}).get("floatx") == "float64" for m in manifests]
    refused = [(m.get("flags") or {}).get("jax_enable_x64") is False and m.get("backend") == "jax" for m in manifests]
    if any(wide and none for wide, none in zip(asked, refused, strict=True)):
        yield (
            "floatx is float64, and JAX computes in float32 all the same: it has no float64 while jax_enable_x64 is "
            "off (JAX_ENABLE_X64=1 turns it on)."
        )


def _tensorflow_order(pair: Pair, comparison: Comparison) -> Iterator[str]:
    """On TensorFlow two `fit`s of one process see one order: say so, from what was recorded."""
    if (
        comparison.verdict is not Verdict.IDENTICAL
        or comparison.baseline.backend != "tensorflow"
        or not pair.same_process
        or pair.execution_a.pin is not None
        or _orders_by_epoch(pair.a.run.manifest)
    ):
        # Under a pin the order is samefit's own, on every backend.
        return
    shuffled = [t for part in (pair.a, pair.b) for t in part.selected() if _is_shuffled(t)]
    if len(shuffled) < 2:
        return
    orders = []
    for training in shuffled:
        steps = pair.a.run.steps([training.number])
        orders.append([step.batch for step in steps])
    if None not in orders[0] and all(order == orders[0] for order in orders):
        yield (
            "On TensorFlow each fit call repeats the very same shuffle order: the op seed comes from the global seed, "
            "not from how much was drawn before. On JAX and PyTorch the same script draws on, and the orders differ."
        )


def _orders_by_epoch(manifest: Mapping[str, Any]) -> bool:
    """Whether Keras shuffles by the number of the epoch alone, on every backend: from 3.16 on."""
    return keras_of(manifest) >= (3, 16)


def _is_shuffled(training: TrainingRecord) -> bool:
    """Whether `fit` shuffled arrays: what comes from an iterator it leaves in its order, whatever `shuffle` says."""
    x = training.options.get("x")
    given = isinstance(x, Mapping) and x.get("digest") is not None
    return given and training.options.get("shuffle", True) is not False


def what_pinning_changed(unpinned: Comparison, pinned: Comparison) -> str:
    """Says in one sentence what came of the pin."""
    if unpinned.same and pinned.same:
        return "As it is, the two agree already."
    before, after = (_came_of(comparison) for comparison in (unpinned, pinned))
    return f"As it is, {before.replace('they', 'the two', 1)}; pinned {after}."


def _came_of(comparison: Comparison) -> str:
    first = comparison.first_divergence
    if first is not None:
        return f"they part at step {first.step} ({first.stage.in_words})"
    if comparison.same:
        return "they agree"
    if comparison.verdict is Verdict.NOT_COMPARABLE:
        return "they could not be compared"
    return "nothing that was compared differs"


def _not_pinned(pair: Pair) -> Iterator[str]:
    """What the pinned scopes could not pin: each run says it."""
    seen = set()
    for part in (pair.a, pair.b):
        for limit in pin_limits(part.run.manifest):
            label, said = limit_of_pin(limit)
            text = said if label == "note" else f"Not pinned: {said}"
            if text not in seen:
                seen.add(text)
                yield text


def _warnings(pair: Pair) -> Iterator[str]:
    seen = set()
    for part in (pair.a, pair.b):
        for warning in part.run.warnings:
            text = f"{warning.slug}: {warning.message.splitlines()[0]}"
            if text not in seen:
                seen.add(text)
                yield text


def _unseen(pair: Pair, comparison: Comparison) -> Iterator[str]:
    if comparison.verdict is Verdict.INCOMPLETE:
        return  # the verdict says it
    for role, part in (("baseline", pair.a), ("candidate", pair.b)):
        updates = part.run.unseen_updates(part.side or None)
        if updates:
            yield (
                f"The {role} also makes at least {count(updates, 'optimizer update')} in a loop of its own, not "
                "recorded: call samefit.Recorder.step there."
            )
