"""The sources of randomness of a run, from its ledger."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.handmade import Training, make_run

from samefit.explain.sources import Standing, sources
from samefit.store.records import Event
from samefit.types import Location


def at(line: int, code: str = "x = 1") -> Location:
    return Location("/code/train.py", line, code)


def draw(number: int, **fields: Any) -> Event:
    return Event(id=number, kind="draw", generator="numpy", function="numpy.random.normal", **fields)


def test_a_run_without_draws_has_no_sources(tmp_path: Path) -> None:
    assert sources(make_run(tmp_path / "a")) == ()


def test_what_a_library_draws_at_its_import_is_left_out(tmp_path: Path) -> None:
    events = [draw(0, location=at(1, "import keras")), draw(1, location=at(2, "from keras import layers"))]
    assert sources(make_run(tmp_path / "a", events=events)) == ()


def test_who_seeded_what(tmp_path: Path) -> None:
    seed = Event(
        id=1, kind="seed", generator="numpy", function="numpy.random.seed", value=7, location=at(2, "np.random.seed(7)")
    )
    events = [
        draw(0, location=at(1)),
        seed,
        draw(2, location=at(3), seeded=1, count=4),
        draw(3, location=at(4), seeded=1, component="seed of GlorotUniform in Dense"),
        draw(4, location=at(4), seeded=1, component="seed of GlorotUniform in Dense"),
        draw(5, location=at(5), seeded=1, component="first look at a batch in fit #1"),
        draw(6, location=at(5), seeded=1, component="shuffle of fit #1"),
        Event(id=7, kind="entropy", generator="os", function="os.urandom", location=at(6)),
    ]
    found = sources(make_run(tmp_path / "a", events=events))
    assert [(s.kind, s.location and s.location.line, s.standing, s.count) for s in found] == [
        ("your code", 1, Standing.UNSEEDED, 1),
        ("operating system", 6, Standing.UNSEEDED, 1),
        ("your code", 3, Standing.BY_POSITION, 4),
        ("initial weights", 4, Standing.BY_POSITION, 2),
        ("data order", 5, Standing.BY_POSITION, 2),
    ]
    assert all("line 2: numpy.random.seed(7)" in s.seeded_by for s in found[2:])


def test_under_a_pin_weights_and_order_belong_to_it_and_own_draws_do_not(tmp_path: Path) -> None:
    fit = at(8, "model.fit(x, y)")
    events = [
        draw(0, location=at(4), component="seed of Dropout"),
        draw(1, location=at(5)),
        Event(id=2, kind="seed", generator="numpy", function="numpy.random.seed", value=3, location=fit),
        # What PyTorch's loader draws, though samefit orders the data; and a layer of the user's.
        draw(3, location=fit, seeded=2, component="data loader of fit #1"),
        draw(4, location=at(6), seeded=2),
    ]
    trainings = [Training(location=fit), Training(location=at(9), options={"shuffle": False})]
    found = sources(make_run(tmp_path / "a", events=events, trainings=trainings, manifest={"pin": 3}))
    assert [(s.kind, s.location and s.location.line, s.standing, s.seeded_by) for s in found] == [
        ("your code", 5, Standing.UNSEEDED, ""),
        ("your code", 6, Standing.BY_POSITION, "samefit's pin, seed 3, when the training begins"),
        ("data order", 8, Standing.PINNED, "samefit's pin, seed 3"),
        ("layer", 4, Standing.PINNED, "samefit's pin, seed 3"),
    ]


def test_data_with_an_order_of_its_own_is_not_called_pinned(tmp_path: Path) -> None:
    fit = at(8, "model.fit(loader)")
    seed = Event(id=0, kind="seed", generator="torch", function="torch.manual_seed", value=3, location=fit)
    order = draw(1, location=fit, seeded=0, component="data loader of fit #1")
    limit = {"kind": "own-order", "text": "A torch DataLoader has an order of its own.", "location": None}
    manifest = {"pin": 3, "pin_report": {"limits": [limit]}}
    trainings = [Training(location=fit)]
    (found,) = sources(make_run(tmp_path / "a", events=[seed, order], trainings=trainings, manifest=manifest))
    assert (found.kind, found.standing) == ("data order", Standing.BY_POSITION)


def test_a_stage_of_a_pipeline_gets_a_seed_of_its_own(tmp_path: Path) -> None:
    seed = Event(id=0, kind="seed", generator="tensorflow", function="tf.random.set_seed", value=7, location=at(2))
    shuffle = Event(id=1, kind="draw", generator="tensorflow", function="Dataset.shuffle", location=at(3), seeded=0)
    (source,) = sources(make_run(tmp_path / "a", events=[seed, shuffle]))
    assert (source.standing, source.remedy) == (Standing.BY_POSITION, "shuffle(..., seed=SEED)")


def test_random_operations_in_a_pipeline_that_nobody_gave_a_seed(tmp_path: Path) -> None:
    stage = {"function": "map", "number": 1, "side": "", "arguments": {}, "event": 0, "location": asdict(at(5))}
    for unseeded in (["RandomUniform"], []):
        trainings = [Training(options={"pipeline": [{**stage, "unseeded": unseeded}]})]
        found = sources(make_run(tmp_path / str(len(unseeded)), trainings=trainings))
        assert [(s.kind, s.standing, s.location) for s in found] == [("your code", Standing.UNSEEDED, at(5))] * len(
            unseeded
        )


def in_code(kind: str) -> dict[str, Any]:
    return {"text": "self.rng.normal", "kind": kind, "within": "Noisy.__getitem__", "location": asdict(at(6))}


def of_workers(directory: Path, options: dict[str, Any]) -> list[tuple[str, str, int | None]]:
    training = Training(options={**options, "draws": [in_code("own"), in_code("entropy")]})
    found = sources(make_run(directory, trainings=[training]))
    assert all(source.standing is Standing.UNSEEDED for source in found)
    return [(source.kind, source.what, source.location and source.location.line) for source in found]


def test_what_workers_draw_in_turns_is_unseeded(tmp_path: Path) -> None:
    what = "self.rng.normal in Noisy.__getitem__, by workers in turns as they come"
    assert of_workers(tmp_path / "a", {"x": {"type": "Noisy", "workers": 2}}) == [("your code", what, 6)]
    one = {"type": "Noisy", "workers": 1, "use_multiprocessing": True}
    assert of_workers(tmp_path / "b", {"x": one}) == []


def test_code_that_could_not_be_read_is_said_where_workers_run_it(tmp_path: Path) -> None:
    for workers in (2, 1):
        training = Training(options={"x": {"type": "Noisy", "workers": workers}, "draws": [in_code("unread")]})
        told = [source.what for source in sources(make_run(tmp_path / str(workers), trainings=[training]))]
        text = "Noisy.__getitem__, whose code could not be read: what it draws in workers is not known"
        assert told == [text] * (workers > 1)


def test_what_worker_processes_take_from_the_system(tmp_path: Path) -> None:
    def loader(number: int) -> dict[str, Any]:
        stage = {"function": "DataLoader", "number": 0, "side": "", "event": 0, "location": asdict(at(4))}
        return {"pipeline": [{**stage, "arguments": {"num_workers": number}}]}

    what = "self.rng.normal in Noisy.__getitem__, in worker processes"
    assert of_workers(tmp_path / "a", loader(2)) == [("operating system", what, 6)]
    assert of_workers(tmp_path / "b", loader(0)) == []
