"""Every source of randomness of one run: what drew, from which line, and what decides its values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from samefit.comparison.settings import workers_of
from samefit.explain.code_draws import REMEDY, code_draws, loader_of
from samefit.explain.stages import stages_of_training
from samefit.store.reader import Run
from samefit.store.records import Event, Origin
from samefit.types import Location, Role


class Standing(StrEnum):
    """What decides the values of a source."""

    UNSEEDED = "unseeded"
    """Nothing that is written down: another run gets other values."""
    BY_POSITION = "by position"
    """A seed, and how much was drawn since: a draw that is added before it changes its values."""
    FIXED = "fixed"
    """A seed of its own."""
    PINNED = "pinned"
    """The seed of the pinned scope, and the place in the model or in the training."""


@dataclass(frozen=True)
class Source:
    """One source of randomness.

    Attributes:
        kind: "initial weights", "layer", "data order", "training", "your code" or "operating system".
        what: What draws, in words.
        standing: What decides its values.
        seeded_by: By whom, in words; "" for an unseeded one.
        remedy: What gives it a seed, or makes it independent of what is drawn before; "" where nothing is to be done.
        count: How many draws or seeds of this kind came from this line.
        location: The user's line, or None where a library draws by itself.
    """

    kind: str
    what: str
    standing: Standing
    seeded_by: str = ""
    remedy: str = ""
    count: int = 1
    location: Location | None = None


_NAMES = {
    "python": "Python's random",
    "numpy": "numpy.random",
    "tensorflow": "TensorFlow's generator",
    "torch": "PyTorch's generator",
    "keras": "Keras's global SeedGenerator",
}

_ORDERED = ("shuffle of", "first look at a batch", "data loader of", "order of batches")

_SEED_ALL = "keras.utils.set_random_seed(SEED) at the top of the script"


def sources(run: Run) -> tuple[Source, ...]:
    """Lists the sources of randomness that a run has used, those that are unseeded first.

    Draws that a library makes while it is imported shape no training and are left out.
    """
    pin = None if run.manifest.get("pin") is None else _Pin(run)
    seeds = {event.id: event for event in run.events if event.kind == "seed"}
    draws = [event for event in run.events if event.kind == "draw" and not _importing(event)]
    if pin is not None and pin.owns("data order"):
        # What the backend still draws there does not order the data.
        draws = [event for event in draws if _kind_of(event)[0] != "data order"]
        found = [*pin.orders()]
    else:
        found = []
    found += [_of_draw(event, seeds, pin) for event in draws]
    found += [_of_entropy(event) for event in run.events if event.kind == "entropy" and not _importing(event)]
    found += [*_explicit(run), *_operations(run), *_in_workers(run), *(pin.made(run) if pin is not None else ())]
    order = list(Standing)
    return tuple(sorted(_merged(found), key=lambda source: order.index(source.standing)))


def _importing(event: Event) -> bool:
    """Whether a library drew while the user's line imported it."""
    return event.component == "" and event.location is not None and event.location.imports


def _merged(found: Iterable[Source]) -> Iterator[Source]:
    counts: dict[Source, int] = {}
    for source in found:
        key = replace(source, count=1)
        counts[key] = counts.get(key, 0) + source.count
    for source, count in counts.items():
        yield replace(source, count=count)


class _Pin:
    """What a pinned scope around the whole script decides.

    Attributes:
        by: Who seeds, in words.
    """

    def __init__(self, run: Run) -> None:
        self.by = f"samefit's pin, seed {run.manifest['pin']}"
        self._fits = [training for training in run.trainings if training.kind == "fit"]
        limits = (run.manifest.get("pin_report") or {}).get("limits") or ()
        self._owns_order = all(limit["kind"] != "own-order" for limit in limits)

    def owns(self, kind: str) -> bool:
        """Whether a source of that kind depends on the seed of the pin and on its place alone."""
        return kind in ("initial weights", "layer") or (kind == "data order" and self._owns_order)

    def made(self, run: Run) -> Iterator[Source]:
        """Yields first weights and layers whose seeds the pin gives: no generator of the process is drawn from then."""
        for model in run.models.values():
            for layer in model.layers:
                if layer.seed_event is not None:
                    yield Source("layer", layer.class_name, Standing.PINNED, self.by, location=layer.location)
        for origin, _, layer_class, where in _first_weights(run):
            if not origin.seed_is_explicit and origin.seed_event is not None:
                what = f"{origin.initializer} in {layer_class}" if layer_class else origin.initializer
                yield Source("initial weights", what, Standing.PINNED, self.by, location=where)

    def seeded(self, seed: Event) -> str:
        """Returns when the pin itself seeded, in words: while Keras is imported, or in the line that calls `fit`."""
        if seed.location is not None and any(training.location == seed.location for training in self._fits):
            return f"{self.by}, when the training begins"
        return f"{self.by}, from the start of the script" if _importing(seed) else ""

    def orders(self) -> Iterator[Source]:
        """Yields the orders of data that the pin gives."""
        for training in self._fits:
            if training.options.get("shuffle", True) is not False:
                what = f"the order of samples in fit #{training.number}"
                yield Source("data order", what, Standing.PINNED, self.by, location=training.location)


