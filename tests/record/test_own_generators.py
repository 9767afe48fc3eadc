"""Generators that stand in global names of the user's modules."""

from __future__ import annotations

import importlib.util
import random
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from samefit.patches.own_generators import make_anew, write
from samefit.record.code import code_digests
from samefit.record.own_generators import OwnGenerator, own_generators

SCRIPT = """
import random
import numpy as np

RNG = np.random.default_rng(0)
LEGACY: np.random.RandomState = np.random.RandomState(0)
OWN = random.Random(0)
SYSTEM = random.SystemRandom()
SEED = 7


class Proxy:
    @property
    def __dict__(self):
        raise RuntimeError("there is nothing behind it")


LAZY = Proxy()
"""


IN_A_FUNCTION = """
import numpy as np

class Noise:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

KEPT = ALIAS = Noise(1)

def main(look):
    generator = np.random.default_rng(2)
    noise, unused = Noise(3), None
    return look(lambda: [generator.random(), noise.rng.random(), KEPT.rng.random()])
"""


def module_of(path: Path, source: str) -> Iterator[ModuleType]:
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[path.stem]


@pytest.fixture
def function(tmp_path: Path) -> Iterator[ModuleType]:
    yield from module_of(tmp_path / "a_script_with_a_function.py", IN_A_FUNCTION)


@pytest.fixture
def script(tmp_path: Path) -> Iterator[ModuleType]:
    yield from module_of(tmp_path / "a_script_of_the_user.py", SCRIPT)


def of(module: ModuleType) -> dict[str, OwnGenerator]:
    found = (own for own in own_generators() if own.location is not None and own.location.file == module.__file__)
    return {own.name: own for own in found}


def test_they_are_found_with_their_lines(script: ModuleType) -> None:
    found = of(script)
    assert {name: own.kind for name, own in found.items()} == {
        "RNG": "numpy.Generator",
        "LEGACY": "numpy.RandomState",
        "OWN": "random.Random",
    }
    location = found["RNG"].location
    assert location is not None
    assert (location.line, location.code) == (5, "RNG = np.random.default_rng(0)")


