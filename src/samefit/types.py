"""Names for the things that several packages speak about; no code of ours is imported here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The five answers to "are these two trainings the same?"."""

    IDENTICAL = "identical"
    WITHIN_TOLERANCE = "within_tolerance"
    DIVERGED = "diverged"
    INCOMPLETE = "incomplete"
    NOT_COMPARABLE = "not_comparable"


class Stage(StrEnum):
    """The stages of a training step, in causal order (`list(Stage)` is that order)."""

    INITIAL_WEIGHTS = "initial_weights"
    DATA = "data"
    RANDOMNESS = "randomness"
    FORWARD = "forward"
    BACKWARD = "backward"
    UPDATE = "update"
    STATE = "state"
    REPORTING = "reporting"

    @property
    def in_words(self) -> str:
        """The stage as a person reads it: "initial weights"."""
        return self.value.replace("_", " ")


class When(StrEnum):
    """When within a training something differs first; the value is how a person reads it."""

    BEFORE_STEP = "before the step"
    """In what a training begins with: it precedes all that the step itself does."""

    BETWEEN_EPOCHS = "between two epochs, before the step"
    """In what callbacks have changed since the step before."""

    BETWEEN_STEPS = "between two steps, before the step"
    """The same within an epoch."""

    IN_STEP = "in the step"

    AFTER_TRAINING = "after the last step of the training, when fit ended"
    """In the weights with which `fit` returned."""


class Samples(StrEnum):
    """What is known of the samples of two batches that differ."""

    REORDERED = "reordered"
    """The same samples of the epoch, or of the batch, in another order."""

    BATCHED_OTHERWISE = "batched otherwise"
    """Another number of samples in the batch."""

    OTHER = "other"
    """Other samples, or other values."""

    UNKNOWN = "unknown"
    """Whether the samples of the epoch are the same was not recorded."""

    @property
    def may_be_order(self) -> bool:
        """Whether the order may be all that differs."""
        return self in (Samples.REORDERED, Samples.UNKNOWN)


class Role(StrEnum):
    """What a recorded variable is for."""

    TRAINABLE = "trainable"
    NON_TRAINABLE = "non_trainable"
    SEED = "seed"
    OPTIMIZER = "optimizer"


class Build(StrEnum):
    """The ways of building a Keras model."""

    SEQUENTIAL = "sequential"
    FUNCTIONAL = "functional"
    SUBCLASSED = "subclassed"


GENERATORS = ("python", "numpy", "tensorflow", "torch", "keras")
"""The stateful generators of a process: `random`, legacy `numpy.random`, TensorFlow's and PyTorch's default generator,
and Keras's global `SeedGenerator`."""


@dataclass(frozen=True)
class Location:
    """A line of the user's code.

    Attributes:
        file: Path of the file, as the interpreter knew it.
        line: 1-based line number.
        code: The text of the line, stripped, if it could be read.
    """

    file: str
    line: int
    code: str | None = None

    @property
    def imports(self) -> bool:
        """Whether it is an import: what a library does while it is imported is no doing of the user's code."""
        return self.code is not None and self.code.startswith(("import ", "from "))


@dataclass(frozen=True)
class WrittenMode:
    """A literal mode in the user's line that calls a layer, or what the layer is a part of: `layer(x, training=True)`.

    Attributes:
        value: The mode.
        location: The line.
        in_call: Whether it stands in a `call`, or in another function that is given a mode, and not in a step.
    """

    value: bool
    location: Location
    in_call: bool


@dataclass(frozen=True)
class CodeDraw:
    """A call that draws, as it is written in the code that makes the batches of a training (`samefit.data_code`).

    Attributes:
        text: What is called, such as "self.rng.normal".
        kind: What it draws from: "own", a generator object that outlasts the call; "shared", a generator of the whole
            process; "entropy", the operating system; "unread": the function could not be read, so that nothing is
            known of it.
        within: Qualified name of the function that calls it.
        location: Its line.
    """

    text: str
    kind: str
    within: str
    location: Location

    @property
    def function(self) -> str:
        """The function that it stands in, without those around it."""
        return self.within.rpartition("<locals>.")[2]


WITHOUT_SEED = " without a seed"
"""How the name of a function ends in the ledger that took a generator of the process since it was given no seed."""

IN_CALLBACK = "callback of fit #"
"""How the component of a training in the ledger begins that a callback has begun; the number of that `fit` follows."""
