"""What a re-run gives to code of the user's that takes entropy of the operating system."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

from samefit.transplant.item import Item


class Entropy:
    """Hands out what another run took, or what is the same in every run.

    Args:
        replayed: Items "entropy" of a plan.
        fixed: Items "fixed_entropy" of a plan.
    """

    def __init__(self, replayed: Sequence[Item] = (), fixed: Sequence[Item] = ()) -> None:
        self._takes = [(item, number, take) for item in replayed for number, take in enumerate(item["takes"])]
        self._fixed = fixed
        self._counts: Counter[tuple[str, str | None]] = Counter()

    def take(self, function: str, code: str | None, size: int | None) -> tuple[Any, Item, tuple[str, ...]] | None:
        """Returns a value, the item that it comes from, and the part of it; or None where the system gives it.

        Args:
            function: What takes entropy, such as "os.urandom".
            code: The user's line behind it.
            size: So many bytes of `os.urandom`, or bits of `secrets.randbits`; None if that is not known.
        """
        for index, (item, number, take) in enumerate(self._takes):
            if (take["function"], take["code"]) == (function, code):
                del self._takes[index]
                value = take["value"]
                return bytes.fromhex(value) if isinstance(value, str) else value, item, (f"take {number}",)
        for item in self._fixed:
            if size is not None and (item["codes"] is None or code in item["codes"]):
                self._counts[function, code] += 1
                # Its state is its own, and its seed a text: it is the same in every process.
                stream = random.Random(f"{function} {code} {self._counts[function, code]}")
                return stream.randbytes(size) if function == "os.urandom" else stream.getrandbits(size), item, ()
        return None
