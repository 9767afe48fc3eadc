"""Measures rows of the table and writes it anew: `make bench`, or `make bench ROWS=disk,help`."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
from importlib import metadata
from pathlib import Path

from rows import ROWS

RESULTS = Path(__file__).parents[1] / "docs" / "benchmarks"

_PAGE = """# Benchmarks

`make bench` measures every row anew and writes this page; `make bench ROWS=disk,help` some of them. Two sides of a
ratio run in turns, a chunk of steps each (A, B, B, A, …), so that whatever else the machine does hits both alike. The
median is that of the ratios of neighbouring chunks; p95 is the 95th percentile of one side over that of the other.
[What a step costs](../explanation/cost.md) says where the time goes. The numbers are also in
[results.json](results.json).

| row | what | target | measured | beside it | machine, date, load |
|---|---|---|---|---|---|
"""


def machine() -> str:
    """Describes this machine without its name."""
    with open("/proc/cpuinfo") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("keras", "jax", "numpy"))
    return f"{os.cpu_count()} cores of {models[0] if models else platform.machine()}, {versions}"


def main() -> None:
    """Measures the rows that were asked for, one after the other; a row is saved as soon as it is there."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="?", default="", help="names of rows, separated by commas; all by default")
    wanted = [name for name in parser.parse_args().rows.split(",") if name] or list(ROWS)
    unknown = [name for name in wanted if name not in ROWS]
    if unknown:
        parser.error(f"no row is called {', '.join(unknown)}; there are {', '.join(ROWS)}")
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / "results.json"
    for name in wanted:
        measured = dict(ROWS[name].measure())
        load = f"load {os.getloadavg()[1]:.1f}"
        measured |= {"machine": machine(), "date": datetime.date.today().isoformat(), "load": load}
        results = json.loads(file.read_text()) if file.exists() else {}
        results[name] = measured
        file.write_text(json.dumps({row: results[row] for row in ROWS if row in results}, indent=1) + "\n")
        print(f"{name}: {measured['value']}  ({measured['parts']})", flush=True)
        write(results)


def write(results: dict[str, dict[str, str]]) -> None:
    """Writes the table of all rows that have been measured."""
    lines = []
    for name, row in ROWS.items():
        result = results.get(name)
        cells = [f"`{name}`", row.what, row.target]
        if result is None:
            cells += ["not measured", "", ""]
        else:
            cells += [result["value"], result["parts"], f"{result['machine']}; {result['date']}; {result['load']}"]
        lines.append(f"| {' | '.join(cells)} |\n")
    (RESULTS / "index.md").write_text(_PAGE + "".join(lines))


main()
