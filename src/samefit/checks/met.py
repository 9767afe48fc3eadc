"""Whether a re-run did change all that it was to change: otherwise it proves nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from samefit.checks.execution import Execution
from samefit.store.reader import Run

_IN_TURN = ("seeds", "initializers", "entropy")
"""What a plan hands out one by one: a re-run that is ended early takes only the first of them."""

Outcome = Mapping[str, Any]


def planned(execution: Execution) -> int:
    """Returns how many transplants an execution has."""
    return len(execution.transplants)


def not_met(runs: Sequence[Run], begins: Sequence[int], number: int) -> str:
    """Returns why transplants prove nothing, or "" if all were met.

    One that both sides get has to be met on one of them: the other may have nothing of the kind. Of those of the epochs
    of a training, or of several draws, the last may lie behind the end of the re-run.

    Args:
        runs: Re-runs with these transplants.
        begins: Behind how many others they stand in the plan of each.
        number: How many they are.
    """
    plans = [(run.manifest.get("transplants") or ())[begin:] for run, begin in zip(runs, begins, strict=True)]
    items = [[plan[index] for plan in plans if index < len(plan)] for index in range(number)]
    early = all(run.status == "stopped" for run in runs)
    states = [_state(item, early=early) for item in items]
    epochs = [bool(item) and item[0]["at"] in ("epoch", "draw") for item in items]
    begun = any(epoch and state == "all" for epoch, state in zip(epochs, states, strict=True))
    failed = [
        (item, state)
        for item, state, epoch in zip(items, states, epochs, strict=True)
        if state != "all" and not (state == "none" and epoch and begun)
    ]
    if not failed:
        return ""
    nothing = len(failed) == number and all(state == "none" for _, state in failed)
    names = dict.fromkeys(
        _named(outcome, name) for item, _ in failed for outcome in item for name in outcome["missing"]
    )
    text = f"what was to be changed was {'not met' if nothing else 'met only in part'} in the re-run"
    return text + (f" (not: {', '.join([*names][:3])}{', …' if len(names) > 3 else ''})" if names else "")


def _state(outcomes: Sequence[Outcome], *, early: bool) -> str:
    """Returns "all", "part" or "none" for one transplant, from what came of it in each re-run."""
    met = [
        "all" if early and outcome["met"] == "part" and outcome["do"] in _IN_TURN else outcome["met"]
        for outcome in outcomes
    ]
    return "part" if "part" in met else "all" if "all" in met else "none"


def _named(outcome: Outcome, name: str) -> str:
    return name if name == outcome["do"] else f"{outcome['do']} {name}"
