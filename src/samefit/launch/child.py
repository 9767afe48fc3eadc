"""What happens inside the process of a user's script: hooks on imports, the sides one after the other, the end.

Imported before the user's first line, so it imports the standard library alone.
"""

from __future__ import annotations

import atexit
import builtins
import faulthandler
import functools
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from types import CodeType, ModuleType, TracebackType
from typing import Any

_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_session: Mapping[str, Any] = {}
_status: list[int | None] = [None]
_error: list[str | None] = [None]


def begin(session: Mapping[str, Any]) -> None:
    """Starts the recorder and arranges that it hears of imports and of the end."""
    global _session
    from samefit import live
    from samefit.patches.imports import Announcer, Held

    _session = session
    if not faulthandler.is_enabled():
        # A crash in native code leaves at least the line of Python that it happened under.
        faulthandler.enable()
    live.start(session)
    frameworks = {name: functools.partial(live.framework_imported, name) for name in ("tensorflow", "torch")}
    backend = Held("keras", "KERAS_BACKEND", session["backend"]) if session.get("backend") else None
    keras = functools.partial(live.keras_imported, backend)
    told: dict[str, Callable[[], None]] = {"numpy": live.numpy_imported, "keras": keras, **frameworks}
    sys.meta_path.insert(0, Announcer({name: functools.partial(_tell, callback) for name, callback in told.items()}))
    if backend is not None:
        # A script that chooses its backend runs on that which was asked for all the same.
        sys.meta_path.insert(0, backend)
    _watch_end(live.finish)


def begin_elsewhere(run: str) -> None:
    """Arranges that this process, which the recorded one has started, leaves a mark if it trains."""
    from samefit import live
    from samefit.patches.imports import Announcer

    told = {"keras": functools.partial(_tell, functools.partial(live.watch_elsewhere, run))}
    sys.meta_path.insert(0, Announcer(told))


def _tell(callback: Callable[[], None]) -> None:
    try:
        callback()
    except Exception as error:  # a failure of ours must not become the user's ImportError
        sys.stderr.write(f"samefit: recording is off: {type(error).__name__}: {error}\n")
        _error[0] = f"{type(error).__name__}: {error}"


def _watch_end(finish: Callable[[int | None, str | None], None]) -> None:
    from samefit import live
    from samefit.record.stop import is_stop

    shown = sys.excepthook

    def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if is_stop(error):
            finish(None, live.STOPPED)
            sys.stderr.flush()
            os._exit(0)
        _status[0] = 1
        shown(kind, error, without_own_frames(error))

    original_exit = sys.exit

    def leave(status: Any = None, /) -> Any:
        _status[0] = status if isinstance(status, int) else 0 if status is None else 1
        original_exit(status)

    sys.excepthook = excepthook
    sys.exit = leave
    atexit.register(lambda: finish(_status[0] or 0, _error[0]))


