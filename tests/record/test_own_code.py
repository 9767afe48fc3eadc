"""What of the user's own code stands in a run: a function with what it does, attributes, and methods."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import importlib.util
import json
import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from samefit.record.own_code import (
    attributes_of,
    described,
    digest,
    values_read,
    with_own_functions,
    with_own_parts,
    written_at,
)

SLOPE = 0.25


def leaky(x: float, by: float = 0.5) -> float:
    return max(by * x, SLOPE * x)


def twice(x: float) -> float:
    return 2 * leaky(x)


class Scale:
    """A layer of the user's own."""

    def __init__(self, factor: float, **attributes: Any) -> None:
        self.factor, self.name, self.created = factor, "scale_7", 3
        vars(self).update(attributes)

    def call(self, x: float) -> Any:
        return self.factor * x, self.name, self.shape, self.parts, self.units, self.table  # type: ignore[attr-defined]


def test_a_function_of_the_users_own_is_told_from_a_library_function_of_the_same_name() -> None:
    assert described(json.dumps) == "dumps"
    assert described("leaky") == "leaky"
    assert described(leaky).startswith("leaky (your own, ")


def test_functions_that_do_the_same_are_the_same() -> None:
    def made(by: float) -> Any:
        def leaky(x: float) -> float:
            return by * x

        return leaky

    assert described(made(1.0)) == described(made(1.0)) != described(made(2.0))


