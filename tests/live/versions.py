"""The same verdicts and causes on several versions of Keras: the second half of `make versions`.

    python -m tests.live.versions [--backends torch] [FOLDER WITH A KERAS]...

On each version and backend `scripts/known_pairs.py` is recorded and its pairs are compared; on the first backend one
pair is checked as well, to see that a re-run confirms its cause. Prints a table; the exit status is 1 where an answer
is not the known one, or not that of the newest released version.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.live.checked import literal
from tests.pin.versions import VERSIONS, folder_of, say

import samefit
from samefit.errors import SamefitError

SCRIPT = Path(__file__).parent / "scripts" / "known_pairs.py"
SOURCE = Path(__file__).parents[2] / "src"
EXPECT = literal(SCRIPT, "EXPECT")
CONFIRMED = ("seeded", "with_an_unused_layer", "generator-advanced")

Answer = tuple[str, str, str, int | None]
"""Verdict, stage, slug, line."""


class Failed(Exception):
    """A command did not run to its end."""


def samefit_on(folder: Path, backend: str, home: str, *arguments: str) -> None:
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment["PYTHONPATH"] = os.pathsep.join((str(folder.absolute()), str(SOURCE)))
    command = [sys.executable, "-m", "samefit", *arguments]
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 2):
        raise Failed((done.stderr.strip().splitlines() or ["?"])[-1])


def answers(run: Path) -> dict[str, Answer]:
    """Returns what is said of each pair."""
    found = {}
    for number, name in enumerate(EXPECT):
        result = samefit.compare(f"{run}#{2 * number + 1}", f"{run}#{2 * number + 2}")
        first, causes = result.first_divergence, result.causes
        location = causes[0].location if causes else None
        found[name] = (
            result.verdict.value,
            first.stage.value if first else "",
            causes[0].slug if causes else "",
            location.line if location else None,
        )
    return found


def confirmed(folder: Path, backend: str, home: str) -> bool:
    """Whether a re-run confirms the cause of one pair."""
    baseline, candidate, slug = CONFIRMED
    sides = [f"{SCRIPT.absolute()}:{name}" for name in (baseline, candidate)]
    samefit_on(folder, backend, home, "check", *sides, "--same-process", "--json", "answer.json")
    causes = json.loads((Path(home) / "answer.json").read_text())["causes"]
    return [(cause["slug"], cause["confirmed"]) for cause in causes] == [(slug, True)]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--backends", default="jax,tensorflow,torch")
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="more places of a Keras")
    options = parser.parse_args()
    backends = options.backends.split(",")
    failed = False
    say("| backend | Keras | pairs as known | compared with the newest version | a cause confirmed |")
    say("| --- | --- | --- | --- | --- |")
    for backend in backends:
        newest: dict[str, Answer] = {}
        # The newest first: the others are held against it.
        for folder in [*map(folder_of, reversed(VERSIONS)), *options.folders]:
            with tempfile.TemporaryDirectory() as home:
                run = Path(home) / "run"
                try:
                    samefit_on(folder, backend, home, "run", "--quiet", "--output", str(run), str(SCRIPT.absolute()))
                    found = answers(run)
                    again = confirmed(folder, backend, home) if backend == backends[0] else None
                except (Failed, SamefitError) as error:
                    failed = True
                    say(f"| {backend} | {folder} | failed: {error} | | |")
                    continue
                version = samefit.Run(run).manifest["versions"]["keras"]
            newest = newest or found
            wrong = [f"{name}: {found[name]}" for name, known in EXPECT.items() if found[name][1:3] != known]
            other = [f"{name}: {found[name]}" for name in EXPECT if found[name] != newest[name]]
            failed = failed or bool(wrong or other) or again is False
            known = f"{len(EXPECT) - len(wrong)} of {len(EXPECT)}{''.join(f'; {text}' for text in wrong)}"
            words = {None: "", True: "yes", False: "no"}
            say(f"| {backend} | {version} | {known} | {'; '.join(other) or 'equal'} | {words[again]} |")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
