"""The main job: run, record, compare, explain, confirm."""

from samefit.checks.audit import audit as audit
from samefit.checks.check import check as check
from samefit.checks.check import check_against_run as check_against_run
from samefit.checks.check import check_backends as check_backends
from samefit.checks.check import compare as compare
from samefit.checks.check import run as run
from samefit.checks.doctor import doctor as doctor
from samefit.checks.models import check_models as check_models
from samefit.checks.verify import verify as verify
