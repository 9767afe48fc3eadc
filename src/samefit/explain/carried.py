"""Causes between trainings: what one side begins with is where an earlier training ended, and the other does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from samefit.comparison.result import Evidence
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.explain.generators import place
from samefit.explain.mapping import LOADED
from samefit.explain.values import GO_ON, NEW_MODEL, Pairs, ended_with, layer_location, taken_from_baseline
from samefit.store.records import TrainingRecord
from samefit.types import Role


def explain_carried(case: Case, weights: Pairs) -> Iterator[Suspect]:
    """Yields a suspect where `weights`, or some of them, go on from an earlier training on one side."""
    averaged = _averaged(case, weights)
    if averaged is not None:
        yield averaged
        return
    for side, index in ((case.b, 1), (case.a, 0)):
        carried = [pair for pair in weights if ended_with(side, [pair[index]]) is not None]
        training = ended_with(side, [pair[index] for pair in carried])
        other = case.a if side is case.b else case.b
        if training is None or ended_with(other, [pair[1 - index] for pair in carried]) is not None:
            continue
        beside = [pair for pair in weights if pair not in carried]
        if side is case.a and training.number in {t.number for t in case.a.trainings}:
            if not _loads(case, weights):
                yield _lost(case, training, carried, beside)
        else:
            yield _carried(case, side, training, carried, beside)
        return


def _beside(case: Case, weights: Pairs) -> Iterator[Evidence]:
    """Says which first weights differ besides those that an earlier training left."""
    if weights:
        paths = ", ".join(case.b.layout[j].path for _, j in weights[:3])
        yield Evidence(f"beside them differ, put in from the baseline as well: {paths}")


def _loads(case: Case, weights: Pairs) -> bool:
    """Whether the candidate begins with values that it has loaded, and the baseline has not."""
    for i, j in weights:
        one, other = case.a.layout[i].origin, case.b.layout[j].origin
        if other is not None and other.assigned in LOADED and (one is None or one.assigned != other.assigned):
            return True
    return False


def _averaged(case: Case, weights: Pairs) -> Suspect | None:
    """The weights of one side are the averages that its optimizer keeps of them (`use_ema`)."""
    for side, index in ((case.b, 1), (case.a, 0)):
        averages = {v.slot_of: k for k, v in enumerate(side.layout) if v.slot == "average"}
        positions = [pair[index] for pair in weights]
        if not positions or any(
            position not in averages or side.digest_before(averages[position]) != side.digest_before(position)
            for position in positions
        ):
            continue
        earlier = [t for t in side.trainings if t.number < side.training.number and t.model == side.training.model]
        if not earlier:
            continue
        number, fixes = side.training.number, taken_from_baseline(case, weights, "the baseline's weights before #{}")
        fixes = tuple(replace(fix, text=fix.text.format(number)) for fix in fixes)
        return Suspect(
            slug="state-carried-over",
            summary=f"fit #{number} of the {side.role} starts from averaged weights: with use_ema every fit ends by "
            "writing the averages over the weights.",
            evidence=(
                Evidence(f"#{number} begins with the averages of the optimizer", side.role, side.training.location),
                Evidence(f"fit #{earlier[-1].number} had ended before it", side.role, earlier[-1].location),
            ),
            location=earlier[-1].location or side.training.location,
            remedy="train in one fit, or turn use_ema on for the last fit alone",
            counterfactuals=fixes,
            no_counterfactual="" if fixes else "the values before the step cannot be put in",
        )
    return None


def _carried(case: Case, side: Side, training: TrainingRecord, weights: Pairs, beside: Pairs) -> Suspect:
    positions = [pair[side is case.b] for pair in weights]
    where = layer_location(side, positions[0])
    paths = ", ".join(side.layout[position].path for position in positions[:3])
    fixes = []
    own = {t.number for t in side.trainings}
    if case.separable and case.same_process and side is case.b and training.number not in own:
        fixes.append(Counterfactual("the candidate run alone, in a fresh process", alone=True))
    roles = {side.layout[position].role for position in positions}
    kept = roles == {Role.NON_TRAINABLE}
    layer = side.layer_of(side.layout[positions[0]])
    what = f"what {layer.class_name} keeps of its inputs" if kept and layer is not None else "the weights"
    fixes += taken_from_baseline(
        case, [*weights, *beside], f"{'that state' if kept else 'the first weights'} of the baseline"
    )
    origin = side.layout[positions[0]].origin
    loaded = None if origin is None or origin.assigned not in LOADED else origin
    made = Evidence(f"their layers were constructed at {place(where)}", side.role, where)
    remedy = NEW_MODEL
    if kept:
        remedy = (
            f"reset the state before {place(side.training.location)}:  layer.reset_state()  (of a stateful layer), "
        )
        remedy += "or construct a new model for each training"
    elif loaded is not None:
        where = loaded.assigned_location
        made = Evidence(f"{loaded.assigned} at {place(where)} put them there", side.role, where)
        remedy = f"do not load what another training has saved:  {loaded.assigned}  at {place(where)}"
    return Suspect(
        slug="state-carried-over",
        summary=f"The {side.role} starts from {what} at the end of training #{training.number}.",
        evidence=(
            Evidence(f"bit-equal to the end of #{training.number}: {paths}", side.role, training.location),
            made,
            *_beside(case, beside),
        ),
        location=where or side.training.location,
        remedy=remedy,
        counterfactuals=tuple(fixes),
        no_counterfactual="" if fixes else "the values before the step are not in the run",
    )


def _lost(case: Case, training: TrainingRecord, weights: Pairs, beside: Pairs) -> Suspect:
    """The baseline trains on where its last training ended, the candidate does not."""
    a, b = case.a.training, case.b.training
    paths = ", ".join(case.b.layout[j].path for _, j in weights[:3])
    fixes = taken_from_baseline(case, [*weights, *beside], "the values with which the baseline goes on")
    where = layer_location(case.b, weights[0][1])
    made = Evidence(f"their layers were constructed at {place(where)}", "candidate", where)
    is_new = where is not None and all(t.model != b.model for t in case.b.run.trainings if t.number < b.number)
    return Suspect(
        slug="state-lost",
        summary=f"The baseline goes on from the end of training #{training.number}; the candidate starts anew.",
        evidence=(
            Evidence(f"#{a.number} begins bit-equal to the end of #{training.number}", "baseline", a.location),
            Evidence(f"#{b.number} begins with other values: {paths}", "candidate", b.location),
            *([made] if is_new else ()),
            *_beside(case, beside),
        ),
        location=where or b.location,
        remedy=GO_ON.replace("the same model", "the layers that were trained") if beside else GO_ON,
        counterfactuals=fixes,
        no_counterfactual="" if fixes else "the values before the step are not in the run",
    )
