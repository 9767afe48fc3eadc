"""Trainings of two sides in one order, where both train the same models and not in the same order.

What is paired by position alone would hold a model against another one, and each option in which the two differ would
look like a cause.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

from samefit.comparison.settings import NAMES
from samefit.store.reader import Run
from samefit.store.records import TrainingRecord
from samefit.types import Role

Trainings = tuple[TrainingRecord, ...]

_Key = Callable[[Run, TrainingRecord], Hashable]


def in_order_of(run_a: Run, trainings_a: Trainings, run_b: Run, trainings_b: Trainings) -> Trainings:
    """Returns the candidate's trainings in the order in which the baseline trains the same models.

    They are left as they are where the two orders agree, and where it cannot be said which model is which: each must
    have one partner by what it is called, or else by what it consists of and the line that makes it.

    Args:
        run_a: The baseline's run.
        trainings_a: The baseline's trainings, in order.
        run_b: The candidate's run.
        trainings_b: The candidate's trainings, in order.
    """
    if len(trainings_a) != len(trainings_b) or len(trainings_a) < 2:
        return trainings_b
    for key in _KEYS:
        first, second = _keyed(key, run_a, trainings_a), _keyed(key, run_b, trainings_b)
        if first is None or second is None or Counter(first) != Counter(second):
            continue
        waiting: dict[Hashable, list[TrainingRecord]] = {}
        for known, training in zip(second, trainings_b, strict=True):
            waiting.setdefault(known, []).append(training)
        found = tuple(waiting[known].pop(0) for known in first)
        # Two models may have got each other's options, and be trained on the data that each is for.
        exchanged = key is not _own_name and _same_data(trainings_a, trainings_b) > _same_data(trainings_a, found)
        return trainings_b if exchanged else found
    return trainings_b


def ordered(trainings: Trainings, numbers: Sequence[int]) -> Trainings:
    """Returns trainings in the order of `numbers` up to the first that has not begun; as they are without numbers."""
    begun = {training.number: training for training in trainings}
    known = tuple(begun[number] for number in itertools.takewhile(begun.__contains__, numbers))
    return known if numbers else trainings


def other_order(trainings_a: Sequence[TrainingRecord], trainings_b: Sequence[TrainingRecord]) -> Iterator[str]:
    """Says which training is held against which, where the two sides do not train in one order."""
    if not any(is_in_turn(trainings) for trainings in (trainings_a, trainings_b)):
        return
    pairs = [f"#{a.number} and #{b.number}" for a, b in zip(trainings_a, trainings_b, strict=False)]
    shown = ", ".join(pairs[:_SHOWN]) + (f" and {len(pairs) - _SHOWN} more" if len(pairs) > _SHOWN else "")
    yield f"The two sides train the same models in another order; model by model these belong together: {shown}."


_SHOWN = 4


def is_in_turn(trainings: Sequence[TrainingRecord]) -> bool:
    """Whether trainings stand in another order than that in which they began."""
    numbers = [training.number for training in trainings]
    return numbers != sorted(numbers)


def _same_data(first: Trainings, second: Trainings) -> int:
    """Returns how many trainings are given the same arrays, as far as that is known."""
    digests = ([_digest(training) for training in trainings] for trainings in (first, second))
    return sum(one == other is not None for one, other in zip(*digests, strict=True))


def _digest(training: TrainingRecord) -> object:
    x = training.options.get("x")
    return x.get("digest") if isinstance(x, Mapping) else None


def _keyed(key: _Key, run: Run, trainings: Trainings) -> list[Hashable] | None:
    """Returns what each training is of; None where that is not known, or two models are alike in it."""
    keys: dict[int, Hashable] = {}
    for training in trainings:
        if training.model not in keys:
            keys[training.model] = key(run, training)
    known = [*keys.values()]
    return None if None in known or len({*known}) != len(known) else [keys[t.model] for t in trainings]


def _own_name(run: Run, training: TrainingRecord) -> Hashable:
    """Returns what the user calls a model; None where Keras has named it."""
    model = run.models.get(training.model)
    if model is None:
        return None
    # As Keras makes a name of a class (keras/src/utils/naming.py, `to_snake_case`, 3.15).
    words = re.sub(r"\W+", "", model.class_name)
    auto = re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z]+)", r"\1_\2", words)).lower()
    return None if re.fullmatch(rf"{re.escape(auto)}(_\d+)?", model.name) else model.name


def _options(run: Run, training: TrainingRecord) -> Hashable:
    """Returns what a model consists of, with the options of its layers."""
    parts, model = _parts(run, training), run.models.get(training.model)
    return None if parts is None or model is None else (parts, *(_plain(layer.config) for layer in model.layers))


def _parts(run: Run, training: TrainingRecord) -> Hashable:
    """Returns what a model consists of: its layers, and the shapes of its weights."""
    state, model = run.begin_state(training.number), run.models.get(training.model)
    if state is None or model is None:
        return None
    weights = ((v.role, v.shape) for v in run.layouts[state.layout] if v.role in (Role.TRAINABLE, Role.NON_TRAINABLE))
    return model.class_name, *(layer.class_name for layer in model.layers), *weights


def _parts_and_line(run: Run, training: TrainingRecord) -> Hashable:
    """As `_parts`, with the line that makes the model."""
    parts, model = _parts(run, training), run.models.get(training.model)
    where = None if model is None else model.location
    return None if parts is None or where is None or where.code is None else (parts, where.code)


_KEYS: tuple[_Key, ...] = (_own_name, _options, _parts, _parts_and_line)
"""What tells models apart, most telling first."""


def _plain(config: Any) -> Hashable:
    """Returns a configuration without names and seeds, which say nothing of what a layer is."""
    if isinstance(config, Mapping):
        return tuple(_items(config))
    return tuple(map(_plain, config)) if isinstance(config, (list, tuple)) else repr(config)


def _items(config: Mapping[str, Any]) -> Iterator[tuple[str, Hashable]]:
    for key in sorted(config, key=str):
        if key not in (*NAMES, "seed"):
            yield str(key), _plain(config[key])
