"""Whatever runs before a training, and in its callbacks, the training is the same; prints how many ways it tried."""

from __future__ import annotations

import json
import random
import sys

import keras
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from one_training import X, Y, fit, make

import samefit


def fail(model: keras.Model) -> None:
    try:
        model.fit(X, Y[:3], verbose=0)
    except ValueError:
        return
    raise AssertionError("it trained on arrays of different lengths")


ACTIONS = {
    "evaluate": lambda model: model.evaluate(X, Y, verbose=0),
    "predict": lambda model: model.predict(X[:9], verbose=0),
    "test_on_batch": lambda model: model.test_on_batch(X[:4], Y[:4]),
    "predict_on_batch": lambda model: model.predict_on_batch(X[:4]),
    "call": lambda model: model(X[:9]),
    "call as in training": lambda model: model(X[:9], training=True),
    "call of its layer": lambda model: model.layers[1](np.ones((2, 6), "float32"), training=True),
    "summary": lambda model: model.summary(print_fn=lambda *_, **__: None),
    "numpy": lambda _: np.random.permutation(100),
    "random": lambda _: random.random(),
    "keras": lambda _: keras.random.normal((3,)),
    "seed": lambda _: keras.utils.set_random_seed(7),
    "layer": lambda _: keras.layers.Dropout(0.5)(X, training=True),
    "another model": lambda _: fit(make(eager=True), epochs=1),
    "a fit that fails": fail,
}
# The state of a loop on JAX is not in the model while its callbacks run, so a `fit` of it there cannot be.
INSIDE = sorted(ACTIONS.keys() - {"a fit that fails"})


class Acts(keras.callbacks.Callback):
    def __init__(self, plan: dict[int, str]):
        super().__init__()
        self.plan = plan
        self.batch = 0

    def on_train_batch_end(self, batch, logs=None):
        if self.batch in self.plan:
            ACTIONS[self.plan[self.batch]](self.model)
        self.batch += 1


tried = 0


@settings(max_examples=int(sys.argv[1]), derandomize=True, deadline=None, database=None)
@given(
    st.lists(st.sampled_from(sorted(ACTIONS)), max_size=5), st.dictionaries(st.integers(0, 5), st.sampled_from(INSIDE))
)
def check(before: list[str], inside: dict[int, str]) -> None:
    global tried
    tried += 1
    with samefit.pinned(42):
        model = make(eager=True)
        for name in before:
            ACTIONS[name](model)
        assert fit(model, callbacks=[Acts(inside)]) == alone


with samefit.pinned(42):
    alone = fit(make(eager=True))
check()
with samefit.pinned(42):
    compiled = fit(make())
json.dump({"tried": tried, "compiled": compiled}, sys.stdout)
