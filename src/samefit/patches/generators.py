"""Watching the generators of a process: `random`, legacy `numpy.random`, the operating system's entropy, a framework's.

Checked on CPython 3.11 to 3.13, NumPy 1.26 to 2.4. Module attributes are replaced; what a library calls below them
(`numpy.random.mtrand._rand`, C code) is not seen as a draw, but shows as a state that moved without an entry.
"""

from __future__ import annotations

import copy
import functools
import importlib
import inspect
import json
import os
import random
import secrets
import struct
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, Protocol

from samefit.backends.base import Backend, HookPoint
from samefit.patches.fast_states import InnerKey, NumpyKey, python_key
from samefit.patches.patching import Patches
from samefit.patches.pin_entropy import PINS
from samefit.patches.random_states import StateObserver, watch_random_states

_PYTHON = "CPython 3.11 to 3.13"
_NUMPY = "NumPy 1.26 to 2.4"
_NUM_BITS = 128
_SYSTEM = random.SystemRandom()
_NOT_DRAWS = {"seed", "getstate", "setstate", "get_state", "set_state", "get_bit_generator", "set_bit_generator"}


class MadeObserver(StateObserver, Protocol):
    """What a ledger does with generators that are made anew."""

    def making_random(self, frame: FrameType, seed: int) -> int:
        """The constructor of `random.Random` is given a seed; returns the one to use."""


class DrawObserver(Protocol):
    """What a ledger does with what the generators show."""

    @property
    def made_generators(self) -> MadeObserver:
        """What it does with generators that are made anew."""

    def draw(self, generator: str, function: str, call: Callable[[], Any]) -> Any:
        """Somebody draws; `call()` does it."""

    def seeding(self, value: Any, function: str) -> Any:
        """Somebody is about to seed a generator with `value`; returns what it is to be seeded with."""

    def watch(
        self, generator: str, read_state: Callable[[], bytes | None], read_key: Callable[[], Any] | None = None
    ) -> None:
        """There is a generator whose state can be read; see `samefit.record.ledger.Ledger.watch`."""

    def seed(self, generator: str, function: str, value: Any) -> None:
        """Somebody seeded a generator."""

    def made(self, function: str, seed: int) -> None:
        """Somebody makes a generator of their own, with a seed."""

    def entropy(self, function: str, take: Callable[[], Any], size: Any = None) -> Any:
        """Somebody takes entropy from the operating system; `take()` does it, `size` is how many bits or bytes."""


def read_python() -> bytes:
    """Returns the state of Python's global generator as bytes."""
    version, words, gauss = random.getstate()
    gauss_word = struct.pack("?d", gauss is not None, gauss or 0.0)
    return struct.pack("I", version) + struct.pack(f"{len(words)}I", *words) + gauss_word


def write_python(state: bytes) -> None:
    """Puts Python's global generator into a state that `read_python` returned."""
    version = struct.unpack_from("I", state)[0]
    gauss_at = len(state) - struct.calcsize("?d")
    words = struct.unpack(f"{(gauss_at - 4) // 4}I", state[4:gauss_at])
    has_gauss, gauss = struct.unpack("?d", state[gauss_at:])
    random.setstate((version, words, gauss if has_gauss else None))


def read_numpy() -> bytes | None:
    """Returns the state of NumPy's legacy global generator as bytes; None if NumPy is not there."""
    numpy: Any = sys.modules.get("numpy")
    if numpy is None or not hasattr(numpy, "random"):
        return None
    # As a dictionary: of a generator that `set_bit_generator` put there, no tuple can be had.
    state = numpy.random.get_state(legacy=False)
    if state["bit_generator"] != "MT19937":
        return json.dumps(state, default=numpy.ndarray.tolist).encode()
    inner = state["state"]
    words: bytes = inner["key"].tobytes()
    return words + struct.pack(_NUMPY_TAIL, inner["pos"], state["has_gauss"], state["gauss"])


_NUMPY_TAIL = "iid"
_TWISTER_SIZE = 4 * 624 + struct.calcsize(_NUMPY_TAIL)
"""Bytes of a state of a Mersenne Twister; those of the other kinds are a few hundred."""


