"""Steps that were passed over are read as steps, however they are stored."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samefit.errors import SelectionError
from samefit.store.reader import Run
from samefit.store.records import PassedOver, StateRecord, StepRecord
from samefit.store.writer import RunWriter

READ = StepRecord(0, 1, 0, 0, b"b" * 16, b"r" * 8, 32, {"loss": 0.5}, {"numpy": b"n" * 16}, {"numpy": b"m" * 16})
UNREAD = replace(READ, batch=None, rows=None, num_rows=None, logs={}, generators={}, generators_after={})

Kinds = list[tuple[int, bool]]
"""Of each step its training, and whether it was read."""

kinds = st.lists(st.tuples(st.sampled_from([1, 2]), st.booleans()), min_size=1, max_size=30)


def steps_of(kinds: Kinds) -> list[StepRecord]:
    """Returns the steps; the first and the last of a training are read."""
    last = {training: index for index, (training, _) in enumerate(kinds)}
    chains: dict[int, bytes] = {}
    found = []
    for index, (training, read) in enumerate(kinds):
        if read or training not in chains or index == last[training]:
            chains[training] = bytes([index + 1]) * 16
            found.append(replace(READ, index=index, training=training, step=index, chain=chains[training]))
        else:
            found.append(replace(UNREAD, index=index, training=training, step=index, chain=chains[training]))
    return found


def written(path: Path, steps: list[StepRecord], *, together: bool) -> Run:
    """Writes a run whose steps that were not read are records of their own, or stand together."""
    writer = RunWriter(path, {})
    records: list[tuple[StepRecord | PassedOver, StateRecord | None]] = []
    for step in steps:
        if step.is_passed_over and together:
            before = records[-1][0]
            if isinstance(before, PassedOver) and before.training == step.training:
                records[-1] = replace(before, number=before.number + 1), None
            else:
                records.append((PassedOver(step.index, 1, step.training, step.epoch, step.step, step.chain), None))
        else:
            state = StateRecord(step.index, step.training, "after", 0, bytes([step.index]) * 16)
            records.append((step, None if step.is_passed_over else state))
    writer.steps(records)
    writer.close("complete")
    return Run.open(path)


@given(kinds=kinds, begin=st.integers(0, 30))
def test_steps_that_were_passed_over_are_read_as_if_each_had_a_row(kinds: Kinds, begin: int) -> None:
    steps = steps_of(kinds)
    with tempfile.TemporaryDirectory() as home:
        one, other = (written(Path(home) / str(together), steps, together=together) for together in (False, True))
        with one, other:
            assert other.steps() == tuple(steps)
            assert [other.step(step.index) for step in steps] == steps
            for wanted in ([1], [2], [1, 2]):
                assert other.steps(wanted) == one.steps(wanted)
                assert list(other.places(wanted)) == list(one.places(wanted))
                assert other.num_steps(wanted) == one.num_steps(wanted)
                assert list(other.step_texts(wanted, begin)) == list(one.step_texts(wanted, begin))
            assert other.last_step() == one.last_step()
            assert other.steps_without_batch() == one.steps_without_batch()
            assert other.steps_without_loss() == one.steps_without_loss()
            for step in steps:
                assert other.chains(step.index)[0] == one.chains(step.index)[0]
                assert other.state_before(step.index) == one.state_before(step.index)
                assert other.state_after(step.index) == one.state_after(step.index)
            with pytest.raises(SelectionError):
                other.step(len(steps))


def test_what_is_passed_over_leaves_both_chains_as_they_are(tmp_path: Path) -> None:
    steps = steps_of([(1, True), (1, False), (1, False), (1, True)])
    with written(tmp_path / "r", steps, together=True) as run:
        first, *between, last = (run.chains(step.index) for step in steps)
        assert between == [first, first]
        assert last[0] != first[0]
        assert last[1] != first[1]
