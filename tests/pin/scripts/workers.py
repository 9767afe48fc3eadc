"""What processes draw that a script starts, in a pinned scope; prints what it found as JSON."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import secrets
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import keras
import numpy as np
from keras import layers

import samefit

FORK = multiprocessing.get_context("fork")
X = np.random.default_rng(0).normal(size=(24, 4)).astype("float32")
MADE_BEFORE = np.random.default_rng(5)
LATE: np.random.Generator


def unseeded(index):
    return np.random.default_rng().random()


def from_numpy(index):
    return np.random.random()


def from_python(index):
    return random.random()


def unevenly(index):
    time.sleep(0.02 * (index % 3))
    return from_numpy(index), from_python(index), unseeded(index)


def two(index, other):
    return unseeded(index), other


def seeded(index):
    return np.random.default_rng((3, index)).random(), random.Random(index).random()


def nothing(index):
    return index


def seeds_itself(index):
    np.random.seed(index)
    return np.random.random()


def from_made_before(index):
    return MADE_BEFORE.random()


def from_system(index):
    return os.urandom(2).hex(), secrets.randbelow(5)


def make_late():
    global LATE
    LATE = np.random.default_rng()


def from_late(index):
    return LATE.random()


def fails(index):
    if index == 1:
        raise ZeroDivisionError(str(index))


def in_process(draw, queue):
    queue.put(draw(0))


def seeds_process(queue):
    np.random.seed(4)
    random.seed(4)
    queue.put((np.random.random(), random.random(), np.random.default_rng().random()))


def by_pool(draw, workers=2, **options):
    with FORK.Pool(workers, **options) as pool:
        return pool.map(draw, range(6))


def by_executor(draw, workers=2, **options):
    with ProcessPoolExecutor(workers, mp_context=FORK, **options) as pool:
        return list(pool.map(draw, range(6)))


def by_process(target, *arguments, context=FORK):
    queue = context.Queue()
    process = context.Process(target=target, args=(*arguments, queue))
    process.start()
    value = queue.get()
    process.join()
    return value


def pinned(work, seed=3):
    with samefit.pinned(seed) as scope:
        value = work()
    return value, [[limit.kind, limit.location and limit.location.code] for limit in scope.report.limits]


def repeats(work):
    """Whether work gives the same twice, something else with another seed, and nothing is said of it."""
    (first, said), (again, _), (other, _) = pinned(work), pinned(work), pinned(work, 4)
    return [first == again, first != other, said]


def of_pool(work):
    with FORK.Pool(3) as pool:
        return work(pool)


def fit(dataset, validation=None, **options):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=False)
    history = model.fit(dataset, validation_data=validation, verbose=0, **options).history
    return [*history["loss"], *history.get("val_loss", ())]


class Noisy(keras.utils.PyDataset):
    def __init__(self, draw, **options):
        super().__init__(workers=2, use_multiprocessing=True, **options)
        self.draw = draw

    def __len__(self):
        return 6

    def __getitem__(self, index):
        rows = X[4 * (index % 6) : 4 * (index % 6) + 4]
        noise = np.ravel([value for value in self.draw(index) if not isinstance(value, str)])
        return rows + np.float32(noise.sum()), rows[:, :1]


class Endless(Noisy):
    @property
    def num_batches(self):
        return None


def mapped_after(draws):
    """What a pool draws inside of a training does not depend on what another one drew before it."""

    class Augment(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            seen.extend(by_pool(unevenly))

    seen = []
    for _ in range(draws):
        by_pool(unseeded)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=False)
    model.fit(X, X[:, :1], callbacks=[Augment()], epochs=2, verbose=0)
    return seen


def draw_twice_in_one_scope():
    return by_pool(unseeded), by_pool(unseeded)


def main():
    found = {}
    found["repeats"] = {
        "pool": repeats(lambda: by_pool(unevenly)),
        "executor": repeats(lambda: by_executor(unevenly)),
        "chunks": repeats(lambda: of_pool(lambda pool: pool.map(unevenly, range(7), chunksize=3))),
        "starmap": repeats(lambda: of_pool(lambda pool: pool.starmap(two, [(1, 2), (3, 4)]))),
        "imap": repeats(lambda: of_pool(lambda pool: list(pool.imap(unevenly, range(5))))),
        "imap in chunks": repeats(lambda: of_pool(lambda pool: list(pool.imap(unevenly, range(5), chunksize=2)))),
        "apply": repeats(lambda: of_pool(lambda pool: [pool.apply(unevenly, (i,)) for i in range(2)])),
        "validation": repeats(lambda: fit(X, Noisy(unevenly), y=X[:, :1], epochs=2)),
        "dataset": repeats(lambda: fit(Noisy(unevenly), epochs=2)),
    }
    found["number of workers"] = pinned(lambda: by_pool(unevenly, 1)) == pinned(lambda: by_pool(unevenly, 4))
    one, other = pinned(draw_twice_in_one_scope)[0]
    found["each item, each call"] = len({*one, *other})
    first, second = pinned(lambda: mapped_after(0))[0], pinned(lambda: mapped_after(2))[0]
    found["in a training"] = [first == second, len(set(first))]
    found["seeds of one's own"] = pinned(lambda: by_pool(seeds_itself))[0] == [seeds_itself(i) for i in range(6)]
    found["silent"] = {
        "pool": pinned(lambda: [by_pool(seeded), by_pool(nothing), by_pool(seeds_itself)])[1],
        "executor": pinned(lambda: [by_executor(seeded), by_executor(nothing)])[1],
        "process": pinned(lambda: [by_process(in_process, draw) for draw in (seeded, nothing)])[1],
        "process with a seed": pinned(lambda: by_process(seeds_process))[1],
        "dataset": pinned(lambda: fit(Noisy(seeded)))[1],
    }
    found["said"] = {
        "system, pool": pinned(lambda: by_pool(from_system))[1],
        "system, executor": pinned(lambda: by_executor(from_system))[1],
        "system, dataset": pinned(lambda: fit(Noisy(from_system)))[1],
        "copied": pinned(lambda: by_pool(from_made_before))[1],
        "initializer": pinned(lambda: by_pool(from_late, initializer=make_late))[1],
        "process, numpy": pinned(lambda: by_process(in_process, from_numpy))[1],
        "process, python": pinned(lambda: by_process(in_process, from_python))[1],
        "process, unseeded": pinned(lambda: by_process(in_process, unseeded))[1],
    }
    found["processes"] = [
        pinned(lambda draw=draw: [by_process(in_process, draw) for _ in range(2)])[0]
        == pinned(lambda draw=draw: [by_process(in_process, draw) for _ in range(2)])[0]
        for draw in (from_python, unseeded)
    ]
    found["endless"] = [pinned(lambda: fit(Endless(unevenly), steps_per_epoch=4, epochs=2))[0] for _ in range(2)]

    # A pool that was there before, and one that is there afterwards.
    with FORK.Pool(2) as pool:
        old = [pinned(lambda: (pool.map(unevenly, range(4)), pool.map(from_system, range(2))[:0])) for _ in range(2)]
        found["made before"] = [old[0] == old[1], old[0][1]]
        found["left before"] = pool.map(unseeded, [0]) != pool.map(unseeded, [0])
    with samefit.pinned(3) as scope:
        pool = FORK.Pool(1)
        inside = pool.map(unseeded, [0])
    with pool:
        outside = [pool.map(unseeded, [0]), pool.map(from_system, [0])]
        with samefit.pinned(3):
            pass
        found["left"] = [inside != outside[0], [limit.kind for limit in scope.report.limits]]
        with samefit.pinned(3) as scope:
            later = pool.map(unseeded, [0]), pool.map(from_system, [0])
        found["in another scope"] = [later[0] == inside, [limit.kind for limit in scope.report.limits]]
    with samefit.pinned(3):
        try:
            by_pool(fails)
        except ZeroDivisionError as error:
            found["errors"] = str(error)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
