"""Reading configurations of layers, optimizers and losses without leaving a trace in the process.

Keras's `get_config` of anything with a dtype policy asks whether TensorFlow is available, and imports it to find out
(keras/src/saving/serialization_lib.py, keras/src/utils/module_utils.py; checked on Keras 3.12 to 3.15). In a user's
JAX or PyTorch process that would cost seconds, and bring a second runtime with threads and allocators of its own.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from samefit.patches.patching import Patches

_CHECKED = "Keras 3.12 to 3.15"
_MOST = 4096
"""Elements of an array that stand in a configuration; of more a digest does."""


def config_of(thing: Any) -> Mapping[str, Any]:
    """Returns `thing.get_config()`; {"error": class of the exception} if it has no usable one, as users' classes may.

    Args:
        thing: A layer, an initialiser, an optimizer, a loss or a metric.

    Raises:
        KerasChanged: If Keras looks for TensorFlow in another way than this module knows.
    """
    with _read_cheaply(), warnings.catch_warnings():
        # Keras warns of lambdas that are saved; nobody asked for that.
        warnings.simplefilter("ignore")
        try:
            return dict(thing.get_config())
        except Exception as error:  # a user's get_config may do anything; that it failed stands in the record
            # Not its message, which may hold an address: equal layers would seem to differ.
            return {"error": type(error).__name__}


@contextlib.contextmanager
def _read_cheaply() -> Iterator[None]:
    """Keeps `get_config` from importing TensorFlow, and from writing out arrays of `Constant` and modules of PyTorch.

    A schedule without a `get_config` of its own has no options, where Keras's raises and takes those of the optimizer
    along (keras/src/optimizers/schedules/learning_rate_schedule.py).
    """
    patches = Patches()
    utilities = sys.modules.get("keras.src.utils.module_utils")
    constants = sys.modules.get("keras.src.initializers.constant_initializers")
    schedules = sys.modules.get("keras.src.optimizers.schedules.learning_rate_schedule")
    modules = sys.modules.get("keras.src.utils.torch_utils")
    try:
        if schedules is not None:
            patches.replace(schedules.LearningRateSchedule, "get_config", _without_options, checked_on=_CHECKED)
        if utilities is not None and "tensorflow" not in sys.modules:
            # Nothing can be an object of a module that was never imported: "not available" gives the same.
            patches.replace(utilities.tensorflow, "_available", lambda _: False, checked_on=_CHECKED)
        if constants is not None:
            patches.replace(constants.Constant, "get_config", _shortened, checked_on=_CHECKED)
        if modules is not None:
            told = functools.partial(_told, modules.TorchModuleWrapper)
            patches.replace(modules.TorchModuleWrapper, "get_config", told, checked_on=_CHECKED)
        yield
    finally:
        patches.undo()


def _without_options(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def get_config(self: Any) -> Any:
        return {}

    return get_config


def _shortened(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def get_config(self: Any) -> Any:
        # Plans of re-runs come here before the script does, which may set up NumPy first.
        import numpy as np

        value = self.value
        if not isinstance(value, np.ndarray) or value.size <= _MOST:
            return original(self)
        what = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16]
        return {"value": f"array {value.shape} {value.dtype}, {what}"}

    return get_config


def _told(wrapper: type[Any], original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Keeps a wrapped module of PyTorch from being pickled with its weights, which each step makes another option."""

    def get_config(self: Any) -> Any:
        text = re.sub(r" at 0x[0-9a-f]+", "", " ".join(repr(self.module).split()))
        what = hashlib.sha256(text.encode()).hexdigest()[:16]
        # Marked as a function of the user's own is (`samefit.record.own_code`): no re-run can make it from this text.
        base = super(wrapper, self).get_config()
        return {**base, "module": f"{text} (your own, {what})", "output_shape": self.output_shape}

    return get_config
