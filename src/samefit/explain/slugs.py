"""The vocabulary of a verdict: one slug a cause. The list may grow; a slug never changes its meaning."""

from __future__ import annotations

from dataclasses import dataclass

from samefit.types import Stage

_START = (Stage.INITIAL_WEIGHTS, Stage.DATA, Stage.RANDOMNESS)
_INSIDE = (Stage.FORWARD, Stage.BACKWARD, Stage.UPDATE)
_ALL = tuple(Stage)


@dataclass(frozen=True)
class Slug:
    """A kind of cause.

    Attributes:
        name: The slug; also the name of its page in the documentation, `causes/<name>.md`.
        title: What it is called in a heading.
        meaning: Completes "the two trainings differ because …", in one line.
        stages: Where the two typically part.
    """

    name: str
    title: str
    meaning: str
    stages: tuple[Stage, ...]


SLUGS: dict[str, Slug] = {
    slug.name: slug
    for slug in (
        Slug(
            "unseeded",
            "Something random was never seeded",
            "something random was never given a seed: an initialiser, a random layer, `default_rng()`, OS entropy",
            _START,
        ),
        Slug(
            "different-seed",
            "The two sides were given different seeds",
            "the two sides were given different seeds: another integer on purpose or by an argument, the clock, "
            "a process id",
            _START,
        ),
        Slug(
            "seed-too-late",
            "The seed was set after the draw",
            "the seed was set after the value had been drawn (layers were built before `set_random_seed`)",
            (Stage.INITIAL_WEIGHTS,),
        ),
        Slug(
            "generator-advanced",
            "Something else had drawn from the generator before",
            "the seed is the same, but something else had drawn from the shared generator before: an earlier `fit`, "
            "`evaluate`, `predict`, an unused layer, a validation pass, a training-mode call",
            _ALL,
        ),
        Slug(
            "shared-initializer",
            "One initialiser serves several layers",
            "one initialiser object serves several layers and returns the same values each time",
            (Stage.INITIAL_WEIGHTS,),
        ),
        Slug(
            "backend-generator",
            "The same seed in another generator",
            "the same integer seeds another random generator or generator setting: another backend, another flag",
            _START,
        ),
        Slug(
            "backend-difference",
            "A layer or an optimizer is another function on another backend",
            "a layer, an activation, a gradient or an optimizer of Keras is not the same function on the two backends: "
            "a padding or resizing rule, a default, a corner, a bug",
            (Stage.FORWARD, Stage.BACKWARD, Stage.UPDATE, Stage.STATE),
        ),
        Slug(
            "data-order",
            "The same samples in another order",
            "the same samples came in another order, or batched otherwise: another pipeline, buffer, batch size, "
            "workers",
            (Stage.DATA,),
        ),
        Slug(
            "data-content",
            "Other samples or values",
            "the samples or their values are not the same: another split, another vocabulary, another preprocessing",
            (Stage.DATA,),
        ),
        Slug(
            "data-race",
            "Workers deliver in an order that nobody fixes",
            "concurrent workers draw or deliver in an order that nobody fixes",
            (Stage.DATA,),
        ),
        Slug(
            "state-carried-over",
            "Something survived that was expected fresh",
            "something survived that was expected fresh: optimizer slots, shared layers, moving averages, RNN state",
            (Stage.INITIAL_WEIGHTS, Stage.STATE, Stage.UPDATE),
        ),
        Slug(
            "state-lost",
            "Something started anew that was expected to go on",
            "something was expected to go on and started anew: optimizer slots, iteration counter, "
            "dropout counter, schedule",
            (Stage.UPDATE, Stage.RANDOMNESS, Stage.STATE),
        ),
        Slug(
            "weight-mapping",
            "Weights were put in another place",
            "weights or slots were put in another place than expected, by name or by position",
            (Stage.INITIAL_WEIGHTS, Stage.UPDATE),
        ),
        Slug(
            "trainable-set",
            "Another set of weights is trained",
            "another set of weights is trained, or a change of it was not picked up",
            (Stage.BACKWARD, Stage.UPDATE),
        ),
        Slug(
            "model-config",
            "The layers are not the same",
            "the layers are not the same: another option, another structure, a mask or activation lost",
            (Stage.FORWARD, Stage.STATE),
        ),
        Slug(
            "optimizer-config",
            "The optimizer is not the same",
            "the optimizer, an option of it or its schedule is not the same",
            (Stage.UPDATE,),
        ),
        Slug(
            "loss-config",
            "The loss is not the same",
            "the loss is not the same: its kind, reduction, weights, logits or probabilities",
            (Stage.FORWARD, Stage.BACKWARD),
        ),
        Slug(
            "training-flag",
            "A layer ran in inference mode",
            "a layer ran in inference mode in one and in training mode in the other",
            (Stage.FORWARD,),
        ),
        Slug(
            "precision",
            "Another precision",
            "the two compute in another dtype or dtype policy, or with reduced-precision matrix products",
            (Stage.FORWARD,),
        ),
        Slug(
            "rounding",
            "The same mathematics, added up in another order",
            "the same mathematics is added up in another order: compilation, kernels, threads, device, backend, "
            "accumulation",
            _INSIDE,
        ),
        Slug(
            "nondeterministic-op",
            "An operation gives other bits from run to run",
            "the same program on the same machine gives other bits from run to run",
            (Stage.FORWARD, Stage.BACKWARD),
        ),
        Slug(
            "callback",
            "A callback changes what is trained",
            "a callback changes weights (between epochs, or when `fit` ends) on one side, or otherwise on the other",
            (Stage.STATE,),
        ),
        Slug(
            "environment",
            "The environment differs, and matters",
            "versions, flags or variables of the process differ and matter",
            _ALL,
        ),
        Slug(
            "reporting",
            "Only what was logged differs",
            "the trainings are the same, but what was logged is not the same quantity",
            (Stage.REPORTING,),
        ),
        Slug(
            "unknown",
            "Nothing fitted",
            "nothing fitted; what was excluded is listed",
            _ALL,
        ),
    )
}
