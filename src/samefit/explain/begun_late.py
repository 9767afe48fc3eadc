"""Recordings that began in the middle of a process (`samefit.Recorder`): what came before stands in no ledger."""

from __future__ import annotations

from collections.abc import Iterator

from samefit.comparison.result import Evidence
from samefit.explain.case import Case, Side, Suspect
from samefit.store.records import Event
from samefit.types import Role

_REMEDY = (
    "seed before each of the two:  keras.utils.set_random_seed(1),  or build and train within  samefit.pinned(SEED); "
    "`samefit check` records a script from its first line and can say more"
)


def begun_late(side: Side) -> bool:
    """Whether what a side's process did before it was recorded is not known."""
    return bool(side.run.manifest.get("joined"))


def is_unseen(case: Case, *seeds: Event | None) -> bool:
    """Whether a seeding that is missing may have come before the recording.

    Args:
        case: The case.
        seeds: What seeded a generator, for each side; None where no seeding is known.
    """
    return any(seed is None and begun_late(side) for side, seed in zip((case.a, case.b), seeds, strict=True))


def before_the_recording(case: Case, name: str, when: str, *, weak: bool = False) -> Suspect:
    """Returns the suspect for a generator that stood elsewhere, where its seeding may have come before the recording.

    Args:
        case: The case.
        name: What the generator is called.
        when: When it stood elsewhere: "when …".
        weak: Whether it is not known that it matters.
    """
    one, other = ((run.manifest.get("host"), run.manifest.get("process_started")) for run in (case.a.run, case.b.run))
    together = None not in other and one == other and case.a.run.manifest.get("pid") == case.b.run.manifest.get("pid")
    return Suspect(
        # In one process a generator that is not seeded anew goes on from where the first training left it.
        slug="generator-advanced" if together else "unknown",
        summary=f"{name} did not stand at the same place {when}"
        + (": both were trained in one process, where each draw moves it on." if together else "."),
        evidence=tuple(_not_recorded(case)),
        location=case.b.training.location,
        remedy=_REMEDY,
        no_counterfactual="a Recorder's run cannot be run again",
        weak=weak,
    )


def explain_made_before(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where first weights differ whose layers were made before the recording began."""
    pairs = case.differing_of(Role.TRAINABLE, Role.NON_TRAINABLE)
    made = [side.layout[at].origin for pair in pairs for side, at in zip((case.a, case.b), pair, strict=True)]
    if not (pairs and all(origin is None for origin in made) and begun_late(case.a) and begun_late(case.b)):
        return
    yield Suspect(
        slug="unknown",
        summary="The models were made before the recording began: where their first weights came from is not known.",
        evidence=tuple(_not_recorded(case)),
        location=case.b.training.location,
        remedy=_REMEDY,
        no_counterfactual="a Recorder's run cannot be run again",
    )


def _not_recorded(case: Case) -> Iterator[Evidence]:
    for side in (case.a, case.b):
        if begun_late(side):
            text = "what was seeded, drawn and made before the recording began is not recorded"
            yield Evidence(text, side.role, side.training.location)