def test_the_home_of_one_is_the_module_that_makes_it(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the script that imports it, which `multiprocessing` has under another name as well."""
    main = ModuleType("__main__")
    main.__file__, main.RNG = f"{script.__file__}.main.py", script.RNG  # type: ignore[attr-defined]
    others = {name: module for name, module in sys.modules.items() if name != "__main__"}
    monkeypatch.setattr(sys, "modules", {"__main__": main, "__mp_main__": main, **others})
    assert of(script)["RNG"].key == "own:a_script_of_the_user:RNG"


@pytest.mark.parametrize("name", ["RNG", "LEGACY", "OWN"])
def test_a_draw_moves_that_one_alone(script: ModuleType, name: str) -> None:
    before = of(script)
    getattr(script, name).random() if name == "RNG" else getattr(script, name).uniform(0, 1)
    after = of(script)
    assert [other for other in before if before[other].state != after[other].state] == [name]


def draw(script: ModuleType, name: str) -> list[float]:
    generator = getattr(script, name)
    return [generator.random() if name == "OWN" else float(generator.standard_normal()) for _ in range(5)]


@pytest.mark.parametrize("name", ["RNG", "LEGACY", "OWN"])
def test_a_state_is_put_back(script: ModuleType, name: str) -> None:
    draw(script, name)  # Half of a pair of normal values may be kept for the next draw.
    getattr(script, name).random() if name != "LEGACY" else script.LEGACY.standard_normal()
    before = of(script)[name]
    first = draw(script, name)
    assert write(before.key, before.full)
    assert draw(script, name) == first


def test_a_generator_that_knows_its_seed_is_made_anew(script: ModuleType) -> None:
    found = of(script)
    first = draw(script, "RNG")
    assert make_anew(found["RNG"].key)
    assert draw(script, "RNG") == first
    assert not make_anew(found["LEGACY"].key)
    # These have no seed that they know.
    for script.RNG in (
        np.random.Generator(np.random.RandomState(3)._bit_generator),
        np.random.Generator(np.random.Philox(key=5)),
    ):
        assert not make_anew(found["RNG"].key)


class Silent(random.Random):
    def getstate(self) -> tuple[Any, ...]:
        raise NotImplementedError("no state")


class NeedsMore(np.random.PCG64):
    def __init__(self, *, more: int) -> None:
        super().__init__(more)


def test_one_whose_seed_cannot_be_asked_for_is_not_made_anew(script: ModuleType) -> None:
    script.RNG = np.random.Generator(NeedsMore(more=3))
    assert of(script)["RNG"].first is None
    assert not make_anew(of(script)["RNG"].key)


def test_what_is_loaded_when_it_is_used_is_left_alone(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lazily_loaded.py").write_text("import numpy\nRNG = numpy.random.default_rng(0)\n")
    spec = importlib.util.spec_from_file_location("lazily_loaded", tmp_path / "lazily_loaded.py")
    assert spec is not None
    assert spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    lazy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lazy)
    script.LAZY = lazy
    monkeypatch.setitem(sys.modules, "lazily_loaded", lazy)
    monkeypatch.setitem(sys.modules, "not_installed", NotInstalled())  # type: ignore[arg-type]
    assert [*of(script)] == ["RNG", "LEGACY", "OWN"]
    assert str(tmp_path / "lazily_loaded.py") in [str(Path(file).resolve()) for file in code_digests()]
    assert "RNG" not in object.__getattribute__(lazy, "__dict__")


class NotInstalled:
    """A stand-in for a library, which says so whatever it is asked for."""

    @property
    def __class__(self) -> Any:
        raise ImportError("it is not installed")

    def __getattr__(self, name: str) -> Any:
        raise ImportError("it is not installed")


def test_one_that_does_not_tell_its_state_is_left_out(script: ModuleType) -> None:
    script.SILENT = Silent()
    assert [*of(script)] == ["RNG", "LEGACY", "OWN"]


def test_a_name_that_is_gone_or_something_else_is_not_written(script: ModuleType) -> None:
    found = of(script)
    script.RNG = 7
    assert not write(found["RNG"].key, found["RNG"].full)
    assert not make_anew(found["RNG"].key)
    assert not write("own:no_such_module:RNG", b"")


FRAMEWORKS = {
    "torch": "import torch; G = torch.Generator().manual_seed(3); draw = lambda: torch.rand(3, generator=G).tolist()",
    "tensorflow": "import tensorflow as tf; G = tf.random.Generator.from_seed(3); "
    "draw = lambda: G.normal([3]).numpy().tolist()",
}
AGAIN = """
from samefit.patches.own_generators import make_anew, write
from samefit.record.own_generators import own_generators
own = next(own for own in own_generators() if own.name == "G")
first, second = draw(), draw()
assert first != second
assert write(own.key, own.full) and [draw(), draw()] == [first, second]
assert make_anew(own.key) is (own.kind == "torch.Generator")
assert own.kind != "torch.Generator" or draw() == first
"""


def test_generators_of_frameworks(each_backend: str, tmp_path: Path) -> None:
    if each_backend not in FRAMEWORKS:
        pytest.skip("JAX has keys, and no generators")
    script = tmp_path / "train.py"
    script.write_text(FRAMEWORKS[each_backend] + "\n" + AGAIN)
    done = subprocess.run([sys.executable, "-W", "ignore", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_those_of_a_function_that_is_called_and_of_objects(function: ModuleType) -> None:
    def look(draw: Callable[[], list[float]]) -> None:
        found = of(function)
        assert {name: own.location and own.location.line for name, own in found.items()} == {
            "generator": 11,
            "noise.rng": 6,
            "KEPT.rng": 6,
        }
        first = draw()
        for own in found.values():
            assert write(own.key, own.full)
        assert draw() == first
        assert all(make_anew(own.key) for own in found.values())
        assert draw() == first

    function.main(look)
    # Once it has returned there is nothing of it any more.
    assert [*of(function)] == ["KEPT.rng"]
    assert not make_anew("own:a_script_with_a_function.main():generator")


def test_what_a_function_has_deleted_is_let_go(script: ModuleType) -> None:
    class Model:
        pass

    model = Model()
    alive = weakref.ref(model)
    assert "RNG" in of(script)
    assert isinstance(model, Model)
    del model
    assert alive() is None
