"""What a re-run does to the values of variables: moves them to other places, or by the smallest step there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from samefit.transplant.item import Item, Put


def permute(item: Item, variables: Mapping[str, Any]) -> Iterator[Put]:
    """Gives variables the values that others hold."""
    import numpy

    pairs = item["pairs"]
    if not {*pairs, *pairs.values()} <= {*variables}:
        return
    # All are read before any is written: two that change places would else become one.
    values = {path: numpy.array(variables[path]) for path in pairs.values()}
    for here, there in pairs.items():
        variables[here].assign(values[there])
        yield f"{here} from {there}", "", True


def perturb(variables: Mapping[str, Any]) -> Iterator[Put]:
    """Moves every float of the state by one unit in the last place, up or down."""
    import numpy

    from samefit.transplant.ulp import UnitOff

    unit = UnitOff()
    for path, variable in variables.items():
        value = numpy.array(variable)
        moved = unit.off(path, value)
        if moved is not value:
            variable.assign(moved)
            # NaNs stay as they are.
            changed = bool(numpy.any(moved[value == value] != value[value == value]))
            yield "one unit in the last place", "", changed
