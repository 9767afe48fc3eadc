"""Causes of first weights that differ: seeds, initialisers, what was carried over, lost, or put in another place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.explain.cases import Story, at, case_between, found, lines, plans, slugs, texts
from tests.explain.first_weights import KERNEL, built, drawn, drawn_at, layer, two
from tests.handmade import Change, Layer, Training, dense, make_run

from samefit.explain.case import STANDS_IN, Suspect
from samefit.explain.generators import explain_draw
from samefit.store.records import Origin

# -- seeds that Keras draws ---------------------------------------------------------------------------------------


def test_seeds_from_a_generator_that_nobody_seeded(tmp_path: Path) -> None:
    stories = built(Story("a")), built(Story("b"))
    case = two(tmp_path, ([drawn(stories[0], 11)], [drawn(stories[1], 12)]), stories)
    first = found(case)[0]
    assert first.slug == "unseeded"
    assert "Python's random was never seeded before the first values of dense/kernel" in texts(first)
    assert "seed of GlorotUniform in Dense, draw 1" in texts(first)
    assert first.location == at(7)
    assert "keras.utils.set_random_seed(1)" in first.remedy
    assert plans(first) == ["seeds", "seed_first both"]
    plan = {"do": "seeds", "side": "", "values": {"0": 11}, STANDS_IN: True}
    assert first.counterfactuals[0].transplants[0] == plan


def _moved(*before: tuple[int, str]) -> tuple[Story, Any]:
    """Seeds all, draws as told (line, generator), makes a layer with the next draw; returns the layer's draw, too."""
    story = Story()
    for generator in ("python", "numpy"):
        story.seed(6, generator=generator)
    for line, generator in before:
        story.draw(line, generator)
    story.draw(7, component="seed of GlorotUniform in Dense")
    return story, story.events[-1]


@pytest.mark.parametrize(
    ("mine", "theirs", "remedy"),
    [
        ([], [(6, "python")], "put  keras.utils.set_random_seed(6)  before line 7 of train.py; or let line 6 of"),
        # To seed everything would put the generator back, too, from which the data came.
        (
            [(5, "numpy")],
            [(5, "numpy"), (6, "python")],
            "put  random.seed(6)  before line 7 of train.py; or let",
        ),
        ([(6, "python")], [], "put  keras.utils.set_random_seed(6)  before line 7 of train.py; or let line 6 of"),
    ],
)
def test_what_had_drawn_is_put_back_and_nothing_else(
    tmp_path: Path, mine: list[tuple[int, str]], theirs: list[tuple[int, str]], remedy: str
) -> None:
    (one, made), (other, made_there) = _moved(*mine), _moved(*theirs)
    case = two(tmp_path, ([drawn_at(made, 11)], [drawn_at(made_there, 12)]), (one, other))
    first = found(case)[0]
    assert first.slug == "generator-advanced"
    assert first.remedy.startswith(remedy)


def _seeded_at(*seeds: tuple[int, int]) -> tuple[Story, Any]:
    story = Story()
    for line, value in seeds:
        story.seed(value, line)
    story.draw(7, component="seed of GlorotUniform in Dense")
    return story, story.events[-1]


@pytest.mark.parametrize(
    ("mine", "theirs", "remedy"),
    [
        (
            [(3, 1)],
            [(3, 1), (6, 2)],
            "leave out  keras.utils.set_random_seed(2)  at line 6 of train.py: the baseline",
        ),
        (
            [(3, 1), (6, 2)],
            [(3, 1)],
            "leave out  keras.utils.set_random_seed(2)  at line 6 of train.py: the candidate",
        ),
        ([(3, 1), (6, 1)], [(3, 1), (6, 2)], "use one seed:  keras.utils.set_random_seed(1)"),
        ([(3, 1)], [(6, 2)], "use one seed:  keras.utils.set_random_seed(1)"),
    ],
)
def test_a_line_that_seeds_once_more_on_one_side_is_left_out(
    tmp_path: Path, mine: list[tuple[int, int]], theirs: list[tuple[int, int]], remedy: str
) -> None:
    (one, made), (other, made_there) = _seeded_at(*mine), _seeded_at(*theirs)
    case = two(tmp_path, ([drawn_at(made, 11)], [drawn_at(made_there, 12)]), (one, other))
    first = next(suspect for suspect in found(case) if suspect.slug == "different-seed")
    assert first.remedy.startswith(remedy)


