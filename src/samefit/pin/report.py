"""What a pinned scope did, and what it could not do: nothing that is not pinned stays unsaid."""

from __future__ import annotations

from dataclasses import dataclass, field

from samefit.types import Location


@dataclass(frozen=True)
class Limit:
    """Something in the scope that is not pinned in full.

    Attributes:
        kind: Short name of the limit, from a fixed list in the docs: "ambiguous-order", "untraceable-model",
            "native-draw", "own-order", "dropout-off", "raw-draw", ...
        text: What it is, and what follows from it, in one sentence.
        remedy: What the user can do, in one sentence.
        location: The line of the user's code, if it is known.
    """

    kind: str
    text: str
    remedy: str = ""
    location: Location | None = None


@dataclass
class PinReport:
    """What a pinned scope did.

    Attributes:
        seed: The seed of the scope.
        limits: What could not be pinned, each said once.
        switched: Determinism switches that the scope set: {name: value}.
    """

    seed: int
    limits: list[Limit] = field(default_factory=list)
    switched: dict[str, str] = field(default_factory=dict)

    def limit(self, limit: Limit) -> None:
        """Adds a limit, once."""
        if limit not in self.limits:
            self.limits.append(limit)
