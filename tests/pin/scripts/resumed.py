"""A pinned training with a checkpoint, killed after some step; prints a digest of all that it leaves behind.

Usage: resumed.py KILL_AFTER DIRECTORY DATA. KILL_AFTER 0: not at all; DIRECTORY "-": without a checkpoint.
"""

import hashlib
import os
import signal
import sys

import keras
import numpy as np

import samefit

kill_after, directory, data = int(sys.argv[1]), sys.argv[2], sys.argv[3]
x = np.random.default_rng(0).normal(size=(70, 6)).astype("float32")
y = x[:, :1] ** 2


class Killer(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.steps = 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if self.steps == kill_after:
            os.kill(os.getpid(), signal.SIGKILL)


class Draws(keras.callbacks.Callback):
    total = 0.0

    def on_train_batch_end(self, batch, logs=None):
        self.total += float(np.random.normal())


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 9

    def __getitem__(self, index):
        return x[8 * index : 8 * index + 8], y[8 * index : 8 * index + 8]


class Shuffled(Batches):
    """Shuffles its rows after each epoch, as is often done, and turns some over before."""

    def __init__(self, **options):
        super().__init__(**options)
        self.rows = np.arange(70)
        self.sign = 1.0

    def on_epoch_begin(self):
        self.sign = np.random.choice([-1.0, 1.0])

    def on_epoch_end(self):
        np.random.shuffle(self.rows)

    def __getitem__(self, index):
        rows = self.rows[8 * index : 8 * index + 8]
        noise = np.random.normal(size=(len(rows), 1)).astype("float32")
        return np.float32(self.sign) * x[rows] + noise, y[rows]


def generated():
    number = 0
    while True:
        number = (number + 1) % 60
        yield x[number : number + 8], y[number : number + 8]


def digest(model, history, *more):
    hashed = hashlib.blake2b(digest_size=8)
    for variable in [*model.variables, *model.optimizer.variables]:
        hashed.update(np.ascontiguousarray(keras.ops.convert_to_numpy(variable)).tobytes())
    logs = sorted((name, [float(value) for value in values]) for name, values in history.history.items())
    hashed.update(repr((logs, more)).encode())
    return hashed.hexdigest()


SHUFFLED = Shuffled()
KINDS = {
    "array": lambda: {"x": x, "y": y, "batch_size": 8},
    "steps": lambda: {"x": x, "y": y, "batch_size": 8, "steps_per_epoch": 4},
    "dataset": lambda: {"x": Batches()},
    "shuffled": lambda: {"x": SHUFFLED},
    "generator": lambda: {"x": generated(), "steps_per_epoch": 5},
}

with samefit.pinned(42):
    model = keras.Sequential(
        [
            keras.layers.Dense(8),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.4),
            keras.layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    draws = Draws()
    plateau = keras.callbacks.ReduceLROnPlateau(monitor="val_loss", patience=1, factor=0.5, min_delta=1.0)
    stopping = keras.callbacks.EarlyStopping(monitor="loss", patience=50)
    callbacks = [draws, plateau, stopping, Killer()]
    if directory != "-":
        callbacks.append(samefit.Checkpoint(directory, every=2))
    options = {"epochs": 4, "validation_data": (x[:10], y[:10]), "verbose": 0}
    history = model.fit(**KINDS[data](), **options, callbacks=callbacks)
    first = digest(model, history, draws.total, plateau.wait, stopping.best, np.random.random())
    # A second training of the same script has a checkpoint of its own.
    callbacks = [] if directory == "-" else [samefit.Checkpoint(directory)]
    kind = KINDS[data]() if data == "shuffled" else {"x": x, "y": y}
    history = model.fit(**kind, epochs=2, verbose=0, callbacks=callbacks)
    sys.stdout.write(f"{first} {digest(model, history)}\n")
