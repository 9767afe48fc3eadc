"""Causes in the user's own code: functions, attributes of layers and models, and what their methods compute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from samefit.comparison.result import Evidence
from samefit.explain.case import Case, Counterfactual, Suspect
from samefit.explain.options import bare, differing_options, shown
from samefit.store.records import LayerRecord, ModelRecord
from samefit.types import Location

_CODE = "code of "
"""How the recorder calls a method among the attributes."""


@dataclass(frozen=True)
class _Owner:
    """A layer, or the model itself, that both sides have, of one class of the user's own.

    Attributes:
        name: Name of the candidate's layer, "" for the model.
        class_name: Its class.
        location: Where the candidate constructs it.
        differing: Attributes that differ: {name: (the baseline's, the candidate's)}.
    """

    name: str
    class_name: str
    location: Location | None
    differing: Mapping[str, tuple[Any, Any]]


def explain_own_code(case: Case) -> Iterator[Suspect]:
    """Yields suspects for attributes that differ, and for methods that do not compute the same."""
    owners = list(_owners(case))
    values = [(o, {n: v for n, v in o.differing.items() if not n.startswith(_CODE)}) for o in owners]
    values = [(owner, found) for owner, found in values if found]
    if values:
        plan = {
            "do": "attributes",
            "training": case.b.training.number,
            "values": {owner.name: {n: one for n, (one, _) in found.items()} for owner, found in values},
        }
        owner, found = values[0]
        name, (one, _) = next(iter(found.items()))
        yield Suspect(
            slug="model-config",
            summary="An attribute of a layer of your own is not the same on both sides."
            if owner.name
            else "An attribute of the model is not the same on both sides.",
            evidence=tuple(
                Evidence(f"{owner.class_name}.{n}: {shown(mine)} and {shown(theirs)}", "", owner.location)
                for owner, found in values
                for n, (mine, theirs) in found.items()
            )[:8],
            location=owner.location or case.b.training.location,
            remedy=f"give {owner.class_name}  {name}={shown(one)}  on both sides; what get_config leaves out, a clone "
            "and a loaded model lose",
            counterfactuals=(Counterfactual("the baseline's attributes of these layers", (plan,)),),
        )
    methods = [(o, n, v) for o in owners for n, v in o.differing.items() if n.startswith(_CODE)]
    if methods:
        owner, name, _ = methods[0]
        method = name.removeprefix(_CODE)
        yield Suspect(
            slug="model-config",
            summary=f"{owner.class_name}.{method} is not the same code on both sides, or reads other values.",
            evidence=tuple(
                Evidence(f"{o.class_name}.{n.removeprefix(_CODE)}: {mine['name']} and {theirs['name']}", "", o.location)
                for o, n, (mine, theirs) in methods
            )[:8],
            location=owner.location or case.b.training.location,
            remedy=f"compare {method} on both sides, and the globals and defaults that it reads",
            no_counterfactual="code of your own cannot be put in from outside",
            # Code may be written otherwise and compute the same.
            weak=True,
        )


def own_differences(one: LayerRecord | ModelRecord, other: LayerRecord | ModelRecord) -> dict[str, tuple[Any, Any]]:
    """Returns the attributes and methods of one class of the user's own that are not the same on both sides."""
    if one.class_name != other.class_name:
        return {}
    return {n: v for n, v in differing_options(one.attributes, other.attributes).items() if bare(v[0]) != bare(v[1])}


def said(class_name: str, name: str, values: tuple[Any, Any]) -> str:
    """Returns one line about an attribute, or a method, that differs."""
    one, other = values
    if name.startswith(_CODE):
        return f"{class_name}.{name.removeprefix(_CODE)}: other code, or other values that it reads"
    return f"{class_name}.{name}={shown(one)} and {class_name}.{name}={shown(other)}"


def _owners(case: Case) -> Iterator[_Owner]:
    a, b = case.a.model, case.b.model
    pairs: list[tuple[str, LayerRecord | ModelRecord, LayerRecord | ModelRecord]] = [("", a, b)]
    pairs += [(b.layers[j].name, a.layers[i], b.layers[j]) for i, j in case.alignment.layers]
    for name, one, other in pairs:
        found = own_differences(one, other)
        if found:
            yield _Owner(name, other.class_name, other.location, found)
