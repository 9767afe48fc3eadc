"""What pools draw that are made in a task, in a process, in an inner scope or by threads; prints it as JSON."""

from __future__ import annotations

import json
import multiprocessing
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor

import keras
import numpy as np

import samefit

FORK = multiprocessing.get_context("fork")


def pool(processes):
    return ProcessPoolExecutor(processes, mp_context=FORK)


def draw(index):
    return np.random.random()


def nested(task):
    index, slow = task
    time.sleep(0.5 if index == slow else 0)
    with pool(1) as inner:
        return list(inner.map(draw, range(2)))


def from_keras(task):
    index, slow = task
    time.sleep(0.5 if index == slow else 0)
    return float(keras.ops.convert_to_numpy(keras.random.uniform((1,)))[0])


def in_threads(index):
    threads = [threading.Thread(target=time.sleep, args=(pause,)) for pause in (0.05, 0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return np.random.random()


def sibling(results):
    with pool(1) as inner:
        results.put(list(inner.map(draw, range(2))))


def mapped(function, slow):
    with samefit.pinned(7), pool(2) as executor:
        return list(executor.map(function, [(index, slow) for index in range(4)]))


def siblings():
    with samefit.pinned(7):
        results = FORK.SimpleQueue()
        found = []
        for _ in range(2):
            process = FORK.Process(target=sibling, args=(results,))
            process.start()
            found.append(results.get())
            process.join()
        return found


def second_pool(seed, *, inner):
    with samefit.pinned(seed):
        with pool(1) as first:
            list(first.map(draw, range(2)))
        if inner:
            with samefit.pinned(3):
                np.random.random()
        with pool(1) as second:
            return list(second.map(draw, range(2)))


def without_a_directory():
    usual, tempfile.tempdir = tempfile.tempdir, "/there/is/none"
    try:
        with samefit.pinned(7) as scope, FORK.Pool(1) as workers:
            return len(workers.map_async(draw, range(2)).get(60)), [limit.kind for limit in scope.report.limits]
    finally:
        tempfile.tempdir = usual


def built_in():
    with samefit.pinned(7), FORK.Pool(1) as workers:
        return workers.apply_async("abc".upper).get(60)


def by_threads():
    with samefit.pinned(7) as scope, pool(1) as executor:
        thread = threading.Thread(target=lambda: executor.submit(draw, 0).result())
        thread.start()
        thread.join()
        return [limit.kind for limit in scope.report.limits]


def main():
    found = {
        "nested": [mapped(nested, slow) for slow in (0, 3)],
        "keras": [mapped(from_keras, slow) for slow in (0, 2)],
        "in threads": len({*mapped(in_threads, 0)}),
        "siblings": siblings(),
        "inner scope": [second_pool(seed, inner=inner) for seed in (7, 8) for inner in (False, True)],
        "without a directory": without_a_directory(),
        "built in": built_in(),
        "by threads": by_threads(),
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
