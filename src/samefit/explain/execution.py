"""Steps that are compiled on one side and not on the other, or shared among devices otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from samefit.comparison.result import Evidence
from samefit.explain.case import Case, Counterfactual, Suspect
from samefit.explain.compiled import compiled_at
from samefit.explain.settings import drawing_in_step
from samefit.types import Stage

_ROUNDED = 1e-3
"""A relative gap of the loss of one step from equal weights and batches that no order of sums comes to."""


def explain_execution(case: Case) -> Iterator[Suspect]:
    """Yields suspects where `jit_compile` or `run_eagerly` differ."""
    a, b = case.a.training.compiled, case.b.training.compiled
    # What `jit_compile="auto"` becomes is the backend's choice, and no other backend has its compiler.
    two_backends = case.comparison.baseline.backend != case.comparison.candidate.backend
    names = ("run_eagerly",) if two_backends else ("jit_compile", "run_eagerly")
    options = {name: a.get(name) for name in names if a.get(name) != b.get(name)}
    if not options:
        return
    # Who runs eagerly does not compile: Keras sets the one by the other (keras/src/trainers/trainer.py, 3.15.1).
    name = "run_eagerly" if "run_eagerly" in options else "jit_compile"
    one, other = a.get(name), b.get(name)
    plan = {"do": "compile", "side": case.b.name, "compile": b.get("number", 0), **options}
    told = Evidence(f"compile({name}=...): {one} and {other}")
    draws = _draws(case)
    yield Suspect(
        slug="backend-generator" if draws else "rounding",
        summary=f"{name}={one} and {name}={other}: "
        + (
            "compiled by torch.compile, random layers draw other values than eagerly, also from equal seeds."
            if draws
            else "other kernels add up in another order."
        ),
        evidence=(told, *draws),
        location=compiled_at(case.b),
        remedy=f"compile({name}={one})  on both sides",
        counterfactuals=(Counterfactual(f"{name}={one}", (plan,)),),
    )


def _draws(case: Case) -> tuple[Evidence, ...]:
    """Returns what says that random layers drew otherwise; empty if nothing does.

    PyTorch's compiler draws from a stream of its own (`torch._inductor.config.fallback_random`, 2.13). That it made a
    difference shows in the loss: what is equal but for the order of sums is not as far apart.
    """
    backends = {case.comparison.baseline.backend, case.comparison.candidate.backend}
    losses = [side.step.logs.get("loss") for side in (case.a, case.b)]
    if backends != {"torch"} or case.divergence.stage is not Stage.FORWARD or None in losses:
        return ()
    one, other = (float(loss) for loss in losses if loss is not None)
    seeds = drawing_in_step(case.b) or drawing_in_step(case.a)
    if not seeds or not abs(one - other) > _ROUNDED * max(abs(one), abs(other)):
        return ()
    layers = "1 random layer draws" if len(seeds) == 1 else f"{len(seeds)} random layers draw"
    return (Evidence(f"{layers} in the step, and its losses {one:.6g} and {other:.6g} are too far apart for rounding"),)


def explain_distribution(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where devices share the work of the two trainings otherwise."""
    one, other = (side.training.compiled.get("distribution") for side in (case.a, case.b))
    if one == other:
        return
    yield Suspect(
        slug="rounding",
        summary="Devices share the work otherwise: what they add up comes in another order.",
        evidence=(Evidence(f"{one or 'one device'} and {other or 'one device'}"),),
        location=case.b.training.location,
        remedy="share it in the same way on both sides, or compare with a tolerance",
        no_counterfactual="how devices share the work cannot be put in from outside",
        weak=True,
    )
