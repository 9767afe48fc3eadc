"""The report as text, held against files that a person has read (tests/report/gold).

After a change that is wanted, `SAMEFIT_UPDATE_GOLD=1 pytest tests/report` writes them anew; read the diff.
"""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from samefit.comparison.result import Comparison, Difference, Divergence, Evidence
from samefit.report.text import as_text, render
from samefit.report.words import plain, two_values
from samefit.types import Location, Stage, When

FIRST, SECOND = Location("train.py", 7), Location("train.py", 9)
GOLD = Path(__file__).parent / "gold"
ACTUAL = Path(__file__).parents[1] / "actual"


def text_of(
    comparison: Comparison, *, width: int = 110, encoding: str = "utf-8", verbose: bool = False, quiet: bool = False
) -> str:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding=encoding)
    console = Console(file=stream, width=width, highlight=False, emoji=False, force_terminal=False, _environ={})
    render(comparison, verbose=verbose, quiet=quiet, console=console)
    stream.flush()
    return buffer.getvalue().decode(encoding)


def hold_against_gold(name: str, text: str) -> None:
    file = GOLD / f"{name}.txt"
    if os.environ.get("SAMEFIT_UPDATE_GOLD"):
        GOLD.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    expected = file.read_text(encoding="utf-8") if file.exists() else ""
    if expected != text:
        ACTUAL.mkdir(exist_ok=True)
        (ACTUAL / file.name).write_text(text, encoding="utf-8")
    assert text == expected


def test_report(request: pytest.FixtureRequest, sample: Comparison) -> None:
    hold_against_gold(request.node.callspec.id, text_of(sample))


@pytest.mark.parametrize("name", ["diverged", "several", "within_tolerance"])
def test_verbose_report(samples: dict[str, Comparison], name: str) -> None:
    hold_against_gold(f"{name}-verbose", text_of(samples[name], verbose=True))


def test_a_path_that_is_longer_than_the_line_stays_whole(samples: dict[str, Comparison]) -> None:
    run = ".samefit/20261126-132836-a_script_with_a_long_name-and_its_function/unpinned/a"
    long = replace(samples["identical"], baseline=replace(samples["identical"].baseline, run=run))
    assert [line.strip(" ·") for line in text_of(long, width=60).splitlines() if run in line] in (
        [run],
        [f"runs        {run}"],
    )


def test_narrow_ascii_report(samples: dict[str, Comparison]) -> None:
    hold_against_gold("diverged-narrow-ascii", text_of(samples["diverged"], width=60, encoding="ascii"))


@pytest.mark.parametrize("width", [20, 40, 79, 80, 110, 200])
@pytest.mark.parametrize("verbose", [False, True])
def test_no_line_is_wider_than_the_terminal(sample: Comparison, width: int, verbose: bool) -> None:
    lines = text_of(sample, width=width, verbose=verbose).splitlines()
    # What has no blank is not broken: a path is copied as one.
    assert [line for line in lines if len(line) > max(width, 40) and " " in line.strip(" ·")] == []
    assert [line for line in lines if line != line.rstrip()] == []


def test_quiet_is_one_line(sample: Comparison) -> None:
    blocks = 1 if sample.unpinned is None else 2
    # The sides of different targets stand under each other, whatever the width.
    assert len(text_of(sample, width=400, quiet=True).splitlines()) in (blocks, 2 * blocks)


def test_colour_only_on_a_terminal(samples: dict[str, Comparison]) -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=100, force_terminal=True, color_system="standard", _environ={})
    render(samples["diverged"], verbose=False, console=console)
    assert "\x1b[" in stream.getvalue()
    assert "\x1b[" not in text_of(samples["diverged"])


def test_nothing_of_a_script_moves_the_cursor(samples: dict[str, Comparison]) -> None:
    text = text_of(samples["hostile"])
    assert "\x1b" not in text
    assert r"[red]<b>\x1b[2J</b>[/red]" in text
    assert "a note with :smile: and [bold]markup[/bold]" in text


