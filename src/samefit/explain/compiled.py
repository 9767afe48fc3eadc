"""Causes that lie in what `compile` and `fit` were given: optimizer, loss, compilation, weights of classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from samefit.comparison.compiled import LOSSES, OPTIMIZERS, parts_of
from samefit.comparison.result import Evidence
from samefit.explain.callbacks import SET_THE_RATE
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.explain.code_lines import other_code
from samefit.explain.handing import CANNOT, handed, pieces
from samefit.explain.options import bare, can_be_made, class_of, differing_options, is_own, shown, unmarked
from samefit.explain.rates import set_at
from samefit.types import Location, Stage


def explain_compiled(case: Case) -> Iterator[Suspect]:
    """Yields suspects for what `compile` was given: optimizer, loss."""
    a, b = case.a.training.compiled, case.b.training.compiled
    kinds = [(OPTIMIZERS, "optimizer-config"), (LOSSES, "loss-config"), (("loss_weights", ""), "loss-config")]
    losses = [side.step.logs.get("loss") for side in (case.a, case.b)]
    if case.divergence.stage is Stage.UPDATE and losses[0] is not None and losses[0] == losses[1]:
        # What the two losses come to is equal; what is done with it is not.
        del kinds[1:]
    for keys, slug in kinds:
        mine, theirs = parts_of(a, keys), parts_of(b, keys)
        for name in {**mine, **theirs}:
            if bare(mine.get(name)) != bare(theirs.get(name)):
                yield from _part(case, slug, keys, name, mine.get(name), theirs.get(name))


def _part(case: Case, slug: str, keys: tuple[str, str], name: str, one: Any, other: Any) -> Iterator[Suspect]:
    """Yields the suspects for an optimizer or a loss that differs: several where it is handed over in pieces."""
    if name not in keys and None in (one, other):
        yield _suspect(case, slug, keys, name, one, other, why_not="only one of the models holds it")
        return
    forth, back = handed(one, other), handed(other, one)
    forms = _forms_of_targets(case) if name == "loss" else ()
    place = "compile" if name in keys else "model"
    if forth is not CANNOT:
        plans = [_plan(case.b, keys, name, forth)]
        # The baseline's loss reads no targets but the baseline's.
        words = f"the baseline's {name} in the candidate's {place}"
        if forms:
            words = "the loss and the targets of the baseline in the candidate"
        setters = _setters_of_the_rate(case) if name == "optimizer" else []
        if setters:
            # They would set the rate of the baseline's optimizer as well, and cannot where that has a schedule.
            words += f", and its fit without {', '.join(setters)}"
            without = {"do": "fit", "training": case.b.training.number, "arguments": {}, "without_callbacks": setters}
            plans.append(without)
        yield _suspect(case, slug, keys, name, one, other, Counterfactual(words, tuple(plans), data=bool(forms)))
    elif back is not CANNOT:
        words = f"the candidate's {name} in the baseline's {place}"
        fix = Counterfactual(words, (_plan(case.a, keys, name, back),), of_baseline=True)
        yield _suspect(case, slug, keys, name, one, other, fix)
    elif name in ("optimizer", "loss"):
        for piece in pieces(case, name, one, other):
            yield _suspect(case, slug, keys, name, piece.one, piece.other, piece.fix, code=piece.has_code)
    else:
        yield _suspect(case, slug, keys, name, one, other, code=True)


def _suspect(
    case: Case,
    slug: str,
    keys: tuple[str, str],
    name: str,
    one: Any,
    other: Any,
    fix: Counterfactual | None = None,
    *,
    code: bool = False,
    why_not: str = "functions of your own cannot be put in from outside",
) -> Suspect:
    """Returns a suspect for an optimizer or a loss that differs; `code`: in code of the user's own on both sides."""
    forms = _forms_of_targets(case) if name == "loss" else ()
    setters = _setters_of_the_rate(case) if name == "optimizer" else []
    lines = tuple(own_lines(case, name)) if code or _runs_code(one, other) else ()
    # What stands in the optimizer when the training begins may have been set since.
    rates = tuple(set_at(case)) if name == "optimizer" and _has_another_rate(one, other) else ()
    # Of code of the user's own its lines tell more.
    compiled = None if lines else _compile_line(case.b)
    return Suspect(
        slug=slug,
        summary=f"The two trainings were compiled with another {name}."
        if name in keys
        else f"The model holds another {keys[0]} as its {name} on each side.",
        evidence=(
            *(replace(line, location=compiled) for line in _compiled_evidence(name, one, other)),
            *rates,
            *lines,
            *forms,
            *(Evidence(f"fit(callbacks=[{each}])", "candidate", case.b.training.location) for each in setters),
        ),
        location=next((line.location for line in (*lines, *rates) if line.side == "candidate"), compiled_at(case.b)),
        remedy=_remedy(name, one, other) + (", with the targets in one form" if forms else ""),
        counterfactuals=() if fix is None else (fix,),
        no_counterfactual="" if fix is not None else why_not,
        # Functions may be written otherwise and compute the same.
        weak=code or fix is None,
    )


