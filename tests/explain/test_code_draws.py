"""Causes in what workers draw, read from the code of the dataset: each must speak, and be silent where it is not."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from tests.explain.cases import FILE, Story, at, case_between, found, slugs, texts
from tests.handmade import Change, Training, make_run

from samefit.explain.case import Case, Suspect

DATA = (Change("batch"), Change("loss"))
THREADS = {"x": {"type": "Batches", "workers": 2, "use_multiprocessing": False}}
ONE = {"x": {"type": "Batches", "workers": 1, "use_multiprocessing": False}}


def draw(kind: str, text: str = "self.rng.normal", line: int = 6) -> dict[str, Any]:
    where = {**asdict(at(line)), "code": f"x += {text}()"}
    return {"text": text, "kind": kind, "within": "main.<locals>.Batches.__getitem__", "location": where}


def loader(number: int = 1, **arguments: Any) -> dict[str, Any]:
    where = {"file": FILE, "line": 4, "code": "DataLoader(data)"}
    stage = {"function": "DataLoader", "number": number, "side": "", "event": -1, "location": where}
    return {"x": {"type": "DataLoader"}, "pipeline": [{**stage, "arguments": arguments}]}


def two(tmp_path: Path, options: dict[str, Any], *draws: dict[str, Any]) -> Case:
    runs = []
    for name in ("a", "b"):
        training = Training(options={**options, "draws": list(draws)}, location=at(9))
        story = Story().training(1)
        changes = DATA if name == "b" else ()
        runs.append(make_run(tmp_path / name, trainings=[training], events=story.events, changes=changes))
    return case_between(*runs)


def first(case: Case, slug: str) -> Suspect:
    return next(suspect for suspect in found(case) if suspect.slug == slug)


def test_threads_that_share_a_generator(tmp_path: Path) -> None:
    race = first(two(tmp_path, THREADS, draw("own"), draw("shared", "np.random.normal", 7)), "data-race")
    assert race.location is not None
    assert race.location.line == 6
    assert "self.rng.normal" in race.summary
    assert "self.rng.normal draws in Batches.__getitem__, at line 6 of train.py" in texts(race)
    assert "np.random.normal draws in Batches.__getitem__, at line 7 of train.py" in texts(race)


def test_what_a_single_worker_draws_is_no_race(tmp_path: Path) -> None:
    case = two(tmp_path, ONE, draw("own"), draw("entropy", "os.urandom"))
    assert "data-race" not in slugs(case)
    assert "os.urandom" not in "".join(map(texts, found(case)))


def test_threads_that_draw_without_a_seed(tmp_path: Path) -> None:
    unseeded = first(two(tmp_path, THREADS, draw("entropy", "default_rng")), "unseeded")
    assert unseeded.location is not None
    assert unseeded.location.line == 6
    assert unseeded.counterfactuals[0].both == (
        {"do": "dataset", "training": 1, "attributes": {"workers": 1, "use_multiprocessing": False}},
        {"do": "fixed_entropy", "side": "", "codes": ["x += default_rng()"]},
    )


def test_processes_of_a_loader_that_draw_without_a_seed(tmp_path: Path) -> None:
    options = loader(num_workers=2, prefetch_factor=4, persistent_workers=True, timeout=0)
    unseeded, *_ = found(two(tmp_path, options, draw("entropy", "default_rng")))
    assert (unseeded.slug, unseeded.location and unseeded.location.line) == ("unseeded", 6)
    with_lines, alone = (fix.both for fix in unseeded.counterfactuals)
    own = {"num_workers": 0, "prefetch_factor": None, "persistent_workers": False}
    assert alone == ({"do": "pipeline", "side": "", "call": 1, "arguments": own},)
    assert with_lines == (*alone, {"do": "fixed_entropy", "side": "", "codes": ["x += default_rng()"]})


def test_of_processes_whose_code_says_nothing_it_is_said_that_they_are_not_recorded(tmp_path: Path) -> None:
    case = two(tmp_path, loader(num_workers=2), draw("own"))
    race, unseeded = (suspect for suspect in found(case) if suspect.needs_proof)
    assert (race.slug, unseeded.slug) == ("data-race", "unseeded")
    assert race.weak
    assert unseeded.weak
    assert unseeded.counterfactuals[0].both[-1] == {"do": "fixed_entropy", "side": "", "codes": None}
    assert any("what the 2 worker processes of DataLoader draw is not recorded" in texts(s) for s in found(case))


@pytest.mark.parametrize("number", [0, None])
def test_a_loader_without_workers_is_recorded(tmp_path: Path, number: int | None) -> None:
    case = two(tmp_path, loader(num_workers=number), draw("entropy", "default_rng"))
    assert not any(suspect.needs_proof for suspect in found(case))
    assert "unseeded" not in slugs(case)


def with_workers(tmp_path: Path, changes: tuple[Change, ...], *draws: dict[str, Any]) -> Suspect:
    runs = []
    for name, options in (("a", ONE), ("b", THREADS)):
        training = Training(options={**options, "draws": list(draws)}, location=at(9))
        changed = changes if name == "b" else ()
        runs.append(make_run(tmp_path / name, trainings=[training], events=Story().training(1).events, changes=changed))
    return found(case_between(*runs))[0]


def test_workers_on_one_side_that_share_a_generator_race(tmp_path: Path) -> None:
    race = with_workers(tmp_path / "race", (*DATA, Change("rows")), draw("own"))
    assert race.slug == "data-race"
    assert race.summary.startswith("The two trainings batch the data differently: workers=1 and workers=2. Several")
    assert "self.rng.normal draws in Batches.__getitem__, at line 6 of train.py" in texts(race)
    assert "numpy.random.default_rng([seed, index])" in race.remedy
    plan = {"do": "dataset", "training": 1, "attributes": {"workers": 1}}
    assert race.counterfactuals[0].transplants == (plan,)


def test_workers_that_share_nothing_do_not_race(tmp_path: Path) -> None:
    assert with_workers(tmp_path / "nothing", DATA).slug == "data-order"
    reordered = (Change("batch"), Change("swap rows"), Change("loss"))
    assert with_workers(tmp_path / "order", reordered, draw("own")).slug == "data-order"
