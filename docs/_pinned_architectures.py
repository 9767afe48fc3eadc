"""Writes the table of pinned architectures: `python docs/_pinned_architectures.py` (some minutes a backend).

Every architecture is trained in every style that can express it, in two fresh processes for each backend, the second in
the reverse order. Where weights, optimizer state and losses are not equal to the last bit, the table says so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
ROOT = DOCS.parent
BACKENDS = ("jax", "tensorflow", "torch")
WHAT = {"begin": "initial weights", "losses": "losses", "end": "weights", "optimizer": "optimizer state"}


def results(backend: str) -> list[dict[str, Any]]:
    """Trains everything twice, in two processes at a time."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "tests.pin.trained"]
    running = [
        subprocess.Popen([*command, *its], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        for its in ([], ["--backwards"])
    ]
    out = [process.communicate()[0] for process in running]
    if any(process.returncode for process in running):
        sys.exit(f"the trainings on {backend} failed")
    return [json.loads(text) for text in out]


def cell(runs: list[dict[str, Any]], name: str) -> str:
    """Says what of an architecture differs on a backend between styles and processes."""
    trained = [result for run in runs for result in run["trained"][name].values()]
    differing = [word for key, word in WHAT.items() if len({json.dumps(result[key]) for result in trained}) > 1]
    return "equal" if not differing else "differs: " + ", ".join(differing)


def page(found: dict[str, list[dict[str, Any]]]) -> str:
    """Returns the page."""
    sys.path.insert(0, str(ROOT))
    from tests.pin.architectures import ARCHITECTURES

    rows = []
    for name, architecture in ARCHITECTURES.items():
        begins = {
            result["begin"] for runs in found.values() for run in runs for result in run["trained"][name].values()
        }
        cells = [cell(runs, name) for runs in found.values()]
        start = "equal" if len(begins) == 1 else "differ"
        rows.append([name, architecture.family, ", ".join(architecture.styles), *cells, start])
    equal = sum(row[3:-1] == ["equal"] * len(found) for row in rows)
    trainings = sum(len(run["trained"][name]) for runs in found.values() for run in runs for name in ARCHITECTURES)
    versions = {key: value for runs in found.values() for run in runs for key, value in run["versions"].items()}
    head = ["architecture", "family", "styles", *found, "initial weights on all backends"]
    lines = [head, ["---"] * len(head), *rows]
    return (
        "<!-- Written by `python docs/_pinned_architectures.py`. -->\n\n# Pinned architectures\n\n"
        f"{len(rows)} architectures, {trainings} trainings. Each architecture was built in every style that can "
        "express it, with its layers made in another order and with layers that are not used, and trained for two "
        "epochs inside `samefit.pinned(7)`: in two fresh processes for each backend, the second one in the reverse "
        "order. *Equal* means: all of these trainings have the same initial weights, the same losses, the same final "
        "weights and the same optimizer state, to the last bit. "
        f"{equal} of {len(rows)} are equal on every backend.\n\n"
        f"Versions: {', '.join(f'{name} {version}' for name, version in sorted(versions.items()))}; on the CPU.\n\n"
        + "\n".join(f"| {' | '.join(line)} |" for line in lines)
        + "\n"
    )


if __name__ == "__main__":
    text = page({backend: results(backend) for backend in BACKENDS})
    (DOCS / "reference" / "pinned-architectures.md").write_text(text, encoding="utf-8")
