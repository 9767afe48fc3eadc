"""What a re-run takes from another run, with stand-ins for Keras's objects; each item at its moment, and only there."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from tests.transplant.fakes import Adapted, Batches, Dense, Layer, Logger, Scheduler, SubDense, Trainer, Variable

from samefit.patches.generators import read_numpy, read_python
from samefit.transplant.making import made
from samefit.transplant.plan import Transplants


def first_step(plan: dict[str, Any], training: int = 1, **values: Any) -> tuple[dict[str, Any], list[str]]:
    variables = {name: Variable(value) for name, value in values.items()}
    transplants = Transplants([plan])
    transplants.first_step(training, Trainer(), lambda: variables)
    return {name: variable.value.tolist() for name, variable in variables.items()}, transplants.applied


# -- a plain run --------------------------------------------------------------------------------------------------


def test_an_empty_plan_does_nothing() -> None:
    transplants = Transplants()
    arguments: dict[str, Any] = {"x": 1}
    transplants.begin_side("")
    transplants.keras_ready()
    transplants.training(1, Trainer(), arguments)
    transplants.epoch(1, 0)
    transplants.first_step(1, Trainer(), lambda: pytest.fail("the variables were read"))
    assert transplants.compiling(arguments) == 0
    assert transplants.seed(0) is None
    assert transplants.initializer_seed(0) is None
    assert transplants.replay_entropy("os.urandom", None) is None
    assert (bool(transplants), transplants.watches_draws, transplants.replays_entropy) == (False, False, False)
    assert (arguments, transplants.applied) == ({"x": 1}, [])


# -- generators ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "moment"),
    [
        ({"at": "side", "side": "b"}, lambda t: t.begin_side("b")),
        ({"at": "training", "training": 2}, lambda t: t.training(2, Trainer(), {})),
        ({"at": "epoch", "training": 2, "epoch": 1}, lambda t: t.epoch(2, 1)),
        ({"at": "draw", "side": "", "generator": "python", "draw": 3}, lambda t: t.before_draw("python", 3)),
    ],
)
def test_generators_are_put_back_at_their_moment_only(place: dict[str, Any], moment: Any) -> None:
    random.seed(5)
    np.random.seed(5)
    python, numpy = read_python(), read_numpy()
    assert numpy is not None
    expected = random.random(), np.random.random()
    transplants = Transplants([{"do": "generators", "states": {"python": python.hex(), "numpy": numpy.hex()}, **place}])
    others = [
        lambda: transplants.begin_side("a"),
        lambda: transplants.training(1, Trainer(), {}),
        lambda: transplants.epoch(2, 0),
        lambda: transplants.begin_side(""),
        lambda: transplants.before_draw("python", 2),
        lambda: transplants.before_draw("numpy", 3),
    ]
    for other in others:
        other()
    assert transplants.applied == []
    moment(transplants)
    assert (random.random(), np.random.random()) == expected
    assert [line.split(" at ")[0] for line in transplants.applied] == ["python", "numpy"] or place["at"] == "draw"


def test_a_framework_that_is_not_there_is_left_alone() -> None:
    transplants = Transplants([{"do": "generators", "at": "side", "side": "", "states": {"no_such_framework": "00"}}])
    transplants.begin_side("")
    assert transplants.applied == []


def test_draws_are_watched_only_if_one_is_to_be_prepared() -> None:
    states: dict[str, str] = {}
    assert Transplants([{"do": "generators", "at": "draw", "states": states}]).watches_draws
    assert not Transplants([{"do": "generators", "at": "side", "states": states}]).watches_draws


# -- seeds --------------------------------------------------------------------------------------------------------


def test_seeds_that_keras_draws_belong_to_their_side() -> None:
    transplants = Transplants([{"do": "seeds", "side": "b", "values": {"0": 11, "2": 13}}])
    transplants.begin_side("a")
    assert transplants.seed(0) is None
    transplants.begin_side("b")
    assert [transplants.seed(n) for n in range(3)] == [11, None, 13]
    assert transplants.applied == ["seed 0", "seed 2"]


def test_seeds_of_initialisers_belong_to_their_side() -> None:
    transplants = Transplants([{"do": "initializers", "side": "", "seeds": {"1": 5}}])
    assert [transplants.initializer_seed(n) for n in range(2)] == [None, 5]
    transplants.begin_side("b")
    assert transplants.initializer_seed(1) is None


def test_entropy_is_given_again_until_none_is_left() -> None:
    line = {"function": "secrets.randbits", "code": "default_rng()"}
    transplants = Transplants([{"do": "entropy", "side": "", "takes": [{**line, "value": v} for v in (7, "00ff")]}])
    transplants.begin_side("")
    assert transplants.replays_entropy
    given = [transplants.replay_entropy("secrets.randbits", "default_rng()") for _ in range(3)]
    assert given == [7, b"\x00\xff", None]


def test_entropy_is_given_to_the_line_that_took_it() -> None:
    take = {"function": "os.urandom", "code": "x *= os.urandom(4)[0]", "value": "00ff"}
    transplants = Transplants([{"do": "entropy", "side": "", "takes": [take]}])
    transplants.begin_side("")
    assert transplants.replay_entropy("os.urandom", "import keras") is None
    assert transplants.replay_entropy("secrets.randbits", take["code"]) is None
    assert transplants.replay_entropy("os.urandom", take["code"]) == b"\x00\xff"


def test_lines_that_take_entropy_get_what_all_runs_get() -> None:
    def taken(codes: list[str] | None) -> list[Any]:
        transplants = Transplants([{"do": "fixed_entropy", "side": "", "codes": codes}])
        transplants.begin_side("")
        assert transplants.replays_entropy
        took = [transplants.replay_entropy("os.urandom", "x = urandom(4)", 4) for _ in range(2)]
        took.append(transplants.replay_entropy("secrets.randbits", "default_rng()", 3))
        took.append(transplants.replay_entropy("secrets.randbits", "default_rng()"))
        return [*took, transplants.outcomes[0]["met"]]

    one, other, bits, unknown, met = taken(None)
    assert taken(None) == [one, other, bits, unknown, met]
    assert one != other
    assert len(one) == len(other) == 4
    assert bits in range(8)
    assert (unknown, met) == (None, "all")
    assert taken(["x = urandom(4)"]) == [one, other, None, None, "all"]
    assert taken(["y = 1"]) == [None, None, None, None, "none"]


# -- values before the first step ---------------------------------------------------------------------------------


def test_weights_of_another_run(tmp_path: Path) -> None:
    (tmp_path / "arrays").mkdir()
    save_file({"dense/kernel": np.array([1.0, 2.0])}, tmp_path / "arrays" / "initial-1.safetensors")
    pairs = {"dense_1/kernel": "dense/kernel", "dense_1/bias": "not there", "not there": "dense/kernel"}
    plan = {"do": "weights", "training": 2, "from": str(tmp_path), "arrays": "initial-1", "pairs": pairs}
    own = {"dense_1/kernel": [0.0, 0.0], "dense_1/bias": [9.0]}
    values, applied = first_step(plan, 2, **own)
    assert values == {"dense_1/kernel": [1.0, 2.0], "dense_1/bias": [9.0]}
    assert applied == ["dense_1/kernel before training 2"]
    assert first_step(plan, 1, **own) == (own, [])


def test_values_that_change_places() -> None:
    plan = {"do": "permute", "training": 1, "pairs": {"a": "b", "b": "c", "c": "a"}}
    values, applied = first_step(plan, a=[1.0], b=[2.0], c=[3.0])
    assert values == {"a": [2.0], "b": [3.0], "c": [1.0]}
    assert applied == ["a from b", "b from c", "c from a"]


def test_values_change_places_only_if_all_are_there() -> None:
    plan = {"do": "permute", "training": 1, "pairs": {"a": "b", "b": "a"}}
    assert first_step(plan, a=[1.0]) == ({"a": [1.0]}, [])
    assert first_step({**plan, "training": 2}, a=[1.0], b=[2.0]) == ({"a": [1.0], "b": [2.0]}, [])


def test_counters_of_random_layers() -> None:
    plan = {"do": "seed_states", "training": 1, "values": {"dropout/state": [7, 3], "gone/state": [8, 0]}}
    values, applied = first_step(plan, **{"dropout/state": [1, 0]})
    assert values == {"dropout/state": [7, 3]}
    assert applied == ["dropout/state before training 1"]


def test_one_unit_in_the_last_place() -> None:
    before = {"w": np.array([1.0, 0.0, -3.0], np.float32), "adam/learning_rate": np.float32(0.1), "n": np.array([3])}
    variables = {name: Variable(value) for name, value in before.items()}
    transplants = Transplants([{"do": "perturb", "training": 1}])
    transplants.first_step(1, Trainer(), lambda: variables)
    moved = variables["w"].value
    assert moved.dtype == np.float32
    assert moved[1] == 0.0
    assert np.all(moved[[0, 2]] != before["w"][[0, 2]])
    np.testing.assert_allclose(moved, before["w"], rtol=2e-7)
    assert variables["adam/learning_rate"].value == np.float32(0.1)
    assert variables["n"].value.tolist() == [3]


# -- arguments ----------------------------------------------------------------------------------------------------


def test_arguments_of_one_fit() -> None:
    transplants = Transplants([{"do": "fit", "training": 2, "arguments": {"shuffle": False, "batch_size": 8}}])
    first: dict[str, Any] = {"shuffle": True}
    second: dict[str, Any] = {"shuffle": True, "epochs": 2}
    transplants.training(1, Trainer(), first)
    transplants.training(2, Trainer(), second)
    assert (first, second) == ({"shuffle": True}, {"shuffle": False, "batch_size": 8, "epochs": 2})
    assert transplants.applied == ["arguments of fit 2"]


@pytest.mark.parametrize("callbacks", [[Scheduler(), Logger()], Scheduler(), None, [Logger()]])
def test_a_fit_without_a_callback(callbacks: Any) -> None:
    plan = {"do": "fit", "training": 1, "arguments": {}, "without_callbacks": ["Scheduler"]}
    transplants = Transplants([plan])
    arguments = {"callbacks": callbacks}
    transplants.training(1, Trainer(), arguments)
    had = callbacks is not None and (isinstance(callbacks, Scheduler) or isinstance(callbacks[0], Scheduler))
    assert transplants.applied == (["callbacks of fit 1"] if had else [])
    left = arguments["callbacks"]
    assert (left is callbacks) if not had else not any(isinstance(c, Scheduler) for c in left)


def test_settings_of_a_dataset() -> None:
    plan = {"do": "dataset", "training": 1, "attributes": {"workers": 1, "use_multiprocessing": False}}
    transplants = Transplants([plan])
    batches = Batches()
    transplants.training(1, Trainer(), {"x": batches})
    assert (batches.workers, batches.use_multiprocessing) == (1, False)
    assert transplants.applied == ["workers of Batches", "use_multiprocessing of Batches"]
    plain = Transplants([plan])
    plain.training(1, Trainer(), {"x": np.zeros(3)})
    assert plain.applied == []


def test_data_of_another_run(tmp_path: Path) -> None:
    save_file({"x": np.ones(3), "y": np.zeros(3)}, tmp_path / "data.safetensors")
    transplants = Transplants([{"do": "data", "training": 1, "file": str(tmp_path / "data.safetensors")}])
    arguments: dict[str, Any] = {"x": np.zeros(3), "epochs": 1}
    transplants.training(1, Trainer(), arguments)
    assert arguments["x"].tolist() == [1.0, 1.0, 1.0]
    assert {*arguments} == {"x", "epochs"}
    assert transplants.applied == ["data x"]


@pytest.mark.parametrize(
    ("given", "met"),
    [
        ({"image": np.zeros(3), "more": (np.zeros(2), None)}, "all"),
        ({"picture": np.zeros(3), "more": (np.zeros(2),)}, "none"),
        (np.zeros(3), "none"),
    ],
    ids=["the same places", "another name", "one array"],
)
def test_data_of_several_inputs(tmp_path: Path, given: Any, met: str) -> None:
    save_file({"x/image": np.ones(3), "x/more/0": np.ones(2)}, tmp_path / "data.safetensors")
    transplants = Transplants([{"do": "data", "training": 1, "file": str(tmp_path / "data.safetensors")}])
    arguments: dict[str, Any] = {"x": given}
    transplants.training(1, Trainer(), arguments)
    assert [outcome["met"] for outcome in transplants.outcomes] == [met]
    if met == "all":
        assert arguments["x"]["image"].tolist() == [1.0, 1.0, 1.0]
        assert [None if each is None else each.tolist() for each in arguments["x"]["more"]] == [[1.0, 1.0], None]
    else:
        assert arguments["x"] is given


def test_what_is_trained() -> None:
    trainer = Trainer(Layer("base", trainable=False), Layer("head"))
    transplants = Transplants([{"do": "trainable", "training": 1, "values": {"base": True}}])
    transplants.training(1, trainer, {})
    assert [layer.trainable for layer in trainer._layers] == [True, True]
    assert trainer.train_function is None
    assert transplants.applied == ["base.trainable"]


@pytest.mark.parametrize(("compiled", "met"), [(True, "all"), (False, "none")])
def test_a_step_that_is_compiled_anew_is_a_change_although_the_flags_are_equal(compiled: bool, met: str) -> None:
    trainer = Trainer(Layer("base", trainable=False))
    trainer.train_function = "compiled" if compiled else None
    transplants = Transplants([{"do": "trainable", "training": 1, "values": {"base": False}}])
    transplants.training(1, trainer, {})
    assert trainer.train_function is None
    assert [outcome["met"] for outcome in transplants.outcomes] == [met]


def test_options_of_the_layer_that_is_meant() -> None:
    plan = {"do": "layer", "class": "Dense", "construction": 1, "arguments": {"activation": "gelu"}}
    transplants = Transplants([plan])
    made = []
    for number in range(3):
        transplants.constructing(Dense.__new__(Dense), number)
        made.append(Dense(4, "tanh"))
    assert [layer.activation for layer in made] == ["tanh", "gelu", "tanh"]
    assert [layer.units for layer in made] == [4, 4, 4]
    assert transplants.applied == ["arguments of Dense"]


def test_options_of_a_layer_that_inherits_its_constructor() -> None:
    plan = {"do": "layer", "class": "SubDense", "construction": 0, "arguments": {"activation": "gelu"}}
    transplants = Transplants([plan])
    transplants.constructing(SubDense.__new__(SubDense), 0)
    assert SubDense(4).activation == "gelu"
    assert (SubDense(4).activation, "__init__" in vars(SubDense)) == ("relu", False)


def test_the_compile_that_is_meant() -> None:
    plan = {"do": "compile", "side": "b", "compile": 1, "loss_weights": [1.0, 2.0], "jit_compile": False}
    transplants = Transplants([plan])
    seen = []
    for side in "ab":
        transplants.begin_side(side)
        for _ in range(2):
            arguments: dict[str, Any] = {"jit_compile": True}
            number = transplants.compiling(arguments)
            seen.append((side, number, arguments["jit_compile"], arguments.get("loss_weights")))
    assert seen == [("a", 0, True, None), ("a", 1, True, None), ("b", 0, True, None), ("b", 1, False, [1.0, 2.0])]
    assert transplants.applied == ["compile 1"]


def test_what_a_compile_is_given_is_made_from_its_description() -> None:
    """Names stay as they are: Keras knows them."""

    class Module:
        class Huber:
            @classmethod
            def from_config(cls, config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
                return "Huber", config

    described = {"class": "Huber", "config": {"delta": 2.0}}
    huber = ("Huber", {"delta": 2.0})
    assert made(Module, described) == huber
    assert made(Module, "mse") == "mse"
    assert made(Module, ["mse", described]) == ["mse", huber]
    assert made(Module, {"p": described, "q": "mae"}) == {"p": huber, "q": "mae"}
    assert made(Module, None) is None


def test_what_a_layer_computes_of_its_variables_is_computed_anew(tmp_path: Path) -> None:
    (tmp_path / "arrays").mkdir()
    save_file({"mean": np.ones(2, np.float32)}, tmp_path / "arrays" / "state-3.safetensors")
    plan = {"do": "weights", "training": 1, "from": "", "arrays": "state-3", "pairs": {"mean": "mean"}}
    layer, variable = Adapted("normalization"), Variable([0.0, 0.0])
    transplants = Transplants([plan], str(tmp_path))
    for training in (1, 2):
        transplants.first_step(training, Trainer(layer), lambda: {"mean": variable})
    assert transplants.applied == ["mean before training 1"]
    assert layer.finalized == 1


class Generator:
    """A generator of PyTorch."""

    seed = 1

    def initial_seed(self) -> int:
        return self.seed

    def manual_seed(self, seed: int) -> None:
        self.seed = seed


def test_the_options_of_one_stage_of_a_pipeline() -> None:
    plan = {"do": "pipeline", "side": "", "call": 1, "arguments": {"buffer_size": 8, "generator": 5}}
    transplants = Transplants([plan])
    transplants.begin_side("")
    arguments = {"buffer_size": 4, "generator": Generator()}
    transplants.pipeline(0, arguments)
    assert arguments["buffer_size"] == 4
    transplants.pipeline(1, arguments)
    assert (arguments["buffer_size"], arguments["generator"].seed) == (8, 5)
    assert transplants.outcomes[0]["met"] == "all"


def test_a_stage_of_a_pipeline_is_left_out() -> None:
    transplants = Transplants([{"do": "leave_out", "side": "b", "call": 1}])
    transplants.begin_side("a")
    assert not transplants.leaves_out(1)
    transplants.begin_side("b")
    assert [transplants.leaves_out(number) for number in range(3)] == [False, True, False]
    assert transplants.outcomes[0]["met"] == "all"


def test_a_generator_that_was_not_given_is_not_made() -> None:
    transplants = Transplants([{"do": "pipeline", "side": "", "call": 0, "arguments": {"generator": 5}}])
    transplants.begin_side("")
    transplants.pipeline(0, {"generator": None})
    assert transplants.outcomes[0]["met"] == "none"
