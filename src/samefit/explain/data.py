"""Causes of a divergence at the stage `data`: the batch that goes into the step is not the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from samefit.comparison.result import Evidence
from samefit.explain import generators
from samefit.explain.adapted import REMEDY, adapted_otherwise
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.explain.code_draws import explain_worker_draws, not_recorded
from samefit.explain.code_lines import parted_statements
from samefit.explain.drawn_in_fit import (
    draws_in_training,
    explain_drawn_in_fit,
    other_backend,
    shuffles,
)
from samefit.explain.generators import place
from samefit.explain.left_behind import explain_alone, explain_own_generators
from samefit.explain.own_draws import draws_on_one_side, explain_own_draws
from samefit.explain.pipelines import explain_pipelines, explain_reads
from samefit.explain.settings import program_evidence
from samefit.explain.stages import stages_of
from samefit.explain.unwatched import explain_hidden_draws
from samefit.explain.workers import RACE_REMEDY, explain_workers, has_workers, racing_draws
from samefit.store.records import Event, TrainingRecord
from samefit.types import Samples

_ORDER_OPTIONS = ("shuffle", "batch_size", "validation_split", "steps_per_epoch", "workers", "use_multiprocessing")


def explain_data(case: Case) -> Iterator[Suspect]:
    """Yields suspects, most telling first."""
    yield from explain_pipelines(case)
    yield from _options(case)
    yield from _shuffled_arrays(case)
    one_by_one = not has_workers(case.a)
    yield from explain_drawn_in_fit(case, libraries=one_by_one)
    yield from explain_own_draws(case, within=one_by_one)
    yield from explain_hidden_draws(case)
    yield from _tensorflow_shuffle(case)
    yield from explain_worker_draws(case)
    yield from explain_workers(case)
    yield from explain_own_generators(case)
    yield from explain_reads(case)
    # What the side before has left behind tells more than that the arrays differ, which it makes them do.
    yield from explain_alone(case)
    yield from _arrays(case)


def _options(case: Case) -> Iterator[Suspect]:
    """An option of `fit` that orders or cuts the data differs."""
    a, b = case.a.training, case.b.training
    options = {"fit": (a.options, b.options)}
    # An iterator has batches of its own: there is no option that both sides have.
    alike = _gets_arrays(case.a) == _gets_arrays(case.b)
    # How a pipeline batches is looked at stage by stage.
    for name in () if not alike or (stages_of(case.a) and stages_of(case.b)) else ("x", "y"):
        first, second = a.options.get(name), b.options.get(name)
        if isinstance(first, dict) and isinstance(second, dict):
            options[name] = (first, second)
    for holder, (first, second) in options.items():
        defaults = _DEFAULTS if holder == "fit" else {}
        for name in _ORDER_OPTIONS if alike else ("validation_split",):
            one, other = first.get(name, defaults.get(name)), second.get(name, defaults.get(name))
            if one == other:
                continue
            fixes: tuple[Counterfactual, ...] = ()
            if name in ("workers", "use_multiprocessing"):
                own = {"do": "dataset", "training": b.number, "attributes": {name: one}}
                fixes = (Counterfactual(f"{name}={one!r} in the candidate's dataset as well", (own,)),)
            if holder == "fit":
                plan = {"do": "fit", "training": b.number, "arguments": {name: one}}
                fixes = (Counterfactual(f"{name}={one!r} in the candidate's fit as well", (plan,)),)
            racing = racing_draws(case) if name == "workers" else None
            yield Suspect(
                slug=_slug_of(name) if racing is None else "data-race",
                summary=f"The two trainings batch the data differently: {name}={one!r} and {name}={other!r}."
                + (" Several workers make batches at the same time, in turns as they come." if racing else ""),
                evidence=(
                    Evidence(f"{holder}({name}={one!r}) at {place(a.location)}", "baseline", a.location),
                    Evidence(f"{holder}({name}={other!r}) at {place(b.location)}", "candidate", b.location),
                    *(racing or ()),
                ),
                location=b.location,
                remedy=f"give both the same  {name}={one!r}" if racing is None else RACE_REMEDY,
                counterfactuals=fixes,
                no_counterfactual="" if fixes else f"{name} belongs to an object of your own, which is not changed",
            )


def _slug_of(option: str) -> str:
    return "data-content" if option == "validation_split" else "data-order"


_DEFAULTS = {"shuffle": True, "validation_split": 0.0, "batch_size": 32}
"""What `fit` does where nothing was written (Keras 3.15: 32 samples of an array)."""


def _gets_arrays(side: Side) -> bool:
    """Whether `fit` was given whole arrays, which it cuts and shuffles itself, and no iterator."""
    described = side.training.options.get("x")
    return not isinstance(described, dict) or "shape" in described or "digest" in described


def _shuffled_arrays(case: Case) -> Iterator[Suspect]:
    """`fit` shuffles the arrays of one side; the other side's iterator gives its batches in an order of its own."""
    arrays = [side for side in (case.a, case.b) if _gets_arrays(side) and side.training.kind == "fit"]
    samples = case.divergence.samples
    if len(arrays) != 1 or not shuffles(arrays[0].training.options) or samples is None or not samples.may_be_order:
        return
    side, other = (case.a, case.b) if arrays[0] is case.a else (case.b, case.a)
    if other.training.kind != "fit":
        yield _shuffled_against_a_loop(case, side, other)
        return
    described = other.training.options["x"]
    # The batches of a PyDataset are shuffled as well, each in itself as it is.
    shuffled = "use_multiprocessing" in described and shuffles(other.training.options)
    numbers = sorted({each.training.number for each in ((side, other) if shuffled else (side,))})
    plans = tuple({"do": "fit", "training": number, "arguments": {"shuffle": False}} for number in numbers)
    fix = Counterfactual(f"shuffle=False in the {side.role}'s fit", plans, of_baseline=side is case.a)
    if shuffled:
        fix = Counterfactual("shuffle=False on both sides", both=plans)
    yield Suspect(
        slug="data-order",
        summary=f"fit of the {side.role} shuffles its arrays; the {other.role} gets its batches from an iterator "
        f"({described.get('type')}).",
        evidence=(
            Evidence(f"fit(x, y) at {place(side.training.location)} shuffles", side.role, side.training.location),
            Evidence(
                f"fit of {described.get('type')} at {place(other.training.location)}"
                + (" shuffles whole batches" if shuffled else " does not"),
                other.role,
                other.training.location,
            ),
        ),
        location=side.training.location,
        remedy="fit(x, y, shuffle=False),  or let the iterator give the samples in the order that the other side gets",
        counterfactuals=(fix,),
    )


