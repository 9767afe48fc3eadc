"""The rows of the table: what each measures, and against what."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
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
        on_gpu: Whether it is there for a GPU alone.
    """

    what: str
    target: str
    measure: Callable[[], Mapping[str, Any]]
    on_gpu: bool = False


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


_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}

_KEPT_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(4 << 30), "MALLOC_MMAP_THRESHOLD_": str(32 << 20)}
"""Variables with which glibc keeps the memory that a step of PyTorch has freed for the next step. Else it is a matter
of chance, of what happens to lie behind that memory, how much of it goes back to the system
(`docs/explanation/cost.md`)."""


def _recorded(home: Path, model: str, *options: str) -> Callable[[int], list[str]]:
    """Returns the commands that run the measured training under the recorder, by the number of the run."""
    begin, end = ("-m", "samefit", "run", "--quiet", "-o"), (*options, TRAINING, model)
    return lambda number: alternate.python(*begin, str(home / f"run-{number}"), *end)


def _recorder(
    model: str,
    backend: str,
    *options: str,
    chunk: int,
    pairs: int,
    rounds: int = 4,
    variables: Mapping[str, str] = types.MappingProxyType({}),
) -> Callable[[], Mapping[str, Any]]:
    def measure() -> Mapping[str, Any]:
        with _directory() as home:
            ratio = alternate.trainings(
                alternate.python(TRAINING, model),
                _recorded(home, model, *options),
                environment={"KERAS_BACKEND": backend, **_QUIET, **variables},
                chunk=chunk,
                pairs=pairs,
                rounds=rounds,
            )
        return _shown(ratio, "step")

    return measure


def _pinned(backend: str) -> Callable[[], Mapping[str, Any]]:
    def measure() -> Mapping[str, Any]:
        ratio = alternate.trainings(
            alternate.python(TRAINING, "digits"),
            lambda _: alternate.python(TRAINING, "digits", "pinned"),
            environment={"KERAS_BACKEND": backend, **_QUIET},
            chunk=28,  # an epoch of the 1,797 digits
            pairs=40,
        )
        return _shown(ratio, "step")

    return measure


def _peer() -> Mapping[str, Any]:
    """Measures msprobe, where the variable names an interpreter that has it, and samefit beside it."""
    other = alternate.os.environ.get(PEER)
    if not other:
        return {"value": "not measured", "parts": f"set {PEER} to a Python that has mindstudio-probe, Keras and torch"}
    environment = {"KERAS_BACKEND": "torch", **_QUIET}
    plain = alternate.python(TRAINING, "cnn")
    with _directory() as home:
        environment["SAMEFIT_BENCHMARK_DUMP"] = str(home)
        peer = alternate.trainings(
            plain, lambda _: [other, TRAINING, "cnn", "statistics"], environment=environment, chunk=5, pairs=10
        )
        own = alternate.trainings(plain, _recorded(home, "cnn"), environment=environment, chunk=5, pairs=10)
    less = "its own cannot be told from none"
    if own.median > 1:
        less = f"{(peer.median - 1) / (own.median - 1):.0f} times less overhead"
    return {
        "value": f"{peer.median:.2f} and {own.median:.3f}: {less}",
        "parts": f"{peer.milliseconds[0]:.3g} ms a step plain, {peer.milliseconds[1]:.3g} under msprobe, "
        f"{own.milliseconds[1]:.3g} under samefit",
        "peer": peer.median,
        "own": own.median,
    }


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


def _side_by_side(scripts: Sequence[Path], home: Path, environment: Mapping[str, str]) -> None:
    """Runs scripts plainly, all at once, to their ends."""
    sides = [subprocess.Popen(alternate.python(str(script)), env=environment, cwd=home) for script in scripts]
    statuses = [side.wait() for side in sides]
    if any(statuses):
        raise RuntimeError("a plain training failed")


def _check(
    changed: bool, *, expected: int, pairs: int, alone: bool = False, **sizes: int
) -> Callable[[], Mapping[str, Any]]:
    """Measures `check` of two copies of a training against the two of them run plainly side by side.

    Args:
        changed: Whether the second one has another seed.
        expected: Exit status of the check.
        pairs: How often.
        alone: Whether one of the scripts is also run plainly with nothing beside it, to say how long its training is.
        **sizes: Variables that the training reads.
    """

    def measure() -> Mapping[str, Any]:
        with _directory() as home:
            text = (alternate.HERE / "whole_training.py").read_text()
            scripts = [home / "first.py", home / "second.py"]
            scripts[0].write_text(text)
            scripts[1].write_text(text.replace("SEED = 1", "SEED = 2") if changed else text)
            sized = {f"SAMEFIT_BENCHMARK_{name.upper()}": str(value) for name, value in sizes.items()}
            environment = {**alternate.os.environ, "KERAS_BACKEND": "jax", **_QUIET, **sized}
            number = iter(range(1000))

            def check() -> None:
                runs = str(home / f"runs-{next(number)}")
                command = alternate.python("-m", "samefit", "check", "--runs", runs, *map(str, scripts))
                done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True)
                if done.returncode != expected or (changed and "confirmed" not in done.stdout):
                    raise RuntimeError(f"the check ended with status {done.returncode}:\n{done.stdout}{done.stderr}")

            ratio = alternate.calls(lambda: _side_by_side(scripts, home, environment), check, pairs=pairs)
            shown = _shown(ratio, "check")
            if alone:
                begun = time.perf_counter()
                _side_by_side(scripts[:1], home, environment)
                shown["alone"] = time.perf_counter() - begun
                shown["parts"] += f"; one training by itself {shown['alone']:.0f} s"
        return shown

    return measure


