"""What a re-run changes in the data: arrays that are handed to `fit`, datasets, stages of an input pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from samefit.nested import filled, flatten
from samefit.store.arrays import load_arrays
from samefit.transplant.item import Item, Put


def put_arrays(item: Item, arguments: dict[str, Any]) -> Iterator[Put]:
    """Replaces the arrays of a `fit` by those of a file."""
    arrays = load_arrays(Path(item["file"]))
    kept = {path.partition("/")[0] for path in arrays}
    names = [name for name in ("x", "y", "sample_weight") if name in kept]
    item.expect(names)
    for name in names:
        given, places = arguments.get(name), {path for path in arrays if path.startswith(f"{name}/")}
        if name in arrays and (given is not None or name == "sample_weight"):
            arguments[name] = arrays[name]
        elif name not in arrays and {path for path, _ in flatten(given, name)} == places:
            arguments[name] = filled(given, name, arrays)
        else:
            continue
        yield f"data {name}", name, True


def put_attributes(item: Item, dataset: Any) -> Iterator[Put]:
    """Sets attributes of a dataset."""
    for name, value in item["attributes"].items():
        if hasattr(dataset, name):
            changed = getattr(dataset, name) != value
            setattr(dataset, name, value)
            yield f"{name} of {type(dataset).__name__}", name, changed


def put_arguments(item: Item, arguments: dict[str, Any]) -> Iterator[Put]:
    """Changes the arguments of a stage that is about to be made; "generator" stands for the seed of the given one."""
    for name, value in item["arguments"].items():
        if name == "generator":
            generator = arguments.get(name)
            if generator is None:
                continue
            changed = generator.initial_seed() != value
            generator.manual_seed(value)
        else:
            changed = arguments.get(name) != value
            arguments[name] = value
        yield f"{name} of stage {item['call']} of a pipeline", name, changed
