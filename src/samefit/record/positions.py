"""Where the generators of the process stand. Imports the standard library alone, as `samefit.record.ledger` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from samefit.store.records import generator_digest

ReadState = Callable[[], bytes | None]


class Positions:
    """States of watched generators, and digests of them that cost little while none moves."""

    def __init__(self) -> None:
        self._readers: dict[str, ReadState] = {}
        self._looks: dict[str, Callable[[], Any]] = {}
        self._known: dict[str, tuple[Any, bytes | None]] = {}
        self._found_at: dict[str, Any] = {}
        self._standing: list[tuple[Callable[[], Any], Any]] = []
        self._latest: dict[str, bytes] = {}

    def watch(self, generator: str, read_state: ReadState, read_key: Callable[[], Any] | None) -> None:
        """Names a generator; see `samefit.record.ledger.Ledger.watch`."""
        self._readers[generator] = read_state
        self._looks[generator] = read_key or read_state
        self._standing = []

    def state(self, generator: str) -> bytes | None:
        """Returns the full state of a generator; None if it is not watched, or does not exist now."""
        read = self._readers.get(generator)
        return None if read is None else read()

    def states(self) -> dict[str, bytes]:
        """Returns the full states of all watched generators that exist now."""
        values = {name: read() for name, read in self._readers.items()}
        return {name: value for name, value in values.items() if value is not None}

    def digests(self) -> Mapping[str, bytes]:
        """Returns 16 bytes for the state of each watched generator that exists now; one object while none moves."""
        for look, found_at in self._standing:
            if look() != found_at:
                break
        else:
            if self._standing:
                return self._latest
        keys = {name: self._key(name) for name in self._readers}
        # A generator that is not there yet may come to be one of which a look cannot tell: its state is asked for.
        self._standing = [((self._readers if k is None else self._looks)[name], k) for name, k in keys.items()]
        if keys != self._found_at:
            found = {name: self._digest(name, key) for name, key in keys.items()}
            self._found_at = keys
            self._latest = {name: value for name, value in found.items() if value is not None}
        return self._latest

    def _key(self, name: str) -> Any:
        key = self._looks[name]()
        return self._readers[name]() if key is None else key

    def _digest(self, name: str, key: Any) -> bytes | None:
        known = self._known.get(name)
        if known is not None and known[0] == key:
            return known[1]
        # Where a look cannot tell, the state itself is the key.
        state = key if isinstance(key, bytes) else self._readers[name]()
        value = None if state is None else generator_digest(state)
        self._known[name] = (key, value)
        return value