def without_own_frames(error: BaseException) -> TracebackType | None:
    """Takes samefit's frames out of the traceback of an exception and of those behind it; returns the traceback."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        current.__traceback__ = _trimmed(current.__traceback__)
        current = current.__cause__ or current.__context__
    return error.__traceback__


def _trimmed(trace: TracebackType | None) -> TracebackType | None:
    if trace is None:
        return None
    rest = _trimmed(trace.tb_next)
    if trace.tb_frame.f_code.co_filename.startswith(_OWN):
        return rest
    trace.tb_next = rest
    return trace


def run_sides() -> None:
    """Runs the sides of this process, in order."""
    from samefit import live
    from samefit.launch import child_path

    targets, home = _session["targets"], os.getcwd()
    modules: dict[str, ModuleType] = {}
    module: ModuleType | None = None
    loaded = ""
    for number, target in enumerate(targets):
        asked, leaving = os.environ.get("KERAS_BACKEND"), None
        if target["kind"] != "function" or target["path"] != loaded:
            # The side before may have gone elsewhere: a program begins where the user is, and is found from there.
            file = os.path.join(home, target["path"])
            # Of a link Python takes the directory of the file behind it.
            directory = home if target["kind"] == "module" else os.path.dirname(os.path.realpath(file))
            child_path.enter(directory, _module_came_back)
            if target["kind"] == "function":
                # The file is imported before the side begins its own work: its top level belongs to all its functions.
                module = modules.get(target["path"]) or _load(target["path"], file)
                modules[target["path"]] = sys.modules[module.__name__] = module
                loaded = target["path"]
            else:
                os.chdir(home)
                loaded = ""
        if target["name"]:
            live.begin_side(target["name"])
        try:
            if "models" in _session:
                _look_at_model(target, module if target["kind"] == "function" else None)
            elif target["kind"] == "function":
                assert module is not None
                getattr(module, target["function"])()
            else:
                _run_main(target)
        except SystemExit as left:
            if left.code not in (None, 0):
                raise
            leaving = left
        if number:
            _check_backend(target, asked)
        if target["name"]:
            ran_with = {tuple(other["args"]) for other in targets[: number + 1]}
            live.end_side(target["name"], _kept_arguments(child_path.given_back(), home) if len(ran_with) > 1 else [])
        if leaving is not None and number == len(targets) - 1:
            raise leaving


def _module_came_back() -> None:
    """A side has imported a module that the side before had executed: what it draws from there goes on."""
    from samefit import live
    from samefit.record.own_generators import note_own_generators_of_side

    recording = live.of_session()
    if recording is not None and not recording.ledger.guard.stopped:
        recording.ledger.guard(lambda: note_own_generators_of_side(recording.ledger), None)


def _check_backend(target: Mapping[str, Any], before: str | None) -> None:
    """Ends the process where a side asks for another backend than the one that Keras has taken for a side before."""
    keras, asked = sys.modules.get("keras"), os.environ.get("KERAS_BACKEND")
    if keras is None or _session.get("backend") or asked in (before, keras.config.backend()):
        return
    sys.exit(
        f"{target['text']} asks for the Keras backend '{asked}', and this process has '{keras.config.backend()}' since "
        "a side before: a process has one. Compare the two without --same-process."
    )


def _kept_arguments(files: Sequence[str], home: str) -> list[str]:
    """Returns those of some files that read the arguments of the program where they are imported, as it seems."""
    found = []
    for file in files:
        with open(file, encoding="utf-8", errors="replace") as source:
            text = source.read()
        if "argv" in text or "parse_args" in text or "parse_known_args" in text:
            found.append(os.path.relpath(file, home))
    return found


def _look_at_model(target: Mapping[str, Any], module: ModuleType | None) -> None:
    """Hands the model that a target stands for to the recorder."""
    from samefit import live

    if module is not None:
        live.look_at_model(getattr(module, target["function"]), None)
        return
    try:
        _run_main(target)
    except SystemExit as leaving:
        # A script may end with `sys.exit()`; what it made is there all the same.
        if leaving.code not in (None, 0):
            raise
        _status[0] = None
    live.look_at_model(None, vars(sys.modules["__main__"]))


def _load(path: str, file: str) -> ModuleType:
    """Imports a script as a module named after its file, so that its `__main__` block does not run."""
    name = os.path.splitext(os.path.basename(file))[0]
    sys.argv = [path]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _run_main(target: Mapping[str, Any]) -> None:
    """Runs a script or a module as `__main__`, as far as a process that runs several can."""
    main = ModuleType("__main__")
    if target["kind"] == "module":
        spec = importlib.util.find_spec(target["module"])
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(target["module"] + ".__main__")
        if spec is None or spec.origin is None:
            raise ImportError(f"there is no module {target['module']}")
        file, main.__spec__, main.__package__, main.__loader__ = spec.origin, spec, spec.parent, spec.loader
    else:
        # Python makes it absolute, and leaves `sys.argv` as it was typed.
        file = os.path.abspath(target["path"])
        main.__loader__ = importlib.machinery.SourceFileLoader("__main__", file)
    vars(main).update(__file__=file, __cached__=None)
    main.__builtins__ = builtins  # type: ignore[attr-defined]
    sys.argv = [target["path"] or file, *target["args"]]
    sys.modules["__main__"] = main
    exec(_compiled(file), vars(main))


def _compiled(file: str) -> CodeType:
    with open(file, "rb") as source:
        return compile(source.read(), file, "exec", dont_inherit=True)
