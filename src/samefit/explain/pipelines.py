"""Causes in how an input pipeline is put together: its stages, their options, and the seeds that they shuffle with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

from samefit.comparison.result import Evidence
from samefit.explain import generators
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.explain.dataset_functions import explain_functions, in_terms_of_functions
from samefit.explain.generators import place
from samefit.explain.seed_lines import seeds_in_words
from samefit.explain.stages import Stage, is_plain, seed_in, shown, stages_of, stages_of_training, written
from samefit.store.records import Event, TrainingRecord
from samefit.types import Location, Samples

_SEEDS = ("seed", "generator", "sampler")

_ORDERING = {
    "batch",
    "bucket_by_sequence_length",
    "cache",
    "DataLoader",
    "group_by_window",
    "interleave",
    "list_files",
    "padded_batch",
    "prefetch",
    "ragged_batch",
    "rebatch",
    "shuffle",
    "unbatch",
    "window",
}
"""Stages that decide in which order, or how many at a time, samples come, and not which ones or what is in them."""


_DISPENSABLE = {"cache", "prefetch", "repeat", "shuffle", "skip", "take"}
"""Stages that a dataset can do without: what comes out of them is of the kind that goes in."""


def explain_pipelines(case: Case) -> Iterator[Suspect]:
    """Yields suspects for stages that are not the same, shuffle otherwise or race; none without pipelines."""
    first, second = stages_of(case.a), stages_of(case.b)
    if not first or not second:
        return
    pairs = _pairs(first, second)
    if [stage.function for stage in first] != [stage.function for stage in second]:
        one, other = pairs[0] if pairs else (first[0], second[0])
        yield from in_terms_of_functions(case, [(one, other, _other_stages(case, first, second))])
    options = ((one, other, suspect) for one, other in pairs for suspect in _other_options(case, one, other))
    yield from in_terms_of_functions(case, options)
    for one, other in pairs:
        if one.seeds is not None and other.seeds is not None:
            yield from _other_order(case, one, other)
    yield from _races(case, first, second)
    yield from explain_functions(case, pairs)


def explain_reads(case: Case) -> Iterator[Suspect]:
    """Yields suspects for functions of stages that read other values.

    They come behind all that is drawn: where a stage is left out, what is drawn in it is left out as well.
    """
    for one, other in _pairs(stages_of(case.a), stages_of(case.b)):
        yield from _other_reads(case, one, other)


def _pairs(first: tuple[Stage, ...], second: tuple[Stage, ...]) -> list[tuple[Stage, Stage]]:
    blocks = _matcher(first, second).get_matching_blocks()
    return [(first[block.a + k], second[block.b + k]) for block in blocks for k in range(block.size)]


def _other_stages(case: Case, first: tuple[Stage, ...], second: tuple[Stage, ...]) -> Suspect:
    at = next(
        (k for k, (one, other) in enumerate(zip(first, second, strict=False)) if one.function != other.function), None
    )
    last = min(len(first), len(second)) - 1
    where = second[last if at is None else at].location
    fixes = _left_out(case, first, second)
    return Suspect(
        slug=_slug(case, {stage.function for stage in first} ^ {stage.function for stage in second}),
        summary="The two input pipelines are not put together alike.",
        evidence=tuple(
            Evidence(text, side.role, stages[-1].location)
            for side, stages, text in zip((case.a, case.b), (first, second), _in_words(first, second), strict=True)
        ),
        location=where,
        remedy="put the same stages in the same order on both sides: what comes before a shuffle or a batch decides "
        "what these work on",
        counterfactuals=fixes,
        no_counterfactual=""
        if fixes
        else "samefit leaves out a stage that one side alone has if what comes out of it is "
        "of the kind that goes in, and puts none in",
    )


def _in_words(first: tuple[Stage, ...], second: tuple[Stage, ...]) -> tuple[str, str]:
    """Returns both pipelines as a user would write them; of what both have in a row only where it begins and ends."""
    words: tuple[list[str], list[str]] = ([], [])
    for kind, *ranges in _matcher(first, second).get_opcodes():
        for told, stages, begin, end in zip(words, (first, second), ranges[::2], ranges[1::2], strict=True):
            each = [stage.in_words for stage in stages[begin:end]]
            told += (
                [*each[:1], f"{len(each) - 2} more alike", *each[-1:]] if kind == "equal" and len(each) > 3 else each
            )
    return " · ".join(words[0]), " · ".join(words[1])


def _matcher(first: tuple[Stage, ...], second: tuple[Stage, ...]) -> SequenceMatcher[str]:
    one, other = ([stage.function for stage in stages] for stages in (first, second))
    return SequenceMatcher(None, one, other, autojunk=False)


def _left_out(case: Case, first: tuple[Stage, ...], second: tuple[Stage, ...]) -> tuple[Counterfactual, ...]:
    """Returns the re-run without the stages that one side has beyond the other's, if it can do without them."""
    opcodes = [code for code in _matcher(first, second).get_opcodes() if code[0] != "equal"]
    kinds = {code[0] for code in opcodes}
    if kinds == {"insert"}:
        role, extra = "candidate", [stage for *_, begin, end in opcodes for stage in second[begin:end]]
    elif kinds == {"delete"}:
        role, extra = "baseline", [stage for _, begin, end, *_ in opcodes for stage in first[begin:end]]
    else:
        return ()
    if not all(stage.alike or stage.function in _DISPENSABLE for stage in extra):
        return ()
    plans = tuple({"do": "leave_out", "side": stage.side, "call": stage.number} for stage in extra)
    text = f"the {role}'s pipeline without {' and '.join(stage.in_words for stage in extra)}"
    return (Counterfactual(text, plans, of_baseline=role == "baseline"),)


