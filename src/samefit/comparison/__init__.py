"""Comparing two recorded trainings, offline."""

from samefit.comparison.compare import compare as compare
from samefit.comparison.compare import compare_trainings as compare_trainings
