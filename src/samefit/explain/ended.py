"""Causes of weights that differ only once `fit` has returned: what callbacks do when a training ends."""

from __future__ import annotations

from collections.abc import Iterator

from samefit.comparison.result import Evidence
from samefit.comparison.settings import callback_differences
from samefit.explain.case import Case, Suspect


def explain_ended(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where the callbacks, or their options, are not the same on both sides."""
    a, b = case.a.training, case.b.training
    names = [list(training.options.get("callbacks") or ()) for training in (a, b)]
    sides = list(zip((case.a, case.b), names, strict=True))
    if names[0] != names[1]:
        evidence = [Evidence(f"fit(callbacks=[{', '.join(own)}])", s.role, s.training.location) for s, own in sides]
    else:
        evidence = [
            Evidence(f"{item.name}: {item.baseline!r} and {item.candidate!r}", "", b.location)
            for item in callback_differences(a.options, b.options)
        ]
    if evidence:
        yield Suspect(
            slug="unknown",
            summary="All steps are equal; weights are changed when fit ends, and the callbacks are not the same.",
            evidence=(*evidence, Evidence("weights after the last step are equal")),
            location=b.location,
            remedy="give both the same callbacks with the same options",
            no_counterfactual="samefit does not change the options of callbacks",
        )
