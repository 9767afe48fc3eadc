"""Who acts: the user, a library, or samefit."""

from __future__ import annotations

import sys
from types import CodeType, ModuleType

import pytest

import samefit.attribution
from samefit.attribution import acting_callback, kind_of


def code(file: str) -> CodeType:
    return compile("x = 1", file, "exec")


def test_installed_packages_and_the_interpreter_are_libraries() -> None:
    assert kind_of(code("/venv/lib/python3.11/site-packages/keras/src/layers/layer.py")) == "library"
    assert kind_of(code("/home/ada/train.py")) == "user"
    assert kind_of(code(samefit.attribution.__file__)) == "own"


def test_a_clone_of_keras_is_a_library_and_a_script_beside_it_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    keras = ModuleType("keras")
    keras.__path__ = ["/home/ada/keras/keras"]
    monkeypatch.setitem(sys.modules, "keras", keras)
    assert kind_of(code("/home/ada/keras/keras/src/layers/layer.py")) == "library"
    assert kind_of(code("/home/ada/keras/examples/train.py")) == "user"
    assert kind_of(code("/home/ada/keras/keras_of_mine.py")) == "user"


CALLBACKS = """
class CallbackList:
    def on_epoch_end(self, callback):
        return callback()

class JAXTrainer:
    def fit(self, within):
        return within()
"""


class Probe:
    """A callback of the user's."""

    def __call__(self) -> str:
        return acting_callback(sys._getframe())


def test_the_callback_is_named_that_acts_in_the_innermost_fit() -> None:
    keras: dict[str, type] = {}
    exec(compile(CALLBACKS, "/venv/lib/python3.11/site-packages/keras/src/callbacks.py", "exec"), keras)
    callbacks, trainer, probe = keras["CallbackList"](), keras["JAXTrainer"](), Probe()
    assert trainer.fit(lambda: callbacks.on_epoch_end(probe)) == "Probe.on_epoch_end"
    assert trainer.fit(probe) == ""
    assert callbacks.on_epoch_end(lambda: trainer.fit(probe)) == "", "that fit is one of its own"
