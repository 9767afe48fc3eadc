"""The statements that make what `fit` is given: all that matter, and none that do not."""

from __future__ import annotations

import runpy
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from samefit.record.made_by import statements_behind


class Model:
    def __init__(self) -> None:
        self.found: list[list[dict[str, Any]]] = []

    def fit(self, *args: Any, **kwargs: Any) -> None:
        self.found.append(statements_behind(sys._getframe(1), "fit"))

    def train_on_batch(self, *args: Any) -> None:
        self.found.append(statements_behind(sys._getframe(1), "train_on_batch"))


Found = Callable[..., list[list[str]]]


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Found:
    """Returns the statements of each `fit` of a script, as texts; other names are modules that it can import."""

    def run(script: str, folder: str = ".", **others: str) -> list[list[str]]:
        home = tmp_path / folder
        home.mkdir(exist_ok=True)
        for name, text in others.items():
            (home / f"{name}.py").write_text(textwrap.dedent(text))
            monkeypatch.delitem(sys.modules, name, raising=False)
        file = home / "script.py"
        file.write_text(textwrap.dedent(script))
        monkeypatch.syspath_prepend(str(home))
        model = Model()
        runpy.run_path(str(file), init_globals={"model": model})
        assert {one["file"] for each in model.found for one in each} <= {str(path) for path in home.glob("*.py")}
        return [[str(one["text"]) for one in each] for each in model.found]

    return run


def test_what_the_arguments_are_made_of_and_nothing_else(found: Found) -> None:
    script = """
        import numpy as np
        rate = 0.1
        rows = 4
        x = np.ones((rows, 2))
        x[0] = 3.0
        print(x)
        units = len(x)
        y = x.sum(1)
        model.fit(x / 2, y=y, epochs=units)
        x = x + 1
    """
    assert found(script) == [["rows = 4", "x = np.ones((rows, 2))", "x[0] = 3.0", "y = x.sum(1)", "x / 2"]]


def test_what_a_name_stood_for_before_it_was_assigned_anew_is_left_out(found: Found) -> None:
    script = """
        x = [1]
        model.fit(x)
        x = [2]
        model.fit(x)
    """
    assert found(script) == [["x = [1]"], ["x = [2]"]]


def test_what_changes_the_data_in_place(found: Found) -> None:
    script = """
        import numpy as np
        rng = np.random.default_rng(3)
        x = np.arange(4.0)
        rng.shuffle(x)
        np.random.seed(1)
        x += 1
        names = []
        names.append("run")
        model.fit(x)
    """
    assert found(script)[0] == [
        "rng = np.random.default_rng(3)",
        "x = np.arange(4.0)",
        "rng.shuffle(x)",
        "x += 1",
    ]


@pytest.mark.parametrize("kind", ["Numbers()", "iter(range(9))", "[1, 2, 3]", "np.ones(3)"])
def test_a_look_at_what_moves_when_it_is_looked_at(found: Found, kind: str) -> None:
    script = f"""
        import numpy as np
        class Numbers:
            def __iter__(self):
                return iter(range(9))
        x = {kind}
        for first in x:
            print(first)
            break
        model.fit(x)
    """
    moves = kind in ("Numbers()", "iter(range(9))")
    assert ("for first in x:" in found(script)[0]) is moves


def test_compound_statements_by_their_heads(found: Found) -> None:
    script = """
        flip = True
        x = []
        for i in range(3):
            x.append(i)
            if i:
                print(i)
        if flip:
            x = x[::-1]
        else:
            pass
        model.fit(x)
    """
    assert found(script)[0] == [
        "flip = True",
        "x = []",
        "for i in range(3):",
        "x.append(i)",
        "if flip:",
        "x = x[::-1]",
        "i = 2",
    ]


