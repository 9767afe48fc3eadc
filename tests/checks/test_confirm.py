"""When a re-run confirms a cause, and when it must not; what is said if none does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.handmade import Change, Training, dense, make_run, met

from samefit.checks.confirm import case_of, confirmed_causes
from samefit.checks.execution import Execution
from samefit.checks.pair import Pair, Part
from samefit.checks.rerun import again as run_again
from samefit.checks.told import explained, suspected
from samefit.comparison.result import Cause, Comparison, Divergence
from samefit.errors import TargetFailed
from samefit.explain import suspects
from samefit.explain.case import STANDS_IN, Case, Counterfactual, Suspect
from samefit.launch.target import parse_target
from samefit.store.reader import Run
from samefit.types import Stage, Verdict


class Bench:
    """Stands in for the workshop: hands out runs that were made by hand, in order.

    Attributes:
        executions: What was to be run.
    """

    def __init__(self, *reruns: Run | Exception) -> None:
        self.executions: list[Execution] = []
        self._reruns = list(reruns)

    def run(self, *executions: tuple[Execution, str], watch: Any = None) -> list[Run]:
        self.executions += [execution for execution, _ in executions]
        found = [self._reruns.pop(0) for _ in executions]
        for (execution, _), run in zip(executions, found, strict=True):
            if isinstance(run, Exception):
                raise run
            if "transplants" not in run.manifest:
                run.manifest = {**run.manifest, "transplants": met(execution.options.get("transplants") or ())}
        return [run for run in found if isinstance(run, Run)]


def run_of(path: Path, *changes: Change, activation: str = "relu", **manifest: Any) -> Run:
    # An object: one re-run puts it in, and no second one sets it later.
    layer = dense(4, 4, config={"units": 4, "activation": {"class_name": activation, "config": {}}})
    # Two scripts: of one program that is run twice, other kernels might be the cause.
    manifest = {"target": f"{path.name}.py", **manifest}
    return make_run(path, layers=[layer], trainings=[Training()], changes=changes, manifest=manifest)


def causes(a: Run, b: Run, *reruns: Run | Exception) -> tuple[tuple[Cause, ...], Bench, list[str]]:
    pair = Pair(Part(a), Part(b), Execution(()), Execution(()))
    bench, said = Bench(*reruns), list[str]()
    found = confirmed_causes(pair, pair.compared(), bench, said.append)  # type: ignore[arg-type]
    return found.causes, bench, said


LOSS = Change("loss")


def test_a_rerun_that_agrees_confirms(tmp_path: Path) -> None:
    a, b = run_of(tmp_path / "a"), run_of(tmp_path / "b", LOSS, activation="gelu")
    found, bench, said = causes(a, b, run_of(tmp_path / "again"))
    assert [(cause.slug, cause.confirmed) for cause in found] == [("model-config", True)]
    assert found[0].counterfactual == "with the baseline's options for these layers, all 8 steps are bit-identical"
    assert found[0].unconfirmed_because == ""
    assert bench.executions[0].options["transplants"][0]["arguments"] == {
        "activation": {"class_name": "relu", "config": {}}
    }
    assert said == ["confirming model-config: with the baseline's options for these layers"]


def test_causes_that_stack_are_confirmed_one_after_the_other(tmp_path: Path) -> None:
    a = run_of(tmp_path / "a", environment={"XLA_FLAGS": "1"})
    b = run_of(tmp_path / "b", LOSS, activation="gelu", environment={"XLA_FLAGS": "2"})
    later = run_of(tmp_path / "later", Change("loss", 5), environment={"XLA_FLAGS": "2"})
    found, bench, _ = causes(a, b, later, run_of(tmp_path / "again", environment={"XLA_FLAGS": "1"}))
    assert [(cause.slug, cause.confirmed) for cause in found] == [("model-config", True), ("environment", True)]
    assert "the sides part only at step 6 (forward)" in found[0].counterfactual
    # What each contributed: all of the gap was there with both, the later one made its own from step 6 on.
    for cause in found:
        assert cause.loss_gaps is not None
        assert cause.loss_gaps[0] > 0
    assert found[-1].loss_gaps is not None
    assert found[-1].loss_gaps[1] == 0
    # The second re-run keeps what the first one changed.
    assert bench.executions[1].environment == {"XLA_FLAGS": "1"}
    assert len(bench.executions[1].options["transplants"]) == 1


def test_a_rerun_that_still_parts_refutes(tmp_path: Path) -> None:
    a, b = run_of(tmp_path / "a"), run_of(tmp_path / "b", LOSS, activation="gelu")
    found, _, _ = causes(a, b, run_of(tmp_path / "again", LOSS))
    assert [(cause.slug, cause.confirmed) for cause in found] == [("unknown", False)]
    assert found[0].unconfirmed_because == "no suspect is left"
    assert found[0].evidence[-1].text == (
        "not model-config: with the baseline's options for these layers the divergence stays"
    )


@pytest.mark.parametrize(
    ("rerun", "because"),
    [
        (TargetFailed("b.py failed\nwith a traceback", 1), "the re-run failed (b.py failed)"),
        ("none", "what was to be changed was not met in the re-run (not: layer dense)"),
        ("part", "what was to be changed was met only in part in the re-run (not: layer dense)"),
    ],
)
def test_a_rerun_that_proves_nothing_leaves_the_suspect(tmp_path: Path, rerun: Exception | str, because: str) -> None:
    a, b = run_of(tmp_path / "a"), run_of(tmp_path / "b", LOSS, activation="gelu")
    if isinstance(rerun, str):
        outcome = {"do": "layer", "at": None, "met": rerun, "missing": ["dense"]}
        found, _, _ = causes(a, b, run_of(tmp_path / "again", transplants=[outcome]))
    else:
        found, _, _ = causes(a, b, rerun)
    assert [(cause.slug, cause.confirmed) for cause in found] == [("model-config", False)]
    assert because in found[0].unconfirmed_because


def test_a_comparison_offline_names_a_suspect_and_says_that_nothing_was_run(tmp_path: Path) -> None:
    a, b = run_of(tmp_path / "a"), run_of(tmp_path / "b", LOSS, activation="gelu")
    only = suspected(case_of_runs(a, b))[0]
    assert (only.slug, only.confirmed, only.unconfirmed_because) == ("model-config", False, "it was not re-run")


def case_of_runs(a: Run, b: Run) -> Case:
    pair = Pair(Part(a), Part(b), Execution(()), Execution(()))
    case = case_of(pair, pair.compared())
    assert case is not None
    return case


@pytest.mark.parametrize("loop", [True, False])
def test_weights_from_a_loop_that_was_not_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loop: bool) -> None:
    monkeypatch.setattr(suspects, "_DETECTORS", {Stage.INITIAL_WEIGHTS: ()})
    more = {"unseen_updates": {"": 6}} if loop else {}
    a, b = run_of(tmp_path / "a"), run_of(tmp_path / "b", Change("variable", -1, "dense/kernel"), **more)
    [cause] = suspected(case_of_runs(a, b))
    assert cause.slug == "unknown"
    assert ("a loop of the candidate's own trains as well" in cause.summary) is loop
    assert ("samefit.Recorder.step" in cause.remedy) is loop


# -- a detector that fails ----------------------------------------------------------------------------------------


def explain_broken(case: Case) -> Iterator[Suspect]:
    raise IndexError("tuple index out of range")
    yield


def explain_nothing(case: Case) -> Iterator[Suspect]:
    return iter(())


def explain_something(case: Case) -> Iterator[Suspect]:
    yield Suspect("training-flag", "something", no_counterfactual="it cannot be put in")


def explain_refuted(case: Case) -> Iterator[Suspect]:
    yield Suspect("precision", "refuted", counterfactuals=(Counterfactual("float32", ({"do": "global"},)),))


@pytest.mark.parametrize(
    ("others", "slug"),
    [((explain_nothing,), "unknown"), ((explain_something,), "training-flag"), ((explain_refuted,), "unknown")],
)
def test_a_detector_that_fails_costs_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: Sequence[Any], slug: str
) -> None:
    monkeypatch.setattr(suspects, "_DETECTORS", {Stage.FORWARD: (explain_broken, *others)})
    a, b = run_of(tmp_path / "a"), run_of(tmp_path / "b", LOSS)
    found, _, _ = causes(a, b, run_of(tmp_path / "again", LOSS))
    assert [(cause.slug, cause.confirmed) for cause in found] == [(slug, False)]
    failed = [line.text for line in found[0].evidence if line.text.startswith("samefit itself failed")]
    assert len(failed) == 1
    assert "looked at broken: IndexError: tuple index out of range" in failed[0]
    before = Pair(Part(a), Part(b), Execution(()), Execution(())).compared()
    after = explained(before, found)
    assert after.verdict is Verdict.DIVERGED
    assert after.first_divergence == before.first_divergence
    assert "Please report it with the evidence above and the two runs." in after.notes[-1]


def test_without_a_failure_there_is_nothing_to_report(
    make_comparison: Callable[..., Comparison],
) -> None:
    before = make_comparison(verdict=Verdict.DIVERGED, first_divergence=Divergence(1, 2, 1, 5, 5, Stage.DATA, "inputs"))
    cause = Cause("unknown", confirmed=False, summary="nothing fits")
    assert explained(before, (cause,)) == replace(before, causes=(cause,))


def explain_guess(case: Case) -> Iterator[Suspect]:
    yield Suspect(
        "state-carried-over", "a guess", counterfactuals=(Counterfactual("alone", alone=True),), needs_proof=True
    )


def test_a_guess_is_not_said_before_it_is_proved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suspects, "_DETECTORS", {Stage.FORWARD: (explain_guess,)})
    a, b = run_of(tmp_path / "a"), run_of(tmp_path / "b", LOSS)
    assert [cause.slug for cause in suspected(case_of_runs(a, b))] == ["unknown"]
    assert [cause.slug for cause in causes(a, b, TargetFailed("b.py failed", 1))[0]] == ["unknown"]
    assert [cause.slug for cause in causes(a, b, run_of(tmp_path / "again"))[0]] == ["state-carried-over"]


def test_data_that_the_baseline_itself_does_not_get_again_proves_nothing(tmp_path: Path) -> None:
    def with_data(name: str, digest: str) -> Run:
        return make_run(tmp_path / name, trainings=[Training(options={"x": {"digest": digest}})])

    pair = Pair(Part(with_data("a", "aa")), Part(with_data("b", "bb")), Execution(()), Execution(()))
    bench = Bench(with_data("again", "cc"))
    result = run_again(pair, Counterfactual("", data=True), bench, lambda comparison: False)  # type: ignore[arg-type]
    assert result == "the baseline itself gets other data when it runs again: something random in it has no seed"


# -- sides that are not the same from run to run ------------------------------------------------------------------


def explain_both(case: Case) -> Iterator[Suspect]:
    fix = Counterfactual("PYTHONHASHSEED=0 on both sides", environment_both={"PYTHONHASHSEED": "0"})
    yield Suspect("environment", "hashes", counterfactuals=(fix,))


def explain_options(case: Case) -> Iterator[Suspect]:
    yield Suspect("model-config", "options", counterfactuals=(Counterfactual("relu", ({"do": "layer"},)),))


def parting(tmp_path: Path, *steps: int | None) -> list[Run]:
    """Returns runs that part from an unchanged one at these 0-based steps; None: not at all."""
    return [
        run_of(tmp_path / f"run-{number}", *([] if step is None else [Change("loss", step)]))
        for number, step in enumerate(steps)
    ]


def found_by(
    monkeypatch: pytest.MonkeyPatch, detector: Any, tmp_path: Path, *reruns: int | None
) -> tuple[tuple[Cause, ...], Bench]:
    monkeypatch.setattr(suspects, "_DETECTORS", {Stage.FORWARD: (detector,)})
    a, b, *others = parting(tmp_path, None, 1, *reruns)
    found, bench, _ = causes(a, b, *others)
    assert not bench._reruns, "a re-run was expected that nobody asked for"
    return found, bench


def test_a_seed_for_everything_takes_the_place_of_what_stands_in_for_earlier_causes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nothing changed the sides part earlier, as before those causes were found: that is no sign of chance."""
    seeded = Counterfactual("a seed first", both=({"do": "seed_first", "seed": 1},))

    def explain(case: Case) -> Iterator[Suspect]:
        yield Suspect("unseeded", "", counterfactuals=(seeded,))

    monkeypatch.setattr(suspects, "_DETECTORS", {Stage.FORWARD: (explain,)})
    scripts = [tmp_path / f"{name}.py" for name in "ab"]
    for script in scripts:
        script.touch()
    first, second = (Execution((("", parse_target(str(script))),)) for script in scripts)
    stood_in = second.with_transplants(({"do": "seeds", "side": "", "values": {"0": 1}, STANDS_IN: True},))
    for execution, said in ((stood_in, []), (second, ["not repeatable by itself"])):
        # With the seed both agree, twice; with nothing changed they part at step 1 instead of 2.
        a, b, *reruns = parting(tmp_path / str(len(said)), None, 1, None, None, None, 0, None, None)
        pair = Pair(Part(a), Part(b), first, execution)
        bench: Any = Bench(*reruns)
        (cause,) = confirmed_causes(pair, pair.compared(), bench, lambda text: None).causes
        assert (cause.slug, cause.confirmed) == ("unseeded", True)
        assert [line.text.partition(":")[0] for line in cause.evidence] == said