def _other_options(case: Case, one: Stage, other: Stage) -> Iterator[Suspect]:
    for name in [*one.arguments, *(name for name in other.arguments if name not in one.arguments)]:
        mine, theirs = one.arguments.get(name), other.arguments.get(name)
        if mine == theirs or (mine in (None, False) and theirs in (None, False)):
            continue
        slug, fixes = _slug(case, [name if name == "collate_fn" else other.function]), _given(case, other, name, mine)
        if name == "seed" or (name in _SEEDS and (seed_in(mine), seed_in(theirs)) != (None, None)):
            seeded = _has_seed(case.a, one, mine) and _has_seed(case.b, other, theirs)
            slug = "different-seed" if seeded else "unseeded"
            fixes = _seed_given(case, one, other, name)
        yield Suspect(
            slug=slug,
            summary=f"The pipelines differ in {other.function}: {name}={shown(mine)} and {name}={shown(theirs)}.",
            evidence=(
                Evidence(f"{other.function}({name}={shown(mine)}) at {place(one.location)}", "baseline", one.location),
                Evidence(
                    f"{other.function}({name}={shown(theirs)}) at {place(other.location)}", "candidate", other.location
                ),
            ),
            location=other.location,
            remedy=f"{other.function}(..., {name}={written(theirs if mine is None else mine)})  on both sides"
            if not (in_turn := _in_turn(fixes))
            else f"{other.function}(..., {name}=...)  with {in_turn} in turn, on both sides",
            counterfactuals=fixes,
            no_counterfactual="" if fixes else f"{name} is an object of your own, which is not changed",
        )


def _other_reads(case: Case, one: Stage, other: Stage) -> Iterator[Suspect]:
    """The function of a stage reads other values on each side."""
    found = [
        (name, mine, reads[name])
        for argument, reads in other.reads.items()
        for name, mine in one.reads.get(argument, {}).items()
        if name in reads and mine["value"] != reads[name]["value"]
    ]
    if not found:
        return
    fixes: tuple[Counterfactual, ...] = ()
    if one.alike and other.alike and one.arguments == other.arguments:
        sides = {(side.name, stage.number) for side, stage in ((case.a, one), (case.b, other))}
        left_out = tuple({"do": "leave_out", "side": side, "call": number} for side, number in sorted(sides))
        fixes = (Counterfactual(f"{other.function} left out on both sides", both=left_out),)
    names = list(dict.fromkeys(name for name, *_ in found))
    evidence = [Evidence(stage.in_words, side.role, stage.location) for side, stage in ((case.a, one), (case.b, other))]
    evidence += [
        Evidence(f"{name} is {read['value']} where {other.function} is made", side.role, _place_of(read, stage))
        for name, *reads in found[:_MOST_READ]
        for side, stage, read in zip((case.a, case.b), (one, other), reads, strict=True)
    ]
    if len(names) > _MOST_READ:
        evidence.append(Evidence(f"and {len(names) - _MOST_READ} more values that it reads"))
    if len(names) > 1 and fixes:
        evidence.append(Evidence(f"that the sides agree without {other.function} does not tell which of these matter"))
    yield Suspect(
        slug=_slug(case, [other.function]),
        summary=f"What {other.function} calls reads {'another value' if len(names) == 1 else 'other values'} on each "
        f"side: {', '.join(names[:_MOST_READ])}.",
        evidence=tuple(evidence),
        location=other.location,
        remedy=f"give {other.function} the same values on both sides",
        counterfactuals=fixes,
        no_counterfactual=""
        if fixes
        else "samefit puts no values into a function, and leaving the stage out would not tell",
        # A path or a name may be another one, and shape nothing.
        weak=not fixes,
        needs_proof=bool(fixes),
    )


