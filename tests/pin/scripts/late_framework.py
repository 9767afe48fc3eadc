"""TensorFlow is imported before a pinned scope, or inside of it: prints what it draws then, and what is left behind."""

from __future__ import annotations

import json
import sys

import keras
import numpy as np

import samefit

if sys.argv[1] == "before":
    import tensorflow as tf
    from tensorflow.python.framework import config as tf_config

drawn, switched = [], []


def draw() -> None:
    drawn.append(tf.random.normal((2,)).numpy().tolist())
    switched.append(tf_config.is_op_determinism_enabled())


with samefit.pinned(7):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    if sys.argv[1] == "inside":
        assert "tensorflow" not in sys.modules, "entering the scope has imported TensorFlow"
        with samefit.pinned(9):
            import tensorflow as tf
            from tensorflow.python.framework import config as tf_config
    if sys.argv[1] == "never":
        model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
        assert "tensorflow" not in sys.modules, "a training has imported TensorFlow"
        json.dump({}, sys.stdout)
        sys.exit()
    draw()
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    draw()
    with samefit.pinned(8) as inner:
        draw()
switched += [tf_config.is_op_determinism_enabled(), inner.report.switched.get("tensorflow op determinism")]
unseeded = samefit.backends.load("tensorflow").generator_state()
json.dump({"drawn": drawn, "switched": switched, "seed": json.loads(unseeded or b"{}").get("seed")}, sys.stdout)
