"""Where layers, seeds and first values of variables came from, and the order in which layers run."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from samefit.attribution import caller
from samefit.backends.base import Array, Backend
from samefit.by_object import ByObject
from samefit.patches.configs import config_of
from samefit.patches.default_seeds import draws_from_python
from samefit.patches.layers import mask_of
from samefit.record.guard import guarded
from samefit.record.ledger import Ledger
from samefit.record.modes import written_mode
from samefit.record.plain import is_plain, leaves, plain
from samefit.store.digest import state_digest
from samefit.store.records import Origin
from samefit.transplant.plan import Transplants
from samefit.types import Location, WrittenMode

_PLAIN_INITIALIZERS = ("Zeros", "Ones", "Constant", "Identity")


@dataclass
class Construction:
    """A layer's constructor call: which of its class it was in the side, and where."""

    ordinal: int
    location: Location | None
    event: int


@dataclass
class Call:
    """One call of a layer or an operation, while the first step runs."""

    operation: Any
    depth: int
    training: bool | None
    mask_in: bool
    mask_out: bool = False
    shapes: tuple[tuple[int | None, ...], ...] = ()
    inherited: bool | None = None
    """The mode of what is called within."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """Plain values that it is called with, by their places or names."""
    written: WrittenMode | None = None

    def returned(self, output: Any) -> None:
        """Notes what came out."""
        self.mask_out = _has_mask(output)
        self.shapes = _shapes(output)


@dataclass
class Seed:
    """The seed of an initialiser or a SeedGenerator."""

    explicit: bool
    draw: int | None
    event: int | None
    value: int | None = None


@dataclass
class Made:
    """What is known of a variable's first value."""

    origin: Origin
    value: Array | None = None
    again: Callable[[], Any] | None = None


