"""What a report says about two backends: equal begins, steps judged from equal state, and how the gap grows."""

from __future__ import annotations

from collections.abc import Iterator

from samefit.comparison.parity import JudgedStep, Parity, Place, Sample
from samefit.explain.batches import batches_told
from samefit.report import words

_WHY = {
    "first": "first that differs",
    "before growth": "before the gap grows",
    "growth": "where the gap grows",
    "last": "last",
}
_SHOWN = 4
"""So many steps of the envelope, besides the last."""

Told = tuple[tuple[str, ...], str]
"""What stands in columns of its own before a line, and the line."""


def parity_rows(parity: Parity, *, verbose: bool) -> Iterator[tuple[str, list[Told]]]:
    """Yields labels and what is said under them: what is equal, the judged steps, how the gap grows.

    Args:
        parity: What was found.
        verbose: Whether to say all.
    """
    yield "parity", list(_about(parity))
    if parity.steps:
        lines: list[Told] = [
            ((), "steps from equal state; beside each gap, what a change by one ulp does to the baseline itself")
        ]
        for step in parity.steps:
            lines += _step(step, verbose)
        yield "judged", lines
    if parity.envelope:
        head: Told = (
            (),
            "the whole trainings; beside each gap, what first weights that are one ulp off do to the baseline",
        )
        yield "grows", [head, *_envelope(parity, verbose)]
        if verbose:
            yield "by weight", [((), "the same gap of each weight, after these steps"), *_by_weight(parity)]


def _about(parity: Parity) -> Iterator[Told]:
    if parity.removed:
        yield (), f"with {' and '.join(dict.fromkeys(parity.removed))} removed:"
    if parity.failed:
        yield (), f"nothing could be judged: {words.plain(parity.failed)}"
        return
    yield from _equal(parity)
    if parity.batches is not None:
        yield (), f"the data: {words.plain(batches_told(parity.batches))}"
    first = parity.steps[0] if parity.steps else None
    if first is not None and first.begins is not None:
        yield (), f"begins in step {first.step}, at {_named(first.begins)}, by {words.size(first.begins.gap)}"


def _step(step: JudgedStep, verbose: bool) -> Iterator[Told]:
    yield (f"step {step.step}", _WHY[step.why]), _judged(step)
    lead = ("", "sides")
    yield from ((lead, line) for line in _flips(step))
    if verbose:
        yield from ((("", place.phase), f"{_named(place)}: {_gap(place)}") for place in step.places if place.gap)


def _equal(parity: Parity) -> Iterator[Told]:
    known = {"start": parity.start, "order of the data": parity.order, "random masks": parity.masks}
    for word, wanted in (("equal", True), ("not equal", False)):
        names = [name for name, value in known.items() if value is wanted]
        if names:
            yield (), f"{word}: {words.joined(names)}"


def _named(place: Place) -> str:
    return words.plain(place.name)


def _gap(place: Place) -> str:
    wide = "" if place.gap_float64 is None else f", in float64 {words.size(place.gap_float64)}"
    return f"{words.size(place.gap)}, one ulp {words.size(place.floor)}{wide}"


_VERDICTS = {
    "rounding": "rounding",
    "logic": "more than rounding",
    "undecided": "not decided",
}


def _judged(step: JudgedStep) -> str:
    if step.failed:
        return f"not judged: {words.plain(step.failed)}"
    place = step.telling
    given = " (with the baseline's batch)" if step.is_handed else ""
    if place is None:
        return f"the same bits{given}"
    which = "most in" if step.verdict == "rounding" else "first at"
    return f"{_VERDICTS[step.verdict]}, {which} {_named(place)}: {_gap(place)}{given}"


def _flips(step: JudgedStep) -> Iterator[str]:
    for flips in step.flips:
        elements = "element changes" if flips.number == 1 else "elements change"
        yield (
            f"{flips.number:,} of {flips.elements:,} {elements} sides in {words.plain(flips.path)}: within "
            f"{words.size(flips.distance)} of {flips.corner:g} (relative {words.size(flips.relative)})"
        )


def _envelope(parity: Parity, verbose: bool) -> Iterator[Told]:
    samples = list(parity.envelope)
    if not verbose and len(samples) > _SHOWN + 1:
        every = -(-len(samples) // _SHOWN)
        samples = [*samples[:-1][::every], samples[-1]]
    for sample in samples:
        yield (f"step {sample.step}",), words.joined(_sample(sample))


def _sample(sample: Sample) -> Iterator[str]:
    if sample.loss is not None:
        yield f"loss {words.size(sample.loss)}{_against(sample.floor_loss)}"
    if sample.weights:
        path, largest = max(sample.weights.items(), key=lambda item: item[1])
        where = f" in {words.plain(path)}" if largest else ""
        yield f"weights {words.size(largest)}{where}{_against(sample.floor_weights)}"


def _by_weight(parity: Parity) -> Iterator[Told]:
    kept = [sample for sample in parity.envelope if sample.weights]
    for path in kept[-1].weights if kept else ():
        gaps = (words.size(sample.weights[path]) for sample in kept if path in sample.weights)
        yield (words.plain(path),), "  ".join(f"{text:<7}" for text in gaps)


def _against(floor: float | None) -> str:
    return "" if floor is None else f", one ulp {words.size(floor)}"
