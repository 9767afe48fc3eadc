"""The recorder's life in the user's process: started before the script, told when Keras is there, ended with it.

`samefit.launch` calls these functions; a notebook reaches the same machinery through `samefit.Recorder`.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import platform
import sys
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from samefit.errors import NoModelError
from samefit.patches.imports import Held
from samefit.patches.patching import Patches
from samefit.record.code import code_digests
from samefit.record.ledger import Ledger
from samefit.record.own_generators import note_own_generators_of_side
from samefit.record.pipelines import Pipelines
from samefit.store.elsewhere import leave_mark, take_marks
from samefit.store.variables import is_recorded_variable
from samefit.transplant.plan import Transplants

STOPPED = "stopped"
"""The `error` of a run that samefit itself has ended."""

_RECORDING: weakref.WeakSet[Live] = weakref.WeakSet()
"""What records this process, by the command line or by hand."""


class Live:
    """What records this process.

    Args:
        session: See `samefit.checks.session`; keys "run", "target", "side", "transplants", "keep_data", "keep_states",
            "looks" (as of `samefit.store.inside.Look`), "every_step", "every_batch", "stop_file", "stop_after", "pin",
            "models", "joined" (what ran in the process before was not recorded).
    """

    def __init__(self, session: Mapping[str, Any]) -> None:
        self.session = session
        self.patches = Patches()
        self.ledger = Ledger()
        self.transplants = Transplants(session.get("transplants") or (), session["run"])
        self.pipelines = Pipelines(self.ledger, self.transplants)
        self.recorder: Any = None
        self.provenance: Any = None
        self.writer: Any = None
        self.started = time.time()
        self._backend: Any = None
        self._device: str | None = None
        self._frameworks: set[str] = set()
        self._pin: Any = None
        self._code: dict[str, str] = {}
        self.is_fork = False
        _RECORDING.add(self)

    def forked(self) -> None:
        """Falls silent, in a process that was forked from the recorded one (a worker that loads data, a pool).

        The hooks stay and do nothing: no lock is taken, which another thread may have held at the fork.
        """
        self.ledger.guard.stop()
        self.is_fork = True
        if self.writer is not None:
            self.writer.abandon()
            self.writer = None
        self.ledger.guard.missed = functools.partial(leave_mark, self.session["run"])

    def watch_process(self) -> None:
        """Watches what is there before the user's first line; NumPy and Keras follow when they are imported."""
        from samefit.patches import generators

        generators.watch_python(self.patches, self.ledger)
        generators.watch_entropy(self.patches, self.ledger)
        if self.transplants.watches_draws:
            self.ledger.before_draw = self.transplants.before_draw
        if self.transplants.changes_seeds:
            self.ledger.replace_seed = self.transplants.seed_value
        if self.transplants.replays_entropy:
            self.ledger.replay_entropy = self.transplants.replay_entropy
        if "numpy" in sys.modules:
            self.numpy_imported()

    def numpy_imported(self) -> None:
        """Watches NumPy's legacy generator and opens the run directory."""
        from samefit.patches import generators
        from samefit.store.writer import RunWriter

        guard = self.ledger.guard
        if self.writer is not None or (guard.stopped and guard.failure is None):
            return
        generators.watch_numpy(self.patches, self.ledger)
        self.writer = RunWriter(Path(self.session["run"]), self._manifest())
        guard.connect(self.writer)
        guard(lambda: self.ledger.connect(self.writer.event, self.writer.generator_states), None)

    def keras_imported(self) -> None:
        """Puts the hooks into Keras; a failure stops the recording and marks the run.

        Raises:
            SystemExit: If the script was to be pinned: it is never trained unpinned instead.
        """
        guard = self.ledger.guard
        if self.is_fork:
            watch_elsewhere(self.session["run"])
            return
        guard(self._hook_into_keras, None)
        if guard.failure is not None and self.session.get("pin") is not None:
            sys.stderr.write(f"samefit: the script was ended, since it could not be pinned: {guard.failure}\n")
            sys.exit(1)

    def _hook_into_keras(self) -> None:
        import keras

        if self.recorder is not None:
            raise RuntimeError("Keras was imported a second time, and what is trained with it is not recorded")

        from samefit import backends
        from samefit.patches import generators, layers, trainer
        from samefit.record.provenance import Provenance
        from samefit.record.recorder import Recorder
        from samefit.record.stop import StopPoint
        from samefit.store.inside import Look

        self.numpy_imported()
        name = keras.config.backend()
        backend = self._backend = backends.load(name)
        self.watch_frameworks()
        self.provenance = Provenance(self.ledger, backend, self.transplants)
        # What TensorFlow makes inside a trace has no value to be read there.
        self.provenance.keep_values = "models" in self.session
        self.recorder = Recorder(
            self.writer,
            self.ledger,
            backend,
            self.provenance,
            self.transplants,
            stop=StopPoint(self.session.get("stop_file"), self.session.get("stop_after")),
            keep_data=bool(self.session.get("keep_data")),
            keep_states=self.session.get("keep_states") or (),
            looks=[Look(**look) for look in self.session.get("looks") or ()],
            every_step=bool(self.session.get("every_step")),
            every_batch=bool(self.session.get("every_batch")),
            before_training=self._training_begins,
            pipeline_of=self.pipelines.of,
        )
        self.provenance.on_update = self.recorder.applying
        if self.transplants.changes_seeds:
            generators.change_keras_seed(self.patches, self.ledger)
        layers.watch_layers(self.patches, self.provenance, backend)
        trainer.watch_trainer(self.patches, name, self.recorder)
        # `__main__` has no file any more when the interpreter ends.
        self._code = code_digests()
        if self.session.get("pin") is not None:
            from samefit.pin import pinned

            self._pin = pinned(int(self.session["pin"]))
            self._pin.__enter__()
        self.writer.update_manifest({"backend": name, "versions": _versions()})
        self.transplants.keras_ready()

    def _training_begins(self) -> None:
        self.watch_frameworks()
        if self._device is None:
            # Not when Keras is imported: to ask for it initializes the framework, and the script may not have chosen
            # its threads, devices and flags yet.
            self._device = self._backend.device()
            self.writer.update_manifest({"device": self._device})

    def watch_frameworks(self, imported: str = "") -> None:
        """Watches the generators and pipelines of frameworks that were imported since the last call.

        Args:
            imported: Name of the one whose import ends right now.
        """
        from samefit import backends
        from samefit.patches import generators, pipelines

        for name in backends.NAMES:
            if name not in self._frameworks and (name == imported or _is_complete(name)):
                backend = backends.load(name)
                self._frameworks.add(name)
                generators.watch_framework(self.patches, self.ledger, backend)
                pipelines.watch_pipelines(self.patches, backend, self.pipelines)

    def begin_side(self, name: str) -> None:
        self.ledger.begin_side(name)
        if name:
            note_own_generators_of_side(self.ledger)
        self.transplants.begin_side(name)
        self.pipelines.begin_side()
        if self.provenance is not None:
            self.provenance.begin_side()
            self.transplants.keras_ready()

    def end_side(self, name: str, executed_before: Sequence[str]) -> None:
        self.ledger.note("end", value=name)
        if self.recorder is not None:
            for file in executed_before:
                text = f"{file} was executed once, with the arguments of the side before"
                self.recorder.writer.warning("executed-once", text)
            self.recorder.close("complete")
        # The next side may not know its modules any more.
        self._code = {**code_digests(), **self._code}

    def look_at_model(self, value: Any, names: Mapping[str, Any] | None) -> None:
        """Looks at the one model that `value` is or makes, or that is among the global `names` of a script."""
        from samefit.probe.session import probe_of_session

        if self.provenance is None:
            self.writer.update_manifest({"no_model": f"{self.session['target']} never imported Keras."})
            return
        try:
            probe_of_session(self.session, value, names, self.provenance, _versions(), self.writer.path)
        except NoModelError as error:
            self.writer.update_manifest({"no_model": str(error)})

    def finish(self, exit_status: int | None, error: str | None) -> None:
        """Closes the run; idempotent."""
        writer, guard = self.writer, self.ledger.guard
        if writer is None:
            return
        status = "complete" if not exit_status and error is None else "stopped" if error == STOPPED else "failed"
        guard.ending(lambda: self._write_end(status))
        guard.ending(lambda: writer.close(status, exit_status))
        self.writer = None
        guard.stop()

    def _write_end(self, status: str) -> None:
        if self.recorder is not None:
            # First: it needs nothing of the database, which may be what has failed.
            self.writer.update_manifest({**self._late(), "unseen_updates": self.recorder.unseen_updates})
        if self.transplants:
            self.writer.update_manifest({"transplants": self.transplants.outcomes})
        if self.recorder is not None:
            self.recorder.close(status)
        self.ledger.settle()
        self.writer.update_manifest({"trained_elsewhere": take_marks(self.session["run"])})

    def _manifest(self) -> dict[str, Any]:
        given = self.session.get("variables") or ()
        environment = {k: v for k, v in sorted(os.environ.items()) if k in given or is_recorded_variable(k)}
        return {
            "target": self.session.get("target", " ".join(sys.argv)),
            "argv": list(sys.argv),
            "cwd": os.getcwd(),
            "pid": os.getpid(),
            "started": self.started,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "machine": platform.machine(),
            "environment": environment,
            "given": sorted(given),
            "pin": self.session.get("pin"),
            "joined": bool(self.session.get("joined")),
            "every_step": bool(self.session.get("every_step")),
            "every_batch": bool(self.session.get("every_batch")),
            "versions": {"python": platform.python_version()},
            "hash_seed": os.environ.get("PYTHONHASHSEED", "random"),
        }

    def _late(self) -> dict[str, Any]:
        """What is only known once frameworks have run."""
        import keras

        from samefit import backends

        backend = backends.load(keras.config.backend())
        return {
            "device": backend.device(),
            "flags": dict(backend.flags()),
            "threads": dict(backend.threads()),
            "code": {**code_digests(), **self._code},
            "pin_report": _pin_report(),
            "versions": _versions(),
            "globals": {
                "floatx": keras.config.floatx(),
                "dtype_policy": keras.config.dtype_policy().name,
                "image_data_format": keras.config.image_data_format(),
                "epsilon": keras.config.epsilon(),
            },
        }


