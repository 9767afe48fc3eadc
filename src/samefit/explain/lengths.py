"""Causes in how long an earlier training was told to train: what comes behind it is held against other steps."""

from __future__ import annotations

from collections.abc import Iterator

from samefit.comparison.result import Evidence
from samefit.explain.case import Case, Counterfactual, Suspect
from samefit.explain.generators import place

_DEFAULTS = {"epochs": 1, "initial_epoch": 0, "steps_per_epoch": None}
"""Options of `fit` that say how long it trains, and what they are where nothing is written (Keras 3.15)."""


def is_shifted(case: Case) -> bool:
    """Whether the sides part in different trainings since they were told to train otherwise in the one before.

    What these two trainings were given says nothing then: they do not belong together.
    """
    return bool(_differing(case))


def explain_lengths(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where one side is in a later training than the other, and was told to end one earlier."""
    differing = _differing(case)
    if not differing:
        return
    nth = min(case.places)
    a, b = case.a.trainings[nth], case.b.trainings[nth]
    mine, theirs = (", ".join(f"{name}={values[k]!r}" for name, *values in differing) for k in (0, 1))
    plan = {"do": "fit", "training": b.number, "arguments": {name: own for name, own, _ in differing}}
    yield Suspect(
        slug="data-order",
        summary=f"The trainings are not equally long: fit({mine}) and fit({theirs}), and what is trained behind the "
        "shorter one is held against the rest of the longer.",
        evidence=(
            Evidence(f"fit({mine}) at {place(a.location)}", case.a.role, a.location),
            Evidence(f"fit({theirs}) at {place(b.location)}", case.b.role, b.location),
        ),
        location=b.location,
        remedy=f"give both the same  {mine},  or compare the trainings one by one (--trainings)",
        counterfactuals=(Counterfactual(f"{mine} in the candidate's fit as well", (plan,)),),
    )


def _differing(case: Case) -> list[tuple[str, object, object]]:
    # One training against the same in several parts is what the detectors of its stage look at.
    if case.places[0] == case.places[1] or len(case.a.trainings) != len(case.b.trainings):
        return []
    nth = min(case.places)
    a, b = case.a.trainings[nth], case.b.trainings[nth]
    if not a.kind == b.kind == "fit":
        return []
    given = ((name, a.options.get(name, default), b.options.get(name, default)) for name, default in _DEFAULTS.items())
    return [(name, mine, theirs) for name, mine, theirs in given if mine != theirs]
