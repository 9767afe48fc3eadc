"""From a divergence to confirmed causes: suspect, re-run without it, compare, go on until nothing is left."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from samefit.checks.batches import measure_batches
from samefit.checks.gone import about_nothing, agrees, place, went_away
from samefit.checks.pair import Pair
from samefit.checks.rerun import again, stands_in_alone, unchanged
from samefit.checks.told import STAYS, NotShown, confirmed, unconfirmed
from samefit.checks.workshop import Workshop
from samefit.comparison.parity import Batches
from samefit.comparison.result import Cause, Comparison, Evidence
from samefit.explain import never_seeded
from samefit.explain.batches import batches_told, rounded_batches
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.explain.suspects import suspects
from samefit.types import Stage

_ROUNDS = 5
"""Causes that stack are looked for one after the other, up to so many."""

_TRIES = 8
"""Re-runs for one divergence, over all its suspects."""

_REPEATS = 3
"""So often two sides run again with nothing changed until they part: only then shows it something that they agree."""

_SEEDED_AFTER = 2
"""Once one missing seed was the cause so often, the next re-run sets it."""

_JOINED = 4
"""So many suspects, of which none is the cause alone, are tried together."""


def case_of(pair: Pair, comparison: Comparison) -> Case | None:
    """Returns what the detectors look at, or None where the divergence has no pair of steps."""
    divergence = comparison.first_divergence
    if divergence is None:
        return None
    sides = []
    for part, role in ((pair.a, "baseline"), (pair.b, "candidate")):
        places = part.places
        if len(places) < divergence.step or divergence.step < 1:
            return None
        step = part.run.step(places[divergence.step - 1])
        sides.append(Side(part.run, part.side, role, part.selected(), step))
    return Case(
        comparison,
        divergence,
        sides[0],
        sides[1],
        same_process=pair.same_process,
        separable=pair.same_process and bool(pair.b.side),
    )


@dataclass(frozen=True)
class Found:
    """What a search for causes came to.

    Attributes:
        causes: In the order in which they act; the last one may be unconfirmed.
        pair: The sides as the last cause found them: re-runs without all the causes before it.
        comparison: The comparison of these.
        batches: What was found of the batches of `pair` that differ; None where that was not asked.
    """

    causes: tuple[Cause, ...]
    pair: Pair
    comparison: Comparison
    batches: Batches | None = None


def confirmed_causes(pair: Pair, comparison: Comparison, workshop: Workshop, say: Callable[[str], None]) -> Found:
    """Looks for the causes of a divergence, one after the other, and re-runs without each.

    Args:
        pair: The two sides.
        comparison: Their comparison.
        workshop: Where re-runs are made.
        say: Called with one line about what is going on.
    """
    chain: list[_Search] = []
    search: _Search | None = None
    while len(chain) < _ROUNDS:
        if search is None:
            case = case_of(pair, comparison)
            if case is None:
                break
            search = _Search(
                case, pair, comparison, workshop, say, [found for other in chain for found in other.causes]
            )
        pair, comparison = search.next()
        chain.append(search)
        search = None
        if chain[-1].causes[-1].confirmed:
            if comparison.first_divergence is None:
                break
            continue
        if len(chain) < 2 or chain[-2].is_shown():
            break
        # Nothing explains why the re-run without the cause before parts later, and without any change it does, too.
        chain.pop()
        search = chain.pop()
        search.withdraw()
    if not chain:
        return Found((), pair, comparison)
    last = chain[-1]
    return Found(tuple(_joined(chain)), last.pair, last.comparison, last.batches)


def _joined(chain: Sequence[_Search]) -> Iterator[Cause]:
    """Yields the causes, and one for several that stand one after the other and are the same seed that was not set."""
    while chain:
        first, *later = chain[0].causes
        is_first = functools.partial(_Search.is_also, cause=first)
        alike = [] if later else [*itertools.takewhile(is_first, chain)]
        if len(alike) < 2:
            yield from chain[0].causes
        else:
            fixes = [fix for search in alike if (fix := search.shown_with) is not None]
            yield never_seeded.one_of([search.causes[0] for search in alike], fixes, alike[-1].case)
        chain = chain[max(1, len(alike)) :]


class _Search:
    """The search for the cause of one divergence.

    A pair that is not the same from run to run parts elsewhere in every re-run, also later: there it shows nothing that
    a re-run parts only later, and little that two fresh sides agree once. So the pair is run again with nothing changed
    where a confirmation rests on either.

    Args:
        case: The divergence.
        pair: The sides that part.
        comparison: Their comparison.
        workshop: Where re-runs are made.
        say: Called with one line about what is going on.
        before: The causes that were found before this one.

    Attributes:
        case: The divergence.
        causes: What was found last: one cause, or several that act at the same place.
        batches: What was found of the batches that differ, where the two part in them.
    """

    causes: tuple[Cause, ...] = ()
    batches: Batches | None = None

    def __init__(
        self,
        case: Case,
        pair: Pair,
        comparison: Comparison,
        workshop: Workshop,
        say: Callable[[str], None],
        before: Sequence[Cause] = (),
    ) -> None:
        self.pair, self.comparison, self.case = pair, comparison, case
        self._workshop, self._say = workshop, say
        self._suspects = suspects(case)
        self._left, self._tries = iter(_in_order(self._suspects, before)), _TRIES
        self._tried: list[tuple[Suspect, NotShown]] = []
        self._not_alone: dict[int, tuple[Suspect, Counterfactual]] = {}
        self._last: tuple[Suspect, Counterfactual, Comparison] | None = None
        self._unchanged = ""
        self._repeats = 0
        self._parted = False

    @property
    def shown_with(self) -> Counterfactual | None:
        """The re-run that confirmed the cause; None if none did."""
        return None if self._last is None else self._last[1]

    def is_also(self, cause: Cause) -> bool:
        """Whether what was found is that cause again, and nothing else."""
        return len(self.causes) == 1 and self.causes[0].confirmed and never_seeded.is_one(cause, self.causes[0])

    def next(self) -> tuple[Pair, Comparison]:
        """Tries the suspects that are left, sets `causes`, and returns the pair without them."""
        if self.case.divergence.stage is Stage.DATA and self.batches is None:
            self.batches = measure_batches(self.pair, self.comparison, self._workshop)
            if self.batches is not None and self.batches.verdict == "rounding":
                # Nobody gave them other data: no suspect is left to try.
                self.causes = (rounded_batches(self.case, self.batches),)
                return self.pair, self.comparison
        for suspect, fix in self._left:
            if fix.alone and self._is_refuted(suspect):
                continue
            if suspect.weak and (together := self._together()) is not None:
                self._left = itertools.chain(((suspect, fix),), self._left)
                return together
            if not self._tries:
                break
            self._tries -= 1
            self._say(f"confirming {suspect.slug}: with {fix.text}")
            found = self._try(fix)
            if isinstance(found, NotShown):
                self._tried.append((suspect, found))
                if found.refutes and fix.changes_candidate_alone and not suspect.weak:
                    self._not_alone.setdefault(id(suspect), (suspect, fix))
                continue
            pair, result = found
            self._last = suspect, fix, result
            steps = min(self.comparison.steps_compared, result.steps_compared)
            gaps = self.pair.loss_gap(steps), pair.loss_gap(steps)
            twice = bool(self._unchanged) and fix.reruns_both
            self.causes = (self._with_flaw(confirmed(suspect, fix, result, gaps, twice=twice)),)
            return pair, result
        if (together := self._together()) is not None:
            return together
        self.causes = (self._with_flaw(unconfirmed(self.case, self._suspects, self._tried)),)
        return self.pair, self.comparison

    def _is_refuted(self, suspect: Suspect) -> bool:
        """Whether nothing that takes this suspect alone away makes a difference."""
        specific = [fix for fix in suspect.counterfactuals if not fix.alone]
        refuted = [why for other, why in self._tried if other is suspect and why.refutes]
        return 0 < len(specific) <= len(refuted)

    def _together(self) -> tuple[Pair, Comparison] | None:
        """Tries at once what changed nothing alone: of two things that act at one place, neither does.

        What is found is no larger than it must be: each part is left out once.
        """
        parts, self._not_alone = list(self._not_alone.values())[:_JOINED], {}
        if len(parts) < 2 or self._unchanged:
            return None
        found = self._try_all(parts)
        for part in list(parts) if len(parts) > 2 else ():
            fewer = [other for other in parts if other is not part]
            if isinstance(found, NotShown) or len(fewer) < 2:
                break
            without = self._try_all(fewer)
            if not isinstance(without, NotShown):
                parts, found = fewer, without
            elif not without.refutes or self._unchanged:
                # Whether this part is needed was not shown.
                found = without
        if isinstance(found, NotShown):
            self._tried.append((parts[-1][0], found))
            return None
        pair, result = found
        fix = functools.reduce(Counterfactual.joined, (fix for _, fix in parts))
        self._last = parts[-1][0], fix, result
        less = "neither alone" if len(parts) == 2 else "nothing less"
        text = replace(fix, text=f"{fix.text} ({less} is enough)")
        told = (confirmed(suspect, text, result, (None, None), twice=False) for suspect, _ in parts)
        self.causes = tuple(self._with_flaw(cause) for cause in told)
        return pair, result

    def _try_all(self, parts: Sequence[tuple[Suspect, Counterfactual]]) -> tuple[Pair, Comparison] | NotShown:
        fix = functools.reduce(Counterfactual.joined, (fix for _, fix in parts))
        self._say(f"confirming {' and '.join(dict.fromkeys(suspect.slug for suspect, _ in parts))}: with {fix.text}")
        return self._try(fix)

    def is_shown(self) -> bool:
        """Whether the cause that was confirmed last would also be if nothing came after it."""
        if self._last is None or agrees(self._last[2]):
            return True
        _, fix, _ = self._last
        divergence = self.comparison.first_divergence
        # Where fresh sides part at a step in the middle, they may have met it twice by chance.
        often = fix.reruns_both and divergence is not None and divergence.step > 1
        return not self._flaw(fix, 2 if often else 1)

    def withdraw(self) -> None:
        """Takes the cause that was confirmed last for one that its re-run does not show."""
        if self._last is not None:
            suspect, fix, result = self._last
            self._tried.append((suspect, self._stays(fix, result)))

    def _try(self, fix: Counterfactual) -> tuple[Pair, Comparison] | NotShown:
        """Returns the pair without a suspect, and its comparison; or why that shows nothing."""
        found = self._again(fix)
        if isinstance(found, str):
            return NotShown(f"with {fix.text}: {found}")
        result = found.compared()
        if not went_away(self.comparison, result):
            return NotShown(f"with {fix.text} {STAYS}", refutes=True)
        if nothing := about_nothing(self.pair, self.comparison, found):
            return NotShown(f"with {fix.text} {nothing}")
        if fix.reruns_both and not self._parts_again(fix):
            where = "agree" if agrees(result) else "part only later"
            return NotShown(f"with {fix.text} they {where}, and {self._unchanged}")
        if not self._unchanged:
            return found, result
        if not agrees(result):
            return self._stays(fix, result)
        if not fix.reruns_both:
            return found, result
        second = self._again(fix)
        if isinstance(second, str):
            return NotShown(f"with {fix.text}: {second}")
        repeated = second.compared()
        gone = went_away(self.comparison, repeated) and agrees(repeated)
        return (found, result) if gone else self._stays(fix, repeated)

    def _again(self, fix: Counterfactual) -> Pair | str:
        return again(self.pair, fix, self._workshop, lambda result: not went_away(self.comparison, result))

    def _flaw(self, fix: Counterfactual, times: int = 1) -> str:
        """Returns what shows that the pair does not part at the same place when it runs again unchanged, or ""."""
        while not self._unchanged and self._repeats < times:
            self._repeat(fix)
        return self._unchanged

    def _parts_again(self, fix: Counterfactual) -> bool:
        """Whether the pair parts when it runs again unchanged; what parts them may be a matter of chance."""
        while not self._parted and self._repeats < _REPEATS:
            self._repeat(fix)
        return self._parted

    def _repeat(self, fix: Counterfactual) -> None:
        self._repeats += 1
        self._say("running again with nothing changed")
        # The same sides as in the re-run that is in question.
        flaw = self._compared_unchanged(unchanged(self.pair, fix, self._workshop), fix)
        self._unchanged = self._unchanged or flaw

    def _compared_unchanged(self, found: Pair | str, fix: Counterfactual) -> str:
        if isinstance(found, str):
            return f"with nothing changed, {found}"
        result = found.compared()
        first, second = self.comparison.first_divergence, result.first_divergence
        self._parted = self._parted or not agrees(result)
        if first is None or (second is not None and place(first) == place(second)):
            return ""
        if second is not None and fix.seeds_first and stands_in_alone(self.pair) and place(second) < place(first):
            # The seed takes the place of what stands in for the causes before this one on the candidate's side; the
            # baseline, run again, has nothing that does.
            return ""
        if second is None:
            return "run again with nothing changed, they agree"
        where = f"they part at step {second.step} ({second.stage.in_words})"
        return f"run again with nothing changed, {where}, not at step {first.step} ({first.stage.in_words})"

    def _stays(self, fix: Counterfactual, result: Comparison) -> NotShown:
        later = result.first_divergence
        where = "" if later is None else f": they part at step {later.step}"
        return NotShown(f"with {fix.text} {STAYS}{where}, and {self._unchanged}", refutes=True)

    def _with_flaw(self, cause: Cause) -> Cause:
        if self.batches is not None and cause.slug.startswith("data-"):
            told = Evidence(f"the data: {batches_told(self.batches)}")
            cause = replace(cause, evidence=(*cause.evidence, told))
        if not self._unchanged:
            return cause
        return replace(cause, evidence=(*cause.evidence, Evidence(f"not repeatable by itself: {self._unchanged}")))


def _in_order(found: Sequence[Suspect], before: Sequence[Cause] = ()) -> list[tuple[Suspect, Counterfactual]]:
    """Returns the re-runs to make, in order.

    Alone, the candidate agrees whatever was carried in the process: a suspect that has a re-run of its own for which
    that comes second is looked at in this way only after all others. Where a seed that was not set was the cause so
    often before, it is set: that shows at once whether it is behind all that is left.
    """
    every = [(suspect, fix) for suspect in found for fix in suspect.counterfactuals]
    every.sort(key=lambda one: (one[0].weak, one[1].alone and one[1] is not one[0].counterfactuals[0]))
    if sum(never_seeded.is_one(cause, suspect) for suspect in found[:1] for cause in before) >= _SEEDED_AFTER:
        every.sort(key=lambda one: not (one[0] is found[0] and one[1].seeds_first))
    return every
