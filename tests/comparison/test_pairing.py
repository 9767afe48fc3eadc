from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.comparison.places import compared, place
from tests.handmade import Change, Training, dense, dropout, make_run

from samefit.comparison import compare
from samefit.store.reader import Run
from samefit.types import Stage, Verdict

ONE_FIT, TWO_FITS = (Training((4, 4)),), (Training((4,)), Training((4,)))


class Reads:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.chains = self.states = self.rows = 0
        chains, state, stream = Run.chains, Run.state_after, Run._stream

        def count_chain(run: Run, step: int) -> tuple[bytes, bytes]:
            self.chains += 1
            return chains(run, step)

        def count_rows(run: Run, *arguments: Any) -> Iterator[Any]:
            for row in stream(run, *arguments):
                self.rows += 1
                yield row

        def count_state(run: Run, step: int) -> Any:
            self.states += 1
            return state(run, step)

        monkeypatch.setattr(Run, "chains", count_chain)
        monkeypatch.setattr(Run, "_stream", count_rows)
        monkeypatch.setattr(Run, "state_after", count_state)


@pytest.mark.parametrize("seeded", [False, True])
@pytest.mark.parametrize("step", [None, 0, 1_234, 1_999])
def test_long_runs_are_compared_by_bisection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int | None, seeded: bool
) -> None:
    layers, trainings = (dense(2, 2), dropout()) if seeded else (dense(2, 2),), [Training((1_000, 1_000))]
    changes = [] if step is None else [Change("variable", step, "dense/bias")]
    a = make_run(tmp_path / "a", layers=layers, trainings=trainings)
    b = make_run(tmp_path / "b", layers=layers, trainings=trainings, changes=changes)
    reads = Reads(monkeypatch)
    result = compare(a, b)
    assert place(result) == (() if step is None else (Stage.BACKWARD, step + 1, "dense/bias"))
    assert reads.chains <= 4 * (math.ceil(math.log2(2_000)) + 2)
    assert reads.states < 60
    # After the runs have parted, the gap of the loss is looked for in every step.
    assert reads.rows < 20 + 10 * (2_000 - (2_000 if step is None else step))


@pytest.mark.parametrize("step", [1, 700, 998, 999])
def test_a_generator_of_a_layer_that_goes_its_own_way_is_found(tmp_path: Path, step: int) -> None:
    layers, trainings = (dense(2, 2), dropout()), [Training((1_000,))]
    a = make_run(tmp_path / "a", layers=layers, trainings=trainings)
    change = Change("variable", step, "dropout/seed_generator_state")
    b = make_run(tmp_path / "b", layers=layers, trainings=trainings, changes=[change, Change("loss", step + 1)])
    found = place(compare(a, b))
    # What differs after the last step acts on nothing.
    assert found == (() if step == 999 else (Stage.RANDOMNESS, step + 2, "dropout/seed_generator_state"))


def test_generators_that_nobody_draws_from_may_differ_in_long_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainings = [Training((2_000,))]
    a = make_run(tmp_path / "a", trainings=trainings, changes=[Change("generator", 0, "python")])
    b = make_run(tmp_path / "b", trainings=trainings, changes=[Change("generator", 5, "python")])
    reads = Reads(monkeypatch)
    assert compare(a, b).verdict is Verdict.IDENTICAL
    assert reads.rows < 20


def test_variables_in_another_listing_are_scanned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The chain runs over digests in the order of the layout: it says nothing where that is another.
    a = make_run(tmp_path / "a", layers=(dense(2, 2),))
    b = make_run(tmp_path / "b", layers=(dense(2, 2),), listing=[1, 0], changes=[Change("variable", 5, "dense/bias")])
    reads = Reads(monkeypatch)
    assert place(compare(a, b)) == (Stage.BACKWARD, 6, "dense/bias")
    assert reads.chains == 0


def test_a_chain_that_differs_for_no_visible_reason_is_not_believed(tmp_path: Path) -> None:
    result = compared(tmp_path, Change("chain", 3))
    assert result.verdict is Verdict.IDENTICAL


def test_batches_that_the_chain_leaves_out_are_found(tmp_path: Path) -> None:
    # Several steps in one compiled loop: the chain goes on with the last batch only.
    result = compared(tmp_path, Change("batch beside chain", 2))
    assert place(result) == (Stage.DATA, 3, "inputs")


def test_states_may_be_rare(tmp_path: Path) -> None:
    change = [Change("variable", 5, "dense/kernel")]
    a, b = make_run(tmp_path / "a", every=4), make_run(tmp_path / "b", every=4, changes=change)
    assert place(compare(a, b)) == (Stage.BACKWARD, 8, "dense/kernel")
    same = compare(a, make_run(tmp_path / "c", every=4))
    assert same.verdict is Verdict.IDENTICAL
    assert same.notes == ("Weights were compared after 2 of 8 steps; after the others they were not recorded.",)
    mixed = compare(a, make_run(tmp_path / "d", every=1))
    assert mixed.verdict is Verdict.IDENTICAL