def _pin_report() -> dict[str, Any] | None:
    """What the pinned scopes of this process did, or None if there was none."""
    module = sys.modules.get("samefit.pin.scope")
    found = module.reports() if module is not None else ()
    if not found:
        return None
    limits = {limit: None for report in found for limit in report.limits}
    return {
        "limits": [dataclasses.asdict(limit) for limit in limits],
        "switched": {name: value for report in found for name, value in report.switched.items()},
    }


def _is_complete(name: str) -> bool:
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    return module is not None and not getattr(spec, "_initializing", False)


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in ("keras", "numpy", "jax", "jaxlib", "tensorflow", "torch"):
        module = sys.modules.get(name)
        if module is not None and hasattr(module, "__version__"):
            versions[name] = str(module.__version__)
    return versions


def watch_elsewhere(run: str) -> None:
    """Keras was imported in a process that is not the recorded one: its trainings leave a mark for the run."""
    import keras

    from samefit.patches.trainer import watch_begins

    watch_begins(Patches(), keras.config.backend(), functools.partial(leave_mark, run))


_live: Live | None = None


def _forked() -> None:
    for recording in list(_RECORDING):
        recording.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def start(session: Mapping[str, Any]) -> None:
    """Begins recording; called before the user's first line."""
    global _live
    _live = Live(session)
    _live.watch_process()
    _live.begin_side(str(session.get("side", "")))