def _has_another_rate(one: Any, other: Any) -> bool:
    configs = [part.get("config") if isinstance(part, Mapping) else None for part in (one, other)]
    rates = [config.get("learning_rate") if isinstance(config, Mapping) else None for config in configs]
    return bool(bare(rates[0]) != bare(rates[1]))


def _runs_code(one: Any, other: Any) -> bool:
    """Whether two parts differ in what is code of the user's own on one side at least."""
    if not (isinstance(one, Mapping) and isinstance(other, Mapping) and one.get("class") == other.get("class")):
        return True
    options = differing_options(one.get("config") or {}, other.get("config") or {})
    return any(is_own(pair) for pair in options.values())


def own_lines(case: Case, name: str) -> Iterator[Evidence]:
    """Yields the lines of the user's own code of a compiled part, function by function, where it is not the same."""
    sides = (case.a, case.b)
    one, other = ((side.training.compiled.get("written_at") or {}).get(name) or {} for side in sides)
    for key, places in other_code(one, other):
        for side, place in zip(sides, places, strict=True):
            if place is not None:
                yield Evidence(key, side.role, place)


def _plan(side: Side, keys: tuple[str, str], name: str, value: Any) -> dict[str, Any]:
    """Returns what gives a side another optimizer or loss: as `compile` takes it, or as its model holds it."""
    compiled_with, held = keys
    if name == compiled_with:
        return {"do": "compile", "side": side.name, "compile": side.training.compiled.get("number", 0), name: value}
    return {"do": "parts", "training": side.training.number, held: {name: value}}


def _setters_of_the_rate(case: Case) -> list[str]:
    """Returns the callbacks of Keras's that set the learning rate in the candidate's fit alone."""
    mine, theirs = (side.training.options.get("callbacks") or () for side in (case.a, case.b))
    return [name for name in theirs if name in SET_THE_RATE and name not in mine]


def _forms_of_targets(case: Case) -> tuple[Evidence, ...]:
    """Says that the targets are the same in two forms (classes as numbers, and one-hot), if they are."""
    described = [side.training.options.get("y") for side in (case.a, case.b)]
    shapes = [tuple(y.get("shape") or ()) if isinstance(y, Mapping) else () for y in described]
    batches = case.a.step.batch, case.b.step.batch
    if shapes[0] == shapes[1] or () in shapes or None in batches or batches[0] != batches[1]:
        return ()
    text = f"targets of shape {shapes[0]} and {shapes[1]}: the same classes in another form"
    return (Evidence(text, "", case.b.training.location),)


def compiled_at(side: Side) -> Location | None:
    """Returns the line that compiled the model of a side, or that trains it."""
    return _compile_line(side) or side.training.location


def _compile_line(side: Side) -> Location | None:
    """Returns the line that compiled the model of a side; None where it is not known."""
    where = side.training.compiled.get("location")
    return Location(**where) if isinstance(where, Mapping) else None


def _compiled_evidence(name: str, one: Any, other: Any) -> Iterator[Evidence]:
    if isinstance(one, Mapping) and isinstance(other, Mapping) and "class" not in one and "class" not in other:
        # One loss for each output.
        for output in sorted({*one, *other}):
            if bare(one.get(output)) != bare(other.get(output)):
                yield from _compiled_evidence(f"{name} of {output}", one.get(output), other.get(output))
        return
    if name == "loss_weights":
        yield Evidence(f"compile({name}={one!r}) and compile({name}={other!r})")
        return
    first = one if isinstance(one, Mapping) else {"class": one, "config": {}}
    second = other if isinstance(other, Mapping) else {"class": other, "config": {}}
    if first.get("class") != second.get("class"):
        # A loss has few options, and `from_logits` may be the whole difference.
        parts = [
            _written(part) if name.startswith("loss") and part.get("config") else part.get("class")
            for part in (first, second)
        ]
        yield Evidence(f"{name}: {parts[0]} and {parts[1]}")
        return
    for key, (mine, theirs) in differing_options(first.get("config") or {}, second.get("config") or {}).items():
        if can_be_made(mine, theirs):
            # One code on both sides: what differs are its options.
            mine, theirs = unmarked(mine), unmarked(theirs)
        yield Evidence(f"{class_of(first)}({key}={shown(mine)}) and {class_of(first)}({key}={shown(theirs)})")


