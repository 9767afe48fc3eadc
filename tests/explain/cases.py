"""What the tests of the detectors share: ledgers told as stories, and cases of two hand-made runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.handmade import Change, Training, make_run

from samefit.checks.confirm import case_of
from samefit.checks.execution import Execution
from samefit.checks.pair import Pair, Part
from samefit.explain.case import Case, Suspect
from samefit.explain.suspects import suspects
from samefit.store.digest import chain
from samefit.store.reader import Run
from samefit.store.records import Event
from samefit.types import Location, Stage

FILE = "/code/train.py"
CODE = {
    3: "keras.utils.set_random_seed(1)",
    5: "x = numpy.random.normal(size=(96, 4))",
    7: "model = build()",
    9: "model.fit(x, y)",
}


def at(line: int) -> Location:
    """Returns a line of the user's script."""
    return Location(FILE, line, CODE.get(line, f"line_{line}()"))


class Story:
    """A ledger that is consistent: the state of a generator is a function of its last seed and the draws since.

    Args:
        entropy: What stands in for the seed of a generator that was never seeded: one a process.
    """

    def __init__(self, entropy: str = "") -> None:
        self.events: list[Event] = []
        self.states: dict[str, dict[str, bytes]] = {}
        self.begin: dict[int, int] = {}
        self._entropy = entropy
        self._side = ""
        self._training: int | None = None
        self._seeds: dict[str, Event] = {}
        self._index: dict[str, int] = {}
        self._draws: dict[str, int] = {}

    def seed(self, value: int | None, line: int = 3, generator: str = "python", **fields: Any) -> Story:
        """Seeds a generator; `keras.utils.set_random_seed` is told as one call for each generator."""
        fields = {"function": "keras.utils.set_random_seed", **fields}
        self._seeds[generator] = self._put("seed", generator=generator, value=value, location=at(line), **fields)
        self._index[generator] = 0
        return self

    def draw(self, line: int | None = 5, generator: str = "python", component: str = "", **fields: Any) -> Story:
        """Draws from a generator, `count` times."""
        number, index = self._draws.get(generator, 0), self._index.get(generator, 0)
        state = self._state(generator)
        self.states[f"draw:{self._side}:{generator}:{number}"] = {generator: state}
        location = at(line) if line is not None else None
        fields = {"function": f"{generator}.draw", "count": 1, "location": location, **fields}
        self._put(
            "draw",
            generator=generator,
            index=index,
            draw=number,
            state=state,
            component=component,
            **fields,
        )
        self._index[generator] = index + fields["count"]
        self._draws[generator] = number + fields["count"]
        return self

    def entropy(
        self, value: Any, line: int | None = 5, code: str | None = None, function: str = "secrets.randbits"
    ) -> Story:
        """Takes randomness from the operating system."""
        location = None if line is None else Location(FILE, line, code or CODE.get(line))
        self._put("entropy", generator="os", function=function, value=value, location=location)
        return self

    def side(self, name: str) -> Story:
        """Begins a side of a same-process check."""
        self._side = name
        self._draws.clear()
        self._put("side", value=name)
        return self._keep(f"side:{name}")

    def note(self, kind: str, line: int = 2, **fields: Any) -> Story:
        """Adds any entry."""
        self._put(kind, location=at(line), **fields)
        return self

    def training(self, number: int, line: int = 9) -> Story:
        """Begins a training."""
        self._training = number
        self.begin[number] = self._put("training", value=number, location=at(line)).id
        return self._keep(f"training:{number}")

    def epoch(self, epoch: int) -> Story:
        """Begins an epoch of the training."""
        self._put("epoch", value=epoch)
        return self._keep(f"epoch:{self._training}:{epoch}")

    def end(self) -> Story:
        """Ends the training."""
        self._training = None
        return self

    def _put(self, kind: str, **fields: Any) -> Event:
        event = Event(len(self.events), kind, side=self._side, **{"training": self._training, **fields})
        self.events.append(event)
        return event

    def _state(self, generator: str) -> bytes:
        seed = self._seeds.get(generator)
        origin = f"entropy {self._entropy}" if seed is None or seed.value is None else f"seed {seed.value}"
        return chain(origin.encode(), generator.encode(), str(self._index.get(generator, 0)).encode())

    def _keep(self, point: str) -> Story:
        self.states[point] = {name: self._state(name) for name in ("python", "numpy", "torch")}
        return self


def case_between(
    a: Run,
    b: Run,
    *,
    sides: tuple[str, str] = ("", ""),
    trainings: tuple[Sequence[int] | None, Sequence[int] | None] = (None, None),
) -> Case:
    """Compares two runs (or two sides or trainings of one run) and returns what the detectors look at."""
    first = Execution(())
    second = first if a is b else Execution(())
    parts = [
        Part(run, side, None if numbers is None else tuple(numbers))
        for run, side, numbers in zip((a, b), sides, trainings, strict=True)
    ]
    pair = Pair(parts[0], parts[1], first, second)
    case = case_of(pair, pair.compared())
    assert case is not None, "the two sides do not differ"
    return case


def found(case: Case) -> list[Suspect]:
    """Returns the suspects, most telling first."""
    return list(suspects(case))


def slugs(case: Case) -> list[str]:
    """Returns the slugs of the suspects, most telling first."""
    return [suspect.slug for suspect in suspects(case)]


def texts(suspect: Suspect) -> str:
    """Returns the evidence as text."""
    return "\n".join(evidence.text for evidence in suspect.evidence)


def lines(suspect: Suspect) -> list[int]:
    """Returns the lines of the user's code that the evidence names."""
    return [evidence.location.line for evidence in suspect.evidence if evidence.location is not None]


def plans(suspect: Suspect) -> list[str]:
    """Returns what the counterfactuals do: the kinds of their transplants, or the kind of re-run."""
    words = []
    for counterfactual in suspect.counterfactuals:
        kinds = [str(plan["do"]) for plan in (*counterfactual.transplants, *counterfactual.both)]
        kinds += ["both"] * bool(counterfactual.both) + ["alone"] * counterfactual.alone
        kinds += ["environment"] * bool(counterfactual.environment or counterfactual.environment_both)
        kinds += ["keep data"] * counterfactual.data
        words.append(" ".join(dict.fromkeys(kinds)))
    return words


OTHER = (Change("batch"), Change("rows"))
REORDERED = (Change("batch"), Change("swap rows"))


def two(tmp_path: Path, a: Story | None, b: Story | None, changes: Any = OTHER, **both: Any) -> Case:
    """A baseline and a candidate in processes of their own, which get other batches from the first step on."""
    runs = []
    for name, story in (("a", a), ("b", b)):
        options = both.get("options", ({}, {}))[name == "b"]
        begin = story.begin.get(1, 0) if story is not None else 0
        status = both.get("status", "complete")
        trainings = [Training(status=status, options={"batch_size": 32, **options}, location=at(9), begin_event=begin)]
        runs.append(
            make_run(
                tmp_path / name,
                trainings=trainings,
                events=story.events if story is not None else (),
                states=story.states if story is not None else None,
                changes=changes if name == "b" else (),
                manifest=both.get("manifest", ({}, {}))[name == "b"],
            )
        )
    case = case_between(*runs)
    assert case.divergence.stage is Stage.DATA
    return case
