"""Processes that a script starts: what they draw has a key for each item, and what has none is said."""

from __future__ import annotations

import importlib.util
import multiprocessing
from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="nothing is forked here")

WAYS = ["pool", "executor", "chunks", "starmap", "imap", "imap in chunks", "apply", "dataset", "validation"]


@pytest.fixture
def found(run_script: Run, each_backend: str) -> dict[str, Any]:
    return run_script("workers.py", each_backend)


def test_items_draw_the_same_whichever_process_takes_them(found: dict[str, Any]) -> None:
    assert found["repeats"] == {way: [True, True, []] for way in WAYS}
    assert found["number of workers"]


def test_each_item_of_each_call_draws_other_numbers(found: dict[str, Any]) -> None:
    assert found["each item, each call"] == 12


def test_what_is_drawn_in_a_training_does_not_depend_on_pools_before_it(found: dict[str, Any]) -> None:
    assert found["in a training"] == [True, 12]


def test_seeds_that_a_function_sets_are_the_users(found: dict[str, Any]) -> None:
    assert found["seeds of one's own"]


def test_nothing_is_said_of_processes_that_draw_from_seeded_generators_or_not_at_all(found: dict[str, Any]) -> None:
    assert found["silent"] == {name: [] for name in found["silent"]}


def test_entropy_of_the_system_is_said_with_the_line(found: dict[str, Any]) -> None:
    said = [["os-entropy", "return os.urandom(2).hex(), secrets.randbelow(5)"]]
    assert {name: found["said"][f"system, {name}"] for name in ("pool", "executor", "dataset")} == {
        "pool": said,
        "executor": said,
        "dataset": said,
    }


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("copied", "return MADE_BEFORE.random()"),
        ("initializer", "LATE = np.random.default_rng()"),
        ("process, numpy", "return np.random.random()"),
        ("process, python", "return random.random()"),
        ("process, unseeded", "return np.random.default_rng().random()"),
    ],
)
def test_draws_outside_of_a_task_are_said_with_the_line(found: dict[str, Any], what: str, line: str) -> None:
    assert found["said"][what] == [["worker-draw", line]]


def test_a_process_that_does_the_same_work_draws_the_same(found: dict[str, Any]) -> None:
    assert found["processes"] == [True, True]


def test_the_batches_of_an_infinite_dataset_repeat(found: dict[str, Any]) -> None:
    first, second = found["endless"]
    assert first == second


def test_a_pool_that_was_there_before_the_scope_is_pinned_in_it_and_free_afterwards(found: dict[str, Any]) -> None:
    same, said = found["made before"]
    assert same
    assert said == [["os-entropy", "return os.urandom(2).hex(), secrets.randbelow(5)"]]
    assert found["left before"]


def test_a_pool_that_outlives_the_scope_is_not_pinned_any_more(found: dict[str, Any]) -> None:
    assert found["left"] == [True, []]


def test_a_pool_of_an_earlier_scope_speaks_to_the_one_that_is_open(found: dict[str, Any]) -> None:
    assert found["in another scope"] == [True, ["os-entropy"]]


def test_errors_of_a_function_come_through(found: dict[str, Any]) -> None:
    assert found["errors"] == "1"


@pytest.fixture
def spawned(run_script: Run, any_backend: str) -> dict[str, Any]:
    installed = [
        name for name, module in (("joblib", "joblib"), ("loader", "torch")) if importlib.util.find_spec(module)
    ]
    return run_script("spawned.py", any_backend, *installed)


@pytest.mark.parametrize("way", ["executor", "pool"])
def test_tasks_of_processes_that_are_started_anew_are_pinned_as_well(spawned: dict[str, Any], way: str) -> None:
    assert spawned[way] == [True, [], [["os-entropy", "return os.urandom(2).hex()"]]]


def test_tasks_of_joblib_are_pinned_as_well(spawned: dict[str, Any]) -> None:
    if "joblib" not in spawned:
        pytest.skip("joblib is not installed")
    # What cloudpickle takes along has no file any more, so the text of the line is not known.
    assert spawned["joblib"] == [True, [], [["os-entropy", None]]]


def test_what_else_they_draw_is_read_from_their_code(spawned: dict[str, Any]) -> None:
    assert spawned["process"] == {
        "unseeded": [["worker-draw", "queue.put(np.random.default_rng().random())"]],
        "shared": [["worker-draw", "queue.put(np.random.random())"]],
        "seeded": [],
    }


def test_of_a_loader_that_seeds_its_processes_only_what_takes_entropy_is_said(spawned: dict[str, Any]) -> None:
    if "loader" not in spawned:
        pytest.skip("PyTorch is not installed")
    assert spawned["loader"] == [["worker-draw", "return np.random.default_rng().random() + np.random.random()"]]


@pytest.fixture
def within(run_script: Run, each_backend: str) -> dict[str, Any]:
    return run_script("workers_within.py", each_backend)


def test_pools_in_tasks_processes_and_inner_scopes_have_keys_of_their_own(within: dict[str, Any]) -> None:
    first, second = within["nested"]
    assert first == second
    assert len({number for item in first for number in item}) == 8
    assert within["siblings"][0] != within["siblings"][1]
    seven, seven_with_inner, eight, eight_with_inner = within["inner scope"]
    assert seven == seven_with_inner != eight == eight_with_inner


def test_what_keras_draws_in_a_task_and_what_threads_leave_alone_is_that_of_the_item(within: dict[str, Any]) -> None:
    assert within["keras"][0] == within["keras"][1]
    assert len({*within["keras"][0]}) == 4
    assert within["in threads"] == 4


def test_work_goes_on_where_nothing_can_be_said_or_looked_at(within: dict[str, Any]) -> None:
    assert within["without a directory"] == [2, ["worker-draw"]]
    assert within["built in"] == "ABC"


def test_work_that_a_thread_hands_over_is_said(within: dict[str, Any]) -> None:
    assert within["by threads"] == ["worker-draw"]