_MOST_READ = 6
"""So many values that a function reads are listed."""


def _place_of(read: Mapping[str, Any], stage: Stage) -> Location:
    """Returns where a value that a function reads is assigned, or where the stage is made."""
    return stage.location if read["location"] is None else Location(**read["location"])


def _has_seed(side: Side, stage: Stage, argument: Any) -> bool:
    """Whether a stage orders its samples from a seed: its own, or where it has none that of the framework."""
    if argument is not None or stage.is_seeded:
        return True
    return stage.function == "DataLoader" and side.seeding("torch", stage.event) is not None


def _given(case: Case, other: Stage, name: str, value: Any) -> tuple[Counterfactual, ...]:
    """Returns the re-run in which the candidate's stage has the baseline's option, if that is a plain value."""
    if not is_plain(value) or not is_plain(other.arguments.get(name)):
        return ()
    plan = {"do": "pipeline", "side": case.b.name, "call": other.number, "arguments": {name: value}}
    return (Counterfactual(f"{name}={shown(value)} there as well", (plan,)),)


def _seed_given(case: Case, one: Stage, other: Stage, name: str) -> tuple[Counterfactual, ...]:
    """Returns the re-run in which the candidate's stage shuffles with the baseline's seed, where that can be put in."""
    seed, theirs = seed_in(one.arguments.get(name)), seed_in(other.arguments.get(name))
    if name == "sampler" or (name == "generator" and None in (seed, theirs)):
        return ()
    if seed is None and one.is_seeded and one.seeds is not None:
        # The seed that TensorFlow drew for the baseline's, beside the global one, which both have.
        seed = one.seeds[1]
    if seed is None:
        plans = tuple(
            {"do": "pipeline", "side": side.name, "call": stage.number, "arguments": {name: theirs}}
            for side, stage in {(s.name, t.number): (s, t) for s, t in ((case.a, one), (case.b, other))}.values()
        )
        return (Counterfactual(f"the seed {theirs} there on both sides", both=plans),)
    calls = _calls_of_line(case, one, other)
    seeds = [seed if mine is one else seed_in(mine.arguments.get(name)) for mine, _ in calls]
    if None in seeds:
        calls, seeds = [(one, other)], [seed]
    plans = tuple(
        {"do": "pipeline", "side": case.b.name, "call": theirs.number, "arguments": {name: each}}
        for each, (_, theirs) in zip(seeds, calls, strict=True)
    )
    text = f"the seed {seed}" if len({*seeds}) == 1 else f"the seeds {seeds_in_words(seeds)}"
    return (Counterfactual(f"{text} there as well", plans),)


def _in_turn(fixes: tuple[Counterfactual, ...]) -> str:
    """Returns the seeds in words that a re-run gives the calls of one line, where they are not the same; else ""."""
    given = [seed for fix in fixes for plan in fix.transplants for seed in plan["arguments"].values()]
    return seeds_in_words(given) if len({*given}) > 1 else ""


def _calls_of_line(case: Case, one: Stage, other: Stage) -> list[tuple[Stage, Stage]]:
    """Returns the calls of the two lines that belong together: in a loop there is one for each training."""
    ours, theirs = (
        list({each.number: each for training in side.trainings for each in _of_line(training, stage)}.values())
        for side, stage in ((case.a, one), (case.b, other))
    )
    if one not in ours or other not in theirs or ours.index(one) != theirs.index(other):
        return [(one, other)]
    return list(zip(ours, theirs, strict=False))


