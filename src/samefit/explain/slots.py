"""Causes in the optimizer's state: slots and counters that started anew, and a learning rate that moves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from samefit.comparison.result import Evidence
from samefit.comparison.settings import callback_differences
from samefit.explain.between import followed_validation
from samefit.explain.callbacks import candidates_line, other_code_of_setters, written_once
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.explain.compiled import compiled_at
from samefit.explain.generators import place
from samefit.explain.mapping import explain_slot_order
from samefit.explain.options import shown
from samefit.explain.rates import is_rate, rates_seen, set_at
from samefit.explain.values import GO_ON, NEW_MODEL, Pairs, is_zero, taken_from_baseline
from samefit.store.records import TrainingRecord
from samefit.types import Role


def explain_slots(case: Case) -> Iterator[Suspect]:
    """Yields suspects for optimizer slots that differ before a step."""
    slots = [pair for pair in case.differing_of(Role.OPTIMIZER) if case.a.layout[pair[0]].slot != "learning_rate"]
    if not slots:
        return
    fresh_a, fresh_b = _is_fresh(case, case.a, slots, 0), _is_fresh(case, case.b, slots, 1)
    if fresh_a == fresh_b:
        yield from explain_slot_order(case, slots)
        return
    side = case.b if fresh_b else case.a
    names = ", ".join(list(dict.fromkeys(case.b.layout[j].slot or "" for _, j in slots))[:6])
    fixes = taken_from_baseline(case, slots, "the optimizer's state taken from the baseline")
    where, again = side.training.location, list[Evidence]()
    remedy = "save and load the optimizer with the model (a .keras file after fit), or compile anew on both sides"
    if _is_compiled_again(side):
        where = compiled_at(side)
        text = f"compiled again at {place(where)}, since the training before: that makes a new optimizer"
        again = [Evidence(text, side.role, where)]
        remedy = f"leave out the second compile, at {place(where)}, or compile anew on both sides"
    elif side.is_made_anew and (case.a if fresh_b else case.b).has_trained_before:
        remedy = GO_ON if fresh_b else NEW_MODEL
    yield Suspect(
        slug="state-lost" if fresh_b else "state-carried-over",
        summary=f"The optimizer of the {side.role} started anew; on the other side it goes on with its state.",
        evidence=(
            Evidence(f"as a new optimizer has them on this side only: {names}", side.role, side.training.location),
            *again,
        ),
        location=where,
        remedy=remedy,
        counterfactuals=fixes,
        no_counterfactual="" if fixes else "the values before the step are not in the run",
    )


def _is_compiled_again(side: Side) -> bool:
    """Whether the model was compiled anew since its training before."""
    own = side.training
    earlier = [t for t in side.run.trainings if t.number < own.number and t.model == own.model]
    return bool(earlier) and earlier[-1].compiled.get("number") != own.compiled.get("number")


def _is_fresh(case: Case, side: Side, slots: Pairs, index: int) -> bool:
    """Whether the state is that of a new optimizer: its counter is at zero, or all its slots are.

    Some slots do not begin at zero (Adagrad's accumulators): where the counters differ, they tell.
    """
    positions = [pair[index] for pair in slots]
    counters = [position for position in positions if side.layout[position].slot == "iteration"]
    return all(is_zero(side, position) for position in counters or positions)


def explain_schedule(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where the learning rate moved on one side while both optimizers were compiled alike."""
    pairs = [(i, j) for i, j in case.alignment.pairs if is_rate(case.a.layout[i])]
    parted = [(i, j) for i, j in pairs if _after(case.a, i) != _after(case.b, j) or (i, j) in case.differing]
    if not parted:
        return
    a, b = case.a.training, case.b.training
    mine, theirs = (list(t.options.get("callbacks") or ()) for t in (a, b))
    if mine and mine == theirs and _steps_into(case.a) != _steps_into(case.b):
        yield _callbacks_anew(case, mine)
        return
    in_place = taken_from_baseline(case, parted, "the baseline's learning rate") if parted[0] in case.differing else ()
    fixes = _without_callbacks(case, mine, theirs, in_place)
    rates = [_rate(training) for training in (a, b)]
    followed = followed_validation(case) if rates[0] == rates[1] else None
    if followed is not None:
        # Without the callbacks nothing follows the validation any more, whatever makes that differ.
        fixes = tuple(replace(fix, stage_only=True) for fix in fixes)
    evidence = [*rates_seen(case, case.b.layout[parted[0][1]].path)]
    remedy = "give both the same callbacks, or the optimizer one of keras.optimizers.schedules"
    code = other_code_of_setters(case) if rates[0] == rates[1] and followed is None else ()
    if code:
        remedy = f"write one {written_once(code)} for both sides"
    if rates[0] != rates[1]:
        begun = f"learning_rate={shown(rates[0])} and {shown(rates[1])} when the two trainings began"
        evidence = [Evidence(begun), *set_at(case)]
        remedy = f"optimizer.learning_rate = {shown(rates[0])}  on both sides"
    if mine or theirs:
        evidence += [
            Evidence(f"fit(callbacks=[{', '.join(names)}])", side.role, side.training.location)
            for side, names in ((case.a, mine), (case.b, theirs))
        ]
        options = callback_differences(a.options, b.options)
        evidence += [
            Evidence(f"{item.name}: {item.baseline!r} and {item.candidate!r}", "", b.location) for item in options
        ]
        evidence += code
    if followed is not None:
        evidence += followed.evidence
        remedy = followed.remedy
    why = "" if followed is None else f": {followed.words}"
    yield Suspect(
        slug="optimizer-config",
        summary=f"The learning rate is not the same from step {case.divergence.step} on{why}.",
        evidence=tuple(evidence),
        location=candidates_line(code) or b.location,
        remedy=remedy,
        counterfactuals=fixes,
        no_counterfactual="" if fixes else "neither fit has a callback: something else set the rate",
    )


def _without_callbacks(
    case: Case, mine: list[str], theirs: list[str], in_place: tuple[Counterfactual, ...]
) -> tuple[Counterfactual, ...]:
    """Returns the re-runs without the callbacks that may move the rate, and with the baseline's rate put in place."""
    added, alone = ([n for n in one if n not in other] for one, other in ((theirs, mine), (mine, theirs)))
    if added and not alone:
        plan = {"do": "fit", "training": case.b.training.number, "arguments": {}, "without_callbacks": added}
        return (Counterfactual(f"the candidate's fit without {', '.join(added)}", (plan,)), *in_place)
    if not mine:
        return in_place
    # The baseline's cannot be put into the candidate; without them, and the candidate's own, both sides must agree.
    without, numbers = (
        [*mine, *added],
        sorted({side.training.number for side in (case.a, *([case.b] if theirs else []))}),
    )
    plans = tuple({"do": "fit", "training": n, "arguments": {}, "without_callbacks": without} for n in numbers)
    return (*in_place, Counterfactual(f"no {', '.join(without)} on either side", both=plans))


def _steps_into(side: Side) -> int:
    """Returns how many steps the training in which the sides part had made before."""
    return side.step.index - side.run.step_indices([side.training.number])[0]


def _callbacks_anew(case: Case, callbacks: list[str]) -> Suspect:
    """The same callbacks, but one side has begun a new `fit` since: what they keep, and the epoch they see, are new."""
    lost = _steps_into(case.b) < _steps_into(case.a)
    side, other = (case.b, case.a) if lost else (case.a, case.b)
    ahead = case.a.step.epoch - case.b.step.epoch
    fixes: tuple[Counterfactual, ...] = ()
    remedy = (
        "train in one fit: what a callback keeps (the epochs that ReduceLROnPlateau has waited) begins anew in each"
    )
    if ahead and lost:
        own = case.b.training.options
        first, last = (int(own.get(name) or default) for name, default in (("initial_epoch", 0), ("epochs", 1)))
        arguments = {"initial_epoch": first + ahead, "epochs": last + ahead}
        remedy = f"fit(..., initial_epoch={arguments['initial_epoch']}, epochs={arguments['epochs']}): without it the "
        remedy += "epoch that a callback sees begins at 0 again"
        plan = {"do": "fit", "training": case.b.training.number, "arguments": arguments}
        fixes = (Counterfactual(f"initial_epoch={arguments['initial_epoch']} in the candidate's fit", (plan,)),)
    return Suspect(
        slug="state-lost" if lost else "state-carried-over",
        summary=f"fit #{side.training.number} of the {side.role} starts its callbacks anew, and with them the learning "
        f"rate; the {other.role} is still in fit #{other.training.number}.",
        evidence=tuple(
            Evidence(
                f"fit(callbacks=[{', '.join(callbacks)}]): epoch {each.step.epoch + 1} of fit #{each.training.number}",
                each.role,
                each.training.location,
            )
            for each in (case.a, case.b)
        ),
        location=side.training.location,
        remedy=remedy,
        counterfactuals=fixes,
        no_counterfactual="" if fixes else "what a callback keeps cannot be put in from outside",
    )


def _rate(training: TrainingRecord) -> object:
    """Returns the learning rate, or the schedule, with which a training begins."""
    optimizer = training.compiled.get("optimizer")
    config = optimizer.get("config") if isinstance(optimizer, Mapping) else None
    return config.get("learning_rate") if isinstance(config, Mapping) else None


def _after(side: Side, position: int) -> bytes | None:
    state = side.run.state_after(side.step.index)
    return None if state is None else state.digests[16 * position : 16 * position + 16]
