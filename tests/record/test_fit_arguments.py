"""What `fit` was given: data by digest, options by value, code by what it does and where it stands."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from samefit.record.fit_arguments import data_arrays, describe_arguments


def described(**arguments: Any) -> dict[str, Any]:
    return describe_arguments("fit", arguments, np.asarray)


class Noisy:
    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def __getitem__(self, index: int) -> Any:
        return self.rng.normal(), np.random.default_rng(index).normal()


def test_what_the_code_of_a_dataset_draws_from() -> None:
    (draw,) = described(x=Noisy())["draws"]
    assert (draw["text"], draw["kind"], draw["within"]) == ("self.rng.normal", "own", "Noisy.__getitem__")
    assert draw["location"]["code"].startswith("return self.rng.normal()")
    assert "draws" not in described(x=np.arange(3.0))


def test_data_by_digest_and_options_by_value() -> None:
    x, y = np.arange(8.0).reshape(4, 2), np.arange(4)
    options = described(x=x, y=y, epochs=2, callbacks=[Noisy()])
    assert (options["epochs"], options["callbacks"]) == (2, ["Noisy"])
    assert {k: options["x"][k] for k in ("type", "shape", "dtype")} == {
        "type": "ndarray",
        "shape": [4, 2],
        "dtype": "float64",
    }
    order = [1, 0, 2, 3]
    other = described(x=x[order], y=y[order])
    assert other["rows"] == options["rows"]
    assert other["x"]["digest"] != options["x"]["digest"]
    assert described(x=x, y=y[order])["rows"] != options["rows"]


def test_validation_data_by_digest() -> None:
    data = np.arange(4.0), np.arange(4)
    one, other = (described(validation_data=(data[0], y))["validation_data"] for y in (data[1], data[1] + 1))
    assert one["type"] == "tuple"
    assert one["digest"] != other["digest"]
    assert "validation_data" not in described(validation_data=None)


def test_a_dataset_of_the_users_own_by_what_it_says() -> None:
    dataset = SimpleNamespace(workers=4, use_multiprocessing=False, batch_size="large")
    assert described(x=dataset)["x"] == {"type": "SimpleNamespace", "workers": 4, "use_multiprocessing": False}


def test_only_whole_arrays_are_kept() -> None:
    x = np.ones(3)
    assert {*data_arrays({"x": x, "y": [1, 2], "epochs": 3}, np.asarray)} == {"x"}
    several = {"x": [x, x], "y": {"digit": x, "sum": (x, None)}, "sample_weight": None}
    assert {*data_arrays(several, np.asarray)} == {"x/0", "x/1", "y/digit", "y/sum/0"}


def test_of_a_batch_only_where_it_comes_from() -> None:
    assert not {*describe_arguments("train_on_batch", {"x": np.ones(3)}, np.asarray)} - {"made_by"}


class Pruning:
    def on_epoch_end(self, epoch: int) -> None:
        self.epoch = epoch


def test_code_of_callbacks_stands_with_its_line() -> None:
    (code,) = described(callbacks=[Pruning()])["callback_code"]
    assert list(code) == ["Pruning.on_epoch_end"]
    assert code["Pruning.on_epoch_end"]["name"]["line"] == Pruning.on_epoch_end.__code__.co_firstlineno


class Proxy:
    """As those of web frameworks that stand for nothing yet."""

    @property
    def __class__(self) -> Any:
        raise RuntimeError("working outside of context")


class Reporting(Pruning):
    def __init__(self) -> None:
        self.run = self._run = Proxy()
        self.period = 3


def test_a_proxy_that_a_callback_holds_is_not_asked() -> None:
    options = described(callbacks=[Reporting()])
    assert options["callback_options"] == [{"period": 3}]
    assert [*options["callback_code"][0]] == ["Reporting.on_epoch_end"]