def _in_order(*layers: str, others: int = 0) -> tuple[Story, Any]:
    """Seeds, then makes layers; returns with them the one whose weights part, the last `Dense`."""
    story = Story().seed(1)
    for name in layers:
        story.draw(7, component=f"seed of GlorotUniform in {name}")
    made = [event for event in story.events if event.component.endswith("Dense")][-1]
    for _ in range(others):
        story.draw(5)
    return story, made


def test_the_same_layers_made_in_another_order(tmp_path: Path) -> None:
    (one, first_made), (other, second_made) = _in_order("Dense", "Conv2D"), _in_order("Conv2D", "Dense")
    case = two(tmp_path, ([drawn_at(first_made, 11)], [drawn_at(second_made, 12)]), (one, other))
    first = found(case)[0]
    assert first.slug == "generator-advanced"
    assert "make the same layers, but in another order" in first.summary
    assert first.remedy.startswith("construct the layers in the same order")
    assert "the baseline began at draw 0, the candidate at draw 1" in texts(first)


@pytest.mark.parametrize("others", [("Dense", "Conv2D", "Conv2D"), ("Dense",)])
def test_other_layers_are_no_other_order(tmp_path: Path, others: tuple[str, ...]) -> None:
    (one, first_made), (other, second_made) = _in_order(*others), _in_order("Conv2D", "Dense")
    case = two(tmp_path, ([drawn_at(first_made, 11)], [drawn_at(second_made, 12)]), (one, other))
    assert "another order" not in found(case)[0].summary


def test_a_draw_of_the_users_own_is_no_other_order(tmp_path: Path) -> None:
    (one, first_made), (other, second_made) = (
        _in_order("Dense", "Conv2D", others=1),
        _in_order("Conv2D", "Dense", others=1),
    )
    case = two(tmp_path, ([drawn_at(first_made, 11)], [drawn_at(second_made, 12)]), (one, other))
    assert "another order" not in found(case)[0].summary


@pytest.mark.parametrize(
    ("generator", "hint"),
    [("numpy", "listed, as scikit-learn does"), ("torch", "listed, as a call in training"), ("python", "listed")],
)
def test_a_generator_that_moved_without_a_draw_that_was_seen(tmp_path: Path, generator: str, hint: str) -> None:
    stories = [built(Story().seed(1)).seed(1, generator=generator).draw(9, generator=generator) for _ in "ab"]
    draws = [story.events[-1] for story in stories]
    made = [drawn_at(next(e for e in story.events if e.component), i) for i, story in enumerate(stories)]
    case = two(tmp_path, ([made[0]], [made[1]]), (stories[0], stories[1]))
    suspect = explain_draw(case, generator, *draws, what="the order of the samples", counterfactuals=())
    assert suspect is not None
    assert suspect.slug == "generator-advanced"
    assert texts(suspect).split("cannot be ")[1].startswith(hint)


def test_another_generator_was_seeded(tmp_path: Path) -> None:
    stories = built(Story("a").seed(1, generator="numpy")), built(Story("b").seed(1, generator="numpy"))
    case = two(tmp_path, ([drawn(stories[0], 11)], [drawn(stories[1], 12)]), stories)
    assert "seeded were only: numpy.random" in texts(found(case)[0])


def test_a_seed_that_comes_after_the_weights(tmp_path: Path) -> None:
    stories = built(Story("a")).seed(7, 8), built(Story("b")).seed(7, 8)
    layers = [layer(seed=s, seed_draw=0, seed_event=0, number=0) for s in (11, 12)]
    first = found(two(tmp_path, ([layers[0]], [layers[1]]), stories))[0]
    assert first.slug == "seed-too-late"
    assert lines(first) == [7, 8]
    assert first.remedy.startswith("move  keras.utils.set_random_seed(7)  up, before line 7 of train.py")
    assert first.counterfactuals[0].both == ({"do": "seed_first", "seed": 7},)


