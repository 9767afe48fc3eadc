"""The user's code, by digest: whether a run is the run of this very code."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from samefit.attribution import is_user_file
from samefit.patches.imports import names_of

_DIGEST_BYTES = 16


def code_digests() -> dict[str, str]:
    """Returns {path: BLAKE2b of the file} of all modules of the user that are imported now, the script included.

    A path below the working directory is given relative to it.
    """
    digests = {}
    for module in list(sys.modules.values()):
        file = names_of(module).get("__file__")
        # A module without a file on disk (in a zip, made at run time) has no digest; its code is not compared.
        if isinstance(file, str) and file.endswith(".py") and is_user_file(os.path.abspath(file)):
            path = Path(file).resolve()
            if path.is_file():
                digest = hashlib.blake2b(path.read_bytes(), digest_size=_DIGEST_BYTES).hexdigest()
                here = Path.cwd()
                digests[str(path.relative_to(here) if path.is_relative_to(here) else path)] = digest
    return dict(sorted(digests.items()))
