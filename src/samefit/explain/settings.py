"""Causes that lie in a setting of the process: its environment, its hash seed, versions, the backend."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from samefit.comparison.result import Evidence
from samefit.comparison.settings import program_differences
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.explain.values import layer_location
from samefit.types import Role, Stage

_PRECISION = (
    "JAX_DEFAULT_MATMUL_PRECISION",
    "NVIDIA_TF32_OVERRIDE",
    "JAX_ENABLE_X64",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)
_PICKS_DEVICE = ("VISIBLE_DEVICES", "PLATFORM")
_GENERATOR = ("JAX_THREEFRY_PARTITIONABLE", "JAX_DEFAULT_PRNG_IMPL", "JAX_RANDOM_SEED_OFFSET")


def explain_environment(case: Case) -> Iterator[Suspect]:
    """Yields a suspect for each environment variable that is not the same on both sides."""
    given = {name for side in (case.a, case.b) for name in side.run.manifest.get("given") or ()}
    devices = [
        Evidence(f"device: {setting.baseline} and {setting.candidate}")
        for setting in case.comparison.settings
        if setting.kind == "device"
    ]
    for setting in case.comparison.settings:
        if setting.kind != "environment" or setting.name == "KERAS_BACKEND":
            continue
        slug = "environment"
        if setting.name in _GENERATOR:
            slug = "backend-generator"
        elif setting.name in _PRECISION and case.divergence.stage not in (Stage.INITIAL_WEIGHTS, Stage.RANDOMNESS):
            slug = "precision"
        elif setting.name == "JAX_ENABLE_X64":
            slug = "backend-generator"
        yield Suspect(
            slug=slug,
            summary=f"The environment variable {setting.name} is not the same on both sides.",
            evidence=(
                Evidence(f"{setting.name}: {_shown(setting.baseline)} and {_shown(setting.candidate)}"),
                *(devices if any(word in setting.name for word in _PICKS_DEVICE) else ()),
            ),
            remedy=f"set  {setting.name}={setting.baseline}  on both sides"
            if setting.baseline is not None
            else f"unset  {setting.name}",
            counterfactuals=(
                Counterfactual(
                    f"{setting.name} {'unset' if setting.baseline is None else 'set to ' + _shown(setting.baseline)}",
                    environment={setting.name: setting.baseline},
                ),
            ),
            asked=slug == "environment" and setting.name in given,
        )


def explain_program(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where the files of the user's, or versions, that both sides ran with are not the same."""
    changed = program_evidence(case)
    if not changed:
        return
    yield Suspect(
        slug="environment",
        summary="The two sides did not run the same program: code was edited, or versions changed, in between.",
        evidence=changed,
        location=case.b.training.location,
        remedy="run both from the same files, with the same versions",
        no_counterfactual="the program that was recorded is not there any more",
        weak=True,
    )


def program_evidence(case: Case) -> tuple[Evidence, ...]:
    """Returns in what the two sides were not the same program: edited files, other versions."""
    return tuple(
        Evidence(
            f"{item.name} was edited between the two runs"
            if item.kind == "code"
            else f"{item.name}: {item.baseline} and {item.candidate}"
        )
        for item in program_differences(case.a.run.manifest, case.b.run.manifest)
    )


