"""A comparison as JSON, exactly as `docs/reference/comparison.schema.json` describes it."""

from __future__ import annotations

from typing import Any

from samefit.comparison.result import (
    AlignmentSummary,
    Cause,
    Comparison,
    Difference,
    Divergence,
    Evidence,
    Inside,
    SettingDifference,
    SideSummary,
    Size,
)
from samefit.report.json_values import location_json, number_json, plain_data
from samefit.report.parity_json import parity_json
from samefit.version import __version__

SCHEMA_VERSION = 1
"""Raised by one whenever a reader of the JSON would have to change."""


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Returns a comparison as plain data for `json.dumps(..., allow_nan=False)`.

    Numbers that JSON has no word for become the strings "NaN", "Infinity" and "-Infinity".
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "samefit_version": __version__,
        "verdict": comparison.verdict.value,
        "same": comparison.same,
        "baseline": _side(comparison.baseline),
        "candidate": _side(comparison.candidate),
        "first_divergence": _divergence(comparison.first_divergence),
        "causes": [_cause(cause) for cause in comparison.causes],
        "differences": {str(name): _difference(item) for name, item in comparison.differences.items()},
        "environment": [_setting(setting) for setting in comparison.settings],
        "alignment": _alignment(comparison.alignment),
        "steps_compared": comparison.steps_compared,
        "equal": list(comparison.equal),
        "notes": list(comparison.notes),
        "timing": {str(name): number_json(seconds) for name, seconds in comparison.timing.items()},
        "inside": _inside(comparison.inside),
        "parity": None if comparison.parity is None else parity_json(comparison.parity),
        "unpinned": None if comparison.unpinned is None else to_json(comparison.unpinned),
    }


def _side(side: SideSummary) -> dict[str, Any]:
    return {
        "run": side.run,
        "target": side.target,
        "trainings": [
            {"number": number, "model": model, "location": location_json(location)}
            for number, model, location in zip(side.trainings, side.models, side.locations, strict=True)
        ],
        "steps": side.steps,
        "backend": side.backend,
        "versions": dict(side.versions),
        "device": side.device,
        "status": side.status,
    }


def _divergence(divergence: Divergence | None) -> dict[str, Any] | None:
    if divergence is None:
        return None
    return {
        "training": divergence.training,
        "candidate_training": divergence.candidate_training,
        "epoch": divergence.epoch,
        "step": divergence.step,
        "step_in_epoch": divergence.step_in_epoch,
        "stage": divergence.stage.value,
        "path": divergence.path,
        "detail": divergence.detail,
        "num_paths": divergence.num_paths,
        "known_equal": divergence.known_equal,
    }


def _cause(cause: Cause) -> dict[str, Any]:
    return {
        "slug": cause.slug,
        "confirmed": cause.confirmed,
        "summary": cause.summary,
        "evidence": [_evidence(evidence) for evidence in cause.evidence],
        "location": location_json(cause.location),
        "remedy": cause.remedy,
        "counterfactual": cause.counterfactual,
        "unconfirmed_because": cause.unconfirmed_because,
        "loss_gaps": _pair(cause.loss_gaps),
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    location = evidence.location
    return {
        "text": evidence.text,
        "side": evidence.side,
        "file": None if location is None else location.file,
        "line": None if location is None else location.line,
        "code": None if location is None else location.code,
    }


def _difference(difference: Difference) -> dict[str, Any]:
    return {
        "first_step": difference.first_step,
        "max_abs": number_json(difference.max_abs),
        "max_rel": number_json(difference.max_rel),
        "final": _pair(difference.final),
        "steps": difference.steps,
        "metrics": {str(name): _pair(pair) for name, pair in difference.metrics.items()},
    }


def _pair(pair: tuple[float, float] | None) -> list[Any] | None:
    return None if pair is None else [number_json(value) for value in pair]


def _inside(inside: Inside | None) -> dict[str, Any] | None:
    if inside is None:
        return None
    return {
        "step": inside.step,
        "phase": inside.phase,
        "path": inside.path,
        "candidate_path": inside.candidate_path,
        "call": inside.call,
        "calls": inside.calls,
        "from_equal": inside.from_equal,
        "num_different": inside.num_different,
        "size": _size(inside.size),
        "because": list(inside.because),
        "only_in_baseline": list(inside.only_in_baseline),
        "only_in_candidate": list(inside.only_in_candidate),
        "location": location_json(inside.location),
        "distances": [number_json(distance) for distance in inside.distances],
        "eager": list(inside.eager),
        "failed": inside.failed,
        "grows": _inside(inside.grows),
        "removed": list(inside.removed),
    }


def _size(size: Size | None) -> dict[str, Any] | None:
    if size is None:
        return None
    return {
        "different": size.different,
        "elements": size.elements,
        "max_abs": number_json(size.max_abs),
        "max_rel": number_json(size.max_rel),
        "max_ulp": size.max_ulp,
    }


def _setting(setting: SettingDifference) -> dict[str, Any]:
    return {
        "kind": setting.kind,
        "name": setting.name,
        "baseline": plain_data(setting.baseline),
        "candidate": plain_data(setting.candidate),
        "location": location_json(setting.location),
    }


def _alignment(alignment: AlignmentSummary) -> dict[str, Any]:
    return {
        "method": alignment.method,
        "pairs": alignment.pairs,
        "only_in_baseline": list(alignment.only_in_baseline),
        "only_in_candidate": list(alignment.only_in_candidate),
        "confidence": alignment.confidence,
        "note": alignment.note,
    }
