"""What a re-run takes from another run, applied at the moments at which it matters.

A plan is a list of JSON-able dictionaries, each with the key "do":

| do | other keys | moment |
|---|---|---|
| generators | at="side", side, states | before the side begins |
| generators | at="training", training, states | before the training makes its iterator |
| generators | at="epoch", training, epoch, states | before the epoch draws its batches |
| generators | at="draw", side, generator, draw, states | before that draw of the generator |
| anew | after, keys of generators of the script's own | when that training has ended |
| seeds | side, values {number of default seed: seed} | when Keras draws a seed for something unseeded |
| entropy | side, takes [{function, code, value}] | when that function is called by that line of code |
| fixed_entropy | side, codes [line of code], or None for all | when such a line takes entropy: what all runs get |
| seed_value | side, file, line, value (or values, in turn) | when that line seeds a generator |
| seed_first | side, seed | before the side begins |
| seed_tensorflow | seed | before the side begins |
| layer | class, construction, arguments | when that layer is constructed |
| mode | side, class, construction, training | when that layer is called |
| compile | side, compile, optimizer, loss, loss_weights, metrics, jit_compile, … | when that `compile` is called |
| fit | training, arguments, without_callbacks [class names] | when that `fit` is called |
| dataset | training, attributes {name: value} | when that `fit` is called |
| pipeline | side, call, arguments {name: value; "generator": its seed} | when that stage of a pipeline is made |
| leave_out | side, call | when that stage of a pipeline would be made |
| trainable | training, values {name of a layer: flag} | when that `fit` is called |
| attributes | training, values {name of a layer ("": the model): {attribute: value}} | when that `fit` is called |
| parts | training, optimizers {attribute of the model: description}, losses {the same} | when that `fit` is called |
| data | training, file | when that `fit` is called |
| weights | training, from (a run, "": this one), arrays, pairs {own: their path} | before the training's first step |
| permute | training, pairs {own path: own path that holds its value} | before the training's first step |
| seed_states | training, values {own path: [seed, counter]} | before the training's first step |
| perturb | training | before the training's first step |
| initializers | side, seeds {number of random variable: seed} | when the variable is made |
| masks | side | from the import of Keras on |
| global | side, dtype_policy, floatx, wide: Keras does not take float64 down | before the side begins |
| determinism | | from the import of Keras on |

A plan with the key "stands_in" takes the place of a seed that nobody had set.
States are hexadecimal, as `samefit.patches.generators` and the backends write them.
"""

from __future__ import annotations

import functools
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from samefit.patches.patching import Patches
from samefit.store.arrays import load_arrays
from samefit.transplant.data import put_arguments, put_arrays, put_attributes
from samefit.transplant.entropy import Entropy
from samefit.transplant.generators import put_anew, put_states
from samefit.transplant.item import Item, Put, differs
from samefit.transplant.layers import put_on_layers, put_parts
from samefit.transplant.making import classes_of, made
from samefit.transplant.variables import permute, perturb
from samefit.types import Location


