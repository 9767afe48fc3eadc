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

from samefit import backends
from samefit.backends.base import Array
from samefit.by_object import ByObject
from samefit.patches import dataflow, pin_initializers, pin_layers
from samefit.pin import limits
from samefit.pin.beginnings import Beginnings
from samefit.pin.below import pin_copies_below
from samefit.pin.copies import Copies
from samefit.pin.evaluation import Evaluation
from samefit.pin.isolation import moves
from samefit.pin.keys import key
from samefit.pin.layer_order import LayerOrder, compiled_inside, order_of
from samefit.pin.one_by_one import OneByOne
from samefit.pin.registry import Generator, Home, Weight
from samefit.pin.remarks import Remarks
from samefit.pin.trainings import in_trainer
from samefit.pin.values import Values

if TYPE_CHECKING:
    from samefit.pin.scope import PinScope

_ACTIVE: list[Weights] = []
"""The scopes that are open, the innermost last; only that one pins."""


def pin_weights(scope: PinScope) -> None:
    """Pins initial weights and layer seeds in a scope."""
    weights = Weights(scope)
    pin_layers.watch_layers(scope.patches, scope.backend, weights)
    pin_initializers.watch_initializers(scope.patches, weights)
    pin_copies_below(scope, weights.variables, weights.copies, weights.assigned)
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
        self.variables: ByObject[bool] = ByObject()
        self._weights: ByObject[Weight] = ByObject()
        self._beginnings = Beginnings(scope.seed)
        self.copies = Copies(scope.backend, self._weights.get)
        self._values = Values(scope.backend, self._evaluation, self.copies)
        self._generators: ByObject[Generator] = ByObject()
        self._homes: weakref.WeakKeyDictionary[Any, Home] = weakref.WeakKeyDictionary()
        self._counter = itertools.count()
        self._serials: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._places: weakref.WeakKeyDictionary[Any, tuple[str, int]] = weakref.WeakKeyDictionary()
        self._runs: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        # Layers that were called on values: a call on symbolic tensors says nothing of where a layer belongs.
        self._on_values: weakref.WeakSet[Any] = weakref.WeakSet()
        # Models that have parts which are built when they run, in an order that only the run shows.
        self._waiting: weakref.WeakSet[Any] = weakref.WeakSet()
        self._depth = 0
        self._busy = False
        # What is numbered without a model around it, or, in place of that, in one whose order only its run shows.
        self._alone = self._one_by_one = OneByOne("loose")

    @property
    def _closed(self) -> bool:
        return not _ACTIVE or _ACTIVE[-1] is not self

    @property
    def _idle(self) -> bool:
        return self._busy or self._closed

    def making(self, variable: Any, initializer: Any) -> None:
        # Also while a data flow is looked for: that may build layers which a `build` of the user's left unbuilt.
        if self._closed:
            return
        self.variables.add(variable, True)
        if not callable(initializer):
            self.copies.assigned(variable, initializer)
            return
        if pin_initializers.is_constant(initializer):
            return
        known = pin_initializers.is_random(initializer)
        explicit = known and self._explicit(initializer)
        first = None if explicit or self._depth or self._busy else self._beginnings.key(initializer)
        self._weights.add(variable, Weight(self._weights.made, initializer, known, explicit, first=first))

    @contextlib.contextmanager
    def adding(self, layer: Any, *, outside: bool) -> Iterator[None]:
        with self._beginnings.adding(outside=outside):
            yield
        if outside and not self._idle and not self._depth:
            self._place_late(layer)

    def _explicit(self, initializer: Any) -> bool:
        seed = pin_initializers.explicit_seed(initializer)
        entry = None if isinstance(seed, int) else self._generators.get(seed)
        return seed is not None and (entry is None or entry.explicit)

    def initializer_for(self, variable: Any, initializer: Any) -> Any:
        entry = None if self._closed else self._weights.get(variable)
        if entry is None or entry.explicit:
            return initializer

        def make(shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
            its_key = entry.first if entry.key is None else entry.key
            if its_key is not None:
                return self._evaluation.evaluate(entry, its_key, shape, dtype, **kwargs)
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
        entry.was_given(self._adapter.host_value(variable), self._adapter.memory(variable._value))

    def assigned(self, variable: Any, value: Any) -> None:
        # What Keras assigns by itself (on JAX all weights, after each training or `predict`) is nobody's choice.
        if self._idle or in_trainer() or pin_layers.in_stateless_scope():
            return
        self.copies.assigned(variable, value)
        entry = self._weights.get(variable)
        if entry is not None:
            entry.explicit = True

    def read(self, variable: Any, array: Any) -> None:
        if not self._closed:
            self.copies.read(variable, array)

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
            self._one_by_one = OneByOne("flow")
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
            self._number_loose(layer, arguments, first=True)
        elif layer.built:
            self._number(layer, dataflow.symbolic(arguments))
        else:
            self._give_up_places(layer)
            self._remarks.say(limits.unbuildable(layer))

    def was_built(self, layer: Any) -> None:
        # Keras builds nothing by the `build` of a layer that has none of its own: its first call does.
        if self._idle or self._depth or layer in self._homes or dataflow.is_built_in_name_only(layer):
            return
        if dataflow.is_model(layer):
            self._number(layer, dataflow.arguments_from_build(layer))
        elif not pin_layers.inside_a_layer() and not pin_layers.in_stateless_scope():
            # Built by hand: its weights can be read, copied or handed to an optimizer from here on. No call may change
            # them; a model that takes the layer in gives it its place there.
            self._place_alone(layer, dataflow.arguments_from_build(layer), self._alone)

    def ran(self, layer: Any, arguments: dict[str, Any]) -> None:
        if self._idle or layer in self._on_values:
            return
        known = layer in self._runs
        self._runs.setdefault(layer, next(self._counter))
        if self._depth:
            return
        if dataflow.is_model(layer) and layer not in self._homes and dataflow.unbuilt(layer):
            self._number(layer, dataflow.symbolic(arguments))
        else:
            self._number_loose(layer, arguments, first=not known)

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
        return self.variables.get(thing) is not None or self._generators.get(thing) is not None

    def _place_late(self, layer: Any) -> None:
        """Gives keys to weights that were added to a layer after its model was complete: those of LoRA, say."""
        where = self._places.get(layer)
        if where is None:
            return
        for n, (variable, entry) in enumerate(self._entries(layer)[0]):
            if entry.key is None:
                self._values.pin_weight(variable, entry, key(self._scope.seed, "late", *where, n))

    def _number_loose(self, layer: Any, arguments: dict[str, Any], *, first: bool) -> None:
        """Numbers a layer that runs on values outside of any model that was numbered.

        Args:
            layer: The layer.
            arguments: What it is called with.
            first: Whether it was never called before, not even on symbolic tensors.
        """
        symbolic = any(type(value).__name__ == "KerasTensor" for value in dataflow.leaves(arguments))
        if symbolic or pin_layers.in_stateless_scope():
            return
        self._on_values.add(layer)
        parts = layer._flatten_layers()
        if layer in self._homes:
            for part in parts:
                self._place_late(part)
        elif any(
            (first and self._is_new(part)) or (part not in self._homes and self._has_no_place(part)) for part in parts
        ):
            self._place_alone(layer, dataflow.symbolic(arguments), self._one_by_one)

    def _place_alone(self, layer: Any, arguments: dict[str, Any] | None, numbers: OneByOne) -> None:
        self._place(layer, self._order(layer, arguments), numbers.prefix, numbers)

    def _give_up_places(self, root: Any) -> None:
        """Lets the layers of a model that were built by hand get the places that its run gives them."""
        for layer in root._flatten_layers(include_self=False):
            if layer in self._homes and self._homes[layer].loose:
                self._alone.free(layer)
                del self._homes[layer]
                self._places.pop(layer, None)

    def _first_run(self, layer: Any) -> float:
        return self._runs.get(layer, math.inf)

    def _number(self, root: Any, arguments: dict[str, Any] | None) -> None:
        order = self._order(root, arguments)
        self._remarks.on_order(root, order)
        self._one_by_one = self._alone
        parts = root._flatten_layers(include_self=False)
        if order.flow is None and dataflow.unbuilt(root) and not any(part in self._runs for part in parts):
            # Its parts come one by one when it runs: on values, or all of them in a symbolic phase of Keras's.
            self._one_by_one = OneByOne("flow")
            self._give_up_places(root)
            self._waiting.add(root)
            self._homes[root] = Home(frozenset(), loose=True)
            return
        self._place(root, order, "flow")

    def _order(self, root: Any, arguments: dict[str, Any] | None) -> LayerOrder:
        self._busy = True
        try:
            return order_of(root, arguments, self._first_run)
        finally:
            self._busy = False

    def _place(self, root: Any, order: LayerOrder, prefix: str, one_by_one: OneByOne | None = None) -> None:
        """Gives every weight and generator of a model its position, or of a layer that gets it one by one."""
        layers = [layer for group in order.groups.values() for layer in group]
        owners = [layer for layer in layers if any(self._entries(layer))]
        doubts = self.copies.find(variable for layer in layers for variable in dataflow.own_variables(layer))
        together = frozenset(self._serials.setdefault(layer, next(self._counter)) for layer in owners)
        kept = compiled_inside(root, self._homes)
        home = Home(together, loose=one_by_one is not None)
        others = 0
        for name, group in order.groups.items():
            numbers = one_by_one or OneByOne(prefix)
            where = prefix if name == "flow" else name
            for layer in group:
                weights, generators = self._entries(layer)
                free = id(layer) not in kept and self._may_move(layer, home)
                if one_by_one is not None and not free:
                    continue  # it has a number, maybe among others
                number = numbers.weights.of(layer) if weights else others
                number_of_seeds = numbers.generators.of(layer) if generators else 0
                others += bool(dataflow.own_variables(layer)) and not weights
                if not free:
                    continue
                if one_by_one is None:
                    self._alone.free(layer)
                for n, (variable, entry) in enumerate(weights):
                    self._values.pin_weight(variable, entry, key(self._scope.seed, "weight", where, number, n))
                for n, (generator, made) in enumerate(generators):
                    self._values.pin_generator(
                        generator, made, key(self._scope.seed, "generator", where, number_of_seeds, n)
                    )
                if weights or generators or layer is root:
                    self._homes[layer] = home
                self._places[layer] = (where, number) if weights else (f"{where}, from outside", number)
        self._homes.setdefault(root, home)
        if unsure := [doubt.variable for doubt in doubts if doubt.matters]:
            self._remarks.say(limits.ambiguous_copy(unsure, root))

    def _may_move(self, layer: Any, to: Home) -> bool:
        """Says whether a layer may get another position: it has none, or all that was numbered with it moves along.

        A second model over the same layers, or over some of them (to look at what is inside), moves nothing. What is
        no model takes nothing from a layer that has a position.
        """
        home = self._homes.get(layer)
        return home is None or (not to.loose and (home.loose or home.members < to.members))

    def _is_new(self, layer: Any) -> bool:
        """Says whether a layer that holds something was never given a place, or has given it up."""
        return layer not in self._places and bool(dataflow.own_variables(layer) or dataflow.own_generators(layer))

    def _has_no_place(self, layer: Any) -> bool:
        weights, generators = self._entries(layer)
        made: list[Any] = [*weights, *generators]
        return any(entry.key is None and not entry.explicit for _, entry in made)

    def _entries(self, layer: Any) -> tuple[list[tuple[Any, Weight]], list[tuple[Any, Generator]]]:
        weights = [(v, entry) for v in dataflow.own_variables(layer) if (entry := self._weights.get(v)) is not None]
        generators = [
            (g, made) for g in dataflow.own_generators(layer) if (made := self._generators.get(g)) is not None
        ]
        return sorted(weights, key=lambda pair: pair[1].number), sorted(generators, key=lambda pair: pair[1].number)

    def first_value(self, variable: Any) -> Array | None:
        """Returns the value that belongs to the key of a variable, or None if it has none."""
        entry = self._weights.get(variable)
        return None if entry is None else self._values.first(variable, entry)

    def all_initialized(self) -> None:
        if self._idle or pin_layers.in_stateless_scope():
            return
        self._values.write_late()
        for root in self._waiting:
            if any(self._has_no_place(part) for part in root._flatten_layers()):
                self._place(root, self._order(root, None), "flow")
