from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

from samefit.store.schema import SCHEMA, as_markdown, tables

ROOT = Path(__file__).parents[2]


def test_every_column_of_every_table_is_described() -> None:
    database = sqlite3.connect(":memory:")
    database.executescript(SCHEMA)
    names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert names == list(tables())
    for table, (row, columns) in tables().items():
        assert row
        real = [info[1] for info in database.execute(f"PRAGMA table_info({table})")]
        assert [name for name, _, _ in columns] == real
        assert all(meaning for _, _, meaning in columns)
    database.close()


def test_the_page_of_the_documentation_is_up_to_date() -> None:
    page = ROOT / "docs" / "reference" / "run-directory.md"
    assert page.read_text() == as_markdown(), f"write it anew: python -m samefit.store.schema > {page}"


def test_the_module_prints_the_page() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "samefit.store.schema"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "src"), "PYTHONIOENCODING": "utf-8"},
    )
    assert done.stdout == as_markdown()
