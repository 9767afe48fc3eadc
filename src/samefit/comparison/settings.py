"""Settings that are not the same on both sides: evidence for a cause, never a divergence by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

from samefit.align.models import Alignment
from samefit.comparison.result import SettingDifference
from samefit.store.reader import Run
from samefit.store.records import CallRecord, ModelRecord, TrainingRecord

_IGNORED_VARIABLES = ("PYTHONPATH", "SAMEFIT_LAUNCH", "SAMEFIT_HOME")


def differences(
    run_a: Run, training_a: TrainingRecord, run_b: Run, training_b: TrainingRecord, alignment: Alignment
) -> tuple[SettingDifference, ...]:
    """Lists every recorded setting that differs between two trainings."""
    model_a, model_b = run_a.models[training_a.model], run_b.models[training_b.model]
    return (
        *_manifest(run_a.manifest, run_b.manifest),
        *_layers(model_a, model_b, alignment),
        *_structure(model_a, model_b),
        *_mapping("compile", training_a.compiled, training_b.compiled),
        *_mapping("fit", _plain_options(training_a.options), _plain_options(training_b.options)),
    )


def _manifest(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[SettingDifference]:
    kinds = (("environment", "environment"), ("versions", "version"), ("flags", "flag"), ("globals", "global"), ("threads", "flag"))
    for key, kind in kinds:
        yield from (
            item for item in _mapping(kind, a.get(key) or {}, b.get(key) or {}) if item.name not in _IGNORED_VARIABLES
        )
    for key, kind in (("device", "device"), ("backend", "backend")):
        if a.get(key) != b.get(key):
            yield SettingDifference(kind, key, a.get(key), b.get(key))


def _mapping(kind: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[SettingDifference]:
    for name in sorted({*a, *b}):
        if a.get(name) != b.get(name):
            yield SettingDifference(kind, name, a.get(name), b.get(name))


def _plain_options(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in ("x", "y", "sample_weight", "rows", "verbose")}


def _layers(a: ModelRecord, b: ModelRecord, alignment: Alignment) -> Iterator[SettingDifference]:
    for i, j in alignment.layers:
        first, second = a.layers[i], b.layers[j]
        for item in _mapping("layer", first.config, second.config):
            if item.name in first.config and item.name in second.config:
                yield SettingDifference("layer", f"{second.name}.{item.name}", item.baseline, item.candidate, second.location)
        for name in ("dtype_policy", "trainable"):
            if getattr(first, name) != getattr(second, name):
                yield SettingDifference(
                    "layer", f"{second.name}.{name}", getattr(first, name), getattr(second, name), second.location
                )


def _structure(a: ModelRecord, b: ModelRecord) -> Iterator[SettingDifference]:
    """Compares the two forward passes, call by call."""
    if not a.calls or not b.calls:
        return
    names_a, names_b = [c.class_name for c in a.calls], [c.class_name for c in b.calls]
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, names_a, names_b, autojunk=False).get_opcodes():
        if tag == "equal":
            for one, other in zip(a.calls[i1:i2], b.calls[j1:j2], strict=True):
                yield from _call(one, other)
            continue
        for call in a.calls[i1:i2]:
            yield SettingDifference("structure", call.class_name, _where(call, a), None, call.location)
        for call in b.calls[j1:j2]:
            yield SettingDifference("structure", call.class_name, None, _where(call, b), call.location)


def _call(a: CallRecord, b: CallRecord) -> Iterator[SettingDifference]:
    where = b.location
    if a.mask_in != b.mask_in:
        yield SettingDifference("structure", f"{b.class_name}: mask among its inputs", a.mask_in, b.mask_in, where)
    if bool(a.training) != bool(b.training) and a.training is not None and b.training is not None:
        yield SettingDifference("structure", f"{b.class_name}: training", a.training, b.training, where)
    elif (a.training is None) != (b.training is None) and (a.training or b.training):
        yield SettingDifference("structure", f"{b.class_name}: training", a.training, b.training, where)


def _where(call: CallRecord, model: ModelRecord) -> str:
    return "operation" if call.layer is None else model.layers[call.layer].name
