"""The stages of an input pipeline as a run holds them, and how they are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from samefit.explain.case import Side
from samefit.store.records import TrainingRecord
from samefit.types import Location


@dataclass(frozen=True)
class Stage:
    """One stage of a pipeline, as `samefit.record.pipelines` describes it.

    Attributes:
        within: The function of a library that makes it for the user's line, such as "timeseries_dataset_from_array".
        given: What that function was given.
    """

    function: str
    number: int
    side: str
    arguments: Mapping[str, Any]
    event: int
    seeds: tuple[int, ...] | None
    location: Location
    unseeded: tuple[str, ...] = ()
    alike: bool = False
    reads: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    within: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_seeded(self) -> bool:
        """Whether it shuffles from a seed: two zeros ask for one of the operating system's."""
        return any(self.seeds or ())

    @property
    def in_words(self) -> str:
        """The call as a user would write it, without what is handed in."""
        plain = {name: value for name, value in self.arguments.items() if is_plain(value)}
        given = ", ".join(f"{name}={shown(v)}" for name, v in sorted(plain.items()) if v not in (None, False, ""))
        return f"{self.function}({given})"


def stages_of(side: Side) -> tuple[Stage, ...]:
    """Returns the stages behind what a side's `fit` was given; empty where it was no pipeline."""
    return stages_of_training(side.training)


def stages_of_training(training: TrainingRecord) -> tuple[Stage, ...]:
    """Returns the stages behind what the `fit` of a training was given."""
    return tuple(
        Stage(
            each["function"],
            each["number"],
            each["side"],
            each["arguments"],
            each["event"],
            tuple(each["seeds"]) if each.get("seeds") is not None else None,
            Location(**each["location"]),
            tuple(each.get("unseeded") or ()),
            bool(each.get("alike")),
            each.get("reads") or {},
            each.get("within") or "",
            each.get("given") or {},
        )
        for each in training.options.get("pipeline") or ()
    )


def seed_in(value: Any) -> Any:
    """Returns the seed that an argument stands for, or None."""
    if isinstance(value, Mapping):
        return value.get("seed", seed_in(value.get("generator")))
    return value if isinstance(value, int) else None


def is_plain(value: Any) -> bool:
    """Whether an argument is held as it is, and can be put in elsewhere."""
    return not isinstance(value, Mapping)


def written(value: Any) -> str:
    """Returns an argument as a user would write it."""
    if isinstance(value, Mapping) and value.get("is") == "Generator" and "seed" in value:
        return f"torch.Generator().manual_seed({value['seed']})"
    return shown(value)


def shown(value: Any) -> str:
    """Returns an argument, or what it is, in words."""
    if isinstance(value, Mapping):
        if "code" in value:
            return f"{value['is']} [code {value['code']}]"
        seed = seed_in(value)
        return f"{value['is']}" + (f" with seed {seed}" if seed is not None else "")
    return repr(value)
