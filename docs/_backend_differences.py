"""Writes the table of differences between backends: `python docs/_backend_differences.py` (some minutes).

Every item of `_backend_items.py` is computed on each backend from the same weights and inputs: its output, its loss or
its updates, and its gradients. What is apart by more than a unit in the last place is computed again in float64, and
from values that are one unit in the last place off. A gap that goes away in float64 is rounding; one that stays is
another computation.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

DOCS = Path(__file__).parent
BACKENDS = ("jax", "tensorflow", "torch")
PAIRS = tuple(combinations(BACKENDS, 2))
VERDICTS = ("bits", "rounding", "close", "differs", "fails")
MOVED = "torch"
"""The backend on which everything is computed from moved values, too: what that does is a property of the item."""

SMALL = 2e-7
"""Gaps up to this one are not looked into: a unit in the last place is 1.2e-7."""

FAR_SMALLER = 1e-4
"""A gap is rounding if it is so many times smaller in float64. Measured here: rounding below 1e-8, others above 0.1."""

FLOORS = 10.0
"""So many times what a unit in the last place does is as small as rounding."""

CONTINUOUS = 1e-4
"""Where a unit in the last place moves more than this, a side of a corner was changed: that is no floor."""

Results = dict[str, dict[str, Any]]
Found = dict[tuple[str, str], Results]

# -- what one process computes ----------------------------------------------------------------------------------------


def work(way: str, out: Path, numbers: list[str]) -> None:
    """Computes items on the backend of this process, and writes the arrays.

    Args:
        way: "float32", "float64", or "moved": float32 values that are one unit in the last place off.
        out: The file to write.
        numbers: Numbers of the items; all if there are none.
    """
    import keras
    from _backend_items import items

    import samefit
    from samefit import backends
    from samefit.patches.patching import Patches
    from samefit.patches.precision import keep_float64
    from samefit.patches.updates import keep_updates_last

    if way == "float64":
        keras.config.set_floatx("float64")
        keep_float64(Patches())
    backend = backends.load(keras.config.backend())
    keep_updates_last(Patches(), backend.completed)
    version = f"{keras.config.backend()} {backend.version()} (Keras {keras.__version__})"
    found: dict[str, Any] = {"version/text": np.array(version)}
    for number, item in enumerate(items()):
        if numbers and str(number) not in numbers:
            continue
        try:
            # Layers that draw are made to draw the same.
            with samefit.pinned(3) if "training" in item.call else contextlib.nullcontext():
                computed = _optimized(item, way) if item.kind == "optimizer" else _differentiated(item, way)
        except Exception as error:  # that a backend cannot do it is a finding, and stands in the table
            found[f"{number}/error"] = np.array(_shown(error))
            continue
        for name, value in computed.items():
            found[f"{number}/{name}"] = np.asarray(value)
    np.savez(out, **found)


_EMPTY = ("Exception encountered when calling", "Graph execution error", "Detected at node", "File ")


def _shown(error: Exception) -> str:
    """Returns type and first line of an error, without colours and without the line that names the layer."""
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in str(error).splitlines()]
    said = [line for line in lines if line and not line.startswith(_EMPTY)]
    return f"{type(error).__name__}: {said[0] if said else ''}"[:200]


def _value(array: Any, way: str) -> Any:
    """Returns an array in the precision of a way; "moved" is one unit in the last place off."""
    array = np.asarray(array)
    if array.dtype.kind != "f":
        return array
    if way == "float64":
        # The values that float32 has, or the inputs would differ.
        return array.astype("float32").astype("float64")
    narrow = array.astype("float32")
    if way != "moved":
        return narrow
    towards = np.where(np.arange(narrow.size).reshape(narrow.shape) % 2, np.inf, -np.inf).astype("float32")
    return np.where(narrow == 0, narrow, np.nextafter(narrow, towards))


@functools.cache
def _probe() -> Any:
    import keras

    class Probe(keras.layers.Layer):  # type: ignore[misc]
        """An input that is a weight: its change in a step is its gradient."""

        def __init__(self, value: Any) -> None:
            super().__init__()
            self.value = self.add_weight(shape=value.shape, initializer=lambda shape, dtype: value)

        def call(self, x: Any) -> Any:
            return keras.ops.convert_to_tensor(self.value)

    return Probe


def _differentiated(item: Any, way: str) -> dict[str, Any]:
    """Returns output or loss of a layer, an activation or a loss, and all its gradients."""
    import keras

    # Without the garbage collection, which takes a second.
    keras.utils.clear_session(free_memory=False)
    arrays = [[_value(a, way) for a in x] if isinstance(x, list) else _value(x, way) for x in item.inputs]
    if not item.differentiated:
        return {"output": keras.ops.convert_to_numpy(item.make()(*arrays, **item.call))}
    batch = len(arrays[0][0] if isinstance(arrays[0], list) else arrays[0])
    entry = keras.Input((1,), batch_size=batch)
    feeds: list[Any] = [np.zeros((batch, 1), "float32")]
    entries = [entry]

    def node(array: Any) -> Any:
        if array.dtype.kind == "f":
            return _probe()(array)(entry)
        entries.append(keras.Input(array.shape[1:], batch_size=batch, dtype=str(array.dtype)))
        feeds.append(array)
        return entries[-1]

    nodes = [[node(a) for a in x] if isinstance(x, list) else node(x) for x in arrays]
    found = {}
    # What is given by the user is no input that rounding could move.
    exact = "float64" if way == "float64" else "float32"
    if item.kind == "loss":
        model = keras.Model(entries, nodes[0])
        model.compile(keras.optimizers.SGD(1.0), item.make())
        target = _value(item.target, exact)
    else:
        layer = item.make()
        model = keras.Model(entries, layer(*nodes, **item.call))
        _set_weights(layer, way)
        found["output"] = np.asarray(model.predict_on_batch(feeds))
        target = _value(np.random.Generator(np.random.PCG64(3)).normal(size=found["output"].shape), exact)
        model.compile(keras.optimizers.SGD(1.0), lambda y, p: keras.ops.sum(y * p))
    if not model.trainable_weights:
        return found
    before = [keras.ops.convert_to_numpy(v).copy() for v in model.weights]
    result = model.train_on_batch(feeds, target)
    if item.kind == "loss":
        found["loss"] = result[0] if isinstance(result, list | tuple) else result
    trained = {id(v) for v in model.trainable_weights}
    for number, (variable, value) in enumerate(zip(model.weights, before, strict=True)):
        after = keras.ops.convert_to_numpy(variable)
        name = "gradient" if id(variable) in trained else "state"
        found[f"{name} {number}"] = value.astype("float64") - after if name == "gradient" else after
    return found


def _set_weights(layer: Any, way: str) -> None:
    generator = np.random.Generator(np.random.PCG64(5))
    for variable in layer.weights:
        value = 0.3 * generator.normal(size=tuple(variable.shape))
        if "variance" in variable.path or "gamma" in variable.path:
            value = np.abs(value) + 0.5
        if "float" in str(variable.dtype):
            variable.assign(_value(value, way))


def _optimized(item: Any, way: str) -> dict[str, Any]:
    """Returns the weights after each of five updates."""
    import keras

    keras.utils.clear_session(free_memory=False)
    start = _value(item.inputs[0], way)
    entry = keras.Input((1,), batch_size=len(start))
    model = keras.Model(entry, _probe()(start)(entry))
    model.compile(item.make(), lambda y, p: keras.ops.sum(y * p))
    generator = np.random.Generator(np.random.PCG64(11))
    found = {}
    for step in range(5):
        gradient = _value(generator.normal(size=start.shape), "float64" if way == "float64" else "float32")
        model.train_on_batch(np.zeros((len(start), 1), "float32"), gradient)
        found[f"update {step + 1}"] = keras.ops.convert_to_numpy(model.weights[0]).astype("float64") - start
    return found


# -- what is made of it -----------------------------------------------------------------------------------------------


def gap(one: Any, other: Any, norm: float | None = None) -> float:
    """Returns the largest difference of an element over a norm; by default the Euclidean norm of the first."""
    one, other = np.asarray(one, "float64"), np.asarray(other, "float64")
    if one.shape != other.shape:
        return float("inf")
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    with np.errstate(invalid="ignore"):  # infinities of which there are two
        apart = np.where(same, 0.0, np.abs(one - other))
    distance = float(np.max(np.nan_to_num(apart, nan=np.inf), initial=0.0))
    return distance / (norm or _norm([one]) or 1.0)


def _norm(arrays: Sequence[Any]) -> float:
    return float(np.sqrt(sum(np.sum(np.square(a[np.isfinite(a)])) for a in arrays)))


def gaps(one: dict[str, Any], other: dict[str, Any]) -> dict[str, float]:
    """Returns the gap of each array; gradients over the norm of all of them, since some are zero but for noise."""
    norm = _norm([np.asarray(value, "float64") for name, value in one.items() if name.startswith("gradient")])
    found = {}
    for name, value in one.items():
        whole = norm if name.startswith("gradient") else None
        found[name] = gap(value, other[name], whole) if name in other else float("inf")
    return found


def classified(near: float, far: float, moved: float) -> str:
    """Returns what a gap is.

    Args:
        near: The gap.
        far: The gap in float64; NaN if there is none.
        moved: What a unit in the last place does; NaN if that is not known.
    """
    if near == 0.0:
        return "bits"
    if near <= SMALL or (near < float("inf") and far <= FAR_SMALLER * near):
        return "rounding"
    if moved <= CONTINUOUS and near <= FLOORS * moved:
        return "close"
    return "differs"


def judged(found: Found, item: str, one: str, other: str) -> tuple[str, str]:
    """Returns the verdict on an item on two backends, and the figures behind it."""
    a, b = found[one, "float32"][item], found[other, "float32"][item]
    if "error" in a or "error" in b:
        failing = [name for name, results in ((one, a), (other, b)) if "error" in results]
        return "fails", f"{' and '.join(failing)}: {(a if 'error' in a else b)['error']}"
    wide = [found[backend, "float64"].get(item, {}) for backend in (one, other)]
    base, moving = found[MOVED, "float32"][item], found[MOVED, "moved"].get(item, {})
    far_gaps = gaps(*wide) if all("error" not in w for w in wide) else {}
    moved_gaps = {} if "error" in base or "error" in moving or not moving else gaps(base, moving)
    worst = ("bits", "")
    for name, near in gaps(a, b).items():
        far, moved = far_gaps.get(name, float("nan")), moved_gaps.get(name, float("nan"))
        verdict = classified(near, far, moved)
        if VERDICTS.index(verdict) > VERDICTS.index(worst[0]):
            text = f"{name} {near:.1e}, in float64 {far:.1e}, by a unit in the last place {moved:.1e}"
            worst = verdict, text if verdict in ("close", "differs") else ""
    return worst


def collected(directory: Path) -> Found:
    """Runs one process for each backend and way, and returns what they have computed.

    Args:
        directory: Where they leave their arrays.
    """
    found: Found = {(backend, "float32"): computed(directory, backend, "float32") for backend in BACKENDS}
    numbers = doubtful(found)
    for backend in BACKENDS:
        found[backend, "float64"] = computed(directory, backend, "float64", numbers)
    found[MOVED, "moved"] = computed(directory, MOVED, "moved", numbers)
    return found


def doubtful(found: Found) -> list[str]:
    """Returns the numbers of the items that are apart on two backends."""
    numbers = []
    for item in found[BACKENDS[0], "float32"]:
        if item == "version":
            continue
        apart = [
            gaps(found[one, "float32"][item], found[other, "float32"][item])
            for one, other in PAIRS
            if not any("error" in found[backend, "float32"][item] for backend in (one, other))
        ]
        if any(value > SMALL for each in apart for value in each.values()):
            numbers.append(item)
    return numbers


def computed(directory: Path, backend: str, way: str, numbers: Sequence[str] = ()) -> Results:
    """Returns what a process of its own computes; see `work`."""
    out = directory / f"{backend}-{way}.npz"
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
    if way == "float64":
        environment["JAX_ENABLE_X64"] = "1"
    if not out.exists():
        command = [sys.executable, __file__, way, str(out), ",".join(numbers)]
        subprocess.run(command, env=environment, check=True)
    results: Results = {}
    with np.load(out) as arrays:
        for key in arrays.files:
            item, name = key.split("/", 1)
            value = arrays[key]
            results.setdefault(item, {})[name] = str(value) if value.dtype.kind == "U" else value
    return results


def rows(found: Found) -> Iterator[list[str]]:
    """Yields kind, name, the three verdicts, and the figures of what is not the same."""
    from _backend_items import items, why

    for number, item in enumerate(items()):
        verdicts = [judged(found, str(number), *pair) for pair in PAIRS]
        notes = [
            text if verdict == "fails" else f"{' and '.join(pair)}: {text}"
            for pair, (verdict, text) in zip(PAIRS, verdicts, strict=True)
            if text
        ]
        reason = why(item.name) if any(verdict == "differs" for verdict, _ in verdicts) else ""
        yield [item.kind, item.name, *(v[0] for v in verdicts), reason, "; ".join(dict.fromkeys(notes))]


def table(head: list[str], lines: list[list[str]]) -> str:
    """Returns a table of Markdown."""
    return "".join(f"| {' | '.join(line)} |\n" for line in [head, ["---"] * len(head), *lines])


def page(lines: list[list[str]], versions: str) -> str:
    """Returns the page."""
    from _backend_items import LEFT_OUT

    pairs = [" and ".join(pair) for pair in PAIRS]
    counted = []
    for kind in ("layer", "activation", "loss", "optimizer"):
        its = [line for line in lines if line[0] == kind]
        cells = []
        for column in (2, 3, 4):
            count = Counter(line[column] for line in its)
            cells.append(", ".join(f"{count[word]} {word}" for word in VERDICTS if count[word]))
        counted.append([kind, str(len(its)), *cells])

    def listed(verdict: str) -> list[list[str]]:
        worst = [line for line in lines if max(line[2:5], key=VERDICTS.index) == verdict]
        return [[_code(line[1]), *line[2:5], ". ".join(text for text in line[5:] if text)] for line in worst]

    return "\n".join(
        (
            "<!-- Written by `python docs/_backend_differences.py`. -->\n",
            "# Differences between backends\n",
            "Keras's own layers, activations, losses and optimizers on each two backends, from the same weights and "
            "inputs: output, loss or five updates, gradients of weights and inputs, and moving averages. Measured with "
            f"{versions}, on the CPU, by `python docs/_backend_differences.py`; `docs/_backend_items.py` lists what is "
            "computed.\n",
            "- **bits**: the same bits.\n"
            f"- **rounding**: a gap of up to {SMALL:g}, which is not looked into, or one that is "
            f"{1 / FAR_SMALLER:,.0f} times smaller in float64.\n"
            f"- **close**: float64 does not take the gap away, or not far enough, but it is at most {FLOORS:g} times "
            "what inputs and weights one unit in the last place off do. Some of Keras computes in float32 whatever it "
            "is given.\n"
            "- **differs**: anything else.\n"
            "- **fails**: an error on a backend.\n",
            "A gap is the largest difference of an element over the Euclidean norm, for gradients over the norm of all "
            "gradients of the item.\n",
            table(["what", "number", *pairs], counted),
            "## What is not the same\n",
            table(["what", *pairs, "why, if it is known, and what differs first"], listed("differs")),
            "## What not every backend can do\n",
            table(["what", *pairs, "error"], listed("fails")),
            "## What is as small as rounding\n",
            table(["what", *pairs, "gaps"], listed("close")),
            "## What is left out\n",
            table(["what", "because"], [[f"`{'`, `'.join(k.split())}`", reason] for k, reason in LEFT_OUT.items()]),
            "## Bugs\n",
            "Scripts to send upstream, each for one bug, with what it prints and should print:\n",
            "".join(f"- `docs/_bugs/{file.name}`: {_title(file)}\n" for file in sorted((DOCS / "_bugs").glob("*.py"))),
        )
    )


def _code(name: str) -> str:
    text, _, where = name.partition(" at ") if " at " in name else name.partition(" far ")
    return f"`{text}`{' ' + name[len(text) :].strip() if where else ''}"


def _title(file: Path) -> str:
    return file.read_text(encoding="utf-8").split('"""')[1].split("\n")[0]


if __name__ == "__main__":
    if len(sys.argv) == 4:
        work(sys.argv[1], Path(sys.argv[2]), sys.argv[3].split(",") if sys.argv[3] else [])
    else:
        with tempfile.TemporaryDirectory() as directory:
            # A directory that is named keeps the arrays, and what is there is not computed again.
            results = collected(Path(sys.argv[1] if len(sys.argv) > 1 else directory))
        versions = ", ".join(str(results[backend, "float32"]["version"]["text"]) for backend in BACKENDS)
        text = page(list(rows(results)), versions)
        (DOCS / "reference" / "backend-differences.md").write_text(text, encoding="utf-8")
