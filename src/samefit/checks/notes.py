"""What the reader of a verdict should know besides: why identical is identical, and what was not seen."""

from __future__ import annotations

from collections.abc import Iterator

from samefit.checks.pair import Pair
from samefit.comparison.result import Comparison
from samefit.types import Verdict


def notes_of(pair: Pair, comparison: Comparison) -> tuple[str, ...]:
    """Returns notes for the report."""
    return (*_tensorflow_order(pair, comparison), *_warnings(pair), *_unseen(pair))


def _tensorflow_order(pair: Pair, comparison: Comparison) -> Iterator[str]:
    """On TensorFlow two `fit`s of one process see one order: say so, from what was recorded."""
    if (
        comparison.verdict is not Verdict.IDENTICAL
        or comparison.baseline.backend != "tensorflow"
        or not pair.same_process
    ):
        return
    shuffled = [t for part in (pair.a, pair.b) for t in part.selected() if t.options.get("shuffle", True) is not False]
    if len(shuffled) < 2:
        return
    orders = []
    for training in shuffled:
        steps = pair.a.run.steps([training.number])
        orders.append([step.batch for step in steps])
    if all(order == orders[0] for order in orders):
        yield (
            "On TensorFlow each fit call repeats the very same shuffle order: the op seed comes from the global seed, "
            "not from how much was drawn before. On JAX and PyTorch the same script draws on, and the orders differ."
        )


def _warnings(pair: Pair) -> Iterator[str]:
    seen = set()
    for part in (pair.a, pair.b):
        for warning in part.run.warnings:
            text = f"{warning.slug}: {warning.message.splitlines()[0]}"
            if text not in seen:
                seen.add(text)
                yield text


def _unseen(pair: Pair) -> Iterator[str]:
    for role, part in (("baseline", pair.a), ("candidate", pair.b)):
        updates = part.run.manifest.get("unseen_updates")
        if updates:
            yield (
                f"The {role} also makes {updates} optimizer updates in a loop of its own, which were not recorded: "
                "call samefit.Recorder.step there."
            )
