"""The JSON of a comparison, against the schema that is published for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from samefit.comparison.result import (
    AlignmentSummary,
    Cause,
    Comparison,
    Difference,
    Divergence,
    Evidence,
    SettingDifference,
    SideSummary,
)
from samefit.explain.slugs import SLUGS
from samefit.report.as_json import SCHEMA_VERSION, to_json
from samefit.report.html_fragment import to_html
from samefit.report.json_values import plain_data
from samefit.types import Location, Stage, Verdict

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/reference/comparison.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_names_every_word_that_the_code_has() -> None:
    properties, definitions = SCHEMA["properties"], SCHEMA["$defs"]
    assert properties["schema_version"]["const"] == SCHEMA_VERSION
    assert properties["verdict"]["enum"] == [verdict.value for verdict in Verdict]
    assert definitions["divergence"]["properties"]["stage"]["enum"] == [stage.value for stage in Stage]
    assert definitions["cause"]["properties"]["slug"]["enum"] == list(SLUGS)


def test_every_object_of_the_schema_is_closed_and_described() -> None:
    def walk(node: Any, where: str) -> None:
        if isinstance(node, dict):
            if node.get("type") == "object":
                assert "additionalProperties" in node, where
            for name, child in node.get("properties", {}).items():
                assert "description" in child, f"{where}/{name} has no description"
            for name, child in node.items():
                walk(child, f"{where}/{name}")
        elif isinstance(node, list):
            for number, child in enumerate(node):
                walk(child, f"{where}/{number}")

    walk(SCHEMA, "")


def test_samples_are_valid(sample: Comparison) -> None:
    VALIDATOR.validate(json.loads(json.dumps(to_json(sample), allow_nan=False)))


def test_the_schema_can_refuse(make_comparison: Callable[..., Comparison]) -> None:
    document = to_json(make_comparison())
    with pytest.raises(ValidationError, match="surprise"):
        VALIDATOR.validate(document | {"surprise": 1})
    with pytest.raises(ValidationError, match="'perhaps' is not one of"):
        VALIDATOR.validate(document | {"verdict": "perhaps"})


def test_numbers_that_json_has_no_word_for(make_comparison: Callable[..., Comparison]) -> None:
    nan, infinity = float("nan"), float("inf")
    comparison = make_comparison(differences={"loss": Difference(1, infinity, nan, (nan, -infinity))})
    loss = to_json(comparison)["differences"]["loss"]
    assert (loss["max_abs"], loss["max_rel"], loss["final"]) == ("Infinity", "NaN", ["NaN", "-Infinity"])


def test_floats_keep_all_their_bits(make_comparison: Callable[..., Comparison]) -> None:
    value = 0.1 + 0.2
    document = json.loads(json.dumps(to_json(make_comparison(differences={"loss": Difference(1, value)}))))
    assert document["differences"]["loss"]["max_abs"] == value


def test_settings_may_hold_what_a_configuration_holds() -> None:
    assert plain_data({1: (b"\x01\xff", {2, 1}), "x": float("nan"), "o": Verdict}) == {
        "1": ["01ff", [1, 2]],
        "x": "NaN",
        "o": str(Verdict),
    }


# -- comparisons of every shape ---------------------------------------------------------------------------------------

texts = st.text(max_size=20)
counts = st.integers(0, 10**6)
floats = st.floats()
locations = st.none() | st.builds(Location, texts, st.integers(1, 10**5), st.none() | texts)
names = st.text(min_size=1, max_size=10)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | floats | texts | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def sides(draw: st.DrawFn) -> SideSummary:
    number = draw(st.integers(0, 5))
    return SideSummary(
        run=draw(texts),
        target=draw(names),
        trainings=tuple(range(1, number + 1)),
        models=tuple(draw(st.lists(texts, min_size=number, max_size=number))),
        locations=tuple(draw(st.lists(locations, min_size=number, max_size=number))),
        steps=draw(counts),
        backend=draw(texts),
        versions=draw(st.dictionaries(names, texts, max_size=3)),
        device=draw(texts),
        status=draw(st.sampled_from(["complete", "failed", "stopped", "running", "killed"])),
    )


evidence = st.builds(Evidence, texts, st.sampled_from(["", "baseline", "candidate"]), locations)
causes = st.builds(
    Cause,
    st.sampled_from(sorted(SLUGS)),
    st.booleans(),
    texts,
    st.lists(evidence, max_size=7).map(tuple),
    locations,
    texts,
    texts,
    texts,
)
pairs = st.tuples(floats, floats)
differences = st.builds(
    Difference,
    st.none() | counts,
    st.none() | floats,
    st.none() | floats,
    st.none() | pairs,
    counts,
    st.dictionaries(names, pairs, max_size=3),
)
settings = st.builds(
    SettingDifference,
    st.sampled_from(SCHEMA["$defs"]["setting"]["properties"]["kind"]["enum"]),
    names,
    values,
    values,
    locations,
)
divergences = st.builds(
    Divergence, counts, counts, counts, counts, counts, st.sampled_from(Stage), texts, texts, st.integers(1, 9)
)
paths = st.lists(texts, max_size=3).map(tuple)
alignments = st.builds(
    AlignmentSummary,
    st.sampled_from(["path", "execution-order", "none"]),
    counts,
    paths,
    paths,
    st.sampled_from(["certain", "ambiguous"]),
    texts,
)


def comparisons(unpinned: st.SearchStrategy[Any]) -> st.SearchStrategy[Comparison]:
    return st.builds(
        Comparison,
        st.sampled_from(Verdict),
        sides(),
        sides(),
        st.none() | divergences,
        st.lists(causes, max_size=3).map(tuple),
        st.dictionaries(st.sampled_from(["loss", "updates", "weights", "metrics"]), differences),
        st.lists(settings, max_size=3).map(tuple),
        alignments,
        counts,
        paths,
        paths,
        st.dictionaries(names, st.floats(0, 1e6)),
        unpinned,
    )


@given(comparisons(st.none() | comparisons(st.none())))
def test_every_comparison_is_valid_json(comparison: Comparison) -> None:
    VALIDATOR.validate(json.loads(json.dumps(to_json(comparison), allow_nan=False)))


@given(comparisons(st.none()), st.booleans())
def test_every_comparison_can_be_shown(comparison: Comparison, verbose: bool) -> None:
    import io

    from rich.console import Console

    from samefit.report.text import render

    render(comparison, verbose=verbose, console=Console(file=io.StringIO(), width=72))
    assert to_html(comparison)