def _shuffled_against_a_loop(case: Case, side: Side, loop: Side) -> Suspect:
    """`fit` shuffles the arrays of one side; a loop of the user's hands over the other side's batches."""
    fitted, plan = side.training, {"do": "fit", "training": side.training.number, "arguments": {"shuffle": False}}
    fix = Counterfactual(f"shuffle=False in the {side.role}'s fit", (plan,), of_baseline=side is case.a)
    drawn = tuple(line for line in draws_on_one_side(case) if line.side == loop.role)
    return Suspect(
        slug="data-order",
        summary=f"fit of the {side.role} shuffles its arrays; a loop of the {loop.role} hands over its batches in an "
        "order of its own.",
        evidence=(
            Evidence(f"fit(x, y) at {place(fitted.location)} shuffles", side.role, fitted.location),
            Evidence(f"a loop trains at {place(loop.training.location)}", loop.role, loop.training.location),
            *drawn,
        ),
        location=drawn[0].location if drawn else fitted.location,
        remedy="fit(x, y, shuffle=False)  with arrays in the order in which the loop takes them",
        counterfactuals=() if drawn else (fix,),
        no_counterfactual="the order of a loop of your own is not put into fit" if drawn else "",
    )


def _tensorflow_shuffle(case: Case) -> Iterator[Suspect]:
    """TensorFlow's shuffle takes its op seed from the global seed: without one, from the operating system."""
    backends = {case.comparison.baseline.backend, case.comparison.candidate.backend}
    if "tensorflow" not in backends or (stages_of(case.a) and stages_of(case.b)):
        return
    if len(backends) == 2:
        draws = [draws_in_training(side) for side in (case.a, case.b)]
        if draws[0] and draws[1]:
            yield other_backend(case, draws[0][-1], draws[1][-1])
        return
    anchors = [_tensorflow_draw(side) for side in (case.a, case.b)]
    samples = case.divergence.samples
    seeds = [side.seeding("tensorflow", side.training.begin_event) for side in (case.a, case.b)]
    if all(seeds) and seeds[0].value == seeds[1].value:  # type: ignore[union-attr]
        return
    suspect = generators.explain_draw(
        case,
        "tensorflow",
        anchors[0],
        anchors[1],
        what="the order of the samples" if samples is not None and samples.may_be_order else "the samples",
        counterfactuals=(),
        training_begins=False,
    )
    if suspect is not None:
        yield suspect


