"""The same pinned trainings on several versions of Keras: `make versions`.

Each version is installed without its dependencies into a folder of its own, and put before the one that is there:

    python tests/pin/versions.py [--backends torch] [FOLDER WITH A KERAS]...

Prints a table; the exit status is 1 where a training differs from that on the other versions of one backend, to the
last bit.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

VERSIONS = ("3.12", "3.13", "3.14", "3.15")
SCRIPT = Path(__file__).parent / "scripts" / "one_version.py"
HOME = Path(".versions")


def folder_of(version: str) -> Path:
    folder = HOME / f"keras-{version}"
    if not folder.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--target", str(folder), f"keras=={version}.*"], check=True)
    return folder


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--backends", default="jax,tensorflow,torch")
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="more places of a Keras")
    options = parser.parse_args()
    failed = False
    say("| backend | Keras | compared with the first version | limits |\n| --- | --- | --- | --- |")
    for backend in options.backends.split(","):
        first = None
        for folder in [*map(folder_of, VERSIONS), *options.folders]:
            environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
            environment["PYTHONPATH"] = str(folder.absolute())
            command = [sys.executable, str(SCRIPT)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                failed = True
                say(f"| {backend} | {folder} | failed: {(done.stderr.strip().splitlines() or ['?'])[-1]} | |")
                continue
            result = json.loads(done.stdout)
            first = first or result["found"]
            differing = [name for name, digest in result["found"].items() if digest != first[name] or " " in digest]
            failed = failed or bool(differing) or bool(result["limits"])
            equal = "equal" if not differing else "differ: " + ", ".join(differing)
            limits = ", ".join(result["limits"]) or "none"
            say(f"| {backend} | {result['version']} | {equal} | {limits} |")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
