"""The public names are those of `__all__`, and no others."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import samefit


def test_all_is_what_the_package_offers() -> None:
    assert [name for name in dir(samefit) if not name.startswith("_")] == sorted(samefit.__all__)


def test_all_is_sorted_and_short() -> None:
    assert sorted(samefit.__all__) == samefit.__all__
    assert len(samefit.__all__) <= 12


def test_every_name_can_be_had(backends: tuple[str, ...]) -> None:
    """In a process of its own: the recorder is a Keras callback, and the test session must stay without Keras."""
    program = """
import samefit
from samefit import *
for name in samefit.__all__:
    assert globals()[name] is getattr(samefit, name)
    assert getattr(samefit, name).__doc__, f"{name} has no docstring"
"""
    environment = {**os.environ, "KERAS_BACKEND": backends[0]}
    result = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_an_unknown_name_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(AttributeError, match=r"has no attribute 'chek'.*assert_same_training, check"):
        samefit.chek  # noqa: B018
