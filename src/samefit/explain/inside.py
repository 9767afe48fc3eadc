"""What is behind the first output that differs inside of a step: an option, a mask, a mode, or a kernel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from samefit.comparison.compiled import LOSSES, OPTIMIZERS, parts_of
from samefit.comparison.inside import FoundInside
from samefit.comparison.pairing import Pairing
from samefit.comparison.result import Cause, Inside
from samefit.explain.options import bare, differing_options, shown
from samefit.explain.own_code import own_differences, said
from samefit.store.records import LayerRecord, TrainingRecord

_ROUNDING_RELATIVE = 64 * 2.0**-23
"""So far off, relative to the largest magnitude, may rounding be as well; a sentence, not a verdict."""

_ROUNDING_FEWER_BITS = 4 * 2.0**-10
"""The same on an accelerator that multiplies with 10 bits of 23 (TensorFloat-32)."""

_FAR = 1e-3
"""So far from the step that trained, relative, a watched one may have computed something else; for a sentence only."""

_FEWER_BITS = {
    "jax_default_matmul_precision": (None, "default", "tensorfloat32", "high", "bfloat16"),
    "cudnn.allow_tf32": (True,),
    "float32_matmul_precision": ("high", "medium"),
    "tensor_float_32": (True,),
}
"""Flags of the frameworks that let an accelerator do so, and at which values."""

_ROUNDING_ULP = 64
"""So many units in the last place are what another order of additions may give; a sentence, not a verdict."""


def explain_inside(found: FoundInside, pairing: Pairing, position: int) -> Inside:
    """Returns what was found with what is behind it, as far as the two runs tell.

    Args:
        found: What `compare_inside` found.
        pairing: The two sides, as they were re-run.
        position: 0-based position of the pair of steps.
    """
    if found.inside.failed:
        return found.inside
    trainings = pairing.trainings_at(position)
    models = pairing.run_a.models[trainings[0].model], pairing.run_b.models[trainings[1].model]
    layers = None
    if found.layers is not None:
        layers = models[0].layers[found.layers[0]], models[1].layers[found.layers[1]]
    all_pairs = [(models[0].layers[i], models[1].layers[j]) for i, j in pairing.alignment_at(position).layers]
    phase = found.inside.phase
    if phase == "forward":
        because = tuple(_forward(found, layers)) or (_behind_update(found) or _kernel(found.inside, pairing),)
    elif phase == "loss":
        because = (
            *_compiled(trainings, LOSSES),
            *_compiled(trainings, ("loss_weights", "")),
            *_options_of(all_pairs, "regularizer"),
        )
    elif phase == "backward":
        because = tuple(_backward(found.inside))
    elif phase in ("update", "state"):
        of_layer = _options(*layers) if layers else ()
        # Of what a layer is made with only its constraints act in the update.
        because = (*_compiled(trainings, OPTIMIZERS), *(o for o in of_layer if phase == "state" or "constraint=" in o))
    else:
        because = (_nothing(found.inside),)
    return replace(
        found.inside,
        because=because,
        location=None if layers is None else layers[1].location,
        grows=None if found.grows is None else _grows(found.grows, pairing, position),
    )


def _grows(found: FoundInside, pairing: Pairing, position: int) -> Inside:
    # Where a difference grows the inputs differ already, as far as those before it: that is said by the first place.
    explained = explain_inside(found, pairing, position)
    return replace(explained, because=tuple(line for line in explained.because if line != _OTHER_INPUTS))


_OTHER_INPUTS = "its inputs differ already, by something that runs before it and is no layer and no operation of Keras"


def _forward(found: FoundInside, layers: tuple[LayerRecord, LayerRecord] | None) -> Iterator[str]:
    assert found.calls is not None
    one, other = found.calls
    if one.training != other.training:
        yield f"training={one.training} and training={other.training}"
    if one.masks != other.masks:
        which = "its mask differs" if one.masks and other.masks else f"a mask comes with the {_who(one.masks)}'s only"
        yield f"{'its inputs are equal, ' if one.inputs == other.inputs else ''}{which}"
    if found.other_weights:
        yield f"its weights differ before the step: {', '.join(found.other_weights)}"
    # A layer casts its inputs to its own dtype before it looks at them.
    if one.inputs != other.inputs and (layers is None or layers[0].dtype_policy == layers[1].dtype_policy):
        yield _OTHER_INPUTS
    if one.class_name != other.class_name:
        yield f"{one.class_name} and {other.class_name}"
    if layers is not None:
        yield from _options(*layers)
        zeros = _zeros(found)
        if layers[0].seed_value is not None and zeros is not None:
            yield f"another random mask: zero in {zeros[0]:.3g} and in {zeros[1]:.3g} of the elements"


def _who(masks: tuple[bytes, ...]) -> str:
    return "baseline" if masks else "candidate"


def _options(one: LayerRecord, other: LayerRecord) -> Iterator[str]:
    for name, (mine, theirs) in differing_options(one.config, other.config).items():
        yield f"{one.class_name}({name}={shown(mine)}) and {other.class_name}({name}={shown(theirs)})"
    for name, values in own_differences(one, other).items():
        yield said(one.class_name, name, values)
    if one.dtype_policy != other.dtype_policy:
        yield f"dtype policy {one.dtype_policy} and {other.dtype_policy}"


def _options_of(pairs: list[tuple[LayerRecord, LayerRecord]], what: str) -> Iterator[str]:
    for one, other in pairs:
        for line in _options(one, other):
            if what in line:
                yield line


def _zeros(found: FoundInside) -> tuple[float, float] | None:
    """Returns the shares of zeros of both outputs, or None if the same elements are zero."""
    if found.outputs is None or found.outputs[0].shape != found.outputs[1].shape:
        return None
    one, other = (np.asarray(output == 0) for output in found.outputs)
    return None if np.array_equal(one, other) else (float(np.mean(one)), float(np.mean(other)))


def _behind_update(found: FoundInside) -> str:
    """Says that a call comes after an update within the step (a `train_step` with several optimizers), if one does."""
    assert found.calls is not None
    if not any(call.updates for call in found.calls):
        return ""
    return "the step had updated weights before this call: what differs may be that update, or the loss behind it"


def _kernel(inside: Inside, pairing: Pairing) -> str:
    around = _with(pairing)
    # Next to zero rounding may be many units in the last place: where kernels are others, the relative size tells.
    relative = None if inside.size is None else inside.size.max_rel
    manifests = pairing.run_a.manifest, pairing.run_b.manifest
    accelerated = all(manifest.get("device", "cpu") != "cpu" for manifest in manifests)
    limit = _ROUNDING_RELATIVE if around or accelerated else 0.0
    if accelerated and any(map(_multiplies_with_fewer_bits, manifests)):
        limit = _ROUNDING_FEWER_BITS
    near = relative is not None and relative <= limit
    if not (_is_small(inside) or near):
        return _CODE + around
    return "options, masks and weights are equal; what is left is " + _KERNEL + around


def _multiplies_with_fewer_bits(manifest: Mapping[str, Any]) -> bool:
    flags = manifest.get("flags") or {}
    return any(name in flags and flags[name] in values for name, values in _FEWER_BITS.items())


_KERNEL = "the same mathematics in another kernel or order, by its size"
_CODE = "options, masks and weights are equal; what is left is its code, or its kernel"


def _is_small(inside: Inside) -> bool:
    return inside.size is not None and inside.size.max_ulp is not None and inside.size.max_ulp <= _ROUNDING_ULP


def _with(pairing: Pairing) -> str:
    differing = list(_surroundings(pairing.run_a.manifest, pairing.run_b.manifest))
    return f" ({'; '.join(differing)})" if differing else ""


def _surroundings(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[str]:
    for name in ("backend", "device"):
        if a.get(name) != b.get(name):
            yield f"{name} {a.get(name)} and {b.get(name)}"
    for group in ("threads", "flags", "environment", "versions"):
        mine, theirs = a.get(group) or {}, b.get(group) or {}
        for name in sorted({*mine} & {*theirs}):
            if mine[name] != theirs[name]:
                yield f"{name} {mine[name]} and {theirs[name]}"


_SAME_STEP = 1e-3
"""So far may a watched step be from the one that trained, relative to the largest magnitude, to stand for it."""


def reproduces(inside: Inside) -> bool:
    """Whether what was watched is the step as it trained, but for rounding."""
    return not inside.failed and all(gap is not None and gap < _SAME_STEP for gap in inside.distances)


def named_inside(cause: Cause, inside: Inside) -> Cause:
    """Names a cause that no detector knows by the place inside of the step where the two part from equal inputs.

    Only where nothing is left but the user's own code there: equal options, weights, masks and surroundings, and more
    than rounding.
    """
    if cause.slug != "unknown" or not inside.from_equal or _is_small(inside) or not reproduces(inside):
        return cause
    if inside.phase == "forward" and inside.because == (_CODE,):
        slug = "model-config"
        summary = f"{inside.path} computes something else from equal inputs: its code, or a value that it reads."
        remedy = "compare its code on both sides, and what that reads from outside: globals, closures, attributes"
    elif inside.phase == "loss" and not inside.because:
        slug = "loss-config"
        summary = "The layers give out the same, and the loss made of it differs: something is added to it on one side."
        remedy = "compare what is added to the loss: add_loss in call, compute_loss, the code of a loss of your own"
    elif inside.phase == "update" and not inside.because:
        slug = "optimizer-config"
        summary = f"The gradients are equal, and the optimizer makes another update of {inside.path} of them."
        remedy = "compare what its options do not show: exclude_from_weight_decay, the code of an optimizer of your own"
    else:
        return cause
    return replace(
        cause,
        slug=slug,
        summary=summary,
        location=inside.location or cause.location,
        remedy=remedy,
        unconfirmed_because="code of your own cannot be put in from outside",
    )


def _compiled(trainings: tuple[TrainingRecord, TrainingRecord], keys: tuple[str, str]) -> Iterator[str]:
    one, other = (parts_of(training.compiled, keys) for training in trainings)
    for name in {**one, **other}:
        mine, theirs = one.get(name), other.get(name)
        if bare(mine) == bare(theirs):
            continue
        configs = [item.get("config") if isinstance(item, Mapping) else None for item in (mine, theirs)]
        if isinstance(mine, Mapping) and isinstance(theirs, Mapping) and mine.get("class") == theirs.get("class"):
            for key, (here, there) in differing_options(configs[0] or {}, configs[1] or {}).items():
                yield f"{mine.get('class')}({key}={shown(here)}) and {theirs.get('class')}({key}={shown(there)})"
        else:
            yield f"{name}: {_named(mine)} and {_named(theirs)}"


def _named(value: Any) -> str:
    return str(value.get("class", value)) if isinstance(value, Mapping) else str(value)


def _backward(inside: Inside) -> Iterator[str]:
    yield "every output and the loss are equal: what differs is how gradients run back through them"
    for side, only in (("baseline", inside.only_in_baseline), ("candidate", inside.only_in_candidate)):
        if only:
            yield f"it has a gradient in the {side} only: something stops it on the other side"


def _nothing(inside: Inside) -> str:
    same = "watched layer by layer, both sides compute the same: the difference"
    far = max((distance for distance in inside.distances if distance), default=0.0)
    if not far:
        return f"{same} does not come back in a second run"
    if far < _FAR:
        return f"{same} comes with how the step is compiled"
    # To watch is to call the layers once more, so that what counts its calls has counted on.
    return f"{same} comes with how the step is compiled, or with what a call leaves behind in Python, such as a counter"
