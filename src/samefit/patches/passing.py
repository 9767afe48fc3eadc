"""Steps that run without a look: what the hook around a step counts by itself while they are passed over."""

from __future__ import annotations

from typing import Any, Protocol


class Watch(Protocol):
    """Wants to know whether a step runs."""

    in_step: bool


class Passing:
    """Which steps are passed over.

    Between two small steps a call of a function of ours costs several times what it does in a loop of its own: the
    code of Keras and JAX has to come back into the caches. So these steps call none.

    Attributes:
        trainer: Whose steps are passed over; None if nobody's are.
        training: Which training of it; the one who lets them be passed over knows what it is.
        left: How many more of them.
        taken: How many were, and are not counted elsewhere yet.
        logs: What the last of them returned.
        watch: Is told that a step runs.
    """

    __slots__ = ("left", "logs", "taken", "trainer", "training", "watch")

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.trainer: Any = None
        self.training: Any = None
        self.left = self.taken = 0
        self.logs: Any = None

    def begin(self, trainer: Any, training: Any, number: int) -> None:
        """Lets the next `number` steps of `trainer` be passed over."""
        self.trainer, self.training, self.left = trainer, training, number

    def end(self) -> tuple[Any, int, Any]:
        """Lets no more be passed over; returns of which training how many were, and what the last of them returned."""
        found = self.training, self.taken, self.logs
        self.trainer = self.training = self.logs = None
        self.left = self.taken = 0
        return found
