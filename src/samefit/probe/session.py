"""Looking at a model in a process of its own, or in the user's: where model, data and baseline come from."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from samefit import backends
from samefit.patches.layers import watch_layers
from samefit.patches.patching import Patches
from samefit.probe.data import Data, given, made_for
from samefit.probe.find import model_from, only_model
from samefit.probe.probe import data_of, probe
from samefit.record.ledger import Ledger
from samefit.record.provenance import Provenance
from samefit.store.probes import Probe, load_data, load_probe, save_probe
from samefit.transplant.plan import Transplants


def probe_of_session(
    session: Mapping[str, Any],
    value: Any,
    names: Mapping[str, Any] | None,
    provenance: Provenance,
    versions: Mapping[str, str],
    directory: Path,
) -> None:
    """Looks at the model of a target, and writes what was seen into its run directory.

    Args:
        session: What the process was started for; "models" holds "input_shape", and the paths "baseline" and "data".
        value: A model, or a function that makes one; None for a script.
        names: The global names of a script that has run; None for a function.
        provenance: Knows where layers and variables came from.
        versions: {package: version} of this process.
        directory: The run directory.

    Raises:
        NoModelError: If there is not exactly one model, or it cannot be called on the data.
    """
    import keras

    wanted = session["models"]
    target = str(session["target"])
    model = model_from(value, target) if names is None else only_model(names, target)
    baseline = None if wanted.get("baseline") is None else load_probe(Path(wanted["baseline"]))
    data = None if wanted.get("data") is None else Data(*load_data(Path(wanted["data"])))
    if baseline is not None:
        data = data_of(baseline)
    elif data is None:
        data = made_for(model, wanted.get("input_shape") or ())
    backend = backends.load(keras.config.backend())
    found = probe(model, data, backend, provenance, target=target, versions=versions, baseline=baseline)
    save_probe(directory, found)


def probe_here(
    what: Any,
    name: str,
    *,
    x: Any = None,
    y: Any = None,
    input_shape: Sequence[str] = (),
    baseline: Probe | None = None,
) -> Probe:
    """Looks at a model in the user's own process, and leaves that process as it was.

    Args:
        what: A model, or a function without arguments that returns one.
        name: What to call it.
        x: Inputs, nested as the model takes them; made from the model's own inputs if None.
        y: Targets, for the loss that the model was compiled with.
        input_shape: As for `samefit.probe.data.made_for`.
        baseline: The model to compare with; its data are used.

    Raises:
        NoModelError: If it is no model, or it cannot be called on the data.
    """
    import keras

    backend = backends.load(keras.config.backend())
    with _watched(backend) as provenance:
        model = model_from(what, name)
    if baseline is not None:
        data = data_of(baseline)
    elif x is not None:
        data = given(x, y)
    else:
        data = made_for(model, input_shape)
    versions = {"keras": str(keras.__version__), backend.name: backend.version()}
    with _watched(backend, provenance):
        return probe(model, data, backend, provenance, target=name, versions=versions, baseline=baseline)


@contextlib.contextmanager
def _watched(backend: Any, known: Provenance | None = None) -> Iterator[Provenance]:
    provenance = known or Provenance(Ledger(), backend, Transplants(()))
    # What TensorFlow makes inside a trace has no value to be read there.
    provenance.keep_values = True
    patches = Patches()
    watch_layers(patches, provenance, backend)
    try:
        yield provenance
    finally:
        patches.undo()
    if provenance.guard.failure is not None:
        # Nothing is recorded here that could be marked: what was not seen must not pass for what is not there.
        raise provenance.guard.failure
