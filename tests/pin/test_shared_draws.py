"""What the threads of a `PyDataset` draw from together is said; what each batch has for itself is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

SILENT = ("own", "torch generator")


@pytest.fixture
def found(run_script: Callable[..., dict[str, Any]], any_backend: str) -> dict[str, Any]:
    return run_script("shared_draws.py", any_backend)


def test_what_threads_share_is_said(found: dict[str, Any]) -> None:
    said = {name: limits for name, limits in found["threads"].items() if name not in SILENT}
    assert {"keras", "generator"} <= said.keys()
    names = {"keras": "keras.random", "generator": "keras.random", "torch": "torch.rand", "tensorflow": "tf.random.u"}
    for name, limits in said.items():
        # Keras makes its global generator with a seed from Python's.
        assert {kind for kind, _ in limits} == {"raw-draw"}
        text = limits[-1][1]
        assert text.startswith(f"The PyDataset Drawing draws from a generator that its threads share ({names[name]}")


def test_what_a_batch_has_for_itself_is_not_said(found: dict[str, Any]) -> None:
    assert [found["threads"].get(name, []) for name in SILENT] == [[], []]


def test_without_workers_nothing_is_said(found: dict[str, Any]) -> None:
    assert {name: limits for name, limits in found["alone"].items() if limits} == {}


def test_what_processes_draw_with_pytorch_belongs_to_its_batch(found: dict[str, Any]) -> None:
    if "processes" in found:
        first, second = found["processes"]
        assert first == second
        assert len(set(first)) == 24
