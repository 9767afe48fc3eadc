"""Trains one CNN on three backends from one seed, and draws their gaps: `python docs/_digits_on_three_backends.py`.

Scikit-learn's digits, two convolutions, dropout, 1,000 steps of Adam, inside `samefit.pinned(7)`; each backend in a
process of its own. Takes about two minutes. Writes the page `explanation/digits-on-three-backends.md` and its picture.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
BACKENDS = ("jax", "tensorflow", "torch")
STEPS = 1000
BATCH = 64
MARKS = (1, 10, 50, 100, 200, 500, 1000)
PAIRS = tuple(combinations(BACKENDS, 2))
COLORS = ("#1f77b4", "#d62728", "#ff7f0e")
WIDTH, LEFT, RIGHT, BLOCK = 740, 60, 30, 4


def train() -> dict[str, Any]:
    """Trains on the backend of this process; returns the losses, step by step, and the accuracy on held-out digits."""
    import keras
    from keras import layers
    from sklearn.datasets import load_digits

    import samefit
    from samefit import backends

    images, labels = load_digits(return_X_y=True)
    images = (images / 16.0).astype("float32").reshape(-1, 8, 8, 1)
    losses: list[float] = []

    class Losses(keras.callbacks.Callback):  # type: ignore[misc]
        """Keeps the loss of each batch: what Keras logs is the mean over the epoch so far."""

        total = 0.0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            total = float(logs["loss"]) * (batch + 1)
            losses.append(total - (self.total if batch else 0.0))
            self.total = total

    with samefit.pinned(7):
        model = keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                layers.Conv2D(16, 3, activation="relu"),
                layers.Conv2D(32, 3, activation="relu"),
                layers.Flatten(),
                layers.Dropout(0.5),
                layers.Dense(10, activation="softmax"),
            ]
        )
        model.compile(keras.optimizers.Adam(), "sparse_categorical_crossentropy", metrics=["accuracy"])
        start = hashlib.sha256(b"".join(weight.tobytes() for weight in model.get_weights())).hexdigest()
        count = 1437 // BATCH * BATCH
        epochs = -(-STEPS // (count // BATCH))
        model.fit(images[:count], labels[:count], epochs=epochs, batch_size=BATCH, verbose=0, callbacks=[Losses()])
        accuracy = model.evaluate(images[1437:], labels[1437:], verbose=0)[1]
    name = keras.config.backend()
    version = f"{name} {backends.load(name).version()} (Keras {keras.__version__})"
    return {"losses": losses[:STEPS], "accuracy": float(accuracy), "start": start, "version": version}


def trained(backend: str) -> dict[str, Any]:
    """Trains in a process of its own."""
    # With more threads PyTorch's times vary by a factor of ten where other programs run.
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "train"]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def picture(found: dict[str, dict[str, Any]]) -> str:
    """Returns an SVG: the losses above, the gaps between each two backends below, the largest of every few steps."""
    panels = (
        Panel("loss of the batch (JAX)", -2, 1, [("", "#808080", found["jax"]["losses"])]),
        Panel("gap of the loss", -9, -1, [(_pair(*p), c, gaps(found, *p)) for p, c in zip(PAIRS, COLORS, strict=True)]),
    )
    parts = [part for row, panel in enumerate(panels) for part in panel.drawn(20 + row * 230)]
    labels = [
        f'<text x="{_x(mark):.0f}" y="470" text-anchor="middle">{mark:,}</text>' for mark in (1, 250, 500, 750, 1000)
    ]
    labels.append(f'<text x="{_x(STEPS / 2):.0f}" y="490" text-anchor="middle">step</text>')
    style = 'font-family="sans-serif" font-size="12" fill="#808080"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} 500" {style}>'
    return "\n".join([head, *parts, *labels, "</svg>\n"])


@dataclass(frozen=True)
class Panel:
    """A diagram with a logarithmic axis.

    Attributes:
        title: What it shows.
        low: The power of ten at its lower edge; what is less is drawn there.
        high: The power of ten at its upper edge.
        lines: Name, colour and values, one for each step.
    """

    title: str
    low: int
    high: int
    lines: list[tuple[str, str, list[float]]]

    def drawn(self, top: int) -> Iterator[str]:
        """Yields the elements of the diagram, 200 units high."""

        def height(power: float) -> float:
            return top + 200 * (self.high - max(power, self.low)) / (self.high - self.low)

        for power in range(self.low, self.high + 1):
            y = f"{height(power):.0f}"
            yield f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="#808080" stroke-opacity="0.25"/>'
            yield f'<text x="{LEFT - 6}" y="{int(y) + 4}" text-anchor="end">1e{power}</text>'
        yield f'<text x="{LEFT + 8}" y="{top + 14}">{self.title}</text>'
        for number, (name, color, values) in enumerate(self.lines):
            points = []
            for begin in range(0, len(values), BLOCK):
                value = max(values[begin : begin + BLOCK])
                points.append(f"{_x(begin + BLOCK / 2):.0f} {height(math.log10(value) if value else -99):.1f}")
            yield f'<path d="M{"L".join(points)}" fill="none" stroke="{color}"/>'
            yield f'<text x="{LEFT + 8}" y="{top + 30 + 16 * number}" fill="{color}">{name}</text>' if name else ""


def gaps(found: dict[str, dict[str, Any]], one: str, other: str) -> list[float]:
    """Returns how far the losses of two backends are apart, step by step."""
    return [abs(a - b) for a, b in zip(found[one]["losses"], found[other]["losses"], strict=True)]


def _pair(one: str, other: str) -> str:
    return f"{one} and {other}"


def _x(step: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * step / STEPS


def page(found: dict[str, dict[str, Any]], versions: str) -> str:
    """Returns the page."""
    head = ["steps", *(_pair(*pair) for pair in PAIRS)]
    lines = [head, ["---:"] * len(head)]
    for mark in MARKS:
        lines.append([f"1 to {mark:,}", *(f"{max(gaps(found, *pair)[:mark]):.2g}" for pair in PAIRS)])
    accuracies = ", ".join(f"{name} {result['accuracy']:.4f}" for name, result in found.items())
    return (
        "<!-- Written by `python docs/_digits_on_three_backends.py`. -->\n\n# One seed on three backends\n\n"
        "One CNN with dropout, scikit-learn's digits, batches of 64, 1,000 steps of Adam, inside of\n"
        "`samefit.pinned(7)`: the three backends start from the same weights, see the same batches in the same order\n"
        "and draw the same dropout masks; tests in `tests/pin` hold it. What is left between them is rounding, which\n"
        "stays small for some hundred steps, and then grows in jumps.\n\n"
        "![Losses and gaps of the three backends](digits-on-three-backends.svg)\n\n"
        "(The largest value of each four steps; gaps of 0 lie on the lower edge.)\n\n"
        "The largest gap of the loss of a batch (taken from the running mean that Keras logs, in float32):\n\n"
        + "\n".join(f"| {' | '.join(line)} |" for line in lines)
        + f"\n\nAccuracy on the 360 digits that were held out: {accuracies}. Measured with {versions}, on the CPU.\n\n"
        "The page and the picture are written by `python docs/_digits_on_three_backends.py`.\n"
    )


if __name__ == "__main__":
    if sys.argv[1:] == ["train"]:
        print(json.dumps(train()))
    else:
        results = {backend: trained(backend) for backend in BACKENDS}
        if len({result["start"] for result in results.values()}) > 1:
            raise SystemExit("The initial weights are not the same bits on all backends.")
        versions = ", ".join(result["version"] for result in results.values())
        folder = DOCS / "explanation"
        (folder / "digits-on-three-backends.svg").write_text(picture(results), encoding="utf-8")
        (folder / "digits-on-three-backends.md").write_text(page(results, versions), encoding="utf-8")
