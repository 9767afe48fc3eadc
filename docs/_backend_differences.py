"""Writes the table of differences between backends: `python docs/_backend_differences.py` (some minutes).

Every item of `_backend_items.py` is computed on each backend from the same weights and inputs (`_backend_work.py`): its
output, its loss or its updates, and its gradients. What is apart by more than a unit in the last place is computed
again in float64, and from values that are one unit in the last place off. A gap that goes away in float64 is rounding;
one that stays is another computation.
"""

from __future__ import annotations

import os
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
        command = [sys.executable, str(DOCS / "_backend_work.py"), way, str(out), ",".join(numbers)]
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
    with tempfile.TemporaryDirectory() as directory:
        # A directory that is named keeps the arrays, and what is there is not computed again.
        results = collected(Path(sys.argv[1] if len(sys.argv) > 1 else directory))
    versions = ", ".join(str(results[backend, "float32"]["version"]["text"]) for backend in BACKENDS)
    text = page(list(rows(results)), versions)
    (DOCS / "reference" / "backend-differences.md").write_text(text, encoding="utf-8")