def _of_draw(event: Event, seeds: dict[int, Event], pin: _Pin | None) -> Source:
    kind, what = _kind_of(event)
    seed = seeds.get(event.seeded) if event.seeded is not None else None
    if pin is not None and pin.owns(kind):
        return Source(kind, what, Standing.PINNED, pin.by, "", event.count, event.location)
    if seed is None:
        return Source(kind, what, Standing.UNSEEDED, "", _SEED_ALL, event.count, event.location)
    where = f"line {seed.location.line}: " if seed.location is not None else ""
    seeded_by = f"{where}{seed.function}({seed.value})"
    if pin is not None:
        seeded_by = pin.seeded(seed) or seeded_by
    remedy = _own_seed(kind)
    if event.function.startswith("Dataset."):
        remedy = f"{event.function.removeprefix('Dataset.')}(..., seed=SEED)"
    return Source(kind, what, Standing.BY_POSITION, seeded_by, remedy, event.count, event.location)


def _kind_of(event: Event) -> tuple[str, str]:
    component = event.component
    if component.startswith("seed of"):
        name = component.removeprefix("seed of ")
        return ("initial weights", name) if " in " in name else ("layer", name)
    if component.startswith(_ORDERED):
        return "data order", f"the order of samples in {component.rpartition(' of ')[2].rpartition(' in ')[2]}"
    if component:
        return "training", f"{component}, from {_NAMES.get(event.generator, event.generator)}"
    return "your code", f"{event.function}, from {_NAMES.get(event.generator, event.generator)}"


def _own_seed(kind: str) -> str:
    if kind in ("initial weights", "layer"):
        return "a seed of its own (seed=...), or samefit.pinned(SEED)"
    if kind == "your code":
        return "a generator of its own: numpy.random.default_rng(SEED), random.Random(SEED)"
    return "samefit.pinned(SEED)"


def _of_entropy(event: Event) -> Source:
    code = event.location.code if event.location is not None else None
    generator = "default_rng" in f"{event.keras} {code}"
    what = "numpy.random.default_rng without a seed" if generator else f"{event.function}"
    remedy = "numpy.random.default_rng(SEED)" if generator else "a seeded generator instead"
    return Source("operating system", what, Standing.UNSEEDED, "", remedy, event.count, event.location)


def _operations(run: Run) -> Iterator[Source]:
    """Yields TensorFlow's random operations in pipelines to which nobody gave a seed."""
    for training in run.trainings:
        for stage in stages_of_training(training):
            for operation in stage.unseeded:
                what = f"{operation} in the function of {stage.function}, from {_NAMES['tensorflow']}"
                yield Source("your code", what, Standing.UNSEEDED, "", _SEED_ALL, location=stage.location)


def _in_workers(run: Run) -> Iterator[Source]:
    """Yields what the code of a dataset draws in workers: in turns as they come, or where nothing is recorded."""
    for training in run.trainings:
        if workers_of(training).get("workers", 0) > 1:
            for draw in code_draws(training, "own", "shared"):
                what = f"{draw.text} in {draw.function}, by workers in turns as they come"
                yield Source("your code", what, Standing.UNSEEDED, "", _IN_TURNS, location=draw.location)
            for draw in code_draws(training, "unread"):
                what = f"{draw.function}, whose code could not be read: what it draws in workers is not known"
                yield Source("your code", what, Standing.UNSEEDED, "", _IN_TURNS, location=draw.location)
        elif loader_of(training) is not None:
            for draw in code_draws(training, "entropy"):
                what = f"{draw.text} in {draw.function}, in worker processes"
                yield Source("operating system", what, Standing.UNSEEDED, "", REMEDY, location=draw.location)


_IN_TURNS = "numpy.random.default_rng([SEED, index]) in __getitem__, or workers=1"


def _explicit(run: Run) -> Iterator[Source]:
    """Yields layers and initialisers with a seed that the user wrote."""
    for model in run.models.values():
        for layer in model.layers:
            if layer.seed_value is not None and layer.seed_draw is None and layer.seed_event is None:
                own = f"its own seed {layer.seed_value}"
                yield Source("layer", layer.class_name, Standing.FIXED, own, location=layer.location)
    for origin, path, _, where in _first_weights(run):
        if origin.seed_is_explicit:
            own = f"its own seed {origin.seed}"
            yield Source("initial weights", f"{origin.initializer} of {path}", Standing.FIXED, own, location=where)


def _first_weights(run: Run) -> Iterator[tuple[Origin, str, str, Location | None]]:
    """Yields (origin, path, class of the layer, line) of the weights that initialisers made, each once."""
    seen = set()
    for training in run.trainings:
        state = run.begin_state(training.number)
        for variable in run.layouts[state.layout] if state is not None else ():
            origin, key = variable.origin, (training.model, variable.path)
            if origin is None or key in seen or variable.role is Role.SEED:
                continue
            seen.add(key)
            # Weights are made when a model is built; the seed stands where their layer was constructed.
            owner = None if variable.layer is None else run.models[training.model].layers[variable.layer]
            where = origin.location if owner is None or owner.location is None else owner.location
            yield origin, variable.path, "" if owner is None else owner.class_name, where
