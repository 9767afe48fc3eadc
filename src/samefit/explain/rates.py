"""The learning rate: its values, as far as the recorded states tell, and the lines of the user's that set it."""

from __future__ import annotations

from collections.abc import Iterator

from samefit.comparison.result import Evidence
from samefit.explain.case import Case, Side
from samefit.explain.generators import place
from samefit.explain.options import shown
from samefit.store.records import VariableRecord


def is_rate(variable: VariableRecord) -> bool:
    """Whether a variable is the learning rate of the optimizer that the model was compiled with."""
    return variable.slot == "learning_rate" and not variable.holder


def rates_seen(case: Case, path: str) -> Iterator[Evidence]:
    """Yields the learning rates of the step in which the sides part, and the lines that set them before it.

    Args:
        case: The case.
        path: What the candidate's is called.
    """
    seen = [_rate_at(side) for side in (case.a, case.b)]
    if None in seen or seen[0] == seen[1]:
        yield Evidence(f"{path} differs; what was compiled is looked at apart from it")
    else:
        yield Evidence(f"learning_rate={shown(seen[0])} and {shown(seen[1])} in step {case.divergence.step}")
    yield from set_at(case)


def _rate_at(side: Side) -> object:
    """Returns the learning rate in the diverging step, as the states tell that were recorded up to it; else None."""
    events = (e for e in side.events if e.kind == "rate" and e.training == side.training.number)
    rates = [event.value for event in events if event.index <= side.step.index]
    return rates[-1] if rates else None


def set_at(case: Case) -> Iterator[Evidence]:
    """Yields the user's line on each side that set the learning rate last, before the training in which they part."""
    for side in (case.a, case.b):
        paths = [variable.path for variable in side.layout if is_rate(variable)]
        lines = [
            (e.component, e.location)
            for e in side.events
            if e.kind == "assign" and e.component in paths and e.id < side.training.begin_event
        ]
        if lines and (where := lines[-1][1]) is not None:
            yield Evidence(f"{lines[-1][0]} is set at {place(where)}", side.role, where)
