"""Reading the manifest of a run directory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from samefit.errors import RunError


def read_manifest(path: Path) -> dict[str, Any]:
    """Returns the manifest of the run at `path`.

    Raises:
        RunError: If there is none, or none that can be read.
    """
    if not path.exists():
        raise RunError(f"There is no run at {path}.")
    file = path / "manifest.json"
    if not file.exists():
        raise RunError(f"{path} is not a run: it has no manifest.json.")
    try:
        manifest: dict[str, Any] = json.loads(file.read_text())
    except ValueError as error:
        raise RunError(f"{path} is damaged: manifest.json cannot be read ({error}).") from error
    if not isinstance(manifest, dict):
        raise RunError(f"{path} is damaged: manifest.json holds no object.")
    return manifest


def pin_limits(manifest: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Returns what the pinned scope of a run could not pin, each with "kind", "text", "remedy" and "location"."""
    return (manifest.get("pin_report") or {}).get("limits") or ()