def _remedy(name: str, one: Any, other: Any) -> str:
    """Returns what to write: the options that differ, or the whole where another class was compiled."""
    if isinstance(one, Mapping) and isinstance(other, Mapping) and one.get("class") == other.get("class") is not None:
        options = differing_options(one.get("config") or {}, other.get("config") or {})
        if options and all(can_be_made(*pair) for pair in options.values()):
            written = ", ".join(f"{key}={shown(unmarked(mine))}" for key, (mine, _) in options.items())
            if is_own(one["class"]):
                # What differs may be an attribute of it, and no argument.
                return f"have  {written}  in {class_of(one)} on both sides"
            return f"write  {class_of(one)}({written})  on both sides"
    if is_own(one):
        return f"give both the same code as {name}"
    return f"compile({name}={_written(one)})  on both sides"


def _written(value: Any) -> str:
    if isinstance(value, Mapping) and "class" in value:
        config = {k: v for k, v in (value.get("config") or {}).items() if v is not None and v is not False}
        return f"{class_of(value)}({', '.join(f'{k}={shown(v)}' for k, v in config.items() if k != 'name')})"
    return repr(value)


def explain_fit(case: Case) -> Iterator[Suspect]:
    """Yields suspects where weights of classes or of samples differ."""
    a, b = case.a.training, case.b.training
    one, other = a.options.get("class_weight"), b.options.get("class_weight")
    if one != other:
        yield Suspect(
            slug="loss-config",
            summary="The classes are weighted differently.",
            evidence=(Evidence(f"fit(class_weight={_keyed(one)!r}) and fit(class_weight={_keyed(other)!r})"),),
            location=b.location,
            remedy=f"fit(class_weight={_keyed(one)!r})  on both sides",
            counterfactuals=(_fit_with(case, "the baseline's class_weight", {"class_weight": one}),),
        )
    mine, theirs = a.options.get("sample_weight"), b.options.get("sample_weight")
    if mine != theirs:
        fix = Counterfactual("the sample_weight that the baseline handed to fit", data=True)
        if mine is None:
            fix = _fit_with(case, "no sample_weight", {"sample_weight": None})
        yield Suspect(
            slug="loss-config",
            summary="The samples are weighted differently.",
            evidence=tuple(
                Evidence("fit without sample_weight" if weights is None else "fit(sample_weight=...)", role, where)
                for weights, role, where in ((mine, "baseline", a.location), (theirs, "candidate", b.location))
            ),
            location=b.location,
            remedy="hand both the same sample_weight",
            counterfactuals=(fix,),
        )


def explain_weighted_batches(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where the batches of one side alone carry weights of the samples."""
    a, b = case.a, case.b
    if a.step.batch is None or b.step.batch is None or "sample_weight" in {*a.training.options, *b.training.options}:
        return
    with_weights = [side for side, other in ((a, b), (b, a)) if side.step.head == other.step.batch]
    if not with_weights:
        return
    yield Suspect(
        slug="loss-config",
        summary=f"The batches of the {with_weights[0].role} carry weights of the samples; the other side's do not.",
        evidence=tuple(
            Evidence(
                "a batch is (x, y, sample_weight)" if side in with_weights else "a batch is (x, y)",
                side.role,
                side.training.location,
            )
            for side in (a, b)
        ),
        location=b.training.location,
        remedy="let both give (x, y, sample_weight), or neither",
        no_counterfactual="the batches come from an iterator of your own, which is not replaced",
    )


def _keyed(weights: Any) -> Any:
    """Returns weights of classes with integers as keys, which JSON has made texts of."""
    return {int(k): v for k, v in weights.items()} if isinstance(weights, Mapping) else weights


def _fit_with(case: Case, text: str, arguments: Mapping[str, Any]) -> Counterfactual:
    return Counterfactual(text, ({"do": "fit", "training": case.b.training.number, "arguments": arguments},))