def write_numpy(state: bytes) -> None:
    """Puts NumPy's legacy global generator into a state that `read_numpy` returned, of its kind if it has another."""
    numpy_random: Any = importlib.import_module("numpy.random")
    values: dict[str, Any]
    if len(state) == _TWISTER_SIZE:
        size = struct.calcsize(_NUMPY_TAIL)
        position, has_gauss, gauss = struct.unpack(_NUMPY_TAIL, state[-size:])
        inner = {"key": list(struct.unpack("624I", state[:-size])), "pos": position}
        values = {"bit_generator": "MT19937", "state": inner, "has_gauss": has_gauss, "gauss": gauss}
    else:
        values = json.loads(state)
    kind = values["bit_generator"]
    if type(numpy_random.get_bit_generator()).__name__ != kind:
        numpy_random.set_bit_generator(getattr(numpy_random, kind)())
    numpy_random.set_state(values)


def python_draws() -> list[HookPoint]:
    """Returns the functions of `random` that draw from Python's global generator."""
    functions = {name: getattr(random, name) for name in random.__all__ if name not in _NOT_DRAWS}
    return [(random, name, f"random.{name}") for name, value in functions.items() if not isinstance(value, type)]


def numpy_draws() -> list[HookPoint]:
    """Returns the functions of `numpy.random` that draw from NumPy's legacy global generator."""
    import numpy

    module = numpy.random
    functions = {name: inspect.unwrap(getattr(module, name)) for name in module.__all__ if name not in _NOT_DRAWS}
    legacy = module.mtrand._rand
    return [
        (module, name, f"numpy.random.{name}")
        for name, value in functions.items()
        if getattr(value, "__self__", None) is legacy
    ]


def watch_python(patches: Patches, ledger: DrawObserver) -> None:
    """Puts every draw of the module `random`, and its seeding, into the ledger."""
    ledger.watch("python", read_python, python_key(random._inst))
    for owner, name, label in python_draws():
        draw = functools.partial(wrap, ledger, "python", label)
        patches.replace(owner, name, _standing(draw), checked_on=_PYTHON)
    patches.replace(random, "seed", _standing(_seeding(ledger, "python", "random.seed")), checked_on=_PYTHON)


def watch_entropy(patches: Patches, ledger: DrawObserver) -> None:
    """Puts entropy of the operating system into the ledger.

    NumPy binds `secrets.randbits` when it is imported and seeds every unseeded `default_rng()`, `RandomState()` and bit
    generator from it (numpy/random/bit_generator.pyx, `SeedSequence`), so this must be in place before NumPy is. An
    object of `random.Random` without a seed takes its own in C (Modules/_randommodule.c, `random_seed`), where nobody
    sees it: it is given as many bits as NumPy takes.
    """
    for owner, name in ((secrets, "randbits"), (os, "urandom")):
        taken = _entropy(ledger, f"{owner.__name__}.{name}")
        patches.replace(owner, name, _standing(taken), checked_on=_PYTHON)
    patches.replace(random.Random, "seed", functools.partial(_own, ledger), checked_on=_PYTHON)


def watch_numpy(patches: Patches, ledger: DrawObserver) -> None:
    """Puts every draw of legacy `numpy.random`, its seeding, and every `default_rng`, into the ledger."""
    import numpy

    ledger.watch("numpy", read_numpy, NumpyKey())
    for owner, name, label in numpy_draws():
        draw = functools.partial(wrap, ledger, "numpy", label)
        patches.replace(owner, name, _standing(draw), checked_on=_NUMPY)
    patches.replace(numpy.random, "seed", _standing(_seeding(ledger, "numpy", "numpy.random.seed")), checked_on=_NUMPY)
    patches.replace(numpy.random, "default_rng", _standing(functools.partial(_making, ledger)), checked_on=_NUMPY)
    watch_random_states(patches, ledger.made_generators)


def watch_framework(patches: Patches, ledger: DrawObserver, backend: Backend) -> None:
    """Puts the draws and seedings of a framework's process-wide generator into the ledger."""
    if backend.generator_state() is not None:
        ledger.watch(backend.name, backend.generator_state, InnerKey(backend.inner_generator))
    for owner, name, label in backend.draw_functions():
        patches.replace(
            owner,
            name,
            functools.partial(wrap, ledger, backend.name, label),
            checked_on="jax 0.10, TF 2.21, torch 2.13",
        )
    for owner, name, label in backend.seed_functions():
        patches.replace(owner, name, _seeding(ledger, backend.name, label), checked_on="TF 2.21, torch 2.13")


