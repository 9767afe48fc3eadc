"""`pinned` seeds everything, resets before each training, and gives back what it found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import random, keras, numpy as np, samefit

x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")

def train():
    parts = [keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dropout(.5), keras.layers.Dense(1)]
    model = keras.Sequential(parts)
    model.compile("sgd", "mse")
    return model.fit(x, x[:, :1], epochs=2, batch_size=8, verbose=0).history["loss"]

keras.utils.set_random_seed(5)
random.random(), np.random.random()
before = random.getstate(), np.random.get_state()[1].tolist()
try:
    with samefit.pinned(42):
        first = train()
        with samefit.pinned(7):
            random.random()
        raise KeyError
except KeyError:
    pass
after = random.getstate(), np.random.get_state()[1].tolist()
assert before == after, "the generators are not where they were"
np.random.random(100)
with samefit.pinned(42):
    assert train() == first, "the same seed gave another training"
with samefit.pinned(43):
    assert train() != first, "another seed gave the same training"
assert "pinning" not in keras.Model.fit.__code__.co_filename
"""


def test_pinned(each_backend: str) -> None:
    environment = {**os.environ, "KERAS_BACKEND": each_backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_unknown_keras_is_refused() -> None:
    code = """
import keras, samefit
from samefit.errors import KerasChanged
versions = {"3.11.3": False, "3.12.0": True, "3.15.1": True, "3.16.0": True, "3.17.0": False, "4.0.0": False}
for version, known in versions.items():
    keras.__version__ = version
    try:
        with samefit.pinned(1):
            pass
    except KerasChanged as error:
        assert not known and version in str(error) and "pip install" in str(error), error
    else:
        assert known, version
"""
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_initialiser_that_draws_natively_is_said(any_backend: str) -> None:
    code = """
import keras, numpy as np, samefit

def said(initializer):
    with samefit.pinned(3) as scope:
        keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, kernel_initializer=initializer)])
    return [limit.kind for limit in scope.report.limits]

def native(shape, dtype=None):
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf
        return tf.random.normal(shape, dtype=dtype)
    import torch
    return torch.randn(shape)

def by_keras(shape, dtype=None):
    return keras.random.normal(shape, dtype=dtype)

def portable(shape, dtype=None):
    return np.random.normal(size=shape).astype(dtype)

# JAX has no generator of its own that one could draw from.
assert keras.backend.backend() == "jax" or said(native) == ["native-draw"], said(native)
assert said(by_keras) == [], said(by_keras)
assert said(portable) == [], said(portable)
assert said("glorot_uniform") == [], said("glorot_uniform")
"""
    environment = {**os.environ, "KERAS_BACKEND": any_backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


RAW = """
import os, random, keras, numpy as np, samefit

class Noise(keras.layers.Layer):
    def __init__(self, draw):
        super().__init__()
        self.draw = draw
        self.seeds = keras.random.SeedGenerator()

    def call(self, x):
        return x + self.draw(self, keras.ops.shape(x))

def own(layer, shape):
    return keras.random.normal(shape, seed=layer.seeds)

def raw(layer, shape):
    if keras.config.backend() == "torch":
        import torch
        return torch.randn(tuple(shape))
    import tensorflow as tf
    return tf.random.normal(shape)

def by_numpy(layer, shape):
    return np.random.normal()

def by_python(layer, shape):
    return random.gauss(0, 1)

def first(shape, dtype=None):
    return np.random.normal(size=shape).astype(dtype)  # no draw of a `call`

def said(draw):
    x = np.ones((8, 2), "float32")
    with samefit.pinned(3) as scope:
        last = keras.layers.Dense(1, kernel_initializer=first)
        model = keras.Sequential([keras.Input((2,)), Noise(draw), last])
        model.compile("sgd", "mse")
        model.fit(x, x[:, :1], verbose=0)
        np.random.random(), random.random()  # outside of any layer
        if draw is own and keras.config.backend() != "jax":
            raw(None, (2,))  # outside of any layer
    return [(limit.kind, os.path.basename(limit.location.file), limit.location.code) for limit in scope.report.limits]

assert said(own) == [], said(own)
assert said(by_numpy) == [("raw-draw", "raw.py", "return np.random.normal()")], said(by_numpy)
assert said(by_python) == [("raw-draw", "raw.py", "return random.gauss(0, 1)")], said(by_python)
if keras.config.backend() != "jax":
    lines = {"torch": "return torch.randn(tuple(shape))", "tensorflow": "return tf.random.normal(shape)"}
    assert said(raw) == [("raw-draw", "raw.py", lines[keras.config.backend()])], said(raw)
"""


def test_a_layer_that_draws_past_keras_is_said(any_backend: str, tmp_path: Path) -> None:
    (tmp_path / "raw.py").write_text(RAW)
    environment = {**os.environ, "KERAS_BACKEND": any_backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, str(tmp_path / "raw.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_layers_are_called_on_text(any_backend: str) -> None:
    code = """
import keras, numpy as np, samefit

def values():
    text = np.array([["a"], ["b"], ["c"]])
    hashing, lookup = keras.layers.Hashing(3), keras.layers.StringLookup(vocabulary=["a", "b"])
    words = keras.layers.TextVectorization(vocabulary=["a", "b"])(np.array(["a b", "b"]))
    called = [layer(one) for layer in (hashing, lookup) for one in (text, text.astype("S"), text.astype(object))]
    return [keras.ops.convert_to_numpy(value).tolist() for value in [*called, words]]

with samefit.pinned(3) as scope:
    found = values()
assert found == values()
assert not scope.report.limits, scope.report.limits
"""
    environment = {**os.environ, "KERAS_BACKEND": any_backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
