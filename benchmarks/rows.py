"""The rows of the table: what each measures, and against what."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import alternate
import long_runs

TRAINING = str(alternate.HERE / "training.py")


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        what: What is measured, in words.
        target: What it shall be.
        measure: Returns the fields of the result: "value" and "parts" are shown.
    """

    what: str
    target: str
    measure: Callable[[], Mapping[str, Any]]


@contextmanager
def _directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="samefit-benchmark-") as name:
        yield Path(name)


def _shown(ratio: alternate.Ratio, unit: str) -> dict[str, Any]:
    plain, other = ratio.milliseconds
    return {
        "value": f"{ratio.median:.3f} median, {ratio.p95:.3f} p95",
        "parts": f"{plain:.3g} and {other:.3g} ms a {unit}, {len(ratio.plain)} pairs of {ratio.unit}",
        "median": ratio.median,
        "p95": ratio.p95,
        "milliseconds": [plain, other],
    }


def _recorder(model: str, backend: str, *, chunk: int, pairs: int) -> Callable[[], Mapping[str, Any]]:
    def measure() -> Mapping[str, Any]:
        with _directory() as home:
            ratio = alternate.trainings(
                alternate.python(TRAINING, model),
                alternate.python("-m", "samefit", "run", "--quiet", "-o", str(home / "run"), TRAINING, model),
                environment={"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
                chunk=chunk,
                pairs=pairs,
            )
        return _shown(ratio, "step")

    return measure


def _first_divergence() -> Mapping[str, Any]:
    found: dict[int, dict[str, float]] = {}
    for steps in (10_000, 100_000, 1_000_000):
        with _directory() as home:
            long_runs.make(steps, home)
            # A process of its own: its memory is measured, too.
            command = alternate.python(str(alternate.HERE / "long_runs.py"), "compare", str(home))
            results = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(5)]
            found[steps] = sorted(results, key=lambda result: result["first"])[2]
    times = ", ".join(f"{1e3 * r['first']:.3g} ms for {steps:,} steps" for steps, r in found.items())
    last = found[1_000_000]
    return {
        "value": f"{last['first']:.4f} s, {last['mib']:.0f} MiB",
        "parts": f"{times}; the whole comparison {1e3 * last['whole']:.3g} ms",
        "runs": found,
    }


def _disk() -> Mapping[str, Any]:
    steps = 20_000
    with _directory() as home:
        long_runs.make(steps, home)
        size = (home / "a" / "run.sqlite").stat().st_size
    each = size / steps / long_runs.TENSORS
    return {"value": f"{each:.1f} bytes", "parts": f"{steps:,} steps of {long_runs.TENSORS} tensors", "bytes": each}


def _help() -> Mapping[str, Any]:
    def call(*arguments: str) -> None:
        subprocess.run(alternate.python(*arguments), check=True, capture_output=True)

    ratio = alternate.calls(lambda: call("-c", "pass"), lambda: call("-m", "samefit", "--help"), pairs=15)
    seconds = ratio.milliseconds[1] / 1e3
    return {"value": f"{seconds:.3f} s", "parts": f"{ratio.median:.1f} times an empty Python", "seconds": seconds}


def _check() -> Mapping[str, Any]:
    with _directory() as home:
        script = home / "train.py"
        shutil.copy(alternate.HERE / "whole_training.py", script)
        environment = {**alternate.os.environ, "KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3"}
        number = iter(range(1000))

        def plain() -> None:
            sides = [subprocess.Popen(alternate.python(str(script)), env=environment, cwd=home) for _ in range(2)]
            for side in sides:
                if side.wait():
                    raise RuntimeError("a plain training failed")

        def check() -> None:
            runs = str(home / f"runs-{next(number)}")
            command = alternate.python("-m", "samefit", "check", "--runs", runs, str(script))
            subprocess.run(command, check=True, env=environment, cwd=home, capture_output=True)

        ratio = alternate.calls(plain, check, pairs=3)
    return _shown(ratio, "check")


_FULL = "at full cadence (every weight, slot, batch and loss, every step)"

ROWS: Mapping[str, Row] = {
    "step-jax": Row(f"JAX, CNN: a step under the recorder {_FULL} / plain `fit`", "≤ 1.03 median, ≤ 1.05 p95",
                    _recorder("cnn", "jax", chunk=10, pairs=40)),
    "step-tensorflow": Row("the same on TensorFlow", "≤ 1.03 median, ≤ 1.05 p95",
                           _recorder("cnn", "tensorflow", chunk=10, pairs=40)),
    "step-torch": Row("the same on PyTorch", "≤ 1.03 median, ≤ 1.05 p95",
                      _recorder("cnn", "torch", chunk=10, pairs=40)),
    "small-jax": Row("JAX, MLP of 26,122 weights, default settings / plain `fit`", "≤ 1.25",
                     _recorder("mlp", "jax", chunk=200, pairs=60)),
    "large-jax": Row("JAX, 9.4 million weights with Adam, default settings / plain `fit`", "≤ 1.05",
                     _recorder("large", "jax", chunk=5, pairs=30)),
    "check": Row("`check` of two identical trainings / the two scripts side by side", "≤ 1.10", _check),
    "first-divergence": Row("first divergence of two runs of 1,000,000 steps × 20 tensors, offline",
                            "≤ 1 s, ≤ 200 MB, as the logarithm of the steps", _first_divergence),
    "disk": Row("disk, a step and tensor at full cadence", "≤ 24 bytes", _disk),
    "help": Row("`samefit --help`", "≤ 0.3 s", _help),
}  # fmt: skip