PEER = "SAMEFIT_BENCHMARK_MSPROBE"

_FULL = "at full cadence (every weight, slot, batch and loss, every step)"

ROWS: Mapping[str, Row] = {
    "step-jax": Row(f"JAX, CNN: a step under the recorder {_FULL} / plain `fit`", "≤ 1.03 median, ≤ 1.05 p95",
                    _recorder("cnn", "jax", "--every-step", chunk=20, pairs=40)),
    "step-tensorflow": Row("the same on TensorFlow, batches of 576", "≤ 1.03 median, ≤ 1.05 p95",
                           _recorder("cnn576", "tensorflow", "--every-step", chunk=20, pairs=60, rounds=10)),
    "step-tensorflow-short": Row("the same with batches of 256: steps of about 20 ms", "≤ 1.03 median, ≤ 1.05 p95",
                                 _recorder("cnn256", "tensorflow", "--every-step", chunk=20, pairs=60, rounds=10)),
    "step-torch": Row("the same on PyTorch, batches of 256, glibc keeps freed memory", "≤ 1.03 median, ≤ 1.05 p95",
                      _recorder("cnn256", "torch", "--every-step", chunk=20, pairs=60, rounds=10,
                                variables=_KEPT_MEMORY)),
    "step-torch-short": Row("the same with batches of 128: steps of about 20 ms", "≤ 1.03 median, ≤ 1.05 p95",
                            _recorder("cnn", "torch", "--every-step", chunk=20, pairs=60, rounds=10,
                                      variables=_KEPT_MEMORY)),
    "step-torch-as-it-is": Row("the same with batches of 256, and what glibc does by itself", "none",
                               _recorder("cnn256", "torch", "--every-step", chunk=20, pairs=60, rounds=10)),
    "step-jax-gpu": Row(f"JAX, large CNN: a step under the recorder {_FULL} / plain `fit`",
                        "≤ 1.03 median, ≤ 1.05 p95", _recorder("images", "jax", "--every-step", chunk=5, pairs=20),
                        on_gpu=True),
    "step-torch-gpu": Row("the same on PyTorch", "≤ 1.03 median, ≤ 1.05 p95",
                          _recorder("images", "torch", "--every-step", chunk=5, pairs=20), on_gpu=True),
    "small-jax": Row("JAX, MLP of 26,122 weights, default settings / plain `fit`", "≤ 1.25",
                     _recorder("mlp", "jax", chunk=500, pairs=40)),
    "large-jax": Row("JAX, 9.4 million weights with Adam, default settings / plain `fit`", "≤ 1.05",
                     _recorder("large", "jax", chunk=25, pairs=16)),
    "large-jax-every-step": Row("the same at full cadence", "none",
                                _recorder("large", "jax", "--every-step", chunk=5, pairs=10)),
    "pinned-jax": Row("JAX, digits CNN with dropout: a step in a `pinned` scope / without", "≤ 1.02", _pinned("jax")),
    "pinned-tensorflow": Row("the same on TensorFlow", "≤ 1.10", _pinned("tensorflow")),
    "pinned-torch": Row("the same on PyTorch", "≤ 1.10", _pinned("torch")),
    "check": Row("`check` of two identical trainings / the two scripts side by side", "≤ 1.10",
                 _check(changed=False, expected=0, pairs=3, epochs=10)),
    "cause": Row("`check` of two trainings that take two minutes side by side and part at step 1, to the confirmed "
                 "cause / both run side by side to their ends", "≤ 0.15",
                 _check(changed=True, expected=2, pairs=2, alone=True, epochs=80)),
    "first-divergence": Row("first divergence of two runs of 1,000,000 steps × 20 tensors, offline",
                            "≤ 1 s, ≤ 200 MB, as the logarithm of the steps", _first_divergence),
    "disk": Row("disk, a step and tensor at full cadence", "≤ 24 bytes", _disk),
    "help": Row("`samefit --help`", "≤ 0.3 s", _help),
    "peer": Row("PyTorch, CNN: msprobe's dump of statistics (level L1, its default) / plain `fit`, and samefit / "
                "plain `fit`", "20 times less overhead", _peer),
}  # fmt: skip
