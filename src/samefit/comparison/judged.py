"""One step of two sides, from equal state: every output, gradient and variable against what one unit moves it by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from samefit.comparison.distances import Array, distance, finite, is_float, over, relative, unit
from samefit.comparison.inside import paired_calls, path_of
from samefit.comparison.parity import FLOORS, Flips, JudgedStep, Place
from samefit.store.inside import InsideStep
from samefit.store.records import LayerRecord, ModelRecord, VariableRecord
from samefit.types import Role

Arrays = Mapping[str, Array]
LayerPairs = Sequence[tuple[int, int]]

_LOWER = {
    "relu": 0.0, "relu6": 0.0, "leaky_relu": 0.0, "elu": 0.0, "selu": 0.0, "celu": 0.0, "prelu": 0.0,
    "hard_sigmoid": 0.0, "hard_tanh": -1.0,
}  # fmt: skip
_UPPER = {"relu6": 6.0, "hard_sigmoid": 1.0, "hard_tanh": 1.0}
"""What activations give out at their corners: where a pre-activation crosses one, the slope jumps."""

_GRADIENT = 0.1
"""Of the norm of the whole gradient less than one unit in the last place is seen: its elements are smaller."""


@dataclass(frozen=True)
class View:
    """One step of one side, watched.

    Attributes:
        step: What was called.
        arrays: What it gave out, gradients, and variables after it.
    """

    step: InsideStep
    arrays: Arrays


@dataclass(frozen=True)
class Models:
    """The two models, and how they pair.

    Attributes:
        a: The baseline's.
        b: The candidate's.
        layers: Pairs of indices into their layers.
        variables: Pairs of variables.
    """

    a: ModelRecord
    b: ModelRecord
    layers: LayerPairs
    variables: Sequence[tuple[VariableRecord, VariableRecord]]


def judge_step(
    models: Models,
    begin: Arrays,
    views: tuple[View, View],
    moved: View,
    wide: tuple[View, View] | None,
) -> JudgedStep:
    """Judges a step; `step` and `why` are the caller's to fill in.

    Args:
        models: The two models.
        begin: The baseline's variables before the step, from which both sides took it.
        views: Baseline and candidate.
        moved: The baseline from a state that is one unit in the last place off.
        wide: Baseline and candidate in float64; None if they were not run so, or computed in float32 all the same.
    """
    gaps = _gaps(models, begin, views, models.layers)
    floors = _gaps(_itself(models), begin, (views[0], moved), [(i, i) for i, _ in models.layers])
    far = None if wide is None or not _is_wide(wide) else _gaps(models, begin, wide, models.layers)
    places: list[Place] = []
    flips: list[Flips] = []
    masks: bool | None = None
    for key, gap in gaps.items():
        floor = max(floors[key].size if key in floors else 0.0, gap.unit)
        here = () if gap.outputs is None else tuple(_flips(key, gap.layers, gap.outputs, floor))
        flips += here
        if gap.outputs is not None and gap.layers is not None and gap.layers[0].seed_value is not None:
            # Without zeros it shows in the values alone whether a mask was another one.
            seen = bool(np.any(gap.outputs[0] == 0)) or gap.size <= FLOORS * floor
            masks = masks is not False and seen and _same_zeros(*gap.outputs, floor)
        wider = None if far is None or key not in far else far[key].size
        location = None if gap.layers is None else gap.layers[1].location
        places.append(Place(key.phase, key.path, gap.size, floor, wider, bool(flips), location))
    return JudgedStep(0, "", tuple(_told(places)), tuple(flips), len(places), masks)


@dataclass(frozen=True)
class _Key:
    """Which output, gradient or variable; the same in all views of a side."""

    phase: str
    path: str
    nth: int = 0
    turn: int = 0
    output: int = 0


@dataclass(frozen=True)
class _Gap:
    """How far it is apart, and what one unit in the last place of it is."""

    size: float
    unit: float
    outputs: tuple[Array, Array] | None = None
    layers: tuple[LayerRecord, LayerRecord] | None = None


def _itself(models: Models) -> Models:
    return Models(models.a, models.a, models.layers, [(a, a) for a, _ in models.variables])


def _gaps(models: Models, begin: Arrays, views: tuple[View, View], layers: LayerPairs) -> dict[_Key, _Gap]:
    return {
        **dict(_calls(models, views, layers)),
        **dict(_gradients(models, views)),
        **dict(_variables(models, begin, views)),
    }


def _calls(models: Models, views: tuple[View, View], layers: LayerPairs) -> Iterator[tuple[_Key, _Gap]]:
    a, b = views
    for i, j in paired_calls(layers, a.step.calls, b.step.calls):
        one, other = a.step.calls[i], b.step.calls[j]
        both = None
        if one.layer is not None and other.layer is not None:
            both = models.a.layers[one.layer], models.b.layers[other.layer]
        for number in range(min(len(one.outputs), len(other.outputs))):
            mine, theirs = a.arrays.get(one.array(number)), b.arrays.get(other.array(number))
            if mine is None or theirs is None or not is_float(mine):
                continue
            phase = "loss" if one.kind == "loss" else "forward"
            key = _Key(phase, path_of(one, a.step.calls), one.nth, one.turn, number)
            yield key, _Gap(relative(mine, theirs, mine), unit(mine, theirs), (mine, theirs), both)


def _gradients(models: Models, views: tuple[View, View]) -> Iterator[tuple[_Key, _Gap]]:
    found = []
    for mine, theirs in models.variables:
        pair = views[0].arrays.get(f"gradient/{mine.path}"), views[1].arrays.get(f"gradient/{theirs.path}")
        if pair[0] is not None and pair[1] is not None and pair[0].shape == pair[1].shape:
            found.append((mine.path, pair[0], pair[1]))
    norm = float(np.sqrt(sum(float(np.sum(finite(one) ** 2)) for _, one, _ in found)))
    # Gradients run against the order of execution: what comes last in the forward pass is computed first.
    for path, one, other in reversed(found):
        yield _Key("backward", path), _Gap(over(distance(one, other), norm), _GRADIENT * unit(one, other))


def _variables(models: Models, begin: Arrays, views: tuple[View, View]) -> Iterator[tuple[_Key, _Gap]]:
    for mine, theirs in models.variables:
        one, other = views[0].arrays.get(f"after/{mine.path}"), views[1].arrays.get(f"after/{theirs.path}")
        before = begin.get(mine.path)
        if one is None or other is None or before is None or not is_float(one) or one.shape != other.shape:
            continue
        if mine.role not in (Role.TRAINABLE, Role.OPTIMIZER, Role.NON_TRAINABLE) or mine.slot == "learning_rate":
            continue
        phase = "state" if mine.role is Role.NON_TRAINABLE else "update"
        change = finite(one) - finite(before)
        largest = float(np.max(np.abs(change), initial=0.0))
        # What is added to a large weight is rounded as the weight is.
        rounded = unit(one, other) * float(np.max(np.abs(finite(one)), initial=0.0))
        yield _Key(phase, mine.path), _Gap(over(distance(one, other), largest), rounded / largest if largest else 0.0)


def _told(places: Sequence[Place]) -> Iterator[Place]:
    """Yields every call, and of gradients and variables the worst of each phase and what rounding does not explain."""
    worst: dict[str, Place] = {}
    for place in places:
        if place.phase not in worst or place.ratio > worst[place.phase].ratio:
            worst[place.phase] = place
    for place in places:
        small = place.verdict in ("bits", "rounding", "proven")
        if place.phase in ("forward", "loss") or not small or place is worst[place.phase]:
            yield place


# -- sides of activations, and masks ----------------------------------------------------------------------------------


def _flips(
    key: _Key, layers: tuple[LayerRecord, LayerRecord] | None, outputs: tuple[Array, Array], floor: float
) -> Iterator[Flips]:
    name = _activation(layers[0]) if layers is not None else _snake(key.path.rsplit("/", 1)[-1])
    if name not in _LOWER or outputs[0].shape != outputs[1].shape:
        return
    one, other = (array.astype(np.float64) for array in outputs)
    largest = float(np.max(np.abs(finite(one)), initial=0.0))
    for corner, on in ((_LOWER[name], np.greater), (_UPPER.get(name), np.less)):
        if corner is None:
            continue
        parted = on(one, corner) != on(other, corner)
        far = np.maximum(np.abs(one - corner), np.abs(other - corner))
        # What is farther away than rounding reaches is a difference, and no change of sides.
        near = parted & (far <= FLOORS * floor * largest)
        if number := int(np.count_nonzero(near)):
            farthest = float(np.max(far[near]))
            yield Flips(key.path, number, one.size, corner, farthest, farthest / largest if largest else 0.0)


def _activation(layer: LayerRecord) -> str:
    value = layer.config.get("activation")
    if isinstance(value, Mapping):
        value = value.get("config")
    return value if isinstance(value, str) and value in _LOWER else _snake(layer.class_name)


def _snake(name: str) -> str:
    plain = name.rstrip("0123456789_").lower().replace("_", "")
    return {"leakyrelu": "leaky_relu", "hardsigmoid": "hard_sigmoid", "hardtanh": "hard_tanh"}.get(plain, plain)


def _same_zeros(one: Array, other: Array, floor: float) -> bool:
    """Whether a random layer dropped the same elements; one that was next to zero may have become zero before it."""
    if one.shape != other.shape:
        return False
    parted = (one == 0) != (other == 0)
    largest = float(np.max(np.abs(finite(one)), initial=0.0))
    return bool(np.all(np.maximum(np.abs(one), np.abs(other))[parted] <= FLOORS * floor * largest))


def _is_wide(views: tuple[View, View]) -> bool:
    """Whether all that was watched is float64: what computes in float32 shows nothing of it."""
    named = [item for view in views for item in view.arrays.items()]
    floats = [array for name, array in named if is_float(array) and not name.startswith("after/")]
    return bool(floats) and all(array.dtype.name == "float64" for array in floats)
