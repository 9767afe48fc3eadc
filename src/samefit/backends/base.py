"""What samefit asks of a framework.

| method | jax | tensorflow | torch |
|---|---|---|---|
| to_numpy | zero-copy on the CPU | zero-copy on the CPU | zero-copy, may change in place |
| to_numpy_many | all copies are begun at once | one by one | from CUDA in one copy |
| readings | large ones digested on a GPU | as to_numpy_many | large ones digested on CUDA |
| host_value | of a variable's array | also inside a tf.function (init_scope) | of a parameter |
| write | puts a new array in place | also inside a tf.function (init_scope) | copies into the parameter |
| compute_alike | not needed | arithmetic rewrites of graphs, off | not needed |
| generator_state | none: JAX has no global one | op seed counter of the eager context | of the CPU and of CUDA |
| own_generator_state | none: keys are values | tf.random.Generator | torch.Generator |
| draw_functions | none | tf.random.*, tf.data shuffle (at trace)| torch.rand*, Tensor.random_ … |
| seed | nothing to do | also restarts the ops' own counters | also seeds the accelerator |
| reseed | nothing to do | leaves the ops' own counters alone | as seed |
| unseed | nothing to do | no global seed | a seed of the operating system's |
| mark, return_to | nothing to do | leave the ops' own counters alone | CPU and accelerator |
| enable_determinism | XLA's flags, before the first use | op determinism | deterministic algorithms |
| full_precision | unless the user chose one | on a GPU | on a GPU |
| shuffling | not needed | replaces tf.random.shuffle while a dataset is made | not needed |
| pipeline_functions | none | stages of tf.data | DataLoader |
| draws_its_seed, seeds_of_stage | none | a shuffle without a seed | none |
| unseeded_operations | none | read from the graph of a `map` | none |
| seed_functions | none | tf.random.set_seed | torch.manual_seed |
| portable_draws | its own; three redone | threefry, by XLA | threefry, in NumPy; masks by LLVM if it is there |
| next_seed | Keras's | Keras's | in place |
| specify_stream | partitionable threefry | not needed | not needed |
| watch_batches | not needed | a numpy_function on the dataset | not needed |
| is_concrete | not a tracer | an eager tensor | not compiling, not on "meta" |
| gradients | value_and_grad over a StatelessScope | a GradientTape | autograd.grad |
| step_in_depth | jit with ordered callbacks | a tf.function that returns what it shows | eager |
"""

from __future__ import annotations

import abc
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from samefit.blocks import Blocks

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]
else:
    # This module is imported before a script's first line, and NumPy must not be: a script may set its threads first.
    Array = Any

_Read = TypeVar("_Read")

HookPoint = tuple[object, str, str]
"""An owner, the name of an attribute of it, and what to call it in the ledger."""


Tap = Callable[[Sequence[Any], Callable[[list[Array]], None]], None]
"""Takes tensors of a step that runs or is traced, and what is called with their values, in the order of computation."""


@dataclass(frozen=True)
class Delivered:
    """A batch as the leaves of an element of a dataset.

    Attributes:
        leaves: Copies of its tensors.
        dataset: The dataset, which knows how they are nested.
    """

    leaves: Sequence[Array]
    dataset: Any


@dataclass(frozen=True)
class Refused:
    """A determinism switch that could not be set.

    Attributes:
        name: The switch.
        why: Why it could not be set.
        remedy: What the user can do.
    """

    name: str
    why: str
    remedy: str


@dataclass(frozen=True)
class Determinism:
    """What `enable_determinism` or `full_precision` did.

    Attributes:
        switched: The switches that are set now, with their values, also those that were set before.
        refused: The switches that could not be set.
        undo: Puts back what was there before.
    """

    switched: Mapping[str, str]
    refused: Sequence[Refused]
    undo: Callable[[], None]


def those_there(
    values: Sequence[Any], is_missing: Callable[[Any], bool], read: Callable[[Sequence[Any]], list[_Read]]
) -> list[_Read | None]:
    """Returns what `read` makes of the values that are there, and None in the place of each other one."""
    there = [k for k, value in enumerate(values) if not is_missing(value)]
    found: list[_Read | None] = [None] * len(values)
    for k, array in zip(there, read([values[k] for k in there]), strict=True):
        found[k] = array
    return found


