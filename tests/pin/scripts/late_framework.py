"""TensorFlow is imported before a pinned scope, or inside of it: prints what it draws then, and what is left behind."""

from __future__ import annotations

import json
import sys

import keras
import numpy as np

import samefit

if sys.argv[1] == "before":
    import tensorflow as tf

drawn = []
with samefit.pinned(7):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    if sys.argv[1] == "inside":
        assert "tensorflow" not in sys.modules, "entering the scope has imported TensorFlow"
        import tensorflow as tf
    if sys.argv[1] == "never":
        model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
        assert "tensorflow" not in sys.modules, "a training has imported TensorFlow"
        json.dump({}, sys.stdout)
        sys.exit()
    drawn.append(tf.random.normal((2,)).numpy().tolist())
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    drawn.append(tf.random.normal((2,)).numpy().tolist())
    with samefit.pinned(8):
        drawn.append(tf.random.normal((2,)).numpy().tolist())
unseeded = samefit.backends.load("tensorflow").generator_state()
json.dump({"drawn": drawn, "seed": json.loads(unseeded or b"{}").get("seed")}, sys.stdout)
