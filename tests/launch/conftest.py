from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of a user, as the working directory."""
    home = tmp_path / "project"
    home.mkdir()
    monkeypatch.chdir(home)
    return home
