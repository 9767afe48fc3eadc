"""Faults as data: what one side's script does otherwise, where the trainings must part, and what that is called.

Each row changes the script, the model or the data of a user; nothing here knows how samefit finds a cause. Families,
layers, places, options and seeds are drawn, so that no row is one program. The stages of a row are those that the pages
of the causes promise: one, or several where the vocabulary leaves it open.
"""

from __future__ import annotations

from tests.honesty.faults.data_and_state import STATE_FAULTS
from tests.honesty.faults.fault import ALL, ANY, Fault
from tests.honesty.faults.inside import STEP_FAULTS
from tests.honesty.faults.start import START_FAULTS

FAULTS = (*START_FAULTS, *STATE_FAULTS, *STEP_FAULTS)

__all__ = ["ALL", "ANY", "FAULTS", "Fault"]
