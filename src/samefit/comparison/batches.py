"""Batches that two sides computed: do they differ by rounding, or are they others?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from samefit.comparison.distances import Array, is_float, relative, unit
from samefit.comparison.pairing import Pairing
from samefit.comparison.parity import BatchGap

BatchArrays = Sequence[Array]
Find = Callable[[int], BatchArrays | None]
"""Returns the arrays of a batch by the position of its step; None where they are not known."""


def other_batches(pairing: Pairing) -> Iterator[int]:
    """Yields the positions of the steps for which both sides have batches, of other bits."""
    for position, one, other in pairing.texts():
        if None not in (one[0], other[0]) and one[0] != other[0]:
            yield position


def in_order(arrays: Mapping[str, Array]) -> list[Array]:
    """Returns the arrays of a batch that a look kept, as its leaves come."""
    named = [(int(name.removeprefix("batch/")), array) for name, array in arrays.items() if name.startswith("batch/")]
    return [array for _, array in sorted(named, key=lambda item: item[0])]


def batch_gaps(
    positions: Sequence[int],
    sides: tuple[Find, Find],
    wide: tuple[Find, Find] | None = None,
    moved: Find | None = None,
) -> tuple[BatchGap, ...]:
    """Returns how far the batches of some steps are apart; steps whose batches are not known are left out.

    Args:
        positions: The steps.
        sides: Finds the baseline's and the candidate's.
        wide: Finds those of runs in float64, if there are such runs.
        moved: Finds those of the baseline from first weights that are one unit in the last place off, likewise.
    """
    found = (_gap(position, sides, wide, moved) for position in positions)
    return tuple(gap for gap in found if gap is not None)


def _gap(
    position: int, sides: tuple[Find, Find], wide: tuple[Find, Find] | None, moved: Find | None
) -> BatchGap | None:
    one, other = (find(position) for find in sides)
    if one is None or other is None or not one:
        return None
    if len(one) != len(other):
        return BatchGap(position + 1, 0, float("inf"), 0.0)
    far = [find(position) for find in wide] if wide is not None else [None, None]
    off = moved(position) if moved is not None else None
    gaps = []
    for i, (mine, theirs) in enumerate(zip(one, other, strict=True)):
        floats = is_float(mine) and is_float(theirs)
        gap_float64, is_wide, floor = None, False, None
        if far[0] is not None and far[1] is not None and len(far[0]) == len(far[1]) == len(one):
            pair = far[0][i], far[1][i]
            gap_float64 = relative(*pair, pair[0])
            # Whether whole numbers came from float64 shows in what comes with them.
            shown = pair if floats else [array for batch in far if batch is not None for array in batch]
            is_wide = any(array.dtype.name == "float64" for array in shown)
        if off is not None and len(off) == len(one):
            floor = relative(mine, off[i], mine)
        ulp = unit(mine, theirs) if floats else 0.0
        gaps.append(BatchGap(position + 1, i, relative(mine, theirs, mine), ulp, gap_float64, is_wide, floor))
    return max(gaps, key=lambda gap: (_WEIGHT.get(gap.verdict, 0), gap.gap))


_WEIGHT = {"logic": 2, "undecided": 1}
