"""Handing a side another optimizer, loss or metric, where part of it is code of the user's own that no re-run can make.

What can be made from the run is handed over, option by option; what a side has itself it keeps. Where the two sides
have other code, both get something of Keras's in its place: if they agree then, that code made the difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from samefit.explain.case import Case, Counterfactual, Side
from samefit.explain.options import bare, can_be_made, differing_options, is_own, unmarked

CANNOT = object()
"""What no re-run can give a side."""

KEPT = {"kept": True}
"""How a plan says that a side keeps what it has itself (`samefit.transplant.making`)."""

_RATE = 0.01
_STAND_INS = {"optimizer": "adam", "loss": "mean_squared_error"}
"""What of Keras's takes the place of code of the user's own that is not the same on both sides."""


def handed(wanted: Any, there: Any) -> Any:
    """Returns what a plan says to give a side a part of `compile`'s, or `CANNOT`.

    Args:
        wanted: The part of the other side, as it was recorded.
        there: What the side has itself in its place: classes of the user's own are taken from that.
    """
    if not is_own(wanted):
        return wanted
    if bare(wanted) == bare(there):
        return KEPT
    if isinstance(wanted, list) and isinstance(there, list) and len(wanted) == len(there):
        return _each(dict(enumerate(zip(wanted, there, strict=True))), lambda found: list(found.values()))
    if not (isinstance(wanted, Mapping) and isinstance(there, Mapping)):
        return CANNOT
    if not is_part(wanted):
        pairs = {name: (part, there.get(name)) for name, part in wanted.items()}
        return CANNOT if is_part(there) else _each(pairs, dict)
    if wanted["class"] != there.get("class"):
        return CANNOT
    mine, theirs = wanted.get("config") or {}, there.get("config") or {}
    options = {name: pair[0] for name, pair in differing_options(mine, theirs).items()}
    possible = all(can_be_made(value, theirs.get(name)) for name, value in options.items())
    return {"options": unmarked(options)} if possible else CANNOT


def is_part(described: Mapping[str, Any]) -> bool:
    """Whether a description is that of an optimizer, a loss or a metric, and not of several by their outputs."""
    return set(described) == {"class", "config"}


def _each(pairs: Mapping[Any, tuple[Any, Any]], joined: Any) -> Any:
    found = {name: handed(*pair) for name, pair in pairs.items()}
    return CANNOT if any(value is CANNOT for value in found.values()) else joined(found)


@dataclass(frozen=True)
class Piece:
    """What of a part that cannot be handed over as a whole a re-run takes away.

    Attributes:
        one: The part as the baseline has it.
        other: The part as the candidate would have it if nothing but this piece were different.
        fix: The re-run; None where there is none.
        has_code: Whether code of the user's own belongs to it.
    """

    one: Any
    other: Any
    fix: Counterfactual | None
    has_code: bool


def pieces(case: Case, name: str, one: Any, other: Any) -> Iterator[Piece]:
    """Yields the pieces in which two parts of `compile`'s differ, of which none is the whole that a side can be given.

    Args:
        case: The case.
        name: "optimizer" or "loss".
        one: The baseline's.
        other: The candidate's.
    """
    code, easy = _split(name, one, other)
    if easy:
        text = f"the baseline's {' and '.join(easy)} in the candidate's {name}"
        plan = _plan(case.b, name, {"options": easy})
        yield Piece(one, _with_options_of(other, one, code), Counterfactual(text, (plan,)), has_code=False)
    options = {"learning_rate": _RATE} if code == ["learning_rate"] else None
    stand_in = _STAND_INS[name] if options is None else {"options": options}
    words = f"{_STAND_INS[name]}" if options is None else f"a learning rate of {_RATE}"
    fix = _on_both(case, name, stand_in, f"{words} on both sides")
    yield Piece(one, _with_options_of(other, one, list(easy)), fix, has_code=True)
    if easy and options is not None:
        text = f"{words} and the baseline's {' and '.join(easy)} on both sides"
        yield Piece(one, other, _on_both(case, name, {"options": {**options, **easy}}, text), has_code=True)


def _split(name: str, one: Any, other: Any) -> tuple[list[str], dict[str, Any]]:
    """Returns the options that differ in code of the user's own, and those that can be handed over, as a plan has them.

    A loss is looked at as a whole: what is behind its options is one function.
    """
    if name != "optimizer" or not (isinstance(one, Mapping) and isinstance(other, Mapping)):
        return [], {}
    if one.get("class") != other.get("class") or is_own(one.get("class")):
        return [], {}
    theirs = other.get("config") or {}
    found = differing_options(one.get("config") or {}, theirs)
    easy = {key: unmarked(mine) for key, (mine, _) in found.items() if can_be_made(mine, theirs.get(key))}
    return [key for key in found if key not in easy], easy


def _with_options_of(part: Any, donor: Any, names: list[str]) -> Any:
    if not names:
        return part
    return {**part, "config": {**part["config"], **{name: donor["config"][name] for name in names}}}


def _plan(side: Side, name: str, value: Any) -> dict[str, Any]:
    return {"do": "compile", "side": side.name, "compile": side.training.compiled.get("number", 0), name: value}


def _on_both(case: Case, name: str, value: Any, text: str) -> Counterfactual | None:
    plans = [_plan(side, name, value) for side in (case.a, case.b)]
    if plans[0] == plans[1]:
        del plans[1:]
    elif case.a.run is not case.b.run and case.a.name == case.b.name:
        # Each run would have something else changed as well, that the other side's number stands for there.
        return None
    return Counterfactual(text, both=tuple(plans))
