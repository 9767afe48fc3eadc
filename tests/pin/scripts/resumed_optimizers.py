"""A class around two models, each with an optimizer of its own, as in Keras's guide to GANs; killed after some step.

Usage: resumed_optimizers.py KILL_AFTER DIRECTORY. KILL_AFTER 0: not at all; DIRECTORY "-": without a checkpoint.
"""

import hashlib
import os
import signal
import sys

import keras
import numpy as np

import samefit

kill_after, directory = int(sys.argv[1]), sys.argv[2]
x = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
BACKEND = keras.config.backend()


class Pair(keras.Model):
    def __init__(self):
        super().__init__()
        self.first = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(1)])
        self.second = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        # TensorFlow alone lets a class without a `call` into `fit` as it is.
        self.built = BACKEND != "tensorflow"

    def compile(self, first, second, **options):
        super().compile(**options)
        self.first_optimizer = first
        self.others = {"second": second, "name": "no optimizer"}

    def parts(self):
        return (self.first, self.first_optimizer), (self.second, self.others["second"])

    def train_step(self, *args):
        *state, data = args
        return STEPS[BACKEND](self, *state, keras.utils.unpack_x_y_sample_weight(data)[0])


def loss_of(part, x):
    return keras.ops.mean((part(x, training=True) - x[:, :1] ** 2) ** 2)


def step_tensorflow(model, x):
    import tensorflow as tf

    for part, optimizer in model.parts():
        with tf.GradientTape() as tape:
            loss = loss_of(part, x)
        optimizer.apply_gradients(
            zip(tape.gradient(loss, part.trainable_variables), part.trainable_variables, strict=True)
        )
    return {"loss": loss}


def step_torch(model, x):
    import torch

    for part, optimizer in model.parts():
        loss = loss_of(part, x)
        gradients = torch.autograd.grad(loss, [variable.value for variable in part.trainable_variables])
        with torch.no_grad():
            optimizer.apply(gradients, part.trainable_variables)
    return {"loss": loss}


def step_jax(model, state, x):
    import jax

    left, trained = list(state[0]), []
    for part, optimizer in model.parts():
        count = len(part.trainable_variables)
        values, left = left[:count], left[count:]

        def loss_at(values, part=part):
            return keras.ops.mean((part.stateless_call(values, [], x)[0] - x[:, :1] ** 2) ** 2)

        loss, gradients = jax.value_and_grad(loss_at)(values)
        if not optimizer.built:
            optimizer.build(part.trainable_variables)
        values, slots = optimizer.stateless_apply(
            [variable.value for variable in optimizer.variables], gradients, values
        )
        for variable, value in zip(optimizer.variables, slots, strict=True):
            variable.assign(value)
        trained += values
    return {"loss": loss}, (trained, *state[1:])


STEPS = {"tensorflow": step_tensorflow, "torch": step_torch, "jax": step_jax}


class Killer(keras.callbacks.Callback):
    steps = 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if self.steps == kill_after:
            os.kill(os.getpid(), signal.SIGKILL)


with samefit.pinned(42):
    model = Pair()
    options = {"run_eagerly": True} if BACKEND == "jax" else {}
    model.compile(keras.optimizers.Adam(0.05), keras.optimizers.SGD(0.05, momentum=0.9), jit_compile=False, **options)
    callbacks = [Killer()] + ([] if directory == "-" else [samefit.Checkpoint(directory, every=1)])
    model.fit(x, batch_size=8, epochs=3, verbose=0, callbacks=callbacks)
hashed = hashlib.blake2b(digest_size=8)
for part, optimizer in model.parts():
    for variable in [*part.variables, *optimizer.variables]:
        hashed.update(np.ascontiguousarray(keras.ops.convert_to_numpy(variable)).tobytes())
sys.stdout.write(f"{hashed.hexdigest()} {[int(optimizer.iterations) for _, optimizer in model.parts()]}\n")
