"""What the report of two models says, and in which order; laid out like every other report."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from samefit.comparison.model_result import (
    ModelComparison,
    ModelSide,
    ModelVerdict,
    PassComparison,
    WeightDifference,
    Weights,
)
from samefit.comparison.result import SettingDifference
from samefit.report import words
from samefit.report.sections import Line, Report, Row
from samefit.types import Location

VERDICTS = {
    ModelVerdict.IDENTICAL: ("✓", "identical"),
    ModelVerdict.WITHIN_TOLERANCE: ("≈", "within tolerance"),
    ModelVerdict.SAME_FUNCTION: ("✓", "same function, other weights"),
    ModelVerdict.DIVERGED: ("✗", "diverged"),
    ModelVerdict.NOT_COMPARABLE: ("?", "not comparable"),
}

_SHOWN = 6
_ULP = 1 << 16
"""Beyond so many units in the last place nobody counts in them any more."""


def model_sections(comparison: ModelComparison, *, verbose: bool = False) -> Report:
    """Returns the report of two models.

    Args:
        comparison: The comparison.
        verbose: Whether to say all.
    """
    mark, verdict = VERDICTS[comparison.verdict]
    tone = "good" if comparison.same else "bad" if comparison.verdict is ModelVerdict.DIVERGED else "doubt"
    if tone == "doubt" and comparison.verdict is ModelVerdict.SAME_FUNCTION:
        mark = "✗"
    a, b = comparison.baseline, comparison.candidate
    places = _places(comparison)
    environments = (_environment(a), _environment(b))
    rows = [
        *_compared(comparison),
        *_first(comparison),
        *_listed("equal", comparison.equal),
        *_differs(comparison),
        *_settings(comparison, places, verbose),
        *_weights(comparison, places, verbose),
        *_fix(comparison),
        *_notes(comparison),
    ]
    if verbose:
        rows += _details(comparison)
    return Report(
        mark=mark,
        verdict=verdict,
        tone=tone,
        sides=_labels(comparison),
        environments=environments[:1] if environments[0] == environments[1] else environments,
        rows=tuple(rows),
        footer=tuple(_footer(comparison, verbose)),
    )


def _row(label: str, *texts: str) -> Row:
    return Row(label, tuple(Line(words.plain(text)) for text in texts))


def _listed(label: str, texts: Iterable[str]) -> Iterator[Row]:
    found = list(texts)
    if found:
        yield _row(label, words.joined(found))


def _compared(comparison: ModelComparison) -> Iterator[Row]:
    if comparison.verdict is ModelVerdict.NOT_COMPARABLE:
        yield _row("because", "nothing of the one model could be paired with anything of the other")
        return
    if comparison.verdict is ModelVerdict.DIVERGED:
        return
    number = words.count(comparison.alignment.pairs, "weight")
    exact = all(one.same for one in comparison.passes)
    how = "bit for bit the same" if exact else "the same up to rounding"
    by = ", with the baseline's weights in both" if comparison.weight_differences else ""
    names = ", ".join(one.name for one in comparison.passes if one.compared)
    yield _row("compared", f"{number}, one pass each: {names}: {how}{by}")


def _first(comparison: ModelComparison) -> Iterator[Row]:
    for one in comparison.passes:
        if one.failed:
            yield _row("failed", f"{one.name} pass: {one.failed}")
    differing = next((one for one in comparison.passes if not one.same and not one.failed), None)
    if differing is not None:
        text = f"{differing.name} pass: {differing.first}"
        yield Row("first at", (Line(words.plain(text), "strong"),))


def _differs(comparison: ModelComparison) -> Iterator[Row]:
    structure = sum(setting.kind != "layer" for setting in comparison.settings)
    options = len(comparison.settings) - structure
    found = [text for text in (structure and f"structure ({structure})", options and f"options ({options})") if text]
    found += [_pass(one) for one in comparison.passes if not one.same and not one.failed]
    yield from _listed("differs", found)


def _pass(one: PassComparison) -> str:
    apart = f"largest gap {words.size(one.max_abs)}"
    if one.max_ulp is not None and one.max_ulp < _ULP:
        apart += f", {one.max_ulp} ulp"
    if one.is_rounding:
        apart += ": rounding"
    elif one.floor is not None:
        apart += f"; relative {words.size(one.max_rel)}, rounding {words.size(one.floor)}"
    return f"{one.name} pass, {one.compared - one.equal} of {one.compared} results ({apart})"


def _settings(comparison: ModelComparison, places: words.Places, verbose: bool) -> Iterator[Row]:
    for label, kinds in (("structure", ("structure", "weights", "inputs")), ("options", ("layer",))):
        found = [setting for setting in comparison.settings if setting.kind in kinds]
        yield from _values(label, found, places, verbose)
    yield from _values("seeds", comparison.seeds, places, verbose)


def _values(label: str, settings: Sequence[SettingDifference], places: words.Places, verbose: bool) -> Iterator[Row]:
    if not settings:
        return
    shown = settings if verbose else settings[:_SHOWN]
    lines = [Line(words.plain(_said(setting)), lead=_lead(setting.location, places)) for setting in shown]
    lines = (
        [Line(line.text, lead=line.lead, indented=True) for line in lines]
        if any(any(line.lead) for line in lines)
        else lines
    )
    if len(shown) < len(settings):
        lines.append(Line(f"and {len(settings) - len(shown)} more (-v shows them)", "dim", indented=True))
    yield Row(label, tuple(lines), begins=True)


def _said(setting: SettingDifference) -> str:
    if setting.kind == "weights" or (setting.kind == "structure" and None in (setting.baseline, setting.candidate)):
        side = "baseline" if setting.candidate is None else "candidate"
        value = setting.baseline if setting.candidate is None else setting.candidate
        named = "" if value in (setting.name, "") else f" ({value})"
        return f"{setting.name}{named} only in the {side}"
    return f"{setting.name}: {_value(setting.baseline)} and {_value(setting.candidate)}"


def _value(value: object) -> str:
    if isinstance(value, Mapping) and "class_name" in value:
        options = value.get("config") or {}
        given = {k: v for k, v in options.items() if v is not None} if isinstance(options, Mapping) else {}
        return f"{value['class_name']}({', '.join(f'{k}={_value(v)}' for k, v in given.items())})"
    return "not set" if value is None else str(value)


def _lead(location: Location | None, places: words.Places) -> tuple[str, ...]:
    return (places(location),) if location is not None else ("",)


def _weights(comparison: ModelComparison, places: words.Places, verbose: bool) -> Iterator[Row]:
    found = comparison.weight_differences
    if not found:
        return
    lines = [Line(_weights_in_short(comparison), "strong")]
    shown = found if verbose else [one for one in found if one.kind == "values"][:_SHOWN]
    for one in shown:
        text = f"{one.path}: {one.detail or 'seed drawn apart'}"
        if one.max_abs is not None:
            text += f" (largest gap {words.size(one.max_abs)})"
        lines.append(Line(words.plain(text), lead=_lead(one.location, places), indented=True))
    yield Row("weights", tuple(lines), begins=True)


def _weights_in_short(comparison: ModelComparison) -> str:
    found = comparison.weight_differences
    texts = []
    drawn = [one for one in found if one.kind == "draw"]
    if drawn:
        by = ", ".join(sorted({one.detail.partition(",")[0] for one in drawn if one.detail}))
        written = any(", written" in one.detail for one in drawn)
        how = "with other seeds" if written else "without a seed"
        of = words.count(comparison.alignment.pairs, "weight")
        texts.append(f"{len(drawn)} of {of} differ by their draw alone ({by} {how})")
    values = [one for one in found if one.kind == "values"]
    if values:
        texts.append(f"{words.count(len(values), 'weight')} with other values")
    seeds = [one for one in found if one.kind == "seed"]
    if seeds:
        texts.append(f"{words.count(len(seeds), 'seed')} of random layers drawn apart")
    return words.plain(words.joined(texts))


def _fix(comparison: ModelComparison) -> Iterator[Row]:
    if comparison.weights is Weights.EQUAL or comparison.verdict is not ModelVerdict.SAME_FUNCTION:
        return
    if comparison.weights is Weights.OTHER_DRAW:
        text = "to draw the same in both:  keras.utils.set_random_seed(1)  before each is built"
        if not any(", written" in one.detail for one in comparison.weight_differences):
            yield Row("fix", (Line(f"{text}, or  --pin 1", "good"),))
        return
    yield Row("fix", (Line("give both the same weights:  candidate.set_weights(baseline.get_weights())", "good"),))


def _notes(comparison: ModelComparison) -> Iterator[Row]:
    notes = list(comparison.notes)
    if comparison.alignment.note:
        notes.insert(0, f"ambiguous: {comparison.alignment.note}")
    for number, note in enumerate(notes):
        yield Row("" if number else "note", (Line(words.plain(note)),), begins=not number)


def _details(comparison: ModelComparison) -> Iterator[Row]:
    alignment = comparison.alignment
    method = alignment.method.replace("-", " ")
    yield Row(
        "alignment",
        (Line(f"{words.count(alignment.pairs, 'pair')} by {method}, {alignment.confidence}"),),
        begins=True,
    )
    for label, side in (("baseline", comparison.baseline), ("candidate", comparison.candidate)):
        versions = ", ".join(f"{name} {version}" for name, version in side.versions.items())
        yield _row(label, side.target, f"{words.count(side.weights, 'weight')}; {versions}; {side.device}")
    if comparison.timing:
        parts = (f"{name} {seconds:.{1 if seconds >= 1 else 2}f} s" for name, seconds in comparison.timing.items())
        yield _row("time", words.joined(parts))


def _footer(comparison: ModelComparison, verbose: bool) -> Iterator[Row]:
    shown = [words.short_path(run) for run in (comparison.baseline.run, comparison.candidate.run) if run]
    if shown:
        yield Row("runs", (Line(words.joined([*shown, *([] if verbose else ["-v says more"])]), "dim"),))


# -- sides ------------------------------------------------------------------------------------------------------------


def _labels(comparison: ModelComparison) -> tuple[str, str]:
    a, b = comparison.baseline, comparison.candidate
    places = _places(comparison)
    return _label(a, places), _label(b, places)


def _label(side: ModelSide, places: words.Places) -> str:
    first, _, rest = side.target.partition(" ")
    target = f"{os.path.basename(first)} {rest}".strip()
    where = f" ({places(side.location)})" if side.location is not None else ""
    return words.plain(f"{target}: {side.model}{where}")


def _environment(side: ModelSide) -> str:
    names = [side.backend, *(["keras"] if "keras" in side.versions else [])]
    return words.plain(", ".join([*(f"{name} {side.versions.get(name, '')}".rstrip() for name in names), side.device]))


def _places(comparison: ModelComparison) -> words.Places:
    found: list[Location | None] = [comparison.baseline.location, comparison.candidate.location]
    found += [setting.location for setting in (*comparison.settings, *comparison.seeds)]
    found += [one.location for one in _with_places(comparison.weight_differences)]
    return words.Places(frozenset(location.file for location in found if location is not None))


def _with_places(weights: Sequence[WeightDifference]) -> Iterator[WeightDifference]:
    yield from (one for one in weights if one.location is not None)
