"""The limits that have to do with weights and layer seeds, in words."""

from __future__ import annotations

import inspect
import linecache
from typing import Any, Literal

from samefit.pin.report import Limit
from samefit.types import CodeDraw, Location

Where = Literal["call", "step", "making"]

_MANY = 4
"""How many layers a limit names."""


def location_of(layer: Any) -> Location | None:
    """Returns the line where the `call` of a layer's class begins, if it is in a file."""
    code = getattr(inspect.unwrap(type(layer).call), "__code__", None)
    if code is None:
        return None
    line = linecache.getline(code.co_filename, code.co_firstlineno).strip()
    return Location(code.co_filename, code.co_firstlineno, line or None)


def untraceable(layer: Any, why: Exception | None) -> Limit:
    """The `call` of a layer of the user's cannot be run on symbolic tensors."""
    reason = "" if why is None else f" ({type(why).__name__}: {_first_line(why)})"
    return Limit(
        "untraceable-model",
        f"{name_of(layer)}: its `call` cannot be run on symbolic tensors{reason}, so its layers are numbered in the "
        "order in which they first ran. A build that runs them in another order starts from other weights.",
        "Use keras.ops instead of NumPy or the functions of one framework in `call`.",
        location_of(layer),
    )


def unbuildable(layer: Any) -> Limit:
    """A model's `call` must see values: Keras cannot build it before it runs."""
    return Limit(
        "untraceable-model",
        f"{name_of(layer)}: Keras cannot build it before it runs, so its layers are numbered in the order in which "
        "they first run. A build that runs them in another order starts from other weights.",
        "Let `call` not decide by values (use keras.ops.where or keras.ops.cond), or give the class a `build` method.",
        location_of(layer),
    )


def ambiguous(where: Any, one: Any, other: Any) -> Limit:
    """Two branches that are built alike meet where their order does not matter."""
    return Limit(
        "ambiguous-order",
        f"{name_of(where)} takes two branches that are built alike (they end in {name_of(one)} and {name_of(other)}). "
        "Which of them is the first is decided by the order of its arguments: a build that gives them the other way "
        "round has their weights exchanged.",
        "Give the branches in the same order in every build.",
    )


def ambiguous_copy(variables: list[Any], model: Any) -> Limit:
    """Several weights of a model may be what a variable was set equal to."""
    paths = ", ".join(variable.path for variable in variables[:_MANY])
    more = f" and {len(variables) - _MANY} more" if len(variables) > _MANY else ""
    return Limit(
        "ambiguous-copy",
        f"{name_of(model)}: {paths}{more} were given the values of weights that were equal then: which they are a "
        "copy of is not known. The others have got values of their own in this model; these kept theirs.",
        "Copy without a file or a computation in between:  target.set_weights(network.get_weights()) .",
    )


def no_training(layer: Any) -> Limit:
    """The `call` of a model takes no `training`, and there are layers inside that need it."""
    return Limit(
        "dropout-off",
        f"{name_of(layer)}: its `call` takes no `training`, so Keras trains it without its dropout and other noise, on "
        "every backend; a Sequential model of the same layers has them.",
        "Write  def call(self, inputs, training=None)  and hand `training` on to the layers.",
        location_of(layer),
    )


def training_lost(layer: Any, inner: list[Any]) -> Limit:
    """The `call` of a model does not hand `training` on, and Keras on JAX would train it without its dropout."""
    names = ", ".join(dict.fromkeys(name_of(one) for one in inner))
    return Limit(
        "dropout-off",
        f"{name_of(layer)}: its `call` takes `training` and does not hand it on to {names}. Before Keras 3.16, JAX "
        "trains such a model as if it were not training; inside the pinned scope it trains as on the other backends.",
        "Hand it on, as in  self.dropout(x, training=training) , and the model trains alike without samefit as well.",
        location_of(layer),
    )


def equal_models(model: Any, other: str) -> Limit:
    """Two models that are trained in one scope start from the same weights."""
    return Limit(
        "equal-models",
        f"{name_of(model)} is built like {other}, which was trained in the same scope: both start from "
        "the same weights.",
        "For members of an ensemble that are to differ, build and train each in a scope of its own: "
        "with samefit.pinned(seed + i).",
    )


def built_outside(model: Any, parts: list[Any]) -> Limit:
    """Parts of a model were made before the scope was entered."""
    names = list(dict.fromkeys(map(name_of, parts)))
    more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
    return Limit(
        "built-outside",
        f"{', '.join(names[:_MANY])}{more} of {name_of(model)}: made or trained before the pinned scope was entered. "
        "The weights that this training begins with, or the seeds of what is drawn in it, are what they were; the seed "
        "of the scope does not make them.",
        "Build the model, and all that goes into it, inside of the scope.",
    )


def made_outside(layer: Any) -> Limit:
    """A random layer without a seed was made before the scope was entered."""
    return Limit(
        "built-outside",
        f"{name_of(layer)} was made before the pinned scope was entered, and has no seed: what it draws is not pinned.",
        "Make the layer inside of the scope, or give it a seed.",
    )


