"""A step is watched layer by layer: what differs first is named, and the training goes on as if nobody had looked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from samefit.checks import check
from samefit.checks.execution import Execution
from samefit.checks.workshop import Workshop
from samefit.comparison.result import Inside
from samefit.launch.target import parse_target
from samefit.store.reader import Run

SCRIPT = Path(__file__).parent / "scripts" / "inside.py"

EXPECTED = {
    "rate": ("forward", "drop", "Dropout(rate=0.3) and Dropout(rate=0.5)"),
    "epsilon": ("forward", "norm", "LayerNormalization(epsilon=0.001) and LayerNormalization(epsilon=0.01)"),
    "slope": ("forward", "leaky", "LeakyReLU(negative_slope=0.1) and LeakyReLU(negative_slope=0.2)"),
    "inner": ("forward", "nested/first", "Dense(activation='tanh') and Dense(activation='sigmoid')"),
    "shut": ("backward", "nested/second/kernel", "every output and the loss are equal"),
    "learning_rate": ("update", "shared/kernel", "Adam(learning_rate=0.001"),
}
FAST = {("jax", "epsilon")}


def cases() -> list[object]:
    return [
        pytest.param(backend, name, id=f"{name}-{backend}", marks=() if (backend, name) in FAST else pytest.mark.slow)
        for backend in ("jax", "tensorflow", "torch")
        for name in EXPECTED
    ]


def inside_of(tmp_path: Path, a: str, b: str, **options: object) -> Inside | None:
    return check(f"{SCRIPT}:{a}", f"{SCRIPT}:{b}", directory=tmp_path, confirm=False, inside=True, **options).inside


@pytest.mark.parametrize(("backend", "name"), cases())
def test_what_differs_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str, name: str, backends: tuple[str, ...]
) -> None:
    if backend not in backends:
        pytest.skip(f"{backend} is not under test")
    monkeypatch.setenv("KERAS_BACKEND", backend)
    inside = inside_of(tmp_path, "plain", name)
    assert inside is not None
    phase, path, because = EXPECTED[name]
    assert (inside.failed, inside.phase, inside.path) == ("", phase, path)
    assert because in inside.because[0]
    # JAX fuses otherwise where it hands out values: the watched step may come to other bits, and says so.
    assert all(distance is not None and distance < 1e-5 for distance in inside.distances)


def test_a_training_that_averages_weights_when_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backends: tuple[str, ...]
) -> None:
    """On JAX `fit` then fails in its `finally` where a step is ended within: the values of the weights are gone."""
    if "jax" not in backends:
        pytest.skip("jax is not under test")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    inside = inside_of(tmp_path, "averaged", "averaged_epsilon")
    assert inside is not None
    assert (inside.failed, inside.path) == ("", "norm")


@pytest.mark.slow
def test_in_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, each_backend: str) -> None:
    monkeypatch.setenv("KERAS_BACKEND", each_backend)
    inside = inside_of(tmp_path, "plain", "epsilon", same_process=True)
    assert inside is not None
    assert (inside.failed, inside.path, inside.from_equal) == ("", "norm", True)


@pytest.mark.slow
def test_identical_sides_are_not_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert inside_of(tmp_path, "plain", "plain") is None


def recorded(workshop: Workshop, name: str, function: str = "every_kind", **options: object) -> Run:
    target = parse_target(f"{SCRIPT}:{function}")
    (run,) = workshop.run((Execution((("", target),), options=options), name))
    return run


@pytest.mark.slow
def test_looking_changes_no_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, each_backend: str) -> None:
    monkeypatch.setenv("KERAS_BACKEND", each_backend)
    with Workshop(tmp_path, lambda text: None) as workshop:
        plain = recorded(workshop, "plain")
        wanted = [step.index for step in plain.steps() if step.step in (0, 2)]
        watched = recorded(workshop, "watched", looks=[{"step": step} for step in wanted], keep_states=wanted)
        assert watched.warnings == ()
        for one, other in zip(plain.steps(), watched.steps(), strict=True):
            assert (one.chain, one.generators_after) == (other.chain, other.generators_after), one.index
        for index in wanted:
            view, arrays, trained = (
                watched.inside(index),
                watched.arrays(f"inside-{index}"),
                watched.arrays(f"state-{index}"),
            )
            assert view is not None
            assert arrays is not None
            assert trained is not None
            assert view.failed == ""
            assert view.gradients
            assert view.calls[-1].kind == "loss"
            for path, value in trained.items():
                # Where kernels are fused, to watch them may fuse them otherwise.
                np.testing.assert_allclose(arrays[f"after/{path}"], value, rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_two_views_of_one_training_are_equal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, each_backend: str
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", each_backend)
    with Workshop(tmp_path, lambda text: None) as workshop:
        one, other = (recorded(workshop, name, looks=[{"step": 0}, {"step": 9}]) for name in ("one", "other"))
        for index in (0, 9):
            assert one.inside(index) is not None
            assert one.inside(index) == other.inside(index)


@pytest.mark.slow
def test_state_that_a_layer_keeps_for_itself_is_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, each_backend: str
) -> None:
    if each_backend == "torch":
        pytest.skip("Keras cannot train it there (docs/_bugs/torch_stateful_lstm_cannot_be_trained.py)")
    monkeypatch.setenv("KERAS_BACKEND", each_backend)
    with Workshop(tmp_path, lambda text: None) as workshop:
        run = recorded(workshop, "run", "stateful", looks=[{"step": 1}], keep_states=[1])
        view, arrays, trained = run.inside(1), run.arrays("inside-1"), run.arrays("state-1")
        assert view is not None
        assert arrays is not None
        assert trained is not None
        assert view.failed == ""
        kernels = [path for path in trained if path.endswith("kernel")]
        assert len(kernels) == 3
        for path in kernels:
            np.testing.assert_allclose(arrays[f"after/{path}"], trained[path], rtol=1e-3, atol=1e-5)
