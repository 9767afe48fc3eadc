"""What a plan says of an optimizer, a loss or a metric becomes one, also where it needs classes of the user's own."""

from __future__ import annotations

from typing import Any

import keras
import pytest

from samefit.transplant.making import made
from samefit.transplant.plan import Transplants


class Decay(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, rate: float) -> None:
        self.rate = rate

    def __call__(self, step: Any) -> Any:
        return self.rate

    def get_config(self) -> dict[str, Any]:
        return {"rate": self.rate}


class Unsaved(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, rate: float) -> None:
        self.rate = rate

    def __call__(self, step: Any) -> Any:
        return self.rate


class Scaled(keras.losses.Loss):
    def __init__(self, scale: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self.scale = scale

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.scale * keras.ops.mean(y_true - y_pred)


@pytest.mark.parametrize("schedule", [Decay(0.1), Unsaved(0.1)])
def test_an_optimizer_with_other_options_keeps_a_schedule_that_nobody_registered(schedule: Any) -> None:
    own = keras.optimizers.Adam(schedule, beta_1=0.8)
    new = made(keras.optimizers, {"options": {"beta_1": 0.9}}, own)
    assert (new.beta_1, new.beta_2, own.beta_1) == (0.9, own.beta_2, 0.8)
    assert new._learning_rate is schedule
    assert new is not own


def test_a_schedule_is_made_of_the_class_that_the_side_has() -> None:
    own = keras.optimizers.Adam(Decay(0.1))
    new = made(keras.optimizers, {"options": {"learning_rate": {"class_name": "Decay", "config": {"rate": 0.3}}}}, own)
    assert (type(new._learning_rate), new._learning_rate.rate, own._learning_rate.rate) == (Decay, 0.3, 0.1)


def test_a_rate_takes_the_place_of_a_schedule() -> None:
    new = made(keras.optimizers, {"options": {"learning_rate": 0.01}}, keras.optimizers.SGD(Unsaved(0.1), momentum=0.5))
    assert (float(new.learning_rate), new.momentum) == (pytest.approx(0.01), 0.5)


def test_options_of_an_optimizer_that_compile_was_given_by_its_name() -> None:
    assert made(keras.optimizers, {"options": {"beta_1": 0.7}}, "adam").beta_1 == 0.7


def test_a_loss_is_made_of_the_class_that_the_side_has() -> None:
    new = made(keras.losses, {"class": "Scaled", "config": {"scale": 2.0}}, Scaled())
    assert (type(new), new.scale) == (Scaled, 2.0)
    assert isinstance(made(keras.losses, {"class": "Huber", "config": {"delta": 2.0}}, Scaled()), keras.losses.Huber)


def test_what_is_an_attribute_and_no_argument_is_set() -> None:
    mine = Scaled(3.0)
    mine.eps = 1e-7
    new = made(keras.losses, {"options": {"scale": 2.0, "eps": 1e-5}}, mine)
    # Without a `get_config` of its own neither is an argument; the side's own object stays what it was.
    assert (type(new), new.scale, new.eps, mine.scale, mine.eps) == (Scaled, 2.0, 1e-5, 3.0, 1e-7)


@pytest.mark.parametrize("name", ["kept", "options", "class"])
def test_an_output_may_have_any_name(name: str) -> None:
    wanted = {name: "mse", "box": "mae"}
    assert made(keras.losses, wanted, {name: "mae", "box": "mse"}) == wanted
    assert made(keras.losses, {name: "mse"}, {name: "mae"}) == {name: "mse"}


def test_of_several_a_side_keeps_its_own() -> None:
    mine = Scaled()
    assert made(keras.losses, {"p": {"kept": True}, "q": "mse"}, {"p": mine, "q": "mae"}) == {"p": mine, "q": "mse"}
    assert made(keras.losses, ["mse", {"kept": True}], ["mae", mine]) == ["mse", mine]


class Own(keras.initializers.Initializer):
    def __init__(self, scale: float) -> None:
        self.scale = scale

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return self.scale * keras.ops.ones(shape, dtype)

    def get_config(self) -> dict[str, Any]:
        return {"scale": self.scale}


def test_an_initialiser_of_a_layer_is_made_of_the_class_that_the_side_has() -> None:
    arguments = {"kernel_initializer": {"class_name": "Own", "config": {"scale": 0.5}}, "activation": "tanh"}
    transplants = Transplants([{"do": "layer", "class": "Dense", "construction": 0, "arguments": arguments}])
    layer = keras.layers.Dense.__new__(keras.layers.Dense, 2, kernel_initializer=Own(2.0))
    transplants.constructing(layer, 0)
    layer.__init__(2, kernel_initializer=Own(2.0))  # type: ignore[misc]
    assert (type(layer.kernel_initializer), layer.kernel_initializer.scale) == (Own, 0.5)
    assert layer.activation is keras.activations.tanh
