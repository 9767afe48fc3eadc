"""The ledger of draws: who drew from which generator, from which line, after how many draws since which seed.

Only the standard library is imported here: `random` is watched from the first line of the user's script on, before
NumPy or a framework is there, and nothing must be imported earlier than the user would.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from operator import attrgetter
from types import FrameType, MappingProxyType
from typing import Any

from samefit.attribution import Caller, behind_hooks, caller, is_made_for_user, kind_of
from samefit.calls import called_otherwise, is_given_a_state, makes_seeded_generator
from samefit.record.guard import Guard
from samefit.record.made_generators import MadeGenerators
from samefit.record.plain import seed_or_text
from samefit.record.positions import Positions, ReadState
from samefit.store.records import Event, generator_digest
from samefit.types import Location

_FULL_STATES = 400
"""Full generator states kept per generator and side: they let a re-run put a generator back before one draw."""

_MERGE_AFTER = 64
"""From so many entries of one line on, its draws are counted in the last entry also when others come in between."""

_HANDSHAKES = "multiprocessing"
"""Processes that send each other files prove to one another who they are; nothing of a training comes of it."""

_NAMES = "uuid"
"""What a library calls its files and requests by; where the user asks for one, it may become a seed."""

_who = attrgetter("generator", "function", "component", "keras", "location", "training", "side")


class Ledger:
    """Events in the order in which they happen, with the position of every generator.

    What is watched goes on as it would whatever happens in here: a failure stops the recording (see `Guard`).

    Args:
        guard: Keeps a failure of ours from the training, and says when recording has stopped.

    Attributes:
        guard: The same.
        side: The side that runs now.
        seeded: Id of the entry of what seeded each generator last.
        digests: See `Positions.digests`.
        made_generators: Says which generators are made anew.
        before_draw: Called as `before_draw(generator, draw)` before every outermost draw; a re-run uses it to put a
            generator back. None in a plain run.
        replay_entropy: Called as `replay_entropy(function, code, size)` before entropy is taken from the operating
            system; a re-run uses it to give the other side's. None in a plain run.
        replace_seed: Called as `replace_seed(value, location, function)` before a generator is seeded; a re-run uses it
            to give the other side's seed. None in a plain run.
    """

    def __init__(self, guard: Guard | None = None) -> None:
        self.guard = guard or Guard()
        self.side = ""
        self.before_draw: Callable[[str, int], None] | None = None
        self.replay_entropy: Callable[[str, str | None, Any], Any] | None = None
        self.replace_seed: Callable[[Any, Location | None, str], Any] | None = None
        self._events: list[Event] = []
        self._next = 0
        self._sink: Callable[[Event], None] | None = None
        self._state_sink: Callable[[str, Mapping[str, bytes]], None] | None = None
        self._pending_states: list[tuple[str, Mapping[str, bytes]]] = []
        self.seeded: dict[str, int] = {}
        self._index: dict[str, int] = {}
        self._draws: dict[str, int] = {}
        self._last: dict[str, Event] = {}
        self._last_direct: dict[str, tuple[Any, int]] = {}
        self._entries: dict[tuple[Any, ...], int] = {}
        self._kept: dict[str, int] = {}
        self.made_generators = MadeGenerators(self)
        self._positions = Positions()
        self.digests = self._positions.digests
        self._contexts: list[tuple[str, int | None]] = []
        self._local = threading.local()
        self._lock = threading.RLock()

    # -- where entries go -------------------------------------------------------------------------------------------

    def connect(self, sink: Callable[[Event], None], state_sink: Callable[[str, Mapping[str, bytes]], None]) -> None:
        """Hands all entries so far, and all that follow, to `sink` (and kept generator states to `state_sink`)."""
        with self._lock:
            self._sink, self._state_sink = sink, state_sink
            for event in self._events:
                sink(event)
            for point, states in self._pending_states:
                state_sink(point, states)
            self._events.clear()
            self._pending_states.clear()

    def watch(self, generator: str, read_state: ReadState, read_key: Callable[[], Any] | None = None) -> None:
        """Names a generator whose state can be read by `read_state`.

        Args:
            generator: Its name.
            read_state: Returns its full state, or None while it does not exist.
            read_key: Cheaper: returns what is equal only if the generator has not moved, or None where it cannot tell.
        """
        self._positions.watch(generator, read_state, read_key)
        if (state := read_state()) is not None:  # where it stands at first, for a library that the side itself imports
            self.keep(f"side:{self.side}", {generator: state})

    def states(self) -> dict[str, bytes]:
        """Returns the full states of all watched generators that exist now."""
        return self._positions.states()

    def keep_states(self, point: str, more: Mapping[str, bytes] = MappingProxyType({})) -> None:
        """Keeps the full states of all generators, and `more`, under the name of a moment, such as "training:2"."""
        self.keep(point, {**self.states(), **more})

    def keep(self, point: str, states: Mapping[str, bytes]) -> None:
        """Keeps these states alone under that name."""
        if self._state_sink is not None:
            self._state_sink(point, states)
        else:
            self._pending_states.append((point, states))

    @property
    def last_id(self) -> int:
        """Id of the latest entry, -1 before the first."""
        return self._next - 1

    # -- what is happening ------------------------------------------------------------------------------------------

    @contextmanager
    def context(self, word: str, training: int | None) -> Iterator[None]:
        """Everything that happens within is done by `word` ("fit", "evaluate", …) of that training."""
        self._contexts.append((word, training))
        try:
            yield
        finally:
            self._contexts.pop()

    @property
    def training(self) -> int | None:
        """Number of the training that runs now, or None."""
        return next((training for _, training in reversed(self._contexts) if training is not None), None)

    @property
    def is_within(self) -> bool:
        """Whether a context is open: Keras runs."""
        return bool(self._contexts)

    def inside(self, word: str) -> bool:
        """Whether a context called `word` is open."""
        return any(name == word for name, _ in self._contexts)

    def begin_side(self, name: str) -> None:
        """Starts counting draws of a new side."""
        self.side = name
        self._draws.clear()
        self._kept.clear()
        self.note("side", value=name)
        self.keep_states(f"side:{name}")

    # -- entries ----------------------------------------------------------------------------------------------------

    def note(self, kind: str, **fields: Any) -> Event:
        """Adds an entry that is not a draw."""
        with self._lock:
            event = Event(id=self._next, kind=kind, side=self.side, **{"training": self.training, **fields})
            self._next += 1
            self._put(event)
            if kind in ("side", "epoch"):
                self.draw_anew()
            return event

    def draw_anew(self) -> None:
        """Begins new entries for what draws from here on, also where the same lines go on to draw."""
        with self._lock:
            self.settle()
            self._last.clear()
            self._last_direct.clear()

    def seeding(self, value: Any, function: str, frame: FrameType | None = None) -> Any:
        """Returns the seed to use for `value`, with which `function` is about to seed a generator (for `frame`)."""
        replace_seed = self.replace_seed
        if replace_seed is None:
            return value
        where = caller(frame or sys._getframe(2)).location
        return self.guard(lambda: replace_seed(value, where, function), value)

    def seed(self, generator: str, function: str, value: Any) -> None:
        """Adds an entry for seeding `generator`; None as value means entropy of the operating system."""
        frame = sys._getframe(2)
        self.guard(lambda: self._seed(generator, function, value, frame), None)

    def _seed(self, generator: str, function: str, value: Any, frame: FrameType) -> None:
        who = caller(frame)
        if "set_random_seed" in who.names:
            function = "keras.utils.set_random_seed"
        event = self.note(
            "seed",
            generator=generator,
            function=function,
            value=seed_or_text(value),
            location=who.location,
            keras=who.nearest_function,
        )
        self._index[generator] = 0
        self._last_direct.pop(generator, None)
        self._put_exactly(self._last.pop(generator, None))
        if value is None:
            self.seeded.pop(generator, None)
        else:
            self.seeded[generator] = event.id

    def made(self, function: str, seed: int) -> None:
        """Adds an entry for a generator of the user's own, if a line of theirs is behind it."""
        frame = sys._getframe(2)
        self.guard(lambda: self.made_generators.made(function, seed, frame), None)

    def entropy(self, function: str, take: Callable[[], Any], size: Any = None) -> Any:
        """Calls `take`, which takes so many bits or bytes from the operating system, and adds it to the ledger.

        What samefit takes itself, what no line of the user is behind, what NumPy takes for a generator that has a
        seed, what one takes that is given the state of another, and what processes prove to each other who they are
        with or call their files by, stay out of it: in the run that is recorded and in the one that replays it.
        """
        frame = behind_hooks(sys._getframe(2))
        who = self.guard(lambda: self._who_takes(function, frame), None)
        if who is None:
            return take()
        value = self.guard(lambda: self._replayed(function, who, size), None)
        if value is None:
            value = take()
        self.guard(lambda: self._took(function, value, who, called_otherwise(frame)), None)
        return value

    def _who_takes(self, function: str, frame: FrameType) -> Caller | None:
        """Returns who takes entropy, or None if that does not belong into the ledger."""
        who = caller(frame)
        importing = "_find_and_load" in who.names  # NumPy takes a seed for its global generator, others for theirs
        if kind_of(frame.f_code) == "own" or who.location is None or importing:
            return None
        if makes_seeded_generator(frame):
            self.made_generators.takes_entropy(frame)
            return None
        module = str(frame.f_globals.get("__name__")).partition(".")[0]
        if module == _HANDSHAKES or (module == _NAMES and who.names[1:]):
            return None
        if is_given_a_state(frame) or (function == "random.Random" and not is_made_for_user(frame)):
            return None
        return who

    def _replayed(self, function: str, who: Caller, size: Any) -> Any:
        if self.replay_entropy is None or who.location is None:
            return None
        return self.replay_entropy(function, who.location.code, size)

    def _took(self, function: str, value: Any, who: Caller, maker: str) -> None:
        self.note(
            "entropy",
            generator="os",
            function=function,
            value=value.hex() if isinstance(value, bytes) else seed_or_text(value),
            location=who.location,
            keras=maker or who.nearest_function,
            component=self._component(who),
        )

    def draw(self, generator: str, function: str, call: Callable[[], Any]) -> Any:
        """Calls `call`, a draw from `generator`, and adds it to the ledger if it is not part of another draw."""
        if self.guard.stopped or getattr(self._local, "busy", False):
            return call()
        frame = sys._getframe(2)
        self._local.busy = True
        try:
            self.guard(lambda: self._enter(generator, function, frame), None)
            return call()
        finally:
            self._local.busy = False

    def _enter(self, generator: str, function: str, frame: FrameType) -> None:
        number = self._draws.get(generator, 0)
        if self.before_draw is not None:
            self.before_draw(generator, number)
        index = self._index.get(generator, 0)
        with self._lock:
            self._draws[generator] = number + 1
            self._index[generator] = index + 1
            direct = (frame.f_code, frame.f_lineno)
            last = self._last.get(generator)
            if last is not None and self._last_direct.get(generator) == direct and last.training == self.training:
                # The hot path: the same line of the user's own code draws again.
                self._merge(generator, last)
                return
            who = caller(frame)
            component = self._component(who)
            key = (generator, function, component, who.nearest_function, who.location, self.training, self.side)
            self._last_direct.pop(generator, None)
            if kind_of(frame.f_code) == "user":
                self._last_direct[generator] = direct
            # Each layer's seed is asked for by its place among the draws: it has an entry of its own.
            is_seed = component.startswith("seed of ")
            joins = last is not None and (last.id == self.last_id or self._entries.get(key, 0) > _MERGE_AFTER)
            if last is not None and joins and not is_seed and _who(last) == key:
                self._merge(generator, last)
                return
            self._entries[key] = self._entries.get(key, 0) + 1
            self._put_exactly(last)
            self._last[generator] = self.note(
                "draw",
                generator=generator,
                function=function,
                index=index,
                component=component,
                keras=who.nearest_function,
                location=who.location,
                seeded=self.seeded.get(generator),
                state=self._state_before(generator, number),
                draw=number,
            )

    def _merge(self, generator: str, last: Event) -> None:
        self._last[generator] = merged = replace(last, count=last.count + 1)
        # Writing every draw of a hot loop would cost more than the draw: powers of two, and the rest when it is over.
        if merged.count & (merged.count - 1) == 0:
            self._put(merged)

    def settle(self) -> None:
        """Writes the exact counts of merged entries."""
        with self._lock:
            for event in self._last.values():
                self._put_exactly(event)

    def _put_exactly(self, event: Event | None) -> None:
        if event is not None and event.count > 1:
            self._put(event)

    def _state_before(self, generator: str, number: int) -> bytes | None:
        state = self._positions.state(generator)
        if state is None:
            return None
        kept = self._kept.get(generator, 0)
        if kept < _FULL_STATES:
            self._kept[generator] = kept + 1
            self.keep(f"draw:{self.side}:{generator}:{number}", {generator: state})
        return generator_digest(state)

    def _put(self, event: Event) -> None:
        if self._sink is not None:
            self._sink(event)
        elif self._events and self._events[-1].id == event.id:
            self._events[-1] = event
        else:
            known = next((i for i, other in enumerate(self._events) if other.id == event.id), None)
            if known is None:
                self._events.append(event)
            else:
                self._events[known] = event

    def _component(self, who: Caller) -> str:
        """Names, in words a user has, the part of Keras that draws; "" for the user's own code."""
        names = who.names
        word, training = self._contexts[-1] if self._contexts else ("", None)
        place = f"{word} #{training}" if training is not None else word
        if "make_default_seed" in names:
            owners = [name for name in who.owners if name != "SeedGenerator"]
            return "seed of " + " in ".join(dict.fromkeys(owners[:2])) if owners else "seed of a SeedGenerator"
        if not word or not names:
            return ""
        if any("_symbolic_build" in name for name in names):
            return f"first look at a batch in {place}"
        if any("DataLoaderIter" in name for name in names[:1]):
            return f"data loader of {place}"
        if any(
            part in name
            for name in names
            for part in ("RandomSampler", "_get_iterator", "permutation", "shuffle", "Shuffle")
        ):
            return f"shuffle of {place}"
        if any("OrderedEnqueuer" in name for name in names) or names[0].startswith("PyDatasetAdapter"):
            return f"order of batches of {place}"
        return f"{place}"
