"""Describing models, variables, data and compilation, with stand-ins for Keras's objects."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import keras
import pytest

from samefit.patches.held import own_parts
from samefit.record.compiled import Compiles, describe_compiled
from samefit.record.ledger import Ledger
from samefit.record.models import describe_model, describe_variables, recurrent_state, unique_path
from samefit.record.provenance import Call, Provenance
from samefit.record.training import Training
from samefit.store.records import TrainingRecord
from samefit.transplant.plan import Transplants
from samefit.types import Build, Role


class Variable:
    def __init__(self, path: str, *shape: int, trainable: bool = True) -> None:
        self.path, self.shape, self._dtype, self.trainable = path, shape, "float32", trainable
        self.name = path.rsplit("/", 1)[-1]


class Layer:
    def __init__(self, name: str, *layers: Layer, weights: Any = (), state: Any = (), **config: Any) -> None:
        self.name, self._layers, self.trainable, self._config = name, list(layers), True, config
        self.dtype_policy = SimpleNamespace(name="float32")
        self._trainable_variables, self._non_trainable_variables = list(weights), list(state)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, **self._config}


class Dense(Layer):
    """A layer with weights."""


class Odd(Layer):
    def get_config(self) -> dict[str, Any]:
        raise NotImplementedError


class Sequential(Layer):
    """A model."""


class Model(Layer):
    """The class that models of the user's own derive from."""


class Mine(Model):
    """A model of the user's own."""


@pytest.fixture
def provenance() -> Provenance:
    return Provenance(Ledger(), SimpleNamespace(host_value=lambda v: None), Transplants())  # type: ignore[arg-type]


def call(operation: Any, depth: int = 0) -> Call:
    return Call(operation, depth, None, mask_in=False)


# -- models -------------------------------------------------------------------------------------------------------


def test_layers_stand_in_the_order_in_which_they_run(provenance: Provenance) -> None:
    first, second, unused = Dense("dense", units=3), Dense("dense_1", units=4), Dense("dense_2")
    model = Sequential("model", second, first, unused)
    record, layers = describe_model(model, 1, [call(first), call(second), call(first)], provenance)
    assert layers == [first, second, unused]
    assert [(layer.name, layer.calls) for layer in record.layers] == [("dense", 2), ("dense_1", 1), ("dense_2", 0)]
    assert (record.order, record.build, record.layers[0].config) == ("execution", Build.SEQUENTIAL, {"units": 3})
    assert [c.layer for c in record.calls] == [0, 1, 0]


def test_without_a_forward_pass_layers_stand_as_they_are_listed(provenance: Provenance) -> None:
    model = Mine("mine", Dense("dense"), Odd("odd"))
    record, _ = describe_model(model, 1, [], provenance)
    assert (record.order, record.build, record.calls) == ("structure", Build.SUBCLASSED, ())
    assert record.layers[1].config == {"error": "NotImplementedError"}


def test_nested_layers_have_records_of_their_own(provenance: Provenance) -> None:
    inner = Dense("dense")
    nested = Mine("block", inner)
    record, _ = describe_model(Mine("model", nested), 1, [call(nested), call(inner, 1)], provenance)
    assert [(layer.name, layer.is_leaf, layer.config) for layer in record.layers] == [
        ("block", False, {}),
        ("dense", True, {}),
    ]
    # What the user's own block is made of is shown, not the block.
    assert [c.class_name for c in record.calls] == ["Dense"]


def test_variables_with_their_layers_roles_and_slots(provenance: Provenance) -> None:
    kernel, mean = Variable("dense/kernel", 2, 3), Variable("dense/mean", 3, trainable=False)
    seed = Variable("dropout/seed", 2)
    layer, dropout = Dense("dense", weights=[kernel], state=[mean]), Layer("dropout")
    dropout._seed_generators = [SimpleNamespace(state=seed)]  # type: ignore[attr-defined]
    other = Variable("elsewhere", 1)
    slots = [Variable("adam/dense_kernel_momentum", 2, 3), Variable("adam/iteration")]
    model = Sequential("model")
    records = describe_variables(model, [kernel, mean, seed, other], {"": slots}, [layer, dropout], provenance)
    assert [(r.role, r.layer, r.index_in_layer) for r in records] == [
        (Role.TRAINABLE, 0, 0),
        (Role.NON_TRAINABLE, 0, 1),
        (Role.SEED, 1, 1000),
        (Role.TRAINABLE, None, None),
        (Role.OPTIMIZER, None, None),
        (Role.OPTIMIZER, None, None),
    ]
    assert [(r.slot, r.slot_of) for r in records[4:]] == [("momentum", 0), ("iteration", None)]


