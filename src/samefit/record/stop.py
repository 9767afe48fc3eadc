"""The exception that ends a recorded script early, alone in a leaf module: the launcher must know it cheaply."""

from __future__ import annotations


class StopRecordedRun(BaseException):
    """Ends the user's script at a step boundary because the parent has seen enough."""
