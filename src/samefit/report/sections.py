"""What a report says and in which order, before anything is laid out: rows of a label and lines.

Text and HTML are two layouts of these rows, so that they never say different things.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from samefit.comparison.result import Cause, Comparison, Difference, Evidence
from samefit.comparison.values import same_value
from samefit.report import words
from samefit.report.inside import inside_lines
from samefit.report.parity import parity_rows
from samefit.types import Verdict

MAX_EVIDENCE = 5

_ENDED = {"failed": "failed", "stopped": "was stopped", "killed": "was killed", "running": "goes on"}


@dataclass(frozen=True)
class Line:
    """One line of a row.

    Attributes:
        text: What it says; may hold line breaks (a remedy of several lines).
        style: "plain", "strong", "good" or "dim".
        lead: What stands in columns of their own before the text, such as ("line 9", "baseline").
        indented: Whether the line belongs to the one above.
    """

    text: str
    style: str = "plain"
    lead: tuple[str, ...] = ()
    indented: bool = False


@dataclass(frozen=True)
class Row:
    """A label, and what is said under it.

    Attributes:
        label: One or two words.
        lines: What is said.
        begins: Whether a new part of the report begins here, after a blank line.
    """

    label: str
    lines: tuple[Line, ...]
    begins: bool = False


@dataclass(frozen=True)
class Report:
    """All of one comparison, in order.

    Attributes:
        mark: The sign of the verdict.
        verdict: The verdict in words.
        tone: "good", "bad" or "doubt".
        sides: What was compared.
        environments: One text if both sides share it, else two.
        rows: What is said.
        footer: Where the runs are, and how to see more.
    """

    mark: str
    verdict: str
    tone: str
    sides: tuple[str, str]
    environments: tuple[str, ...]
    rows: tuple[Row, ...]
    footer: tuple[Row, ...]


def sections(comparison: Comparison, *, verbose: bool = False) -> Report:
    """Returns the report of one comparison.

    Args:
        comparison: The comparison; its `unpinned` is not part of the report, but has one of its own.
        verbose: Whether to say all.
    """
    mark, verdict = words.VERDICTS[comparison.verdict]
    tone = "good" if comparison.same else "bad" if comparison.verdict is Verdict.DIVERGED else "doubt"
    environments = (words.environment_of(comparison.baseline), words.environment_of(comparison.candidate))
    rows = [*_found(comparison, verbose), *_causes(comparison, verbose), *_notes(comparison)]
    if verbose:
        rows += _details(comparison)
    return Report(
        mark=mark,
        verdict=verdict,
        tone=tone,
        sides=words.side_labels(comparison),
        environments=environments[:1] if environments[0] == environments[1] else environments,
        rows=tuple(rows),
        footer=tuple(_footer(comparison, verbose)),
    )


# -- what was found ---------------------------------------------------------------------------------------------------


def _found(comparison: Comparison, verbose: bool) -> Iterator[Row]:
    if comparison.verdict is Verdict.NOT_COMPARABLE:
        yield _row("because", *_missing(comparison))
        yield _row("try", _what_to_compare(comparison))
    elif comparison.verdict is Verdict.INCOMPLETE:
        yield _row("compared", _compared(comparison))
        if missing := list(_missing(comparison)):
            yield _row("missing", *missing)
    elif comparison.same:
        exact = comparison.verdict is Verdict.IDENTICAL
        yield _row("compared", _compared(comparison) + (": bit for bit the same" if exact else ""))
    if comparison.first_divergence is not None:
        text = words.place_of(comparison.first_divergence, comparison)
        yield Row("first at", (Line(text, "strong"),))
    if comparison.equal:
        yield _row("equal", words.joined(comparison.equal))
    differing = list(_differs(comparison, verbose))
    if differing:
        yield _row("differs", words.joined(differing))
    if comparison.inside is not None:
        yield _row("inside", *inside_lines(comparison.inside, verbose=verbose))
    if comparison.parity is not None:
        for label, told in parity_rows(comparison.parity, verbose=verbose):
            lines = tuple(Line(text, lead=lead, indented=bool(lead)) for lead, text in told)
            yield Row(label, lines, begins=label == "parity")
    if comparison.verdict is Verdict.INCOMPLETE:
        yield _row("try", _how_to_complete(comparison))


def _compared(comparison: Comparison) -> str:
    what = [words.count(comparison.steps_compared, "step")]
    if comparison.alignment.pairs:
        what.append(words.count(comparison.alignment.pairs, "weight"))
    return ", ".join(what)


def _missing(comparison: Comparison) -> Iterator[str]:
    a, b = comparison.baseline, comparison.candidate
    names = words.side_names(comparison)
    for name, side in zip(names, (a, b), strict=True):
        if not side.trainings:
            yield f"{name}: nothing that samefit can record was trained"
        elif side.status != "complete":
            ended = _ENDED.get(side.status, f"ended as {side.status}")
            yield f"{name}: the run {ended}, after {words.count(side.steps, 'step')}"
    if a.steps != b.steps:
        yield f"{names[0]} has {words.count(a.steps, 'step')}, {names[1]} has {words.count(b.steps, 'step')}"
    only = comparison.alignment
    for name, paths in zip(names, (only.only_in_baseline, only.only_in_candidate), strict=True):
        if paths:
            more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
            yield f"only {name} has {paths[0]}{more}"
    if not comparison.alignment.pairs and a.trainings and b.trainings:
        yield "no weight of the one model could be paired with a weight of the other"


def _how_to_complete(comparison: Comparison) -> str:
    if {comparison.baseline.status, comparison.candidate.status} - {"complete"}:
        return "let the run that ended early go to its end, and compare again"
    if comparison.baseline.steps == comparison.candidate.steps:
        return "let every training be recorded to its end, and compare again;  --trainings I,J  compares two that were"
    return "train both for as many steps: the same epochs, batch size and amount of data"


def _what_to_compare(comparison: Comparison) -> str:
    if not (comparison.baseline.trainings and comparison.candidate.trainings):
        return (
            "samefit sees fit and train_on_batch of Keras models; a hand-written loop can call samefit.Recorder by hand"
        )
    return "samefit show RUN  lists the trainings of a run;  --trainings I,J  compares two of them"


def _differs(comparison: Comparison, verbose: bool) -> Iterator[str]:
    differences = comparison.differences
    for name in ("loss", "updates", "weights", "metrics"):
        difference = differences.get(name)
        if difference is None or difference.first_step is None:
            continue
        if name in ("weights", "metrics") and not verbose and differences.get("updates") is not None:
            continue
        yield f"{name} {words.at_step(difference.first_step)}{_gap(difference, verbose)}"
    yield from _finals(comparison)


def _gap(difference: Difference, verbose: bool) -> str:
    if difference.max_abs is None:
        return ""
    relative = f", relative {words.size(difference.max_rel)}" if verbose and difference.max_rel is not None else ""
    return f" (largest gap {words.size(difference.max_abs)}{relative})"


def _finals(comparison: Comparison) -> Iterator[str]:
    loss, metrics = comparison.differences.get("loss"), comparison.differences.get("metrics")
    finals = metrics.metrics if metrics is not None else {}
    pairs: dict[str, tuple[float, float]] = {}
    if loss is not None and loss.final is not None:
        whole = "loss" in finals or comparison.baseline.status == comparison.candidate.status == "complete"
        pairs["final loss" if whole else f"loss at step {comparison.steps_compared:,}"] = loss.final
    pairs.update({f"final {words.plain(name)}": pair for name, pair in finals.items()})
    for name, (first, second) in pairs.items():
        if not same_value(first, second):
            yield f"{name} {words.two_values(first, second)}"


# -- why --------------------------------------------------------------------------------------------------------------


def _causes(comparison: Comparison, verbose: bool) -> Iterator[Row]:
    places = words.places_of(comparison)
    several = len(comparison.causes) > 1
    fixes: dict[str, int] = {}
    for number, cause in enumerate(comparison.causes, start=1):
        suffix = f" {number}" if several else ""
        lines = list(_cause(cause, places, verbose))
        if several and cause.loss_gaps is not None:
            with_it, without = cause.loss_gaps
            lines.append(Line(f"largest gap of the loss {with_it:.3g}, without this cause {without:.3g}"))
        yield Row(f"cause{suffix}", tuple(lines), begins=True)
        if cause.remedy:
            first = fixes.setdefault(cause.remedy, number)
            fix = words.plain(cause.remedy) if first == number else f"as fix {first}"
            yield Row(f"fix{suffix}", (Line(fix, "good"),))


def _cause(cause: Cause, places: words.Places, verbose: bool) -> Iterator[Line]:
    summary = words.plain(cause.summary)
    if cause.confirmed:
        yield Line(f"{cause.slug}, confirmed: {words.plain(cause.counterfactual or summary)}", "strong")
        if cause.counterfactual:
            yield Line(summary)
    elif cause.slug == "unknown":
        yield Line(f"unknown: {summary}", "strong")
    else:
        yield Line(f"{cause.slug}, suspected: {summary}", "strong")
    if not cause.confirmed and cause.slug != "unknown" and cause.unconfirmed_because:
        yield Line(f"not confirmed: {words.plain(cause.unconfirmed_because)}")
    if not cause.confirmed and cause.counterfactual:
        yield Line(f"tried: {words.plain(cause.counterfactual)}")
    evidence = _of_both(cause.evidence)
    shown = evidence if verbose else evidence[:MAX_EVIDENCE]
    for one in shown:
        yield _evidence(one, places, verbose)
    if len(shown) < len(evidence):
        yield Line(f"and {len(evidence) - len(shown)} more (-v shows them)", "dim", indented=True)


def _of_both(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Returns the evidence such that what holds of both sides alike is said once."""
    merged: list[Evidence] = []
    for one in evidence:
        other = {"baseline": "candidate", "candidate": "baseline"}.get(one.side)
        if other is not None and (known := replace(one, side=other)) in merged:
            merged[merged.index(known)] = replace(one, side="both")
        else:
            merged.append(one)
    return merged