class Stand(functools.partial[Any]):
    """A hook in the place of a builtin or of a bound method, that behaves like one where it is not called.

    It is no method of a class that holds it as an attribute, and it is pickled and copied as what it stands in for:
    another process has no hooks. A call of it makes no frame of its own.
    """

    @classmethod
    def of(cls, hook: Callable[..., Any], original: Callable[..., Any]) -> Stand:
        """Returns `hook` such that it stands in for `original`."""
        stand = cls(hook)
        functools.update_wrapper(stand, original)
        return stand

    def __get__(self, holder: Any, owner: Any = None) -> Stand:
        return self

    def __reduce__(self) -> str | tuple[Any, ...]:
        original: Any = self.__wrapped__  # type: ignore[attr-defined]
        name: str = original.__qualname__
        if getattr(sys.modules.get(original.__module__ or ""), name, None) is self:
            # What is pickled by its name is found there by that name.
            return name
        return functools.partial, (original,)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        original = self.__wrapped__  # type: ignore[attr-defined]
        copied = copy.deepcopy(original, memo)
        return self if copied is original else copied

    def __copy__(self) -> Stand:
        return self


def _standing(make: Callable[[Any], Callable[..., Any]]) -> Callable[[Any], Stand]:
    return lambda original: Stand.of(make(original), original)


def wrap(ledger: DrawObserver, generator: str, function: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """Returns `original`, a function that draws from `generator`, such that its calls stand in the ledger."""

    @functools.wraps(original)
    def drawing(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("generator") is not None:
            # A generator of its own (torch.randperm(n, generator=g)): the process's one does not move.
            return original(*args, **kwargs)
        return ledger.draw(generator, function, lambda: original(*args, **kwargs))

    return drawing


def _seeding(ledger: DrawObserver, generator: str, label: str) -> Callable[[Any], Any]:
    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def seeding(*args: Any, **kwargs: Any) -> Any:
            args, kwargs = _with_seed(ledger, label, args, kwargs)
            result = original(*args, **kwargs)
            value = args[0] if args else next(iter(kwargs.values()), None)
            ledger.seed(generator, label, value)
            return result

        return seeding

    return make


def _with_seed(
    ledger: DrawObserver, function: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if args:
        return (ledger.seeding(args[0], function), *args[1:]), kwargs
    return args, {n: value if k else ledger.seeding(value, function) for k, (n, value) in enumerate(kwargs.items())}


def _making(ledger: DrawObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def default_rng(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = _with_seed(ledger, "default_rng", args, kwargs)
        value = args[0] if args else kwargs.get("seed")
        if isinstance(value, int):
            # Its draws cannot be watched (NumPy's `Generator` is immutable); its seed says what they will be.
            ledger.made("numpy.random.default_rng", value)
        return original(*args, **kwargs)

    return default_rng


def change_keras_seed(patches: Patches, ledger: DrawObserver) -> None:
    """Lets a re-run give `keras.utils.set_random_seed` another seed, which Keras keeps as well (Keras 3.15.1)."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def set_random_seed(*args: Any, **kwargs: Any) -> Any:
            args, kwargs = _with_seed(ledger, "set_random_seed", args, kwargs)
            return original(*args, **kwargs)

        return set_random_seed

    for name in ("keras.utils", "keras.src.utils", "keras.src.utils.rng_utils"):
        patches.replace(importlib.import_module(name), "set_random_seed", make, checked_on="Keras 3.15.1")


def _own(ledger: DrawObserver, original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        if a is None and not hasattr(original, PINS):
            a = ledger.entropy("random.Random", lambda: _SYSTEM.getrandbits(_NUM_BITS), _NUM_BITS)
        elif isinstance(a, int) and sys._getframe(1).f_code is random.Random.__init__.__code__:
            a = ledger.made_generators.making_random(sys._getframe(1), a)
        original(self, a, version)

    return seed


def _entropy(ledger: DrawObserver, label: str) -> Callable[[Any], Any]:
    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def entropy(*args: Any, **kwargs: Any) -> Any:
            size = next(iter((*args, *kwargs.values())), None)
            return ledger.entropy(label, lambda: original(*args, **kwargs), size)

        return entropy

    return make
