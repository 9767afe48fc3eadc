"""Functions of libraries that take a seed, and without one draw one for themselves or use the process's generator."""

from __future__ import annotations

import re

from samefit.explain.case import Side
from samefit.store.records import Event
from samefit.types import WITHOUT_SEED

_ALL = "keras.utils.set_random_seed"


def drawn_seed(side: Side, seed: Event) -> Event | None:
    """Returns the draw that gave a function of a library its seed; None where that was written."""
    drawn = [e for e in side.events if e.kind == "draw" and e.id < seed.id and _are_of_one_call(e, seed)]
    return drawn[-1] if drawn else None


def unseeded_function(side: Side, draw: Event) -> str:
    """Returns the function of a library that drew since it was given no seed; "" where another one draws."""
    if draw.function.endswith(WITHOUT_SEED):
        return draw.function.removesuffix(WITHOUT_SEED)
    seeds = (e for e in side.events if e.kind in ("seed", "create") and e.id > draw.id)
    return called(draw) if any(_are_of_one_call(draw, each) for each in seeds) else ""


def called(event: Event) -> str:
    """Returns the function of a library behind an entry, as the user's line calls it where that says so."""
    code = event.location.code if event.location is not None else None
    # `keras.utils.split_dataset` does its work in `_split_dataset_tf`.
    words = [word for word in re.findall(r"(\w+)\(", code or "") if word in event.keras]
    return max(words, key=len, default=event.keras)


def remedy(side: Side, draw: Event, where: str) -> str:
    """Returns what gives that function a seed; "" where it is another one that draws."""
    name = unseeded_function(side, draw)
    option = "random_state" if draw.function.endswith(WITHOUT_SEED) else "seed"
    return name and f"give {name} at {where} a seed ({option}=1), or put  {_ALL}(1)  before it"


def seeded_by_library(seed: Event) -> str:
    """Returns the function of a library that has seeded a generator of the process; "" where the user's line did."""
    return "" if seed.function == _ALL or not seed.keras else called(seed)


def _are_of_one_call(draw: Event, seed: Event) -> bool:
    return draw.keras != "" and draw.keras == seed.keras and draw.location == seed.location
