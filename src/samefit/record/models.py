"""Describing a model, its training and its data as plain records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from samefit.patches.configs import config_of
from samefit.record.own_code import attributes_of, with_own_functions, with_own_parts
from samefit.record.plain import is_plain, plain
from samefit.record.provenance import Call, Provenance
from samefit.record.wiring import wiring_of
from samefit.store.records import CallRecord, LayerRecord, ModelRecord, Origin, VariableRecord
from samefit.types import Build, Role


def describe_model(
    model: Any, number: int, calls: Sequence[Call], provenance: Provenance
) -> tuple[ModelRecord, list[Any]]:
    """Describes `model`.

    Args:
        model: A Keras model that is built.
        number: Its number in the run.
        calls: The first forward pass, in order of begin; may be empty.
        provenance: Knows where layers came from.

    Returns:
        The record, and the layer objects in the record's order.
    """
    order = _execution_order(model, calls)
    seen = {id(call.operation) for call in calls}
    counts: dict[int, int] = {}
    for call in calls:
        counts[id(call.operation)] = counts.get(id(call.operation), 0) + 1
    records = tuple(_layer(layer, counts.get(id(layer), 0), provenance) for layer in order)
    place = {id(layer): position for position, layer in enumerate(order)}
    record = ModelRecord(
        id=number,
        name=model.name,
        class_name=type(model).__name__,
        build=_build(model),
        layers=records,
        calls=tuple(_calls(model, calls, place, provenance)),
        order="execution" if seen else "structure",
        location=provenance.construction(model).location,
        attributes=attributes_of(model, {}),
        wiring=wiring_of(model, place),
    )
    return record, order


def _build(model: Any) -> Build:
    # By class name and not by class: this module must not import Keras.
    names = [base.__name__ for base in type(model).__mro__]
    if names[0] == "Sequential":
        return Build.SEQUENTIAL
    return Build.FUNCTIONAL if names[0] in ("Functional", "Model") else Build.SUBCLASSED


def _flatten(layer: Any) -> Iterator[Any]:
    for child in getattr(layer, "_layers", []):
        yield child
        yield from _flatten(child)


def _execution_order(model: Any, calls: Sequence[Call]) -> list[Any]:
    inside = {id(layer): layer for layer in _flatten(model)}
    order: list[Any] = []
    known: set[int] = {id(model)}

    def add(layer: Any) -> None:
        if id(layer) not in known:
            known.add(id(layer))
            order.append(layer)

    called = [call.operation for call in calls if id(call.operation) in inside]
    ran = {id(layer) for layer in called}
    for layer in called:
        add(layer)
        # A layer that computes without calling its parts (an LSTM on cuDNN) still owns their weights, at its place.
        for child in _flatten(layer):
            if id(child) not in ran:
                add(child)
    for layer in inside.values():
        add(layer)
    return [layer for layer in order if type(layer).__name__ != "InputLayer"]


def _layer(layer: Any, calls: int, provenance: Provenance) -> LayerRecord:
    construction = provenance.construction(layer)
    seeds = [provenance.seed_of(generator) for generator in getattr(layer, "_seed_generators", [])]
    seed = next((seed for seed in seeds if seed is not None), None)
    config = _layer_config(layer)
    return LayerRecord(
        class_name=type(layer).__name__,
        name=layer.name,
        config=with_own_parts(with_own_functions(config, layer), layer),
        attributes=attributes_of(layer, config),
        construction=construction.ordinal,
        calls=calls,
        is_leaf=not getattr(layer, "_layers", []),
        trainable=bool(layer.trainable),
        dtype_policy=str(layer.dtype_policy.name),
        seed_draw=seed.draw if seed else None,
        seed_event=seed.event if seed else None,
        seed_value=seed.value if seed else None,
        location=construction.location,
    )


def _layer_config(layer: Any) -> Mapping[str, Any]:
    if type(layer).__name__ in ("Sequential", "Functional") or any(
        base.__name__ == "Model" for base in type(layer).__mro__
    ):
        # A nested model's configuration repeats all its layers; they have records of their own.
        return {}
    return named_nowhere(layer)


def named_nowhere(thing: Any) -> dict[str, Any]:
    """Returns the configuration without the name, which Keras counts up with each object of a class."""
    return {key: plain(value) for key, value in config_of(thing).items() if key != "name"}


def _calls(model: Any, calls: Sequence[Call], place: Mapping[int, int], provenance: Provenance) -> Iterator[CallRecord]:
    hidden_below: int | None = None
    last: tuple[int, str] | None = None
    for call in calls:
        operation = call.operation
        if operation is model or type(operation).__name__ == "InputLayer":
            continue
        if hidden_below is not None and call.depth > hidden_below:
            continue
        hidden_below = None
        is_layer = id(operation) in place
        children = bool(getattr(operation, "_layers", []))
        names = [base.__name__ for base in type(operation).__mro__]
        if children and ("Model" in names or not type(operation).__module__.startswith("keras.")):
            continue
        if children:
            # Keras's own composites (LSTM, MultiHeadAttention) are one thing to the user.
            hidden_below = call.depth
        key = (id(operation), type(operation).__name__)
        if key == last:
            continue
        last = key
        constructed = provenance.construction(operation)
        yield CallRecord(
            kind="layer" if is_layer else "op",
            class_name=type(operation).__name__,
            layer=place.get(id(operation)),
            output_shapes=call.shapes,
            training=call.training,
            mask_in=call.mask_in,
            mask_out=call.mask_out,
            location=constructed.location,
            options={} if is_layer else _attributes(operation) | dict(call.given),
            construction=constructed.ordinal,
            written=call.written,
        )


def _attributes(operation: Any) -> dict[str, Any]:
    """Returns the plain public attributes of an operation; it has no configuration."""
    return {n: v for n, v in vars(operation).items() if not n.startswith("_") and n != "name" and is_plain(v)}


def describe_variables(
    model: Any,
    variables: Sequence[Any],
    optimizer_variables: Mapping[str, Sequence[Any]],
    layers: Sequence[Any],
    provenance: Provenance,
) -> tuple[VariableRecord, ...]:
    """Describes the variables of a training: model variables, then those of its optimizers.

    Args:
        model: The model.
        variables: Its variables.
        optimizer_variables: Those of the optimizer that it was compiled with (""), and of those that it holds itself,
            by attribute.
        layers: The layers of the model, in the order of its record.
        provenance: Knows where they came from.
    """
    owners = _owners(model, layers)
    generators = {id(each.state): each for layer in (*layers, model) for each in getattr(layer, "_seed_generators", [])}
    records = []
    paths: dict[str, int] = {}
    for variable in variables:
        layer, position, role = owners.get(id(variable), (None, None, _role(variable)))
        made = provenance.made(variable)
        origin = made.origin if made else None
        if origin is not None and (generator := generators.get(id(variable))) is not None:
            origin = _with_seed(origin, generator, provenance)
        records.append(
            VariableRecord(
                role=role,
                path=unique_path(variable.path, paths),
                shape=tuple(variable.shape),
                dtype=str(variable._dtype),
                layer=layer,
                index_in_layer=position,
                origin=origin,
            )
        )
    references = {_mangled(variable.path): i for i, variable in enumerate(variables)}
    for holder, slots in optimizer_variables.items():
        for variable in slots:
            slot, slot_of = _slot(variable, references)
            records.append(
                VariableRecord(
                    role=Role.OPTIMIZER,
                    path=unique_path(held_as(holder, variable.path), paths),
                    shape=tuple(variable.shape),
                    dtype=str(variable._dtype),
                    slot=slot,
                    slot_of=slot_of,
                    holder=holder,
                )
            )
    return tuple(records)


def _with_seed(origin: Origin, generator: Any, provenance: Provenance) -> Origin:
    """Returns where the state of a `SeedGenerator` came from: the seed that the generator got."""
    seed = provenance.seed_of(generator)
    if seed is None:
        return origin
    return replace(
        origin,
        initializer=type(generator).__name__,
        seed=seed.value,
        seed_is_explicit=seed.explicit,
        seed_draw=seed.draw,
        seed_event=seed.event,
    )


def held_as(holder: str, path: str) -> str:
    """Returns the path of a variable of an optimizer, which the model may hold itself under an attribute."""
    return f"{holder}.{path}" if holder else path


def recurrent_state(layer: Any) -> list[Any]:
    """Returns the variables of a stateful recurrent layer that Keras does not count as weights of the model.

    `RNN.states` (keras/src/layers/rnn/rnn.py) is read in each call and is in no list of variables.
    """
    states = getattr(layer, "states", None) if getattr(layer, "stateful", False) else None
    states = states if isinstance(states, (list, tuple)) else [states]
    return [state for state in states if hasattr(state, "path") and hasattr(state, "assign")]


def _owners(model: Any, layers: Sequence[Any]) -> dict[int, tuple[int | None, int, Role]]:
    owners: dict[int, tuple[int | None, int, Role]] = {}
    for position, layer in [*enumerate(layers), (None, model)]:
        own = list(getattr(layer, "_trainable_variables", [])) + list(getattr(layer, "_non_trainable_variables", []))
        trainable = {id(v) for v in getattr(layer, "_trainable_variables", [])}
        for index, variable in enumerate(own):
            role = Role.TRAINABLE if id(variable) in trainable else Role.NON_TRAINABLE
            owners.setdefault(id(variable), (position, index, role))
        for index, state in enumerate(recurrent_state(layer)):
            owners.setdefault(id(state), (position, 2000 + index, Role.NON_TRAINABLE))
        for index, generator in enumerate(getattr(layer, "_seed_generators", [])):
            owners.setdefault(id(generator.state), (position, 1000 + index, Role.SEED))
    return owners


def _role(variable: Any) -> Role:
    return Role.TRAINABLE if variable.trainable else Role.NON_TRAINABLE


def unique_path(path: str, paths: dict[str, int]) -> str:
    """Returns `path`, with "#2" behind it if it was there before; `paths` counts."""
    paths[path] = paths.get(path, 0) + 1
    return path if paths[path] == 1 else f"{path}#{paths[path]}"


def _mangled(path: str) -> str:
    return path.replace("/", "_")


def _slot(variable: Any, references: Mapping[str, int]) -> tuple[str, int | None]:
    """Reads the slot off the name that `BaseOptimizer.add_variable_from_reference` gives: "<path with _>_<slot>"."""
    name = variable.name
    best = max((path for path in references if name.startswith(path + "_")), key=len, default=None)
    if best is None:
        return name, None
    return name[len(best) + 1 :], references[best]