def test_functions_of_the_users_own_are_looked_into_in_other_files_as_well(found: Found) -> None:
    script = """
        from loading import load
        import scaling
        def half(data):
            "Half of the data."
            return data[: len(data) // 2]
        def unused():
            return 3
        x = scaling.scaled(half(load()))
        model.fit(x)
    """
    loading = """
        SIZE = 8
        OTHER = 9
        def load():
            return [float(i) for i in range(SIZE)]
    """
    scaling = """
        def scaled(data):
            return [each / 255 for each in data]
    """
    assert found(script, loading=loading, scaling=scaling)[0] == [
        "def half(data):",
        "return data[:len(data) // 2]",
        "x = scaling.scaled(half(load()))",
        "SIZE = 8",
        "def load():",
        "return [float(i) for i in range(SIZE)]",
        "def scaled(data):",
        "return [each / 255 for each in data]",
    ]


def test_what_a_function_was_given_is_followed_to_its_caller(found: Found) -> None:
    script = """
        factor = 2.0
        def train(name, x, *, scale=1.0):
            z = [each * scale for each in x]
            model.fit(z)
        def main(rows):
            label = "a"
            data = list(range(rows))
            train(label, data, scale=factor)
        main(4)
    """
    assert found(script)[0] == [
        "factor = 2.0",
        "z = [each * scale for each in x]",
        "scale = 2.0",
        "data = list(range(rows))",
        "rows = 4",
    ]


@pytest.mark.parametrize("form", ["settings.scale", "scale"])
def test_values_of_a_loop_and_of_settings(found: Found, form: str) -> None:
    script = f"""
        from types import SimpleNamespace
        def load(by):
            return [1.0 / by]
        settings = SimpleNamespace(name="a")
        for scale in (16, 255):
            settings.scale = scale
            x = load({form})
            model.fit(x)
    """
    first, second = found(script)
    names = dict.fromkeys(["scale", form])
    assert [text for text in first if text not in second] == [f"{name} = 16" for name in names]
    assert [text for text in second if text not in first] == [f"{name} = 255" for name in names]


def test_methods_of_self_are_looked_into_and_settings_by_what_is_read_of_them(found: Found) -> None:
    script = """
        from types import SimpleNamespace
        cfg = SimpleNamespace()
        cfg.directory = "runs/a"
        cfg.rows = 4
        class Trainer:
            def prepare(self):
                return [2.0] * cfg.rows
            def load(self):
                self.y = self.prepare()
            def run(self):
                self.load()
                x = self.prepare()
                model.fit(x, self.y)
            def report(self):
                return 1
        Trainer().run()
    """
    assert found(script)[0] == [
        "cfg = SimpleNamespace()",
        "cfg.rows = 4",
        "def prepare(self):",
        "return [2.0] * cfg.rows",
        "self.y = self.prepare()",
        "x = self.prepare()",
        "Trainer()",
    ]


@pytest.mark.parametrize("look", ["x.count(1)", "x.index(1)", "print(x)", "len(x)"])
def test_a_look_at_data_changes_nothing(found: Found, look: str) -> None:
    assert found(f"x = [1]\n{look}\nmodel.fit(x)\n") == [["x = [1]"]]


def test_the_call_that_runs_is_the_one_that_is_read(found: Found) -> None:
    script = """
        class Scaler:
            def fit(self, x): return self
            def transform(self, x): return x
        scaler, flag = Scaler(), False
        x, y = [0], [9]
        x, y = [1], [2]
        z = [3]
        model.fit(scaler.fit(x).transform(x),
                  y)
        h = model.fit(x) if flag else model.fit(z)
        model.fit(x); model.fit(z)
    """
    first, *others = found(script)
    assert {"x, y = ([1], [2])", "scaler.fit(x).transform(x)"} <= {*first}
    assert "x, y = ([0], [9])" not in first
    assert others == [["z = [3]"], ["x, y = ([1], [2])"], ["z = [3]"]]


def test_a_name_that_stands_for_another_function_by_now(found: Found) -> None:
    script = """
        import loading
        for name in "ab":
            load = getattr(loading, "load_" + name)
            x = load()
            model.fit(x)
    """
    loading = """
        def load_a():
            return [1]
        def load_b():
            return [2]
    """
    first, second = found(script, loading=loading)
    assert ("return [1]" in first, "return [2]" in first) == (True, False)
    assert ("return [1]" in second, "return [2]" in second) == (False, True)


