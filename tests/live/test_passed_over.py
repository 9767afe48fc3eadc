"""Of a long training on JAX most steps are passed over: what is recorded is right, and the place is found anyway."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.live.checked import checked_in_a_process, printed

from samefit.comparison import compare
from samefit.store.reader import Run
from samefit.types import Stage, Verdict

SCRIPT = """
import os
import sys
import keras
import numpy as np

x, y = np.random.default_rng(1).standard_normal((600, 4), dtype="float32"), np.zeros(600, "int64")
CHANGED = int(os.environ.get("CHANGED", "0"))
LENGTH = int(os.environ.get("LENGTH", "151"))


class Batches(keras.utils.PyDataset):
    number = -1  # Keras looks at one before it trains

    def __len__(self):
        return LENGTH

    def __getitem__(self, index):
        Batches.number += 1
        batch = x[4 * (index % 150):4 * (index % 150) + 4]
        return (2 * batch if 0 < Batches.number == CHANGED else batch), np.zeros(4, "int64")


def main():
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.5), keras.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model.fit(Batches(), epochs=1510 // LENGTH, shuffle=False, verbose=0).history["loss"]
"""

RECORDED = (
    SCRIPT
    + """
import json
import samefit

with samefit.Recorder(sys.argv[1], every_step="every step" in sys.argv):
    losses = main()
print(json.dumps(losses))
"""
)

STEPS, STEPS_IN_EPOCH = 1510, 151


@pytest.fixture(scope="module")
def runs(backends: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run, Run]:
    """Two runs that pass steps over, and one that does not."""
    if "jax" not in backends:
        pytest.skip("no other backend passes steps over")
    home = tmp_path_factory.mktemp("passed-over")
    sides = (("one",), ("other",), ("whole", "every step"))
    histories = {printed(home, "jax", RECORDED, *side) for side in sides}
    assert len(histories) == 1
    one, other, whole = (Run.open(home / name) for name in ("one", "other", "whole"))
    return one, other, whole


def test_what_is_read_of_a_step_is_what_is_read_of_every_step(runs: tuple[Run, Run, Run]) -> None:
    some, _, whole = runs
    assert some.warnings == whole.warnings == ()
    pairs = list(zip(some.steps(), whole.steps(), strict=True))
    assert len(pairs) == STEPS
    for one, other in pairs:
        assert (one.index, one.training, one.epoch, one.step) == (other.index, other.training, other.epoch, other.step)
        for name in ("batch", "logs", "generators", "generators_after"):
            assert getattr(one, name) in (getattr(other, name), None, {}), (one.index, name)
    states = some.steps_with_state()
    assert [some.state_after(step) for step in states] == [whole.state_after(step) for step in states]


def test_the_first_steps_and_every_eighth_are_read_and_the_loss_of_each_epoch_is(runs: tuple[Run, Run, Run]) -> None:
    steps = runs[0].steps()
    begins = {STEPS_IN_EPOCH * epoch for epoch in range(10)}
    read = {step.index for step in steps if step.batch is not None}
    assert {step.index for step in steps if step.generators and step.generators_after} == read
    assert read == {i for i in range(STEPS) if i < 1024 or (i + 1) % 8 == 0 or i in begins}
    ends = {STEPS_IN_EPOCH * (epoch + 1) - 1 for epoch in range(10)}
    assert {step.index for step in steps if step.logs} == read | ends


def test_two_of_them_are_identical_and_so_is_one_that_passes_nothing_over(runs: tuple[Run, Run, Run]) -> None:
    one, other, whole = runs
    for candidate in (other, whole):
        result = compare(one, candidate)
        assert result.verdict is Verdict.IDENTICAL
        assert result.notes == (
            "Batches were compared in 1086 of 1510 steps: the others were passed over (--every-step reads all).",
            "Weights were compared after 207 of 1510 steps and at the end; after the others they were not recorded.",
            "The loss was compared in 1089 of 1510 steps: the others were not recorded.",
        )
    chains = [[step.chain for step in run.steps()] for run in (one, other)]
    assert chains[0] == chains[1]


# After step 1088 weights are recorded: 1089 is the last of its training, and its loss is.
@pytest.mark.parametrize(("step", "length"), [(1030, 151), (1510, 151), (1089, 1089)])
def test_a_batch_that_differs_in_a_step_that_is_passed_over_is_found(
    backends: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, length: int
) -> None:
    if "jax" not in backends:
        pytest.skip("no other backend passes steps over")
    (tmp_path / "train.py").write_text(SCRIPT + "\n\nif __name__ == '__main__':\n    main()\n")
    monkeypatch.setenv("LENGTH", str(length))
    result = checked_in_a_process("jax", tmp_path, "train.py", "--env-b", f"CHANGED={step}")
    divergence = result["first_divergence"]
    assert (divergence["step"], divergence["stage"]) == (step, Stage.DATA.value)
