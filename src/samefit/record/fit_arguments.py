"""What `fit` was given, as it stands in a run: data by shape and digest, a pipeline by its stages, options by value."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from samefit.data_code import attributes_held, draws_of
from samefit.nested import flatten
from samefit.record.made_by import statements_behind
from samefit.record.own_code import written_at
from samefit.record.plain import plain
from samefit.store.digest import NoDigestError, digest, digest_many, rows_sum

DATA = ("x", "y", "sample_weight")


def describe_arguments(
    kind: str, arguments: Mapping[str, Any], to_numpy: Any, pipeline_of: Callable[[Any], Any] = lambda value: None
) -> dict[str, Any]:
    """Describes what `fit` is given, which the user's code is just calling; of `train_on_batch` where that comes from.

    What the code of a dataset draws from, as it is written, stands under "draws" (`samefit.types.CodeDraw`), and the
    statements that make the data under "made_by" (`samefit.record.made_by`).
    """
    made_by = statements_behind(sys._getframe(1), kind)
    if kind != "fit":
        return {"made_by": made_by} if made_by else {}
    options = {name: plain(value) for name, value in arguments.items() if name not in (*DATA, "validation_data")}
    callbacks = as_list(arguments.get("callbacks"))
    options["callbacks"] = [type(c).__name__ for c in callbacks]
    options["callback_options"] = [_plain_attributes(c) for c in callbacks]
    options["callback_code"] = [written_at(c, {}) for c in callbacks]
    if arguments.get("validation_data") is not None:
        options["validation_data"] = _describe_data(arguments["validation_data"], to_numpy)
    if made_by:
        options["made_by"] = made_by
    if pipeline := pipeline_of(arguments.get("x")):
        options["pipeline"] = pipeline
    if draws := draws_of(arguments.get("x")):
        options["draws"] = [asdict(draw) for draw in draws]
    given = {name: arguments[name] for name in DATA if arguments.get(name) is not None}
    options |= {name: _describe_data(value, to_numpy) for name, value in given.items()}
    leaves = [leaf for value in given.values() for _, leaf in flatten(value)]
    # Of a data frame beside an array of targets, the targets alone would say nothing of the samples.
    arrays = [to_numpy(leaf) for leaf in leaves] if all(map(_is_array, leaves)) else []
    if arrays and all(a.ndim and len(a) == len(arrays[0]) for a in arrays):
        with contextlib.suppress(NoDigestError):  # each batch says that it could not be seen
            options["rows"] = rows_sum(arrays, len(arrays[0])).hex()
    return options


def _plain_attributes(thing: Any) -> dict[str, Any]:
    """Returns the public attributes of a callback that are numbers, texts or flags."""
    public = {name: value for name, value in attributes_held(thing).items() if not name.startswith("_")}
    # By type: a proxy among them may raise when it is asked for its class.
    return {name: value for name, value in public.items() if issubclass(type(value), (bool, int, float, str))}


_BATCH_HOOKS = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")


def act_between_steps(callbacks: Any) -> bool:
    """Whether callbacks that `fit` was given run code of the user's between two steps of an epoch.

    Keras marks the methods of its base class, which do nothing (`default` of keras/src/utils/python_utils.py, 3.15.1).
    """
    import keras

    each = callbacks.callbacks if isinstance(callbacks, keras.callbacks.CallbackList) else as_list(callbacks)
    return any(
        # Of Keras's own only `LambdaCallback`, whose functions are its attributes, runs code of somebody else's.
        hook in vars(callback)
        if type(callback).__module__.startswith("keras.")
        else not getattr(getattr(callback, hook, None), "_is_default", False)
        for callback in each
        for hook in _BATCH_HOOKS
    )


def data_arrays(arguments: Mapping[str, Any], to_numpy: Any) -> dict[str, Any]:
    """Returns the arrays that were handed to `fit`, by argument and place in it: "x", "x/0", "x/image"."""
    given = [flatten(arguments[name], name) for name in DATA if arguments.get(name) is not None]
    whole = [leaves for leaves in given if all(_is_array(leaf) for _, leaf in leaves)]
    return {path: to_numpy(leaf) for leaves in whole for path, leaf in leaves}


def as_list(value: Any) -> list[Any]:
    """Returns the items of a list or tuple, none for None, and anything else as the only item."""
    return list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype") and hasattr(value, "__array__")


def _describe_data(value: Any, to_numpy: Any) -> dict[str, Any]:
    leaves = flatten(value)
    described: dict[str, Any] = {"type": type(value).__name__}
    if leaves and all(_is_array(leaf) for _, leaf in leaves):
        arrays = [(path, to_numpy(leaf)) for path, leaf in leaves]
        first = arrays[0][1]
        described |= {"shape": list(first.shape), "dtype": str(first.dtype)}
        with contextlib.suppress(NoDigestError):
            described["digest"] = (digest(first) if len(arrays) == 1 else digest_many(arrays)).hex()
    for name in ("workers", "batch_size", "num_workers", "use_multiprocessing", "max_queue_size"):
        with contextlib.suppress(Exception):  # options of a user's own dataset class: nice to have, never needed
            option = getattr(value, name, None)
            if isinstance(option, (int, bool)):
                described[name] = option
    return described
