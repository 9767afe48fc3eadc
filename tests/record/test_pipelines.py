"""How input pipelines are recorded, with stand-ins for a framework."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from samefit.patches.patching import Patches
from samefit.patches.pipelines import watch_pipelines
from samefit.record.ledger import Ledger
from samefit.record.pipelines import Pipelines
from samefit.transplant.plan import Transplants


class Dataset:
    def __init__(self, seed: int | None = None, *, function: Any = None) -> None:
        self.seed = seed
        self.draws = isinstance(function, str) and function == "draws"
        self.unreadable = isinstance(function, str) and function == "unreadable"

    @staticmethod
    def range(*numbers: int) -> Dataset:
        return Dataset()

    def shuffle(self, buffer_size: int, seed: int | None = None) -> Dataset:
        return Dataset(seed or 5)

    def batch(self, size: int, *, drop: bool = False) -> Dataset:
        return self.cut(size)

    def cut(self, size: int) -> Dataset:
        return Dataset()

    def map(self, function: Any, like: Any = None) -> Dataset:
        return Dataset(function=function)


class Backend:
    name = "tensorflow"

    def pipeline_functions(self) -> list[tuple[Any, str, str]]:
        return [(Dataset, name, name) for name in ("range", "shuffle", "batch", "cut", "map")]

    def draws_its_seed(self, function: str, arguments: Mapping[str, Any]) -> bool:
        return function == "shuffle" and arguments.get("seed") is None

    def unseeded_operations(self, stage: Any) -> list[str]:
        if stage.unreadable:
            raise ValueError("no graph")
        return ["RandomUniform"] if stage.draws else []

    def seeds_of_stage(self, stage: Any) -> list[int] | None:
        return None if stage.seed is None else [0, stage.seed]


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def pipelines(ledger: Ledger) -> Iterator[Pipelines]:
    yield from watching(ledger, Transplants())


def watching(ledger: Ledger, transplants: Transplants) -> Iterator[Pipelines]:
    patches, pipelines = Patches(), Pipelines(ledger, transplants)
    backend: Any = Backend()
    watch_pipelines(patches, backend, pipelines)
    yield pipelines
    patches.undo()
    assert isinstance(vars(Dataset)["range"], staticmethod)


def test_stages_with_their_options_seeds_and_lines(pipelines: Pipelines) -> None:
    made = pipelines.of(Dataset.range(4).shuffle(8, seed=3).batch(2))
    # What a stage makes within ("cut") is no stage of the user's.
    assert [each["function"] for each in made] == ["range", "shuffle", "batch"]
    assert [each["number"] for each in made] == [0, 1, 2]
    assert [each["arguments"] for each in made][1:] == [{"buffer_size": 8, "seed": 3}, {"drop": False, "size": 2}]
    assert made[1]["seeds"] == [0, 3]
    assert "Dataset.range(4)" in made[0]["location"]["code"]


def test_a_stage_without_a_seed_is_a_draw(pipelines: Pipelines, ledger: Ledger) -> None:
    events: list[Any] = []
    ledger.connect(events.append, lambda point, states: None)
    made = pipelines.of(Dataset().shuffle(8))
    assert [(e.kind, e.generator, e.function) for e in events] == [("draw", "tensorflow", "Dataset.shuffle")]
    assert events[0].location.code == "made = pipelines.of(Dataset().shuffle(8))"
    assert made[0]["event"] < events[0].id
    Dataset().shuffle(8, seed=1)
    assert len(events) == 1


def test_two_branches_of_one_pipeline(pipelines: Pipelines) -> None:
    source = Dataset.range(4)
    first, second = source.batch(1), source.batch(2)
    assert pipelines.of(first)[0] is pipelines.of(second)[0]
    assert [pipelines.of(each)[1]["arguments"]["size"] for each in (first, second)] == [1, 2]


def test_a_function_of_a_library_with_what_it_was_given(
    pipelines: Pipelines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "site-packages"
    home.mkdir()
    (home / "windows.py").write_text(
        "def windows(dataset, data, rate=1, *, of):\n    return dataset.batch(rate * of)\n"
    )
    monkeypatch.syspath_prepend(str(home))
    made = pipelines.of(importlib.import_module("windows").windows(Dataset.range(3), np.ones((2, 3)), of=4))
    assert [each.get("within") for each in made] == [None, "windows"]
    assert made[1]["given"] == {"dataset": {"is": "Dataset"}, "data": {"is": "(2, 3) float64"}, "rate": 1, "of": 4}
    assert made[1]["location"]["line"] == made[0]["location"]["line"]


def test_what_keras_makes_is_left_out(pipelines: Pipelines, ledger: Ledger) -> None:
    with ledger.context("fit", 1):
        assert pipelines.of(Dataset.range(4)) == []
    assert pipelines.of([1, 2]) == []
    assert pipelines.of(Dataset()) == []


def test_a_mistake_of_the_users_is_theirs(pipelines: Pipelines) -> None:
    with pytest.raises(TypeError, match="batch"):
        Dataset().batch()  # type: ignore[call-arg]


def test_a_rerun_changes_the_arguments_of_one_call(ledger: Ledger) -> None:
    plan = {"do": "pipeline", "side": "", "call": 1, "arguments": {"size": 7}}
    transplants = Transplants([plan])
    for pipelines in watching(ledger, transplants):
        made = pipelines.of(Dataset().batch(1).batch(2).batch(3))
        assert [each["arguments"]["size"] for each in made] == [1, 7, 3]
    assert [each["met"] for each in transplants.outcomes] == ["all"]


def test_functions_are_known_by_their_code(pipelines: Pipelines) -> None:
    def there(x: int) -> int:
        return x + 1

    def one() -> Any:
        return lambda x: x + 1

    functions = [one(), lambda x: x + 1, lambda x: x + 2, there]
    described = [pipelines.of(Dataset().map(function))[0]["arguments"]["function"] for function in functions]
    assert [each["is"] for each in described] == ["<lambda>", "<lambda>", "<lambda>", "there"]
    assert described[0] == described[1] != described[2]


SCALE = 2.0
TABLE = np.arange(3)
GENERATOR = np.random.default_rng(0)


def scaled(x: Any) -> Any:
    return np.multiply(x, SCALE) + TABLE + GENERATOR.normal() + again(x)


def again(x: Any) -> Any:
    return x


def test_what_a_function_reads_is_noted_with_its_line(pipelines: Pipelines) -> None:
    reads = pipelines.of(Dataset().map(scaled))[0]["reads"]["function"]
    assert list(reads) == ["SCALE", "TABLE", "again"]
    assert (reads["SCALE"]["value"], reads["SCALE"]["location"]["code"]) == ("2.0", "SCALE = 2.0")
    assert reads["TABLE"]["value"].startswith("an array (3,) of int64 (")
    assert reads["again"]["value"].startswith("again (your own, ")
    assert reads["again"]["location"] is None
    assert "reads" not in pipelines.of(Dataset().map(len))[0]


SETTINGS = {"scale": 2.0, "name": "first"}
OPTIONS = SimpleNamespace(shift=0.5, name="first")


def by_settings(x: Any) -> Any:
    return x * SETTINGS["scale"] + OPTIONS.shift


def test_entries_of_settings_are_named_as_they_are_read(pipelines: Pipelines) -> None:
    reads = pipelines.of(Dataset().map(by_settings))[0]["reads"]["function"]
    assert {name: read["value"] for name, read in reads.items()} == {'SETTINGS["scale"]': "2.0", "OPTIONS.shift": "0.5"}
    assert reads['SETTINGS["scale"]']["location"]["code"].startswith("SETTINGS = ")


def test_whether_what_comes_out_is_of_the_kind_that_goes_in(pipelines: Pipelines, monkeypatch: Any) -> None:
    assert not pipelines.of(Dataset().map(len))[0]["alike"]
    monkeypatch.setattr(Dataset, "element_spec", "float32", raising=False)
    made = pipelines.of(Dataset.range(4).map(len))
    assert [each["alike"] for each in made] == [False, True]


class Sampler:
    def __init__(self, generator: Any) -> None:
        self.generator = generator


class Seeded:
    def initial_seed(self) -> int:
        return 9


def test_what_is_handed_in_is_described(pipelines: Pipelines) -> None:
    given = [Sampler(Seeded()), Sampler(None), np.zeros((2, 3), "float32"), (1, "a"), Seeded]
    described = [pipelines.of(Dataset().map(each))[0]["arguments"]["function"] for each in given]
    assert described == [
        {"is": "Sampler", "generator": {"is": "Seeded", "seed": 9}},
        {"is": "Sampler"},
        {"is": "(2, 3) float32"},
        {"is": [1, "a"]},
        {"is": "Seeded"},
    ]


class Unknown:
    """A shape without a rank, as TensorFlow has them."""

    def __iter__(self) -> Iterator[int]:
        raise ValueError("Cannot iterate over a shape with unknown rank.")

    def __str__(self) -> str:
        return "<unknown>"


class Spec:
    def __init__(self, shape: Any) -> None:
        self.shape, self.dtype = shape, "int64"


@pytest.mark.parametrize(("shape", "shown"), [(Unknown(), "<unknown> int64"), ((2, 3), "(2, 3) int64")])
def test_a_shape_of_unknown_rank_can_be_described(pipelines: Pipelines, shape: Any, shown: str) -> None:
    made = pipelines.of(Dataset.range(4).map(len, like=Spec(shape)))
    assert made[1]["arguments"]["like"] == {"is": shown}


def test_a_stage_that_is_left_out_hands_on_what_it_got(ledger: Ledger) -> None:
    for pipelines in watching(ledger, Transplants([{"do": "leave_out", "side": "", "call": 1}])):
        dataset = Dataset.range(4)
        assert dataset.shuffle(8) is dataset
        assert [each["function"] for each in pipelines.of(dataset.shuffle(8))] == ["range", "shuffle"]


def test_random_operations_without_a_seed_are_noted(pipelines: Pipelines) -> None:
    made = pipelines.of(Dataset.range(4).map("draws").map("draws nothing"))
    assert [each.get("unseeded") for each in made] == [None, ["RandomUniform"], None]


def test_operations_that_cannot_be_read_are_not_said_to_be_seeded(pipelines: Pipelines, ledger: Ledger) -> None:
    made = pipelines.of(Dataset().map("unreadable"))
    assert made[0]["unseeded"] == ["something that could not be read (ValueError: no graph)"]
    assert not ledger.guard.stopped