def _tensorflow_draw(side: Side) -> Event | None:
    """Returns where a training takes its order from TensorFlow, or None if it takes none."""
    draws = [e for e in side.run.events if e.kind == "draw" and e.generator == "tensorflow"]
    inside = next((e for e in draws if e.id > side.training.begin_event), None)
    if inside is not None or _digest(side.training.options.get("x")) is not None:
        return inside
    # The shuffle of a dataset of the user's own is no Python function: nothing shows when it takes its seed.
    return side.run.events[-1] if side.run.events else None


_SUMMARIES = {
    Samples.REORDERED: "The same samples arrive in another order.",
    Samples.BATCHED_OTHERWISE: "The samples arrive in batches of another size.",
    Samples.OTHER: "The two trainings get other samples or other values.",
    Samples.UNKNOWN: "The two trainings get other samples or values, or the same ones in another order: "
    "what was recorded of the samples does not tell which.",
}


def _arrays(case: Case) -> Iterator[Suspect]:
    """The arrays that were handed to `fit` are not the same, and no generator explains it."""
    a, b = case.a.training, case.b.training
    names = [
        name for name in ("x", "y", "sample_weight") if _digest(a.options.get(name)) != _digest(b.options.get(name))
    ]
    samples = case.divergence.samples
    slug = "data-content" if samples in (None, Samples.OTHER) else "data-order"
    shapes = [f"{name}: {_both_shapes(a.options.get(name), b.options.get(name))}" for name in names]
    split = _split_otherwise(a, b)
    if split is not None:
        shapes.append(f"fit(validation_split={split[0]}) and fit(validation_split={split[1]})")
    # The arrays are what differs, so that they are the experiment; but it says nothing of the code that made them.
    fix = Counterfactual("the arrays that the baseline handed to fit", data=True, stage_only=True)
    if split is not None:
        # Either alone leaves other samples over. `fit` splits nothing off where it is given data to validate with
        # (keras/src/backend/*/trainer.py, 3.15).
        given = {"validation_split": split[0], **({"validation_data": None} if split[0] else {})}
        plan = {"do": "fit", "training": b.number, "arguments": given}
        fix = replace(
            fix, text="the arrays and the validation_split that the baseline handed to fit", transplants=(plan,)
        )
    opaque = _opaque(a) or _opaque(b)
    # Where a part of the data cannot be put in, what stays otherwise refutes nothing.
    fixes = (fix,) if names and not opaque else ()
    remedy = "compare what is handed to fit on both sides: split, preprocessing, order of files, and shuffling"
    x = b.options.get("x")
    kind = f" ({x['type']})" if isinstance(x, dict) and "type" in x else ""
    why_none = f"the batches come from an iterator{kind}, which is not replaced"
    drawn, adapted = tuple(draws_on_one_side(case)), tuple(adapted_otherwise(case))
    if adapted and not drawn:
        remedy = REMEDY
    is_given_the_same = not names and _digest(a.options.get("x")) is not None
    lines = () if is_given_the_same or drawn or adapted else tuple(_lines(case))
    if lines:
        remedy = "look first at these lines, which one side alone has; give both sides the same data"
    if names and opaque:
        why_none = f"fit was given a {opaque}, which is not replaced"
    if b.kind != "fit":
        why_none = "the script hands over batch by batch, and these are not replaced"
    elif is_given_the_same and samples is Samples.REORDERED:
        why_none = "fit was given equal arrays, and the order in which it takes them is not put in"
    elif is_given_the_same:
        remedy = "look for what writes into the arrays while the training runs, such as a callback, and seed it"
        why_none = "fit was given equal arrays; what writes into them afterwards is not replaced"
    yield Suspect(
        slug=slug,
        summary=_SUMMARIES[samples or Samples.OTHER],
        evidence=(
            Evidence(case.divergence.detail),
            *(Evidence(text) for text in shapes),
            *drawn,
            *adapted,
            *lines,
            *not_recorded(case),
            *program_evidence(case),
        ),
        location=drawn[0].location if drawn else (adapted or lines)[-1].location if adapted or lines else b.location,
        remedy=remedy,
        counterfactuals=fixes,
        no_counterfactual="" if fixes else why_none,
        weak=True,
    )


