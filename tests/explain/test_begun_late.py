"""Causes where a recording began in the middle of a process: nothing is said of what came before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.explain.cases import REORDERED, Story, at, case_between, found, slugs, texts, two
from tests.handmade import Change, Training, make_run

JOINED = {"joined": True}


def shuffled(before: str, seed: int | None = None) -> Story:
    """A recording that begins with `fit`; `before` stands for what came before it."""
    story = Story(before)
    if seed is not None:
        story.seed(seed, generator="numpy")
    return story.training(1).epoch(0).draw(9, "numpy", "shuffle of fit #1")


def manifests(**fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return {**JOINED, **fields}, {**JOINED, **fields}


def test_an_order_whose_seeding_may_have_come_before_is_not_called_unseeded(tmp_path: Path) -> None:
    process = {"pid": 7, "host": "here", "process_started": 3}
    case = two(tmp_path / "one", shuffled("a"), shuffled("b"), REORDERED, manifest=manifests(**process))
    first = found(case)[0]
    assert (first.slug, first.location, first.counterfactuals) == ("generator-advanced", at(9), ())
    assert first.summary == (
        "numpy.random did not stand at the same place when the order of the samples came from it: "
        "both were trained in one process, where each draw moves it on."
    )
    assert "what was seeded, drawn and made before the recording began is not recorded" in texts(first)
    assert "cannot be run again" in first.no_counterfactual
    # Of two processes less is known.
    apart = ({**JOINED, **process}, {**JOINED, **process, "pid": 8})
    assert "unseeded" not in slugs(two(tmp_path / "apart", shuffled("a"), shuffled("b"), REORDERED, manifest=apart))


def test_a_run_from_the_first_line_on_knows_that_nothing_was_seeded(tmp_path: Path) -> None:
    assert slugs(two(tmp_path, shuffled("a"), shuffled("b"), REORDERED))[0] == "unseeded"


def test_what_was_seeded_within_the_recording_is_known(tmp_path: Path) -> None:
    case = two(tmp_path, shuffled("a", seed=1), shuffled("b", seed=2), REORDERED, manifest=manifests())
    assert slugs(case)[0] == "different-seed"


@pytest.mark.parametrize("joined", [True, False])
def test_first_weights_of_models_that_were_made_before(tmp_path: Path, joined: bool) -> None:
    runs = []
    for name in "ab":
        changes = [Change("variable", -1, "dense/kernel")] if name == "b" else []
        runs.append(
            make_run(
                tmp_path / name,
                trainings=[Training(location=at(9))],
                changes=changes,
                manifest=JOINED if joined else {},
            )
        )
    case = case_between(*runs)
    told = [s for s in found(case) if "made before the recording began" in s.summary]
    assert len(told) == joined
    assert all(s.slug == "unknown" for s in told)