class Backend(abc.ABC):
    """The adapter of one framework; final in each subclass, without state of its own."""

    name: str

    @abc.abstractmethod
    def version(self) -> str:
        """Returns the version of the framework."""

    @abc.abstractmethod
    def device(self) -> str:
        """Returns the device on which the framework computes by default, such as "cpu" or "NVIDIA H200"."""

    @abc.abstractmethod
    def flags(self) -> Mapping[str, Any]:
        """Returns the framework's settings that may change the numbers, by name."""

    @abc.abstractmethod
    def threads(self) -> Mapping[str, int]:
        """Returns the sizes of the framework's thread pools, by name."""

    @abc.abstractmethod
    def to_numpy(self, value: Any) -> Array:
        """Returns the tensor `value` as a NumPy array, as a view where that is possible.

        The view must not be written to, nor kept beyond the moment: the framework may reuse its memory.
        """

    def narrowed(self, array: Array) -> Array:
        """Returns an array of float64 of a batch as a step computes with it: some frameworks have no such floats."""
        return array

    def to_numpy_many(self, values: Sequence[Any]) -> list[Array]:
        """Returns `to_numpy` of each of many tensors; from an accelerator in as few transfers as that takes."""
        return [self.to_numpy(value) for value in values]

    def readings(self, values: Sequence[Any]) -> list[Array | Blocks]:
        """Returns what digests of tensors are made from: arrays, as `to_numpy` gives them, or blocks.

        A large tensor on a GPU is digested where it lies: to copy it to the host costs many times that.
        """
        return list(self.to_numpy_many(values))

    @abc.abstractmethod
    def host_value(self, variable: Any) -> Array | None:
        """Returns the value of a Keras variable, or None if it has none yet (or lives inside a trace)."""

    def host_values(self, variables: Sequence[Any]) -> list[Array | None]:
        """Returns `host_value` of each of many variables."""
        return [self.host_value(variable) for variable in variables]

    def host_readings(self, variables: Sequence[Any]) -> list[Array | Blocks | None]:
        """Returns `readings` of the values of many variables, None for each that has none yet."""
        return list(self.host_values(variables))

    @abc.abstractmethod
    def write(self, variable: Any, value: Array) -> None:
        """Puts `value` into a Keras variable that has storage already, outside of any trace or stateless scope."""

    def memory(self, tensor: Any) -> int | None:
        """Returns where the numbers of a tensor lie: equal for two that are one; None if it has no place of its own."""
        return id(tensor)

    memory_stays: bool = False
    """Whether only code of the user's gives a variable other memory."""

    def copying_functions(self) -> Sequence[HookPoint]:
        """Returns the functions that write into the tensors of variables: from their second argument into the first.

        Both may be lists. JAX has none: its arrays never change.
        """
        return ()

    def moving_functions(self) -> Sequence[HookPoint]:
        """Returns the functions that put the tensors of variables elsewhere: on a device, or into shared memory."""
        return ()

    @abc.abstractmethod
    def compute_alike(self) -> tuple[Mapping[str, str], Callable[[], None]]:
        """Switches off what makes the arithmetic of a compiled step depend on the names of its operations.

        Returns:
            What was switched, by name, and a function that puts it back.
        """

    @abc.abstractmethod
    def evaluated(self, compute: Callable[[], Any]) -> Array | None:
        """Returns the array that `compute()` gives outside of any trace, or None where that is never needed.

        TensorFlow builds a subclassed model inside the trace of its first step; its variables have no values then, and
        what their initialisers give is computed beside it.
        """

    @abc.abstractmethod
    def generator_state(self) -> bytes | None:
        """Returns the full state of the framework's process-wide generator, or None if it has none."""

    def inner_generator(self) -> random.Random | None:
        """Returns the generator of Python's that the process-wide one consists of, where it does and one is there."""
        return None

    @abc.abstractmethod
    def set_generator_state(self, state: bytes) -> None:
        """Puts the process-wide generator into `state`, as `generator_state` returned it."""

    def own_generator_state(self, value: Any) -> bytes | None:
        """Returns the full state of a generator of the user's that is of the framework's class; None for all else."""
        return None

    def write_own_generator(self, value: Any, state: bytes) -> bool:
        """Puts such a generator into `state`; returns whether `value` is one."""
        return False

    def first_state_of(self, value: Any) -> bytes | None:
        """Returns the state in which the seed of such a generator had put it, or None where it does not know that."""
        return None

    @abc.abstractmethod
    def seed(self, seed: int) -> None:
        """Seeds the process-wide generator from the ground up, as at the begin of a process."""

    @abc.abstractmethod
    def reseed(self, seed: int) -> None:
        """Seeds the process-wide generator while a training runs, without a repeat of what ops drew before."""

    @abc.abstractmethod
    def unseed(self) -> None:
        """Puts the process-wide generator to where the import of the framework leaves it."""

    @abc.abstractmethod
    def mark(self) -> Any:
        """Returns where the process-wide generator stands, for `return_to`; cheap, and for this process only."""

    @abc.abstractmethod
    def return_to(self, mark: Any) -> None:
        """Puts the process-wide generator back to where `mark` found it."""

    @abc.abstractmethod
    def enable_determinism(self) -> Determinism:
        """Switches the framework to those of its operations that give the same bits each time."""

    def full_precision(self) -> Determinism:
        """Switches off what multiplies numbers with fewer bits than they have (TensorFloat-32 on a GPU)."""
        return Determinism({}, (), lambda: None)

    is_compiling: Callable[[], bool] = staticmethod(lambda: False)
    """Says whether a compiler follows what Python does now, hooks included, and guards on all that these look at.

    Hooks that have nothing to see in a step leave themselves out then: each thing of theirs that changes would have
    `torch.compile` compile anew, and after some times it no longer compiles at all.
    """

    left_to_python: Callable[[Callable[..., Any]], Callable[..., Any]] = staticmethod(lambda hook: hook)
    """Has a compiler pass over the frame of a hook, and go on in what the hook calls.

    One hook stands before all layers: compiled as a frame of its own, for each layer and each way of calling it, it
    would reach the limit of `torch.compile` where the layers themselves do not, and the rest would run uncompiled.
    """

    returns_early: bool = False
    """Whether a compiled step returns before it is computed, and what it returned stays as it is."""

    updates_may_overtake: bool = False
    """Whether an update in a compiled step may run before all gradients are computed, and act on the rest of them."""

    def completed(self, gradients: Sequence[Any]) -> list[Any]:
        """Returns gradients (or None) of which each is there only when all are; their values are the same."""
        return list(gradients)

    @abc.abstractmethod
    def shuffling(self, rows: Callable[[], Array]) -> AbstractContextManager[None]:
        """Within, a dataset that is made and shuffles all its samples at once takes their order from `rows`.

        `rows` is called once for each pass over the dataset, when that begins.
        """

    @abc.abstractmethod
    def draw_functions(self) -> Sequence[HookPoint]:
        """Returns the Python functions that draw from the process-wide generator."""

    def pipeline_functions(self) -> Sequence[HookPoint]:
        """Returns the functions that make a stage of an input pipeline; the label says which."""
        return ()

    def draws_its_seed(self, function: str, arguments: Mapping[str, Any]) -> bool:
        """Whether that call of a pipeline function takes its seed from the process-wide generator."""
        return False

    def seeds_of_stage(self, stage: Any) -> Sequence[int] | None:
        """Returns the words with which a stage of a pipeline orders its samples, or None if it does not."""
        return None

    def unseeded_operations(self, stage: Any) -> Sequence[str]:
        """Returns the random operations in the functions of a stage of a pipeline that were given no seed at all."""
        return ()

    @abc.abstractmethod
    def seed_functions(self) -> Sequence[HookPoint]:
        """Returns the Python functions that seed the process-wide generator; their first argument is the seed."""

    @abc.abstractmethod
    def portable_draws(self) -> Mapping[str, Callable[..., Any]]:
        """Returns random functions that give the same values on every backend, by their names in `keras.random`.

        Each takes the two words of a seed first, and then the arguments of Keras's function.
        """

    @abc.abstractmethod
    def next_seed(self, variable: Any) -> Any | None:
        """Returns the value of a generator's state, and counts one draw in it; None where Keras's own code has to.

        Args:
            variable: The `state` of a `SeedGenerator`, outside of any stateless scope.
        """

    @abc.abstractmethod
    def specify_stream(self) -> Callable[[], None]:
        """Sets what decides about the framework's own threefry stream, and returns a function that puts it back."""

    @abc.abstractmethod
    def watch_batches(self, dataset: Any, observe: Callable[[list[tuple[str, Array]]], None]) -> Any:
        """Returns `dataset` such that `observe` gets the leaves of every element just before it is delivered.

        A leaf comes with a path: "batch/0", "batch/1", "batch/2" for (x, y, sample_weight).

        Only a backend whose compiled step pulls its batches by itself needs it; others return `dataset` as it is.
        """

    def pulls_ahead(self, dataset: Any) -> bool:
        """Says whether an iterator over `dataset` may pull batches before it is asked for the first one."""
        return False

    @abc.abstractmethod
    def batch_source(self, iterator: Any) -> Any:
        """Returns the dataset that `iterator` runs over, or None: the inverse of `iter` for `watch_batches`."""

    @abc.abstractmethod
    def is_concrete(self, value: Any) -> bool:
        """Says whether a tensor has numbers now: inside of a trace or a compiled loop it has none."""

    @abc.abstractmethod
    def gradients(self, loss: Callable[[], Any], variables: Sequence[Any]) -> tuple[Array, list[Array | None]]:
        """Computes a loss and its gradients, operation by operation: nothing is compiled.

        Args:
            loss: Returns a scalar tensor; what it does to other variables of the model may or may not stay.
            variables: Keras variables.

        Returns:
            The loss, and for each variable its gradient, or None where the loss does not depend on it.
        """

    @abc.abstractmethod
    def step_in_depth(
        self,
        trainer: Any,
        state: Any,
        batch: Any,
        watching: Callable[[Tap], AbstractContextManager[None]],
        *,
        eager: bool = False,
    ) -> tuple[bool, Any]:
        """Runs the training step of `trainer` once, compiled as it is for the training where that is possible.

        It moves what a step moves: on JAX nothing but generators, else the variables too.

        Args:
            trainer: The model, built and compiled.
            state: JAX's state before the step, as arrays; else None, and the variables hold it.
            batch: What the step is given; `Delivered` where it was seen as an element of a dataset.
            watching: Given a tap, returns what is entered while the step runs or is traced.
            eager: Whether it is not to be compiled.

        Returns:
            Whether the step ran eagerly although the training's is compiled, and JAX's state after it (else None).

        Raises:
            ValueError: If the batch cannot be put together again.
        """
