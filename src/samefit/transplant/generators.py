"""What a re-run does to generators: it puts them into the states that they had elsewhere, or had at first."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from samefit import backends
from samefit.patches import generators, own_generators
from samefit.transplant.item import Item, Put


def put_states(item: Item, where: str) -> Iterator[Put]:
    """Puts generators into the states that the plan holds."""
    for name, text in item["states"].items():
        state = bytes.fromhex(text)
        if name == "python":
            generators.write_python(state)
        elif name == "numpy":
            generators.write_numpy(state)
        elif name.startswith(own_generators.PREFIX):
            if not own_generators.write(name, state):
                continue
        elif name in sys.modules:
            backends.load(name).set_generator_state(state)
        else:
            continue
        yield f"{name} at {where}", name, True


def put_anew(item: Item) -> Iterator[Put]:
    """Puts generators of the script's own to where their seeds had put them."""
    for key in item["keys"]:
        if own_generators.make_anew(key):
            yield f"{key} made anew", key, True
