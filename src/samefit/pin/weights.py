"""Initial weights and layer seeds: each a function of the seed and of the place of the layer in the data flow.

A weight is made by its initialiser as ever; when the model is complete, every weight that is still as it was made gets
the value that belongs to its position. A model is complete at the end of `keras.Model(inputs, outputs)` (which a
Sequential model calls inside), or, for a class of the user's, when it has been built for its first call. A model that
takes in others renumbers their layers, if nobody trained, loaded or compiled them before.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import weakref
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from samefit import backends
from samefit.backends.base import Array
from samefit.by_object import ByObject
from samefit.patches import dataflow, pin_initializers, pin_layers
from samefit.pin import limits
from samefit.pin.evaluation import Evaluation
from samefit.pin.isolation import moves
from samefit.pin.keys import key
from samefit.pin.layer_order import LayerOrder, order_of
from samefit.pin.registry import Generator, Home, Weight, digest
from samefit.pin.remarks import Remarks
from samefit.pin.trainings import in_trainer

if TYPE_CHECKING:
    from samefit.pin.scope import PinScope

_ACTIVE: list[Weights] = []
"""The scopes that are open, the innermost last; only that one pins."""


def pin_weights(scope: PinScope) -> None:
    """Pins initial weights and layer seeds in a scope."""
    weights = Weights(scope)
    pin_layers.watch_layers(scope.patches, scope.backend, weights)
    pin_initializers.watch_initializers(scope.patches, weights)
    pin_layers.hand_on_training(scope.patches)
    switched, put_back = backends.load(scope.backend).compute_alike()
    scope.report.switched.update(switched)
    scope.leaving.callback(put_back)
    _ACTIVE.append(weights)
    scope.leaving.callback(_ACTIVE.remove, weights)


def first_value(variable: Any) -> Array | None:
    """Returns the value that the open scope gives to a variable, or None if it gives it none.

    For a recorder: a variable that is made inside of a trace has no value to be read before the trace has run.
    """
    return _ACTIVE[-1].first_value(variable) if _ACTIVE else None


class Weights:
    """Keeps the weights and seed generators of a scope; observer of layers and of initialisers.

    Args:
        scope: The scope.
    """

    def __init__(self, scope: PinScope) -> None:
        self._scope = scope
        self._remarks = Remarks(scope, lambda layer: self._entries(layer)[0], self._made_inside)
        self._adapter = backends.load(scope.backend)
        self._evaluation = Evaluation(scope)
        self._variables: ByObject[bool] = ByObject()
        self._weights: ByObject[Weight] = ByObject()
        self._generators: ByObject[Generator] = ByObject()
        self._homes: weakref.WeakKeyDictionary[Any, Home] = weakref.WeakKeyDictionary()
        self._counter = itertools.count()
        self._serials: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._places: weakref.WeakKeyDictionary[Any, tuple[str, int]] = weakref.WeakKeyDictionary()
        self._runs: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._late: list[tuple[weakref.ref[Any], Weight | Generator]] = []
        # Models that have parts which are built when they run, in an order that only the run shows.
        self._waiting: weakref.WeakSet[Any] = weakref.WeakSet()
        self._depth = 0
        self._busy = False
        # What is numbered without a model around it: its prefix, and how many weights and generators there were.
        self._loose_prefix = "loose"
        self._loose = [0, 0]

    @property
    def _closed(self) -> bool:
        return not _ACTIVE or _ACTIVE[-1] is not self

    @property
    def _idle(self) -> bool:
        return self._busy or self._closed

    # Variables and their first values.

    def making(self, variable: Any, initializer: Any) -> None:
        # Also while a data flow is looked for: that may build layers which a `build` of the user's left unbuilt.
        if self._closed:
            return
        self._variables.add(variable, True)
        if not callable(initializer) or pin_initializers.is_constant(initializer):
            return
        known = pin_initializers.is_random(initializer)
        explicit = known and self._explicit(initializer)
        self._weights.add(variable, Weight(self._weights.made, initializer, known, explicit))

    def _explicit(self, initializer: Any) -> bool:
        seed = pin_initializers.explicit_seed(initializer)
        entry = None if isinstance(seed, int) else self._generators.get(seed)
        return seed is not None and (entry is None or entry.explicit)

    def initializer_for(self, variable: Any, initializer: Any) -> Any:
        entry = None if self._closed else self._weights.get(variable)
        if entry is None or entry.explicit:
            return initializer

        def make(shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
            if entry.key is not None:
                return self._evaluation.evaluate(entry, entry.key, shape, dtype, **kwargs)
            if entry.keras:
                return initializer(shape, dtype=dtype, **kwargs)
            return self._evaluation.observed(entry, lambda: initializer(shape, dtype=dtype, **kwargs))

        # Keras asks the signature of an initialiser whether it takes a layout.
        make.__wrapped__ = initializer  # type: ignore[attr-defined]
        return make

    def draw(self, initializer: Any, draw: pin_initializers.Draw, shape: Sequence[int], dtype: str) -> Array | None:
        return None if self._closed or self._explicit(initializer) else self._evaluation.drawn(draw, shape, dtype)

    def initialized(self, variable: Any) -> None:
        entry = None if self._closed else self._weights.get(variable)
        if entry is None or entry.explicit or not (entry.keras or entry.drew or entry.key is not None):
            return
        value = self._adapter.host_value(variable)
        entry.digest = None if value is None else digest(value)

    def assigned(self, variable: Any) -> None:
        entry = self._weights.get(variable)
        # What Keras assigns by itself (on JAX all weights, after each training and each `predict`) is nobody's choice.
        if entry is None or entry.explicit or self._idle or in_trainer() or pin_layers.in_stateless_scope():
            return
        entry.explicit = True

    def generator_made(self, generator: Any, seed: Any) -> None:
        if self._closed:
            return
        value = self._adapter.host_value(generator.state)
        word = None if value is None else int(value[0])
        self._generators.add(generator, Generator(self._generators.made, seed is not None, word=word))

    def key_of(self, layer: Any) -> int | None:
        entry = None if self._idle else self._generators.get(layer.generator)
        if entry is None and not self._idle:
            self._remarks.on_stranger(layer)
        return None if entry is None or entry.explicit else entry.key

    # When a model is complete.

    def graph_made(self, model: Any) -> None:
        if not self._idle and self._depth == 0:
            self._number(model, None)

    @contextlib.contextmanager
    def building(self, layer: Any, arguments: dict[str, Any]) -> Iterator[None]:
        if self._idle:
            yield
            return
        self._runs.setdefault(layer, next(self._counter))
        # An outermost model that cannot be built before it runs: its layers come one by one, in the order of their run.
        if self._depth == 0 and dataflow.is_model(layer):
            self._loose_prefix, self._loose = "flow", [0, 0]
        self._depth += 1
        try:
            # Initialisers that are the user's own may draw.
            with moves.one():
                yield
        finally:
            self._depth -= 1
        if self._depth:
            return
        if not dataflow.is_model(layer):
            self._number_loose(layer, arguments)
        elif layer.built:
            self._number(layer, dataflow.symbolic(arguments))
        else:
            self._remarks.say(limits.unbuildable(layer))

    def was_built(self, layer: Any) -> None:
        if self._idle or self._depth or not dataflow.is_model(layer) or layer in self._homes:
            return
        # Keras builds nothing by the `build` of a model that has none of its own: its first call does.
        if not dataflow.is_built_in_name_only(layer):
            self._number(layer, dataflow.arguments_from_build(layer))

    def ran(self, layer: Any, arguments: dict[str, Any]) -> None:
        if self._idle or layer in self._runs:
            return
        self._runs[layer] = next(self._counter)
        if self._depth:
            return
        if dataflow.is_model(layer) and layer not in self._homes and dataflow.unbuilt(layer):
            self._number(layer, dataflow.symbolic(arguments))
        else:
            self._number_loose(layer, arguments)

    @contextlib.contextmanager
    def training(self, model: Any) -> Iterator[None]:
        if self._idle:
            yield
            return
        # A class around several models, with a `train_step` of its own: nothing else completes it. A model that was
        # built before the scope may have got weights since.
        if model not in self._homes and (not dataflow.has_call(model) or self._got_weights(model)):
            self._number(model, dataflow.arguments_from_build(model))
        for layer in model._flatten_layers():
            self._place_late(layer)
        with self._remarks.training(model):
            yield

    def _got_weights(self, model: Any) -> bool:
        return (
            bool(model.built) and not dataflow.unbuilt(model) and any(map(self._has_no_place, model._flatten_layers()))
        )

    def _made_inside(self, thing: Any) -> bool:
        return self._variables.get(thing) is not None or self._generators.get(thing) is not None

    def _place_late(self, layer: Any) -> None:
        """Gives keys to weights that were added to a layer after its model was complete: those of LoRA, say."""
        where = self._places.get(layer)
        if where is None:
            return
        for n, (variable, entry) in enumerate(self._entries(layer)[0]):
            if entry.key is None:
                self._pin_weight(variable, entry, key(self._scope.seed, "late", *where, n))

    def _number_loose(self, layer: Any, arguments: dict[str, Any]) -> None:
        """Numbers a layer that runs on values outside of any model that was numbered."""
        symbolic = any(type(value).__name__ == "KerasTensor" for value in dataflow.leaves(arguments))
        if symbolic or pin_layers.in_stateless_scope() or layer in self._homes:
            return
        self._place(layer, self._order(layer, dataflow.symbolic(arguments)), self._loose_prefix, loose=True)

    def _first_run(self, layer: Any) -> float:
        return self._runs.get(layer, math.inf)

    def _number(self, root: Any, arguments: dict[str, Any] | None) -> None:
        order = self._order(root, arguments)
        self._remarks.on_order(root, order)
        self._loose_prefix = "loose"
        parts = root._flatten_layers(include_self=False)
        if order.flow is None and dataflow.unbuilt(root) and not any(part in self._runs for part in parts):
            # Its parts come one by one when it runs: on values, or all of them in a symbolic phase of Keras's.
            self._loose_prefix, self._loose = "flow", [0, 0]
            self._waiting.add(root)
            self._homes[root] = Home(frozenset(), loose=True)
            return
        self._place(root, order, "flow", loose=False)

    def _order(self, root: Any, arguments: dict[str, Any] | None) -> LayerOrder:
        self._busy = True
        try:
            return order_of(root, arguments, self._first_run)
        finally:
            self._busy = False

    def _place(self, root: Any, order: LayerOrder, prefix: str, *, loose: bool) -> None:
        """Gives every weight and generator of a model its position."""
        owners = [layer for group in order.groups.values() for layer in group if self._owns(layer)]
        together = frozenset(self._serials.setdefault(layer, next(self._counter)) for layer in owners)
        kept = self._compiled_inside(root)
        home = Home(together, loose)
        others = 0
        for name, group in order.groups.items():
            counts = self._loose if loose else [0, 0]
            for layer in group:
                weights, generators = self._entries(layer)
                free = id(layer) not in kept and self._may_move(layer, together)
                where = prefix if name == "flow" else name
                if free:
                    for n, (variable, entry) in enumerate(weights):
                        self._pin_weight(variable, entry, key(self._scope.seed, "weight", where, counts[0], n))
                    for n, (generator, made) in enumerate(generators):
                        self._pin_generator(generator, made, key(self._scope.seed, "generator", where, counts[1], n))
                    if weights or generators or layer is root:
                        self._homes[layer] = home
                    self._places[layer] = (where, counts[0]) if weights else (f"{where}, from outside", others)
                counts[0] += bool(weights)
                others += bool(dataflow.own_variables(layer)) and not weights
                counts[1] += bool(generators)
        self._homes.setdefault(root, home)

    def _may_move(self, layer: Any, together: frozenset[int]) -> bool:
        """Says whether a layer may get another position: it has none, or all that was numbered with it moves along.

        A second model over the same layers, or over some of them (to look at what is inside), moves nothing.
        """
        home = self._homes.get(layer)
        return home is None or home.loose or home.members < together

    def _compiled_inside(self, root: Any) -> set[int]:
        """Returns the layers of models that were complete and compiled before they were put into `root`."""
        inner = [layer for layer in root._flatten_layers(include_self=False) if getattr(layer, "compiled", False)]
        parts = [layer._flatten_layers() for layer in inner]
        return {id(part) for its in parts if any(one in self._homes for one in its) for part in its}

    def _owns(self, layer: Any) -> bool:
        weights, generators = self._entries(layer)
        return bool(weights or generators)

    def _has_no_place(self, layer: Any) -> bool:
        weights, generators = self._entries(layer)
        made: list[Weight | Generator] = [entry for _, entry in weights]
        made += [entry for _, entry in generators]
        return any(entry.key is None and not entry.explicit for entry in made)

    def _entries(self, layer: Any) -> tuple[list[tuple[Any, Weight]], list[tuple[Any, Generator]]]:
        weights = [(v, entry) for v in dataflow.own_variables(layer) if (entry := self._weights.get(v)) is not None]
        generators = [
            (g, made) for g in dataflow.own_generators(layer) if (made := self._generators.get(g)) is not None
        ]
        return sorted(weights, key=lambda pair: pair[1].number), sorted(generators, key=lambda pair: pair[1].number)

    # Values.

    def _pin_weight(self, variable: Any, entry: Weight, its_key: int) -> None:
        if entry.explicit or entry.key == its_key:
            return
        if variable._value is None:
            entry.key = its_key
        elif pin_layers.in_stateless_scope():
            entry.key = its_key
            self._late.append((weakref.ref(variable), entry))
        elif entry.keras or entry.drew:
            self._write(variable, entry, its_key)

    def _write(self, variable: Any, entry: Weight, its_key: int) -> None:
        value = self._adapter.host_value(variable)
        if value is not None and entry.digest is not None and digest(value) != entry.digest:
            return  # assigned, loaded or trained: it is the user's
        entry.key = its_key
        self._adapter.write(variable, self._computed(variable, entry, its_key))
        value = self._adapter.host_value(variable)
        entry.digest = None if value is None else digest(value)

    def _computed(self, variable: Any, entry: Weight, its_key: int) -> Array:
        def make() -> Any:
            return self._evaluation.evaluate(entry, its_key, tuple(variable._shape), variable._dtype)

        made = self._adapter.evaluated(make)
        return self._adapter.to_numpy(make()) if made is None else made

    def first_value(self, variable: Any) -> Array | None:
        """Returns the value that belongs to the key of a variable, or None if it has none."""
        entry = self._weights.get(variable)
        if entry is None or entry.key is None or entry.explicit or not (entry.keras or entry.drew):
            return None
        return self._computed(variable, entry, entry.key)

    def _pin_generator(self, generator: Any, entry: Generator, its_key: int) -> None:
        if entry.explicit or entry.key == its_key:
            return
        pin_layers.use_own_seed(generator, its_key)
        if generator.state._value is None or pin_layers.in_stateless_scope():
            entry.key, entry.word = its_key, its_key
            self._late.append((weakref.ref(generator), entry))
            return
        value = self._adapter.host_value(generator.state)
        if value is not None and entry.word is not None and int(value[0]) != entry.word:
            return  # the user put another state there
        entry.key, entry.word = its_key, its_key
        self._adapter.write(generator.state, np.array([its_key, 0]))

    def all_initialized(self) -> None:
        if self._idle or pin_layers.in_stateless_scope():
            return
        late, self._late = self._late, []
        for reference, entry in late:
            thing = reference()
            if thing is None or entry.key is None:
                continue
            if isinstance(entry, Weight):
                self._write(thing, entry, entry.key)
            else:
                self._adapter.write(thing.state, np.array([entry.word, 0]))
        for root in self._waiting:
            if any(self._has_no_place(part) for part in root._flatten_layers()):
                self._place(root, self._order(root, None), "flow", loose=False)
