"""What is left between two backends as JSON, as `docs/reference/comparison.schema.json` describes it."""

from __future__ import annotations

from typing import Any

from samefit.comparison.parity import Batches, BatchGap, Flips, JudgedStep, Parity, Place, Sample
from samefit.report.json_values import location_json, number_json


def parity_json(parity: Parity) -> dict[str, Any]:
    """Returns it as plain data."""
    return {
        "start": parity.start,
        "order": parity.order,
        "masks": parity.masks,
        "only_rounding": parity.is_rounding,
        "steps": [_step(step) for step in parity.steps],
        "envelope": [_sample(sample) for sample in parity.envelope],
        "removed": list(parity.removed),
        "failed": parity.failed,
        "batches": None if parity.batches is None else _batches(parity.batches),
    }


def _batches(batches: Batches) -> dict[str, Any]:
    return {
        "differ": batches.differ,
        "first": batches.first,
        "verdict": batches.verdict,
        "gaps": [_batch_gap(gap) for gap in batches.gaps],
        "failed": batches.failed,
        "missing": batches.missing,
    }


def _batch_gap(gap: BatchGap) -> dict[str, Any]:
    return {
        "step": gap.step,
        "array": gap.array,
        "gap": number_json(gap.gap),
        "ulp": number_json(gap.ulp),
        "gap_float64": number_json(gap.gap_float64),
        "floor": number_json(gap.floor),
        "verdict": gap.verdict,
    }


def _step(step: JudgedStep) -> dict[str, Any]:
    return {
        "step": step.step,
        "why": step.why,
        "verdict": step.verdict,
        "places": [_place(place) for place in step.places],
        "flips": [_flips(flips) for flips in step.flips],
        "compared": step.compared,
        "masks": step.masks,
        "failed": step.failed,
        "batch_of_baseline": step.is_handed,
    }


def _place(place: Place) -> dict[str, Any]:
    return {
        "phase": place.phase,
        "path": place.path,
        "gap": number_json(place.gap),
        "floor": number_json(place.floor),
        "gap_float64": number_json(place.gap_float64),
        "verdict": place.verdict,
        "location": location_json(place.location),
    }


def _flips(flips: Flips) -> dict[str, Any]:
    return {
        "path": flips.path,
        "number": flips.number,
        "elements": flips.elements,
        "corner": number_json(flips.corner),
        "distance": number_json(flips.distance),
        "relative": number_json(flips.relative),
    }


def _sample(sample: Sample) -> dict[str, Any]:
    return {
        "step": sample.step,
        "loss": number_json(sample.loss),
        "weights": {name: number_json(value) for name, value in sample.weights.items()},
        "floor_loss": number_json(sample.floor_loss),
        "floor_weights": number_json(sample.floor_weights),
    }
