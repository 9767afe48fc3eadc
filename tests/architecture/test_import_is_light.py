"""Importing samefit, and asking its command line for help, imports no framework and touches nothing."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

FRAMEWORKS = ("keras", "jax", "tensorflow", "torch")


def loaded_after(code: str, names: tuple[str, ...]) -> set[str]:
    """Returns which of `names` are in `sys.modules` of a fresh process after `code`."""
    program = f"import sys\n{code}\nprint(*[n for n in {names!r} if n in sys.modules], file=sys.stderr)"
    # Without the variables of a coverage tool or a site hook, which import things by themselves.
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(result.stderr.split())


def test_import_samefit_imports_no_framework_and_no_numpy() -> None:
    assert loaded_after("import samefit", (*FRAMEWORKS, "numpy", "rich", "click")) == set()


def test_offline_half_imports_no_framework() -> None:
    code = "import samefit.comparison, samefit.report.text, samefit.explain.slugs, samefit.store.reader, samefit.checks"
    assert loaded_after(code, FRAMEWORKS) == set()


def test_help_imports_neither_numpy_nor_rich() -> None:
    code = "from samefit.cli import main\nassert main(['--help']) == 0"
    assert loaded_after(code, (*FRAMEWORKS, "numpy", "rich")) == set()


def test_the_check_can_fail() -> None:
    assert loaded_after("import numpy", ("numpy", "rich")) == {"numpy"}


@pytest.mark.parametrize("verb", ["", "check", "run", "compare", "show", "doctor"])
def test_help_takes_less_than_half_a_second(verb: str) -> None:
    """Of processor time: what else the machine does must not fail the test."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "samefit", *verb.split(), "--help"], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5


def test_importing_samefit_leaves_the_environment_and_the_generators_alone() -> None:
    code = (
        "import os, random\n"
        "before = dict(os.environ), random.getstate()\n"
        "import samefit\n"
        "assert (dict(os.environ), random.getstate()) == before"
    )
    assert loaded_after(code, ()) == set()


def test_named_backends_are_installed(backends: tuple[str, ...]) -> None:
    """One test fails when a backend under test is missing, instead of all tests being skipped."""
    for name in backends:
        subprocess.run(
            [sys.executable, "-c", "import keras; keras.random.normal((1,))"],
            env={**os.environ, "KERAS_BACKEND": name},
            check=True,
            capture_output=True,
        )
