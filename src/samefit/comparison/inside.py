"""Two views of one step from inside, held against each other: the earliest that differs from equal inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any

import numpy as np

from samefit.comparison.optimizers import is_uncounted
from samefit.comparison.pairing import Pairing, differing
from samefit.comparison.result import Inside, Size
from samefit.store.inside import InsideCall, InsideStep
from samefit.store.records import VariableRecord
from samefit.types import Role

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]
CallPair = tuple[InsideCall, InsideCall]


@dataclass(frozen=True)
class FoundInside:
    """What was found, and what it was found in.

    Attributes:
        inside: What was found.
        calls: The calls that differ first, or None if none does.
        layers: Indices of the layers behind it, or None: those of the calls, or those that own the variable.
        other_weights: Paths of weights of these layers that differed before the step.
        outputs: What the calls gave out first; None where it was not kept.
        grows: The call at which a difference that begins as rounding becomes a large one, or None.
    """

    inside: Inside
    calls: CallPair | None = None
    layers: tuple[int, int] | None = None
    other_weights: tuple[str, ...] = ()
    outputs: tuple[Array, Array] | None = None
    grows: FoundInside | None = None


_LARGE = 1e-4
_JUMP = 1e3
"""A difference grows where an output is apart by more than `_LARGE`, relative, and `_JUMP` times as far as all outputs
before it: what rounding grows by in one layer is far less, another mask or option gives far more."""


def compare_inside(pairing: Pairing, position: int) -> FoundInside | None:
    """Compares a pair of steps that both sides have watched.

    Args:
        pairing: The two sides, as they were re-run.
        position: 0-based position of the pair of steps in the compared sequence.

    Returns:
        What was found, or None if a side has not watched the step.
    """
    indices = pairing.steps_a.indices[position], pairing.steps_b.indices[position]
    a, b = pairing.run_a.inside(indices[0]), pairing.run_b.inside(indices[1])
    if a is None or b is None:
        return None
    if a.failed or b.failed:
        side = "baseline" if a.failed else "candidate"
        return FoundInside(Inside(position + 1, "none", failed=f"{side}: {a.failed or b.failed}"))
    return _Views(pairing, position, a, b).found()


class _Views:
    """The two views."""

    def __init__(self, pairing: Pairing, position: int, a: InsideStep, b: InsideStep) -> None:
        self.pairing, self.position, self.a, self.b = pairing, position, a, b
        self.arrays_a: Arrays = pairing.run_a.arrays(f"inside-{a.step}") or {}
        self.arrays_b: Arrays = pairing.run_b.arrays(f"inside-{b.step}") or {}
        self.alignment = pairing.alignment_at(position)
        self.layout_a, self.layout_b = pairing.layouts_at(position)

    def found(self) -> FoundInside:
        return self._forward() or self._backward() or self._after() or FoundInside(self._inside("none"))

    def _inside(self, phase: str, **known: Any) -> Inside:
        return Inside(
            self.position + 1,
            phase,
            distances=(
                _distance(self.pairing.run_a.arrays(f"state-{self.a.step}"), self.arrays_a),
                _distance(self.pairing.run_b.arrays(f"state-{self.b.step}"), self.arrays_b),
            ),
            eager=(self.a.eager, self.b.eager),
            **known,
        )

    # -- forward ----------------------------------------------------------------------------------------------------

    def _forward(self) -> FoundInside | None:
        pairs = self._pairs()
        parted = [k for k, (i, j) in enumerate(pairs) if _given_out(self.a.calls[i]) != _given_out(self.b.calls[j])]
        if not parted:
            return None
        first = parted[0]
        whole = self._call(pairs, first, len(parted))
        return replace(whole, grows=self._grows(pairs, parted))

    def _call(self, pairs: list[tuple[int, int]], k: int, num_different: int) -> FoundInside:
        one, other = self.a.calls[pairs[k][0]], self.b.calls[pairs[k][1]]
        layers = None if one.layer is None or other.layer is None else (one.layer, other.layer)
        weights = self._other_weights(layers)
        outputs = self._outputs(one, other)
        equal = (one.inputs, one.masks) == (other.inputs, other.masks)
        inside = self._inside(
            "loss" if one.kind == "loss" else "forward",
            path=path_of(one, self.a.calls),
            candidate_path=path_of(other, self.b.calls),
            call=one.nth,
            calls=max(c.nth for c in self.a.calls if (c.kind, c.name) == (one.kind, one.name)),
            from_equal=equal and not weights,
            num_different=num_different,
            size=None if outputs is None else size_between(*outputs),
            only_in_baseline=_alone(self.a.calls, [i for i, _ in pairs], k),
            only_in_candidate=_alone(self.b.calls, [j for _, j in pairs], k),
        )
        return FoundInside(inside, (one, other), layers, weights, outputs)

    def _grows(self, pairs: list[tuple[int, int]], parted: list[int]) -> FoundInside | None:
        """Returns the first call whose outputs are apart by far more than any before it, after a small beginning."""
        largest = 0.0
        for place, k in enumerate(parted):
            outputs = self._outputs(self.a.calls[pairs[k][0]], self.b.calls[pairs[k][1]])
            size = None if outputs is None else size_between(*outputs)
            if size is None or size.max_rel is None:
                return None
            if place and size.max_rel > max(_LARGE, _JUMP * largest):
                return self._call(pairs, k, len(parted) - place)
            largest = max(largest, size.max_rel)
        return None

    def _pairs(self) -> list[tuple[int, int]]:
        return paired_calls(self.alignment.layers, self.a.calls, self.b.calls)

    def _outputs(self, one: InsideCall, other: InsideCall) -> tuple[Array, Array] | None:
        for k, (mine, theirs) in enumerate(zip(one.outputs, other.outputs, strict=False)):
            if mine != theirs:
                found = self.arrays_a.get(one.array(k)), self.arrays_b.get(other.array(k))
                return None if found[0] is None or found[1] is None else (found[0], found[1])
        return None

    def _other_weights(self, layers: tuple[int, int] | None) -> tuple[str, ...]:
        before = self.pairing.states_before(self.position)
        if layers is None or before[0] is None or before[1] is None:
            return ()
        layout = self.pairing.run_a.layouts[before[0].layout]
        parted = differing(self.pairing.align(self.position, *before), *before)  # type: ignore[arg-type]
        # A seed that differs is a divergence of its own, and found before the step.
        return tuple(
            layout[i].path for i, _ in parted if layout[i].layer == layers[0] and layout[i].role is not Role.SEED
        )

    # -- backward and after -----------------------------------------------------------------------------------------

    def _backward(self) -> FoundInside | None:
        parted = [
            (i, j)
            for i, j in self.alignment.pairs
            if self.layout_a[i].role is Role.TRAINABLE
            and self.a.gradients.get(self.layout_a[i].path) != self.b.gradients.get(self.layout_b[j].path)
        ]
        if not parted:
            return None
        # Gradients run against the order of execution: what comes last in the forward pass parts first.
        last = max(_place(self.layout_a[i]) for i, _ in parted)
        first = next((i, j) for i, j in parted if _place(self.layout_a[i]) == last)
        return self._variable("backward", "gradient", first, len(parted))

    def _after(self) -> FoundInside | None:
        trainings = self.pairing.trainings_at(self.position)
        digests = [
            (i, j)
            for i, j in self.alignment.pairs
            if self.layout_a[i].role is not Role.SEED
            and not (
                self.layout_a[i].slot == "iteration"
                and all(is_uncounted(training, self.layout_a[i].holder) for training in trainings)
            )
            and self._differs("after", i, j)
        ]
        for phase, roles in (("update", (Role.TRAINABLE, Role.OPTIMIZER)), ("state", (Role.NON_TRAINABLE,))):
            parted = [(i, j) for i, j in digests if self.layout_a[i].role in roles]
            if parted:
                return self._variable(phase, "after", parted[0], len(parted))
        return None

    def _differs(self, kind: str, i: int, j: int) -> bool:
        one = self.arrays_a.get(f"{kind}/{self.layout_a[i].path}")
        other = self.arrays_b.get(f"{kind}/{self.layout_b[j].path}")
        return one is not None and other is not None and one.tobytes() != other.tobytes()

    def _variable(self, phase: str, kind: str, pair: tuple[int, int], number: int) -> FoundInside:
        mine, theirs = self.layout_a[pair[0]], self.layout_b[pair[1]]
        one, other = self.arrays_a.get(f"{kind}/{mine.path}"), self.arrays_b.get(f"{kind}/{theirs.path}")
        inside = self._inside(
            phase,
            path=mine.path,
            candidate_path=theirs.path,
            num_different=number,
            size=None if one is None or other is None else size_between(one, other),
            only_in_baseline=(mine.path,) if other is None and one is not None else (),
            only_in_candidate=(theirs.path,) if one is None and other is not None else (),
        )
        layers = None if mine.layer is None or theirs.layer is None else (mine.layer, theirs.layer)
        return FoundInside(inside, layers=layers)


def paired_calls(
    layers: Sequence[tuple[int, int]], a: Sequence[InsideCall], b: Sequence[InsideCall]
) -> list[tuple[int, int]]:
    """Pairs the calls of both sides, in the order in which the baseline's ended.

    The n-th calls of two layers that pair are a pair wherever they stand, where both are called as often: a branch may
    run at another place. Others pair in the order in which they ended, by layer where layers pair, else by class.

    Turns of a compiled loop pair with turns of another one, and only if there are as many: TensorFlow shows of a
    recurrent layer the one call of its cell that is made outside of the loop, and JAX each turn.
    """
    of_a, of_b = {i: k for k, (i, _) in enumerate(layers)}, {j: k for k, (_, j) in enumerate(layers)}
    keys_a, keys_b = [_key(call, of_a) for call in a], [_key(call, of_b) for call in b]
    pairs: list[tuple[int, int]] = []
    for key in dict.fromkeys(key for key in keys_a if key[0] == "pair"):
        calls = [[k for k, other in enumerate(keys) if other == key] for keys in (keys_a, keys_b)]
        if len(calls[0]) == len(calls[1]):
            pairs += zip(*calls, strict=True)
    turning = {key for calls, keys in ((a, keys_a), (b, keys_b)) for key in _turning(calls, keys)}
    counts_a, counts_b = Counter(keys_a), Counter(keys_b)
    apart = {key for key in turning if counts_a[key] != counts_b[key]}
    rest_a = [i for i in sorted({*range(len(a))} - {i for i, _ in pairs}) if keys_a[i] not in apart]
    rest_b = [j for j in sorted({*range(len(b))} - {j for _, j in pairs}) if keys_b[j] not in apart]
    matcher = SequenceMatcher(None, [keys_a[i] for i in rest_a], [keys_b[j] for j in rest_b], autojunk=False)
    matched = [(m.a + k, m.b + k) for m in matcher.get_matching_blocks() for k in range(m.size)]
    return sorted([*pairs, *((rest_a[i], rest_b[j]) for i, j in matched)])


def path_of(call: InsideCall, calls: Sequence[InsideCall]) -> str:
    """Returns the names of the layers that a call was made in, and its own."""
    by_number = {other.number: other for other in calls}
    names = [call.name]
    parent = call.parent
    while parent is not None and parent in by_number:
        names.append(by_number[parent].name)
        parent = by_number[parent].parent
    return "/".join(reversed(names))


def size_between(one: Array, other: Array) -> Size | None:
    """Returns how far two arrays are apart; None if their shapes differ."""
    if one.shape != other.shape:
        return None
    is_float = one.dtype.kind == "f" or one.dtype.name == "bfloat16"
    wide = [array.astype(np.float64) for array in (one, other)]
    unequal = (wide[0] != wide[1]) & ~(np.isnan(wide[0]) & np.isnan(wide[1]))
    finite = np.isfinite(wide[0]) & np.isfinite(wide[1])
    # Infinities have no distance, and count as different only.
    here, there = (np.where(finite, array, 0.0) for array in wide)
    gap, largest = float(np.max(np.abs(here - there), initial=0.0)), float(np.max(np.abs(here), initial=0.0))
    ulp = None
    if is_float and one.dtype == other.dtype:
        ulp = int(np.max(_steps(_ordinal(one), _ordinal(other)), where=finite, initial=0.0))
    return Size(int(np.count_nonzero(unequal)), one.size, gap, gap / largest if largest else None, ulp)


def _ordinal(array: Array) -> Array:
    """Returns for each float its place among all floats of its type; both zeros stand at 0."""
    bits = np.asarray(array, order="C").view(f"i{array.dtype.itemsize}")
    # Negative floats count backwards from the lowest integer.
    return np.where(bits < 0, np.int64(np.iinfo(bits.dtype).min) - bits, bits).astype(np.int64)


def _steps(one: Array, other: Array) -> Array:
    """Returns how far places are apart, in float64: what is near is exact, what is far may not fit into an integer."""
    near = np.abs(one - other).astype(np.float64)
    far = np.abs(one.astype(np.float64) - other.astype(np.float64))
    return np.where((one < 0) == (other < 0), near, far)


def _place(variable: VariableRecord) -> int:
    return -1 if variable.layer is None else variable.layer


def _key(call: InsideCall, pairs: Mapping[int, int]) -> tuple[Any, ...]:
    if call.layer is not None and call.layer in pairs:
        return ("pair", pairs[call.layer])
    return (call.kind, call.class_name, call.shapes)


def _turning(calls: Sequence[InsideCall], keys: Sequence[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Yields the keys of calls that are turns of a compiled loop."""
    looping = {call.number for call in calls if call.turn}
    return (key for call, key in zip(calls, keys, strict=True) if call.number in looping)


def _given_out(call: InsideCall) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    return call.outputs, call.masks_out


def _alone(calls: Sequence[InsideCall], paired: Sequence[int], first: int) -> tuple[str, ...]:
    """Returns what was called on one side alone, between the last equal pair and the first that differs."""
    begin = max(paired[:first], default=-1) + 1
    alone = [k for k in range(begin, paired[first]) if k not in paired]
    return tuple(path_of(calls[k], calls) for k in alone)


def _distance(trained: Arrays | None, watched: Arrays) -> float | None:
    """Returns how far two states are apart: largest difference over largest magnitude, of the worst variable."""
    if not trained:
        return None
    worst = 0.0
    for path, value in trained.items():
        again = watched.get(f"after/{path}")
        if again is None or again.tobytes() == value.tobytes():
            continue
        size = size_between(value, again)
        worst = max(worst, np.inf if size is None or size.max_rel is None else size.max_rel)
    return worst
