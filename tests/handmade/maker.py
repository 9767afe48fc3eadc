"""Writes the models and trainings of a hand-made run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from tests.handmade.parts import Change, Layer, Training

from samefit.store.digest import chain, state_digest
from samefit.store.records import (
    CallRecord,
    LayerRecord,
    ModelRecord,
    PassedOver,
    StateRecord,
    StepRecord,
    TrainingRecord,
    VariableRecord,
)
from samefit.store.writer import RunWriter
from samefit.types import Build, Role


class Maker:
    """Knows the values of all variables at each step."""

    def __init__(
        self,
        writer: RunWriter,
        layers: Sequence[Layer],
        seed: int,
        changes: Sequence[Change],
        slots: tuple[str, ...],
        listing: Sequence[int] | None,
        batch_size: int,
        every: int,
        arrays: bool,
        ends: bool,
    ) -> None:
        self.with_ends = ends
        self.writer, self.layers, self.seed, self.changes, self.slots = (
            writer,
            layers,
            str(seed).encode(),
            changes,
            slots,
        )
        self.batch_size, self.every, self.with_arrays = batch_size, every, arrays
        self.variables, self.keys = self._variables(listing)
        self.number = writer.layout(self.variables)
        self.index = 0
        self.updates: dict[int, int] = {}

    # -- description ------------------------------------------------------------------------------------------------

    def _own(self) -> Iterator[tuple[VariableRecord, bytes]]:
        for position, layer in enumerate(self.layers):
            for index, (name, shape) in enumerate(layer.weights.items()):
                yield self._variable(Role.TRAINABLE, layer, name, shape, position, index)
        for position, layer in enumerate(self.layers):
            for index, (name, shape) in enumerate(layer.state.items(), start=len(layer.weights)):
                yield self._variable(Role.NON_TRAINABLE, layer, name, shape, position, index)
            if layer.seeded:
                yield self._variable(Role.SEED, layer, "seed_generator_state", (2,), position, 1000)

    @staticmethod
    def _variable(
        role: Role, layer: Layer, name: str, shape: tuple[int, ...], position: int, index: int
    ) -> tuple[VariableRecord, bytes]:
        key = f"{layer.key}/{name}".encode()
        path, origin = f"{layer.name}/{name}", layer.origins.get(name)
        return VariableRecord(role, path, shape, "float32", position, index, origin=origin), key

    def _variables(self, listing: Sequence[int] | None) -> tuple[tuple[VariableRecord, ...], list[bytes]]:
        own = list(self._own())
        own = own if listing is None else [own[i] for i in listing]
        records, keys = [v for v, _ in own], [k for _, k in own]
        for slot in ("iteration", "learning_rate"):
            records.append(VariableRecord(Role.OPTIMIZER, f"adam/{slot}", (), "float32", slot=slot))
            keys.append(slot.encode())
        for position, (variable, key) in enumerate(own):
            for slot in self.slots if variable.role is Role.TRAINABLE else ():
                path = f"adam/{variable.path.replace('/', '_')}_{slot}"
                records.append(
                    VariableRecord(Role.OPTIMIZER, path, variable.shape, "float32", slot=slot, slot_of=position)
                )
                keys.append(key + b":" + slot.encode())
        return tuple(records), keys

    def model(
        self, number: int, name: str, class_name: str, build: Build, order: str, calls: Sequence[CallRecord] | None
    ) -> None:
        records = tuple(
            LayerRecord(
                layer.class_name,
                layer.name,
                layer.config,
                trainable=layer.trainable,
                is_leaf=layer.is_leaf,
                **layer.record,
            )
            for layer in self.layers
        )
        seen = [CallRecord("layer", layer.class_name, i) for i, layer in enumerate(self.layers)]
        self.writer.model(
            ModelRecord(number, name, class_name, build, records, tuple(seen if calls is None else calls), order)
        )

    # -- trainings --------------------------------------------------------------------------------------------------

    def training(self, number: int, training: Training) -> None:
        record = TrainingRecord(
            number,
            training.side,
            training.model,
            training.kind,
            training.options,
            training.compiled,
            training.begin_event,
            training.status,
            training.location,
            training.metrics,
            tuple(i for i, layer in enumerate(self.layers) if not layer.trainable)
            if training.frozen is None
            else training.frozen,
            training.history,
        )
        self.writer.training(record)
        if number > 1 and any(c.what == "copy" and c.step == self.index for c in self.changes):
            self.updates[training.model] = max(self.updates.values(), default=0)
        before = self._digests(training.model, self.index - 1)
        for change in self.changes:
            if change.what == "begin" and change.step == self.index:
                i = next(i for i, v in enumerate(self.variables) if v.path == change.path)
                new = chain(before[16 * i : 16 * i + 16], b"changed")
                new = new if change.array is None else state_digest(change.array)
                before = before[: 16 * i] + new + before[16 * i + 16 :]
        if not any(c.what == "no begin" for c in self.changes):
            self._state(StateRecord(self.index, number, "begin", self.number, before))
        self._arrays(f"initial-{number}", before)
        link = b""
        for epoch, steps in enumerate(training.steps):
            for step in range(steps):
                link = self._step(number, training, epoch, step, link)
        final = self._digests(training.model, self.index - 1)
        nothing = any(change.what == "no state" and change.step == -2 for change in self.changes)
        if self.with_ends and self.index and training.steps and training.status == "complete" and not nothing:
            self.writer.state(StateRecord(self.index - 1, number, "end", self.number, final))
        if training.kind == "fit" and training.steps and training.status == "complete" and not nothing:
            self.writer.state(StateRecord(self.index - 1, number, "final", self.number, self._final(final)))
        self._arrays(f"final-{number}", final)

    def _between(self, number: int, training: Training) -> None:
        paths = {change.path for change in self.changes if change.what == "between" and change.step == self.index}
        if paths:
            digests = self._with(paths, self._digests(training.model, self.index - 1))
            self.writer.state(StateRecord(self.index, number, "begin", self.number, digests))

    def _final(self, digests: bytes) -> bytes:
        return self._with({change.path for change in self.changes if change.what == "final"}, digests)

    def _with(self, paths: set[str], digests: bytes) -> bytes:
        parts = [digests[16 * i : 16 * i + 16] for i in range(len(self.variables))]
        return b"".join(
            chain(part, b"changed") if v.path in paths else part for part, v in zip(parts, self.variables, strict=True)
        )

    def _step(self, number: int, training: Training, epoch: int, step: int, link: bytes) -> bytes:
        names = sorted({"numpy", *(c.path for c in self.changes if c.what in ("generator", "moving"))})
        before = {name: self._generator(name, self.index) for name in names}
        self._between(number, training)
        done = self.updates[training.model] = self.updates.get(training.model, 0) + 1
        after = self._digests(training.model, self.index)
        data, in_data = epoch + training.data_from, step
        if not training.cut:
            data, in_data = 0, self.index
        batch: bytes | None = chain(self.seed, b"batch", f"{data} {in_data}".encode())
        # Each epoch has the same samples.
        rows = chain(self.seed, b"rows", str(in_data).encode())[:8]
        head: bytes | None = None
        logs = {"loss": 1.0 / (1 + done), "mae": 2.0 / (1 + done)}
        for change in self._active(self.index):
            if change.what == "batch":
                batch = chain(batch or b"", b"changed")
            elif change.what == "weights":
                batch, head = chain(batch or b"", b"weights", change.path.encode()), batch
            elif change.what == "swap rows" and step in (change.step, change.step + 1):
                rows = chain(self.seed, b"rows", str(2 * change.step + 1 - step).encode())[:8]
            elif change.what == "rows":
                rows = chain(rows, b"changed")[:8]
            elif change.what == "no batch":
                batch = None
            elif change.what == "passed over":
                batch, rows, head, logs, before = None, None, None, {}, {}
            elif change.what == "no loss":
                logs.pop("loss", None)
            elif change.what in ("loss", "log"):
                name = "loss" if change.what == "loss" else change.path
                logs[name] = logs.get(name, 0.0) + 0.125 if change.value is None else change.value
        covered = (
            b"".join(after[16 * i : 16 * i + 16] for i, v in enumerate(self.variables) if v.role is not Role.SEED)
            if self._recorded()
            else b""
        )
        if logs:
            link = chain(link, batch or b"", repr(logs.get("loss")).encode(), covered)
        if any(c.what == "batch beside chain" and c.step == self.index for c in self.changes):
            batch = chain(batch or b"", b"changed")
        if any(c.what == "chain" for c in self._active(self.index)):
            link = chain(link, b"changed")
        record: StepRecord | PassedOver = StepRecord(
            self.index,
            number,
            epoch,
            step,
            batch,
            rows,
            self.batch_size,
            logs,
            before,
            {name: self._moved(name, state) for name, state in before.items()},
            chain=link,
            head=head,
        )
        if record.is_passed_over and not logs:
            record = PassedOver(self.index, 1, number, epoch, step, link)
        self.writer.steps([(record, None)])
        if self._recorded():
            self._state(StateRecord(self.index, number, "after", self.number, after))
        self.index += 1
        return link

    def _recorded(self) -> bool:
        return (self.index + 1) % self.every == 0

    def _state(self, record: StateRecord) -> None:
        if not any(c.what == "no state" and c.step in (record.step, -2) for c in self.changes):
            self.writer.state(record)

    def _active(self, step: int) -> list[Change]:
        return [c for c in self.changes if c.step == step or (c.lasting and 0 <= c.step < step)]

    def _generator(self, name: str, step: int) -> bytes:
        state = chain(self.seed, name.encode(), str(step if self._moves(name) else 0).encode())
        changed = [c for c in self._active(step) if c.what == "generator" and c.path == name]
        return chain(state, b"changed") if changed else state

    def _moves(self, name: str) -> bool:
        return any(c.what == "moving" and c.path == name for c in self.changes)

    def _moved(self, name: str, before: bytes) -> bytes:
        return chain(before, b"moved") if self._moves(name) else before

    def _digests(self, model: int, step: int) -> bytes:
        updates = self.updates.get(model, 0)
        digests = []
        still = {change.path for change in self.changes if change.what == "still"}
        for variable, key in zip(self.variables, self.keys, strict=True):
            age = 0 if variable.path in still else self._age(variable, updates)
            value = chain(self.seed, key, str(model if model > 2 else 0).encode(), str(age).encode())
            for change in self.changes:
                if change.path not in (variable.path, self._slot_of(variable, change)):
                    continue
                hit = change.step == step or (change.lasting and change.step < step)
                if change.what in ("variable", "applied") and hit:
                    value = chain(value, b"changed")
                elif change.what == "unreadable" and hit:
                    value = bytes(16)
                elif change.what == "set" and hit and change.array is not None:
                    value = state_digest(change.array)
            digests.append(value)
        return b"".join(digests)

    def _slot_of(self, variable: VariableRecord, change: Change) -> str:
        """Returns the path of the weight whose gradient a slot holds, where a change of it is one of its gradient."""
        by_gradient = change.what == "variable" and change.step >= 0
        return self.variables[variable.slot_of].path if by_gradient and variable.slot_of is not None else ""

    def _age(self, variable: VariableRecord, updates: int) -> int:
        """How often a variable has changed."""
        if variable.slot == "learning_rate":
            return 0
        if variable.role is Role.SEED and variable.layer is not None and not self.layers[variable.layer].consumed:
            return 0
        return updates

    def _arrays(self, name: str, digests: bytes) -> None:
        if not self.with_arrays:
            return
        arrays = {}
        for i, variable in enumerate(self.variables):
            generator = np.random.default_rng(int.from_bytes(digests[16 * i : 16 * i + 16], "little"))
            arrays[variable.path] = generator.normal(size=variable.shape).astype(np.float32)
        self.writer.arrays(name, {path: np.asarray(value) for path, value in arrays.items()})
