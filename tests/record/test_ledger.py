"""The ledger of draws: positions, seeds, merging, states, entropy; with draws of the tests' own."""

from __future__ import annotations

import hashlib
import os
import threading
import uuid
from collections.abc import Mapping
from typing import Any

import joblib
import pytest

from samefit.record.ledger import Ledger
from samefit.store.records import Event


class Generator:
    """A generator whose state is the number of its draws."""

    def __init__(self) -> None:
        self.drawn = 0

    def read(self) -> bytes:
        return str(self.drawn).encode()

    def draw(self) -> int:
        self.drawn += 1
        return self.drawn


class Sink:
    """Keeps what a ledger writes; an entry that is written again replaces the one before."""

    def __init__(self) -> None:
        self.events: dict[int, Event] = {}
        self.written = 0
        self.states: dict[str, Mapping[str, bytes]] = {}

    def event(self, event: Event) -> None:
        self.events[event.id] = event
        self.written += 1

    def state(self, point: str, states: Mapping[str, bytes]) -> None:
        self.states[point] = states

    def draws(self) -> list[Event]:
        return [event for event in self.events.values() if event.kind == "draw"]


@pytest.fixture
def generator() -> Generator:
    return Generator()


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def ledger(generator: Generator, sink: Sink) -> Ledger:
    made = Ledger()
    made.watch("g", generator.read)
    made.connect(sink.event, sink.state)
    return made


def wrapped(ledger: Ledger, call: Any, name: str = "g") -> Any:
    """What a patched function of a library does: the ledger looks three frames up from its entry."""

    def drawing() -> Any:
        return ledger.draw(name, f"{name}.draw", call)

    return drawing


def test_a_draw_stands_with_its_place_its_line_and_the_state_before_it(
    ledger: Ledger, generator: Generator, sink: Sink
) -> None:
    draw = wrapped(ledger, generator.draw)
    ledger.begin_side("a")
    assert draw() == 1
    (event,) = sink.draws()
    assert (event.generator, event.function, event.index, event.draw, event.side) == ("g", "g.draw", 0, 0, "a")
    assert event.location is not None
    assert (event.location.file, event.location.code) == (__file__, "assert draw() == 1")
    assert event.state == hashlib.blake2b(b"0", digest_size=16).digest()
    assert sink.states["draw:a:g:0"] == {"g": b"0"}


def test_draws_of_one_line_are_one_entry(ledger: Ledger, generator: Generator, sink: Sink) -> None:
    draw = wrapped(ledger, generator.draw)
    for _ in range(100):
        draw()
    draw()
    ledger.settle()
    assert [(event.index, event.count) for event in sink.draws()] == [(0, 100), (100, 1)]
    assert sink.written < 20


def test_each_seed_of_a_layer_that_a_loop_makes_has_an_entry(
    ledger: Ledger, generator: Generator, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "_component", lambda who: "seed of GlorotUniform in Dense")
    # Not from the user's own code: Keras draws.
    draw = wrapped(ledger, generator.draw)
    monkeypatch.setattr("samefit.record.ledger.kind_of", lambda code: "keras")
    for _ in range(100):
        draw()
    assert [(event.index, event.count, event.draw) for event in sink.draws()] == [(k, 1, k) for k in range(100)]


def test_a_line_that_draws_once_an_epoch_has_an_entry_for_each(
    ledger: Ledger, generator: Generator, sink: Sink
) -> None:
    draw = wrapped(ledger, generator.draw)
    for epoch in range(3):
        ledger.note("epoch", value=epoch)
        for _ in range(2):
            draw()
    assert [(event.count, event.draw) for event in sink.draws()] == [(2, 0), (2, 2), (2, 4)]


def test_a_line_that_draws_once_a_step_has_an_entry_for_each(ledger: Ledger, generator: Generator, sink: Sink) -> None:
    draw = wrapped(ledger, generator.draw)
    for _ in range(3):
        for _ in range(5):
            draw()
        ledger.draw_anew()
    assert [(event.count, event.draw) for event in sink.draws()] == [(5, 0), (5, 5), (5, 10)]


def test_a_seed_ends_an_entry_with_its_exact_count(ledger: Ledger, generator: Generator, sink: Sink) -> None:
    draw = wrapped(ledger, generator.draw)
    for _ in range(7):
        draw()
    ledger.seed("g", "g.seed", 1)
    assert [event.count for event in sink.draws()] == [7]


def test_a_draw_within_a_draw_is_part_of_it(ledger: Ledger, generator: Generator, sink: Sink) -> None:
    inner = wrapped(ledger, generator.draw)
    outer = wrapped(ledger, lambda: [inner() for _ in range(3)])
    assert outer() == [1, 2, 3]
    assert [event.count for event in sink.draws()] == [1]


