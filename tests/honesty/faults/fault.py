"""What a fault is, and the words that rows of several tables share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

ANY = "any"  # chance, or the machine, decides at which step bits differ first
ALL = ("jax", "tensorflow", "torch")
RANDOM = ("dropout", "noise", "conv1d")
KERNELS = ("dense", "deep", "dropout", "noise", "batchnorm", "conv2d", "conv1d", "lstm", "gru")


@dataclass(frozen=True)
class Fault:
    """One way in which two trainings that should be the same are not.

    Attributes:
        slug: What it is called, from the published vocabulary.
        name: What was done, in a few words.
        stages: The stages at which the two may part.
        step: The 1-based step at which they part, as an expression of drawn values; `ANY` where nobody can know.
        change: Pieces of the candidate's script.
        base: Pieces of both scripts.
        layer: A pattern and its replacement: one layer of the candidate, drawn among those that fit.
        edit: A text of the candidate's script and what stands there instead.
        draw: Values to choose from, by name.
        families: Families to choose from.
        style: The way of building, if not any.
        seeded: Whether initialisers have seeds of their own; None: either.
        shuffle: Whether `fit` shuffles; None: either.
        how: "two" scripts, the script "again", one "environment" variable, two "trainings" of one script, two
            "backends".
        variable: For "environment": its name, the baseline's and the candidate's value.
        backends: Where it can be done.
        confirmed: Whether a re-run can prove it; the pages of the causes say where none can.
    """

    slug: str
    name: str
    stages: tuple[str, ...]
    step: str = "1"
    change: Mapping[str, str] = field(default_factory=dict)
    base: Mapping[str, str] = field(default_factory=dict)
    layer: tuple[str, str] | None = None
    edit: tuple[str, str] | None = None
    draw: Mapping[str, Sequence[object]] = field(default_factory=dict)
    families: tuple[str, ...] = KERNELS
    style: str | None = None
    seeded: bool | None = None
    shuffle: bool | None = None
    how: str = "two"
    variable: tuple[str, str, str] | None = None
    backends: tuple[str, ...] = ALL
    confirmed: bool = True
