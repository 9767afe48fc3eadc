"""Causes in the process: its environment, versions, the backend, kernels; and workers that make the batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.explain.cases import Story, at, case_between, found, plans, slugs, texts
from tests.handmade import Change, Training, dense, dropout, make_run

from samefit.explain.case import Case
from samefit.types import Stage

FORWARD = (Change("loss"),)
DATA = (Change("batch"), Change("rows"))
WEIGHTS = (Change("variable", -1, "dense/kernel"),)


def two(
    tmp_path: Path,
    a: Mapping[str, Any],
    b: Mapping[str, Any],
    changes: Sequence[Change] = FORWARD,
    options: Mapping[str, Any] | None = None,
    story: Story | None = None,
) -> Case:
    runs = []
    for name, manifest in (("a", a), ("b", b)):
        training = Training(options=options or {}, location=at(9))
        runs.append(
            make_run(
                tmp_path / name,
                trainings=[training],
                changes=changes if name == "b" else (),
                manifest={"target": f"{name}.py", **manifest},
                events=story.events if story is not None else (),
            )
        )
    return case_between(*runs)


def variable(name: str, value: str | None) -> dict[str, Any]:
    return {"environment": {} if value is None else {name: value}}


@pytest.mark.parametrize(
    ("name", "changes", "slug"),
    [
        ("OMP_NUM_THREADS", FORWARD, "environment"),
        ("NVIDIA_TF32_OVERRIDE", FORWARD, "precision"),
        ("JAX_ENABLE_X64", FORWARD, "precision"),
        ("JAX_ENABLE_X64", WEIGHTS, "backend-generator"),
        ("JAX_THREEFRY_PARTITIONABLE", WEIGHTS, "backend-generator"),
        ("PYTHONHASHSEED", DATA, "environment"),
    ],
)
def test_a_variable_of_the_environment(tmp_path: Path, name: str, changes: Sequence[Change], slug: str) -> None:
    case = two(tmp_path, variable(name, "1"), variable(name, "2"), changes)
    first = next(s for s in found(case) if name in s.summary)
    assert (first.slug, texts(first)) == (slug, f"{name}: 1 and 2")
    assert first.remedy == f"set  {name}=1  on both sides"
    assert first.counterfactuals[0].environment == {name: "1"}


def test_a_variable_that_only_the_candidate_has_is_unset(tmp_path: Path) -> None:
    first = found(two(tmp_path, variable("XLA_FLAGS", None), variable("XLA_FLAGS", "--fast")))[0]
    assert (texts(first), first.remedy) == ("XLA_FLAGS: not set and --fast", "unset  XLA_FLAGS")
    assert first.counterfactuals[0].environment == {"XLA_FLAGS": None}


def test_a_variable_that_picks_the_device(tmp_path: Path) -> None:
    sides = [
        {**variable("CUDA_VISIBLE_DEVICES", value), "device": device}
        for value, device in ((None, "NVIDIA H200"), ("", "cpu"))
    ]
    first = found(two(tmp_path, *sides))[0]
    assert texts(first) == "CUDA_VISIBLE_DEVICES: not set and empty\ndevice: NVIDIA H200 and cpu"


def test_equal_variables_and_the_backends_name_are_not_blamed(tmp_path: Path) -> None:
    assert slugs(two(tmp_path, variable("XLA_FLAGS", "1"), variable("XLA_FLAGS", "1"))) == []
    backends = two(tmp_path / "k", variable("KERAS_BACKEND", "jax"), variable("KERAS_BACKEND", "torch"))
    assert slugs(backends) == []


def test_two_backends(tmp_path: Path) -> None:
    case = two(tmp_path, {"backend": "jax"}, {"backend": "torch"})
    first = found(case)[-1]
    assert (first.slug, first.location) == ("rounding", at(9))
    assert "jax and torch add up in another order" in first.summary
    assert "largest gap of the loss" in texts(first)
    assert first.no_counterfactual


def test_two_versions(tmp_path: Path) -> None:
    case = two(tmp_path, {"versions": {"keras": "3.14.0"}}, {"versions": {"keras": "3.15.1"}})
    first = found(case)[0]
    assert (first.slug, texts(first)) == ("environment", "keras: 3.14.0 and 3.15.1")
    assert first.no_counterfactual == "another version needs another environment"


# -- kernels ------------------------------------------------------------------------------------------------------

SAME = {"target": "train.py"}
GPU = {"device": "NVIDIA H200"}


@pytest.mark.parametrize(("manifest", "text"), [(SAME, "train.py on cpu, jax"), (GPU, "b.py on NVIDIA H200, jax")])
def test_other_bits_although_nothing_differs(tmp_path: Path, manifest: Mapping[str, Any], text: str) -> None:
    only = found(two(tmp_path, manifest, manifest))
    assert [(s.slug, s.weak, s.location) for s in only] == [("nondeterministic-op", True, at(9))]
    assert text in texts(only[0])
    assert "xla_gpu_deterministic_ops" in only[0].remedy
    assert plans(only[0]) == ["determinism both"]


def test_two_scripts_on_a_cpu_are_not_called_nondeterministic(tmp_path: Path) -> None:
    assert slugs(two(tmp_path, {}, {})) == []


@pytest.mark.parametrize(("lines", "slugs_found"), [((7, 7), ["nondeterministic-op"]), ((7, 8), [])])
def test_two_models_of_one_line_may_be_nondeterministic(
    tmp_path: Path, lines: tuple[int, int], slugs_found: list[str]
) -> None:
    case = two(tmp_path, {}, {})
    for side, line in zip((case.a, case.b), lines, strict=True):
        side.run.models[1] = replace(side.run.models[1], location=at(line))
    assert slugs(case) == slugs_found
    # Said only where deterministic kernels make them agree.
    assert all(suspect.needs_proof for suspect in found(case))


FLAGS = [{"flags": {"cudnn.benchmark": value}} for value in (True, False)]


def test_a_setting_that_differs_is_no_nondeterminism(tmp_path: Path) -> None:
    assert "nondeterministic-op" not in slugs(two(tmp_path, *({**SAME, **flags} for flags in FLAGS)))


def test_on_an_accelerator_it_may_be_although_a_setting_differs(tmp_path: Path) -> None:
    last = found(two(tmp_path, *({**SAME, **GPU, **flags} for flags in FLAGS)))[-1]
    assert (last.slug, last.weak, last.needs_proof) == ("nondeterministic-op", True, True)
    assert "no recorded setting differs" not in texts(last)


def test_entropy_within_the_training_is_no_nondeterminism(tmp_path: Path) -> None:
    story = Story().training(1).entropy(11)
    assert "nondeterministic-op" not in slugs(two(tmp_path, SAME, SAME, story=story))


def test_other_bits_in_the_batches_are_not_the_kernels(tmp_path: Path) -> None:
    assert "nondeterministic-op" not in slugs(two(tmp_path, SAME, SAME, DATA))


# -- workers ------------------------------------------------------------------------------------------------------


def pool(**settings: Any) -> dict[str, Any]:
    return {"x": {"type": "Batches", "workers": 1, "use_multiprocessing": False, **settings}}


@pytest.mark.parametrize("settings", [{"workers": 4}, {"workers": 1, "use_multiprocessing": True}])
def test_workers_that_race(tmp_path: Path, settings: Mapping[str, Any]) -> None:
    story = Story().training(1).draw(5, "numpy", function="numpy.random.normal", count=12)
    case = two(tmp_path, {}, {}, DATA, pool(**settings), story)
    assert case.divergence.stage is Stage.DATA
    race = found(case)[0]
    assert (race.slug, race.location) == ("data-race", at(9))
    assert f"workers={settings['workers']}" in texts(race)
    assert "numpy.random.normal draws 12 times at line 5 of train.py while batches are made" in texts(race)
    assert "[seed, index]" in race.remedy
    assert race.counterfactuals[0].both == (
        {"do": "dataset", "training": 1, "attributes": {"workers": 1, "use_multiprocessing": False}},
    )


@pytest.mark.parametrize("options", [pool(), pool(workers=0, use_multiprocessing=True), {"x": {"type": "ndarray"}}, {}])
def test_one_worker_does_not_race(tmp_path: Path, options: Mapping[str, Any]) -> None:
    assert "data-race" not in slugs(two(tmp_path, {}, {}, DATA, options))


def test_another_number_of_workers_is_an_option_first(tmp_path: Path) -> None:
    runs = []
    for name, workers in (("a", 2), ("b", 4)):
        training = Training(options=pool(workers=workers), location=at(9))
        runs.append(make_run(tmp_path / name, trainings=[training], changes=DATA if name == "b" else ()))
    assert slugs(case_between(*runs))[0] == "data-order"
    assert "data-race" not in slugs(case_between(*runs))


# -- masks on two backends ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("manifest", "changes", "expected"),
    [
        ({}, FORWARD, ["backend-generator", "rounding"]),
        ({"pin": 1}, FORWARD, ["rounding"]),
        ({"pin_report": {"limits": [], "switched": {}}}, FORWARD, ["rounding"]),
    ],
)
def test_random_layers_draw_other_masks_on_another_backend(
    tmp_path: Path, manifest: Mapping[str, Any], changes: Sequence[Change], expected: list[str]
) -> None:
    layers = [dense(4, 4), dropout()]
    runs = [
        make_run(
            tmp_path / name,
            layers=layers,
            trainings=[Training(location=at(9))],
            changes=changes if name == "b" else (),
            manifest={"backend": backend, **manifest},
        )
        for name, backend in (("a", "jax"), ("b", "torch"))
    ]
    assert [s.slug for s in found(case_between(*runs))] == expected


@pytest.mark.parametrize(
    ("moving", "expected"),
    [((Change("moving", path="torch"),), ["backend-generator", "rounding"]), ((), ["rounding"])],
)
def test_a_layer_without_a_seed_draws_from_the_generator_of_pytorch(
    tmp_path: Path, moving: Sequence[Change], expected: list[str]
) -> None:
    still = Change("still", path="dropout/seed_generator_state")
    runs = [
        make_run(
            tmp_path / backend,
            layers=[dense(4, 4), dropout()],
            trainings=[Training(location=at(9))],
            changes=changes,
            manifest={"backend": backend},
        )
        for backend, changes in (("jax", ()), ("torch", (*FORWARD, still, *moving)))
    ]
    assert [s.slug for s in found(case_between(*runs))] == expected


def test_what_was_not_recorded_is_not_said_to_go_in_equal(tmp_path: Path) -> None:
    unseen = (Change("no batch"), Change("loss"))
    runs = [
        make_run(tmp_path / name, changes=changes, manifest={"target": "train.py"})
        for name, changes in (("a", unseen[:1]), ("b", unseen))
    ]
    assert "nondeterministic-op" not in slugs(case_between(*runs))
    backends = [
        make_run(tmp_path / backend, changes=changes, manifest={"backend": backend})
        for backend, changes in (("jax", unseen[:1]), ("torch", unseen))
    ]
    text = texts(next(s for s in found(case_between(*backends)) if s.slug == "rounding"))
    assert "what was recorded of what goes into the step is bit-equal (not recorded: batches)" in text
