"""Measures a training step with dropout inside and outside of a scope: `python docs/_cost_of_dropout.py`.

Scikit-learn's digits, two convolutions, three layers of dropout, batches of 64; each backend in a process of its own,
the two sides in turns. Prints the shortest time of a step on each side, in milliseconds, and the ratio; for PyTorch
with masks by NumPy and, where llvmlite is installed, by LLVM.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from typing import Any

SIDES = {"jax": "jax", "tensorflow": "tensorflow", "torch, masks by NumPy": "torch"}
if importlib.util.find_spec("llvmlite"):
    SIDES["torch, masks by LLVM"] = "torch"
ROUNDS = 15
EPOCHS = 3
BATCH = 64
SAMPLES = 1408


def measure() -> dict[str, float]:
    """Returns the milliseconds of a step without and with a scope, on the backend of this process."""
    import keras
    from keras import layers
    from sklearn.datasets import load_digits

    import samefit

    images, labels = load_digits(return_X_y=True)
    images = (images[:SAMPLES] / 16.0).astype("float32").reshape(-1, 8, 8, 1)

    def made() -> Any:
        model = keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                layers.Conv2D(16, 3, activation="relu"),
                layers.Dropout(0.2),
                layers.Conv2D(32, 3, activation="relu"),
                layers.Flatten(),
                layers.Dropout(0.5),
                layers.Dense(64, activation="relu"),
                layers.Dropout(0.5),
                layers.Dense(10, activation="softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    # PyTorch has one thread here, whose own time does not grow with what else the machine does.
    clock = time.process_time if keras.backend.backend() == "torch" else time.perf_counter

    def milliseconds(model: Any) -> float:
        began = clock()
        model.fit(images, labels[:SAMPLES], batch_size=BATCH, epochs=EPOCHS, verbose=0)
        return (clock() - began) / (EPOCHS * SAMPLES // BATCH) * 1e3

    keras.utils.set_random_seed(1)
    plain = made()
    with samefit.pinned(1):
        pinned = made()
        milliseconds(pinned)
    milliseconds(plain)
    outside, inside = [], []
    for _ in range(ROUNDS):
        outside.append(milliseconds(plain))
        with samefit.pinned(1):
            inside.append(milliseconds(pinned))
    return {"plain": min(outside), "pinned": min(inside)}


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        if sys.argv[2].endswith("NumPy"):
            from samefit.backends import masks

            masks.compiled = lambda: None
        print(json.dumps(measure()))
    else:
        for side, backend in SIDES.items():
            # With more threads PyTorch's times vary by a factor of ten where other programs run.
            environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
            command = [sys.executable, __file__, "measure", side]
            done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
            found = json.loads(done.stdout.splitlines()[-1])
            ratio = found["pinned"] / found["plain"]
            print(f"| {side} | {found['plain']:.2f} | {found['pinned']:.2f} | {ratio:.2f} |", flush=True)
