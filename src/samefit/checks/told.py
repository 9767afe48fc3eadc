"""How a cause is told: from a suspect, and from what its re-runs have shown of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from samefit.comparison.result import Cause, Comparison, Evidence
from samefit.explain.case import Case, Counterfactual, Suspect
from samefit.explain.suspects import FAILED, excluded, suspects
from samefit.types import Samples, Stage

STAYS = "the divergence stays"
"""What is said of a re-run that refutes a suspect."""


@dataclass(frozen=True)
class NotShown:
    """Why a re-run does not show a suspect to be the cause.

    Attributes:
        text: The reason, in words.
        refutes: Whether it shows that the suspect is not the cause: the difference stays.
    """

    text: str
    refutes: bool = False


def confirmed(
    suspect: Suspect,
    counterfactual: Counterfactual,
    result: Comparison,
    gaps: tuple[float | None, float | None],
    *,
    twice: bool,
) -> Cause:
    """Returns the cause that a re-run has confirmed.

    Args:
        suspect: What was suspected.
        counterfactual: The re-run without it.
        result: What the comparison of that came to.
        gaps: The largest gap of the loss before, and without the suspect.
        twice: Whether a second re-run came to the same.
    """
    if result.first_divergence is None:
        ended = "stopped" in (result.baseline.status, result.candidate.status)
        what = f"{'the first' if ended else 'all'} {result.steps_compared} steps are bit-identical"
        what += ", in two re-runs" if twice else ""
    else:
        later = result.first_divergence
        where = f"data: {later.detail}" if later.samples is Samples.REORDERED else later.stage.in_words
        what = f"the sides part only at step {later.step} ({where})"
        if later.stage is Stage.REPORTING:
            what = f"only what is logged differs, from step {later.step} on"
    return Cause(
        slug=suspect.slug,
        confirmed=True,
        summary=suspect.summary,
        evidence=suspect.evidence,
        location=suspect.location,
        remedy=suspect.remedy,
        counterfactual=f"with {counterfactual.text}, {what}{_STAGE_ONLY if counterfactual.stage_only else ''}",
        loss_gaps=None if gaps[0] is None or gaps[1] is None else (gaps[0], gaps[1]),
    )


_STAGE_ONLY = ": this shows that they matter, not what made them differ"


def unconfirmed(case: Case, found: tuple[Suspect, ...], tried: Sequence[tuple[Suspect, NotShown]]) -> Cause:
    """Returns the most telling suspect that no re-run has refuted, or `unknown` with what was excluded.

    Args:
        case: The divergence.
        found: All suspects, most telling first.
        tried: What the re-runs have shown, in order.
    """
    # A suspect whose re-run did not help is out; one that could not be re-run is still a suspect.
    refuted = [suspect for suspect, why in tried if why.refutes]
    standing = [suspect for suspect in found if suspect not in refuted and not suspect.needs_proof]
    if not standing:
        loops = _own_loops(case)
        return Cause(
            slug="unknown",
            confirmed=False,
            summary="Nothing that samefit knows explains this divergence."
            if not loops
            else f"Nothing that was recorded explains these weights; a loop of the {' and of the '.join(loops)}'s own "
            "trains as well, and is not recorded.",
            evidence=(*excluded(case), *(_tried(suspect, why) for suspect, why in tried)),
            location=case.b.training.location,
            remedy="call  samefit.Recorder.step  in the loop, so that its steps are compared, too"
            if loops
            else "compare the two sides at the place above; `samefit show` lists what each run did before it",
            unconfirmed_because="no suspect is left",
        )
    suspect = standing[0]
    more = [line for other in standing[1:] if other.slug == "unknown" for line in other.evidence]
    if suspect.slug == "unknown":
        more += [*excluded(case), *(_tried(other, text) for other, text in tried)]
    because = next((why.text for other, why in tried if other is suspect), suspect.no_counterfactual)
    return Cause(
        slug=suspect.slug,
        confirmed=False,
        summary=suspect.summary,
        evidence=(*suspect.evidence, *more),
        location=suspect.location,
        remedy=suspect.remedy,
        unconfirmed_because=because or "it was not re-run",
    )


def _own_loops(case: Case) -> list[str]:
    """Returns the sides that may have trained in a loop of the user's what a training begins with."""
    if case.divergence.stage is not Stage.INITIAL_WEIGHTS:
        return []
    return [side.role for side in (case.a, case.b) if side.run.unseen_updates(side.name or None)]


def _tried(suspect: Suspect, why: NotShown) -> Evidence:
    return Evidence(f"not {suspect.slug}: {why.text}")


def suspected(case: Case) -> tuple[Cause, ...]:
    """Returns the most telling suspect of a divergence, without any re-run."""
    return (unconfirmed(case, suspects(case), []),)


def explained(comparison: Comparison, causes: tuple[Cause, ...]) -> Comparison:
    """Returns the comparison with its causes, and with a note if samefit itself failed while it looked for them."""
    comparison = comparison.with_causes(causes)
    failed = any(line.text.startswith(FAILED) for cause in causes for line in cause.evidence)
    return replace(comparison, notes=(*comparison.notes, _REPORT)) if failed else comparison


_REPORT = (
    f"{FAILED} while it looked for a cause; where the two part, and how, does not depend on that. Please report it "
    "with the evidence above and the two runs."
)
