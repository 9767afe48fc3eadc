"""What judged steps say about a cause."""

from __future__ import annotations

import pytest

from samefit.comparison.parity import JudgedStep, Parity, Place
from samefit.comparison.result import Cause
from samefit.explain.parity import named_by_parity, parity_evidence
from samefit.types import Location

UNKNOWN = Cause("unknown", False, "Nothing is known.", location=Location("train.py", 1))
SMALL = Place("forward", "dense", 1e-7, 1e-7, 1e-16)


def parity(*places: Place) -> Parity:
    return Parity(steps=(JudgedStep(3, "first", places, compared=9),))


@pytest.mark.parametrize(
    ("phase", "slug", "summary"),
    [
        ("forward", "backend-difference", "What pool gives out is not the same function on the two backends (step 3)."),
        ("loss", "loss-config", "The pool is not the same function"),
        ("backward", "backend-difference", "The gradient of pool is not the same function"),
        ("update", "backend-difference", "The update of pool, from equal gradients, is not the same function"),
        ("state", "backend-difference", "The new value of pool is not the same function"),
    ],
)
def test_the_first_place_beyond_rounding_names_the_cause(phase: str, slug: str, summary: str) -> None:
    place = Place(phase, "pool", 0.1, 1e-8, 0.1, location=Location("train.py", 7))
    cause = named_by_parity(UNKNOWN, parity(SMALL, place, Place("loss", "loss", 0.1, 1e-8, 0.1)))
    assert (cause.slug, cause.confirmed, cause.location) == (slug, False, Location("train.py", 7))
    assert cause.summary.startswith(summary)
    assert cause.unconfirmed_because


def test_a_place_without_a_line_leaves_the_line_of_the_training() -> None:
    assert named_by_parity(UNKNOWN, parity(Place("loss", "loss", 1.0, 1e-8, 1.0))).location == Location("train.py", 1)


def test_rounding_names_nothing() -> None:
    assert named_by_parity(UNKNOWN, parity(SMALL)) == UNKNOWN


POOL = Place("forward", "pool", 0.1, 1e-8, 0.1)


@pytest.mark.parametrize(
    ("places", "text"),
    [
        ((), "step 3, from equal state: rounding explains all that differs"),
        ((SMALL,), "step 3, from equal state: rounding explains all that differs; in float64 the difference goes away"),
        (
            (SMALL, POOL),
            "step 3, from equal state: what pool gives out differs by 0.1, 0.1 in float64; "
            "one unit in the last place moves it by 1e-08: another function",
        ),
        (
            (Place("backward", "k", 5e-6, 1e-7),),
            "step 3, from equal state: the gradient of k differs by 5e-06; "
            "one unit in the last place moves it by 1e-07: not decided",
        ),
    ],
)
def test_the_judged_steps_are_evidence(places: tuple[Place, ...], text: str) -> None:
    assert [line.text for line in parity_evidence(parity(*places))] == [text]


def test_steps_that_are_rounding_share_a_line() -> None:
    steps = tuple(JudgedStep(step, "last", (SMALL,)) for step in (2, 9))
    lines = list(parity_evidence(Parity(steps=(*steps, JudgedStep(12, "last", (POOL,))))))
    assert [line.text.partition(":")[0] for line in lines] == [
        "steps 2, 9, from equal state",
        "step 12, from equal state",
    ]


def test_one_place_is_told_once_with_its_line() -> None:
    here = Location("train.py", 7)
    pool = Place("forward", "pool", 0.1, 1e-8, 0.1, location=here)
    lines = list(parity_evidence(Parity(steps=tuple(JudgedStep(step, "last", (pool,)) for step in (1, 8, 9)))))
    assert [line.location for line in lines] == [here]
    assert lines[0].text.endswith("another function; likewise at steps 8, 9")


def test_a_step_that_could_not_be_judged_is_said() -> None:
    (line,) = parity_evidence(Parity(steps=(JudgedStep(3, "last", failed="no batch"),)))
    assert line.text == "step 3 could not be judged: no batch"
