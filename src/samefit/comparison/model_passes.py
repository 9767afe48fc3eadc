"""Do two models compute the same? Their passes, array by array: bits first, then how far apart, then rounding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from samefit.align.graphs import GraphAlignment
from samefit.comparison.model_result import PassComparison
from samefit.store.digest import state_digest
from samefit.store.probes import KEPT, Probe
from samefit.types import Role

_FACTOR = 10.0
"""A gap of at most so many times the floor is what rounding explains, as in `samefit.checks.rounding`."""

_PRECISION = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float64": 2.0**-52}

PASSES = ("inference", "training", "backward")
BACKWARD = ("backward", "backward-inference")


@dataclass(frozen=True)
class Gap:
    """How far two arrays are apart; `ulp` is None where units in the last place say nothing."""

    max_abs: float
    max_rel: float
    ulp: int | None
    scale: float


@dataclass(frozen=True)
class _Entry:
    words: str
    name_a: str
    name_b: str


def compare_passes(a: Probe, b: Probe, alignment: GraphAlignment) -> tuple[PassComparison, ...]:
    """Compares inference, training and backward pass; `b` was run with `a`'s weights.

    Random layers draw other numbers on another backend: then the way back is compared in inference, and the pass in
    training is not.
    """
    names = ("inference", BACKWARD[1]) if draws_apart(a, b) else PASSES
    return tuple(_pass(a, b, name, tuple(_entries(a, b, alignment, name)), alignment) for name in names)


def draws_apart(a: Probe, b: Probe) -> bool:
    """Whether random layers of the two draw other numbers, whatever their seeds."""
    return a.backend != b.backend and any(v.role is Role.SEED for probe in (a, b) for v in probe.variables)


def gap(one: Any, other: Any) -> Gap:
    """Measures how far two arrays are apart; infinitely if their shapes differ, or one is NaN where the other is not.

    Args:
        one: An array.
        other: An array of the same shape.
    """
    if one.shape != other.shape:
        return Gap(float("inf"), float("inf"), None, 1.0)
    if one.dtype.kind in "iub" and other.dtype.kind in "iub":
        return _distance(one.astype(np.float64), other.astype(np.float64), None)
    ulp = _ulp(one, other) if one.dtype == other.dtype and one.dtype.name in ("float16", "float32", "float64") else None
    return _distance(one.astype(np.float64), other.astype(np.float64), ulp)


def _distance(one: Any, other: Any, ulp: int | None) -> Gap:
    if not one.size:
        return Gap(0.0, 0.0, ulp, 0.0)
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    with np.errstate(invalid="ignore"):
        apart = np.where(same, 0.0, np.abs(one - other))
    largest = float("inf") if np.isnan(apart).any() else float(apart.max())
    finite = np.abs(np.concatenate([one.ravel(), other.ravel()]))
    scale = float(np.max(finite, initial=0.0, where=np.isfinite(finite)))
    return Gap(largest, largest / scale if scale else largest, ulp, scale)


def _ulp(one: Any, other: Any) -> int | None:
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        return None
    first, second = _ordered(one), _ordered(other)
    return max((abs(int(i) - int(j)) for i, j in zip(*_extremes(first, second), strict=True)), default=0)


def _extremes(first: Any, second: Any) -> tuple[Any, Any]:
    """Returns the elements that are farthest apart; as float64, the distance of two float64 may not fit an int64."""
    distance = np.abs(first.astype(np.float64) - second.astype(np.float64)).ravel()
    if not distance.size:
        return first.ravel(), second.ravel()
    place = int(distance.argmax())
    return first.ravel()[place : place + 1], second.ravel()[place : place + 1]


def _ordered(array: Any) -> Any:
    """Returns the floats as integers that count them, from the lowest to the highest."""
    bits = np.ascontiguousarray(array).view(f"i{array.dtype.itemsize}").astype(np.int64)
    lowest = -(1 << (8 * array.dtype.itemsize - 1))
    return np.where(bits < 0, lowest - bits, bits)


def _entries(a: Probe, b: Probe, alignment: GraphAlignment, name: str) -> Iterator[_Entry]:
    if name.startswith("backward"):
        if f"{name}/loss" in {**a.digests, **b.digests}:
            yield _Entry("loss", f"{name}/loss", f"{name}/loss")
        for i, j in alignment.variables:
            one, other = f"{name}/gradient/{i}", f"{name}/gradient/{j}"
            if one in a.digests and other in b.digests:
                yield _Entry(f"gradient of {b.variables[j].path}", one, other)
        return
    outputs = sorted({n for p in (a, b) for n in p.digests if n.startswith(f"{name}/output/")})
    for number, output in enumerate(outputs):
        yield _Entry("the output" if len(outputs) == 1 else f"output {number + 1}", output, output)
    if name == "training":
        for i, j in alignment.variables:
            one, other = f"training/state/{i}", f"training/state/{j}"
            if one in a.digests and other in b.digests:
                words = "seed of" if b.variables[j].role is Role.SEED else "new"
                yield _Entry(f"{words} {b.variables[j].path}", one, other)


def _pass(a: Probe, b: Probe, name: str, entries: Sequence[_Entry], alignment: GraphAlignment) -> PassComparison:
    why = [probe.failed.get(name) for probe in (a, b)]
    if why[0] is not None and why[0] == why[1]:
        # It says nothing of two models that neither has such a pass.
        return PassComparison(name.partition("-")[0], 0, 0, max_ulp=None, without=why[0])
    if why != [None, None]:
        failed = "; ".join(f"{probe.target}: {text}" for probe, text in zip((a, b), why, strict=True) if text)
        return PassComparison(name.partition("-")[0], 0, 0, is_rounding=False, max_ulp=None, failed=failed)
    seen = [e for e in entries if not (_is_nothing(a, e.name_a) and _is_nothing(b, e.name_b))]
    if entries and not seen:
        return PassComparison(
            name.partition("-")[0],
            0,
            0,
            max_ulp=None,
            without=_NOTHING,
        )
    entries = seen
    unequal = [e for e in entries if a.digests.get(e.name_a) != b.digests.get(e.name_b)]
    if not unequal:
        return PassComparison(name.partition("-")[0], len(entries), len(entries))
    largest = max((_largest(b, e.name_b) for e in entries), default=0.0)
    judged = [_judged(a, b, entry, largest) for entry in unequal]
    worst = max(judged, key=lambda item: (not item[2], item[0].max_rel))
    # What lies farthest apart beyond rounding is what to look at; of rounding, where it shows first.
    shown = next((e for e, item in zip(unequal, judged, strict=True) if not item[2]), unequal[0])
    ulps = [item[0].ulp for item in judged]
    return PassComparison(
        name=name.partition("-")[0],
        compared=len(entries),
        equal=len(entries) - len(unequal),
        first=first_layer(a, b, alignment, name) or shown.words,
        max_abs=max(item[0].max_abs for item in judged),
        max_ulp=None if None in ulps else max(u for u in ulps if u is not None),
        max_rel=worst[0].max_rel,
        floor=worst[1],
        is_rounding=all(item[2] for item in judged),
    )


_NOTHING = "no result is a finite number (give data of your own: x=)"


def _is_nothing(probe: Probe, name: str) -> bool:
    """Whether a result holds no finite number: such a one is equal to any other of its kind."""
    array = probe.arrays.get(name)
    if array is None or not array.size or array.dtype.kind in "iub":
        return False
    return not np.isfinite(array.astype(np.float64)).any()


def _largest(probe: Probe, name: str) -> float:
    array = probe.arrays.get(name)
    if array is None or not array.size or array.dtype.kind in "iub":
        return 0.0
    values = np.abs(array.astype(np.float64))
    return float(np.max(values, initial=0.0, where=np.isfinite(values)))


def _judged(a: Probe, b: Probe, entry: _Entry, largest: float) -> tuple[Gap, float | None, bool]:
    """Returns the gap, the floor that was measured, and whether rounding explains the gap."""
    one, other = a.arrays.get(entry.name_a), b.arrays.get(entry.name_b)
    if one is None or other is None:
        return Gap(float("inf"), float("inf"), None, 1.0), None, False
    found = gap(one, other)
    shaken = b.arrays.get(f"moved/{entry.name_b}")
    floor = None if shaken is None else gap(other, shaken).max_rel
    if one.dtype.kind in "iub":
        return found, floor, False
    if not found.max_abs and one.size == KEPT:
        # What differs is among the elements that are not kept.
        return found, floor, False
    dtypes = {*a.compute_dtypes, *b.compute_dtypes}
    precision = max((_PRECISION.get(name, 2.0**-23) for name in dtypes), default=2.0**-23)
    allowed = _FACTOR * max(floor or 0.0, precision)
    # A gradient that is nothing but rounding is judged by the size of what it stands among.
    small = largest > 0 and found.max_abs <= _FACTOR * precision * largest
    return found, floor, found.max_rel <= allowed or small


def first_layer(a: Probe, b: Probe, alignment: GraphAlignment, name: str) -> str:
    """Returns the first layer, in canonical order, whose outputs differ; "" if none is known to."""
    layers = dict(alignment.layers)
    for i in sorted(layers):
        j = layers[i]
        ours = [a.digests[n] for n in _calls(a, name, i)]
        theirs = [b.digests[n] for n in _calls(b, name, j)]
        # A layer that is shared may be called in another order: what it gave is compared, not when.
        if ours and theirs and sorted(ours) != sorted(theirs):
            return f"outputs of {b.model.layers[j].name}"
    return ""


def _calls(probe: Probe, name: str, layer: int) -> list[str]:
    prefix = f"{name}/layer/{layer}/"
    return [n for n in probe.digests if n.startswith(prefix)]


def masked(probe: Probe, layer: int) -> bool | None:
    """Whether a mask came with the inputs of a layer, in inference; None if it was not seen to run."""
    prefix = f"inference/mask/{layer}/"
    seen = [digest for name, digest in probe.digests.items() if name.startswith(prefix)]
    return state_digest(np.array(True)) in seen if seen else None
