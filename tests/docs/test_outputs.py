"""What the documentation shows as the output of a command is what the command prints."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"])
SHOWN = re.compile(r"<!-- output: (?P<command>.+?) -->\n```text\n(?P<text>.*?)\n```", re.S)


def outputs() -> dict[str, dict[str, str]]:
    """Returns what each page shows of each command."""
    found: dict[str, dict[str, str]] = {}
    for page in PAGES:
        for match in SHOWN.finditer(page.read_text(encoding="utf-8")):
            found.setdefault(match["command"], {})[page.name] = match["text"]
    return found


def words(text: str) -> str:
    """Returns a text without what depends on the width of a terminal, on versions and on the last bits of a number."""
    text = re.sub(r"\b(jax|tensorflow|torch|keras) \d+(\.\d+)+", r"\1 ", text)
    text = re.sub(r"\d+\.\d{4,}", "#", text)
    return " ".join(re.sub(r"\.samefit/\S+/run", ".samefit/…/run", text).split())


@pytest.mark.slow
@pytest.mark.parametrize("command", outputs())
def test_shown_output(command: str, tmp_path: Path) -> None:
    variables = dict(word.split("=", 1) for word in shlex.split(command) if re.match(r"[A-Z_]+=", word))
    arguments = [word for word in shlex.split(command) if not re.match(r"[A-Z_]+=", word)]
    assert arguments[0] == "samefit"
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    environment = {"KERAS_BACKEND": "jax", "PATH": "/usr/bin:/bin", "TF_CPP_MIN_LOG_LEVEL": "3", **variables}
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode in (0, 2), done.stderr
    for page, shown in outputs()[command].items():
        assert words(done.stdout) == words(shown), f"{page} shows another output"
