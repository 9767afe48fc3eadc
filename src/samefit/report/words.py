"""How single facts are said: numbers, places, sides. What comes from a script is made printable here."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from samefit.comparison.result import Comparison, Divergence, SideSummary
from samefit.types import Location, Stage, Verdict, When

VERDICTS = {
    Verdict.IDENTICAL: ("✓", "identical"),
    Verdict.WITHIN_TOLERANCE: ("≈", "within tolerance"),
    Verdict.DIVERGED: ("✗", "diverged"),
    Verdict.INCOMPLETE: ("…", "incomplete"),
    Verdict.NOT_COMPARABLE: ("?", "not comparable"),
}

SEPARATOR = " · "
"""Between things that are listed side by side; a line is rather broken there than inside of a thing."""


def plain(text: object) -> str:
    """Returns text without control characters, which would let a layer's name move the cursor of a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in str(text))


def count(number: int, noun: str) -> str:
    """Returns "1 step" or "45 steps"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def size(value: float) -> str:
    """Returns how large a difference is, in two digits."""
    return f"{value:.2g}" if math.isfinite(value) else str(value)


def two_values(first: float, second: float) -> str:
    """Returns two values with one number of digits, as many as tell them apart (if they differ at all)."""
    if not (math.isfinite(first) and math.isfinite(second)):
        return f"{first:.6g} and {second:.6g}"
    large = max(abs(first), abs(second))
    form = "f" if large == 0 or 1e-3 <= large < 1e6 else "e"
    for digits in range(6, 18):
        one, other = f"{first:.{digits}{form}}", f"{second:.{digits}{form}}"
        if one != other or first == second:
            break
    return f"{one} and {other}"


def joined(items: Iterable[str]) -> str:
    """Returns items side by side."""
    return SEPARATOR.join(items)


def at_step(step: int) -> str:
    """Returns "from step 3"; step 0 is the state before the first one."""
    return "from the start" if step == 0 else f"from step {step}"


@dataclass(frozen=True)
class Places:
    """Says places of the user's code: "line 9" while all lie in one file, else "train.py:9".

    Args:
        files: The files that the report speaks of.
    """

    files: frozenset[str]

    def __call__(self, location: Location) -> str:
        """Returns the place in words."""
        if len(self.files) <= 1:
            return f"line {location.line}"
        return f"{short_path(location.file)}:{location.line}"


_ONLY_SAID = frozenset({"dropout-off", "equal-models"})


def leaves_unpinned(limit: Mapping[str, Any]) -> bool:
    """Whether a limit of a pin leaves something to other things than the seed, or only says what follows from it."""
    return limit["kind"] not in _ONLY_SAID


def limit_of_pin(limit: Mapping[str, Any]) -> tuple[str, str]:
    """Returns what a pinned scope could not pin: ("not pinned" or "note", what it is with its place and the remedy).

    Args:
        limit: One of the limits that a manifest has (`samefit.store.manifest.pin_limits`).
    """
    location = limit.get("location")
    place = f"{short_path(location['file'])}:{location['line']}: " if location else ""
    text = f"{place}{limit['text']} {limit.get('remedy') or ''}".rstrip()
    return "not pinned" if leaves_unpinned(limit) else "note", text


def places_of(comparison: Comparison) -> Places:
    """Returns how the places of one comparison are said."""
    found: list[Location | None] = [*comparison.baseline.locations, *comparison.candidate.locations]
    for cause in comparison.causes:
        found += [cause.location, *(evidence.location for evidence in cause.evidence)]
    return Places(frozenset(location.file for location in found if location is not None))


def short_path(path: str) -> str:
    """Returns a path relative to the working directory if it lies inside."""
    inside = os.path.abspath(path)
    here = os.getcwd() + os.sep
    return plain(inside.removeprefix(here) if inside.startswith(here) else path)


def side_labels(comparison: Comparison) -> tuple[str, str]:
    """Returns what the two sides are called: which trainings of what, and where they began."""
    a, b = comparison.baseline, comparison.candidate
    places = places_of(comparison)
    heads = ("", "") if a.target == b.target and (a.run == b.run or a.backend != b.backend) else side_names(comparison)
    return _label(heads[0], a, places), _label(heads[1], b, places)


def side_names(comparison: Comparison) -> tuple[str, str]:
    """Returns the shortest names that tell the two sides apart."""
    a, b = comparison.baseline, comparison.candidate
    if a.target != b.target:
        return _short_target(a.target), _short_target(b.target)
    if a.backend != b.backend:
        return a.backend or "first run", b.backend or "second run"
    if a.run != b.run:
        return "first run", "second run"
    return ", ".join(_numbers(a)) or "the first", ", ".join(_numbers(b)) or "the second"


def _label(head: str, side: SideSummary, places: Places) -> str:
    files = {location.file for location in side.locations if location is not None}
    script = os.path.basename(side.target.split(" ")[0].partition(":")[0])
    if {os.path.basename(file) for file in files} == {script}:
        places = Places(frozenset(files))  # the file is named already
    body = _trainings(side, places)
    return plain(f"{head}: {body}" if head else body)


def _short_target(target: str) -> str:
    first, _, rest = target.partition(" ")
    name = f"{os.path.basename(first)} {rest}".strip()
    return name if len(name) <= 40 else name[:39] + "…"


def _trainings(side: SideSummary, places: Places) -> str:
    if not side.trainings:
        return "no training"
    models = list(dict.fromkeys(side.models))
    model = ", ".join(models) if len(models) <= 3 else f"{len(models)} models"
    where = [places(location) for location in side.locations if location is not None]
    lines = _lines(list(dict.fromkeys(where)))
    return " ".join(word for word in (", ".join(_numbers(side)), model, f"({lines})" if lines else "") if word)


def _numbers(side: SideSummary) -> list[str]:
    numbers = [f"#{number}" for number in side.trainings]
    return numbers if len(numbers) <= 3 else [f"{numbers[0]} to {numbers[-1]}"]


def _lines(where: Sequence[str]) -> str:
    if len(where) > 3:
        return f"{where[0]} and later"
    if len(where) > 1 and all(place.startswith("line ") for place in where):
        return "lines " + ", ".join(place.removeprefix("line ") for place in where)
    return ", ".join(where)


def environment_of(side: SideSummary) -> str:
    """Returns the backend, Keras and device of a side: "jax 0.10.2, keras 3.15.1, cpu"."""
    names = [side.backend or "no backend", *(["keras"] if "keras" in side.versions else [])]
    return plain(", ".join([*(f"{name} {side.versions.get(name, '')}".rstrip() for name in names), side.device]))


def place_of(divergence: Divergence, comparison: Comparison) -> str:
    """Returns the place of the first divergence: "epoch 1, step 1, data: the same 512 samples in another order"."""
    words = []
    a, b = divergence.training, divergence.candidate_training
    if len(comparison.baseline.trainings) > 1 or len(comparison.candidate.trainings) > 1:
        words.append(f"training #{a}" if a == b else f"training #{a} (#{b} of the candidate)")
    if divergence.stage is Stage.INITIAL_WEIGHTS:
        words.append("before the first step" if divergence.step <= 1 else "before its first step")
    else:
        words.append(f"epoch {divergence.epoch}")
        overall = "" if divergence.step == divergence.step_in_epoch else f" (step {divergence.step} in all)"
        words.append(f"step {divergence.step_in_epoch}{overall}")
    words.append(divergence.stage.in_words)
    known = divergence.known_equal
    since = "" if known is None else f" (equal up to step {known}; in between weights were not recorded)"
    return plain(f"{', '.join(words)}: {_what(divergence)}{since}")


def _what(divergence: Divergence) -> str:
    more = f" and {divergence.num_paths - 1} more" if divergence.num_paths > 1 else ""
    if divergence.stage is Stage.DATA and divergence.detail:
        return divergence.detail
    # Of weights before the first step it was said already when they differ.
    said = divergence.stage is Stage.INITIAL_WEIGHTS and divergence.detail == When.BEFORE_STEP.value
    return f"{divergence.path}{more}" + (f": {divergence.detail}" if divergence.detail and not said else "")
