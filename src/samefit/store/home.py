"""Where runs are kept of which nobody said where."""

from __future__ import annotations

import datetime
import itertools
from pathlib import Path

from samefit.errors import SamefitError

HOME = ".samefit"
"""Directory below the working directory; it keeps itself out of the user's version control."""


def new_directory(label: str = "") -> Path:
    """Returns the path of a directory below `HOME` that does not exist yet.

    Args:
        label: What its name ends with, after the time.

    Raises:
        SamefitError: If `HOME` cannot be made.
    """
    home = Path(HOME)
    try:
        home.mkdir(exist_ok=True)
        ignore = home / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise SamefitError(f"the directory '{HOME}' for the runs cannot be made: {error.strerror}") from error
    name = "-".join(filter(None, [f"{datetime.datetime.now():%Y%m%d-%H%M%S}", label]))
    candidates = (home / (name if number == 1 else f"{name}-{number}") for number in itertools.count(1))
    return next(path for path in candidates if not path.exists())  # two checks may begin within one second
