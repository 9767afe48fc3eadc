"""Settings that are not the same on both sides: evidence for a cause, never a divergence by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

from samefit.align.models import Alignment
from samefit.comparison.compiled import LOSSES, OPTIMIZERS, parts_of
from samefit.comparison.result import SettingDifference
from samefit.comparison.values import same_value
from samefit.store.reader import Run
from samefit.store.records import CallRecord, LayerRecord, ModelRecord, TrainingRecord
from samefit.types import Location

_IGNORED_VARIABLES = ("PYTHONPATH", "SAMEFIT_LAUNCH", "SAMEFIT_HOME")

_MANIFEST = (
    ("environment", "environment"),
    ("versions", "version"),
    ("flags", "flag"),
    ("globals", "global"),
    ("threads", "flag"),
)

_DATA = ("x", "y", "sample_weight")
_NOT_OPTIONS = (*_DATA, "rows", "verbose", "pipeline", "draws", "made_by", "callback_options", "callback_code")
_NOT_COMPILED = ("number", "location", "written_at")
"""Where `compile` was called, and code stands: it differs between two trainings of one script, and shapes nothing."""

NAMES = ("name", "registered_name", "module", "build_config")
"""Keys of a configuration that say how a thing is called, and not how it works."""

_CLASSES = ("class_name", "class")


def differences(
    run_a: Run, training_a: TrainingRecord, run_b: Run, training_b: TrainingRecord, alignment: Alignment
) -> tuple[SettingDifference, ...]:
    """Lists every recorded setting that differs between two trainings.

    Args:
        run_a: The baseline's run.
        training_a: The baseline's training.
        run_b: The candidate's run.
        training_b: The candidate's training.
        alignment: Which layer is which.
    """
    model_a, model_b = run_a.models[training_a.model], run_b.models[training_b.model]
    return (
        *manifest_differences(run_a.manifest, run_b.manifest),
        *layer_differences(model_a, model_b, alignment),
        *_trainable(model_a, training_a, model_b, training_b, alignment),
        *_structure(model_a, model_b),
        *_compiled(training_a.compiled, training_b.compiled),
        *fit_differences(training_a.options, training_b.options),
        *_data(training_a.options, training_b.options),
    )


def manifest_differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[SettingDifference]:
    """Yields what two manifests do not have in common: variables, versions, flags, code, device, backend."""
    for key, kind in _MANIFEST:
        found = _deep(kind, "", a.get(key) or {}, b.get(key) or {}, None)
        yield from (item for item in found if item.name not in _IGNORED_VARIABLES)
    code_a, code_b = a.get("code") or {}, b.get("code") or {}
    # Two scripts are two files: only a file that both sides ran can have been edited in between.
    for file in sorted({*code_a} & {*code_b}):
        yield from _deep("code", file, code_a[file], code_b[file], None)
    for key in ("device", "backend"):
        if a.get(key) != b.get(key):
            yield SettingDifference(key, key, a.get(key), b.get(key))


def workers_of(training: TrainingRecord) -> dict[str, Any]:
    """Returns the settings of the workers that make the batches of a training, or nothing if it has at most one."""
    described = training.options.get("x")
    if not isinstance(described, Mapping):
        return {}
    found = {name: described[name] for name in ("workers", "use_multiprocessing") if name in described}
    # As Keras 3.15 decides whether it makes a pool (keras/src/trainers/data_adapters/py_dataset_adapter.py).
    workers = int(found.get("workers", 1))
    return found if workers > 1 or (workers > 0 and found.get("use_multiprocessing")) else {}


def program_differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[SettingDifference]:
    """Yields in what two processes were not the same program: versions, and files of the user's that were edited."""
    for item in manifest_differences(a, b):
        # A run that ended early has not imported everything.
        if item.kind in ("version", "code") and None not in (item.baseline, item.candidate):
            yield item


