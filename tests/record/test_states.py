"""Which states of a training are recorded."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from samefit.record import states as states_module
from samefit.record.states import States
from samefit.record.training import Training
from samefit.store.digest import state_digest
from samefit.store.records import StateRecord, TrainingRecord, VariableRecord
from samefit.types import Role


def unnoted(*_: object, **__: object) -> None:
    """A ledger of which nothing is asked."""


class Writer:
    def __init__(self) -> None:
        self.states: list[StateRecord] = []
        self.kept: list[str] = []
        self.warnings: list[str] = []

    def state(self, record: StateRecord) -> None:
        self.states.append(record)

    def arrays(self, name: str, arrays: Any) -> None:
        self.kept.append(name)

    def warning(self, slug: str, message: str) -> None:
        self.warnings.append(message)


@pytest.mark.parametrize(("last_state", "value", "written"), [(3, 1.0, False), (3, 2.0, True), (2, 1.0, True)])
def test_an_epoch_begins_with_a_state_of_its_own_if_it_is_not_known_to_be_that_of_the_step_before(
    last_state: int, value: float, written: bool
) -> None:
    writer: Any = Writer()
    states = States(writer, None, every_step=False, note=unnoted)  # type: ignore[arg-type]
    training = Training(TrainingRecord(1, "", 1, "fit", {}, {}, 0, "running"), None, last=3)
    states.record(training, last_state, "after", [np.ones(2)])
    states.between(training, 4, [np.full(2, value)])
    assert [(record.moment, record.step) for record in writer.states] == ([("begin", 4)] if written else [])


def test_a_large_state_has_the_digests_of_its_parts_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    values: list[Any] = [np.arange(number, number + 300_000.0) for number in range(6)]
    values[3] = None
    states = States(Writer(), None, every_step=False, note=unnoted)  # type: ignore[arg-type]
    training = Training(TrainingRecord(1, "", 1, "fit", {}, {}, 0, "running"), None, last=3)
    found = states.record(training, 3, "after", values).digests
    assert found == b"".join(bytes(16) if value is None else state_digest(value) for value in values)
    monkeypatch.setattr(states_module, "_IN_THREADS", 1 << 40)
    assert states.record(training, 3, "after", values).digests == found


def test_a_learning_rate_is_noted_where_it_changes() -> None:
    noted: list[tuple[int, float]] = []
    states = States(
        Writer(), None, every_step=False, note=lambda _, **fields: noted.append((fields["index"], fields["value"]))
    )  # type: ignore[arg-type]
    training = Training(TrainingRecord(1, "", 1, "fit", {}, {}, 0, "running"), None, last=3)
    rates = [
        VariableRecord(Role.OPTIMIZER, "adam/learning_rate", (), "float32", slot="learning_rate", holder=h)
        for h in ("other", "")
    ]
    training.variable_records = (VariableRecord(Role.TRAINABLE, "kernel", (2,), "float32"), *rates)
    for step, rate in enumerate([0.5, 0.5, 0.25, 0.25]):
        states.record(training, step, "after", [np.ones(2), np.asarray(float(step)), np.asarray(rate)])
    states.record(training, 4, "after", [np.ones(2), None, None])
    assert noted == [(0, 0.5), (2, 0.25)]


AT_EXIT = """
import atexit, numpy as np
from samefit.record import states
values = [np.arange(number, number + 300_000.0) for number in range(6)]
now = states._digests(values)
atexit.register(lambda: print(states._digests(values) == now))
"""


def test_a_large_state_is_digested_when_the_interpreter_goes_down() -> None:
    # There are no threads any more then: a loop of the user's ends with the script.
    done = subprocess.run([sys.executable, "-c", AT_EXIT], check=True, capture_output=True, text=True)
    assert done.stdout == "True\n"


def test_first_and_last_weights_of_many_trainings_do_not_fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states_module, "KEPT", 70)
    writer: Any = Writer()
    states = States(writer, None, every_step=False, note=unnoted)  # type: ignore[arg-type]
    kernel = VariableRecord("kernel", (2,), "float64", Role.TRAINABLE)
    for number in range(1, 6):
        training = Training(
            TrainingRecord(number, "", 1, "fit", {}, {}, 0, "running"), None, variable_records=(kernel,)
        )
        for name in (f"initial-{number}", f"final-{number}", f"state-{number}"):
            states.arrays(name, training, [np.ones(2)])
    # 16 bytes each: the first two trainings are kept, what is asked for by name as well, and the rest is said once.
    ends = [name for name in writer.kept if not name.startswith("state")]
    assert ends == ["initial-1", "final-1", "initial-2", "final-2"]
    assert len(writer.kept) == 4 + 5
    assert len(writer.warnings) == 1
    assert "from initial-3 on" in writer.warnings[0]


def test_the_first_two_trainings_are_kept_whatever_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states_module, "KEPT", 1)
    writer: Any = Writer()
    states = States(writer, None, every_step=False, note=unnoted)  # type: ignore[arg-type]
    kernel = VariableRecord("kernel", (2,), "float64", Role.TRAINABLE)
    for number in (1, 2, 3):
        training = Training(
            TrainingRecord(number, "", 1, "fit", {}, {}, 0, "running"), None, variable_records=(kernel,)
        )
        states.arrays(f"initial-{number}", training, [np.ones(2)])
    assert writer.kept == ["initial-1", "initial-2"]
