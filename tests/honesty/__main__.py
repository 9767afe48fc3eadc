"""Measures honesty: `python -m tests.honesty` (some minutes for a hundred pairs, a minute for each fault).

Pairs of trainings that are identical by construction must raise no alarm; faults that were put into one side must be
found at the right step and stage, under the right name, proven by a re-run. Everything is drawn from `--seed`. Each
result is one line of `--out`; what is there already is not done again, so that a stopped measurement goes on. The page
of results is written from that file.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from tests.honesty.faults import ALL
from tests.honesty.page import ROOT, page
from tests.honesty.plan import Injected, check, judged, plan

CHUNK = 20
"""Pairs that one process trains, one after the other."""


class Results:
    """Lines of JSON, one a result, by key."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.Lock()
        self.lines: dict[str, dict[str, Any]] = {}
        if file.exists():
            found = (json.loads(line) for line in file.read_text(encoding="utf-8").splitlines())
            self.lines = {line["key"]: line for line in found}

    def put(self, line: dict[str, Any]) -> None:
        with self._lock:
            self.lines[line["key"]] = line
            with self.file.open("a", encoding="utf-8") as out:
                out.write(json.dumps(line) + "\n")
            sys.stdout.write(f"{'✓' if line['right'] else '✗'} {line['key']}\n")
            sys.stdout.flush()


def pairs_in_one_process(backend: str, seed: int, first: int, last: int) -> Iterator[dict[str, Any]]:
    """Trains pairs `first` to `last` with one backend, in one process, and yields a result for each."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.honesty.identical", f"--seed={seed}", f"--first={first}", f"--last={last}"],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for text in process.stdout:
        line = json.loads(text)
        yield {
            "kind": "pair",
            "key": f"pair/{backend}/{line['number']}",
            "right": (line["verdict"] == "identical") == line["equal"],
            **line,
        }
    if process.wait():
        raise RuntimeError(f"pairs {first} to {last} on {backend} failed: exit status {process.returncode}")


Job = Callable[[], None]
"""Something to measure, which puts its results where they belong."""


def pairs(results: Results, seed: int, backends: list[str], number: int) -> Iterator[Job]:
    """Yields what trains the pairs that are not among the results yet, `number` over all backends."""

    def job(backend: str, first: int, last: int) -> None:
        for line in pairs_in_one_process(backend, seed, first, last):
            results.put(line)

    for place, backend in enumerate(backends):
        numbers = range(len(range(place, number, len(backends))))
        own = [n for n in numbers if f"pair/{backend}/{n}" not in results.lines]
        while own:
            last = own[0] + 1
            while last in own and last - own[0] < CHUNK:
                last += 1
            yield partial(job, backend, own[0], last)
            own = [n for n in own if n >= last]


def faults(results: Results, planned: list[Injected], folder: Path, *, control: bool) -> Iterator[Job]:
    """Yields what checks the faults, or their baselines against copies, that are not among the results yet."""

    def job(injected: Injected, key: str) -> None:
        where = folder / key.replace("/", "-").replace(" ", "_").replace("'", "").replace("`", "")
        shutil.rmtree(where, ignore_errors=True)
        found = check(injected, where, control=control)
        its = {} if control else judged(injected, found)
        right = found.get("verdict") == "identical" if control else all(its.values())
        fault = {name: asdict(injected.fault)[name] for name in ("slug", "name", "confirmed", "stages")}
        described = {"backend": injected.backend, "other": injected.other, "family": injected.family}
        described |= {"style": injected.style, "expected_step": injected.step}
        kind = "control" if control else "fault"
        results.put({"kind": kind, "key": key, "right": right, **fault, **described, **found, "judged": its})
        if right:
            shutil.rmtree(where)

    for injected in planned:
        key = f"{'control' if control else 'fault'}/{injected.key}"
        if key not in results.lines:
            yield partial(job, injected, key)


def at_once(jobs: Iterable[Job], number: int) -> None:
    """Does `number` jobs at a time; the first that fails ends the measurement after those that are under way."""
    with ThreadPoolExecutor(number) as pool:
        waiting = [pool.submit(job) for job in jobs]
        try:
            for future in as_completed(waiting):
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.honesty", description=__doc__)
    parser.add_argument("--seed", type=int, default=20577)
    parser.add_argument("--pairs", type=int, default=300, help="pairs that are compared in one process")
    parser.add_argument("--controls", type=int, default=36, help="pairs that go through `samefit check`")
    parser.add_argument("--each", type=int, default=1, help="faults of each slug on each backend")
    parser.add_argument("--backends", default=",".join(ALL))
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "reference" / "honesty.jsonl")
    parser.add_argument("--work", type=Path, default=ROOT / ".samefit" / "honesty", help="scripts and runs")
    parser.add_argument("--at-once", type=int, default=2, help="pairs and checks that run at a time")
    parser.add_argument("--page", action="store_true", help="only write the page")
    options = parser.parse_args()
    backends = options.backends.split(",")
    sys.stdout.write(f"seed {options.seed}\n")
    results = Results(options.out)
    if not options.page:
        planned = plan(options.seed, backends, options.each)
        # The baseline of a race or of a missing seed is no training that could be the same twice.
        steady = [one for one in planned if one.fault.how in ("two", "environment", "backends")]
        jobs = chain(
            pairs(results, options.seed, backends, options.pairs),
            faults(results, planned, options.work, control=False),
            faults(results, steady[: options.controls], options.work, control=True),
        )
        at_once(jobs, options.at_once)
    (ROOT / "docs" / "reference" / "honesty.md").write_text(page(results.lines, options.seed), encoding="utf-8")


if __name__ == "__main__":
    main()
