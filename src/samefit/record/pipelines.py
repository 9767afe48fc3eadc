"""How the input pipelines of a process are put together, stage by stage, with the lines that do it."""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from types import CodeType, FrameType
from typing import Any

from samefit.attribution import caller
from samefit.backends.base import Backend
from samefit.by_object import ByObject
from samefit.given_seeds import called_by_user, name_of
from samefit.record.ledger import Ledger
from samefit.record.own_code import values_read
from samefit.record.own_generators import assignment
from samefit.record.plain import leaves
from samefit.transplant.plan import Transplants

Stage = Mapping[str, Any]


class Pipelines:
    """Implements `samefit.patches.pipelines.PipelineObserver`.

    A stage is what a training record holds of it (in `TrainingRecord.options["pipeline"]`): {"function", "number":
    which of the side's calls it is, "side", "arguments", "seeds": the words with which it shuffles, where it does,
    "unseeded": random operations without a seed in what it calls, where there are any, "alike": whether what comes out
    is of the kind that goes in, "reads": {argument: {name: {"value", "location": where it is first assigned}}} of the
    user's own functions, "event": the last entry of the ledger before it, "location"; and where the user's line calls a
    function of a library that makes it "within": that function, "given": its arguments}.

    Args:
        ledger: The ledger of draws of this process.
        transplants: What this run takes from another one.
    """

    def __init__(self, ledger: Ledger, transplants: Transplants) -> None:
        self._ledger = ledger
        self._guard = ledger.guard
        self._transplants = transplants
        self._stages: ByObject[tuple[Stage, ...]] = ByObject()
        self._count = 0
        self._local = threading.local()

    def begin_side(self) -> None:
        """Starts counting the stages of a new side."""
        self._count = 0

    def stage(
        self,
        backend: Backend,
        function: str,
        arguments: dict[str, Any],
        defaults: Mapping[str, Any],
        make: Callable[[], Any],
    ) -> Any:
        # What Keras makes within a `fit`, and what a stage makes within, are no stages of the user's.
        if self._guard.stopped or self._ledger.is_within or getattr(self._local, "busy", False):
            return make()
        self._local.busy = True
        try:
            begun = self._guard(lambda: self._begin(function, arguments, defaults), None)
            if begun is not None and self._guard(lambda: self._transplants.leaves_out(begun["number"]), False):
                return arguments["self"]
            draws = begun is not None and backend.draws_its_seed(function, arguments)
            made = self._ledger.draw(backend.name, f"Dataset.{function}", make) if draws else make()
        finally:
            self._local.busy = False
        if begun is not None:
            self._guard(lambda: self._made(backend, begun, arguments, made), None)
        return made

    def of(self, value: Any) -> list[Stage]:
        """Returns the stages behind what was handed to `fit`, first one first; empty for anything else."""
        return list(self._stages.get(value) or ())

    def _begin(self, function: str, arguments: dict[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any] | None:
        where = caller().location
        if where is None:
            return None
        number, self._count = self._count, self._count + 1
        self._transplants.pipeline(number, arguments)
        given = {**defaults, **arguments}
        described = {name: _described(value) for name, value in given.items() if not _is_input(name)}
        function_of_library = called_by_user(sys._getframe())
        within = {}
        if function_of_library is not None:
            within = {"within": name_of(function_of_library), "given": _given_to(function_of_library)}
        return {
            **within,
            "function": function,
            "number": number,
            "side": self._ledger.side,
            "arguments": described,
            "event": self._ledger.last_id,
            "location": asdict(where),
        }

    def _made(self, backend: Backend, stage: dict[str, Any], arguments: Mapping[str, Any], made: Any) -> None:
        before = [earlier for value in leaves(arguments) for earlier in self.of(value)]
        if (seeds := backend.seeds_of_stage(made)) is not None:
            stage["seeds"] = list(seeds)
        try:
            if unseeded := backend.unseeded_operations(made):
                stage["unseeded"] = list(unseeded)
        except Exception as error:  # of a graph that may hold anything; what was not looked at is not said to be seeded
            stage["unseeded"] = [f"something that could not be read ({type(error).__name__}: {error})"]
        if reads := {name: found for name, value in arguments.items() if (found := _reads(value))}:
            stage["reads"] = reads
        kinds = [getattr(dataset, "element_spec", None) for dataset in (arguments.get("self"), made)]
        stage["alike"] = kinds[0] is not None and kinds[0] == kinds[1]
        # A constructor returns nothing: what it makes is the object that it was called on.
        self._stages.add(arguments["self"] if made is None else made, (*before, stage))


def _is_input(name: str) -> bool:
    return name in ("self", "dataset", "datasets", "name")


def _given_to(frame: FrameType) -> dict[str, Any]:
    """Returns what a function was given, as far as it has not given its parameters other values since."""
    code = frame.f_code
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return {name: _described(frame.f_locals[name]) for name in names if name != "self" and name in frame.f_locals}


def _reads(function: Any) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, value, file in values_read(function):
        where = assignment(file, name.partition("[")[0].rpartition(".")[2])
        read[name] = {"value": value, "location": None if where is None else asdict(where)}
    return read


def _described(value: Any) -> Any:
    """Returns a plain value as it is, and of anything else what it is, under the key "is"."""
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    seed = None if isinstance(value, type) else getattr(value, "initial_seed", None)
    if callable(seed):
        # PyTorch's generators say with what they were seeded.
        return {"is": type(value).__name__, "seed": int(seed())}
    own = getattr(value, "generator", None)
    if own is not None:
        return {"is": type(value).__name__, "generator": _described(own)}
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is not None and dtype is not None:
        # TensorFlow's shapes may have no known rank: then they are no tuple, and cannot be made one.
        shown = tuple(shape) if isinstance(shape, tuple) else shape
        return {"is": f"{shown} {getattr(dtype, 'name', dtype)}"}
    if isinstance(value, (list, tuple)):
        return {"is": [_described(item) for item in value]}
    if isinstance(value, Mapping):
        return {"is": {str(key): _described(item) for key, item in value.items()}}
    code = getattr(value, "__code__", None)
    if code is not None:
        return {"is": value.__name__, "code": _digest(code)}
    return {"is": getattr(value, "__name__", type(value).__name__)}


def _digest(code: CodeType) -> str:
    """Returns 8 hexadecimal digits that are the same for the same code, wherever it stands."""
    constants = [_digest(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    text = f"{code.co_code.hex()} {constants} {code.co_names} {code.co_varnames}"
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
