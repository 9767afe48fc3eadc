"""The comparison of two models as JSON, exactly as `docs/reference/model-comparison.schema.json` describes it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from samefit.comparison.model_result import ModelComparison
from samefit.report.json_values import plain_data
from samefit.version import __version__

SCHEMA_VERSION = 1
"""Raised by one whenever a reader of the JSON would have to change."""


def models_to_json(comparison: ModelComparison) -> dict[str, Any]:
    """Returns a comparison of two models as plain data for `json.dumps(..., allow_nan=False)`.

    Numbers that JSON has no word for become the strings "NaN", "Infinity" and "-Infinity".
    """
    document = {
        "schema_version": SCHEMA_VERSION,
        "samefit_version": __version__,
        "verdict": comparison.verdict.value,
        "same": comparison.same,
        "same_function": comparison.same_function,
        "weights": comparison.weights.value,
        "weights_may": comparison.weights_may,
        "baseline": asdict(comparison.baseline),
        "candidate": asdict(comparison.candidate),
        "differences": [asdict(setting) for setting in comparison.settings],
        "seeds": [asdict(setting) for setting in comparison.seeds],
        "weight_differences": [asdict(one) for one in comparison.weight_differences],
        "passes": [asdict(one) | {"same": one.same} for one in comparison.passes],
        "alignment": asdict(comparison.alignment),
        "equal": list(comparison.equal),
        "notes": list(comparison.notes),
        "timing": dict(comparison.timing),
    }
    return {key: plain_data(value) for key, value in document.items()}