def explain_hash_seed(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where each process has a hash seed of its own: sets of strings come in another order."""
    unset = all(side.run.manifest.get("hash_seed") == "random" for side in (case.a, case.b))
    if case.same_process or not unset:
        return
    yield Suspect(
        slug="environment",
        summary="Each process has a hash seed of its own, so sets of strings come in another order.",
        evidence=(Evidence("PYTHONHASHSEED is not set on either side"),),
        location=case.b.training.location,
        remedy="sort what comes out of a set:  sorted(words),  or set  PYTHONHASHSEED=0",
        counterfactuals=(Counterfactual("PYTHONHASHSEED=0 on both sides", environment_both={"PYTHONHASHSEED": "0"}),),
        # It is so in most processes, and matters in few.
        needs_proof=True,
    )


def _shown(value: Any) -> str:
    return "not set" if value is None else str(value) or "empty"


def what_goes_in(case: Case) -> str:
    """Says what is known to be equal of what the step begins with."""
    unknown = ["weights"] if case.divergence.known_equal is not None else []
    unknown += ["batches"] if not case.knows_batches else []
    if not unknown:
        return "everything that goes into the step is bit-equal"
    return f"what was recorded of what goes into the step is bit-equal (not recorded: {' and '.join(unknown)})"


def explain_backend(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where equal steps on two backends give other bits."""
    one, other = case.comparison.baseline.backend, case.comparison.candidate.backend
    versions = [s for s in case.comparison.settings if s.kind in ("version", "device")]
    if one != other:
        yield from _other_masks(case)
        loss = case.comparison.differences.get("loss")
        gap = f" (largest gap of the loss: {loss.max_abs:.3g})" if loss and loss.max_abs is not None else ""
        yield Suspect(
            slug="rounding",
            summary=f"Equal weights, equal batches: {one} and {other} add up in another order.",
            evidence=(Evidence(f"{what_goes_in(case)}; what comes out is not{gap}"),),
            location=case.b.training.location,
            remedy="compare with a tolerance: bits are not the same across backends",
            no_counterfactual="two backends cannot run one kernel",
        )
    elif versions:
        yield Suspect(
            slug="environment",
            summary="The two sides ran with other versions or on another device.",
            evidence=tuple(Evidence(f"{s.name}: {s.baseline} and {s.candidate}") for s in versions),
            remedy="install the same versions on both sides",
            no_counterfactual="another version needs another environment",
        )


def _other_masks(case: Case) -> Iterator[Suspect]:
    """Random layers draw from the backend's own stream, unless they are pinned: equal seeds give other masks."""
    pinned = [s.run.manifest.get("pin") is not None or bool(s.run.manifest.get("pin_report")) for s in (case.a, case.b)]
    seeds = drawing_in_step(case.a), drawing_in_step(case.b)
    if all(pinned) or not all(seeds):
        return
    one, other = case.comparison.baseline.backend, case.comparison.candidate.backend
    seed = seeds[1][0]
    where = layer_location(case.b, seed)
    yield Suspect(
        slug="backend-generator",
        summary=f"Random layers draw other values on {one} than on {other}, also from equal seeds.",
        evidence=(Evidence(f"{case.b.layout[seed].path} seeds a random layer of the model", "candidate", where),),
        location=where or case.b.training.location,
        remedy="build and train inside  with samefit.pinned(SEED):  (or check with --pin SEED), which gives every "
        "backend the same masks",
        no_counterfactual="no generator of another backend can be put in",
    )


def drawing_in_step(side: Side) -> list[int]:
    """Returns the seeds of the random layers of which the step at hand has drawn, as positions in the layout."""
    seeds = [k for k, v in enumerate(side.layout) if v.role is Role.SEED]
    own = [k for k in seeds if side.moves(k) is not False]
    if own:
        return own
    # On PyTorch a Dropout without a seed leaves its own generator alone and draws from the process's
    # (keras/src/backend/torch/random.py, `dropout`, 3.15).
    backend = side.run.manifest.get("backend", "")
    before, after = (each.get(backend) for each in (side.step.generators, side.step.generators_after))
    return seeds if before != after else []


_DETERMINISM = {
    "jax": "set  XLA_FLAGS=--xla_gpu_deterministic_ops=true  before JAX is imported",
    "tensorflow": "call  tf.config.experimental.enable_op_determinism()  first",
    "torch": "call  torch.use_deterministic_algorithms(True)  first, with  CUBLAS_WORKSPACE_CONFIG=:4096:8",
}


def explain_nondeterminism(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where one program gives other bits although nothing that is recorded differs."""
    backend = case.comparison.baseline.backend
    manifests = case.a.run.manifest, case.b.run.manifest
    program = not case.same_process and manifests[0].get("target") == manifests[1].get("target")
    # One line that makes both models, and one that trains both, is a hint that they are alike, and no more.
    places = [(side.model.location, side.training.location) for side in (case.a, case.b)]
    line = places[0] == places[1] and None not in places[0]
    accelerated = all(manifest.get("device", "cpu") != "cpu" for manifest in manifests)
    drawn = any(e.kind == "entropy" and e.training == case.b.training.number for e in case.b.events)
    differing = bool(case.comparison.settings)
    if (
        backend != case.comparison.candidate.backend
        or (differing and not accelerated)
        or drawn
        or not case.knows_batches
        or not (program or line or accelerated)
    ):
        return
    yield Suspect(
        slug="nondeterministic-op",
        summary="The same computation gives other bits from run to run.",
        evidence=(
            Evidence(f"{what_goes_in(case)}{'' if differing else ', and no recorded setting differs'}"),
            Evidence(f"{manifests[1].get('target')} on {manifests[1].get('device')}, {backend}"),
        ),
        location=case.b.training.location,
        remedy=_DETERMINISM.get(backend, "ask the framework for deterministic kernels"),
        counterfactuals=(Counterfactual("deterministic kernels on both sides", both=({"do": "determinism"},)),),
        weak=True,
        needs_proof=differing or not (program or accelerated),
    )
