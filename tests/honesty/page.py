"""The page of results, made from their file."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.honesty.faults import ALL, FAULTS

ROOT = Path(__file__).parents[2]
PACKAGES = ("keras", "jax", "tensorflow", "tensorflow-cpu", "torch", "numpy")

WHY = {
    "again": "the same program twice",
    "styles": "`Sequential`, functional and subclassed, layers made in one order",
    "pinned": "two ways of building inside `samefit.pinned`, layers made in any order, some not used",
    "before": "other models, draws and trainings before one side, which is seeded anew",
    "feeds": "arrays against a `PyDataset` or a generator of the same batches",
    "split": "one `fit` of two epochs against two of one",
}
"""Why pairs are identical, in words for a reader, by the reason that a pair was drawn with."""


def table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Returns a table of Markdown."""
    lines = [[*head], *([str(cell) for cell in row] for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def versions() -> str:
    """Returns what was measured with."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # TensorFlow is published under two names, of which one is there
    return ", ".join(f"{name} {version}" for name, version in found.items())


def _of(right: Iterable[bool]) -> str:
    found = [*right]
    return f"{sum(found)} of {len(found)}" if found else "–"


def page(results: Mapping[str, Mapping[str, Any]], seed: int) -> str:
    """Returns the page.

    Args:
        results: Lines of the file of results, by key.
        seed: What everything was drawn from.
    """
    if not results:
        return (
            "<!-- Written by `python -m tests.honesty`. -->\n\n# Honesty\n\n"
            "Not measured yet. `make honesty` has pairs that are identical by construction and faults of every kind "
            "answered, and writes the results here.\n"
        )
    kinds: dict[str, list[Mapping[str, Any]]] = {"pair": [], "control": [], "fault": []}
    for line in results.values():
        kinds[line["kind"]].append(line)
    pairs, controls, faults = kinds["pair"], kinds["control"], kinds["fault"]
    equal = [line for line in pairs if line["equal"]]
    same = [*equal, *controls]
    return "\n".join(
        (
            "<!-- Written by `python -m tests.honesty`. -->\n",
            "# Honesty\n",
            "How often samefit cries wolf, and how often it misses. `make honesty` measures both (one to two hours on "
            f"two cores) and writes this page; everything is drawn from the seed {seed}. "
            "[Every result](honesty.jsonl) is a line of JSON; `tests/honesty` holds the tables that were drawn from.\n",
            f"Versions: {versions()}; on the CPU.\n",
            "## Identical pairs\n",
            f"**{_of(line['verdict'] == 'identical' for line in same)} pairs are answered `identical`.** "
            f"{len(equal)} were trained under `samefit.Recorder`, many in one process one after the other, and "
            f"compared by `samefit.compare`; {len(controls)} went through `samefit check`, two fresh processes each: "
            "the baselines of the faults below, against a copy. Each pair is identical by construction.\n",
            _pairs(equal),
            _unequal([line for line in pairs if not line["equal"]]),
            f"Drawn were {len({line['architecture'] for line in pairs})} architectures "
            "([those of pinned](pinned-architectures.md)), "
            f"{len({line['optimizer'] for line in pairs})} optimizers and options, "
            f"{len({line['training'] for line in pairs})} ways of training (with validation data, sample weights, "
            "callbacks, eager, several steps at once, `train_on_batch`), with and without shuffling.\n",
            "## Injected faults\n",
            _summary(faults),
            _faults(faults),
            "*Step* and *stage* say where the two trainings part; *cause* that the first cause has the right name and "
            "that a re-run without it proved it. Where the pages of the causes say that no re-run can prove it "
            "(`unknown`, `rounding` between two backends, `model-config` of a layer whose own code is another one), "
            "the right answer is the name, not confirmed.\n",
            _wrong([*pairs, *controls, *faults]),
        )
    )


def _unequal(lines: list[Mapping[str, Any]]) -> str:
    """Says of how many pairs the bits differ although they were made to be identical."""
    if not lines:
        return "Losses and weights of all pairs, as Keras shows them, are equal to the last bit.\n"
    where = ", ".join(sorted({line["backend"] for line in lines}))
    return (
        "Losses and weights were compared without samefit, too. Of "
        f"{len(lines)} further pairs ({where}) they are not equal: the kernels gave other bits to the same program in "
        f"one process. samefit said so of {_of(line['verdict'] != 'identical' for line in lines)}.\n"
    )


def _pairs(pairs: list[Mapping[str, Any]]) -> str:
    rows = []
    for why, words in WHY.items():
        its = [line for line in pairs if line["why"] == why]
        rows.append(
            [words, *(_of(line["verdict"] == "identical" for line in its if line["backend"] == name) for name in ALL)]
        )
    return table(["identical because", *ALL], rows)


def _summary(faults: list[Mapping[str, Any]]) -> str:
    judged = {what: _of(line["judged"][what] for line in faults) for what in ("step", "stage", "cause")}
    return (
        f"{len(faults)} faults were put into the script of one side, of {len({line['slug'] for line in faults})} kinds "
        f"of causes. Right step: **{judged['step']}**. Right stage: **{judged['stage']}**. "
        f"Right cause: **{judged['cause']}**.\n"
    )


def _faults(faults: list[Mapping[str, Any]]) -> str:
    rows = []
    for fault in FAULTS:
        its = [line for line in faults if (line["slug"], line["name"]) == (fault.slug, fault.name)]
        if its:
            marks = [_of(line["judged"][what] for line in its) for what in ("step", "stage", "cause")]
            where = ", ".join(name for name in ALL if name in {line["backend"] for line in its})
            rows.append([f"[{fault.slug}](../causes/{fault.slug}.md)", fault.name, where, *marks])
    return table(["cause", "what was done", "backends", "step", "stage", "cause"], rows)


def _wrong(lines: list[Mapping[str, Any]]) -> str:
    wrong = [line for line in lines if not line["right"]]
    if not wrong:
        return "## Wrong answers\n\nNone.\n"
    rows = []
    for line in wrong:
        what = line.get("failed", "").strip().splitlines()[-1:] or [
            ", ".join(
                [
                    f"{line['verdict']}, step {line.get('step')}, {line.get('stage')}",
                    *(slug + (" (confirmed)" if sure else "") for slug, sure in line.get("causes", ())),
                ]
            )
        ]
        rows.append([line["key"], *what])
    return "## Wrong answers\n\n" + table(["which", "what samefit said"], rows)
