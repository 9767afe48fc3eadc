"""Which states of a training are recorded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from samefit.record.states import States
from samefit.record.training import Training
from samefit.store.records import StateRecord, TrainingRecord


class Writer:
    def __init__(self) -> None:
        self.states: list[StateRecord] = []

    def state(self, record: StateRecord) -> None:
        self.states.append(record)


@pytest.mark.parametrize(("last_state", "value", "written"), [(3, 1.0, False), (3, 2.0, True), (2, 1.0, True)])
def test_an_epoch_begins_with_a_state_of_its_own_if_it_is_not_known_to_be_that_of_the_step_before(
    last_state: int, value: float, written: bool
) -> None:
    writer: Any = Writer()
    states = States(writer, None, every_step=False)  # type: ignore[arg-type]
    training = Training(TrainingRecord(1, "", 1, "fit", {}, {}, 0, "running"), None, last=3)
    states.record(training, last_state, "after", [np.ones(2)])
    states.between(training, 4, [np.full(2, value)])
    assert [(record.moment, record.step) for record in writer.states] == ([("begin", 4)] if written else [])