def test_a_later_parting_of_sides_that_part_anywhere_confirms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The re-run without the suspect parts at step 7; with nothing changed the sides part at step 5 instead of 2.
    found, bench = found_by(monkeypatch, explain_both, tmp_path, None, 6, None, 4)
    assert [(cause.slug, cause.confirmed) for cause in found] == [("unknown", False)]
    assert [line.text for line in found[0].evidence[-2:]] == [
        "not environment: with PYTHONHASHSEED=0 on both sides the divergence stays: they part at step 7, and run again "
        "with nothing changed, they part at step 5 (forward), not at step 2 (forward)",
        "not repeatable by itself: run again with nothing changed, they part at step 5 (forward), "
        "not at step 2 (forward)",
    ]
    assert [execution.environment for execution in bench.executions[:2]] == [{"PYTHONHASHSEED": "0"}] * 2
    assert [execution.environment for execution in bench.executions[2:]] == [{}, {}]


def test_two_fresh_sides_that_part_later_confirm_if_unchanged_they_part_where_they_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _ = found_by(monkeypatch, explain_both, tmp_path, None, 6, None, 1, None, 6, None, 1)
    assert [(cause.slug, cause.confirmed) for cause in found] == [("environment", True), ("unknown", False)]
    assert "part only at step 7" in found[0].counterfactual


