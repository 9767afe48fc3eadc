"""Hand-made runs: real run directories in milliseconds, without Keras, with one thing changed at a time.

    a = make_run(tmp_path / "a")
    b = make_run(tmp_path / "b", changes=[Change("batch", step=3)])

The value of a variable is a pure function of (seed, key of its layer, name, number of updates so far), so that two runs
with equal seeds agree, whatever their layers are called and however they are listed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.handmade.maker import Maker
from tests.handmade.parts import LAYERS, Change, Layer, Training, dense, dropout, normalization

from samefit.store.reader import Run
from samefit.store.records import CallRecord, Event
from samefit.store.writer import RunWriter
from samefit.types import Build

__all__ = [
    "LAYERS",
    "Change",
    "Layer",
    "Training",
    "dense",
    "dropout",
    "make_run",
    "met",
    "normalization",
]

NO_PROCESS = 2**22 + 1
"""A process number above the largest that Linux gives."""

MANIFEST: Mapping[str, Any] = {
    "target": "train.py",
    "backend": "jax",
    "device": "cpu",
    "versions": {"keras": "3.15.1", "jax": "0.10.2"},
    "environment": {},
    "flags": {},
    "globals": {"dtype_policy": "float32"},
    "threads": {"OMP": 2},
}


def make_run(
    path: Path,
    *,
    layers: Sequence[Layer] = LAYERS,
    trainings: Sequence[Training] = (Training(),),
    seed: int = 0,
    changes: Sequence[Change] = (),
    manifest: Mapping[str, Any] | None = None,
    status: str = "complete",
    order: str = "execution",
    listing: Sequence[int] | None = None,
    calls: Sequence[CallRecord] | None = None,
    slots: Sequence[str] = ("momentum", "velocity"),
    arrays: bool = True,
    events: Sequence[Event] = (),
    states: Mapping[str, Mapping[str, bytes]] | None = None,
    class_name: str = "Sequential",
    build: Build = Build.SEQUENTIAL,
    batch_size: int = 32,
    every: int = 1,
    ends: bool = True,
    names: Mapping[int, str] | None = None,
) -> Run:
    """Writes a run and opens it.

    Args:
        path: Its directory.
        layers: The layers of every model in it, in order of execution.
        trainings: What it trained, in order; equal `model` numbers go on from where they were.
        seed: Another seed is another training altogether.
        changes: What is perturbed.
        manifest: Added to `MANIFEST`.
        status: As for `RunWriter.close`, or "killed" or "running".
        order: `ModelRecord.order`.
        listing: Another order of the variables in the layout.
        calls: `ModelRecord.calls`; one a layer by default.
        slots: Slots of the optimizer.
        arrays: Whether initial and final arrays are written.
        events: The ledger.
        states: Generator states that were kept, {moment: {generator: state}}.
        class_name: Of the models.
        build: Of the models.
        batch_size: Samples in a step.
        every: A state is written after each step whose 1-based number is a multiple of this.
        ends: Whether the state at the end of each training is written.
        names: What models are called, by number; "model" by default.
    """
    pid = {"pid": NO_PROCESS} if status == "killed" else {}
    writer = RunWriter(path, {**MANIFEST, **pid, **(manifest or {})})
    maker = Maker(writer, _named(layers), seed, changes, tuple(slots), listing, batch_size, every, arrays, ends)
    for number in sorted({training.model for training in trainings}):
        maker.model(number, (names or {}).get(number, "model"), class_name, build, order, calls)
    for number, training in enumerate(trainings, start=1):
        maker.training(number, training)
    if any(change.what == "no batch" for change in changes):
        writer.warning("batch-unseen", "training #1: its batches could not be seen")
    for event in events:
        writer.event(event)
    for point, kept in (states or {}).items():
        writer.generator_states(point, kept)
    if status in ("killed", "running"):
        writer.flush()
    else:
        writer.close(status)
    return Run.open(path)


def _named(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Gives layers auto-names as Keras does, and keys by class and place among their class."""
    counts: dict[str, int] = {}
    named = []
    for layer in layers:
        number = counts[layer.class_name] = counts.get(layer.class_name, -1) + 1
        auto = layer.class_name.lower() + (f"_{number}" if number else "")
        named.append(replace(layer, name=layer.name or auto, key=layer.key or f"{layer.class_name}{number}"))
    return tuple(named)


def met(plan: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns what the manifest of a re-run says of transplants that were all met."""
    return [{"do": item["do"], "at": item.get("at"), "met": "all", "missing": []} for item in plan]
