"""What the steps that were judged from equal state say about a cause: rounding, or another function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from samefit.comparison.parity import JudgedStep, Parity, Place
from samefit.comparison.result import Cause, Evidence


def parity_evidence(parity: Parity) -> Iterator[Evidence]:
    """Yields what the judged steps say in one line, and a line for each that says something else."""
    good = [step.step for step in parity.steps if step.verdict == "rounding"]
    if good:
        proven = "; in float64 the difference goes away" if parity.is_proven else ""
        yield Evidence(f"{_steps(good)}, from equal state: rounding explains all that differs{proven}")
    told: dict[tuple[str, str], list[int]] = {}
    for step in parity.steps:
        if step.verdict != "rounding" and not step.failed and step.telling is not None:
            told.setdefault((step.telling.phase, step.telling.path), []).append(step.step)
    for step in parity.steps:
        place = step.telling
        if step.failed:
            yield Evidence(f"step {step.step} could not be judged: {step.failed}")
        elif step.verdict != "rounding" and place is not None:
            first, *others = told[place.phase, place.path]
            if step.step == first:
                also = f"; likewise at {_steps(others)}" if others else ""
                text = f"step {first}, from equal state: {_figures(place)}: {_JUDGED[place.verdict]}{also}"
                yield Evidence(text, "", place.location)


def _steps(numbers: Sequence[int]) -> str:
    return f"{'step' if len(numbers) == 1 else 'steps'} {', '.join(map(str, numbers))}"


_JUDGED = {"rounding": "rounding explains it", "logic": "another function", "undecided": "not decided"}


def _what(place: Place) -> str:
    if place.phase == "forward":
        return f"what {place.name} gives out"
    return f"{place.name}, from equal gradients," if place.phase == "update" else place.name


def _figures(place: Place) -> str:
    wide = "" if place.gap_float64 is None else f", {place.gap_float64:.2g} in float64"
    return f"{_what(place)} differs by {place.gap:.2g}{wide}; one unit in the last place moves it by {place.floor:.2g}"


def named_by_parity(cause: Cause, parity: Parity) -> Cause:
    """Names a cause by the place in a judged step that rounding does not explain.

    Args:
        cause: The cause `unknown`, with its evidence.
        parity: What was judged.
    """
    if parity.beyond is None:
        return cause
    step, place = parity.beyond
    slug, summary, remedy = "backend-difference", _summary(step, place), _REMEDY
    if place.phase == "loss":
        slug, remedy = "loss-config", _REMEDY_LOSS
    return replace(
        cause,
        slug=slug,
        summary=summary,
        location=place.location or cause.location,
        remedy=remedy,
        unconfirmed_because="the function of one backend cannot be put into another",
    )


def _summary(step: JudgedStep, place: Place) -> str:
    what = _what(place)
    return f"{what[0].upper()}{what[1:]} is not the same function on the two backends (step {step.step})."


_REMEDY = (
    "use an option, a layer or an optimizer that is the same on both (docs: Differences between backends), or keep to "
    "one backend"
)
_REMEDY_LOSS = (
    "where the last layer is a softmax or a sigmoid, leave that out and compute the loss  from_logits=True : the "
    "formulas for probabilities are not the same where these are next to 0 or 1"
)
