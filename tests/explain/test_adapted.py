"""Layers that learned from other data: named with their lines where what they learned differs, and nowhere else."""

from __future__ import annotations

from pathlib import Path

from tests.explain.cases import Story, at, case_between, found, two
from tests.handmade import Change, Training, make_run

from samefit.comparison.result import Evidence
from samefit.explain.adapted import REMEDY, adapted_otherwise, explain_adapted
from samefit.explain.case import Case

WORDS = "TextVectorization.adapt"


def adapted(*learned: tuple[int, str], function: str = WORDS) -> Story:
    story = Story()
    for line, value in learned:
        story.note("adapt", line, function=function, value=value)
    return story.training(1)


def told(case: Case) -> list[tuple[str, int]]:
    return [(e.side, e.location.line) for e in adapted_otherwise(case) if e.location is not None]


def test_another_vocabulary_is_named_with_both_lines(tmp_path: Path) -> None:
    case = two(tmp_path, adapted((5, "cat")), adapted((6, "dog")))
    assert told(case) == [("baseline", 5), ("candidate", 6)]
    last = found(case)[-1]
    assert (last.slug, last.location, last.remedy) == ("data-content", at(6), REMEDY)
    text = f"{WORDS} at line 6 of train.py learned what it did not on the other side"
    assert Evidence(text, "candidate", at(6)) in last.evidence


def test_a_layer_that_is_adapted_on_one_side_alone(tmp_path: Path) -> None:
    assert told(two(tmp_path / "b", adapted((5, "cat")), adapted((5, "cat"), (7, "dog")))) == [("candidate", 7)]
    assert told(two(tmp_path / "a", adapted((5, "cat")), adapted())) == [("baseline", 5)]


def test_the_same_vocabulary_is_not_told(tmp_path: Path) -> None:
    case = two(tmp_path, adapted((5, "cat"), (6, "dog")), adapted((7, "cat"), (8, "dog")))
    assert told(case) == []
    assert list(explain_adapted(case)) == []
    assert found(case)[-1].remedy != REMEDY


def test_what_is_adapted_afterwards_is_not_told(tmp_path: Path) -> None:
    later = [adapted((5, "cat")).note("adapt", 7, function=WORDS, value=value) for value in ("dog", "bird")]
    assert told(two(tmp_path, *later)) == []


def test_a_vocabulary_within_a_model_is_told_where_the_forward_pass_parts(tmp_path: Path) -> None:
    runs = []
    for name, word in (("a", "cat"), ("b", "dog")):
        story = adapted((5, word))
        training = Training(location=at(9), begin_event=story.begin[1])
        changes = [Change("loss")] if name == "b" else []
        runs.append(make_run(tmp_path / name, trainings=[training], events=story.events, changes=changes))
    assert any(s.remedy == REMEDY and s.weak for s in found(case_between(*runs)))