class Transplants:
    """The transplants of one re-run; in a plain run the plan is empty and every method does nothing.

    Args:
        plan: What is changed.
        home: The directory of this run.

    Attributes:
        applied: One line for each thing that was put in place.
    """

    def __init__(self, plan: Sequence[Mapping[str, Any]] = (), home: str = "") -> None:
        self._plan = [Item(item) for item in plan]
        self._home = home
        self._side = ""
        self._entropy = Entropy()
        self._compiles = 0
        self._seedings: Counter[tuple[Any, ...]] = Counter()
        self._patched = False
        self._patched_modes = False
        self._wide = False
        self._kept: set[tuple[str, str]] = set()
        self._deterministic = False
        self._modes: weakref.WeakKeyDictionary[Any, Item] = weakref.WeakKeyDictionary()
        self._patches = Patches()
        self.applied: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._plan)

    def _wanted(self, do: str, **keys: Any) -> list[Item]:
        return [
            item
            for item in self._plan
            if item["do"] == do and all(item.get(key) == value for key, value in keys.items())
        ]

    @property
    def outcomes(self) -> list[dict[str, Any]]:
        """What came of each item of the plan, in its order: one that was not met, or only in part, proves nothing."""
        return [item.outcome for item in self._plan]

    def _note(self, text: str, item: Item, *parts: str, changed: bool = True) -> None:
        item.met(*parts, changed=changed)
        if changed and text not in self.applied:
            self.applied.append(text)

    # -- moments ----------------------------------------------------------------------------------------------------

    def begin_side(self, side: str) -> None:
        """Applies what belongs before the side."""
        self._side = side
        self._compiles = 0
        self._entropy = Entropy(self._wanted("entropy", side=side), self._wanted("fixed_entropy", side=side))
        for item in self._wanted("generators", at="side", side=side):
            self._restore(item, f"side {side}")

    def keras_ready(self) -> None:
        """Applies what needs Keras; called before the side's own code, or as soon as Keras is imported."""
        for item in self._wanted("global", side=self._side):
            from samefit.patches import precision

            here = functools.partial(self._is_side, self._side)
            for name, keep in (("floatx", precision.keep_floatx), ("dtype_policy", precision.keep_policy)):
                # Of several, the last holds: how a step is judged comes after what a cause has put in.
                wanted = [other[name] for other in self._wanted("global", side=self._side) if other.get(name)]
                if wanted and (name, self._side) not in self._kept:
                    self._kept.add((name, self._side))
                    keep(self._patches, wanted[-1], here)
            if item.get("wide") and not self._wide:
                self._wide = True
                precision.keep_float64(self._patches)
            self._note("global settings", item)
        masks = self._wanted("masks")
        if masks and not self._patched:
            from samefit.patches.layers import hand_on_masks

            self._patched = True
            hand_on_masks(self._patches, lambda: self._note("a mask", masks[0]))
        if any(item["do"] == "mode" for item in self._plan) and not self._patched_modes:
            from samefit.patches.layers import run_in_modes

            self._patched_modes = True
            run_in_modes(self._patches, self._mode)
        for item in self._wanted("determinism"):
            if not self._deterministic:
                self._deterministic = True
                self._enable_determinism(item)
        for item in self._wanted("seed_first"):
            import keras

            keras.utils.set_random_seed(item["seed"])
            self._note(f"seed {item['seed']}", item)
        for item in self._wanted("seed_tensorflow"):
            from samefit import backends

            backends.load("tensorflow").seed(item["seed"])
            self._note(f"TensorFlow's seed {item['seed']}", item)

    def training(self, number: int, trainer: Any, arguments: dict[str, Any]) -> None:
        """Applies what belongs before a `fit`; may change its arguments."""
        for item in self._wanted("trainable", training=number):
            self._set_trainable(trainer, item)
        for item in self._wanted("attributes", training=number):
            self._put(item, put_on_layers(item, trainer))
        for item in self._wanted("parts", training=number):
            self._put(item, put_parts(item, trainer))
        for item in self._wanted("generators", at="training", training=number):
            self._restore(item, f"training {number}")
        for item in self._wanted("fit", training=number):
            self._fit(number, item, arguments)
        for item in self._wanted("dataset", training=number):
            self._put(item, put_attributes(item, arguments.get("x")))
        for item in self._wanted("data", training=number):
            self._put(item, put_arrays(item, arguments))

    def after_training(self, number: int) -> None:
        """Applies what belongs behind a training."""
        for item in self._wanted("anew", after=number):
            self._put(item, put_anew(item))

    def epoch(self, training: int, epoch: int) -> None:
        """Applies what belongs before an epoch."""
        for item in self._wanted("generators", at="epoch", training=training, epoch=epoch):
            self._restore(item, f"epoch {epoch}")

    def first_step(self, training: int, trainer: Any, variables: Callable[[], Mapping[str, Any]]) -> None:
        """Applies what belongs before the first step.

        Args:
            training: Number of the training.
            trainer: Its model.
            variables: Returns the model's and the optimizer's variables by their recorded paths.
        """
        for item in self._wanted("weights", training=training):
            arrays = load_arrays(Path(item["from"] or self._home, "arrays", f"{item['arrays']}.safetensors"))
            own = variables()
            for mine, theirs in item["pairs"].items():
                if mine in own and theirs in arrays:
                    own[mine].assign(arrays[theirs])
                    self._note(f"{mine} before training {training}", item, mine)
            for layer in trainer._flatten_layers(include_self=False):
                if hasattr(layer, "finalize_state"):
                    # What `adapt` sets is computed from the variables once, and used from then on.
                    layer.finalize_state()
        for item in self._wanted("permute", training=training):
            self._put(item, permute(item, variables()))
        for item in self._wanted("perturb", training=training):
            self._put(item, perturb(variables()))
        for item in self._wanted("seed_states", training=training):
            own = variables()
            for mine, value in item["values"].items():
                if mine in own:
                    own[mine].assign(value)
                    self._note(f"{mine} before training {training}", item, mine)

    def initializer_seed(self, number: int) -> int | None:
        """Returns the seed that the `number`-th random initialiser of the side is to have, or None."""
        for item in self._wanted("initializers", side=self._side):
            value = item["seeds"].get(str(number))
            if value is not None:
                self._note(f"initialiser {number}", item, str(number))
                return int(value)
        return None

    def before_draw(self, generator: str, draw: int) -> None:
        """Applies what belongs before one draw."""
        for item in self._wanted("generators", at="draw", side=self._side, generator=generator, draw=draw):
            self._restore(item, f"draw {draw} of {generator}")

    def seed(self, number: int) -> int | None:
        """Returns the seed to use for the `number`-th default seed of the side, or None."""
        for item in self._wanted("seeds", side=self._side):
            value = item["values"].get(str(number))
            if value is not None:
                self._note(f"seed {number}", item, str(number))
                return int(value)
        return None

    def seed_value(self, value: Any, where: Location | None, function: str) -> Any:
        """Returns the seed that a line of the user's is to set in place of `value`, by a function."""
        for item in self._wanted("seed_value", side=self._side):
            if where is None or (where.file, where.line) != (item["file"], item["line"]):
                continue
            # One call may seed several generators (a `seed_everything`): the n-th of each gets the n-th seed.
            this = where.file, where.line, function
            seeds = item["values"][self._seedings[this] :] if "values" in item else [item["value"]]
            self._seedings[this] += 1
            if seeds:
                self._note(f"seed {seeds[0]} at line {where.line}", item, changed=value != seeds[0])
                return seeds[0]
        return value

    @property
    def changes_seeds(self) -> bool:
        return bool(self._wanted("seed_value"))

    def replay_entropy(self, function: str, code: str | None, size: int | None = None) -> Any:
        """Returns what a line is given in place of entropy, or None; see `samefit.transplant.entropy.Entropy.take`."""
        taken = self._entropy.take(function, code, size)
        if taken is None:
            return None
        value, item, parts = taken
        self._note("entropy", item, *parts)
        return value

    @property
    def replays_entropy(self) -> bool:
        return bool(self._wanted("entropy") or self._wanted("fixed_entropy"))

    @property
    def watches_draws(self) -> bool:
        return bool(self._wanted("generators", at="draw"))

    def compiling(self, arguments: dict[str, Any]) -> int:
        """Changes the arguments of a `compile`; returns how many there were before on this side."""
        number, self._compiles = self._compiles, self._compiles + 1
        for item in self._wanted("compile", side=self._side, compile=number):
            for name, module in (("optimizer", "optimizers"), ("loss", "losses"), ("metrics", "metrics")):
                if name in item:
                    import keras

                    part = made(getattr(keras, module), item[name], arguments.get(name))
                    self._give(arguments, name, part, f"compile {number}", item)
            for name in ("loss_weights", "jit_compile", "run_eagerly"):
                if name in item:
                    self._give(arguments, name, item[name], f"compile {number}", item)
        return number

    def constructing(self, layer: Any, ordinal: int) -> None:
        """Changes the constructor arguments of the layer that is constructed next, or the mode in which it will run."""
        name = type(layer).__qualname__
        for item in self._wanted("layer", construction=ordinal, **{"class": name}):
            self._substitute(type(layer), item)
        for item in self._wanted("mode", side=self._side, construction=ordinal, **{"class": name}):
            self._modes[layer] = item

    def pipeline(self, number: int, arguments: dict[str, Any]) -> None:
        """Changes the arguments with which the `number`-th stage of a pipeline of the side is made."""
        for item in self._wanted("pipeline", side=self._side, call=number):
            self._put(item, put_arguments(item, arguments))

    def leaves_out(self, number: int) -> bool:
        """Whether the `number`-th stage of a pipeline of the side is left out."""
        items = self._wanted("leave_out", side=self._side, call=number)
        for item in items:
            self._note("a stage left out", item)
        return bool(items)

    def _is_side(self, side: str) -> bool:
        return self._side == side

    # -- how --------------------------------------------------------------------------------------------------------

    def _give(self, arguments: dict[str, Any], name: str, value: Any, where: str, item: Item) -> None:
        changed = differs(arguments.get(name), value)
        arguments[name] = value
        self._note(where, item, name, changed=changed)

    def _put(self, item: Item, done: Iterable[Put]) -> None:
        for text, part, changed in done:
            self._note(text, item, *([part] if part else []), changed=changed)

    def _mode(self, layer: Any) -> bool | None:
        item = self._modes.get(layer)
        if item is None:
            return None
        mode = bool(item["training"])
        self._note(f"training={mode} of {type(layer).__name__}", item)
        return mode

    def _substitute(self, cls: Any, item: Item) -> None:
        original = cls.__init__
        own = "__init__" in vars(cls)

        @functools.wraps(original)
        def init(layer: Any, *args: Any, **kwargs: Any) -> None:
            # Once: the next layer of this class is the user's again.
            if own:
                cls.__init__ = original
            else:
                del cls.__init__
            names = original.__code__.co_varnames[1 : original.__code__.co_argcount]
            given = dict(zip(names, args, strict=False)) | kwargs
            with classes_of(given.values()):
                original(layer, **(given | dict(item["arguments"])))
            self._note(f"arguments of {cls.__name__}", item)

        cls.__init__ = init

    def _fit(self, number: int, item: Item, arguments: dict[str, Any]) -> None:
        for name, value in item["arguments"].items():
            if name == "class_weight" and isinstance(value, Mapping):
                # A plan comes as JSON, whose keys are texts.
                value = {int(key): weight for key, weight in value.items()}
            self._give(arguments, name, value, f"arguments of fit {number}", item)
        unwanted, given = item.get("without_callbacks", ()), arguments.get("callbacks")
        given = list(given) if isinstance(given, (list, tuple)) else [] if given is None else [given]
        left = [callback for callback in given if type(callback).__name__ not in unwanted]
        if len(left) < len(given):
            arguments["callbacks"] = left
            self._note(f"callbacks of fit {number}", item, "callbacks")

    def _enable_determinism(self, item: Item) -> None:
        import keras

        from samefit import backends
        from samefit.patches.updates import keep_updates_last

        backend = backends.load(keras.config.backend())
        determinism = backend.enable_determinism()
        # Where one was refused, the re-run is not what it was to be, and shows nothing.
        for name, value in () if determinism.refused else determinism.switched.items():
            self._note(f"{name}={value}", item)
        if backend.updates_may_overtake:
            keep_updates_last(self._patches, backend.completed)
            self._note("updates after all gradients", item)

    def _restore(self, item: Item, where: str) -> None:
        self._put(item, put_states(item, where))

    def _set_trainable(self, trainer: Any, item: Item) -> None:
        values = item["values"]
        # The step that Keras has compiled trains the set that there was, whatever the flags are by now.
        compiled = trainer.train_function is not None
        for layer in trainer._flatten_layers(include_self=False):
            if layer.name in values:
                changed = compiled or layer.trainable != values[layer.name]
                layer.trainable = values[layer.name]
                self._note(f"{layer.name}.trainable", item, layer.name, changed=changed)
        trainer.train_function = None