def _evidence(evidence: Evidence, places: words.Places, verbose: bool) -> Line:
    text = words.plain(evidence.text)
    location = evidence.location
    lead = (places(location) if location else "", evidence.side)
    if verbose and location is not None and location.code and location.code not in evidence.text:
        text += f"\n{words.plain(location.code)}"
    return Line(text, lead=lead, indented=True)


def _notes(comparison: Comparison) -> Iterator[Row]:
    for number, note in enumerate(comparison.notes):
        yield Row("" if number else "note", (Line(words.plain(note)),), begins=not number)


# -- all the rest -----------------------------------------------------------------------------------------------------


def _details(comparison: Comparison) -> Iterator[Row]:
    if comparison.settings:
        places = words.places_of(comparison)
        lines = (
            Line(
                words.plain(f"{s.name}: {_value(s.baseline)} and {_value(s.candidate)}")
                + (f" ({places(s.location)})" if s.location else ""),
                lead=(words.plain(s.kind),),
                indented=True,
            )
            for s in comparison.settings
        )
        yield Row("settings", (Line("that are not the same on both sides:"), *lines), begins=True)
    alignment = comparison.alignment
    text = f"{words.count(alignment.pairs, 'pair')} by {alignment.method.replace('-', ' ')}, {alignment.confidence}"
    yield _row("alignment", words.plain(text + (f": {alignment.note}" if alignment.note else "")))
    for label, paths in (("only first", alignment.only_in_baseline), ("only second", alignment.only_in_candidate)):
        if paths:
            yield _row(label, words.plain(", ".join(paths)))
    for label, side in (("baseline", comparison.baseline), ("candidate", comparison.candidate)):
        versions = ", ".join(f"{name} {version}" for name, version in side.versions.items())
        yield _row(label, words.plain(side.target), words.plain(f"{versions}; {side.device}; {side.status}"))
    if comparison.timing:
        parts = (f"{name} {seconds:.{1 if seconds >= 1 else 2}f} s" for name, seconds in comparison.timing.items())
        yield _row("time", words.joined(parts))


def _value(value: object) -> str:
    return "not set" if value is None else str(value)


def _footer(comparison: Comparison, verbose: bool) -> Iterator[Row]:
    runs = list(dict.fromkeys((comparison.baseline.run, comparison.candidate.run)))
    shown = [words.short_path(run) for run in runs if run]
    if shown:
        yield Row("runs", (Line(words.joined([*shown, *([] if verbose else ["-v says more"])]), "dim"),))


def _row(label: str, *texts: str) -> Row:
    return Row(label, tuple(Line(words.plain(text)) for text in texts))
