"""What the doctor says about the machine: the packages are those that the test says are there."""

from __future__ import annotations

import importlib.metadata

import pytest

from samefit.checks.doctor import DoctorRow, doctor


def _row(monkeypatch: pytest.MonkeyPatch, **installed: str) -> DoctorRow | None:
    def version(name: str) -> str:
        if name not in installed:
            raise importlib.metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(importlib.metadata, "version", version)
    return next((row for row in doctor().rows if row.name == "masks of torch"), None)


def test_it_says_by_what_the_masks_of_pytorch_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    row = _row(monkeypatch, torch="2.13.0", llvmlite="0.50.0")
    assert row == DoctorRow("masks of torch", "llvmlite 0.50.0", "ok", "pinned dropout is compiled")


@pytest.mark.parametrize("installed", [{}, {"llvmlite": "0.43.0"}])
def test_without_llvmlite_it_says_what_would_make_them_faster(
    monkeypatch: pytest.MonkeyPatch, installed: dict[str, str]
) -> None:
    row = _row(monkeypatch, torch="2.13.0", **installed)
    assert row is not None
    assert (row.value, row.status) == ("NumPy", "ok")
    assert "pip install 'samefit[fast]'" in row.note


def test_without_pytorch_it_says_nothing_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _row(monkeypatch, jax="0.10.2", llvmlite="0.50.0") is None