def test_a_seed_starts_the_count_anew(ledger: Ledger, generator: Generator, sink: Sink) -> None:
    draw = wrapped(ledger, generator.draw)

    def seed(value: Any) -> None:
        ledger.seed("g", "g.seed", value)

    draw()
    seed(7)
    draw()
    seed(None)
    draw()
    seeded = next(event for event in sink.events.values() if event.kind == "seed")
    assert seeded.value == 7
    assert seeded.location is not None
    assert seeded.location.code == "seed(7)"
    assert [(e.index, e.draw, e.seeded) for e in sink.draws()] == [(0, 0, None), (0, 1, seeded.id), (0, 2, None)]


def test_a_side_counts_its_own_draws_and_goes_on_with_the_generator(
    ledger: Ledger, generator: Generator, sink: Sink
) -> None:
    draw = wrapped(ledger, generator.draw)
    ledger.begin_side("a")
    draw()
    ledger.begin_side("b")
    draw()
    assert [(e.side, e.draw, e.index) for e in sink.draws()] == [("a", 0, 0), ("b", 0, 1)]
    assert sink.states["side:a"] == {"g": b"0"}
    assert sink.states["side:b"] == {"g": b"1"}


def test_what_happens_before_there_is_a_run_is_handed_over(generator: Generator, sink: Sink) -> None:
    ledger = Ledger()
    ledger.watch("g", generator.read)
    draw = wrapped(ledger, generator.draw)
    ledger.begin_side("")
    for _ in range(5):
        draw()
    ledger.connect(sink.event, sink.state)
    draw()
    ledger.settle()
    assert [event.count for event in sink.draws()] == [5, 1]
    assert [event.id for event in sink.events.values()] == sorted(sink.events)
    assert {"side:", "draw::g:0"} <= {*sink.states}


def test_contexts_name_who_acts(ledger: Ledger, sink: Sink) -> None:
    with ledger.context("fit", 3):
        assert (ledger.training, ledger.inside("fit"), ledger.inside("evaluate")) == (3, True, False)
        with ledger.context("evaluate", None):
            assert (ledger.training, ledger.inside("evaluate")) == (3, True)
            ledger.note("epoch", value=1)
    assert (ledger.training, ledger.inside("fit")) == (None, False)
    assert [event.training for event in sink.events.values()] == [3]


def test_a_rerun_may_prepare_a_draw(ledger: Ledger, generator: Generator) -> None:
    prepared: list[tuple[str, int]] = []
    ledger.before_draw = lambda name, number: prepared.append((name, number))
    draw = wrapped(ledger, generator.draw)
    draw()
    draw()
    assert prepared == [("g", 0), ("g", 1)]


def test_what_processes_prove_who_they_are_with_is_no_randomness(ledger: Ledger, sink: Sink) -> None:
    """`multiprocessing.connection.deliver_challenge`, behind each tensor that a loader's worker sends."""

    def urandom(number: int) -> bytes:
        return bytes(ledger.entropy("os.urandom", lambda: bytes(number), number))

    for module, found in (("multiprocessing.connection", 0), ("multiprocessing_tools", 1)):
        names = {"__name__": module, "urandom": urandom}
        exec("def challenge():\n    return urandom(4)", names)
        assert names["challenge"]() == bytes(4)  # type: ignore[operator]
        ledger.settle()
        assert len([event for event in sink.events.values() if event.kind == "entropy"]) == found


def test_a_name_that_a_library_makes_for_itself_is_no_randomness(
    ledger: Ledger, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Joblib calls each `Parallel` by one; what the user asks for may become a seed."""
    monkeypatch.setattr(os, "urandom", lambda size: ledger.entropy("os.urandom", lambda: bytes(size), size))
    joblib.Parallel(n_jobs=2)
    assert sink.events == {}
    uuid.uuid4()
    assert [event.function for event in sink.events.values()] == ["os.urandom"]


def test_entropy_is_recorded_and_may_be_replayed(ledger: Ledger, sink: Sink) -> None:
    def take() -> Any:
        return ledger.entropy("os.urandom", lambda: b"\x01\x02")

    assert take() == b"\x01\x02"
    ledger.replay_entropy = lambda function, code, size: b"\xff" if function == "os.urandom" and code else None
    assert take() == b"\xff"
    assert [event.value for event in sink.events.values()] == ["0102", "ff"]


def test_other_threads_draw_as_well(ledger: Ledger, generator: Generator, sink: Sink) -> None:
    draw = wrapped(ledger, generator.draw)
    threads = [threading.Thread(target=lambda: [draw() for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger.settle()
    assert sum(event.count for event in sink.draws()) == 200


def test_states_that_cannot_be_read_are_left_out(ledger: Ledger, sink: Sink) -> None:
    ledger.watch("none", lambda: None)
    assert ledger.states() == {"g": b"0"}
    wrapped(ledger, lambda: 1, "none")()
    assert [event.state for event in sink.draws()] == [None]


def test_a_rerun_may_give_another_seed(ledger: Ledger) -> None:
    def seeding(value: int) -> Any:
        return ledger.seeding(value, "seed")

    assert seeding(3) == 3
    asked: list[Any] = []
    ledger.replace_seed = lambda value, where, function: asked.append((value, where and where.code)) or 7
    given = seeding(3)
    assert (given, asked) == (7, [(3, "given = seeding(3)")])
