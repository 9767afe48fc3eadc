"""Pairs of hand-made runs whose first weights differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tests.explain.cases import Story, at, case_between
from tests.handmade import Change, Layer, Training, dense, make_run

from samefit.explain.case import Case
from samefit.store.records import Event, Origin
from samefit.types import Stage

KERNEL = Change("variable", step=-1, path="dense/kernel")
ARRAYS = [np.full((4, 4), value, np.float32) for value in range(4)]


def put(*values: np.ndarray[Any, Any] | None) -> list[Change]:
    """Gives the kernels of the dense layers of a model, in order, these values from the begin on."""
    names = ["dense", "dense_1", "dense_2"]
    return [
        Change("set", -1, f"{name}/kernel", array=value)
        for name, value in zip(names, values, strict=False)
        if value is not None
    ]


def layer(**origin: Any) -> Layer:
    """A layer whose kernel was made by an initialiser of the line 7."""
    made = Origin(**{"initializer": "GlorotUniform", "location": at(7), **origin})
    return dense(4, 4, origins={"kernel": made}, record={"location": at(7)})


def drawn(story: Story, seed: int, **more: Any) -> Layer:
    """A layer whose seed Keras drew with the last draw of a story."""
    event = story.events[-1]
    return layer(seed=seed, seed_draw=event.draw, seed_event=event.id, event=event.id, number=0, **more)


def drawn_at(event: Event, seed: int) -> Layer:
    """A layer whose seed Keras drew with that entry of the ledger."""
    return layer(seed=seed, seed_draw=event.draw, seed_event=event.id, event=event.id, number=0)


def two(
    tmp_path: Path,
    layers: tuple[Sequence[Layer], Sequence[Layer]],
    stories: tuple[Story, Story] | None = None,
    changes: tuple[Sequence[Change], Sequence[Change]] = ((), (KERNEL,)),
    manifest: tuple[Mapping[str, Any], Mapping[str, Any]] = ({}, {}),
    stage: Stage = Stage.INITIAL_WEIGHTS,
    **options: Any,
) -> Case:
    runs = []
    for i, name in enumerate("ab"):
        story = stories[i].training(1) if stories is not None else None
        runs.append(
            make_run(
                tmp_path / name,
                layers=layers[i],
                trainings=[Training(location=at(9), begin_event=story.begin[1] if story else 0)],
                events=story.events if story else (),
                states=story.states if story else None,
                changes=changes[i],
                manifest=manifest[i],
                **options,
            )
        )
    case = case_between(*runs)
    assert case.divergence.stage is stage
    return case


def built(story: Story) -> Story:
    return story.draw(7, component="seed of GlorotUniform in Dense")
