"""`check --models` from end to end: targets of all kinds, exit status, errors in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import samefit
from samefit.cli import main
from samefit.errors import NotTheSameModel, SelectionError

SCRIPT = """
import keras

class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.second, self.first = keras.layers.Dense(2), keras.layers.Dense(8, "relu")

    def call(self, x):
        return self.second(self.first(x))

def sequential():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(2)])

def other():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(2)])

def subclassed():
    return Net()

def nothing():
    pass

model = sequential()
"""


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    Path("models.py").write_text(SCRIPT)
    return "models.py"


@pytest.mark.slow
def test_alike(models: str, each_backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", each_backend)
    assert main(["check", "models.py", "models.py:subclassed", "--models", "--json", "alike.json"]) == 0
    assert json.loads(Path("alike.json").read_text())["verdict"] == "same_function"


def test_not_alike(models: str, any_backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", any_backend)
    assert main(["check", "models.py:model", "models.py:other", "--models", "-q", "--json", "other.json"]) == 2
    document = json.loads(Path("other.json").read_text())
    assert [(one["baseline"], one["candidate"]) for one in document["differences"]] == [("relu", "tanh")]
    assert document["differences"][0]["location"]["line"] == 16


@pytest.mark.slow
def test_pinned_builds_have_equal_weights(models: str, each_backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", each_backend)
    command = ["check", "models.py:sequential", "models.py:subclassed", "--models", "--weights", "equal"]
    assert main([*command, "-q"]) == 2
    assert main([*command, "-q", "--pin", "1"]) == 0


@pytest.mark.slow
def test_two_backends(models: str, backends: tuple[str, ...]) -> None:
    if len(backends) < 2:
        pytest.skip("one backend is under test")
    both = ",".join(backends[:2])
    command = ["check", "models.py:sequential", "models.py:subclassed", "--models", "--pin", "1", "--backends", both]
    assert main([*command, "--json", "both.json"]) == 0
    document = json.loads(Path("both.json").read_text())
    assert document["weights"] == "equal"
    assert document["verdict"] in ("identical", "within_tolerance")


def test_a_model_without_inputs_asks_for_them(
    models: str, backends: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", backends[0])
    assert main(["check", "models.py:subclassed", "--models"]) == 1
    assert "--input-shape" in capsys.readouterr().err
    assert main(["check", "models.py:subclassed", "models.py:sequential", "--models", "--input-shape", "4"]) == 0


def test_a_function_without_a_model_is_an_error_in_one_line(
    models: str, backends: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", backends[0])
    assert main(["check", "models.py:nothing", "--models"]) == 1
    assert "models.py:nothing gave None; it must return one keras.Model." in capsys.readouterr().err


def test_assert_same_model_with_targets(
    models: str, backends: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", backends[0])
    x = [[1.0, 2.0, 3.0, 4.0]]
    import numpy as np

    assert samefit.assert_same_model("models.py:subclassed", "models.py:sequential", x=np.array(x, "float32")).same
    with pytest.raises(NotTheSameModel, match="relu and tanh"):
        samefit.assert_same_model("models.py:sequential", "models.py:other")


def test_a_target_and_an_object_cannot_be_compared() -> None:
    with pytest.raises(SelectionError, match="two targets"):
        samefit.assert_same_model("models.py:sequential", object())


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["a.py", "--models", "--same-process"], "compares without training"),
        (["a.py", "--models", "--to-end"], "compares without training"),
        (["a.py", "--input-shape", "4"], "belong to --models"),
        (["a.py", "--weights", "any"], "belong to --models"),
    ],
)
def test_contradictions(arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *arguments]) == 1
    assert why in capsys.readouterr().err