def test_a_seed_that_comes_after_the_weights_on_one_side_only(tmp_path: Path) -> None:
    stories = built(Story().seed(7, 3)), built(Story("b")).seed(7, 8)
    case = two(tmp_path, ([drawn(stories[0], 11)], [layer(seed=12, seed_draw=0, seed_event=0, number=0)]), stories)
    first = found(case)[0]
    assert first.slug == "seed-too-late"
    assert "keras.utils.set_random_seed(7) came only afterwards, at line 8" in texts(first)
    assert "the baseline: seeded at line 3 of train.py, before it is drawn" in texts(first)
    assert [e.side for e in first.evidence] == ["candidate", "candidate", "baseline"]
    assert first.remedy.startswith("move  keras.utils.set_random_seed(7)  up, before line 7 of train.py")
    assert first.counterfactuals[0].both == ({"do": "seed_first", "seed": 7},)


def test_a_late_seed_of_a_baseline_is_named_there(tmp_path: Path) -> None:
    stories = built(Story("a")).seed(7, 8), built(Story().seed(7, 3))
    case = two(tmp_path, ([layer(seed=12, seed_draw=0, seed_event=0, number=0)], [drawn(stories[1], 11)]), stories)
    first = found(case)[0]
    assert first.slug == "seed-too-late"
    assert [e.side for e in first.evidence] == ["baseline", "baseline", "candidate"]


def test_the_seed_of_the_side_before_does_not_count_as_the_candidates_own(tmp_path: Path) -> None:
    runs = []
    for name, seed, number in (("a", 11, 1), ("b", 12, 2)):
        story = built(Story().side("a").seed(7, 3)).training(1).end()
        if name == "b":
            story = built(story.side("b")).seed(7, 8).training(2)
        draw = next(e for e in story.events if e.kind == "draw" and e.side == name)
        runs.append(
            make_run(
                tmp_path / name,
                layers=[drawn_at(draw, seed)],
                trainings=[Training(side=name, location=at(9), begin_event=story.begin[number])],
                events=story.events,
                states=story.states,
                changes=[KERNEL] if name == "b" else [],
            )
        )
    assert found(case_between(*runs, sides=("a", "b")))[0].slug == "seed-too-late"


def test_a_second_seed_before_the_training_is_not_too_late(tmp_path: Path) -> None:
    one = built(Story().seed(1)).seed(1, 8)
    other = built(Story().seed(1).draw(6, component="seed of Dropout", count=2)).seed(1, 8)
    layers = [
        drawn_at(next(e for e in story.events if e.component == "seed of GlorotUniform in Dense"), seed)
        for story, seed in ((one, 11), (other, 12))
    ]
    assert found(two(tmp_path, ([layers[0]], [layers[1]]), (one, other)))[0].slug == "generator-advanced"


def test_two_late_seeds_of_other_values_are_not_too_late(tmp_path: Path) -> None:
    stories = built(Story("a")).seed(7, 8), built(Story("b")).seed(6, 8)
    layers = [layer(seed=s, seed_draw=0, seed_event=0, number=0) for s in (11, 12)]
    assert "seed-too-late" not in slugs(two(tmp_path, ([layers[0]], [layers[1]]), stories))


def test_a_draw_before_on_one_side_only(tmp_path: Path) -> None:
    stories = built(Story().seed(1)), built(Story().seed(1).draw(6, component="seed of Dropout", count=2))
    first = found(two(tmp_path, ([drawn(stories[0], 11)], [drawn(stories[1], 12)]), stories))[0]
    assert first.slug == "generator-advanced"
    assert "the baseline began at draw 0, the candidate at draw 2" in texts(first)
    assert "2 draws: seed of Dropout" in texts(first)
    assert lines(first) == [3, 6]
    assert plans(first) == ["seeds"]


def test_the_side_that_is_ahead_may_be_the_baseline(tmp_path: Path) -> None:
    stories = built(Story().seed(1).draw(6, component="seed of Dropout")), built(Story().seed(1))
    first = found(two(tmp_path, ([drawn(stories[0], 11)], [drawn(stories[1], 12)]), stories))[0]
    assert [e.side for e in first.evidence if "1 draw: seed of Dropout" in e.text] == ["baseline"]


