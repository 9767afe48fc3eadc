"""`doctor`: what this machine has, and what can be pinned on it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from dataclasses import dataclass

_PACKAGES = ("keras", "jax", "tensorflow", "torch", "numpy")
_PINNED = {
    "jax": (
        "XLA flags",
        "XLA repeats its bits on a CPU; for a GPU --pin sets --xla_gpu_deterministic_ops=true before JAX starts "
        "(samefit.pinned in a script does so only if JAX has not computed yet), and TensorFloat-32 is off: some "
        "operations are slower",
    ),
    "tensorflow": (
        "op determinism",
        "switched on while pinned, TensorFloat-32 off on a GPU: some operations are slower, and one without a "
        "deterministic form stops with an error",
    ),
    "torch": (
        "deterministic algorithms",
        "switched on while pinned, TensorFloat-32 and cuDNN's benchmarking off on a GPU: some operations are slower, "
        "and one without a deterministic form stops with an error",
    ),
}
"""What pinning switches in each framework, and what it costs: samefit.backends.<name>.enable_determinism."""

_FIRST_LLVMLITE = (0, 44)
"""The first version that samefit.backends.masks compiles with; it looks for what that version has."""

_ALIASES = {"tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-macos")}


@dataclass(frozen=True)
class DoctorRow:
    """One line of the doctor's table; `status` is "ok", "warn" or "missing"."""

    name: str
    value: str
    status: str
    note: str = ""


@dataclass(frozen=True)
class DoctorReport:
    """What the doctor found."""

    rows: tuple[DoctorRow, ...]


def doctor() -> DoctorReport:
    """Looks at the machine without importing a framework."""
    rows = [DoctorRow("python", platform.python_version(), "ok", platform.platform())]
    for package in _PACKAGES:
        rows.append(_package(package))
    rows.append(
        DoctorRow("KERAS_BACKEND", os.environ.get("KERAS_BACKEND", "not set"), "ok", "the script may set it itself")
    )
    hash_seed = os.environ.get("PYTHONHASHSEED")
    rows.append(
        DoctorRow(
            "PYTHONHASHSEED",
            hash_seed or "random",
            "ok" if hash_seed else "warn",
            "" if hash_seed else "the order of sets of strings changes from process to process",
        )
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    rows.append(DoctorRow("cores", str(cores), "ok", "the number of threads can change rounding"))
    installed = {row.name for row in rows if row.status == "ok"}
    rows.extend(
        DoctorRow(f"pinned {name}", switch, "ok", note) for name, (switch, note) in _PINNED.items() if name in installed
    )
    if "torch" in installed:
        rows.append(_masks())
    return DoctorReport(tuple(rows))


def _masks() -> DoctorRow:
    found = _package("llvmlite")
    if found.status == "ok" and tuple(map(int, found.value.split(".")[:2])) >= _FIRST_LLVMLITE:
        return DoctorRow("masks of torch", f"llvmlite {found.value}", "ok", "pinned dropout is compiled")
    note = "the same masks of pinned dropout are computed in less time with  pip install 'samefit[fast]'"
    return DoctorRow("masks of torch", "NumPy", "ok", note)


def _package(name: str) -> DoctorRow:
    for distribution in _ALIASES.get(name, (name,)):
        try:
            return DoctorRow(name, importlib.metadata.version(distribution), "ok")
        except importlib.metadata.PackageNotFoundError:
            continue
    return DoctorRow(name, "not installed", "missing", f"pip install {name}")