def _deep(kind: str, name: str, a: Any, b: Any, location: Location | None) -> Iterator[SettingDifference]:
    """Yields a difference for each innermost value that is not the same."""
    if same_value(a, b):
        return
    if isinstance(a, Mapping) and isinstance(b, Mapping) and _class(a) == _class(b):
        for key in sorted({*a, *b} - {*NAMES}, key=str):
            # What a thing is made from stands below "config" in Keras: no option is called that.
            inner = name if key == "config" else f"{name}.{key}" if name else str(key)
            yield from _deep(kind, inner, a.get(key), b.get(key), location)
        return
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)) and len(a) == len(b):
        for i, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from _deep(kind, f"{name}[{i}]", one, other, location)
        return
    yield SettingDifference(kind, name, a, b, location)


def _class(config: Mapping[str, Any]) -> Any:
    return next((config[key] for key in _CLASSES if key in config), None)


def _compiled(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[SettingDifference]:
    for name in sorted({*a, *b} - {*_NOT_COMPILED}):
        if name not in (*OPTIMIZERS, *LOSSES):
            yield from _deep("compile", name, a.get(name), b.get(name), None)
    for kind, keys in (("optimizer", OPTIMIZERS), ("loss", LOSSES)):
        yield from _deep(kind, "", parts_of(a, keys), parts_of(b, keys), None)


def fit_differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[SettingDifference]:
    """Yields the options of two `fit`s that are not the same, those of their callbacks included."""
    for name in sorted({*a, *b} - {*_NOT_OPTIONS}):
        yield from _deep("fit", name, a.get(name), b.get(name), None)
    yield from callback_differences(a, b)


def _data(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[SettingDifference]:
    for name in _DATA:
        yield from _deep("data", name, a.get(name), b.get(name), None)


def callback_differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[SettingDifference]:
    """Yields the options in which the callbacks of two `fit`s differ, where these are of the same classes."""
    names = a.get("callbacks") or []
    if names != (b.get("callbacks") or []):
        return
    # Runs of before have no options of callbacks.
    for name, one, other in zip(names, a.get("callback_options", ()), b.get("callback_options", ()), strict=False):
        yield from _deep("fit", name, {**one, "verbose": None}, {**other, "verbose": None}, None)


def layer_differences(a: ModelRecord, b: ModelRecord, alignment: Alignment) -> Iterator[SettingDifference]:
    """Yields options and dtype policies of paired layers that are not the same."""
    for i, j in alignment.layers:
        first, second = a.layers[i], b.layers[j]
        same_class = first.class_name == second.class_name
        for key in sorted({*first.config, *second.config} - {*NAMES, "dtype", "trainable"}, key=str):
            # Another class (a user's own Dense) has options of its own: those that both have can differ.
            if same_class or (key in first.config and key in second.config):
                name = f"{second.name}.{key}"
                yield from _deep("layer", name, first.config.get(key), second.config.get(key), second.location)
        yield from _attributes(first, second)


def _attributes(first: LayerRecord, second: LayerRecord) -> Iterator[SettingDifference]:
    if first.dtype_policy != second.dtype_policy:
        name = f"{second.name}.dtype_policy"
        yield SettingDifference("layer", name, first.dtype_policy, second.dtype_policy, second.location)


def _trainable(
    a: ModelRecord, training_a: TrainingRecord, b: ModelRecord, training_b: TrainingRecord, alignment: Alignment
) -> Iterator[SettingDifference]:
    for i, j in alignment.layers:
        one, other = i not in training_a.frozen, j not in training_b.frozen
        if one != other:
            layer = b.layers[j]
            yield SettingDifference("layer", f"{layer.name}.trainable", one, other, layer.location)


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
    for name in sorted({*a.options, *b.options}):
        yield from _deep("structure", f"{b.class_name}.{name}", a.options.get(name), b.options.get(name), where)
    if a.mask_in != b.mask_in:
        yield SettingDifference("structure", f"{b.class_name}: mask among its inputs", a.mask_in, b.mask_in, where)
    if a.mask_out != b.mask_out:
        yield SettingDifference("structure", f"{b.class_name}: mask among its outputs", a.mask_out, b.mask_out, where)
    # Not given is as good as False.
    if bool(a.training) != bool(b.training):
        yield SettingDifference("structure", f"{b.class_name}: training", a.training, b.training, where)


def _where(call: CallRecord, model: ModelRecord) -> str:
    return "operation" if call.layer is None else model.layers[call.layer].name