def test_two_seeds(tmp_path: Path) -> None:
    stories = built(Story().seed(1)), built(Story().seed(2, line=4))
    first = found(two(tmp_path, ([drawn(stories[0], 11)], [drawn(stories[1], 12)]), stories))[0]
    assert (first.slug, first.location) == ("different-seed", at(4))
    assert first.summary == "The two sides seeded everything with 1 and 2."
    # What one line seeds is one cause, whatever draws from it.
    assert plans(first) == ["seed_value", "seeds"]
    plan = {"do": "seed_value", "side": "", "file": at(4).file, "line": 4, "value": 1}
    assert first.counterfactuals[0].transplants == (plan,)


def test_equal_seeds_are_not_blamed(tmp_path: Path) -> None:
    stories = built(Story().seed(1)), built(Story().seed(1))
    assert slugs(two(tmp_path, ([drawn(stories[0], 11)], [drawn(stories[1], 11)]), stories)) == []


@pytest.mark.parametrize(("seeds", "slug"), [((1, 1), "different-seed"), ((None, None), "unseeded")])
def test_a_seed_on_one_side_only(tmp_path: Path, seeds: tuple[Any, Any], slug: str) -> None:
    stories = [Story(name) for name in "ab"]
    for story, seed in zip(stories, seeds, strict=True):
        if seed is not None:
            story.seed(seed)
    built(stories[1])
    explicit = layer(seed=5, seed_is_explicit=True, number=0)
    case = two(tmp_path, ([explicit], [drawn(stories[1], 12)]), (stories[0], stories[1]))
    first = found(case)[0]
    assert first.slug == slug
    assert "GlorotUniform of dense/kernel has a seed on one side only" in first.summary
    assert first.remedy == "give it the other side's seed:  seed=5"
    assert plans(first) == ["seeds"]


def test_a_seed_on_the_candidates_side_only_cannot_be_confirmed(tmp_path: Path) -> None:
    stories = built(Story("a")), Story("b")
    explicit = layer(seed=5, seed_is_explicit=True, number=0)
    first = found(two(tmp_path, ([drawn(stories[0], 12)], [explicit]), stories))[0]
    assert (first.slug, first.counterfactuals) == ("unseeded", ())
    assert "baseline would have to run again" in first.no_counterfactual


# -- what layers learned from data --------------------------------------------------------------------------------


def adapted(tmp_path: Path, *ways: str | None) -> list[Suspect]:
    layers = []
    for line, way in enumerate(ways, start=5):
        origin = Origin("Zeros", assigned=way, assigned_location=None if way is None else at(line), location=at(4))
        layers.append(Layer("Normalization", state={"mean": (4,)}, origins={"mean": origin}, name="normalization"))
    change = Change("variable", step=-1, path="normalization/mean")
    return found(two(tmp_path, ([layers[0]], [layers[1]]), changes=((), (change,))))


def test_a_layer_that_was_adapted_to_other_data(tmp_path: Path) -> None:
    first = adapted(tmp_path, "adapt", "adapt")[0]
    assert (first.slug, first.location) == ("data-content", at(6))
    assert "Normalization was adapted to other data" in first.summary
    assert plans(first) == ["weights"]


def test_a_layer_that_only_one_side_adapts(tmp_path: Path) -> None:
    first = adapted(tmp_path, None, "adapt")[0]
    assert first.slug == "data-content"
    assert "not adapted: normalization/mean" in texts(first)


def test_values_that_were_assigned_are_not_called_adapted(tmp_path: Path) -> None:
    assert "data-content" not in [s.slug for s in adapted(tmp_path, "assign", "assign")]


# -- initialisers -------------------------------------------------------------------------------------------------


def test_one_initialiser_for_several_layers(tmp_path: Path) -> None:
    own = [layer(initializer_id=n, seed=5 + n, number=n) for n in (0, 1)]
    shared = [layer(initializer_id=7, seed=5, number=n) for n in (0, 1)]
    first = found(two(tmp_path, (own, shared)))[0]
    assert (first.slug, first.location) == ("shared-initializer", at(7))
    assert "one GlorotUniform (seed 5) made dense/kernel, dense_1/kernel" in texts(first)
    assert first.counterfactuals[0].transplants[0] == {
        "do": "initializers",
        "side": "",
        "seeds": {"0": 5, "1": 6},
    }