@pytest.mark.parametrize("what", ["global", "default", "global of a function that it calls"])
def test_what_a_function_reads_belongs_to_it(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function = twice if "calls" in what else leaky
    before = described(function)
    if what == "default":
        monkeypatch.setattr(leaky, "__defaults__", (0.75,))
    else:
        monkeypatch.setitem(globals(), "SLOPE", 0.5)
    assert described(function) != before


def test_a_partial_function_stands_with_its_arguments() -> None:
    assert described(functools.partial(leaky, by=2.0)) == f"partial({described(leaky)}, by=2.0)"


def test_sets_of_texts_come_in_one_order_in_every_process(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def known(x):\n    return x in {'relu', 'gelu', 'elu', 'selu'}\n")
    program = "import own; from samefit.record.own_code import described; print(described(own.known))"
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1


OBJECTS: Any = None


def names_of(index: int) -> Any:
    return OBJECTS[index]


@pytest.mark.parametrize("text", ["dog", "bird"])
def test_an_array_of_objects_stands_with_what_is_in_it_not_with_where(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(last: str) -> tuple[str, list[Any]]:
        # Texts of their own: the array holds other addresses each time.
        texts = np.array(["".join(word) for word in ("cat", last)], dtype=object)
        monkeypatch.setitem(globals(), "OBJECTS", texts)
        return described(names_of), list(values_read(names_of))

    assert (made("".join(["d", "og"])) == made("".join([*text]))) is (text == "dog")


def test_options_that_are_functions_stand_with_what_they_do() -> None:
    layer = Scale(2.0, activation=leaky, kernel_initializer=json.dumps)
    config = {"activation": "leaky", "kernel_initializer": "dumps", "units": 3}
    assert with_own_functions(config, layer) == {**config, "activation": described(leaky)}


def test_attributes_that_are_no_options() -> None:
    scale = Scale(2.0, shape=(1, 2), parts=[Scale(1.0)], units=3, table=list(range(900)))
    found = attributes_of(scale, {"units": 3})
    code, table = found.pop("code of call"), found.pop("table")
    # `created` is read by no method.
    assert found == {"factor": 2.0, "shape": [1, 2]}
    assert table.startswith("list of 900 (your own, ")
    line = Scale.call.__code__.co_firstlineno
    assert (code["name"]["file"], code["name"]["line"]) == (__file__, line)
    assert code["name"]["source"].lstrip().startswith("def call(self")


def test_a_method_that_a_subclass_has_anew() -> None:
    class Other(Scale):
        def call(self, x: float) -> float:
            return self.factor + x

    one, other = (attributes_of(each(2.0), {})["code of call"]["code"] for each in (Scale, Other))
    assert one != other


def test_a_class_of_a_library_has_none() -> None:
    assert attributes_of(json.JSONDecoder(), {}) == {}


class Odd:
    """Answers to any name, and raises where its shape is asked for."""

    def __getattr__(self, name: str) -> Any:
        return self

    @property
    def shape(self) -> Any:
        raise RuntimeError("not built")

    def __call__(self, x: float) -> float:
        return x


def circular() -> Any:
    parts: list[Any] = []
    parts.append(parts)
    return parts


@pytest.mark.parametrize("value", [Odd(), np.datetime64("2026-01-01"), np.array("a"), circular()])
def test_nothing_of_the_users_stops_a_recording(value: Any) -> None:
    def loss(x: float, by: Any = value) -> float:
        return x

    assert str(described(loss)).startswith("loss (your own, ")
    assert described(functools.partial(loss, key=value))
    assert described(value)
    assert with_own_functions({"factor": 1}, Scale(value)) == {"factor": 1}
    assert "code of call" in attributes_of(Scale(value), {})


SETTINGS: dict[str, Any] = {}


class Settings:
    """Settings as the attributes of a class."""


def set_by_entry(x: float) -> Any:
    return SETTINGS["by"] * x


def set_by_attribute(x: float) -> Any:
    return Settings.by * x  # type: ignore[attr-defined]


@dataclasses.dataclass
class Fields:
    """Settings as fields."""

    by: float
    path: str = "/one"


NAMESPACES = {"namespace": argparse.Namespace, "simple namespace": types.SimpleNamespace, "dataclass": Fields}


def test_the_settings_that_a_function_reads_belong_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    digests = set()
    for by in (1.0, 2.0):
        monkeypatch.setitem(SETTINGS, "by", by)
        monkeypatch.setattr(Settings, "by", by, raising=False)
        before = [described(set_by_entry), described(set_by_attribute)]
        # What it does not read is no part of it.
        monkeypatch.setitem(SETTINGS, "started", by)
        monkeypatch.setattr(Settings, "path", str(by), raising=False)
        assert [described(set_by_entry), described(set_by_attribute)] == before
        digests.update(before)
    assert len(digests) == 4


@pytest.mark.parametrize("kind", NAMESPACES)
def test_the_attributes_that_a_function_reads_belong_to_it(kind: str) -> None:
    def made(**fields: Any) -> Any:
        settings = NAMESPACES[kind](**fields)

        def scaled(x: float) -> Any:
            return settings.by * x

        return described(scaled)

    assert made(by=1.0, path="/one") == made(by=1.0, path="/two") != made(by=2.0, path="/one")


def test_what_moves_while_a_script_runs_is_no_part_of_a_function() -> None:
    before = described(logged)
    logged(1.0)
    assert described(logged) == before


LOG: list[float] = []


def logged(x: float) -> float:
    """A documentation that may be written otherwise."""
    LOG.append(x)
    return x


# -- parts of an optimizer or a layer ---------------------------------------------------------------------------------


class LearningRateSchedule:
    """Stands in for Keras's base class."""


LearningRateSchedule.__module__ = "keras.src.optimizers.schedules"


def warm(steps: float) -> Any:
    class Warm(LearningRateSchedule):
        def __call__(self, step: float) -> float:
            return step / steps

    return Warm()


class Optimizer:
    def __init__(self, rate: Any) -> None:
        self._learning_rate = rate


SCHEDULED = {"learning_rate": {"class_name": "Warm", "config": {}}, "beta_1": 0.9}


def test_a_schedule_of_the_users_own_stands_with_what_it_does() -> None:
    one, same, other = (with_own_parts(SCHEDULED, Optimizer(warm(steps))) for steps in (5.0, 5.0, 10.0))
    assert one == same
    assert one != other
    assert one["learning_rate"]["class_name"].startswith("Warm (your own, ")
    assert one["beta_1"] == 0.9


def test_a_schedule_of_a_library_and_a_plain_rate_stay_as_they_are() -> None:
    cosine = type("CosineDecay", (LearningRateSchedule,), {"__module__": "keras.src.optimizers.schedules"})
    assert with_own_parts(SCHEDULED, Optimizer(cosine())) == SCHEDULED
    assert with_own_parts({"learning_rate": 0.1}, Optimizer(0.1)) == {"learning_rate": 0.1}


def test_code_stands_with_its_line() -> None:
    function = written_at(leaky, {})["leaky"]
    assert (function["name"]["file"], function["name"]["line"]) == (__file__, leaky.__code__.co_firstlineno)
    schedule = written_at(Optimizer(warm(5.0)), SCHEDULED)
    assert list(schedule) == ["Warm.__call__"]
    assert schedule == written_at(Optimizer(warm(5.0)), SCHEDULED)
    assert schedule["Warm.__call__"]["code"] != written_at(Optimizer(warm(6.0)), SCHEDULED)["Warm.__call__"]["code"]
    assert written_at("adam", {}) == {}


def test_what_a_callback_was_given_to_call_is_code_of_it() -> None:
    def drop(epoch: int) -> float:
        return 0.1 / (epoch + 1)

    class Scheduler:
        __module__ = "keras.src.callbacks"

        def __init__(self, schedule: Any) -> None:
            self.schedule = schedule

    held = written_at(Scheduler(drop), {})
    assert list(held) == ["Scheduler.schedule"]
    assert held["Scheduler.schedule"]["name"]["line"] == drop.__code__.co_firstlineno
    assert written_at(Scheduler(np.exp), {}) == {}


LAZY: Any = None


def reads_a_module(epoch: int) -> float:
    return float(LAZY.rate(epoch))


def test_a_module_that_is_loaded_when_it_is_used_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a_lazy_module.py").write_text("def rate(epoch): return 0.5\n")
    spec = importlib.util.spec_from_file_location("a_lazy_module", tmp_path / "a_lazy_module.py")
    assert spec is not None
    assert spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    lazy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lazy)
    monkeypatch.setattr(sys.modules[__name__], "LAZY", lazy)
    before = digest(reads_a_module)
    assert list(values_read(reads_a_module)) == []
    assert "rate" not in object.__getattribute__(lazy, "__dict__")
    assert reads_a_module(1) == 0.5
    assert digest(reads_a_module) == before