def test_a_note_says_how_often_weights_were_compared(tmp_path: Path) -> None:
    a, b = (make_run(tmp_path / name, every=3) for name in "ab")
    note = "Weights were compared after 2 of 8 steps and at the end; after the others they were not recorded."
    assert compare(a, b).notes == (note,)


@pytest.mark.parametrize(
    ("changes", "every", "known"),
    [
        ([Change("variable", 5, "dense/kernel")], (4, 4), 4),
        ([Change("loss", 6)], (4, 4), 4),
        ([Change("loss", 4)], (4, 4), None),
        ([Change("loss", 2)], (4, 4), 0),
        ([Change("batch", 0)], (4, 4), None),
        ([Change("variable", 5, "dense/kernel")], (1, 4), 4),
        ([Change("variable", 5, "dense/kernel")], (2, 4), 4),
        ([Change("variable", 5, "dense/kernel")], (1, 1), None),
    ],
)
def test_what_lies_between_two_recorded_states_is_not_claimed(
    tmp_path: Path, changes: list[Change], every: tuple[int, int], known: int | None
) -> None:
    a = make_run(tmp_path / "a", every=every[0])
    b = make_run(tmp_path / "b", every=every[1], changes=changes)
    divergence = compare(a, b).first_divergence
    assert divergence is not None
    assert divergence.known_equal == known


@pytest.mark.parametrize("trainings", [ONE_FIT, TWO_FITS])
@pytest.mark.parametrize("step", [5, 6, 7])
def test_what_a_training_ends_with_is_compared(tmp_path: Path, trainings: Any, step: int) -> None:
    # After step 3 no state is recorded until the end.
    a = make_run(tmp_path / "a", trainings=trainings, every=3)
    b = make_run(tmp_path / "b", trainings=trainings, every=3, changes=[Change("variable", step, "dense/bias")])
    result = compare(a, b)
    if step == 5:
        assert place(result) == (Stage.BACKWARD, 6, "dense/bias")
    else:
        assert place(result) == (Stage.BACKWARD, 8, "dense/bias")
        assert result.first_divergence is not None
        assert result.first_divergence.detail == "at the end of the training"


def test_without_the_weights_at_the_end_two_trainings_are_never_identical(tmp_path: Path) -> None:
    a, b = (make_run(tmp_path / name, every=3, ends=False) for name in "ab")
    result = compare(a, b)
    assert result.verdict is Verdict.INCOMPLETE
    assert "The weights at the end of a training were not recorded; all 8 recorded steps are equal." in result.notes
    dense_a, dense_b = (make_run(tmp_path / f"dense-{name}", ends=False) for name in "ab")
    assert compare(dense_a, dense_b).verdict is Verdict.IDENTICAL


def test_an_end_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    whole = make_run(tmp_path / "whole", every=3)
    unreadable = [Change("unreadable", 7, variable.path) for variable in whole.layouts[0]]
    a, b = (make_run(tmp_path / name, every=3, changes=unreadable) for name in "ab")
    assert compare(a, b).verdict is Verdict.INCOMPLETE


_TRAINABLE = ("dense/kernel", "dense/bias", "batchnormalization/gamma", "dense_1/kernel", "dense_1/bias")
_STATE = ("batchnormalization/moving_mean", "batchnormalization/moving_variance")
_KINDS = st.one_of(
    st.tuples(st.just("batch"), st.just(""), st.just((Stage.DATA, "inputs"))),
    st.tuples(st.just("loss"), st.just(""), st.just((Stage.FORWARD, "loss"))),
    st.tuples(st.just("log"), st.just("mae"), st.just((Stage.REPORTING, "mae"))),
    st.sampled_from(_TRAINABLE).map(lambda p: ("variable", p, (Stage.BACKWARD, p))),
    st.sampled_from(_STATE).map(lambda p: ("variable", p, (Stage.STATE, p))),
    st.sampled_from(("iteration", "learning_rate")).map(
        lambda s: ("variable", f"adam/{s}", (Stage.UPDATE, f"adam/{s}"))
    ),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=_KINDS,
    step=st.integers(0, 11),
    lasting=st.booleans(),
    listing=st.one_of(st.none(), st.permutations(range(9))),
    trainings=st.sampled_from([((12,),), ((6, 6),), ((5,), (7,)), ((1,), (1,), (10,))]),
)
def test_the_first_divergence_is_the_one_record_that_was_changed(
    tmp_path_factory: pytest.TempPathFactory, kind: Any, step: int, lasting: bool, listing: Any, trainings: Any
) -> None:
    what, path, (stage, where) = kind
    directory = tmp_path_factory.mktemp("runs")
    fits = [Training(steps) for steps in trainings]
    change = Change(what, step, path, lasting=lasting)
    a = make_run(directory / "a", trainings=fits, arrays=False)
    b = make_run(directory / "b", trainings=fits, arrays=False, listing=listing, changes=[change])
    result = compare(a, b)
    assert result.verdict is Verdict.DIVERGED
    assert place(result) == (stage, step + 1, where)
    same = make_run(directory / "c", trainings=fits, arrays=False, listing=listing)
    assert compare(a, same).verdict is Verdict.IDENTICAL
