"""What came of each transplant: met in full, in part, or not at all."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Any

import keras
import numpy as np
from safetensors.numpy import save_file
from tests.transplant.fakes import Dense, Layer, Trainer, Variable

from samefit.patches.generators import read_python
from samefit.transplant.item import differs
from samefit.transplant.plan import Transplants
from samefit.types import Location


def outcome(transplants: Transplants) -> tuple[str, list[str]]:
    only = transplants.outcomes[0]
    return only["met"], only["missing"]


def test_weights_of_which_one_is_put_in_are_met_in_part(tmp_path: Path) -> None:
    (tmp_path / "arrays").mkdir()
    save_file({"a": np.ones(1), "b": np.ones(1)}, tmp_path / "arrays" / "initial-1.safetensors")
    plan = {"do": "weights", "training": 1, "from": str(tmp_path), "arrays": "initial-1", "pairs": {"a": "a", "b": "b"}}
    for own, expected in (("a", ("part", ["b"])), ("c", ("none", ["a", "b"]))):
        transplants = Transplants([plan])
        transplants.first_step(1, Trainer(), dict.fromkeys([own], Variable(0.0)).copy)
        assert outcome(transplants) == expected
    transplants = Transplants([plan])
    transplants.first_step(1, Trainer(), lambda: {"a": Variable(0.0), "b": Variable(0.0)})
    assert outcome(transplants) == ("all", [])


def test_one_generator_of_two_is_a_part() -> None:
    states = {"python": read_python().hex(), "no_such_framework": "00"}
    transplants = Transplants([{"do": "generators", "at": "side", "side": "", "states": states}])
    assert outcome(transplants)[0] == "none"
    transplants.begin_side("")
    assert outcome(transplants) == ("part", ["no_such_framework"])


def test_each_transplant_of_a_plan_has_an_outcome_of_its_own() -> None:
    plan = [{"do": "seeds", "side": side, "values": {"0": 1, "1": 2}} for side in ("", "b")]
    transplants = Transplants(plan)
    transplants.begin_side("")
    transplants.seed(0)
    assert [item["met"] for item in transplants.outcomes] == ["part", "none"]
    transplants.seed(1)
    assert [item["met"] for item in transplants.outcomes] == ["all", "none"]


def test_what_was_so_before_is_no_change() -> None:
    arguments: dict[str, Any] = {"jit_compile": False, "loss_weights": [1.0]}
    compiled = Transplants([{"do": "compile", "side": "", "compile": 0, **arguments}])
    compiled.compiling(dict(arguments))
    assert outcome(compiled) == ("none", [])
    fit = Transplants([{"do": "fit", "training": 1, "arguments": {"shuffle": False}}])
    fit.training(1, Trainer(), {"shuffle": False})
    assert (outcome(fit), fit.applied) == (("none", []), [])
    perturbed = Transplants([{"do": "perturb", "training": 1}])
    perturbed.first_step(1, Trainer(), lambda: {"w": Variable(np.zeros(2, np.float32))})
    assert (outcome(perturbed)[0], perturbed.applied) == ("none", [])


def test_a_layer_that_is_never_constructed_has_no_other_options() -> None:
    plan = {"do": "layer", "class": "Dense", "construction": 0, "arguments": {"activation": "gelu"}}
    transplants = Transplants([plan])
    transplants.constructing(Dense.__new__(Dense), 0)
    assert (outcome(transplants)[0], transplants.applied) == ("none", [])
    Dense(4)
    assert outcome(transplants)[0] == "all"


def test_entropy_that_is_left_over_was_not_given() -> None:
    line = {"function": "secrets.randbits", "code": "default_rng()"}
    transplants = Transplants([{"do": "entropy", "side": "", "takes": [{**line, "value": 7}, {**line, "value": 8}]}])
    transplants.begin_side("")
    transplants.replay_entropy("secrets.randbits", "default_rng()")
    assert outcome(transplants) == ("part", ["take 1"])


def test_data_without_its_targets_is_a_part(tmp_path: Path) -> None:
    save_file({"x": np.ones(3), "y": np.zeros(3)}, tmp_path / "data.safetensors")
    transplants = Transplants([{"do": "data", "training": 1, "file": str(tmp_path / "data.safetensors")}])
    transplants.training(1, Trainer(), {"x": np.zeros(3)})
    assert outcome(transplants) == ("part", ["y"])


def test_a_line_sets_the_other_sides_seed() -> None:
    transplants = Transplants([{"do": "seed_value", "side": "b", "file": "/x.py", "line": 3, "value": 7}])
    assert transplants.changes_seeds
    here, there = Location("/x.py", 3), Location("/x.py", 4)
    transplants.begin_side("a")
    assert transplants.seed_value(1, here, "seed") == 1
    transplants.begin_side("b")
    assert [transplants.seed_value(1, where, "seed") for where in (here, there, None)] == [7, 1, 1]
    assert transplants.outcomes[0]["met"] == "all"


def test_a_line_of_a_loop_sets_the_other_sides_seeds_in_turn() -> None:
    transplants = Transplants([{"do": "seed_value", "side": "", "file": "/x.py", "line": 3, "values": [0, 1]}])
    transplants.begin_side("")
    here = Location("/x.py", 3)
    # A function may seed two generators each time: each has its own turn. Further turns keep their seeds.
    assert [transplants.seed_value(seed, here, "python") for seed in (5, 6, 7)] == [0, 1, 7]
    assert transplants.seed_value(5, here, "numpy") == 0
    assert transplants.outcomes[0]["met"] == "all"


def test_a_seed_that_was_the_same_proves_nothing() -> None:
    transplants = Transplants([{"do": "seed_value", "side": "", "file": "/x.py", "line": 3, "value": 7}])
    transplants.begin_side("")
    assert transplants.seed_value(7, Location("/x.py", 3), "seed") == 7
    assert transplants.outcomes[0]["met"] == "none"


class Loss:
    """A loss that does not show its options, as those of Keras."""

    def __init__(self, reduction: str) -> None:
        self.reduction = reduction

    def __repr__(self) -> str:
        return "<Loss>"

    def get_config(self) -> dict[str, str]:
        return {"reduction": self.reduction}


def test_a_loss_with_another_option_is_another_loss() -> None:
    one, other = Loss("sum"), Loss("mean")
    assert differs(one, other)
    assert differs({"out": [one]}, {"out": [other]})
    assert differs("mse", one)
    assert not differs([one, None], [Loss("sum"), None])
    assert differs(object(), object())


class Mode(enum.StrEnum):
    ADD = "add"
    MULTIPLY = "multiply"


def test_attributes_of_layers_and_of_the_model() -> None:
    layer, other = Layer("scale"), Layer("other")
    vars(layer).update(factor=1.0, axes=(1, 2), mode=Mode.ADD)
    trainer = Trainer(layer, other)
    trainer.train_function = None
    values = {"scale": {"factor": 4.0, "axes": [1, 3], "mode": "multiply"}, "": {"temperature": 2.0}}
    transplants = Transplants([{"do": "attributes", "training": 1, "values": values}])
    transplants.training(1, trainer, {})
    assert (layer.factor, layer.axes, layer.mode, trainer.temperature) == (4.0, (1, 3), Mode.MULTIPLY, 2.0)  # type: ignore[attr-defined]
    assert layer.mode is Mode.MULTIPLY  # type: ignore[attr-defined]
    assert [one["met"] for one in transplants.outcomes] == ["all"]


def test_an_activation_is_put_back_by_its_name() -> None:
    layer = Layer("dense")
    vars(layer).update(activation=keras.activations.tanh, pick=max)
    trainer = Trainer(layer)
    trainer.train_function = None
    values = {"dense": {"activation": "relu", "pick": "largest"}}
    transplants = Transplants([{"do": "attributes", "training": 1, "values": values}])
    transplants.training(1, trainer, {})
    assert vars(layer)["activation"] is keras.activations.relu
    # A text is no function: nothing is set, and so the re-run proves nothing.
    assert vars(layer)["pick"] is max
    assert [(one["met"], one["missing"]) for one in transplants.outcomes] == [("part", ["dense.pick"])]


def test_an_attribute_of_a_layer_that_is_not_there_is_a_part() -> None:
    values = {"": {"factor": 4.0}, "gone": {"factor": 4.0}}
    transplants = Transplants([{"do": "attributes", "training": 1, "values": values}])
    trainer = Trainer(Layer("scale"))
    trainer.train_function = None
    transplants.training(1, trainer, {})
    assert [(one["met"], one["missing"]) for one in transplants.outcomes] == [("part", ["gone.factor"])]


def test_what_a_compiled_step_reads_is_not_changed() -> None:
    layer = Layer("scale")
    transplants = Transplants([{"do": "attributes", "training": 1, "values": {"scale": {"factor": 4.0}}}])
    transplants.training(1, Trainer(layer), {})
    assert not hasattr(layer, "factor")
    assert [one["met"] for one in transplants.outcomes] == ["none"]