def test_values_get_the_digits_that_tell_them_apart() -> None:
    assert two_values(0.5, 0.25) == "0.500000 and 0.250000"
    assert two_values(1.2345678901, 1.2345678912) == "1.234567890 and 1.234567891"
    assert two_values(1e-9, 2e-9) == "1.000000e-09 and 2.000000e-09"
    assert two_values(0.1, 0.1) == "0.100000 and 0.100000"
    assert two_values(float("nan"), 1.0) == "nan and 1"


def test_not_a_number_is_said(samples: dict[str, Comparison]) -> None:
    nan = float("nan")
    comparison = replace(samples["diverged"], differences={"loss": Difference(3, nan, None, (nan, 1.5), 45)})
    text = text_of(comparison)
    assert "loss from step 3 (largest gap nan)" in text
    assert "final loss nan and 1.5" in text


def test_the_loss_of_trainings_that_were_ended_is_not_called_final(samples: dict[str, Comparison]) -> None:
    whole = samples["diverged"]
    ended = replace(
        whole,
        baseline=replace(whole.baseline, status="stopped"),
        differences={"loss": Difference(3, 1.0, None, (0.5, 1.5), 21), "metrics": Difference(3)},
        steps_compared=21,
    )
    text = text_of(ended)
    assert "loss at step 21 0.500000 and 1.500000" in text
    assert "final" not in text


def test_both_ending_in_not_a_number_is_no_difference(samples: dict[str, Comparison]) -> None:
    both = replace(samples["identical"], differences={"loss": Difference(None, final=(float("nan"), float("nan")))})
    assert "nan" not in text_of(both)


def test_as_text_is_the_same_everywhere(samples: dict[str, Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "30")
    assert as_text(samples["diverged"], width=110) == text_of(samples["diverged"])


def test_plain() -> None:
    assert plain("a\tb\x07\nc") == "a\\x09b\\x07\nc"


def test_a_fix_that_was_said_is_referred_to(samples: dict[str, Comparison]) -> None:
    first, second = samples["several"].causes
    causes = (first, second, replace(second, slug="model-config"))
    lines = [line.strip() for line in text_of(replace(samples["several"], causes=causes)).splitlines()]
    assert [line for line in lines if line.startswith("fix 3")] == ["fix 3       as fix 2"]
    assert [line for line in lines if second.remedy in line] == [f"fix 2       {second.remedy}"]


def test_what_holds_of_both_sides_is_said_once(samples: dict[str, Comparison]) -> None:
    fact, other = Evidence("nobody seeded it", "baseline", FIRST), Evidence("it drew", "candidate", SECOND)
    evidence = (fact, other, replace(fact, side="candidate"), replace(other, text="it drew twice", side="baseline"))
    cause = replace(samples["diverged"].causes[0], evidence=evidence)
    lines = [line.split() for line in text_of(replace(samples["diverged"], causes=(cause,))).splitlines()]
    told = [line for line in lines if "nobody" in line or "drew" in line]
    assert [line[-len(fact.text.split()) - 1 :] for line in told if "nobody" in line] == [["both", *fact.text.split()]]
    assert ["candidate" in line for line in told if "drew" in line] == [True, False]


def test_weights_before_the_first_step_are_told_without_repetition(samples: dict[str, Comparison]) -> None:
    first = Divergence(1, 1, 1, 0, 0, Stage.INITIAL_WEIGHTS, "dense/kernel", When.BEFORE_STEP.value, 1)
    text = text_of(replace(samples["diverged"], first_divergence=first))
    assert "before the first step, initial weights: dense/kernel\n" in text


def test_a_comparison_that_is_printed_is_its_report(samples: dict[str, Comparison]) -> None:
    assert str(samples["diverged"]) == as_text(samples["diverged"])