def test_two_fresh_sides_that_part_at_one_place_twice_by_chance_confirm_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _ = found_by(monkeypatch, explain_both, tmp_path, None, 6, None, 1, None, 6, None, 3)
    assert [(cause.slug, cause.confirmed) for cause in found] == [("unknown", False)]


@pytest.mark.parametrize(
    ("unchanged", "second", "confirmed"),
    [
        ((None, 1), (), True),
        ((None, 4), (None, None), True),
        ((None, None, None, 4), (None, None), True),
        ((None, None, None, 4), (None, 5), False),
    ],
    ids=["steady", "twice", "late", "by chance"],
)
def test_two_fresh_sides_that_agree_must_agree_twice_where_they_part_anywhere(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    unchanged: tuple[int | None, ...],
    second: tuple[int | None, ...],
    confirmed: bool,
) -> None:
    found, _ = found_by(monkeypatch, explain_both, tmp_path, None, None, *unchanged, *second)
    assert [cause.confirmed for cause in found] == [confirmed]
    assert found[0].counterfactual.endswith("in two re-runs") is bool(confirmed and second)
    assert any(line.text.startswith("not repeatable by itself") for line in found[0].evidence) is bool(second)


def test_two_fresh_sides_that_agree_with_nothing_changed_as_well_show_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What had made them part is not there any more: a file was edited, a library upgraded."""
    found, _ = found_by(monkeypatch, explain_both, tmp_path, *[None] * 8)
    assert [(cause.slug, cause.confirmed) for cause in found] == [("environment", False)]
    assert found[0].unconfirmed_because == (
        "with PYTHONHASHSEED=0 on both sides they agree, and run again with nothing changed, they agree"
    )


def test_a_cause_after_which_nothing_explains_the_rest_needs_sides_that_part_at_one_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without the suspect the candidate parts at step 7, which nothing explains; unchanged it does so at step 5.
    found, bench = found_by(monkeypatch, explain_options, tmp_path, 6, 6, 4)
    assert [(cause.slug, cause.confirmed) for cause in found] == [("unknown", False)]
    assert found[0].evidence[-2].text.startswith("not model-config: with relu the divergence stays")
    assert "transplants" not in bench.executions[-1].options or not bench.executions[-1].options["transplants"]


def test_the_search_goes_on_where_a_cause_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def explain(case: Case) -> Iterator[Suspect]:
        yield from explain_options(case)
        yield Suspect("precision", "dtypes", counterfactuals=(Counterfactual("float32", ({"do": "global"},)),))

    # relu: step 7; there relu, float32 and both change nothing; unchanged: step 5; float32: all steps agree.
    found, _ = found_by(monkeypatch, explain, tmp_path, 6, 6, 6, 6, 4, None)
    assert [(cause.slug, cause.confirmed) for cause in found] == [("precision", True)]
    assert found[0].evidence[-1].text.startswith("not repeatable by itself")


def test_a_rerun_that_is_left_out_is_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To run the candidate alone shows nothing for a suspect that its own re-runs have refuted."""
    alone = Counterfactual("alone", alone=True)

    def explain(case: Case) -> Iterator[Suspect]:
        for number in range(4):
            own = Counterfactual(f"own {number}", ({"do": "global"},))
            yield Suspect("unseeded", "a guess", counterfactuals=(own, alone))
        yield Suspect("precision", "dtypes", counterfactuals=(Counterfactual("last", ({"do": "global"},)),), weak=True)

    # Each by itself, then together, then the last.
    found, _ = found_by(monkeypatch, explain, tmp_path, 1, 1, 1, 1, 1, None)
    assert [(cause.slug, cause.confirmed) for cause in found] == [("precision", True)]


