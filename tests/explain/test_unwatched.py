"""Causes in draws that stand in no ledger: each must speak where it is there, and be silent where it is not."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from tests.explain.cases import Story, at, case_between, found, plans, slugs, texts, two
from tests.handmade import Change, Training, make_run

from samefit.explain.case import Side
from samefit.store.records import generator_digest
from samefit.types import Stage


def test_draws_that_no_function_shows(tmp_path: Path) -> None:
    stories = [Story(name).side("").training(1) for name in "ab"]
    suspects = [s for s in found(two(tmp_path, *stories)) if s.slug == "unseeded"]
    assert [s.weak for s in suspects] == [True] * len(suspects)
    numpy = next(s for s in suspects if "numpy" in s.summary)
    assert texts(numpy).count("never seeded before the training") == 2
    assert plans(numpy) == ["generators"]


def test_hidden_draws_after_a_seed_are_not_unseeded(tmp_path: Path) -> None:
    stories = []
    for name in "ab":
        story = Story(name).side("")
        for generator in ("python", "numpy", "torch"):
            story.seed(1, generator=generator)
        stories.append(story.training(1))
    assert "unseeded" not in slugs(two(tmp_path, *stories))


def test_a_generator_that_one_side_seeded_is_named_so(tmp_path: Path) -> None:
    a, b = Story("a").side("").seed(1, generator="numpy").training(1), Story("b").side("").training(1)
    numpy = next(s for s in found(two(tmp_path, a, b)) if s.slug == "unseeded" and "numpy" in s.summary)
    assert "keras.utils.set_random_seed(1) at line 3 of train.py" in texts(numpy)
    assert "never seeded" in texts(numpy)


def test_a_generator_that_did_not_move_is_not_blamed(tmp_path: Path) -> None:
    stories = [Story(name).side("").training(1) for name in "ab"]
    case = two(tmp_path, *stories)
    case = replace(case, a=stood_still(case.a, stories[0]), b=stood_still(case.b, stories[1]))
    summaries = " ".join(s.summary for s in found(case))
    assert "numpy" not in summaries
    assert "Python's random" in summaries


def stood_still(side: Side, story: Story) -> Side:
    """Returns the side with NumPy's generator as it stood when the side began."""
    numpy = generator_digest(story.states["side:"]["numpy"])
    return replace(side, step=replace(side.step, generators={"numpy": numpy}, generators_after={"numpy": numpy}))


def test_a_generator_that_moves_within_the_step_is_blamed(tmp_path: Path) -> None:
    stories = [Story(name).side("").training(1) for name in "ab"]
    case = two(tmp_path, *stories)
    case = replace(case, a=stood_still(case.a, stories[0]), b=stood_still(case.b, stories[1]))
    moved = replace(case.b.step, generators_after={"numpy": b"elsewhere"})
    case = replace(case, b=replace(case.b, step=moved))
    assert "numpy" in " ".join(s.summary for s in found(case))


TENSORFLOW: dict[str, Any] = {"versions": {"tensorflow": "2.21.0"}}


def test_operations_of_tensorflow_without_a_seed(tmp_path: Path) -> None:
    stories = [Story(name).training(1) for name in "ab"]
    case = two(tmp_path, *stories, manifest=(TENSORFLOW, TENSORFLOW))
    suspect = next(s for s in found(case) if "TensorFlow" in s.summary)
    assert (suspect.slug, suspect.weak, suspect.needs_proof) == ("unseeded", True, True)
    # It seeds nothing else: what another generator draws must not be told as TensorFlow's.
    assert plans(suspect) == ["seed_tensorflow both"]
    assert suspect.location == at(9)


def test_the_stage_that_draws_without_a_seed_is_named(tmp_path: Path) -> None:
    stages: list[dict[str, Any]] = [
        {"function": name, "number": number, "side": "", "arguments": {}, "event": 0, "location": asdict(at(line))}
        for number, (name, line) in enumerate((("from_tensor_slices", 4), ("map", 5), ("batch", 6)))
    ]
    stages[1]["unseeded"] = ["RandomUniform"]
    stories = [Story(name).training(1) for name in "ab"]
    case = two(tmp_path, *stories, manifest=(TENSORFLOW, TENSORFLOW), options=({"pipeline": stages},) * 2)
    suspect = next(s for s in found(case) if "TensorFlow" in s.summary)
    assert suspect.location == at(5)
    assert "map draws by RandomUniform" in texts(suspect)
    assert (suspect.weak, suspect.needs_proof) == (False, False)


def test_operations_of_tensorflow_with_other_seeds(tmp_path: Path) -> None:
    stories = [Story().seed(value, line, "tensorflow").training(1) for value, line in ((1, 3), (2, 4))]
    suspect = found(two(tmp_path, *stories, manifest=(TENSORFLOW, TENSORFLOW)))[0]
    assert suspect.slug == "different-seed"
    assert suspect.location == at(4)


@pytest.mark.parametrize("seeded", [True, False])
def test_operations_of_tensorflow_are_not_blamed(tmp_path: Path, seeded: bool) -> None:
    """With one seed on both sides, and where TensorFlow was never imported."""
    stories = [Story() for _ in "ab"]
    for story in stories:
        if seeded:
            story.seed(1, generator="tensorflow")
        story.training(1)
    manifests = (TENSORFLOW, TENSORFLOW) if seeded else ({}, {})
    assert "TensorFlow" not in " ".join(s.summary for s in found(two(tmp_path, *stories, manifest=manifests)))


@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_a_layer_that_draws_by_an_operation_of_tensorflow(tmp_path: Path, backend: str) -> None:
    manifest = {**TENSORFLOW, "backend": backend}
    runs = [
        make_run(tmp_path / name, trainings=[Training(location=at(9))], changes=change, manifest=manifest)
        for name, change in (("a", ()), ("b", (Change("loss"),)))
    ]
    case = case_between(*runs)
    assert case.divergence.stage is Stage.FORWARD
    # On another backend TensorFlow is imported, and no step draws from it.
    assert ("unseeded" in slugs(case)) is (backend == "tensorflow")
