"""TensorFlow: op seeds taken from a global seed, batches pulled inside the compiled step."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, final

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context as tf_context
from tensorflow.python.framework import config as tf_config
from tensorflow.python.ops.resource_variable_ops import ResourceVariable

from samefit.backends import random_tensorflow, replicas_tensorflow
from samefit.backends.base import Array, Backend, Delivered, Determinism, HookPoint, Tap
from samefit.backends.read_tensorflow import Reader

_DRAWS = ("normal", "uniform", "shuffle", "truncated_normal", "categorical", "gamma", "poisson")
_STAGES = (
    "from_tensors",
    "from_tensor_slices",
    "from_generator",
    "list_files",
    "range",
    "zip",
    "concatenate",
    "sample_from_datasets",
    "choose_from_datasets",
    "shuffle",
    "batch",
    "padded_batch",
    "ragged_batch",
    "unbatch",
    "rebatch",
    "map",
    "flat_map",
    "interleave",
    "filter",
    "repeat",
    "take",
    "skip",
    "shard",
    "window",
    "cache",
    "prefetch",
    "snapshot",
)
_VARIABLES = ("TF_DETERMINISTIC_OPS", "TF_ENABLE_ONEDNN_OPTS", "TF_XLA_FLAGS")


@final
class TensorFlowBackend(Backend):
    """The adapter for TensorFlow."""

    name = "tensorflow"

    def __init__(self) -> None:
        self._reader = Reader()

    def version(self) -> str:
        return str(tf.__version__)

    def device(self) -> str:
        devices = tf.config.list_logical_devices("GPU")
        return str(devices[0].name) if devices else "cpu"

    def flags(self) -> Mapping[str, Any]:
        return {
            "op_determinism": bool(tf_config.is_op_determinism_enabled()),
            "tensor_float_32": tf.config.experimental.tensor_float_32_execution_enabled(),
            "run_functions_eagerly": tf.config.functions_run_eagerly(),
            **{name: os.environ.get(name) for name in _VARIABLES},
        }

    def threads(self) -> Mapping[str, int]:
        threading = tf.config.threading
        return {
            "intra_op": threading.get_intra_op_parallelism_threads(),
            "inter_op": threading.get_inter_op_parallelism_threads(),
        }

    def to_numpy(self, value: Any) -> Array:
        if isinstance(value, tf.RaggedTensor):
            return np.concatenate([np.asarray(value.flat_values).ravel(), *map(np.asarray, value.nested_row_splits)])
        if isinstance(value, tf.SparseTensor):
            value = tf.sparse.to_dense(value)
        if isinstance(value, tf.Variable):
            # `.numpy()` of a variable copies; its read value does not.
            value = value.value()
        return np.asarray(value)

    def host_value(self, variable: Any) -> Array | None:
        return self.host_values([variable])[0]

    def host_values(self, variables: Sequence[Any]) -> list[Array | None]:
        with tf.init_scope():
            return self._reader.read([variable._value for variable in variables])

    def write(self, variable: Any, value: Array) -> None:
        with tf.init_scope():
            variable._value.assign(tf.cast(tf.convert_to_tensor(value), variable._value.dtype))

    def copying_functions(self) -> Sequence[HookPoint]:
        return ((ResourceVariable, "assign", "tf.Variable.assign"),)

    def compute_alike(self) -> tuple[Mapping[str, str], Callable[[], None]]:
        # Grappler's arithmetic optimizer picks among equal operations by their names, which hold the names of layers: a
        # Functional and a subclassed build of one model differed in the last bit of their gradients (2.21, on a CPU).
        name = "arithmetic_optimization"
        before = tf.config.optimizer.get_experimental_options().get(name)
        tf.config.optimizer.set_experimental_options({name: False})

        def put_back() -> None:
            # It is on unless it was switched off.
            tf.config.optimizer.set_experimental_options({name: True if before is None else before})

        return {f"tensorflow {name}": "off"}, put_back

    def evaluated(self, compute: Callable[[], Any]) -> Array | None:
        with tf.init_scope():
            return np.asarray(compute())

    def generator_state(self) -> bytes | None:
        rng = self.inner_generator()
        state = None if rng is None else _jsonable(rng.getstate())
        return json.dumps({"seed": tf_context.context()._seed, "rng": state}).encode()

    def own_generator_state(self, value: Any) -> bytes | None:
        return bytes(np.asarray(value.state).tobytes()) if isinstance(value, tf.random.Generator) else None

    def write_own_generator(self, value: Any, state: bytes) -> bool:
        if isinstance(value, tf.random.Generator):
            value.state.assign(np.frombuffer(state, dtype=value.state.dtype.as_numpy_dtype))
        return isinstance(value, tf.random.Generator)

    def inner_generator(self) -> random.Random | None:
        context = tf_context.context()
        # `_rng` exists only once a global seed was set, and counts only while one is (eager/context.py of 2.21).
        return getattr(context, "_rng", None) if context._seed is not None else None

    def set_generator_state(self, state: bytes) -> None:
        wanted = json.loads(state)
        if wanted["seed"] is None:
            # An unseeded context draws its op seeds from the operating system: there is no position to put back.
            self.unseed()
            return
        tf.random.set_seed(wanted["seed"])
        if wanted["rng"] is not None:
            version, words, gauss = wanted["rng"]
            tf_context.context()._rng.setstate((version, tuple(words), gauss))

    def seed(self, seed: int) -> None:
        tf.random.set_seed(seed)

    def reseed(self, seed: int) -> None:
        # `tf.random.set_seed` would also restart the counters inside the ops (tensorflow/python/eager/context.py of
        # 2.21), and a layer that draws with tf.random would get the same numbers in every epoch.
        rng = getattr(tf_context.context(), "_rng", None)
        if rng is None:
            tf.random.set_seed(seed)
        else:
            rng.seed(seed)

    def unseed(self) -> None:
        if tf_context.context()._seed is not None:
            tf.random.set_seed(None)

    def mark(self) -> Any:
        context = tf_context.context()
        rng = getattr(context, "_rng", None)
        return None if rng is None else (context._seed, rng.getstate())

    def return_to(self, mark: Any) -> None:
        if mark is not None:
            context = tf_context.context()
            context._seed, state = mark
            context._rng.setstate(state)

    def enable_determinism(self) -> Determinism:
        undo = contextlib.ExitStack()
        if not tf_config.is_op_determinism_enabled():
            # It may be switched off again: what was compiled meanwhile stays deterministic.
            undo.callback(tf_config.disable_op_determinism)
            tf.config.experimental.enable_op_determinism()
        return Determinism({"op determinism": "on"}, (), undo.close)

    def full_precision(self) -> Determinism:
        if not tf.config.list_physical_devices("GPU"):
            return Determinism({}, (), lambda: None)
        switch = tf.config.experimental.enable_tensor_float_32_execution
        before = tf.config.experimental.tensor_float_32_execution_enabled()
        switch(False)
        return Determinism({"TensorFloat-32": "off"}, (), lambda: switch(before))

    updates_may_overtake = True

    def completed(self, gradients: Sequence[Any]) -> list[Any]:
        if tf.executing_eagerly():
            return list(gradients)
        with tf.control_dependencies([gradient for gradient in gradients if gradient is not None]):
            return [None if gradient is None else tf.identity(gradient) for gradient in gradients]

    @contextlib.contextmanager
    def shuffling(self, rows: Callable[[], Array]) -> Iterator[None]:
        # Keras draws a permutation with the first of them, from 3.16 on with the second.
        owners = ((tf.random, "shuffle"), (tf.random.experimental, "stateless_shuffle"))
        originals = [getattr(owner, name) for owner, name in owners]

        def shuffle(value: Any, *args: Any, **kwargs: Any) -> Any:
            order = tf.numpy_function(rows, [], tf.int64)
            order.set_shape(value.shape)
            return order

        for owner, name in owners:
            setattr(owner, name, shuffle)
        try:
            yield
        finally:
            for (owner, name), original in zip(owners, originals, strict=True):
                setattr(owner, name, original)

    def draw_functions(self) -> Sequence[HookPoint]:
        return [(tf.random, name, f"tf.random.{name}") for name in _DRAWS if hasattr(tf.random, name)]

    def pipeline_functions(self) -> Sequence[HookPoint]:
        return [(tf.data.Dataset, name, name) for name in _STAGES if hasattr(tf.data.Dataset, name)]

    def draws_its_seed(self, function: str, arguments: Mapping[str, Any]) -> bool:
        shuffles = function == "shuffle" or (function == "list_files" and arguments.get("shuffle") is not False)
        return shuffles and arguments.get("seed") is None

    def seeds_of_stage(self, stage: Any) -> Sequence[int] | None:
        words: list[Any] = [getattr(stage, name, None) for name in ("_seed", "_seed2")]
        # Inside of a function of a dataset they have no values; two zeros ask for a seed of the operating system's.
        return [int(word) for word in words] if all(hasattr(word, "numpy") for word in words) else None

    def unseeded_operations(self, stage: Any) -> Sequence[str]:
        # `DatasetV2._functions`, checked on TensorFlow 2.21: it is evidence, and a version without it has none.
        functions: Any = getattr(stage, "_functions", tuple)
        graphs = [function.function.graph.as_graph_def() for function in functions()]
        parts = [part for graph in graphs for part in (graph.node, *(f.node_def for f in graph.library.function))]
        nodes = itertools.chain.from_iterable(parts)
        # Two zeros ask for a seed of the operating system's (tensorflow/python/framework/random_seed.py, 2.21).
        unseeded = (n for n in nodes if "seed2" in n.attr and not (n.attr["seed"].i or n.attr["seed2"].i))
        return sorted({node.op for node in unseeded})

    def seed_functions(self) -> Sequence[HookPoint]:
        return ((tf.random, "set_seed", "tf.random.set_seed"),)

    def portable_draws(self) -> Mapping[str, Callable[..., Any]]:
        return random_tensorflow.draws()

    def next_seed(self, variable: Any) -> Any | None:
        return None

    def specify_stream(self) -> Callable[[], None]:
        return lambda: None

    def watch_batches(self, dataset: Any, observe: Callable[[list[tuple[str, Array]]], None]) -> Any:
        source = dataset if isinstance(dataset, tf.data.Dataset) else replicas_tensorflow.original(dataset)
        if source is None:
            # It cannot be mapped here: its batches stay unseen, and the recorder says so.
            return dataset
        is_tuple = isinstance(source.element_spec, tuple)

        def tap(*element: Any) -> Any:
            parts = [(f"batch/{i}", leaf) for i, part in enumerate(element) for leaf in tf.nest.flatten(part)]
            named = [(path, tensor) for path, leaf in parts for tensor in _tensors(leaf)]
            paths = [path for path, _ in named]

            def host(*leaves: Array) -> None:
                observe(list(zip(paths, leaves, strict=True)))

            # Elements are handed on untouched: inside a dataset function a stateful op runs without being asked for.
            tf.numpy_function(host, [tensor for _, tensor in named], [], stateful=True)
            return element if is_tuple else element[0]

        shown = source.map(tap)
        return shown if source is dataset else replicas_tensorflow.mapped(dataset, shown)

    def pulls_ahead(self, dataset: Any) -> bool:
        return not isinstance(dataset, tf.data.Dataset) or bool(dataset.options().experimental_warm_start)

    def batch_source(self, iterator: Any) -> Any:
        return replicas_tensorflow.source_of(iterator)

    def is_concrete(self, value: Any) -> bool:
        return not tf.is_tensor(value) or hasattr(value, "numpy")

    def gradients(self, loss: Callable[[], Any], variables: Sequence[Any]) -> tuple[Array, list[Array | None]]:
        with tf.GradientTape() as tape:
            value = loss()
        gradients = tape.gradient(value, [variable._value for variable in variables])
        # Of an embedding TensorFlow gives the rows that were used; as a tensor it has all of them.
        return np.asarray(value), [None if g is None else np.asarray(tf.convert_to_tensor(g)) for g in gradients]

    def step_in_depth(
        self,
        trainer: Any,
        state: Any,
        batch: Any,
        watching: Callable[[Tap], contextlib.AbstractContextManager[None]],
        *,
        eager: bool = False,
    ) -> tuple[bool, Any]:
        if trainer.steps_per_execution > 1:
            raise ValueError("several steps are one execution here (steps_per_execution)")
        if trainer.distribute_strategy.num_replicas_in_sync > 1:
            raise ValueError("the step is shared out among several replicas")
        spec, leaves = _with_spec(batch)
        taken: list[tuple[list[Any], Callable[[list[Array]], None]]] = []

        def tap(tensors: Sequence[Any], receive: Callable[[list[Array]], None]) -> None:
            dense = [_dense(tensor) for tensor in tensors]
            if tf.executing_eagerly():
                receive([np.array(tensor) for tensor in dense])
                return
            # What is inside of a compiled loop or branch belongs to a graph of its own, and cannot be handed out.
            graph = tf.compat.v1.get_default_graph()
            if graph is outer[0] and all(not tf.is_symbolic_tensor(t) or t.graph is graph for t in dense):
                taken.append((dense, receive))

        outer: list[Any] = []

        def step(*flat: Any) -> list[Any]:
            given = iter(flat)
            data = tf.nest.map_structure(lambda leaf: None if leaf is None else next(given), spec)
            taken.clear()
            outer[:] = [None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()]
            with watching(tap):
                replicas_tensorflow.in_replica(trainer, trainer.train_step, data)
            return [tensor for tensors, _ in taken for tensor in tensors]

        if trainer.run_eagerly or eager:
            step(*leaves)
            return not trainer.run_eagerly, None
        signature = [leaf for leaf in tf.nest.flatten(spec) if leaf is not None]
        values = iter(tf.function(step, input_signature=signature, jit_compile=trainer.jit_compile)(*leaves))
        for tensors, receive in taken:
            receive([np.array(next(values)) for _ in tensors])
        return False, None


def _with_spec(batch: Any) -> tuple[Any, list[Any]]:
    """Returns how a batch is nested, a `TensorSpec` at each leaf (None where there is nothing), and its tensors."""
    if not isinstance(batch, Delivered):
        tensors = tf.nest.map_structure(lambda leaf: None if leaf is None else tf.convert_to_tensor(leaf), batch)
        spec = tf.nest.map_structure(lambda leaf: None if leaf is None else tf.TensorSpec.from_tensor(leaf), tensors)
        return spec, [leaf for leaf in tf.nest.flatten(tensors) if leaf is not None]

    def leaf_of(spec: Any) -> Any:
        return None if isinstance(spec, tf.OptionalSpec) else spec

    spec = tf.nest.map_structure(leaf_of, batch.dataset.element_spec)
    specs = [leaf for leaf in tf.nest.flatten(spec) if leaf is not None]
    if len(specs) != len(batch.leaves) or not all(isinstance(leaf, tf.TensorSpec) for leaf in specs):
        raise ValueError("a batch with ragged or sparse tensors cannot be put together again")
    return spec, [tf.constant(value, dtype=leaf.dtype) for value, leaf in zip(batch.leaves, specs, strict=True)]


def _dense(value: Any) -> Any:
    if isinstance(value, tf.RaggedTensor):
        return value.flat_values
    if isinstance(value, tf.SparseTensor):
        return value.values
    return tf.convert_to_tensor(value)


def _jsonable(state: tuple[Any, ...]) -> list[Any]:
    version, words, gauss = state
    return [version, list(words), gauss]


ADAPTER = TensorFlowBackend()


def _tensors(leaf: Any) -> Sequence[Any]:
    """Returns the tensors by which a leaf of a batch is told: a sparse one written out, a ragged one by its parts."""
    if isinstance(leaf, tf.SparseTensor):
        return [tf.sparse.to_dense(leaf, validate_indices=False)]
    if isinstance(leaf, tf.RaggedTensor):
        return list(tf.nest.flatten(leaf, expand_composites=True))
    return [leaf] if isinstance(leaf, tf.Tensor) else []