def _opaque(training: TrainingRecord) -> str:
    """Returns the type of something that a `fit` was given and that is no array, such as "DataFrame"; "" if none is."""
    described = (training.options.get(name) for name in ("x", "y", "sample_weight"))
    return next((str(each.get("type")) for each in described if isinstance(each, dict) and not _digest(each)), "")


def _split_otherwise(a: TrainingRecord, b: TrainingRecord) -> tuple[float, float] | None:
    """Returns what two `fit`s split off to validate with, if that is not the same part."""
    first, second = (
        # Of what is no number (a fraction) the record has the type alone.
        float(split) if isinstance(split, (int, float)) and "validation_data" not in training.options else 0.0
        for training in (a, b)
        for split in [training.options.get("validation_split")]
    )
    return None if first == second else (first, second)


def _lines(case: Case) -> Iterator[Evidence]:
    """Yields the lines at which the code is not the same that makes what the two `fit`s are given."""
    one, other = (side.training.options.get("made_by") or () for side in (case.a, case.b))
    for places in parted_statements(one, other) if one and other else ():
        for side, line in zip((case.a, case.b), places, strict=True):
            if line is not None:
                yield Evidence(f"only here: {line.code}", side.role, line)


def explain_targets(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where equal targets are of another shape: a loss of one's own may broadcast them."""
    shapes = [
        tuple(y.get("shape") or ()) if isinstance(y := side.training.options.get("y"), dict) else ()
        for side in (case.a, case.b)
    ]
    batches = case.a.step.batch, case.b.step.batch
    if shapes[0] == shapes[1] or () in shapes or None in batches or batches[0] != batches[1]:
        return
    yield Suspect(
        slug="data-content",
        summary=f"The targets are of shape {shapes[0]} and {shapes[1]}, and hold the same.",
        evidence=(
            Evidence("targets of another shape may be broadcast against the outputs", "", case.b.training.location),
        ),
        location=case.b.training.location,
        remedy="give the targets the shape of the outputs on both sides:  y.reshape(-1, 1)",
        counterfactuals=(Counterfactual("the arrays that the baseline handed to fit", data=True),),
        needs_proof=True,
    )


def _digest(described: object) -> object:
    return described.get("digest") if isinstance(described, dict) else None


def _both_shapes(a: object, b: object) -> str:
    """Returns what two arrays are that do not hold the same; where nothing else differs, it is their values."""
    one, other = _shape(a), _shape(b)
    return f"{one} on both sides, other values in it" if one == other else f"{one} and {other}"


def _shape(described: object) -> str:
    if not isinstance(described, dict):
        return "absent"
    return f"{described.get('type')} {tuple(described.get('shape') or ())} {described.get('dtype') or ''}".strip()
