"""Of which steps of a training what is recorded: rules in the number of the step and the size of the model.

The first steps of a training are all recorded; from then on the gap doubles whenever the number of steps has, up to
a limit. Whether a step is among them depends on its number and on the size of the model, never on a clock: two runs of
one training record their states at the same steps, and of two models of unlike size one has all the steps of the other.
"""

from __future__ import annotations

LARGEST_GAP = 64
"""Steps between two recorded states, at most: what lies between is found by running those steps again."""

ROWS = 1024
"""Of so many steps of a training it is recorded, too, which samples a batch holds, whatever their order."""

_ALL_READ, _READ_AGAIN = 1024, 8
"""Of so many steps each is read; of those after them, where steps are passed over, one of so many."""

_BUDGET = 1 << 26
"""Elements that may be read at each doubling of the number of steps: 256 MB of float32."""

_CALL = 1 << 14
"""Elements that could be read in the time that it takes to reach a variable at all."""

_FEWEST, _MOST = 4, 64


def first_steps(num_elements: int, num_variables: int) -> int:
    """Returns how many steps are all recorded: a power of two, smaller where there is more to read.

    Args:
        num_elements: Elements of all variables of a training together.
        num_variables: How many variables these are.
    """
    affordable = _BUDGET // max(1, num_elements + _CALL * num_variables)
    return min(_MOST, max(_FEWEST, 1 << max(0, affordable.bit_length() - 1)))


def num_passed_over(step: int, first: int) -> int:
    """Returns how many steps in a row are passed over after one: nothing is read of them.

    So it is with small models, where the backend returns before a step is computed: a step may take a fraction of a
    millisecond, and to look at each would nearly double it. Those after which a state is recorded (`is_recorded`) are
    never among them.

    Args:
        step: 1-based number of the step in its training.
        first: Result of `first_steps`.

    Example:
        >>> [num_passed_over(step, 64) for step in (1023, 1024, 1025, 1031, 1032)]
        [0, 7, 6, 0, 7]
    """
    if first != _MOST or step < _ALL_READ:
        return 0
    return _READ_AGAIN - 1 - step % _READ_AGAIN


def is_recorded(step: int, first: int) -> bool:
    """Whether the state after a step is recorded.

    Args:
        step: 1-based number of the step in its training.
        first: Result of `first_steps`.

    Example:
        >>> [step for step in range(1, 41) if is_recorded(step, 4)]
        [1, 2, 3, 4, 6, 8, 12, 16, 24, 32]
    """
    gap = 1 << ((step - 1) // first).bit_length()
    return step % min(gap, LARGEST_GAP) == 0
