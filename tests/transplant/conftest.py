"""What all tests of transplants share."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def generators_as_they_were() -> Iterator[None]:
    state, legacy = random.getstate(), np.random.get_state()
    yield
    random.setstate(state)
    np.random.set_state(legacy)
