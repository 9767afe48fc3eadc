"""The schema of `run.sqlite`; `python -m samefit.store.schema` prints it for the docs."""

from __future__ import annotations

SCHEMA_VERSION = 12

SCHEMA = """
CREATE TABLE meta (        -- one row a key
    key TEXT PRIMARY KEY,  -- "schema_version", "status", "exit_status"
    value TEXT             -- JSON
);
CREATE TABLE models (      -- one row a model that was trained
    id INTEGER PRIMARY KEY,  -- 1-based, in the order in which they first trained
    record TEXT              -- JSON of ModelRecord
);
CREATE TABLE trainings (   -- one row a training
    number INTEGER PRIMARY KEY,  -- 1-based, as in RUN#2
    record TEXT                  -- JSON of TrainingRecord
);
CREATE TABLE layouts (     -- one row a set of variables
    number INTEGER PRIMARY KEY,  -- 0-based
    record TEXT                  -- JSON list of VariableRecord, in the order of the digests
);
CREATE TABLE steps (       -- one row a training step of which something was read
    step INTEGER PRIMARY KEY,    -- 0-based over all trainings; gaps are steps that were passed over
    training INTEGER,            -- trainings.number
    epoch INTEGER,               -- 0-based
    step_in_epoch INTEGER,       -- 0-based
    batch BLOB,                  -- digest of the batch, 16 bytes, NULL where it could not be seen or was not read
    head BLOB,                   -- digest of the batch without weights of the samples, NULL if it has none
    num_rows INTEGER,            -- number of samples
    indices BLOB,                -- digest of the sample indices, 16 bytes, NULL where they are not known
    sample_sum BLOB,             -- 8 bytes that do not depend on the order of the samples
    logs TEXT,                   -- JSON: what the step returned, by name ({} where not read); NaN as Python writes it
    generators INTEGER,          -- generators.number
    chain BLOB,                  -- 16 bytes over this step and all before it in the training
    whole BLOB                   -- 16 bytes over more than `chain`: see below
);
CREATE INDEX steps_of_trainings ON steps (training);
CREATE INDEX steps_without_batch ON steps (step) WHERE batch IS NULL;
CREATE INDEX steps_without_loss ON steps (step) WHERE instr(logs, '"loss"') = 0;
CREATE TABLE passed_over ( -- one row for steps in a row of which nothing was read
    step INTEGER PRIMARY KEY,    -- index of the first of them, as in steps.step
    number INTEGER,              -- how many they are
    training INTEGER,            -- trainings.number, the same for all
    epoch INTEGER,               -- the same for all
    step_in_epoch INTEGER,       -- of the first
    chain BLOB,                  -- steps.chain of the step before them in the training
    whole BLOB                   -- steps.whole of the same
);
CREATE TABLE generators (  -- states of the process's generators around a step; steps in a row that are alike share one
    number INTEGER PRIMARY KEY,  -- 0-based
    record TEXT                  -- JSON: {generator: [digest before, digest after]}, null where it was not there
);
CREATE TABLE states (      -- one row a moment at which all variables were read
    place INTEGER PRIMARY KEY,   -- 3 * step, + 0 before a training, 1 after a step, 2 at its end; -training after `fit`
    training INTEGER,            -- trainings.number
    layout INTEGER,              -- layouts.number
    number INTEGER,              -- how many states after a step the run holds before this one
    digests BLOB                 -- 16 bytes a variable, concatenated; 16 zero bytes where it could not be read
);
CREATE TABLE events (      -- the ledger of draws
    id INTEGER PRIMARY KEY,      -- 0-based, in the order in which things happened
    record TEXT                  -- JSON of Event
);
CREATE TABLE generator_states (  -- full states of generators at a moment
    point TEXT,                  -- "side:<name>", "training:<n>", "epoch:<n>:<epoch>", "draw:<side>:<generator>:<n>"
    generator TEXT,              -- its name
    state BLOB,                  -- as the recorder read it
    PRIMARY KEY (point, generator)
);
CREATE TABLE warnings (    -- what the recorder could not do
    slug TEXT,                   -- short name
    message TEXT                 -- in words
);
"""

MOMENTS = ("begin", "after", "end")
"""Moments at which the state is recorded, in the order in which they follow each other at one step."""


def place_of(step: int, moment: str) -> int:
    """Returns `states.place` of a moment at the step of index `step`."""
    return len(MOMENTS) * step + MOMENTS.index(moment)


def place_of_final(training: int) -> int:
    """Returns `states.place` of the state with which the `fit` of a training returned."""
    return -training