class Provenance:
    """Implements `samefit.patches.layers.BuildObserver`.

    Attributes:
        guard: The ledger's: a failure in here stops the recording, and never what is watched.
        calls: Calls of the step that is captured now, or None.
        in_step: Whether a training step runs: assignments within are the training itself.
        on_update: Called when an optimizer applies gradients outside of any step.
        keep_values: Whether first values of variables that are made now are kept as arrays (models that are built
            inside their first step have no other initial weights).
    """

    def __init__(self, ledger: Ledger, backend: Backend, transplants: Transplants) -> None:
        self.guard = ledger.guard
        self.calls: list[Call] | None = None
        self.on_update: Callable[[], None] | None = None
        self.in_step = False
        self.keep_values = False
        self._depth = 0
        self._trainings: list[bool | None] = []
        self._ledger = ledger
        self._backend = backend
        self._transplants = transplants
        self._constructions: weakref.WeakKeyDictionary[Any, Construction] = weakref.WeakKeyDictionary()
        self._counts: dict[str, int] = {}
        self._seeds: ByObject[Seed] = ByObject()
        self._initializers: ByObject[int] = ByObject()
        self._made: ByObject[Made] = ByObject()
        self._seed_draws = 0
        self._last_seed: int | None = None
        self._random_variables = 0
        self._last_draw: tuple[int, int | None] | None = None
        self._finished: list[Call] = []
        self._built_inside = False
        self._variable_number: int | None = None
        self._assignments = 0

    def begin_side(self) -> None:
        """Starts counting constructions and seed draws of a new side."""
        self._counts.clear()
        self._seed_draws = 0
        self._random_variables = 0

    # -- constructors -----------------------------------------------------------------------------------------------

    @guarded
    def constructing(self, operation: Any, cls: type) -> None:
        name = cls.__qualname__
        ordinal = self._counts.get(name, 0)
        self._counts[name] = ordinal + 1
        self._constructions[operation] = Construction(ordinal, caller().location, self._ledger.last_id)
        self._transplants.constructing(operation, ordinal)

    def construction(self, operation: Any) -> Construction:
        """Returns where a layer or an operation was constructed; an empty answer for one made before the recording."""
        return self._constructions.get(operation) or Construction(0, None, -1)

    def seed_wanted(self, draw: Callable[[], int]) -> int:
        number = self._seed_draws
        self._seed_draws += 1
        value = self.guard(lambda: self._transplants.seed(number), None)
        drawn = draw()
        # Inside of a pinned scope Keras draws from a generator that no ledger knows; what seeds Python's seeds it, too.
        event = self._ledger.last_id if draws_from_python() else self._ledger.seeded.get("python")
        self._last_draw = (number, event)
        self._last_seed = drawn if value is None else value
        return self._last_seed

    @guarded
    def seeded(self, holder: Any, explicit: Any) -> None:
        is_explicit = explicit is not None
        drawn = None if is_explicit else self._last_draw
        self._last_draw = None
        value = explicit if is_explicit else self._last_seed
        seed = Seed(is_explicit, drawn[0] if drawn else None, drawn[1] if drawn else None, _integer(value))
        self._seeds.add(holder, seed)

    def seed_of(self, holder: Any) -> Seed | None:
        """Returns where an initialiser or a SeedGenerator got its seed, or None if that was not seen."""
        return self._seeds.get(holder)

    # -- variables --------------------------------------------------------------------------------------------------

    def initializing(self, initializer: Any) -> Any:
        return self.guard(lambda: self._initializing(initializer), initializer)

    def _initializing(self, initializer: Any) -> Any:
        self._variable_number = None
        if _is_random(initializer):
            self._variable_number = self._random_variables
            self._random_variables += 1
            seed = self._transplants.initializer_seed(self._variable_number)
            if seed is not None:
                return type(initializer).from_config({**initializer.get_config(), "seed": seed})
        return initializer

    @guarded
    def variable_made(self, variable: Any, initializer: Any) -> None:
        self._built_inside = self._built_inside or self.calls is not None
        origin = self._origin(initializer)
        again = None
        if _is_pure(initializer):
            again = functools.partial(initializer, tuple(variable.shape), dtype=variable.dtype)
        self._made.add(variable, Made(origin, again=again))
        self.variable_ready(variable)

    @guarded
    def variable_ready(self, variable: Any) -> None:
        made = self.made(variable)
        if made is None or made.origin.digest is not None:
            return
        if made.origin.initializer in _PLAIN_INITIALIZERS and not self.keep_values:
            return
        value = self._backend.host_value(variable)
        if value is None and self.keep_values and made.again is not None:
            value = self._backend.evaluated(made.again)
        if value is not None:
            made.origin = replace(made.origin, digest=state_digest(value))
            if self.keep_values:
                made.value = value.copy()

    def made(self, variable: Any) -> Made | None:
        """Returns what is known of the first value of `variable`."""
        return self._made.get(variable)

    @guarded
    def assigned(self, variable: Any) -> None:
        self._assignments += 1
        if self.in_step or self._ledger.inside("fit") or self._ledger.inside("evaluate"):
            return
        made = self.made(variable)
        if made is None:
            return
        who = caller()
        words = [name.rsplit(".", 1)[-1] for name in who.names]
        ways = ("load_model", "load_weights", "set_weights", "adapt")
        via: str | None = next((word for word in ways if word in words), None)
        if via is None and any(name.endswith("Layer.__call__") for name in who.names):
            # A layer moved its own state: moving averages, the state of a recurrent layer.
            via = "call"
        if via is None and any("seed" in name.lower() for name in who.names[:1]):
            return
        made.origin = replace(made.origin, assigned=via or "assign", assigned_location=who.location)
        if variable.name == "learning_rate":
            self._ledger.note("assign", function=via or "assign", component=variable.path, location=who.location)

    @contextlib.contextmanager
    def loading(self, model: Any) -> Iterator[None]:
        before = self._assignments
        yield
        self._loaded(model, self._assignments - before)

    @guarded
    def _loaded(self, model: Any, number: int) -> None:
        fields = {"function": "load_weights", "component": model.name, "value": number}
        self._ledger.note("load", **fields, location=caller().location)

    @guarded
    def adapted(self, layer: Any) -> None:
        where = caller().location
        if where is None or not type(layer).__module__.startswith("keras."):
            return
        if hasattr(layer, "get_vocabulary"):
            # A table of a framework's, which is no variable; the words may be strings or integers.
            learned = "\0".join(map(str, layer.get_vocabulary())).encode()
        else:
            values = [self._backend.host_value(variable) for variable in layer.variables]
            learned = b"".join(state_digest(value) for value in values if value is not None)
        function = f"{type(layer).__name__}.adapt"
        self._ledger.note("adapt", function=function, value=hashlib.sha256(learned).hexdigest()[:16], location=where)

    def _origin(self, initializer: Any) -> Origin:
        location = caller().location
        if not callable(initializer):
            return Origin("value", event=self._ledger.last_id, location=location)
        number = self._number(initializer)
        seed = self._seeds.get(initializer)
        value = getattr(initializer, "seed", None)
        return Origin(
            initializer=getattr(initializer, "__name__", None) or type(initializer).__name__,
            config=_config(initializer),
            initializer_id=number,
            seed=value if isinstance(value, int) else None,
            seed_is_explicit=seed.explicit if seed else isinstance(value, int),
            seed_draw=seed.draw if seed else None,
            seed_event=seed.event if seed else None,
            event=self._ledger.last_id,
            location=location,
            number=self._variable_number,
        )

    def _number(self, initializer: Any) -> int:
        known = self._initializers.get(initializer)
        if known is None:
            known = self._initializers.made
            self._initializers.add(initializer, known)
        return known

    # -- calls ------------------------------------------------------------------------------------------------------

    @property
    def capturing(self) -> bool:
        return self.calls is not None

    @contextlib.contextmanager
    def inside_step(self) -> Iterator[None]:
        """Within, a training step runs."""
        self.in_step = True
        try:
            yield
        finally:
            self.in_step = False

    def start_capture(self) -> None:
        """Calls are noted from now on, until `applying` or `end_capture`."""
        self.calls, self._depth, self._trainings = [], 0, []
        self._built_inside = False

    def end_capture(self) -> list[Call]:
        """Stops noting calls and returns them, in the order in which they began."""
        calls, self.calls = self.calls or self._finished, None
        self._finished = []
        half = len(calls) // 2
        if self._built_inside and [c.operation for c in calls[:half]] == [c.operation for c in calls[half:]]:
            # On TensorFlow a subclassed model is built by a run of its own inside the first step.
            calls = calls[half:]
        return calls

    @guarded
    def applying(self, optimizer: Any) -> None:
        if not self.in_step and self.on_update is not None:
            self.on_update()
        # The first update ends the first forward pass; a second trace of the same step would only repeat it.
        if self.calls:
            self._finished, self.calls = self.calls, None

    def called(self, operation: Any, args: Any, kwargs: Any, call: Callable[[], Any]) -> Any:
        training = self._trainings[-1] if self._trainings else None
        entry = self.guard(lambda: self._call(operation, args, kwargs), None)
        self._depth += 1
        self._trainings.append(training if entry is None else entry.inherited)
        try:
            output = call()
        finally:
            self._depth -= 1
            self._trainings.pop()
        if entry is not None:
            self.guard(lambda: entry.returned(output), None)
        return output

    def _call(self, operation: Any, args: Any, kwargs: Any) -> Call:
        explicit = kwargs.get("training")
        inherited = self._trainings[-1] if self._trainings else None
        training = explicit if isinstance(explicit, bool) else inherited
        # A layer that takes no `training` argument has no mode; Keras says so in a private attribute (3.12 to 3.15).
        takes_training = getattr(operation, "_call_has_training_arg", False)
        mode = training if takes_training else None
        masked = _has_mask(args) or _has_mask(kwargs)
        given = {f"argument {number}": value for number, value in enumerate(args, start=1)} | dict(kwargs)
        plain_ones = {name: value for name, value in given.items() if is_plain(value)}
        # The line is read anew for each call: not in the steps of an eager training that nobody captures. PyTorch's
        # compiler, which follows this code in a pinned scope, warns of frames.
        is_read = takes_training and self.calls is not None and not self._backend.is_compiling()
        written = written_mode(sys._getframe(1)) if is_read else None
        entry = Call(operation, self._depth, mode, masked, inherited=training, given=plain_ones, written=written)
        if self.calls is not None:
            self.calls.append(entry)
        return entry


