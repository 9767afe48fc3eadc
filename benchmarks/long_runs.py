"""Two hand-made runs of many steps that part near their end, and how their first divergence is found.

python benchmarks/long_runs.py make 1000000 DIRECTORY
python benchmarks/long_runs.py compare DIRECTORY    # prints JSON: seconds and MiB
"""

from __future__ import annotations

import json
import resource
import shutil
import sqlite3
import sys
import time
from pathlib import Path

TENSORS = 20
PART_AT = 0.999
"""Where the runs part, as a share of their length: a scan from the first step on would read nearly all of them."""


def make(steps: int, home: Path) -> None:
    """Writes `home`/a and `home`/b: Adam's two slots for each of 5 weights, a seed, a counter, and other state."""
    from samefit.store.digest import chain
    from samefit.store.records import LayerRecord, ModelRecord, StateRecord, StepRecord, TrainingRecord, VariableRecord
    from samefit.store.writer import RunWriter
    from samefit.types import Build, Role

    layers = tuple(LayerRecord("Dense", f"dense_{i}", {}) for i in range(5))
    variables = [VariableRecord(Role.TRAINABLE, f"dense_{i}/kernel", (8, 8), "float32", i, 0) for i in range(5)]
    variables += [VariableRecord(Role.NON_TRAINABLE, f"dense_{i}/mean", (8,), "float32", i, 1) for i in range(3)]
    variables += [VariableRecord(Role.SEED, "dropout/seed", (2,), "uint32", 4, 1000)]
    variables += [
        VariableRecord(Role.OPTIMIZER, f"adam/{slot}_{i}", (8, 8), "float32", slot=slot, slot_of=i)
        for slot in ("momentum", "velocity")
        for i in range(5)
    ]
    variables += [VariableRecord(Role.OPTIMIZER, "adam/iteration", (), "int64", slot="iteration")]
    if len(variables) != TENSORS:
        raise AssertionError(len(variables))
    writer = RunWriter(home / "a", {"target": "train.py", "backend": "jax", "pid": 0})
    writer.model(ModelRecord(1, "model", "Sequential", Build.SEQUENTIAL, layers))
    writer.training(TrainingRecord(1, "", 1, "fit", {}, {"optimizer": "adam", "loss": "mse"}, 0, "complete"))
    layout = writer.layout(tuple(variables))
    link = b""
    state = b"".join(chain(str(i).encode()) for i in range(TENSORS))
    writer.state(StateRecord(0, 1, "begin", layout, state))
    part = int(steps * PART_AT)
    generators = {"numpy": chain(b"numpy"), "python": chain(b"python")}
    for step in range(steps):
        state = b"".join(chain(state[:16], bytes([i]), step.to_bytes(8, "little")) for i in range(TENSORS))
        batch, loss = chain(state), 1.0 / (1 + step)
        link = chain(link, batch, repr(loss).encode(), state)
        place = {"index": step, "training": 1, "epoch": step // 1000, "step": step % 1000}
        data = {"batch": batch, "rows": batch[:8], "num_rows": 32, "logs": {"loss": loss}}
        around = {"generators": generators, "generators_after": generators}
        writer.step(StepRecord(**place, **data, **around, chain=link))
        writer.state(StateRecord(step, 1, "after", layout, state))
    writer.close("complete")
    # The second run is the first one with other weights from the parting on.
    shutil.copytree(home / "a", home / "b")
    with sqlite3.connect(home / "b" / "run.sqlite") as database:
        database.execute("UPDATE steps SET chain = randomblob(16) WHERE step >= ?", (part,))
        changed = "CAST(randomblob(16) || substr(digests, 17) AS BLOB)"
        database.execute(f"UPDATE states SET digests = {changed} WHERE place > 3 * ?", (part,))
    database.close()


def measure(home: Path) -> dict[str, float]:
    """Compares `home`/a and `home`/b.

    Returns:
        "open": seconds until both are open, "first": seconds until the first divergence is known, "whole": seconds for
        the whole comparison with all its quantities, "mib": most memory of the process in MiB, and "steps".
    """
    from samefit.comparison.compare import compare_trainings
    from samefit.comparison.pairing import Pairing
    from samefit.comparison.steps import StepScan
    from samefit.store.reader import Run

    begun = time.perf_counter()
    with Run.open(home / "a") as a, Run.open(home / "b") as b:
        finding, _ = StepScan(Pairing(a, b, a.trainings, b.trainings)).first()
        first = time.perf_counter() - begun
        steps = a.num_steps()
    if finding is None or finding.position != int(steps * PART_AT):
        raise AssertionError(f"found {finding}")
    begun = time.perf_counter()
    with Run.open(home / "a") as a, Run.open(home / "b") as b:
        compare_trainings(a, b)
    whole = time.perf_counter() - begun
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"steps": steps, "first": first, "whole": whole, "mib": mib}


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(int(sys.argv[2]), Path(sys.argv[3]))
    else:
        print(json.dumps(measure(Path(sys.argv[2]))))