def test_an_initialiser_that_both_share_is_not_blamed(tmp_path: Path) -> None:
    shared = [layer(initializer_id=7, seed=5, number=n) for n in (0, 1)]
    assert "shared-initializer" not in slugs(two(tmp_path, (shared, shared)))


def test_one_seed_on_two_backends(tmp_path: Path) -> None:
    same = [layer(seed=5, seed_is_explicit=True)]
    case = two(tmp_path, (same, same), manifest=({"backend": "jax"}, {"backend": "torch"}))
    first = found(case)[0]
    assert (first.slug, first.location) == ("backend-generator", at(7))
    assert "gives other values on jax than on torch" in first.summary
    assert plans(first) == ["weights"]
    # Weights that are handed over show the stage; it is said, since the cause is called confirmed.
    assert first.counterfactuals[0].stage_only


def test_seeds_of_their_own_on_two_backends(tmp_path: Path) -> None:
    layers = [layer(seed=seed, seed_event=None) for seed in (5, 6)]
    case = two(tmp_path, ([layers[0]], [layers[1]]), manifest=({"backend": "jax"}, {"backend": "torch"}))
    first = found(case)[0]
    assert (first.slug, plans(first)) == ("backend-generator", ["weights"])
    assert "another generator on jax than on torch, and with another seed" in first.summary


def test_one_seed_on_one_backend_is_not_the_generator(tmp_path: Path) -> None:
    same = [layer(seed=5, seed_is_explicit=True)]
    assert "backend-generator" not in slugs(two(tmp_path, (same, same)))


def test_other_options_of_an_initialiser_on_two_backends_are_not_the_generator(tmp_path: Path) -> None:
    layers = [layer(seed=5, config={"gain": gain}) for gain in (1.0, 2.0)]
    backends = {"backend": "jax"}, {"backend": "torch"}
    assert "backend-generator" not in slugs(two(tmp_path, ([layers[0]], [layers[1]]), manifest=backends))


def test_an_explicit_seed_that_differs(tmp_path: Path) -> None:
    layers = [
        dense(4, 4, config={"units": 4, "kernel_initializer": {"class_name": "HeNormal", "config": {"seed": seed}}})
        for seed in (1, 2)
    ]
    first = found(two(tmp_path, ([layers[0]], [layers[1]])))[0]
    assert first.slug == "different-seed"
    assert "Dense(kernel_initializer=HeNormal(seed=1)) and Dense(kernel_initializer=HeNormal(seed=2))" in texts(first)
    assert plans(first) == ["layer"]


@pytest.mark.parametrize("seeds", [(None, 4), (4, None)])
def test_a_layer_that_has_a_seed_on_one_side_comes_before_the_generator_it_does_not_draw_from(
    tmp_path: Path, seeds: tuple[int | None, int | None]
) -> None:
    stories = built(Story("a").seed(7)), built(Story("b").seed(7).draw(4))
    layers = []
    for story, drawn_seed, given in zip(stories, (11, 12), seeds, strict=True):
        options = {"units": 4, "bias_initializer": {"class_name": "HeNormal", "config": {"seed": given}}}
        kernel = drawn(story, drawn_seed)
        layers.append(dense(4, 4, config=options, origins=kernel.origins, record={"location": at(7)}))
    suspects = found(two(tmp_path, ([layers[0]], [layers[1]]), stories))
    assert [suspect.slug for suspect in suspects] == ["different-seed", "generator-advanced"]
    assert plans(suspects[0]) == ["layer"]


def test_weights_that_the_users_own_code_drew(tmp_path: Path) -> None:
    stories = tuple(Story(name).draw(5, "numpy", function="numpy.random.normal") for name in "ab")
    layers = [layer(initializer="value", assigned="set_weights", assigned_location=at(6)) for _ in "ab"]
    case = two(tmp_path, ([layers[0]], [layers[1]]), (stories[0], stories[1]))
    assert [(s.slug, s.location) for s in found(case) if not s.weak] == [("unseeded", at(5))]
