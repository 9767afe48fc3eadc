"""Causes at the stage `randomness`: counters that restart, seeds that differ, generators that the step draws from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.explain.cases import Story, at, case_between, found, lines, plans, slugs, texts
from tests.handmade import Change, Layer, Training, dense, dropout, make_run

from samefit.explain import seed_generators
from samefit.explain.case import STANDS_IN, Case
from samefit.explain.seed_generators import explain_seed_generators
from samefit.store.reader import Run
from samefit.store.records import Origin
from samefit.types import Stage

PATHS = ("dropout/seed_generator_state", "dropout_1/seed_generator_state")
PATHS_OF_SAMPLING = "sampling/seed_generator_state"


def state(step: int, path: str, seed: int, counter: int, what: str = "set") -> Change:
    return Change(what, step, path, lasting=False, array=np.array([seed, counter], np.int64))


def counters(changes: dict[int, int], *paths: str, seed: int = 7) -> list[Change]:
    """Counters of random layers in the states after some steps (-1: at the begin)."""
    return [state(step, path, seed, counter) for step, counter in changes.items() for path in paths]


def layers(number: int = 1, seed: int | None = 7) -> list[Layer]:
    return [dense(4, 4), *(dropout(record={"seed_value": seed}) for _ in range(number))]


def case_at_two(tmp_path: Path, a: Sequence[Change], b: Sequence[Change], number: int = 1) -> Case:
    """Two trainings of two steps each, which part at the begin of the second."""
    runs = []
    for name, changes in (("a", a), ("b", b)):
        trainings = [Training(steps=(2,), location=at(line)) for line in (9, 10)]
        runs.append(make_run(tmp_path / name, layers=layers(number), trainings=trainings, changes=changes))
    case = case_between(*runs)
    assert (case.divergence.stage, case.divergence.step) == (Stage.RANDOMNESS, 3)
    return case


GOES_ON = {-1: 0, 0: 1, 1: 2, 2: 3, 3: 4}


def anew(*paths: str) -> list[Change]:
    changes = counters({-1: 0, 0: 1, 1: 2, 2: 1, 3: 2}, *paths)
    return [*changes, *(state(2, path, 7, 0, "begin") for path in paths)]


def effect() -> Change:
    return Change("loss", 2)


def test_a_counter_that_starts_anew(tmp_path: Path) -> None:
    path = PATHS[0]
    first = found(case_at_two(tmp_path, counters(GOES_ON, path), [*anew(path), effect()]))[0]
    assert (first.slug, first.location) == ("state-lost", at(10))
    assert "started anew on the side of the candidate" in first.summary
    assert f"what they were before the first step: {path}" in texts(first)
    assert "on this side the counter stands at 2" in texts(first)
    assert "seed_generator.state.assign" in first.remedy
    assert first.counterfactuals[0].transplants == ({"do": "seed_states", "training": 2, "values": {path: (7, 2)}},)


def test_all_counters_that_start_anew_are_put_back_together(tmp_path: Path) -> None:
    first = found(case_at_two(tmp_path, counters(GOES_ON, *PATHS), [*anew(*PATHS), effect()], 2))[0]
    assert first.counterfactuals[0].transplants[0]["values"] == dict.fromkeys(PATHS, (7, 2))


def test_a_counter_that_goes_on_where_the_baselines_starts_anew(tmp_path: Path) -> None:
    path = PATHS[0]
    first = found(case_at_two(tmp_path, anew(path), [*counters(GOES_ON, path), effect()]))[0]
    assert first.slug == "state-carried-over"
    assert "started anew on the side of the baseline" in first.summary
    assert first.counterfactuals[0].transplants[0]["values"] == {path: (7, 0)}


def test_a_counter_that_is_elsewhere_did_not_start_anew(tmp_path: Path) -> None:
    path = PATHS[0]
    moved = counters({-1: 0, 0: 1, 1: 2, 2: 9, 3: 10}, path)
    case = case_at_two(tmp_path, counters(GOES_ON, path), [*moved, state(2, path, 7, 8, "begin"), effect()])
    assert slugs(case)[0] == "generator-advanced"
    assert not {"state-lost", "state-carried-over"} & {*slugs(case)}


def test_a_random_layer_that_had_drawn_more(tmp_path: Path) -> None:
    path = PATHS[0]
    moved = counters({-1: 0, 0: 1, 1: 2, 2: 4, 3: 5}, path)
    first = found(case_at_two(tmp_path, counters(GOES_ON, path), [*moved, state(2, path, 7, 3, "begin"), effect()]))[0]
    assert (first.slug, first.location) == ("generator-advanced", at(10))
    assert "seed 7 on both sides, but had drawn 1 more before step 3 on the side of the candidate" in first.summary
    assert first.counterfactuals[0].transplants == ({"do": "seed_states", "training": 2, "values": {path: (7, 2)}},)


@pytest.mark.parametrize("way", ["call", "set_weights", None])
def test_the_line_that_called_a_random_layer_is_named(tmp_path: Path, way: str | None) -> None:
    path = PATHS[0]
    moved = counters({-1: 0, 0: 1, 1: 2, 2: 4, 3: 5}, path)
    case = case_at_two(tmp_path, counters(GOES_ON, path), [*moved, state(2, path, 7, 3, "begin"), effect()])
    origin = Origin("value", assigned=way, assigned_location=at(7))
    case.b.__dict__["layout"] = tuple(replace(v, origin=origin) if v.path == path else v for v in case.b.layout)
    first = found(case)[0]
    assert first.slug == "generator-advanced"
    line = at(7) if way == "call" else at(10)
    assert first.location == line
    assert first.remedy.startswith(f"call the model without training=True {'at' if way == 'call' else 'before'} line")
    assert ("it was called at line 7 of train.py, outside of any training, and drew" in texts(first)) == (way == "call")


def test_what_had_drawn_more_before_each_training_is_put_back_before_each(tmp_path: Path) -> None:
    """A loop calls the model in training mode behind each `fit`."""
    path, runs = PATHS[0], []
    for name, more in (("a", 0), ("b", 1)):
        changes = counters({step: step + 1 + more * max(0, step // 2) for step in range(-1, 6)}, path)
        changes += [state(2, path, 7, 2 + more, "begin"), state(4, path, 7, 4 + 2 * more, "begin")]
        trainings = [Training(steps=(2,), location=at(line)) for line in (9, 10, 11)]
        changes += [effect()] if more else []
        runs.append(make_run(tmp_path / name, layers=layers(), trainings=trainings, changes=changes))
    first = found(case_between(*runs))[0]
    assert first.slug == "generator-advanced"
    plans = [{"do": "seed_states", "training": number, "values": {path: (7, 2 * number - 2)}} for number in (2, 3)]
    assert [fix.transplants for fix in first.counterfactuals] == [tuple(plans), (plans[0],)]
    assert (
        first.counterfactuals[0].text
        == "the counter of Dropout taken from the baseline, before this fit and each later one"
    )


def test_a_copy_of_the_model_has_new_seeds(tmp_path: Path) -> None:
    runs: list[Run] = []
    for name, model, seed in (("a", 1, 7), ("b", 2, 8)):
        changes = counters(GOES_ON, PATHS[0])
        if name == "b":
            changes = [*counters({-1: 0, 0: 1, 1: 2}, PATHS[0]), state(2, PATHS[0], seed, 0, "begin")]
            changes += [*counters({2: 1, 3: 2}, PATHS[0], seed=seed), effect()]
        trainings = [Training(steps=(2,), location=at(9)), Training(steps=(2,), model=model, location=at(10))]
        # A copy has the weights of what it was copied from.
        if model == 2:
            changes += [Change("copy", 2)]
        runs.append(make_run(tmp_path / name, layers=layers(), trainings=trainings, changes=changes))
    first = found(case_between(*runs))[0]
    assert (first.slug, first.location) == ("state-lost", at(10))
    assert "a copy of the model, whose random layers draw from new seeds" in first.summary
    assert "the model of #2 was not trained before" in texts(first)
    assert first.counterfactuals[0].transplants[0]["values"] == {PATHS[0]: (7, 2)}


# -- seeds of layers ----------------------------------------------------------------------------------------------


def seeded(tmp_path: Path, stories: Sequence[Story], seeds: Sequence[int], **fields: Any) -> Case:
    runs = []
    for name, story, seed in zip("ab", stories, seeds, strict=True):
        event = next(e for e in story.events if e.component == "seed of Dropout")
        record = {"seed_value": seed, "seed_draw": 0, "seed_event": event.id, "location": at(7), **fields}
        story.training(1)
        changes = [Change("set", step, PATHS[0], array=np.array([seed, step + 1])) for step in range(-1, 8)]
        runs.append(
            make_run(
                tmp_path / name,
                layers=[dense(4, 4), dropout(record=record)],
                trainings=[Training(location=at(9), begin_event=story.begin[1])],
                events=story.events,
                states=story.states,
                changes=[*changes, Change("loss")] if name == "b" else changes,
            )
        )
    return case_between(*runs)


def test_the_seed_of_a_random_layer(tmp_path: Path) -> None:
    stories = [Story(name).draw(7, component="seed of Dropout") for name in "ab"]
    first = found(seeded(tmp_path, stories, (11, 12)))[0]
    assert (first.slug, first.location) == ("unseeded", at(7))
    assert "The seed of Dropout came from Python's random" in first.summary
    assert first.counterfactuals[0].transplants == ({"do": "seeds", "side": "", "values": {"0": 11}, STANDS_IN: True},)


def test_the_seed_that_one_side_has_set_is_what_the_other_is_to_set(tmp_path: Path) -> None:
    seeds = [Story().seed(5), Story("b")]
    stories = [story.draw(7, component="seed of Dropout") for story in seeds]
    first = found(seeded(tmp_path, stories, (11, 12)))[0]
    assert (first.slug, first.location) == ("unseeded", at(7))
    assert first.remedy == "put  keras.utils.set_random_seed(5)  before the model is built, in the candidate as well"


def test_the_seed_of_a_random_layer_after_other_draws(tmp_path: Path) -> None:
    a = Story().seed(1).draw(7, component="seed of Dropout")
    b = Story().seed(1).draw(6, component="seed of GlorotUniform in Dense").draw(7, component="seed of Dropout")
    first = found(seeded(tmp_path, [a, b], (11, 12)))[0]
    assert first.slug == "generator-advanced"
    assert "1 draw: seed of GlorotUniform in Dense" in texts(first)
    assert 6 in lines(first)


def test_an_explicit_seed_of_a_layer(tmp_path: Path) -> None:
    runs = []
    for name, seed in (("a", 1), ("b", 2)):
        changes = [Change("set", step, PATHS[0], array=np.array([seed, step + 1])) for step in range(-1, 8)]
        made = dropout(config={"rate": 0.5, "seed": seed}, record={"location": at(7), "seed_value": seed})
        changes = [*changes, Change("loss")] if name == "b" else changes
        runs.append(make_run(tmp_path / name, layers=[dense(4, 4), made], changes=changes))
    only = found(case_between(*runs))
    assert [s.slug for s in only] == ["different-seed"]
    assert "Dropout(seed=1) and Dropout(seed=2)" in texts(only[0])
    assert only[0].location == at(7)
    assert only[0].counterfactuals[0].transplants[0]["arguments"] == {"seed": 1}


def own_generators(tmp_path: Path, origins: Sequence[Origin], *stories: Story) -> Case:
    runs = []
    for name, origin, story in zip("ab", origins, stories or (Story(), Story()), strict=True):
        assert origin.seed is not None
        story.training(1)
        changes = [
            Change("set", step, PATHS_OF_SAMPLING, array=np.array([origin.seed, step + 1])) for step in range(-1, 8)
        ]
        # No option of the layer, and no record of its own, says what the generator was given.
        made = Layer("Sampling", seeded=True, origins={"seed_generator_state": origin})
        changes = [*changes, Change("loss")] if name == "b" else changes
        runs.append(
            make_run(
                tmp_path / name,
                layers=[dense(4, 4), made],
                trainings=[Training(location=at(9), begin_event=story.begin[1])],
                events=story.events,
                states=story.states,
                changes=changes,
            )
        )
    return case_between(*runs)


def given(seed: int, **fields: Any) -> Origin:
    return Origin("SeedGenerator", seed=seed, seed_is_explicit=not fields, location=at(7), **fields)


def test_the_explicit_seed_of_a_generator_of_ones_own(tmp_path: Path) -> None:
    only = found(own_generators(tmp_path, [given(1), given(2)]))
    assert [s.slug for s in only] == ["different-seed"]
    assert "The seed generator of Sampling was given another seed." in only[0].summary
    assert "SeedGenerator(1) at line 7 of train.py" in texts(only[0])
    assert "SeedGenerator(2) at line 7 of train.py" in texts(only[0])
    assert only[0].location == at(7)
    values = {PATHS_OF_SAMPLING: (1, 0)}
    assert only[0].counterfactuals[0].transplants == ({"do": "seed_states", "training": 1, "values": values},)


def test_a_generator_of_ones_own_that_has_a_seed_on_one_side_only(tmp_path: Path) -> None:
    for seeded, slug in ((True, "different-seed"), (False, "unseeded")):
        stories = [Story("a"), Story("b").seed(5) if seeded else Story("b")]
        stories[1].draw(7, component="seed of a SeedGenerator")
        drawn = given(2, seed_draw=0, seed_event=stories[1].events[-1].id)
        first = found(own_generators(tmp_path / slug, [given(1), drawn], *stories))[0]
        assert first.slug == slug
        assert "SeedGenerator() got 2 from Keras at line 7 of train.py" in texts(first)
        assert "SeedGenerator(1)" in first.remedy


def test_a_generator_of_ones_own_whose_seed_keras_drew_after_other_draws(tmp_path: Path) -> None:
    stories = [Story().seed(5), Story().seed(5).draw(6, component="seed of GlorotUniform in Dense")]
    for story in stories:
        story.draw(7, component="seed of a SeedGenerator")
    origins = [given(seed, seed_draw=0, seed_event=s.events[-1].id) for seed, s in zip((1, 2), stories, strict=True)]
    first = found(own_generators(tmp_path, origins, *stories))[0]
    assert first.slug == "generator-advanced"
    assert first.counterfactuals[0].transplants == ({"do": "seeds", "side": "", "values": {"0": 1}},)


def test_generators_of_ones_own_with_equal_seeds_are_no_cause(tmp_path: Path) -> None:
    case = own_generators(tmp_path, [given(1), given(1)])
    assert list(explain_seed_generators(case)) == []


# -- generators of the process ------------------------------------------------------------------------------------


def in_step(tmp_path: Path, a: Story, b: Story) -> Case:
    runs = []
    for name, story in (("a", a), ("b", b)):
        story.training(1)
        changes = [Change("moving", path="torch"), Change("generator", path="torch"), Change("loss")]
        runs.append(
            make_run(
                tmp_path / name,
                trainings=[Training(location=at(9), begin_event=story.begin[1])],
                events=story.events,
                states=story.states,
                changes=changes if name == "b" else changes[:1],
            )
        )
    case = case_between(*runs)
    assert (case.divergence.stage, case.divergence.path) == (Stage.RANDOMNESS, "torch")
    return case


def test_a_step_that_draws_from_an_unseeded_generator(tmp_path: Path) -> None:
    first = found(in_step(tmp_path, Story("a"), Story("b")))[0]
    assert (first.slug, first.location) == ("unseeded", at(9))
    assert "PyTorch's generator was never seeded before the random numbers of the step" in texts(first)
    assert "torch.manual_seed(1)" in first.remedy
    assert plans(first)[0] == "generators"


def test_a_step_that_draws_from_a_generator_that_had_moved(tmp_path: Path) -> None:
    a = Story().seed(1, generator="torch")
    b = Story().seed(1, generator="torch").draw(6, "torch", count=4)
    first = found(in_step(tmp_path, a, b))[0]
    assert first.slug == "generator-advanced"
    assert "the baseline began at draw 0, the candidate at draw 4" in texts(first)
    assert 6 in lines(first)


def test_a_training_that_was_resumed_stands_elsewhere_in_a_later_epoch(tmp_path: Path) -> None:
    moving = [Change("moving", path="torch")]
    whole = Story().seed(1, generator="torch").training(1).epoch(0).draw(9, "torch", "fit #1").epoch(1)
    resumed = Story().seed(1, generator="torch").training(1).epoch(0)
    resumed.seed(1, 6, "torch").training(2).epoch(1)
    a = make_run(
        tmp_path / "a",
        trainings=[Training((2, 2), location=at(9), begin_event=whole.begin[1])],
        events=whole.events,
        states=whole.states,
        changes=moving,
    )
    b = make_run(
        tmp_path / "b",
        trainings=[
            Training((2,), location=at(9), begin_event=resumed.begin[1]),
            Training((2,), location=at(10), begin_event=resumed.begin[2], data_from=1),
        ],
        events=resumed.events,
        states=resumed.states,
        changes=[*moving, Change("generator", 2, "torch"), Change("loss", 2)],
    )
    case = case_between(a, b)
    assert (case.divergence.stage, case.divergence.path, case.divergence.step) == (Stage.RANDOMNESS, "torch", 3)
    first = found(case)[0]
    assert first.slug == "generator-advanced"
    assert first.remedy.startswith("resume with  samefit.pinned(SEED)  and  samefit.Checkpoint")


def test_one_generator_that_is_not_found_ends_the_search_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each, 200,000 counters may be tried."""
    known, asked = {0: (7, 3), 1: None, 2: (9, 4)}, []
    monkeypatch.setattr(seed_generators, "find_state", lambda side, at, digest: asked.append(at) or known[at])
    wanted = {f"dropout_{at}/seed": (at, b"") for at in known}
    assert seed_generators.all_states(None, wanted) is None  # type: ignore[arg-type]
    assert asked == [0, 1]
    known[1] = (8, 1)
    assert seed_generators.all_states(None, wanted) == {f"dropout_{at}/seed": state for at, state in known.items()}  # type: ignore[arg-type]
