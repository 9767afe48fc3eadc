"""Causes in callbacks: what they do to weights between two steps or epochs, and when a training ends."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from samefit.comparison.result import Evidence
from samefit.comparison.settings import callback_differences
from samefit.explain.between import followed_validation
from samefit.explain.case import Case, Counterfactual, Suspect
from samefit.explain.code_lines import other_code
from samefit.types import Location, When


def explain_callbacks(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where weights differ that no step has changed since they were equal."""
    ended = case.divergence.when is When.AFTER_TRAINING
    within = case.divergence.when is When.BETWEEN_STEPS
    moment = f"step {case.divergence.step}" if within else f"epoch {case.b.step.epoch + 1}"
    when = "when fit ends" if ended else f"before {moment}"
    last = "weights after the last step are equal" if ended else "weights after the step before are equal"
    yield from suspects_of(case, f"Weights are changed {when}, not by a step", last)


def explain_batch_callbacks(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where a callback may have acted between two steps of an epoch, which is not recorded."""
    for suspect in suspects_of(case, "A callback acts between the steps", "weights after the step before are equal"):
        yield replace(suspect, needs_proof=True, weak=True)


def explain_ended_earlier(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where one side is in a later training than the other: a callback may have ended one earlier."""
    if case.places[0] == case.places[1]:
        return
    nth = min(case.places)
    then = [
        replace(side, step=side.run.step(side.run.step_indices([side.trainings[nth].number])[0]))
        for side in (case.a, case.b)
    ]
    parted = replace(case, a=then[0], b=then[1])
    # What a later fit was given is no other end of this one; and without callbacks it ends where it was told to.
    if not callbacks_differ(parted):
        return
    first, other = then if case.places[0] > case.places[1] else reversed(then)
    summary = (
        f"fit #{first.training.number} of the {first.role} has ended where fit #{other.training.number} of the "
        f"{other.role} goes on"
    )
    yield from suspects_of(parted, summary, "all steps until one of the two ended are equal")


def callbacks_differ(case: Case) -> bool:
    """Whether the callbacks of the two sides, their plain options, or their code are not the same."""
    a, b = case.a.training.options, case.b.training.options
    named = (a.get("callbacks") or []) != (b.get("callbacks") or [])
    return named or any(callback_differences(a, b)) or bool(other_code_of_callbacks(case))


SET_THE_RATE = ("LearningRateScheduler", "ReduceLROnPlateau")
"""Callbacks of Keras's that set the optimizer's learning rate."""

_READS_THE_RATE = re.compile(r"\b(optimizer|learning_rate|lr)\b")


def other_code_of_setters(case: Case) -> tuple[Evidence, ...]:
    """Returns those of `other_code_of_callbacks` that may set the learning rate, as far as their code tells."""
    sources: dict[str, str] = {}
    for side in (case.a, case.b):
        for written in side.training.options.get("callback_code") or ():
            for key, function in written.items():
                owner = key.partition(".")[0]
                sources[owner] = sources.get(owner, "") + str(function["name"]["source"])
    setters = {owner for owner, text in sources.items() if owner in SET_THE_RATE or _READS_THE_RATE.search(text)}
    return tuple(line for line in other_code_of_callbacks(case) if line.text.partition(".")[0] in setters)


def other_code_of_callbacks(case: Case) -> tuple[Evidence, ...]:
    """Returns the lines at which the code of the two sides' callbacks is not the same, where these are alike."""
    sides = (case.a, case.b)
    (names, mine), (others, theirs) = (
        (options.get("callbacks") or (), options.get("callback_code") or ())
        for options in (side.training.options for side in sides)
    )
    if list(names) != list(others):
        return ()
    return tuple(
        Evidence(f"{key}: {place.code if place else 'nothing in its place'}", side.role, place)
        for one, other in zip(mine, theirs, strict=False)
        for key, places in other_code(one, other)
        for side, place in zip(sides, places, strict=True)
    )


def written_once(code: Sequence[Evidence]) -> str:
    """Returns the names of the functions of `other_code_of_callbacks`."""
    return ", ".join(dict.fromkeys(line.text.partition(":")[0] for line in code))


def candidates_line(code: Sequence[Evidence]) -> Location | None:
    """Returns the candidate's first line of `other_code_of_callbacks`."""
    return next((line.location for line in code if line.side == "candidate" and line.location is not None), None)


def suspects_of(case: Case, summary: str, known: str) -> Iterator[Suspect]:
    """Yields suspects that name the callbacks, if there are any: those that differ, else all.

    Args:
        case: The case.
        summary: What is seen, without an end.
        known: What is known to be equal.
    """
    names = [list(side.training.options.get("callbacks") or ()) for side in (case.a, case.b)]
    if not any(names):
        return
    options = list(callback_differences(case.a.training.options, case.b.training.options))
    code = other_code_of_callbacks(case)
    remedy, followed = "give both the same callbacks with the same options", followed_validation(case)
    blamed = sorted({*names[0]})
    if names[0] != names[1]:
        blamed = sorted({*names[0]} ^ {*names[1]}) or blamed
        what = "and the callbacks are not the same"
        evidence = [
            Evidence(f"fit(callbacks=[{', '.join(own)}])", side.role, side.training.location)
            for side, own in zip((case.a, case.b), names, strict=True)
        ]
    elif options:
        blamed = sorted({item.name.partition(".")[0] for item in options})
        what = "and the callbacks do not have the same options"
        evidence = [
            Evidence(f"{i.name}: {i.baseline!r} and {i.candidate!r}", "", case.b.training.location) for i in options
        ]
        evidence += code
    elif followed is not None:
        what = f"and {followed.words}"
        remedy, evidence = followed.remedy, list(followed.evidence)
    else:
        what = "by callbacks of the same classes, whose plain options are the same"
        evidence = [Evidence(f"fit(callbacks=[{', '.join(names[0])}])", "", case.b.training.location)]
    general = Suspect(
        slug="callback",
        summary=f"{summary}, {what}.",
        evidence=(*evidence, Evidence(known)),
        location=case.b.training.location,
        remedy=remedy,
        # Without the callbacks nothing follows the validation any more, whatever makes that differ.
        counterfactuals=(_without(case, names, blamed, stage_only=followed is not None),),
    )
    if code and names[0] == names[1] and not options:
        # Code may differ in what matters to nobody: if these callbacks do not explain it, all of them are left out.
        owners = sorted({line.text.partition(".")[0] for line in code})
        yield replace(
            general,
            summary=f"{summary}, and the callbacks do not run the same code.",
            evidence=(*code, Evidence(known)),
            location=candidates_line(code) or case.b.training.location,
            remedy=f"write one {written_once(code)} for both sides",
            counterfactuals=(_without(case, names, owners),),
        )
    yield general


def _without(
    case: Case, names: Sequence[Sequence[str]], blamed: Sequence[str], *, stage_only: bool = False
) -> Counterfactual:
    """Returns the re-run without some callbacks; nothing is asked for on a side that has none of them."""
    having = [side for side, own in zip((case.a, case.b), names, strict=True) if {*own} & {*blamed}]
    numbers = sorted({side.training.number for side in having})
    plans = tuple({"do": "fit", "training": n, "arguments": {}, "without_callbacks": [*blamed]} for n in numbers)
    return Counterfactual(f"no {', '.join(blamed)} on either side", both=plans, stage_only=stage_only)
