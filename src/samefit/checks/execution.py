"""How a side of a check is run, and how it is run again with one thing changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from samefit.explain.case import STANDS_IN
from samefit.launch.target import Target


@dataclass(frozen=True)
class Execution:
    """One process: the sides that run in it, in order, and how.

    Attributes:
        sides: (name, target), in order; the name is "" for a side that has the process for itself.
        environment: Variables of its environment; None removes one.
        pin: Seed of `--pin`, or None.
        options: More keys of the session: "transplants", "keep_data", "keep_states", "looks", "every_step",
            "every_batch", "stop_after", "variables" (names of environment variables that are recorded besides those
            that always are).
    """

    sides: tuple[tuple[str, Target], ...]
    environment: Mapping[str, str | None] = field(default_factory=dict)
    pin: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def with_transplants(self, transplants: Sequence[Mapping[str, Any]]) -> Execution:
        """Returns the same execution with more transplants."""
        return replace(self, options={**self.options, "transplants": [*self.transplants, *transplants]})

    @property
    def transplants(self) -> list[Mapping[str, Any]]:
        """What it takes from other runs, as a plan."""
        return list(self.options.get("transplants") or ())

    def without_stand_ins(self) -> Execution:
        """Returns the same execution without the transplants that stand in for a seed that nobody had set."""
        kept = [item for item in self.transplants if not item.get(STANDS_IN)]
        return replace(self, options={**self.options, "transplants": kept})

    def ending_after(self, steps: int | None) -> Execution:
        """Returns the same execution, ended once it has recorded so many steps (None: to its end)."""
        return replace(self, options={**self.options, "stop_after": steps})

    def only(self, name: str) -> Execution:
        """Returns the execution of one side alone."""
        return replace(self, sides=tuple(side for side in self.sides if side[0] == name))

    def holds(self, name: str) -> bool:
        """Whether one of the sides has this name."""
        return any(side == name for side, _ in self.sides)

    def keeping(self, step: int) -> Execution:
        """Returns the same execution, which keeps the values of all variables after the step of that index."""
        kept = dict.fromkeys([*(self.options.get("keep_states") or ()), step])
        return replace(self, options={**self.options, "keep_states": list(kept)})


def in_float64(execution: Execution, side: str) -> Execution:
    """Returns the execution with one of its sides in float64 throughout.

    Args:
        execution: The execution.
        side: Name of the side.
    """
    wide: Mapping[str, Any] = {"do": "global", "side": side, "floatx": "float64", "wide": True}
    environment = {**execution.environment, "JAX_ENABLE_X64": "1"}
    return replace(execution, environment=environment).with_transplants([wide])