def test_a_later_parting_stands_if_the_sides_part_at_one_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, bench = found_by(monkeypatch, explain_options, tmp_path, 6, 6, 1)
    assert [(cause.slug, cause.confirmed) for cause in found] == [("model-config", True), ("unknown", False)]
    assert len(bench.executions) == 3


def test_arrays_that_are_handed_over_show_the_stage_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explain(case: Case) -> Iterator[Suspect]:
        fix = Counterfactual("its arrays", ({"do": "fit"},), stage_only=True)
        yield Suspect("data-content", "other values", counterfactuals=(fix,))

    found, _ = found_by(monkeypatch, explain, tmp_path, None)
    assert found[0].counterfactual == (
        "with its arrays, all 8 steps are bit-identical: this shows that they matter, not what made them differ"
    )


def explain_in_both(case: Case) -> Iterator[Suspect]:
    yield Suspect("precision", "both", counterfactuals=(Counterfactual("float16", both=({"do": "global"},)),))


def test_a_rerun_of_both_that_agrees_on_no_number_confirms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suspects, "_DETECTORS", {Stage.FORWARD: (explain_in_both,)})
    nothing = Change("loss", 0, value=float("nan"))
    a, b = run_of(tmp_path / "a"), run_of(tmp_path / "b", LOSS)
    found, _, _ = causes(a, b, *(run_of(tmp_path / name, nothing) for name in "cd"))
    assert [(cause.slug, cause.confirmed) for cause in found] == [("precision", False)]
    assert found[0].unconfirmed_because == "with float16 both losses are not a number from step 1 on"
