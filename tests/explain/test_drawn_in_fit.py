"""Causes in what is drawn for the data within `fit`: each must speak where it is there, and be silent elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.explain.cases import REORDERED, Story, at, case_between, found, lines, plans, slugs, texts, two
from tests.explain.first_weights import layer
from tests.handmade import Change, Training, make_run

from samefit.explain.values import GO_ON, NEW_MODEL

# -- Keras's own shuffle ------------------------------------------------------------------------------------------


def shuffled(story: Story, **draw: Any) -> Story:
    story.training(1)
    story.epoch(0)
    return story.draw(9, "numpy", "shuffle of fit #1", function="numpy.random.permutation", **draw)


def test_a_shuffle_that_begins_at_another_draw(tmp_path: Path) -> None:
    a = shuffled(Story().seed(1, generator="numpy"))
    b = shuffled(Story().seed(1, generator="numpy").draw(6, "numpy", component="evaluate", count=3))
    first = found(two(tmp_path, a, b, REORDERED))[0]
    assert first.slug == "generator-advanced"
    assert "the baseline began at draw 0, the candidate at draw 3" in texts(first)
    assert "3 draws: evaluate" in texts(first)
    assert 6 in lines(first)
    assert first.location == at(9)
    assert first.remedy.startswith("put  keras.utils.set_random_seed(1)  before line 9 of train.py")
    assert plans(first)[:2] == ["generators", "generators"]
    assert first.counterfactuals[0].transplants[0] == {
        "do": "generators",
        "at": "training",
        "training": 1,
        "states": {"numpy": a.states["training:1"]["numpy"].hex()},
    }


@pytest.mark.parametrize(
    ("count", "remedy"),
    [
        (0, "put  keras.utils.set_random_seed(1)  before line 9 of train.py;"),
        (1, "put  keras.utils.set_random_seed(1)  before line 8 of train.py and before line 9 of train.py;"),
    ],
)
def test_what_a_fit_draws_for_itself_does_not_call_for_a_seed_before_it(
    tmp_path: Path, count: int, remedy: str
) -> None:
    runs = []
    for name, line, before in (("a", 8, count), ("b", 9, 3)):
        story = Story().seed(1, generator="numpy")
        if before:
            story.draw(6, "numpy", count=before)
        story.training(1, line).draw(line, "numpy", "first look at a batch in fit #1")
        story.epoch(0).draw(line, "numpy", "shuffle of fit #1")
        training = Training(location=at(line), begin_event=story.begin[1])
        changes = REORDERED if name == "b" else ()
        more = {"events": story.events, "states": story.states, "changes": changes}
        runs.append(make_run(tmp_path / name, trainings=[training], **more))
    first = found(case_between(*runs))[0]
    assert first.slug == "generator-advanced"
    assert first.remedy.startswith(remedy)


def test_a_first_look_that_only_one_side_takes(tmp_path: Path) -> None:
    a = Story().seed(1, generator="numpy").training(1)
    a.draw(9, "numpy", "first look at a batch in fit #1").epoch(0).draw(9, "numpy", "shuffle of fit #1")
    b = shuffled(Story().seed(1, generator="numpy"))
    first = found(two(tmp_path, a, b, REORDERED))[0]
    assert first.slug == "generator-advanced"
    assert "an earlier call had built the model's metrics" in texts(first)
    # Seeding right before fit would leave the two one draw apart.
    assert "set_random_seed" not in first.remedy
    assert "fit(shuffle=False)" in first.remedy


def test_a_first_look_is_not_blamed_for_other_draws(tmp_path: Path) -> None:
    # A second seed sets the two apart: the baseline goes on from the training before.
    a = Story().seed(1, generator="numpy").draw(6, "numpy", "shuffle of fit #1", count=3)
    a.training(1).epoch(0).draw(9, "numpy", "shuffle of fit #2")
    b = Story().seed(1, generator="numpy").training(1)
    b.draw(9, "numpy", "first look at a batch in fit #1").epoch(0).draw(9, "numpy", "shuffle of fit #1")
    first = found(two(tmp_path, a, b, REORDERED))[0]
    assert first.slug == "generator-advanced"
    assert "first look here" not in texts(first)
    assert "set_random_seed(1)" in first.remedy


def test_what_keras_draws_for_a_callback_is_kept_apart(tmp_path: Path) -> None:
    a, b = (shuffled(Story().seed(1, generator="numpy")) for _ in range(2))
    b.draw(6, "numpy", component="data loader of predict", count=2)
    for story in (a, b):
        story.epoch(1).draw(9, "numpy", "shuffle of fit #1")
    first = found(two(tmp_path, a, b, (Change("batch", step=4), Change("swap rows", step=4))))[0]
    assert first.slug == "generator-advanced"
    # It draws in each epoch: to seed before the training is no help.
    assert first.remedy.startswith(
        "keep the order of fit apart from what line 6 of train.py draws:  samefit.pinned(SEED)"
    )


def test_a_shuffle_of_an_unseeded_generator(tmp_path: Path) -> None:
    first = found(two(tmp_path, shuffled(Story("a")), shuffled(Story("b")), REORDERED))[0]
    assert first.slug == "unseeded"
    assert "numpy.random was never seeded before the order of the samples" in texts(first)
    assert "seed_first both" in plans(first)


def test_a_shuffle_with_another_seed(tmp_path: Path) -> None:
    stories = [shuffled(Story().seed(value, line, generator="numpy")) for value, line in ((1, 3), (2, 4))]
    first = found(two(tmp_path, stories[0], stories[1], REORDERED))[0]
    assert first.slug == "different-seed"
    assert "keras.utils.set_random_seed(1) at line 3 of train.py" in texts(first)
    assert "keras.utils.set_random_seed(2) at line 4 of train.py" in texts(first)
    assert first.location == at(4)
    assert "use one seed:  keras.utils.set_random_seed(1)" in first.remedy


def test_a_later_epoch_is_put_back_at_every_epoch(tmp_path: Path) -> None:
    a, b = (shuffled(Story().seed(1, generator="numpy")) for _ in range(2))
    b.draw(9, "numpy", component="evaluate")
    for story in (a, b):
        story.epoch(1).draw(9, "numpy", "shuffle of fit #1")
    case = two(tmp_path, a, b, (Change("batch", step=4), Change("swap rows", step=4)))
    first = found(case)[0]
    assert first.slug == "generator-advanced"
    assert first.counterfactuals[0].text == "numpy.random put back before every epoch"
    assert [plan["epoch"] for plan in first.counterfactuals[0].transplants] == [0, 1]


def test_equal_shuffles_are_not_blamed(tmp_path: Path) -> None:
    stories = [shuffled(Story().seed(1, generator="numpy")) for _ in range(2)]
    assert not {"unseeded", "generator-advanced", "different-seed"} & {*slugs(two(tmp_path, *stories))}


def test_a_shuffle_that_was_switched_off_is_not_blamed(tmp_path: Path) -> None:
    stories = [shuffled(Story("a")), shuffled(Story("b"))]
    options = ({"shuffle": False}, {"shuffle": False})
    assert "the order of the samples" not in texts(found(two(tmp_path, *stories, options=options))[0])


def test_two_backends_shuffle_with_two_generators(tmp_path: Path) -> None:
    a = shuffled(Story().seed(1, generator="numpy"))
    b = Story().seed(1, generator="torch").training(1).draw(9, "torch", "shuffle of fit #1")
    case = two(tmp_path, a, b, REORDERED, manifest=({"backend": "jax"}, {"backend": "torch"}))
    first = found(case)[0]
    assert first.slug == "backend-generator"
    assert "one seed, two orders" in first.summary
    assert plans(first) == ["fit both"]
    assert first.counterfactuals[0].both[0]["arguments"] == {"shuffle": False}


# -- what libraries draw ------------------------------------------------------------------------------------------


def augmented(story: Story, **draw: Any) -> Story:
    story.training(1)
    story.epoch(0)
    drawn = {"function": "numpy.random.uniform", "keras": "ImageDataGenerator.get_random_transform", **draw}
    return story.draw(9, "numpy", "fit #1", **drawn)


def test_what_a_library_draws_from_an_unseeded_generator(tmp_path: Path) -> None:
    first = found(two(tmp_path, augmented(Story("a")), augmented(Story("b"))))[0]
    assert first.slug == "unseeded"
    assert first.summary.startswith("The values of numpy.random.uniform in ImageDataGenerator.get_random_transform")
    assert first.location == at(9)
    assert plans(first) == ["generators", "generators", "seed_first both"]


def test_what_a_library_draws_from_a_generator_that_had_been_drawn_from(tmp_path: Path) -> None:
    a = augmented(Story().seed(1, generator="numpy"))
    b = augmented(Story().seed(1, generator="numpy").draw(6, "numpy", component="evaluate", count=3))
    first = found(two(tmp_path, a, b))[0]
    assert first.slug == "generator-advanced"
    assert "the baseline began at draw 0, the candidate at draw 3" in texts(first)


def test_an_order_and_a_library_that_draw_from_two_generators(tmp_path: Path) -> None:
    stories = [augmented(Story(name)).draw(9, "python", "order of batches of fit #1") for name in "ab"]
    first, second = found(two(tmp_path, *stories))[:2]
    assert "Python's random" in first.summary
    assert "numpy.random" in second.summary
    assert {first.weak, second.weak} == {False}


def test_a_library_that_draws_from_the_generator_of_the_order_is_no_second_suspect(tmp_path: Path) -> None:
    stories = [augmented(shuffled(Story(name))) for name in "ab"]
    strong = [s for s in found(two(tmp_path, *stories)) if not s.weak]
    assert [s.summary.split(" came")[0] for s in strong] == ["The order of the samples"]


def test_what_a_library_draws_alike_is_not_blamed(tmp_path: Path) -> None:
    stories = [augmented(Story().seed(1, generator="numpy")) for _ in range(2)]
    assert not {"unseeded", "generator-advanced", "different-seed"} & {*slugs(two(tmp_path, *stories))}


def test_what_workers_draw_is_not_read_as_one_order(tmp_path: Path) -> None:
    options = ({"x": {"type": "Batches", "workers": 4}},) * 2
    found_here = found(two(tmp_path, augmented(Story("a")), augmented(Story("b")), options=options))
    assert not [s for s in found_here if "get_random_transform" in s.summary]


@pytest.mark.parametrize("models", [(1, 2), (1, 1)])
@pytest.mark.parametrize("loaded", [True, False])
def test_a_model_that_was_loaded_looks_once_more(tmp_path: Path, models: tuple[int, int], loaded: bool) -> None:
    runs = []
    for name, numbers in (("a", (1, 1)), ("b", models)):
        story = Story().seed(1, generator="numpy").training(1).epoch(0).end().training(2)
        if name == "b":
            story.draw(9, "numpy", "first look at a batch in fit #2")
        story.epoch(0).draw(9, "numpy", "shuffle of fit #2")
        options = {"location": at(9), "options": {"batch_size": 32}}
        trainings = [Training(model=m, begin_event=story.begin[n], **options) for n, m in enumerate(numbers, 1)]
        changes = (Change("batch", 8), Change("swap rows", 8), Change("copy", 8)) if name == "b" else ()
        runs.append(
            make_run(
                tmp_path / name,
                layers=[layer(assigned="load_model" if loaded else None)],
                trainings=trainings,
                events=story.events,
                states=story.states,
                changes=changes,
            )
        )
    first = found(case_between(*runs))[0]
    assert first.slug == "generator-advanced"
    if models == (1, 1):
        assert first.remedy.startswith("evaluate and train on batches only after fit")
    elif loaded:
        assert first.remedy.startswith("go on with the model that was trained")
    else:
        assert first.remedy == GO_ON
        back = found(case_between(*reversed(runs)))[0]
        assert (back.slug, back.remedy) == ("generator-advanced", NEW_MODEL)
