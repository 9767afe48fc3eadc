"""What is in a run, as text: the summary, the ledger of draws, and where every weight came from."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from samefit.report.tables import encodable, print_table
from samefit.report.words import Places, count, limit_of_pin, plain
from samefit.store.manifest import pin_limits
from samefit.store.reader import Run
from samefit.store.records import Event, ModelRecord, TrainingRecord
from samefit.types import GENERATORS, Location

_NAMES = {
    "python": "Python's random",
    "numpy": "numpy.random",
    "default_rng": "numpy default_rng",
    "tensorflow": "TensorFlow's generator",
    "torch": "PyTorch's generator",
    "keras": "Keras's global SeedGenerator",
    "os": "entropy of the operating system",
}


def print_run(run: Run, console: Console) -> None:
    """Prints the summary: how the run ended, with what it ran, and its trainings."""
    manifest = run.manifest

    def say(label: str, text: str) -> None:
        print_table(console, (), [(f"{label:<10}", text)])

    versions = manifest.get("versions") or {}
    environment = manifest.get("environment") or {}
    say("run", str(run.path))
    say("status", run.status + (f", exit status {manifest['exit_status']}" if manifest.get("exit_status") else ""))
    say("target", str(manifest.get("target", "")))
    say("started", _moment(manifest.get("started")))
    say("backend", f"{manifest.get('backend', 'none was loaded')} on {manifest.get('device', 'an unknown device')}")
    say("versions", ", ".join(f"{name} {version}" for name, version in versions.items()))
    if environment:
        say("variables", ", ".join(f"{name}={value}" for name, value in environment.items()))
    if manifest.get("pin") is not None:
        say("pinned to", str(manifest["pin"]))
    pinned = manifest.get("pin_report") or {}
    if pinned.get("switched"):
        say("switched", ", ".join(f"{name}={value}" for name, value in pinned["switched"].items()))
    for limit in pin_limits(manifest):
        label, text = limit_of_pin(limit)
        say(label, f"{limit['kind']}: {text}")
    for warning in run.warnings:
        say("warning", f"{warning.slug}: {warning.message.splitlines()[0] if warning.message else ''}")
    console.print()
    if not run.trainings:
        say("trainings", "none that samefit can record")
        return
    places = _places(training.location for training in run.trainings)
    print_table(
        console,
        ("#", "side", "kind", "model", "at", "steps", "first loss", "last loss", "status"),
        [_training(run, training, places) for training in run.trainings],
        right=(0, 5, 6, 7),
    )


def _moment(started: object) -> str:
    """Returns a moment, in seconds since 1970, as local time."""
    if not isinstance(started, int | float):
        return str(started or "")
    return datetime.datetime.fromtimestamp(started).astimezone().isoformat(" ", "seconds")


def _training(run: Run, training: TrainingRecord, places: Places) -> Sequence[object]:
    model = run.models.get(training.model)
    steps = run.steps([training.number])
    losses = [step.logs["loss"] for step in steps if "loss" in step.logs]
    return (
        training.number,
        training.side,
        training.kind,
        "" if model is None else _model(model),
        places(training.location) if training.location else "",
        len(steps),
        f"{losses[0]:.6g}" if losses else "",
        f"{losses[-1]:.6g}" if losses else "",
        training.status,
    )


def _model(model: ModelRecord) -> str:
    return model.class_name if model.name in ("", model.class_name) else f'{model.class_name} "{model.name}"'


def print_ledger(run: Run, console: Console) -> None:
    """Prints the ledger of draws, generator by generator, from each seed on.

    A draw's number is how many draws the generator had served since that seed, so that two blocks with the same seed
    and the same number stand for the same random values.
    """
    events = [event for event in run.events if event.kind in ("seed", "draw", "entropy", "create")]
    if not events:
        console.print("  no generator was seeded or drawn from", highlight=False)
        return
    places = _places(event.location for event in events)
    known = [*GENERATORS, "default_rng", "os"]
    names = known + sorted({event.generator for event in events} - set(known))
    for name in names:
        own = [event for event in events if event.generator == name]
        if own:
            console.print(encodable(console, f"{_NAMES.get(name, plain(name))}"), style="bold", highlight=False)
            _generator(own, places, console, joined=bool(run.manifest.get("joined")))
            console.print()


def _generator(events: Sequence[Event], places: Places, console: Console, *, joined: bool) -> None:
    rows: list[Sequence[object]] = []
    if events[0].kind == "draw":
        before = "what seeded it before the recording is not known" if joined else "never seeded before this"
        rows.append(("", "", before, "", ""))
    for event in _merged(events):
        at = places(event.location) if event.location else ""
        code = event.location.code if event.location else None
        if event.kind == "draw":
            numbers = str(event.index) if event.count == 1 else f"{event.index}-{event.index + event.count - 1}"
            who = event.component or (
                "an import" if event.location is not None and event.location.imports else "your code"
            )
            rows.append((numbers, at, who, event.function, code))
        else:
            value = "from the operating system" if event.value is None else str(event.value)
            word = {"seed": f"seed {value}", "create": "created", "entropy": "entropy"}[event.kind]
            word += f", {count(event.count, 'time')}" if event.count > 1 else ""
            rows.append(("", at, word, event.function, code))
    print_table(console, ("draw", "at", "who", "function", "code"), rows, right=(0,), crop=True)


def _merged(events: Iterable[Event]) -> Iterator[Event]:
    """Yields equal entries that follow each other as one, with their count."""
    last: Event | None = None
    for event in events:
        if last is not None and event.kind in ("draw", "entropy") and _key(last) == _key(event):
            last = replace(last, count=last.count + event.count)
            continue
        if last is not None:
            yield last
        last = event
    if last is not None:
        yield last


def _key(event: Event) -> tuple[object, ...]:
    return event.kind, event.function, event.component, event.location, event.side, event.training


def print_weights(run: Run, console: Console) -> None:
    """Prints, for each training, every variable and where its first value came from."""
    for training in run.trainings:
        state = run.begin_state(training.number)
        variables = [v for v in (run.layouts[state.layout] if state else ()) if v.origin is not None]
        heading = f"training #{training.number}: {count(len(variables), 'variable')}"
        console.print(encodable(console, heading), style="bold", highlight=False)
        places = _places(v.origin.location for v in variables if v.origin)
        rows: list[Sequence[object]] = []
        for variable in variables:
            origin = variable.origin
            assert origin is not None
            if origin.seed is None:
                seed = ""
            else:
                seed = f"{origin.seed} ({'explicit' if origin.seed_is_explicit else 'drawn by Keras'})"
            rows.append(
                (
                    variable.path,
                    "×".join(map(str, variable.shape)) or "scalar",
                    variable.dtype,
                    origin.initializer + (f", then {origin.assigned}" if origin.assigned else ""),
                    seed,
                    places(origin.location) if origin.location else "",
                    origin.digest.hex()[:12] if origin.digest else "",
                )
            )
        if rows:
            print_table(console, ("weight", "shape", "dtype", "initialiser", "seed", "at", "first value"), rows)
        console.print()


def _places(locations: Iterable[Location | None]) -> Places:
    return Places(frozenset(location.file for location in locations if location is not None))


def run_as_json(run: Run) -> dict[str, object]:
    """Returns the summary of a run as plain data."""
    return {
        "run": str(Path(run.path)),
        "status": run.status,
        "manifest": run.manifest,
        "warnings": [{"slug": warning.slug, "message": warning.message} for warning in run.warnings],
        "trainings": [_training_as_json(run, training) for training in run.trainings],
    }


def _training_as_json(run: Run, training: TrainingRecord) -> dict[str, object]:
    from samefit.report.json_values import plain_data

    model = run.models.get(training.model)
    location = training.location
    return {
        "number": training.number,
        "side": training.side,
        "kind": training.kind,
        "model": None if model is None else {"name": model.name, "class": model.class_name, "build": str(model.build)},
        "file": None if location is None else location.file,
        "line": None if location is None else location.line,
        "steps": len(run.steps([training.number])),
        "status": training.status,
        "metrics": plain_data(training.metrics),
        "options": plain_data(training.options),
        "compiled": plain_data(training.compiled),
    }
