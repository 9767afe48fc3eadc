"""What came from generators of the process that nobody had seeded: one cause, for one seed is its remedy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from samefit.comparison.result import Cause, Evidence
from samefit.explain.case import Case, Counterfactual, Suspect
from samefit.explain.generators import name_of
from samefit.types import Location

SLUG = "unseeded"


def is_one(cause: Cause, other: Cause | Suspect) -> bool:
    """Whether a second cause is the first again: a seed that was never set, in the same place to set it."""
    return cause.confirmed and cause.slug == other.slug == SLUG and cause.remedy == other.remedy != ""


def one_of(causes: Sequence[Cause], fixes: Sequence[Counterfactual], case: Case) -> Cause:
    """Returns one cause for several with the same remedy, one after the other.

    Args:
        causes: The causes, each confirmed.
        fixes: The re-run that confirmed each, which goes on from that of the one before.
        case: The divergence that the last of them explains.
    """
    first, last = causes[0], causes[-1]
    # A seed takes the place of all that stood in for one before.
    changed = list(dict.fromkeys(fix.text for fix in (fixes[-1:] if fixes[-1].seeds_first else fixes)))
    shown = (last.counterfactual or "").removeprefix(f"with {fixes[-1].text}")
    gaps = None
    if first.loss_gaps is not None and last.loss_gaps is not None:
        gaps = first.loss_gaps[0], last.loss_gaps[1]
    told = dict.fromkeys(line for cause in causes for line in cause.evidence)
    return replace(
        first,
        summary=f"{first.summary} {len(causes)} differences come of it, one after the other: one seed is the remedy.",
        evidence=(*told, *_draws(case)),
        counterfactual=f"with {', and '.join(changed)}{shown}",
        loss_gaps=gaps,
    )


def _draws(case: Case) -> Iterator[Evidence]:
    """Yields what the candidate has drawn in all from generators without a seed, by the line that drew."""
    drawn: dict[tuple[str, Location | None], int] = {}
    for event in case.b.events:
        imports = event.location is not None and event.location.imports
        if event.kind == "draw" and not imports and case.b.seeding(event.generator, event.id) is None:
            drawn[event.generator, event.location] = drawn.get((event.generator, event.location), 0) + event.count
    for (generator, location), count in drawn.items():
        drew = "1 draw" if count == 1 else f"{count} draws in all"
        yield Evidence(f"{drew} from {name_of(generator)} without a seed", "candidate", location)
