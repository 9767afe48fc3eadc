"""Reading configurations of layers, optimizers and losses without leaving a trace in the process.

Keras's `get_config` of anything with a dtype policy asks whether TensorFlow is available, and imports it to find out
(keras/src/saving/serialization_lib.py, keras/src/utils/module_utils.py; checked on Keras 3.12 to 3.15). In a user's
JAX or PyTorch process that would cost seconds, and bring a second runtime with threads and allocators of its own.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterator, Mapping
from typing import Any


def config_of(thing: Any) -> Mapping[str, Any]:
    """Returns `thing.get_config()`; {"error": what was raised} if it has no usable one, as users' classes may.

    Args:
        thing: A layer, an initialiser, an optimizer, a loss or a metric.
    """
    try:
        with _unseen():
            return dict(thing.get_config())
    except Exception as error:  # a user's get_config may do anything; that it failed stands in the record
        return {"error": f"{type(error).__name__}: {error}"[:200]}


@contextlib.contextmanager
def _unseen() -> Iterator[None]:
    """Keeps TensorFlow from being imported, and Keras from warning of lambdas that nobody asked it to save."""
    tensorflow = sys.modules["keras.src.utils.module_utils"].tensorflow
    undecided = tensorflow._available is None and "tensorflow" not in sys.modules
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if undecided:
            # Nothing can be an object of a module that was never imported: "not available" gives the same answer.
            tensorflow._available = False
        try:
            yield
        finally:
            if undecided:
                tensorflow._available = None
