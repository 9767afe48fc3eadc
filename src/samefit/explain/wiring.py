"""Causes in how the layers of two Functional models are connected: the same layers, fed from other places."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence

from samefit.align.graphs import COMMUTATIVE
from samefit.comparison.result import Evidence
from samefit.explain.case import Case, Side, Suspect
from samefit.store.records import ModelRecord, WireRecord
from samefit.types import Location


def explain_wiring(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where the same layers get their inputs from other places, or in another order.

    Only the graphs are compared, whatever anything is called and in which order it was written.
    """
    first, second = case.a.model.wiring.calls, case.b.model.wiring.calls
    if Counter(call.class_name for call in first) != Counter(call.class_name for call in second):
        return
    ours, theirs = _what_flows(first), _what_flows(second)
    one, other = _first_alone(first, ours, theirs), _first_alone(second, theirs, ours)
    if one is None or other is None:
        return
    yield Suspect(
        slug="model-config",
        summary="The layers of the two models are the same, and are not connected alike.",
        evidence=(_evidence(case.a, first, one), _evidence(case.b, second, other)),
        location=_location(case.b.model, other),
        remedy="connect the layers alike: the same inputs, in the same order (also in  keras.Model([...], ...))",
        no_counterfactual="another structure cannot be put in from outside",
        # Inputs may be numbered otherwise, and fed so, too.
        weak=Counter(_what_flows(first, numbered=False)) == Counter(_what_flows(second, numbered=False)),
    )


def _what_flows(calls: Sequence[WireRecord], *, numbered: bool = True) -> list[bytes]:
    """Returns for each call a digest of all that flows into it: classes, and in which order they take their inputs.

    Args:
        calls: The calls of a graph.
        numbered: Whether the inputs of the model are told from each other.
    """
    found: list[bytes] = []
    for call in calls:
        sources = [
            found[source] if source >= 0 else b"input %d" % (-source if numbered else 0) for source in call.sources
        ]
        if call.class_name.lower() in COMMUTATIVE:
            sources.sort()
        parts = [call.class_name.encode(), *sources]
        found.append(hashlib.blake2b(b"|".join(parts), digest_size=16).digest())
    return found


def _first_alone(calls: Sequence[WireRecord], flows: list[bytes], others: list[bytes]) -> WireRecord | None:
    """Returns the first call whose like the other model does not have."""
    left = Counter(others)
    for call, flow in zip(calls, flows, strict=True):
        if not left[flow]:
            return call
        left[flow] -= 1
    return None


def _evidence(side: Side, calls: Sequence[WireRecord], call: WireRecord) -> Evidence:
    sources = ", ".join(_name(side.model, calls[s]) if s >= 0 else f"input {-s}" for s in call.sources)
    text = f"{_name(side.model, call)} gets {sources}"
    return Evidence(text, side.role, _location(side.model, call))


def _name(model: ModelRecord, call: WireRecord) -> str:
    return call.class_name if call.layer is None else model.layers[call.layer].name


def _location(model: ModelRecord, call: WireRecord) -> Location | None:
    where = None if call.layer is None else model.layers[call.layer].location
    return where or model.location
