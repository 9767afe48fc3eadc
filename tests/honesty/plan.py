"""Draws faults from a seed: which row, on which backend, in which script, with which values; and runs one of them."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.honesty.faults import ALL, ANY, FAULTS, Fault
from tests.honesty.scripts import drawn, layer_lines, write


@dataclass(frozen=True)
class Injected:
    """One fault in one script on one backend.

    Attributes:
        key: Names it in the file of results.
        fault: The row that it was drawn from.
        backend: Keras's backend (the baseline's, where there are two).
        other: The candidate's backend.
        family: The family of layers.
        style: The way of building.
        step: The 1-based step at which the trainings must part, or None where nobody can know.
        baseline: Text of the baseline's script.
        candidate: Text of the candidate's script.
    """

    key: str
    fault: Fault
    backend: str
    other: str
    family: str
    style: str
    step: int | None
    baseline: str
    candidate: str


def inject(fault: Fault, backend: str, seed: str) -> Injected:
    """Draws everything that a fault leaves open.

    Args:
        fault: The row.
        backend: Keras's backend.
        seed: Seeds the draw; the same seed gives the same scripts.
    """
    generator = random.Random(f"{seed}/{fault.slug}/{fault.name}/{backend}")
    spec = drawn(generator, fault.families, seeded=fault.seeded)
    values = dict(spec.values) | {name: generator.choice(choices) for name, choices in fault.draw.items()}
    if fault.shuffle is not None:
        values["shuffle"] = fault.shuffle
    spec = type(spec)(spec.family, fault.style or spec.style, spec.optimizer, spec.seeded, values)
    at = None
    if fault.layer is not None:
        at = generator.choice([n for n, line in enumerate(layer_lines(spec)) if re.search(fault.layer[0], line)])
    other = generator.choice([name for name in ALL if name != backend]) if fault.how == "backends" else backend
    baseline = write(spec, fault.base)
    layer = None if fault.layer is None else (fault.layer[0], _filled(fault.layer[1], values))
    candidate = write(spec, {**fault.base, **fault.change}, layer=layer, at=at)
    if fault.edit is not None:
        candidate = candidate.replace(*fault.edit)
    if (baseline == candidate) == (fault.how == "two"):
        raise AssertionError(f"{fault.name}: the two scripts are {'equal' if fault.how == 'two' else 'not equal'}")
    step = None if fault.step == ANY else int(eval(fault.step, {}, values))
    key = f"{fault.slug}/{fault.name}/{backend}/{seed}"
    return Injected(key, fault, backend, other, spec.family, spec.style, step, baseline, candidate)


def _filled(text: str, values: dict[str, Any]) -> str:
    return re.sub(r"\$(\w+)", lambda match: str(values[match[1]]), text)


def plan(seed: int, backends: Sequence[str], each: int = 1) -> list[Injected]:
    """Draws faults: every row at least once, and every slug `each` times on each backend that it exists on.

    Args:
        seed: Seeds all choices.
        backends: Keras's backends.
        each: How often.
    """
    generator = random.Random(seed)
    found = []
    for slug in dict.fromkeys(fault.slug for fault in FAULTS):
        rows = [fault for fault in FAULTS if fault.slug == slug]
        waiting = generator.sample(rows, len(rows))
        for turn in range(each):
            for backend in generator.sample(backends, len(backends)):
                fits = [row for row in waiting if backend in row.backends]
                again = [row for row in rows if backend in row.backends]
                if fits or again:
                    row = fits[0] if fits else generator.choice(again)
                    waiting = [one for one in waiting if one is not row]
                    found.append(inject(row, backend, f"{seed}.{turn}"))
        for row in waiting:
            usable = [backend for backend in backends if backend in row.backends]
            if usable:
                found.append(inject(row, generator.choice(usable), f"{seed}.{each}"))
    return found


def check(injected: Injected, folder: Path, *, control: bool = False) -> dict[str, Any]:
    """Runs `samefit check` on a fault, or on its baseline and the baseline's copy; returns what came out.

    Args:
        injected: The fault.
        folder: Where scripts and runs are kept.
        control: Whether both sides are the baseline: nothing may be found then.
    """
    folder.mkdir(parents=True)
    (folder / "baseline.py").write_text(injected.baseline, encoding="utf-8")
    (folder / "candidate.py").write_text(injected.baseline if control else injected.candidate, encoding="utf-8")
    arguments = ["baseline.py"]
    if control or injected.fault.how == "two":
        arguments.append("candidate.py")
    elif injected.fault.how == "trainings":
        arguments += ["--trainings", "1,2"]
    elif injected.fault.how == "backends":
        arguments += ["--backends", f"{injected.backend},{injected.other}"]
    elif injected.fault.variable is not None:
        name, one, two = injected.fault.variable
        arguments += ["--env-a", f"{name}={one}", "--env-b", f"{name}={two}"]
    done = subprocess.run(
        [sys.executable, "-m", "samefit", "check", *arguments, "--runs", "runs", "--json", "answer.json"],
        cwd=folder,
        env={**os.environ, "KERAS_BACKEND": injected.backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    (folder / "printed.txt").write_text(f"{done.stdout}\n{done.stderr}", encoding="utf-8")
    if done.returncode not in (0, 2):
        return {"failed": done.stderr[-2000:]}
    answer = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    divergence = answer["first_divergence"] or {}
    return {
        "verdict": answer["verdict"],
        "step": divergence.get("step"),
        "stage": divergence.get("stage"),
        "causes": [[cause["slug"], cause["confirmed"]] for cause in answer["causes"]],
    }


def judged(injected: Injected, found: dict[str, Any]) -> dict[str, bool]:
    """Holds an answer against what is known of a fault.

    Args:
        injected: The fault.
        found: What `check` returned.
    """
    first = next(iter(found.get("causes", ())), [None, None])
    return {
        "step": bool(found.get("step")) and injected.step in (None, found["step"]),
        "stage": found.get("stage") in injected.fault.stages,
        "cause": first == [injected.fault.slug, injected.fault.confirmed],
    }
