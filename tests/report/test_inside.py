"""What a report says about the inside of a step."""

from __future__ import annotations

from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator
from tests.report.conftest import DIVERGED
from tests.report.test_as_json import SCHEMA

from samefit.comparison.result import Inside, Size
from samefit.report.as_json import to_json
from samefit.report.inside import inside_lines
from samefit.report.text import as_text

FORWARD = Inside(
    step=1,
    phase="forward",
    path="block/dropout",
    candidate_path="block/dropout",
    call=2,
    calls=3,
    num_different=4,
    size=Size(90, 128, 3.25, 1.0, 2_000),
    because=("Dropout(rate=0.3) and Dropout(rate=0.5)",),
    distances=(0.0, 0.0),
)
LINES = {
    "forward": (FORWARD, "block/dropout, call 2 of 3: what it gives out differs from equal inputs, in 90 of 128"),
    "other names": (replace(FORWARD, candidate_path="net/drop"), "call 2 of 3 (net/drop in the candidate)"),
    "other inputs": (replace(FORWARD, from_equal=False), "what it gives out differs, in 90"),
    "size": (FORWARD, "by up to 2,000 ulp (relative 1)"),
    "integers": (replace(FORWARD, size=Size(1, 2, 3.0, 0.5)), "by up to 3 (relative 0.5)"),
    "a number": (replace(FORWARD, phase="loss", size=Size(1, 1, 0.1, 0.5, 9)), "equal inputs, by 9 ulp (relative 0.5)"),
    "no values": (replace(FORWARD, size=None), "from equal inputs\n"),
    "backward": (replace(FORWARD, phase="backward"), "4 gradients differ; it is the first on the way back"),
    "only": (replace(FORWARD, only_in_candidate=("multiply",)), "before it, in the candidate only: multiply"),
    "compiled": (replace(FORWARD, distances=(0.0, 1e-6)), "other bits than when it trained (relative 1e-06)"),
    "eager": (replace(FORWARD, eager=(True, False)), "watched eagerly: the step that trains is compiled"),
    "failed": (
        Inside(3, "none", failed="candidate: ValueError: no"),
        "step 3 could not be watched layer by layer: can",
    ),
    "removed": (
        replace(FORWARD, removed=("unseeded", "unseeded", "data-order")),
        "with unseeded and data-order removed",
    ),
    "none": (Inside(1, "none", because=("both sides compute the same",)), "both sides compute the same"),
}


@pytest.mark.parametrize("name", LINES)
def test_lines(name: str) -> None:
    inside, wanted = LINES[name]
    assert wanted in "\n".join(inside_lines(inside, verbose=False)) + "\n"


def test_the_optimizer_comes_before_its_counter() -> None:
    because = ("optimizer: Adam and LossScaleOptimizer",)
    for path, first in (("adam/iteration", because[0]), ("dense/kernel", "dense/kernel: its update differs")):
        inside = replace(FORWARD, phase="update", path=path, candidate_path=path, calls=0, because=because, size=None)
        assert next(inside_lines(inside, verbose=False)) == first


def test_verbose_says_that_the_bits_are_the_same() -> None:
    assert "the same bits as the step that trained" in "\n".join(inside_lines(FORWARD, verbose=True))


def test_it_stands_in_the_report() -> None:
    text = as_text(replace(DIVERGED, inside=FORWARD))
    assert "  inside      block/dropout, call 2 of 3" in text
    assert "inside" not in as_text(DIVERGED)


@pytest.mark.parametrize("name", LINES)
def test_json(name: str) -> None:
    document = to_json(replace(DIVERGED, inside=LINES[name][0]))
    Draft202012Validator(SCHEMA).validate(document)
    assert document["inside"]["path"] == LINES[name][0].path
