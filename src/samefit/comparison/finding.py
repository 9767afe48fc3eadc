"""What a scan of two runs finds: one record that differs."""

from __future__ import annotations

from dataclasses import dataclass

from samefit.types import Samples, Stage, When


@dataclass(frozen=True)
class Finding:
    """One record that differs.

    Attributes:
        position: 0-based position in the compared sequence.
        stage: Its stage.
        path: What differs.
        detail: One line more.
        num_paths: How many paths differ with it.
        when: When within the training it differs.
        samples: What is known of the samples, where the data differ.
    """

    position: int
    stage: Stage
    path: str
    detail: str = ""
    num_paths: int = 1
    when: When = When.IN_STEP
    samples: Samples | None = None
