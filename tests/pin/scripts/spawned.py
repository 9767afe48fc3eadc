"""Processes that are no copies of the one that starts them, in a pinned scope; prints what it found as JSON."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np

import samefit

SPAWN = multiprocessing.get_context("spawn")


def draw(index):
    return np.random.default_rng().random(), np.random.random(), random.random()


def from_system(index):
    return os.urandom(2).hex()


def unseeded(queue):
    queue.put(np.random.default_rng().random())


def shared(queue):
    queue.put(np.random.random())


def seeded(queue):
    queue.put(np.random.default_rng(3).random())


def start(target, context=SPAWN):
    queue = context.Queue()
    process = context.Process(target=target, args=(queue,))
    process.start()
    queue.get()
    process.join()


def by_executor(function):
    with ProcessPoolExecutor(2, mp_context=SPAWN) as pool:
        return list(pool.map(function, range(4)))


def by_pool(function):
    with SPAWN.Pool(2) as pool:
        return pool.map(function, range(4))


def by_joblib(function):
    import joblib

    return joblib.Parallel(2)(joblib.delayed(function)(index) for index in range(4))


class Items:
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return np.random.default_rng().random() + np.random.random()


def by_loader(_):
    import torch

    return [float(value) for value in torch.utils.data.DataLoader(Items(), num_workers=1, **LOADER)]


LOADER = {"batch_size": None, "multiprocessing_context": "spawn"}


def pinned(work, argument):
    with samefit.pinned(3) as scope:
        value = work(argument)
    return value, [[limit.kind, limit.location.code] for limit in scope.report.limits]


def main():
    found = {}
    ways = {"executor": by_executor, "pool": by_pool}
    if "joblib" in sys.argv:
        ways["joblib"] = by_joblib
    for name, way in ways.items():
        found[name] = [pinned(way, draw) == pinned(way, draw), pinned(way, draw)[1], pinned(way, from_system)[1]]
    found["process"] = {target.__name__: pinned(start, target)[1] for target in (unseeded, shared, seeded)}
    if "loader" in sys.argv:
        found["loader"] = pinned(by_loader, None)[1]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
