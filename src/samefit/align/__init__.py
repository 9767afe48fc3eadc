"""Pairing the variables of two models that were built in different ways."""

from samefit.align.models import Alignment as Alignment
from samefit.align.models import align_models as align_models
