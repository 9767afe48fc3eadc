"""Measures rows of the table and writes it anew: `make bench`, or `make bench ROWS=disk,help`."""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import os
import platform
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

from rows import ROWS, Row

RESULTS = Path(__file__).parents[1] / "docs" / "benchmarks"

_PAGE = """# Benchmarks

`make bench` measures every row anew and writes this page; `make bench ROWS=disk,help` some of them. Two sides of a
ratio run in turns, a chunk of steps each (A, B, B, A, …), so that whatever else the machine does hits both alike. The
median is that of the ratios of neighbouring chunks; p95 is the 95th percentile of one side over that of the other.
Trainings are begun anew four or ten times: two processes of one and the same script may differ for as long as they
live, and what is left of that after some rounds is in the figure.
[What a step costs](../explanation/cost.md) says where the time goes, and why processes differ. The numbers are also in
[results.json](results.json).

"""

_HEAD = """| row | what | target | measured | beside it | machine, date, load |
|---|---|---|---|---|---|
"""

_GPU = """
## On a GPU

Where there is a GPU, `make bench` measures on it and writes this table ([results-gpu.json](results-gpu.json)).

"""


def gpu() -> str:
    """Returns the name of the GPU, or "" if there is none."""
    if shutil.which("nvidia-smi") is None:
        return ""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[0]


def machine() -> str:
    """Describes this machine without its name."""
    with open("/proc/cpuinfo") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    names = ["keras", "jax", "torch", "numpy"] + ["llvmlite"] * (importlib.util.find_spec("llvmlite") is not None)
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    cores = f"{os.cpu_count()} cores of {models[0] if models else platform.machine()}"
    return ", ".join(filter(None, (gpu(), cores, versions)))


def main() -> None:
    """Measures the rows that were asked for, one after the other; a row is saved as soon as it is there."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="?", default="", help="names of rows, separated by commas; all by default")
    on_gpu = bool(gpu())
    rows = {name: row for name, row in ROWS.items() if on_gpu or not row.on_gpu}
    wanted = [name for name in parser.parse_args().rows.split(",") if name] or list(rows)
    unknown = [name for name in wanted if name not in rows]
    if unknown:
        parser.error(f"no row is called {', '.join(unknown)}; there are {', '.join(rows)}")
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / ("results-gpu.json" if on_gpu else "results.json")
    for name in wanted:
        measured = dict(ROWS[name].measure())
        load = f"load {os.getloadavg()[1]:.1f}"
        measured |= {"machine": machine(), "date": datetime.date.today().isoformat(), "load": load}
        results = _read(file.name)
        results[name] = measured
        file.write_text(json.dumps({row: results[row] for row in ROWS if row in results}, indent=1) + "\n")
        print(f"{name}: {measured['value']}  ({measured['parts']})", flush=True)
        write()


def _read(name: str) -> dict[str, dict[str, str]]:
    file = RESULTS / name
    return json.loads(file.read_text()) if file.exists() else {}


def write() -> None:
    """Writes the tables of all rows that have been measured; on a GPU only these are listed."""
    results, on_gpu = _read("results.json"), _read("results-gpu.json")
    text = _PAGE + _HEAD
    text += "".join(_line(name, row, results.get(name)) for name, row in ROWS.items() if not row.on_gpu)
    if on_gpu:
        text += _GPU + _HEAD + "".join(_line(name, row, on_gpu[name]) for name, row in ROWS.items() if name in on_gpu)
    (RESULTS / "index.md").write_text(text)


def _line(name: str, row: Row, result: dict[str, str] | None) -> str:
    cells = [f"`{name}`", row.what, row.target]
    if result is None:
        cells += ["not measured", "", ""]
    else:
        cells += [result["value"], result["parts"], f"{result['machine']}; {result['date']}; {result['load']}"]
    return f"| {' | '.join(cells)} |\n"


main()
