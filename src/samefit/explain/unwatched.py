"""Causes in draws that stand in no ledger: made below the watched functions, or by TensorFlow's kernels."""

from __future__ import annotations

from collections.abc import Iterator

from samefit.comparison.result import Evidence
from samefit.explain import generators
from samefit.explain.begun_late import before_the_recording, is_unseen
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.explain.generators import place
from samefit.explain.stages import stages_of
from samefit.store.records import Event, generator_digest
from samefit.types import Stage


def explain_hidden_draws(case: Case) -> Iterator[Suspect]:
    """Yields suspects for generators that nobody had seeded, where something may have drawn from them unseen."""
    point_a, point_b = f"side:{case.a.name}", f"side:{case.b.name}"
    before_a, before_b = case.a.run.generator_states(point_a), case.b.run.generator_states(point_b)
    for generator in ("numpy", "python", "torch"):
        if generator not in before_a or generator not in before_b or before_a[generator] == before_b[generator]:
            continue
        if not (_moved(case.a, generator, before_a[generator]) or _moved(case.b, generator, before_b[generator])):
            continue
        plan = generators.restore(case.a, case.b, generators=(generator,), at="side")
        seeds = _seedings(case, generator)
        if plan is None or all(seeds):
            continue
        name = generators.name_of(generator)
        if is_unseen(case, *seeds):
            if case.divergence.stage is Stage.DATA:
                yield before_the_recording(
                    case, name, "when the two recordings began, and the data may depend on it", weak=True
                )
            continue
        yield Suspect(
            slug="unseeded",
            summary=f"{name} was never seeded, and the data may depend on it.",
            evidence=(Evidence(f"{name} stood elsewhere when each side began"), *_evidence(case, generator, seeds)),
            location=case.b.training.location,
            remedy="put  keras.utils.set_random_seed(1)  first, or give every random function a seed (random_state=1)",
            counterfactuals=(Counterfactual(f"{name} put into the baseline's first state", (plan,)),),
            weak=True,
        )
    yield from explain_tensorflow(case)


def explain_tensorflow(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where TensorFlow's random operations had no global seed, or another one on each side.

    Each takes its seed from the global one; without one it takes entropy when it first runs, in a kernel
    (tensorflow/python/framework/random_seed.py, `get_seed`, 2.21). So neither their draws nor a state can be recorded.
    """
    if not all("tensorflow" in (side.run.manifest.get("versions") or {}) for side in (case.a, case.b)):
        return
    one, other = _seedings(case, "tensorflow")
    if one is not None and other is not None:
        if one.value != other.value:
            yield generators.other_seed(case, generators.name_of("tensorflow"), one, other, ())
        return
    if is_unseen(case, one, other):
        return
    drawing = [stage for stage in stages_of(case.b) if stage.unseeded and case.divergence.stage is Stage.DATA]
    yield Suspect(
        slug="unseeded",
        summary="TensorFlow's random operations were given no seed: each takes one from the operating system.",
        evidence=(
            *_evidence(case, "tensorflow", (one, other)),
            *(
                Evidence(f"{stage.function} draws by {', '.join(stage.unseeded)}", "", stage.location)
                for stage in drawing
            ),
        ),
        location=drawing[0].location if drawing else case.b.training.location,
        remedy="put  keras.utils.set_random_seed(1)  first, or give every random operation a seed (seed=1)",
        counterfactuals=(
            Counterfactual(
                "tf.random.set_seed(1) before anything is drawn, on both sides",
                both=({"do": "seed_tensorflow", "seed": 1},),
            ),
        ),
        # TensorFlow is imported by many a script that draws nothing from it.
        weak=not drawing,
        needs_proof=not drawing,
    )


def explain_operations(case: Case) -> Iterator[Suspect]:
    """Yields the same suspect where a step of TensorFlow's backend may draw by such operations."""
    if case.comparison.baseline.backend == case.comparison.candidate.backend == "tensorflow":
        yield from explain_tensorflow(case)


def _moved(side: Side, generator: str, before: bytes) -> bool:
    """Whether a generator moved between the begin of a side and the end of its diverging step; true if not known.

    On TensorFlow the batch of a step is drawn within it.
    """
    stands = side.step.generators_after.get(generator)
    return stands is None or stands != generator_digest(before)


def _seedings(case: Case, generator: str) -> tuple[Event | None, Event | None]:
    a, b = case.a, case.b
    return a.seeding(generator, a.training.begin_event), b.seeding(generator, b.training.begin_event)


def _evidence(case: Case, generator: str, seeds: tuple[Event | None, Event | None]) -> tuple[Evidence, ...]:
    name = generators.name_of(generator)
    return tuple(
        Evidence(f"{name} was never seeded before the training", side.role, side.training.location)
        if seed is None
        else Evidence(f"{seed.function}({seed.value}) at {place(seed.location)}", side.role, seed.location)
        for side, seed in zip((case.a, case.b), seeds, strict=True)
    )