def of_session() -> Live | None:
    """Returns what records this process for `samefit run` or `check`; None in a process that was forked from it."""
    return None if _live is None or _live.is_fork else _live


def numpy_imported() -> None:
    """NumPy has just been imported."""
    if _live is not None:
        _live.numpy_imported()


def keras_imported(backend: Held | None) -> None:
    """Keras has just been imported; `backend` is what held the variable that chooses its backend."""
    if _live is not None:
        _live.keras_imported()
        if backend is not None and backend.replaced is not None and (writer := _live.writer) is not None:
            text = f"the script sets KERAS_BACKEND to {backend.replaced!r}; it ran on the backend that was asked for"
            _live.ledger.guard(lambda: writer.warning("backend-of-the-script", text), None)


def framework_imported(name: str) -> None:
    """A framework has just been imported: a pipeline may be made with it before Keras is there, or long after."""
    if _live is not None:
        recording = _live
        recording.ledger.guard(lambda: recording.watch_frameworks(name), None)


def begin_side(name: str) -> None:
    """A side of a same-process check begins."""
    if _live is not None and not _live.ledger.guard.stopped:
        recording = _live
        recording.ledger.guard(lambda: recording.begin_side(name), None)


def end_side(name: str, executed_before: Sequence[str]) -> None:
    """A side of a same-process check has ended; it got modules, by their files, that the side before had executed."""
    if _live is not None and not _live.ledger.guard.stopped:
        recording = _live
        recording.ledger.guard(lambda: recording.end_side(name, executed_before), None)


def look_at_model(value: Any, names: Mapping[str, Any] | None) -> None:
    """A target of `check --models` has been loaded (`value`), or has run to its end (`names`)."""
    if _live is not None and not _live.ledger.guard.stopped:
        _live.numpy_imported()
        _live.look_at_model(value, names)


def finish(exit_status: int | None, error: str | None) -> None:
    """The user's script has ended."""
    if _live is not None:
        _live.finish(exit_status, error)