def _is_pure(initializer: Any) -> bool:
    """Whether an initialiser gives the same values each time, without moving any generator: Keras's own do."""
    if not callable(initializer):
        return False
    # Keras also uses functions of its own: the LSTM's bias with its ones, the first state of a seed generator.
    module = getattr(initializer, "__module__", None) or type(initializer).__module__
    if not module.startswith("keras."):
        return False
    return not _is_random(initializer) or isinstance(initializer.seed, int)


def _is_random(initializer: Any) -> bool:
    # By class name and not by class: this module must not import Keras.
    return any(base.__name__ == "RandomInitializer" for base in type(initializer).__mro__)


def _integer(value: Any) -> int | None:
    return int(value) if isinstance(value, int) else None


def _config(thing: Any) -> Mapping[str, Any]:
    described: Mapping[str, Any] = plain(config_of(thing)) if callable(getattr(thing, "get_config", None)) else {}
    return described


def _has_mask(value: Any) -> bool:
    if isinstance(value, Mapping) and any("mask" in str(key) and item is not None for key, item in value.items()):
        return True
    return any(hasattr(leaf, "shape") and mask_of(leaf) is not None for leaf in leaves(value))


def _shapes(value: Any) -> tuple[tuple[int | None, ...], ...]:
    shapes = []
    for leaf in leaves(value):
        shape = getattr(leaf, "shape", None)
        if shape is not None:
            try:
                shapes.append(tuple(None if n is None else int(n) for n in shape))
            except (TypeError, ValueError):
                # A shape of unknown rank on TensorFlow.
                shapes.append(())
    return tuple(shapes)