def _of_line(training: TrainingRecord, stage: Stage) -> list[Stage]:
    own = (stage.function, stage.location, stage.side)
    return [each for each in stages_of_training(training) if (each.function, each.location, each.side) == own]


def _other_order(case: Case, one: Stage, other: Stage) -> Iterator[Suspect]:
    """The same call shuffles otherwise: with another seed that it was not given, or further on in its own order."""
    if one.seeds != other.seeds or not one.is_seeded:
        draw_a, draw_b = _draw(case.a, one), _draw(case.b, other)
        if draw_a is None or draw_b is None:
            return
        plan = generators.before_draw(case.a, case.b, draw_a, draw_b) if one.is_seeded else None
        text = f"the baseline's seed for {other.function} at {place(other.location)}"
        suspect = generators.explain_draw(
            case,
            "tensorflow",
            draw_a,
            draw_b,
            what="the order of the samples",
            counterfactuals=(Counterfactual(text, (plan,)),) if plan else (),
        )
        if suspect is not None:
            yield suspect
    elif case.a.run is case.b.run and (one.side, one.number) == (other.side, other.number):
        yield _read_again(case, other)


def _read_again(case: Case, stage: Stage) -> Suspect:
    """Both trainings read one dataset, which is shuffled anew in each pass."""
    number = case.b.training.number
    before = [t for t in case.b.run.trainings if case.a.training.number <= t.number < number]
    fix = {"do": "pipeline", "side": stage.side, "call": stage.number, "arguments": {"reshuffle_each_iteration": False}}
    return Suspect(
        slug="generator-advanced",
        summary=f"Both sides read one dataset, and {stage.function} orders it anew in each pass over it: the "
        "candidate's first pass is not the baseline's.",
        evidence=(
            Evidence(f"{stage.in_words} was called once, at {place(stage.location)}", "", stage.location),
            *(Evidence(f"fit #{t.number} passed over it before fit #{number}", "", t.location) for t in before),
        ),
        location=stage.location,
        remedy="make the dataset anew for each training, or  shuffle(..., reshuffle_each_iteration=False)",
        counterfactuals=(Counterfactual("reshuffle_each_iteration=False there", both=(fix,)),),
    )


def _draw(side: Side, stage: Stage) -> Event | None:
    """Returns the draw from TensorFlow's generator that a stage took its seed with; None if it had one of its own."""
    if stage.arguments.get("seed") is not None:
        return None
    after = (e for e in side.run.events if e.id > stage.event and e.kind == "draw" and e.generator == "tensorflow")
    return next((e for e in after if e.function == f"Dataset.{stage.function}"), None)


def _races(case: Case, first: tuple[Stage, ...], second: tuple[Stage, ...]) -> Iterator[Suspect]:
    """Stages of both sides that run several calls of the user's function at once."""
    for one, other in zip(first, second, strict=False):
        parallel = [stage.arguments.get("num_parallel_calls") for stage in (one, other)]
        if one.function != other.function or None in parallel:
            continue
        plans = tuple(
            {"do": "pipeline", "side": side.name, "call": stage.number, "arguments": {"num_parallel_calls": None}}
            for side, stage in {(s.name, t.number): (s, t) for s, t in ((case.a, one), (case.b, other))}.values()
        )
        yield Suspect(
            slug="data-race",
            summary=f"{other.function} runs several calls of its function at once, in an order that nobody fixes.",
            evidence=(Evidence(other.in_words, "", other.location),),
            location=other.location,
            remedy="let what is random there depend on the sample and not on who comes first (a stateless op with a "
            "seed of the sample), or leave  num_parallel_calls  out",
            counterfactuals=(Counterfactual("one call at a time on both sides", both=plans),),
            needs_proof=True,
        )


def _slug(case: Case, stages: Iterable[str]) -> str:
    """Returns what other stages, or other options, change: by what is known of the samples, else by their kind."""
    samples = case.divergence.samples
    if samples is Samples.UNKNOWN:
        return "data-order" if _ORDERING.issuperset(stages) else "data-content"
    return "data-content" if samples in (None, Samples.OTHER) else "data-order"
