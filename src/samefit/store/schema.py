"""The schema of `run.sqlite`; `python -m samefit.store.schema` prints it for the docs."""

from __future__ import annotations

SCHEMA_VERSION = 1

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
CREATE TABLE steps (       -- one row a training step
    step INTEGER PRIMARY KEY,    -- 0-based over all trainings
    training INTEGER,            -- trainings.number
    epoch INTEGER,               -- 0-based
    step_in_epoch INTEGER,       -- 0-based
    batch BLOB,                  -- digest of the batch, 16 bytes, NULL where it could not be seen
    num_rows INTEGER,            -- number of samples
    sample_sum BLOB,             -- 8 bytes that do not depend on the order of the samples
    logs TEXT,                   -- JSON: what the step returned, by name
    generators TEXT,             -- JSON: digests of the generators before and after the step
    chain BLOB                   -- 16 bytes over this step and all before it in the training
);
CREATE TABLE states (      -- one row a moment at which all variables were read
    step INTEGER,                -- steps.step
    training INTEGER,            -- trainings.number
    moment TEXT,                 -- "begin" (before the training's first step) or "after" (after a step)
    layout INTEGER,              -- layouts.number
    digests BLOB,                -- 16 bytes a variable
    PRIMARY KEY (step, training, moment)
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


def as_markdown() -> str:
    """Returns the schema as a Markdown page."""
    return (
        "# The run directory\n\n"
        "A run is a directory:\n\n"
        "| file | holds |\n|---|---|\n"
        "| `manifest.json` | versions, devices, flags, threads, environment, arguments, seeds |\n"
        "| `run.sqlite` | what is appended while the training runs (SQLite, WAL) |\n"
        "| `arrays/*.safetensors` | initial and final weights, by variable path |\n\n"
        f"The schema has version {SCHEMA_VERSION}. A run of another version is refused.\n\n"
        "A digest is xxh3_128 over the text of dtype name and shape, then the bytes in C order.\n\n"
        f"```sql{SCHEMA}```\n"
    )


if __name__ == "__main__":
    print(as_markdown(), end="")