_FILES = (
    (
        "manifest.json",
        "versions, devices, flags, threads, environment, arguments, seeds, `pin_report` (the switches that pinning set "
        "and what it could not pin); replaced as a whole",
    ),
    ("run.sqlite", "what is appended while the training runs (SQLite, write-ahead log)"),
    ("run.sqlite-wal", "what is not yet merged into `run.sqlite`; gone once the run has been closed"),
    ("run.sqlite-shm", "SQLite's index of the log; gone once the run has been closed"),
    ("arrays/initial-N.safetensors", "variables before the first step of training N, by path"),
    ("arrays/final-N.safetensors", "variables after the last step of training N, by path"),
    ("arrays/state-S.safetensors", "variables after the step of index S, where that was asked for"),
    ("arrays/data-N.safetensors", "the arrays that were handed to the `fit` of training N, where that was asked for"),
    ("inside-S.json", "the step of index S from inside (`samefit.store.inside`), where that was asked for"),
    ("arrays/inside-S.safetensors", "its arrays: `call/…` outputs, `gradient/…` and `after/…` by path"),
)

_DIGESTS = """\
A digest is 16 bytes: xxh3_128, big-endian, over

1. the text `<dtype name><shape>` in UTF-8, such as `float32(3, 4)`, `float32(5,)` or `bfloat16()`; the shape is written
   as Python writes a tuple, and a structured dtype is named by its fields;
2. the elements in C order, little-endian. Items of strings and Python objects are written as text, such as
   `list[str:'a',int:1]`, never pickled; an object without a stable text is refused. Of an array of 131,072 bytes and
   more, instead: the xxh3_128 (16 bytes, big-endian) of each whole block of 131,072 bytes, then the bytes behind the
   last one.

So arrays that differ in dtype, shape, one bit (`-0.0` and `0.0`, the payload of a NaN), order or sign differ in digest.

The digest of a **variable** (`states.digests`) is taken after integers were widened to int64: Keras keeps counters and
seeds in other integer types on each backend.

The digest of a **batch** (`steps.batch`) is xxh3_128 over, for each leaf in order: the length of its path in 8 bytes
(little-endian), the path in UTF-8, then one byte 0 for a missing leaf, or one byte 1 and the digest of the leaf.
Integers were widened to int64, and targets that are one-hot (shape (samples, classes), a single one in each row) or
integers of shape (samples, 1) stand as the classes that they name, int64 of shape (samples,). Where Keras's `floatx` is
float64 and JAX has no such floats (`jax_enable_x64` is off), float64 was narrowed to float32, as JAX does.

The **sum of rows** (`steps.sample_sum`) is 8 bytes, little-endian: the sum modulo 2^64 of one 64-bit hash a sample. The
hash of a sample covers its row in all leaves: the sum depends on which samples there are, not on their order.

The **chain** (`steps.chain`) is xxh3_128 over the chain of the training's step before, then each part with its length
in 8 bytes (little-endian) before it: the digest of the batch, the loss as Python writes it, and the digests of all
variables but seeds after the step, where they were recorded. A step of which nothing was read leaves the chains as they
are. Two runs part where their chains part, which is found by bisection.

The **whole** chain (`steps.whole`) is made alike, of what the chain leaves out: the digest of the batch, the text of
the logs, name and digests of each generator that moved in the step, and the digests of each seed that moved between
the last two states that were recorded before. Where it is equal, not even a look at what has no effect on weights is
needed.
"""


def tables() -> dict[str, tuple[str, tuple[tuple[str, str, str], ...]]]:
    """Returns {table: (what a row is, ((column, type, meaning), …))}, read from the comments of `SCHEMA`."""
    found: dict[str, tuple[str, tuple[tuple[str, str, str], ...]]] = {}
    for block in SCHEMA.split("CREATE TABLE ")[1:]:
        head, *lines = block.splitlines()
        columns = []
        for line in lines:
            code, mark, meaning = line.partition("--")
            words = code.strip().rstrip(",").split()
            if mark and words:
                columns.append((words[0], " ".join(words[1:]), meaning.strip()))
        found[head.split()[0]] = (head.partition("--")[2].strip(), tuple(columns))
    return found


def as_markdown() -> str:
    """Returns the description of a run directory as a Markdown page."""
    lines = [
        "# The run directory",
        "",
        "A run is a directory. Nothing in it is pickled; `samefit show RUN` prints what it holds. This page is",
        "generated: `python -m samefit.store.schema` prints it.",
        "",
        f"The schema has version {SCHEMA_VERSION}. A run of another version is refused.",
        "",
        "## Files",
        "",
        "| file | holds |",
        "|---|---|",
        *(f"| `{name}` | {holds} |" for name, holds in _FILES),
        "",
        "A process that is killed leaves a run that can be read up to what was last committed. The writer commits",
        "every 256 steps, and with the first record that comes half a second after the last commit. The status of such",
        "a run is `killed`.",
        "",
        "## Tables of `run.sqlite`",
    ]
    for table, (row, columns) in tables().items():
        lines += [
            "",
            f"### `{table}`",
            "",
            f"{row[:1].upper()}{row[1:]}.",
            "",
            "| column | type | meaning |",
            "|---|---|---|",
        ]
        lines += [f"| `{name}` | {kind} | {meaning} |" for name, kind, meaning in columns]
    lines += ["", "## Digests", "", _DIGESTS.rstrip()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(as_markdown(), end="")  # noqa: T201  (this is what the module is run for)