def backend_draw(initializer: Any) -> Limit:
    """An initialiser draws with functions of the backend."""
    name = getattr(initializer, "__qualname__", type(initializer).__qualname__)
    return Limit(
        "native-draw",
        f"The initialiser {name} draws with a generator of its own choice, under a pinned seed: the same on every run, "
        "but not the same on every backend unless it draws with NumPy or with Keras's initialisers.",
        "Use one of Keras's initialisers, or numpy.random.",
    )


def native_distribution(name: str) -> Limit:
    """A distribution is drawn for which there is no portable form."""
    return Limit(
        "native-distribution",
        f"keras.random.{name} draws as the backend does: the same numbers on every run, and others on each backend.",
        "Where backends are to be compared, draw from it with NumPy and hand the values in with the data.",
    )


def raw_draw(function: str, generator: str, at: Where, where: Location, *, once: bool) -> Limit:
    """A layer or model of the user's draws from a process-wide generator.

    Args:
        function: The function that it calls.
        generator: Whose generator that is.
        at: When it does: in its `call`, in its `train_step`, or while it is made.
        where: The line that calls it.
        once: Whether it runs while a step is compiled, and not with each step.
    """
    who = "A `train_step`" if at == "step" else "A layer"
    own = f"{who} draws with {function}, from {generator}'s own process-wide generator"
    anywhere = generator in ("Python", "NumPy")
    if at == "making":
        return Limit(
            "raw-draw",
            f"{own}, while it is made. The scope has seeded it, so the same program draws the same numbers; but a draw "
            f"more or less before it gives others{'' if anywhere else ', and so does another backend'}.",
            "Give `self.add_weight` an initialiser; a function of your own may be one, and draw there: it runs under a "
            "seed that belongs to the place of the weight.",
            where,
        )
    compiled = (
        " In a step that is compiled (on JAX and TensorFlow) it is drawn only once, and all steps get the same numbers."
    )
    return Limit(
        "raw-draw",
        f"{own}. The scope resets it before each training, so the same program draws the same numbers; but a layer "
        "more or less, or another order of layers, gives each other ones, and so does another backend."
        f"{compiled if once else ''}",
        "Draw with keras.random, as in  keras.random.normal(shape, seed=self.seeds)  with  "
        "self.seeds = keras.random.SeedGenerator()  made in `__init__`.",
        where,
    )


def own_loop() -> Limit:
    """A loop of `train_on_batch` draws from the generators of the process."""
    return Limit(
        "own-loop",
        "A loop of train_on_batch draws from process-wide generators between its steps. The scope seeds these when it "
        "is entered, not when a loop begins: the loop is the same alone only if the script draws as much before it.",
        "Draw from a generator that the loop makes with a seed: random.Random(1), numpy.random.default_rng(1) or "
        "keras.random.SeedGenerator(1).",
    )


def os_entropy(function: str, where: Location) -> Limit:
    """The user's code takes random bits of the operating system."""
    return Limit(
        "os-entropy",
        f"{function} gives random bits of the operating system: they are others in each process, whatever the seed.",
        "Draw from `random`, from numpy.random or from numpy.random.default_rng(), which the scope seeds.",
        where,
    )


_BY_INDEX = "Draw from  numpy.random.default_rng((seed, index))  in the function, with the index among its arguments."


def worker_draw(what: str, where: Location) -> Limit:
    """A process that the script has forked draws, and not in a task that it was handed.

    Args:
        what: What happens there.
        where: The line.
    """
    return Limit(
        "worker-draw",
        f"{what} in a process that the script starts, and not in a task that it hands to a pool. The scope gives such "
        "a process a seed by its number, so one that does the same work each time draws the same; where several take "
        "items as they come, which item gets which numbers depends on their timing.",
        "Hand the work over by ProcessPoolExecutor.map or multiprocessing.Pool.map, and draw in the function; or draw "
        "from  numpy.random.default_rng((seed, index)).",
        where,
    )


def copied_generator(draw: CodeDraw) -> Limit:
    """A function that is handed to a pool draws from a generator that was made before."""
    return Limit(
        "worker-draw",
        f"{draw.function}, which processes run, draws from a generator of its own ({draw.text}). Each process has a "
        "copy of it, and takes the items as they come: which item gets which numbers depends on their timing.",
        _BY_INDEX,
        draw.location,
    )


def handed_over_in_a_thread(draw: CodeDraw) -> Limit:
    """A function that draws is handed to a pool by a thread, or by what is called when another item is done."""
    return Limit(
        "worker-draw",
        f"{draw.function}, which processes run, draws ({draw.text}), and is handed to them by another thread than that "
        "of the scope: which item is which number depends on timing.",
        _BY_INDEX,
        draw.location,
    )


def drawn_anew(draw: CodeDraw) -> Limit:
    """A process that is no copy of this one draws, and has no seed."""
    return Limit(
        "worker-draw",
        f"{draw.function} runs in a process that is started anew (by spawn or forkserver), and draws there without a "
        f"seed ({draw.text}): the scope does not reach it.",
        _BY_INDEX,
        draw.location,
    )


def name_of(layer: Any) -> str:
    """Returns what a layer or model is called in a report."""
    return f"{type(layer).__name__} '{getattr(layer, 'name', '?')}'"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:120]
