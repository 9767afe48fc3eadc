"""Generators that nobody seeded, and entropy of the operating system, in a pinned scope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]
UNSEEDED = ["default_rng", "by name", "RandomState", "PCG64", "Random", "random.seed", "numpy.random.seed"]


@pytest.mark.parametrize("what", UNSEEDED)
def test_a_generator_without_a_seed_gets_one_from_the_scope(run_script: Run, any_backend: str, what: str) -> None:
    assert run_script("entropy.py", any_backend)[what]


@pytest.mark.parametrize("what", ["seeded ones move nothing", "initialiser", "batches", "put back", "patches are gone"])
def test_it_is_kept_apart_as_other_draws_are(run_script: Run, any_backend: str, what: str) -> None:
    assert run_script("entropy.py", any_backend)[what]


def test_what_the_system_gives_is_said_with_the_line(run_script: Run, any_backend: str) -> None:
    assert run_script("entropy.py", any_backend)["said"] == {
        "urandom": [["os-entropy", '"urandom": said(lambda: os.urandom(4)),']],
        "SystemRandom": [["os-entropy", '"SystemRandom": said(lambda: random.SystemRandom().random()),']],
        "secrets": [["os-entropy", '"secrets": said(lambda: secrets.randbits(4)),']],
        "library": [["os-entropy", "library.name()  # in a library"]],
    }


def test_what_is_pinned_or_names_a_file_is_not_said(run_script: Run, any_backend: str) -> None:
    found = run_script("entropy.py", any_backend)["not said"]
    assert found == {name: [] for name in found}


def test_a_recorder_around_it_or_within_changes_nothing(run_script: Run, any_backend: str) -> None:
    found = run_script("recorded_entropy.py", any_backend)
    assert found["alone"] == found["recorder around"] == found["recorder within"]
