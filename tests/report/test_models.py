"""The report of two models, as text, HTML and JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from rich.console import Console
from tests.models_by_hand import RESIDUAL, dense, make_probe, with_result

from samefit.comparison.model_result import ModelComparison
from samefit.comparison.models import compare_probes
from samefit.report.model_json import models_to_json
from samefit.report.text import render_models

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/reference/model-comparison.schema.json").read_text())


def text(comparison: ModelComparison, *, verbose: bool = False, quiet: bool = False) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=120, force_terminal=False, color_system=None, _environ={})
    render_models(comparison, verbose=verbose, quiet=quiet, console=console)
    return stream.getvalue()


def diverged() -> ModelComparison:
    other = (RESIDUAL[0], dense("d2", "b", "a", "gelu"), dense("head", "d", "b", "linear"))
    b = with_result(make_probe(other, target="b.py:g"), "inference/output/0", np.full((4, 4), np.inf, np.float32))
    return compare_probes(make_probe(RESIDUAL), b)


def drawn() -> ModelComparison:
    return compare_probes(make_probe(RESIDUAL), make_probe(RESIDUAL, target="b.py:g", draw=7))


def identical() -> ModelComparison:
    return compare_probes(make_probe(RESIDUAL), make_probe(RESIDUAL, target="b.py:g"))


def test_identical() -> None:
    said = text(identical())
    assert said.startswith("✓ identical")
    assert "6 weights, one pass each: inference, training, backward: bit for bit the same\n" in said


def test_the_same_function_with_other_weights() -> None:
    said = text(drawn())
    assert said.startswith("✓ same function, other weights")
    assert "with the baseline's weights in both" in " ".join(said.split())
    assert "3 of 6 weights differ by their draw alone (GlorotUniform without a seed)" in said
    assert "keras.utils.set_random_seed(1)" in said


def test_diverged() -> None:
    said = text(diverged())
    assert said.startswith("✗ diverged")
    assert "Add only in the baseline" in said
    assert "d2.activation: tanh and gelu" in said
    assert "inference pass: the output" in said


def test_one_line() -> None:
    assert "compared" not in text(identical(), quiet=True)


def test_all() -> None:
    assert "6 pairs by data flow, certain" in text(identical(), verbose=True)


@pytest.mark.parametrize("make", [identical, drawn, diverged])
def test_json_is_as_published(make: object) -> None:
    document = models_to_json(make())  # type: ignore[operator]
    jsonschema.validate(json.loads(json.dumps(document, allow_nan=False)), SCHEMA)


def test_html_is_the_same_report() -> None:
    assert "d2.activation: tanh and gelu" in diverged()._repr_html_()
