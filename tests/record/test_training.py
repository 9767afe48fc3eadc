"""When the `train_on_batch` training of a model is over."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from samefit.record.training import over


def test_models_that_had_no_batch_for_long_are_let_go() -> None:
    models = [object() for _ in range(4)]
    steps = 2000
    # (layout, last step): used long ago, used just now, begun and without a step yet, and the one that is trained next.
    known = [(1, 900), (2, 1990), (-1, -1), (3, 1995)]
    trainings: dict[int, Any] = {
        id(model): SimpleNamespace(layout=layout, last=last)
        for model, (layout, last) in zip(models, known, strict=True)
    }
    ended = over(trainings, models[3], steps)
    assert [training.last for training in ended] == [900, 1995]
    assert {*trainings} == {id(models[1]), id(models[2])}