def test_two_files_of_one_code_are_two(found: Found) -> None:
    for name in ("a", "b"):
        assert found("x = [1]\nmodel.fit(x)\n", name) == [["x = [1]"]]


def test_values_that_cannot_be_written_and_classes_that_answer_with_errors(found: Found) -> None:
    script = """
        class Answering(type):
            def __getattr__(cls, name):
                raise RuntimeError(name)
        class Data(metaclass=Answering):
            def __iter__(self):
                return iter([1])
        data, n = Data(), 10**5000
        for each in data:
            break
        x = [each, n % 7]
        model.fit(x, data)
    """
    assert "for each in data:" in found(script)[0]


def test_of_very_many_statements_none_is_kept(found: Found) -> None:
    script = "x = [0]\n" + "x.append(1)\n" * 120 + "model.fit(x)\n"
    assert found(script) == [[]]


def test_attributes_of_self_are_followed_to_the_other_methods(found: Found) -> None:
    script = """
        class Trainer:
            def __init__(self, rows):
                self.rate = 0.1
                self.x = list(range(rows))
            def run(self):
                model.fit(self.x)
            def report(self):
                print(self.x)
        trainer = Trainer(4)
        trainer.run()
    """
    assert found(script)[0] == ["self.x = list(range(rows))", "trainer = Trainer(4)"]


def test_a_dataset_of_ones_own_is_kept_whole(found: Found) -> None:
    script = """
        class Batches:
            size = 2
            def __getitem__(self, i):
                return i * self.size
        class Other:
            pass
        model.fit(Batches())
    """
    assert found(script)[0] == [
        "class Batches:",
        "size = 2",
        "def __getitem__(self, i):",
        "return i * self.size",
        "Batches()",
    ]


def test_a_loop_over_batches(found: Found) -> None:
    script = """
        import numpy as np
        x = np.arange(8.0)
        loss = 0.0
        for step in range(1):
            rows = np.arange(4)[::-1]
            loss = model.train_on_batch(x[rows])
    """
    assert found(script)[0] == [
        "x = np.arange(8.0)",
        "for step in range(1):",
        "rows = np.arange(4)[::-1]",
        "x[rows]",
    ]


def test_lines_are_those_of_the_file() -> None:
    model = Model()
    line = sys._getframe().f_lineno
    x = [1, 2]
    model.fit(
        x,
        [len(x)],
    )
    assert [(one["line"] - line, one["text"]) for one in model.found[0]] == [(1, "x = [1, 2]"), (4, "[len(x)]")]


def test_statements_on_the_line_of_the_call(found: Found) -> None:
    script = "x = [1]; y = [2]; model.fit(x, y); x = [3]\n"
    assert found(script) == [["x = [1]", "y = [2]"]]


def test_a_fit_within_a_comprehension(found: Found) -> None:
    script = """
        x = [1, 2]
        [model.fit(x) for _ in range(1)]
    """
    assert found(script) == [["x = [1, 2]"]]


@pytest.mark.parametrize("source", ["model.fit([1])", "x = [1]\nmodel.fit(x)"])
def test_code_without_a_file_says_nothing(source: str) -> None:
    model = Model()
    exec(compile(source, "<string>", "exec"), {"model": model})
    assert model.found == [[]]


def test_a_long_statement_is_cut_and_told_apart_all_the_same(found: Found) -> None:
    long = ", ".join(map(str, range(200)))
    script = f"for last in (1, 2):\n    x = [{long}, 1]\n    model.fit(x)\nx = [{long}, 2]\nmodel.fit(x)\n"
    (*_, one), _, (*_, other) = ([t for t in each if t.startswith("x")] for each in found(script))
    assert one[:200] == other[:200] == f"x = [{long}"[:200]
    assert one != other
    assert max(len(one), len(other)) < 220


def test_a_sum_of_very_many_parts_is_passed_over(found: Found) -> None:
    many = " + ".join(["1"] * 600)
    # A part of the statements would be another slice, and no other data.
    script = f"y = [{many}]\nx = [2]\nmodel.fit(x, y)\n"
    assert found(script) == [[]]
