"""Which suspects come first, what is said when none fits, and what happens when a detector fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.explain.cases import at, case_between, found, slugs, texts
from tests.handmade import Change, Training, dense, make_run

from samefit.comparison.result import Evidence
from samefit.explain import layers, suspects
from samefit.explain.case import Case, Suspect
from samefit.explain.slugs import SLUGS
from samefit.types import Stage


def forward(tmp_path: Path, *activations: str, **manifest: object) -> Case:
    """A pair that parts in the forward pass, with another activation if two are given."""
    runs = []
    for name, activation in zip("ab", activations or ("relu", "relu"), strict=True):
        config = {"units": 4, "activation": activation}
        runs.append(
            make_run(
                tmp_path / name,
                layers=[dense(4, 4, config=config, record={"location": at(7)})],
                trainings=[Training(location=at(9))],
                changes=[Change("loss")] if name == "b" else (),
                manifest={"target": f"{name}.py", "environment": {"XLA_FLAGS": name} if manifest else {}, **manifest},
            )
        )
    return case_between(*runs)


def test_a_fact_about_what_differs_comes_before_the_environment(tmp_path: Path) -> None:
    assert slugs(forward(tmp_path, "relu", "gelu", given=[])) == ["model-config", "environment"]


def test_a_variable_that_the_user_gave_one_side_comes_first(tmp_path: Path) -> None:
    assert slugs(forward(tmp_path, "relu", "gelu", given=["XLA_FLAGS"])) == ["environment", "model-config"]


@pytest.mark.parametrize(("slug", "is_added"), [("different-seed", True), ("model-config", False)])
def test_a_seed_that_a_script_makes_of_a_given_variable_stands_with_it(slug: str, is_added: bool) -> None:
    given = Suspect("environment", "a variable", (Evidence("RANK: 0 and 1"),), asked=True)
    fact = Suspect(slug, "a fact", (Evidence("seeded with 1 and 2"),), location=at(3))
    first, second = suspects._with_what_it_changes((given, fact))
    assert [line.text for line in first.evidence] == ["RANK: 0 and 1", *(["seeded with 1 and 2"] if is_added else [])]
    assert first.location == (at(3) if is_added else None)
    assert second is fact


@pytest.mark.parametrize(("models", "is_said"), [((4, 3), True), ((3, 4), False)])
def test_another_order_of_the_models_is_said_of_what_was_drawn_before(
    tmp_path: Path, models: tuple[int, int], is_said: bool
) -> None:
    trainings = [[Training(model=model) for model in order] for order in ((3, 4), models)]
    runs = [
        make_run(
            tmp_path / name, trainings=own, names={3: "one", 4: "other"}, changes=[Change("batch", 0)] * (name == "b")
        )
        for name, own in zip("ab", trainings, strict=True)
    ]
    drawn, given = Suspect("generator-advanced", "drawn", remedy="seed"), Suspect("different-seed", "given")
    first, second = suspects._with_order(case_between(*runs), (drawn, given))
    assert texts(first) == (
        "this model is trained as number 1 in the baseline, and as number 2 in the candidate" * is_said
    )
    assert first.remedy == ("train the models in the same order on both sides, or seed" if is_said else "seed")
    assert second is given


def test_what_only_repeats_that_something_differs_comes_last(tmp_path: Path) -> None:
    random = {"hash_seed": "random"}
    runs = [
        make_run(tmp_path / name, changes=changes, manifest={**random, "environment": {"XLA_FLAGS": name}})
        for name, changes in (("a", ()), ("b", [Change("batch"), Change("rows")]))
    ]
    assert slugs(case_between(*runs)) == ["environment", "environment", "data-content"]


def test_every_suspect_has_a_documented_slug(tmp_path: Path) -> None:
    assert all(suspect.slug in SLUGS for suspect in found(forward(tmp_path, "relu", "gelu", given=[])))


def test_every_stage_has_detectors_with_names_of_their_own() -> None:
    for stage in Stage:
        words = [suspects._words(detector) for detector in suspects._DETECTORS[stage]]
        assert words
        assert "explain" not in words
        assert len({*words}) == len(words)


def test_nothing_fits(tmp_path: Path) -> None:
    case = forward(tmp_path)
    assert slugs(case) == []
    excluded = [line.text for line in suspects.excluded(case)]
    assert "equal: structure (2 weights, aligned by path)" in excluded
    assert "equal: optimizer" in excluded
    assert "equal: batches" in excluded
    assert excluded[-1].startswith(
        "looked at without a finding: extra trainings, lengths, ended earlier, environment, training flag"
    )


def test_a_detector_that_fails_is_said_and_the_others_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explain_precision(case: Case) -> Iterator[Suspect]:
        yield Suspect("precision", "found before it failed")
        raise KeyError("dtype_policy")

    table = {Stage.FORWARD: (explain_precision, layers.explain_layers)}
    monkeypatch.setattr(suspects, "_DETECTORS", table)
    case = forward(tmp_path, "relu", "gelu")
    assert slugs(case) == ["precision", "model-config", "unknown"]
    failed = found(case)[-1]
    assert failed.evidence == (Evidence(texts(failed)),)
    assert texts(failed).startswith("samefit itself failed while it looked at precision: KeyError: 'dtype_policy'")
    assert "of test_suspects.py)" in texts(failed)
    assert "please report this" in failed.remedy
    assert failed.counterfactuals == ()
