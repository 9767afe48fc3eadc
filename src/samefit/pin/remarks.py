"""What a scope has to say about the models that are built and trained in it."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from samefit.patches import dataflow, pin_layers
from samefit.pin import limits
from samefit.pin.layer_order import LayerOrder
from samefit.pin.outside import Outside
from samefit.pin.positions import interchangeable
from samefit.pin.registry import Weight
from samefit.pin.report import Limit

if TYPE_CHECKING:
    from samefit.pin.scope import PinScope


class Remarks:
    """Finds what could not be pinned, and says it in the report of the scope.

    Args:
        scope: The scope.
        weights_of: Returns the variables that a layer holds itself and that may be random.
        inside: Says whether a variable or a `SeedGenerator` was made in the scope.
    """

    def __init__(
        self,
        scope: PinScope,
        weights_of: Callable[[Any], list[tuple[Any, Weight]]],
        inside: Callable[[Any], bool],
    ) -> None:
        self._scope = scope
        self._outside = Outside(scope.backend, inside)
        self._weights_of = weights_of
        self._said: set[tuple[str, Any]] = set()
        self._trained: weakref.WeakSet[Any] = weakref.WeakSet()
        # Parts from outside that were said.
        self._named: weakref.WeakSet[Any] = weakref.WeakSet()
        # Layers from outside that have drawn in a training that runs, and how many run.
        self._strangers: list[Any] = []
        self._running = 0
        # How the first model of each kind was called; kept when it is gone, or a report would depend on when that is.
        self._first_of: dict[tuple[Any, ...], str] = {}

    def say(self, limit: Limit) -> None:
        """Says a limit; once for all models of a class, whatever their names."""
        what = limit.kind, limit.location or limit.text
        if what not in self._said:
            self._said.add(what)
            self._scope.report.limit(limit)

    def on_order(self, root: Any, order: LayerOrder) -> None:
        """Says what is to be said of a model whose layers were numbered."""
        if order.flow is None:
            if dataflow.has_call(root):
                self.say(limits.untraceable(root, order.why))
            return
        for layer, why in order.flow.failed:
            if not dataflow.is_graph(layer):
                self.say(limits.untraceable(layer, why))
        for found in interchangeable(order.flow, self._identities, _kind):
            self.say(limits.ambiguous(*found))
        if not dataflow.is_graph(root):
            called = order.flow.without_training
            lost = [one for one in called if any(map(dataflow.needs_training, one._flatten_layers()))]
            if lost and not root._call_has_training_arg:
                self.say(limits.no_training(root))
            elif lost and pin_layers.training_is_lost(self._scope.backend):
                self.say(limits.training_lost(root, lost))

    def _identities(self, layer: Any) -> frozenset[int]:
        if not hasattr(layer, "_layers"):
            return frozenset()
        return frozenset(id(part) for part in layer._flatten_layers() if self._weights_of(part))

    def on_stranger(self, layer: Any) -> None:
        """Says that a layer draws from a seed generator that was made outside of the scope, unless it has a seed."""
        if layer.generator._initial_seed is not None:
            return
        if self._running:
            # A layer of the model is named with all others, when its training ends.
            self._strangers.append(layer)
        else:
            self.say(limits.made_outside(layer))

    @contextlib.contextmanager
    def training(self, model: Any) -> Iterator[None]:
        """Says if a model starts like another one that was trained in the scope, or has parts from outside of it."""
        if model in self._trained:
            yield
            return
        parts, seeds = self._outside.weights(model, self._trained), self._outside.seeds(model)
        # Said once for all that are alike: a cross-validation trains many.
        self._trained.add(model)
        built = model.built and not dataflow.unbuilt(model)
        if built:
            self._compare(model)
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            if model.built and not built:
                self._compare(model)
            parts += [layer for layer, generator, before in seeds if self._outside.drew(generator, before)]
            new = [part for part in parts if part not in self._named]
            self._named.update(new)
            if new:
                self._scope.report.limit(limits.built_outside(model, new))
            strangers, self._strangers = self._strangers, []
            for layer in strangers:
                if layer not in self._named:
                    self._named.add(layer)
                    self.say(limits.made_outside(layer))

    def _compare(self, model: Any) -> None:
        pairs = [pair for layer in model._flatten_layers() for pair in self._weights_of(layer)]
        # What the user assigned has its key no more.
        mine = [(entry.key, tuple(v._shape)) for v, entry in pairs if entry.key is not None and not entry.explicit]
        keyed = tuple(sorted(mine))
        if not keyed:
            return
        if keyed in self._first_of and ("equal-models", keyed) not in self._said:
            self._said.add(("equal-models", keyed))
            self._scope.report.limit(limits.equal_models(model, self._first_of[keyed]))
        self._first_of.setdefault(keyed, limits.name_of(model))


def _kind(operation: Any) -> Any:
    shapes = tuple(tuple(weight.shape) for weight in getattr(operation, "weights", ()))
    return type(operation).__module__, type(operation).__qualname__, shapes
