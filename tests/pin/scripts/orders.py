"""Prints, as JSON, the order in which samples went to training in many situations."""

from __future__ import annotations

import importlib.util
import json
import sys
import warnings

import keras
import numpy as np

import samefit

warnings.filterwarnings("ignore", message=".*ran out of data.*")
N, BATCH = 22, 4  # the last batch is a partial one
X = np.arange(N, dtype="float32")[:, None]
Y = np.arange(N, dtype="float32") % 2


class Model(keras.Model):
    """Notes the samples of each step, on every backend: without compilation."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.steps: list[list[int]] = []

    def call(self, x):
        return self.dense(x)

    def train_step(self, *args):
        data = args[-1]
        self.steps.append([int(v) for v in np.asarray(keras.ops.convert_to_numpy(data[0])).ravel()])
        return super().train_step(*args)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return (N + BATCH - 1) // BATCH

    def __getitem__(self, index):
        rows = slice(index * BATCH, (index + 1) * BATCH)
        return X[rows], Y[rows]


class Between(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.model.evaluate(X[:5], Y[:5], verbose=0)
        self.model.predict(X[:5], verbose=0)


def model():
    made = Model()
    made.compile("sgd", "mse", run_eagerly=True, jit_compile=False)
    return made


def order(*args, made=None, before=None, **kwargs):
    made = made or model()
    if before:
        before(made)
    made.steps.clear()
    kwargs = {"batch_size": BATCH, "epochs": 3} | kwargs if not args or args[0] is X else {"epochs": 3} | kwargs
    made.fit(*args, verbose=0, **kwargs)
    return list(made.steps)


def evaluate(made):
    made.evaluate(X, Y, verbose=0)
    made.predict(X, verbose=0)
    made.test_on_batch(X, Y)
    np.random.random(3)


def fit_once(made):
    made.fit(X, Y, batch_size=BATCH, verbose=0)


def situations():
    yield "plain", order(X, Y)
    yield "evaluate and predict before", order(X, Y, before=evaluate)
    yield "evaluate and predict in a callback", order(X, Y, callbacks=[Between()])
    yield "validation data", order(X, Y, validation_data=(X[:5], Y[:5]))
    yield "second fit", order(X, Y, before=fit_once)
    yield "second epoch on", order(X, Y, initial_epoch=1)
    yield "validation split", order(X, Y, validation_split=0.25)
    yield "class weight", order(X, Y, class_weight={0: 1.0, 1: 2.0})
    yield "sample weight", order(X, Y, sample_weight=np.ones(N, "float32"))
    yield "within batches", order(X, Y, shuffle="batch")
    yield "some steps", order(X, Y, steps_per_epoch=4)
    yield "all steps", order(X, Y, steps_per_epoch=6)
    yield "not shuffled", order(X, Y, shuffle=False)
    yield "PyDataset", order(Batches())
    yield "PyDataset with validation", order(Batches(), validation_data=Batches())
    yield "PyDataset with workers", order(Batches(workers=3))
    yield "PyDataset with some steps", order(Batches(), steps_per_epoch=4)
    yield "PyDataset with workers and some steps", order(Batches(workers=3), steps_per_epoch=4)
    yield "PyDataset with processes", order(Batches(workers=2, use_multiprocessing=True))
    yield "PyDataset not shuffled", order(Batches(workers=3), shuffle=False)


class Drawing(Batches):
    """Draws while it reads."""

    def __getitem__(self, index):
        x, y = super().__getitem__(index)
        return x + np.random.random(x.shape).astype("float32"), y


class Values(Model):
    """Notes the values of each step to the last bit."""

    def train_step(self, *args):
        self.steps.append(keras.ops.convert_to_numpy(args[-1][0]).tobytes().hex())
        return keras.Model.train_step(self, *args)


def augmented(data):
    made = Values()
    made.compile("sgd", "mse", run_eagerly=True, jit_compile=False)
    return order(data, made=made, epochs=2)


def generator():
    for index in range(18):
        yield Batches()[index % 6]


def dataset():
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(N).batch(BATCH)


def loader(batch_sampler=None, **options):
    import torch

    dataset = torch.utils.data.TensorDataset(*map(torch.as_tensor, (X, Y)))
    if batch_sampler is None:
        return torch.utils.data.DataLoader(dataset, BATCH, **options)
    sampler = torch.utils.data.BatchSampler(getattr(torch.utils.data, batch_sampler)(dataset), BATCH, False)
    return torch.utils.data.DataLoader(dataset, batch_sampler=sampler, **options)


def own_order(make, **options):
    """The order in a first training, and in the same one after others; and what the report says."""
    with samefit.pinned(42) as scope:
        first = order(make(), **options)
        order(X, Y)
        np.random.random(5)
        later = order(make(), **options)
        # Two models that are built alike are what the orders are read off.
        return first, later, [(one.kind, one.text) for one in scope.report.limits if one.kind != "equal-models"]


with samefit.pinned(42) as scope:
    found = {"orders": dict(situations())}
    found["augmented"] = {
        name: augmented(Drawing(**options))
        for name, options in (("plain", {}), ("processes", {"workers": 2, "use_multiprocessing": True}))
    }
    found["limits"] = [limit.kind for limit in scope.report.limits]
with samefit.pinned(42) as scope:
    augmented(Drawing(workers=2))
    found["drawn in threads"] = [(limit.kind, limit.text) for limit in scope.report.limits]
with samefit.pinned(43):
    found["another seed"] = order(X, Y, epochs=1)
own = {"generator": own_order(generator, steps_per_epoch=6, shuffle=False)}
if keras.config.backend() == "tensorflow":
    own["tf.data"] = own_order(dataset, shuffle=False)
elif importlib.util.find_spec("torch"):
    own["DataLoader"] = own_order(lambda: loader(shuffle=True), shuffle=False)
    own["DataLoader in order"] = own_order(loader, shuffle=False)
    own["DataLoader with batches"] = own_order(lambda: loader("RandomSampler"), shuffle=False)
    own["DataLoader with batches in order"] = own_order(lambda: loader("SequentialSampler"), shuffle=False)
found["own"] = own
json.dump(found, sys.stdout)
