"""All variables of a training of TensorFlow are read at once: the values are those that each has by itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.live.checked import printed

SCRIPT = """
import json

import keras
import numpy as np
import tensorflow as tf

from samefit.backends.read_tensorflow import Reader

model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.BatchNormalization()])
model.compile("adam", "mse")
model.fit(np.ones((8, 3), "float32"), np.zeros((8, 2), "float32"), verbose=0)
# The slots of the optimizer were made inside of a trace, which makes them variables of another class.
trained = [variable._value for variable in [*model.variables, *model.optimizer.variables]]
odd = [tf.Variable(tf.cast([1, 2], tf.bfloat16)), tf.Variable(["a", "b"]), tf.Variable(tf.zeros(2), shape=None)]
odd.append(tf.Variable([1.0, 2.0], shape=tf.TensorShape(None)))
variables = [*trained, None, *odd]
reader = Reader()
values = reader.read(variables)
same = [value is None if v is None else np.array_equal(v.numpy(), value) for v, value in zip(variables, values)]

before = values[0].copy()
trained[0].assign_add(tf.ones_like(trained[0]))
later = reader.read(variables)[0]
fewer = reader.read(variables[1:4])
inside = []


@tf.function
def traced(x):
    if not inside:
        inside.append(tf.Variable(x * tf.ones(2)))
        with tf.init_scope():
            inside.append([value is None for value in reader.read([inside[0], trained[0]])])
    return inside[0] + x


traced(tf.constant(1.0))
print(json.dumps({
    "classes": len({type(variable) for variable in trained}),
    "same": [bool(one) for one in same],
    "again": bool(np.array_equal(later, before + 1)),
    "fewer": [bool(np.array_equal(v.numpy(), value)) for v, value in zip(variables[1:4], fewer, strict=True)],
    "kept": bool(np.array_equal(values[0], before)),
    "in a trace": inside[1],
    "after it": reader.read(inside[:1])[0].tolist(),
    "none": reader.read([]),
}))
"""


def test_all_at_once_are_what_each_is_by_itself(backends: tuple[str, ...], tmp_path: Path) -> None:
    if "tensorflow" not in backends:
        pytest.skip("TensorFlow is not asked for")
    found = json.loads(printed(tmp_path, "tensorflow", SCRIPT))
    assert found["classes"] > 1
    assert all(found["same"])
    assert len(found["same"]) > 20
    # The memory is the variable's, until that gets another value.
    assert found["kept"]
    assert found["again"]
    assert found["fewer"] == [True] * 3
    # One without a value keeps nobody from being read.
    assert found["in a trace"] == [True, False]
    assert found["after it"] == [1.0, 1.0]
    assert found["none"] == []
