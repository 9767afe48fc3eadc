"""Found by Python at its start because its directory stands first in PYTHONPATH: begins the recording.

It leaves the process as plain Python would have it: its directory is taken off `sys.path`, a `sitecustomize` of the
user's is run, and a failure of ours is one line on stderr. PYTHONPATH stays as it was changed, so that a process that
the script starts can say that it trained unrecorded.
"""

import os
import sys


def _chain() -> None:
    """Runs the `sitecustomize` that would have been found without us."""
    import importlib.machinery
    import importlib.util

    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


def _begin(launch_file: str) -> None:
    import importlib.util
    import json

    try:
        with open(launch_file + ".claimed", "x") as claim:
            claim.write(str(os.getpid()))
        is_child = False
    except FileExistsError:
        # A child of the script: one run records one process.
        is_child = True
        if sys.version_info < (3, 11):  # noqa: UP036 (any interpreter of the user's comes here)
            # Another interpreter, of a tool perhaps: too old for samefit.
            return
    # The very samefit that started this process, whatever else is installed here; `sys.path` stays the user's.
    home = os.environ["SAMEFIT_HOME"]
    package = os.path.join(home, "samefit")
    spec = importlib.util.spec_from_file_location(
        "samefit", os.path.join(package, "__init__.py"), submodule_search_locations=[package]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["samefit"] = module
    spec.loader.exec_module(module)
    import samefit.launch.child as child

    with open(launch_file) as file:
        session = json.load(file)
    if is_child:
        child.begin_elsewhere(session["run"])
    else:
        child.begin(session)


_own = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != _own]
_launch_file = os.environ.get("SAMEFIT_LAUNCH")
if _launch_file and os.path.exists(_launch_file):
    try:
        _begin(_launch_file)
    except Exception as error:  # the user's script must run whatever fails here
        sys.stderr.write(f"samefit: recording is off: {type(error).__name__}: {error}\n")
_chain()