def test_the_state_of_a_seed_generator_comes_from_the_seed_that_it_was_given(provenance: Provenance) -> None:
    states = [Variable("sampling/seed", 2), Variable("noise/seed", 2), Variable("mine/seed", 2)]
    generators = [SimpleNamespace(state=state) for state in states]
    for state, generator, seed in zip(states, generators, (1, 2, None), strict=True):
        provenance.variable_made(state, provenance.initializing([0, 0]))
        if seed is not None:
            provenance.seeded(generator, seed)
    layer, model = Layer("sampling"), Mine("mine")
    # A layer may hold several, and the model its own.
    layer._seed_generators, model._seed_generators = generators[:1], generators[1:]  # type: ignore[attr-defined]
    records = describe_variables(model, states, {}, [layer], provenance)
    origins = [record.origin for record in records if record.origin is not None]
    assert [(o.initializer, o.seed, o.seed_is_explicit) for o in origins] == [
        ("SimpleNamespace", 1, True),
        ("SimpleNamespace", 2, True),
        ("value", None, False),
    ]


def test_a_slot_belongs_to_the_variable_with_the_longest_name(provenance: Provenance) -> None:
    variables = [Variable("a/b", 1), Variable("a/b_c", 1)]
    slot = Variable("adam/a_b_c_momentum", 1)
    records = describe_variables(Sequential("model"), variables, {"": [slot]}, [], provenance)
    assert (records[2].slot, records[2].slot_of) == ("momentum", 1)


def test_the_slots_of_an_optimizer_that_the_model_holds_itself(provenance: Provenance) -> None:
    kernel = Variable("kernel", 1)
    slots = {"": [Variable("adam/iteration")], "g_optimizer": [Variable("adam/iteration"), Variable("kernel_momentum")]}
    records = describe_variables(Sequential("model"), [kernel], slots, [], provenance)[1:]
    assert [(r.path, r.slot, r.slot_of, r.holder) for r in records] == [
        ("adam/iteration", "iteration", None, ""),
        ("g_optimizer.adam/iteration", "iteration", None, "g_optimizer"),
        ("g_optimizer.kernel_momentum", "momentum", 0, "g_optimizer"),
    ]


def test_two_variables_of_one_path() -> None:
    paths: dict[str, int] = {}
    assert [unique_path("w", paths) for _ in range(3)] == ["w", "w#2", "w#3"]


# -- compile ------------------------------------------------------------------------------------------------------


class Configured:
    def __init__(self, **config: Any) -> None:
        self._config = config

    def get_config(self) -> dict[str, Any]:
        return {"name": "a", **self._config}


def test_what_was_compiled() -> None:
    model = SimpleNamespace(
        optimizer=Configured(learning_rate=0.1),
        loss={"p": "mse", "q": Configured(delta=1.0)},
        jit_compile=True,
        _compile_loss=SimpleNamespace(_user_loss_weights=[1.0, 2.0]),
        _compile_metrics=SimpleNamespace(_user_metrics=["mae", Configured()]),
    )
    assert describe_compiled(model) == {
        "jit_compile": True,
        "run_eagerly": False,
        "steps_per_execution": 1,
        "loss": {"p": "mse", "q": {"class": "Configured", "config": {"delta": 1.0}}},
        "optimizer": {"class": "Configured", "config": {"learning_rate": 0.1}},
        "loss_weights": [1.0, 2.0],
        "metrics": ["mae", {"class": "Configured", "config": {"name": "a"}}],
    }


@pytest.mark.parametrize(("replicas", "told"), [(2, "SimpleNamespace on 2 devices"), (1, None)])
def test_a_model_whose_batches_are_shared_among_devices(replicas: int, told: str | None) -> None:
    model = SimpleNamespace(distribute_strategy=SimpleNamespace(num_replicas_in_sync=replicas))
    assert describe_compiled(model).get("distribution") == told


def test_a_model_that_was_not_compiled() -> None:
    assert describe_compiled(SimpleNamespace())["loss"] is None


class BaseOptimizer:
    """Stands in for Keras's base class."""

    __module__ = "keras.src.optimizers.base_optimizer"

    def get_config(self) -> dict[str, Any]:
        return {"name": "adam", "learning_rate": 0.1}


class Adam(BaseOptimizer):
    __module__ = "keras.src.optimizers.adam"


