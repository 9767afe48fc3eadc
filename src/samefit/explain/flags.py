"""Causes in what a script has set by a call: flags of the framework, its threads, and Keras's own globals."""

from __future__ import annotations

from collections.abc import Iterator

from samefit.comparison.result import Evidence, SettingDifference
from samefit.explain.case import Case, Suspect
from samefit.types import When

_PRECISION = ("matmul_precision", "tf32", "tensor_float_32", "x64", "default_dtype", "dtype_promotion", "floatx")
_ROUNDING = (
    "intra_op",
    "inter_op",
    "cpu_affinity",
    "eager",
    "disable_jit",
    "determini",
    "cudnn.benchmark",
    "mkldnn",
    "steps_per_execution",
)
"""Parts of the names of flags that choose kernels, or how a sum is split among threads: the mathematics is the same."""

_SUMMARIES = {
    "precision": "Flags that set the precision of the computation are not the same on both sides.",
    "rounding": "Flags or threads that choose how a sum is added up are not the same on both sides.",
    "environment": "Flags or globals of the process are not the same on both sides.",
}


def explain_flags(case: Case) -> Iterator[Suspect]:
    """Yields a suspect for each kind of flags that differ: of precision, of kernels and threads, and of anything."""
    before = case.divergence.when in (When.BEFORE_STEP, When.BETWEEN_EPOCHS, When.BETWEEN_STEPS)
    if before or case.comparison.baseline.backend != case.comparison.candidate.backend:
        # No flag changes values that no step computes; another backend has other flags.
        return
    found: dict[str, list[SettingDifference]] = {}
    # These are looked at as variables of the environment, and as the layers' policies.
    known = {s.name for s in case.comparison.settings if s.kind == "environment"} | {"dtype_policy"}
    for setting in case.comparison.settings:
        compiled = setting.kind == "compile" and setting.name == "steps_per_execution"
        if (compiled or setting.kind in ("flag", "global")) and setting.name not in known:
            found.setdefault(_slug(setting.name), []).append(setting)
    for slug in _SUMMARIES:
        if slug not in found:
            continue
        first = found[slug][0]
        yield Suspect(
            slug=slug,
            summary=_SUMMARIES[slug],
            evidence=tuple(Evidence(f"{s.name}: {s.baseline!r} and {s.candidate!r}") for s in found[slug]),
            location=case.b.training.location,
            remedy=f"set the same on both sides:  {first.name}={first.baseline!r}",
            no_counterfactual="what a script sets by a call is not changed from outside",
            weak=True,
        )


def _slug(name: str) -> str:
    kinds = (("precision", _PRECISION), ("rounding", _ROUNDING))
    return next((slug for slug, parts in kinds if any(part in name.lower() for part in parts)), "environment")
