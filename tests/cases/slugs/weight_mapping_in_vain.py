"""Weights are loaded by the names of layers, and no layer has a name that is in the file."""

import os
import tempfile

from common import fit, glorot, keras, layers


def network(seed):
    parts = [layers.Dense(8, "relu", kernel_initializer=glorot(seed)), layers.Dense(1, kernel_initializer=glorot(seed))]
    return keras.Sequential([keras.Input((6,)), *parts])


def a():
    model, teacher = network(1), network(5)
    model.set_weights(teacher.get_weights())
    fit(model)


def b():
    file = os.path.join(tempfile.mkdtemp(), "teacher.h5")
    network(5).save(file)
    model = network(1)
    model.load_weights(file, by_name=True)
    fit(model)


EXPECT = {"verdict": "diverged", "stage": ["initial_weights"], "slug": "weight-mapping"}
