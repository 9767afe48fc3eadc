"""Causes in the user's own code: functions, attributes of layers and models, and what their methods compute."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samefit.comparison.result import Evidence
from samefit.explain.aligned import holders
from samefit.explain.case import Case, Counterfactual, Suspect
from samefit.explain.code_lines import Parting, first_difference, head_of
from samefit.explain.options import differing_options, is_own, shown
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
    found = [(o, n, v) for o in owners for n, v in o.differing.items() if not n.startswith(_CODE)]
    if 1 < len(found) <= _ALONE:
        # One of them may matter, and another be a trace of when and where it was made.
        for one in found:
            yield _attributes(case, [one])
    if found:
        yield _attributes(case, found)
    methods = [(o, n, v) for o in owners for n, v in o.differing.items() if n.startswith(_CODE)]
    if methods:
        partings = [first_difference(mine["name"], theirs["name"]) for _, _, (mine, theirs) in methods]
        (owner, name, _), parting = methods[0], partings[0]
        method = name.removeprefix(_CODE)
        told = (_other_code(*found, parts) for found, parts in zip(methods, partings, strict=True))
        same = "is not the same code on both sides" + ("." if parting else ", or reads other values.")
        yield Suspect(
            slug="model-config",
            summary=f"{owner.class_name}.{method} {same}",
            evidence=tuple(itertools.chain.from_iterable(told))[:8],
            location=(parting and parting[1]) or owner.location or case.b.training.location,
            remedy=f"write one {method} for both sides"
            if parting
            else f"compare {method} on both sides, and the globals and defaults that it reads",
            no_counterfactual="code of your own cannot be put in from outside",
            # Code may be written otherwise and compute the same.
            weak=True,
        )


def _other_code(owner: _Owner, name: str, values: tuple[Any, Any], parting: Parting) -> Iterator[Evidence]:
    """Yields the line of each side at which two methods part, or where the methods stand."""
    what = f"{owner.class_name}.{name.removeprefix(_CODE)}"
    if parting is None:
        heads = [head_of(value["name"]) for value in values]
        places = " and ".join(f"line {head.line} of {Path(head.file).name}" for head in heads)
        yield Evidence(f"{what}: {places}", "", owner.location)
        return
    for role, location in zip(("baseline", "candidate"), parting, strict=True):
        yield Evidence(f"{what}: {location.code if location else 'nothing in its place'}", role, location)


_ALONE = 3
"""So many attributes that differ are put in one by one, before all of them are."""


def _attributes(case: Case, found: Sequence[tuple[_Owner, str, tuple[Any, Any]]]) -> Suspect:
    values: dict[str, dict[str, Any]] = {}
    for owner, name, (one, _) in found:
        values.setdefault(owner.name, {})[name] = one
    plan = {"do": "attributes", "training": case.b.training.number, "values": values}
    names = [layer.name for layer in case.b.model.layers]
    why_not = ""
    if any(is_own(pair) for _, _, pair in found):
        why_not = "a value of so many parts cannot be put in from outside"
    elif any(names.count(name) > 1 for name in values):
        why_not = "several layers of the model have that name"
    first = found[0][0]
    written = ", ".join(f"{owner.class_name}.{name} = {shown(one)}" for owner, name, (one, _) in found[:8])
    return Suspect(
        slug="model-config",
        summary="An attribute of the model is not the same on both sides."
        if not first.name
        else "An attribute of a layer of your own is not the same on both sides.",
        evidence=tuple(
            Evidence(f"{owner.class_name}.{name}: {shown(one)} and {shown(other)}", "", owner.location)
            for owner, name, (one, other) in found
        )[:8],
        location=first.location or case.b.training.location,
        remedy=f"set  {written}  on both sides; what get_config leaves out, a clone and a loaded model lose",
        counterfactuals=() if why_not else (Counterfactual("the baseline's attributes of these layers", (plan,)),),
        no_counterfactual=why_not,
        weak=bool(why_not),
    )


def own_differences(one: LayerRecord | ModelRecord, other: LayerRecord | ModelRecord) -> dict[str, tuple[Any, Any]]:
    """Returns the attributes and methods of one class of the user's own that are not the same on both sides."""
    return differing_options(one.attributes, other.attributes) if one.class_name == other.class_name else {}


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
    pairs += [(other.name, one, other) for one, other in holders(case)]
    for name, one, other in pairs:
        found = own_differences(one, other)
        if found:
            yield _Owner(name, other.class_name, other.location, found)