class Own(BaseOptimizer):
    """An optimizer of the user's own, whose options leave an attribute out."""

    factor = 1.0

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def update_step(self) -> float:
        return self.factor


def test_a_schedule_that_cannot_be_saved_does_not_hide_the_options_of_its_optimizer() -> None:
    class Falling(keras.optimizers.schedules.LearningRateSchedule):
        def __init__(self, rate: float) -> None:
            self.rate = rate

        def __call__(self, step: Any) -> Any:
            return self.rate / step

    config = describe_compiled(SimpleNamespace(optimizer=keras.optimizers.Adam(Falling(0.1))))["optimizer"]["config"]
    assert config["beta_1"] == 0.9
    assert config["learning_rate"]["class_name"].startswith("Falling (your own, ")
    assert config["learning_rate"]["config"] == {"rate": 0.1}
    with pytest.raises(NotImplementedError):
        Falling(0.1).get_config()


def test_what_the_model_holds_itself_is_found_once_each() -> None:
    first, second, third = Adam(), Adam(), Adam()
    model = SimpleNamespace(
        optimizer=first, opt=first, twice=second, again=second, rest=[third, 1], data=list(range(99))
    )
    assert own_parts(model, "BaseOptimizer") == {"opt": first, "twice": second, "rest[0]": third}
    assert [*describe_compiled(model)["optimizers"]] == ["opt", "twice", "rest[0]"]


def test_the_class_of_ones_own_stands_with_what_it_does_and_reads() -> None:
    one, other = (describe_compiled(SimpleNamespace(optimizer=Own(factor)))["optimizer"] for factor in (1.0, 2.0))
    assert one["class"] == other["class"]
    assert one["class"].startswith("Own (your own, ")
    assert (one["config"]["factor"], other["config"]["factor"]) == (1.0, 2.0)
    assert describe_compiled(SimpleNamespace(optimizer=Adam()))["optimizer"]["class"] == "Adam"


def test_which_compile_it_was_and_where() -> None:
    compiles, model = Compiles(), Layer("model")
    assert "number" not in compiles.of(model)
    compiles.put(model, 3)
    known = compiles.of(model)
    assert (known["number"], known["location"]["file"]) == (3, __file__)
    assert known["location"]["code"] == "compiles.put(model, 3)"


# -- a training that runs -----------------------------------------------------------------------------------------


def test_the_variables_of_a_training_leave_metrics_out() -> None:
    metric, kernel, state = Variable("total"), Variable("kernel", 2), Variable("kernel", 2, trainable=False)
    trainer = SimpleNamespace(
        metrics_variables=[metric],
        _flatten_layers=list,
        trainable_variables=[kernel],
        non_trainable_variables=[state, metric],
        optimizer=SimpleNamespace(variables=[Variable("adam/iteration")], built=True),
        built=True,
        history=SimpleNamespace(history={"loss": [1.0, 0.5], "odd": ["text"], "none": []}),
    )
    record = TrainingRecord(1, "", 1, "fit", {}, {}, 0, "running")
    training = Training(record, trainer)
    assert list(training.by_path()) == ["kernel", "kernel#2", "adam/iteration"]
    assert training.all_variables[0] is kernel
    assert training.history() == {"loss": (1.0, 0.5)}


def test_an_optimizer_that_comes_to_be_used_in_a_later_step_counts_from_then_on() -> None:
    late = Adam()
    late.variables = [Variable("adam/iteration")]  # type: ignore[attr-defined]
    trainer = SimpleNamespace(
        metrics_variables=[],
        _flatten_layers=list,
        trainable_variables=[Variable("kernel")],
        non_trainable_variables=[],
        optimizer=SimpleNamespace(variables=[Variable("sgd/iteration")], built=True),
        late=late,
    )
    training = Training(TrainingRecord(1, "", 1, "fit", {}, {}, 0, "running"), trainer)
    training.collect(trainer)
    assert training.num_variables == 3
    late.variables.append(Variable("adam/kernel_momentum"))  # type: ignore[attr-defined]
    assert training.num_variables == 4
    assert [v.path for v in training.own_slots] == ["adam/iteration", "adam/kernel_momentum"]


def test_the_state_of_a_stateful_layer_counts() -> None:
    held = [SimpleNamespace(path="rnn/state", assign=None)]
    assert recurrent_state(SimpleNamespace(stateful=True, states=held)) == held
    assert recurrent_state(SimpleNamespace(stateful=False, states=held)) == []
    assert recurrent_state(SimpleNamespace(stateful=True, states=None)) == []
    assert recurrent_state(SimpleNamespace(stateful=True)) == []
