"""Causes that lie in the layers: options, structure, mode, precision, and what of them is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from samefit.comparison.result import Evidence, SettingDifference
from samefit.explain.aligned import aligned_layers, around_others, without_weights_in_common
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.explain.modes import MODE
from samefit.explain.new_weights import QUANTIZED_BY, is_quantized_alone
from samefit.explain.options import bare, differing_options, put_in_somewhere, set_before_training, shown, unmarked
from samefit.store.records import CallRecord, LayerRecord
from samefit.types import Role, Stage

Options = Mapping[str, tuple[Any, Any]]
"""Options that differ: {name: (the baseline's, the candidate's)}."""

_MASK = ": mask among"
"""How `samefit.comparison.settings` calls a mask that differs between two calls."""


def explain_precision(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where the dtype policies differ."""
    pairs = list(aligned_layers(case))
    policies = [(a, b) for a, b in pairs if a.dtype_policy != b.dtype_policy]
    if not policies:
        return
    first, second = policies[0]
    uniform = {b.dtype_policy for _, b in policies}
    plan: Mapping[str, Any] = {"do": "global", "side": case.b.name, "dtype_policy": first.dtype_policy}
    layers = tuple(
        {"do": "layer", "class": b.class_name, "construction": b.construction, "arguments": {"dtype": a.dtype_policy}}
        for a, b in policies
    )
    fixes = [
        Counterfactual(f"dtype {first.dtype_policy!r} for these layers", layers),
        Counterfactual(f"the dtype policy {first.dtype_policy!r}", (plan,)),
    ]
    built = "before both models are built (keras.utils.clear_session resets the dtype policy)"
    remedy = f"keras.config.set_dtype_policy({first.dtype_policy!r})  {built}"
    if any(a.dtype_policy == b.dtype_policy and a.class_name != "InputLayer" for a, b in pairs):
        # What holds for all is the same for some of them; these were given their own, or made while another one held.
        names = ", ".join(dict.fromkeys(f"{b.class_name}(..., dtype={a.dtype_policy!r})" for a, b in policies))
        remedy = f"write  {names}  on both sides"
    floatx = next((s.baseline for s in case.comparison.settings if (s.kind, s.name) == ("global", "floatx")), None)
    if floatx is not None:
        # It is the dtype of what `fit` makes of the arrays as well, and of metrics and optimizers.
        fixes.insert(0, Counterfactual(f"floatx {floatx!r} and its dtype policy", ({**plan, "floatx": floatx},)))
        remedy = f"keras.config.set_floatx({floatx!r})  {built}"
    yield Suspect(
        slug="precision",
        summary=f"The layers compute in {first.dtype_policy} on one side and in {second.dtype_policy} on the other.",
        evidence=(
            Evidence(
                f"{_which(first.class_name, len(policies))}: dtype policy {first.dtype_policy}",
                "baseline",
                first.location,
            ),
            Evidence(f"dtype policy {', '.join(sorted(uniform))}", "candidate", second.location),
        ),
        location=second.location,
        remedy=remedy,
        counterfactuals=tuple(fixes),
        # `quantize` sets one, too, and is told of by the weights that it makes.
        weak=any(is_quantized_alone(a, b) for a, b in policies),
    )


def _which(class_name: str, number: int) -> str:
    return class_name if number == 1 else f"{number} layers, from {class_name} on"


def explain_layers(case: Case) -> Iterator[Suspect]:
    """Yields suspects for options of aligned layers that differ, for their seeds, and for another structure."""
    others: list[_Changed] = []
    for a, b in aligned_layers(case):
        found = differing_options(a.config, b.config)
        if is_quantized_alone(a, b):
            found.pop(QUANTIZED_BY, None)
        seeds = _seeds_of(found)
        if len(seeds) < len(found):
            others.append(_Changed(a, b, {n: v for n, v in found.items() if n not in seeds}))
    others += [_Changed(*found) for found in around_others(case, {n for c in others for n in c.options})]
    if others:
        suspect = _other_options(others, "model-config", "The layers do not have the same options.")
        if suspect.counterfactuals:
            later = set_before_training(case, {c.b.name: c.options for c in others})
            suspect = replace(suspect, counterfactuals=(*suspect.counterfactuals, *later))
        yield suspect
    if not _seeds_on_one_side(case) or case.divergence.stage is not Stage.INITIAL_WEIGHTS:
        yield from _other_seeds(case)
    operations = [(one, other) for one, other in _paired_operations(case) if bare(one.options) != bare(other.options)]
    if operations:
        yield _other_operations(operations)
    structure = [s for s in case.comparison.settings if s.kind == "structure" and not s.name.endswith(MODE)]
    if structure and not operations:
        yield _structure(case, structure)
    elif alone := list(_without_partner(case)):
        yield _structure(case, alone)


def _paired_operations(case: Case) -> Iterator[tuple[CallRecord, CallRecord]]:
    """Yields the operations of two forward passes that call the same things in the same order."""
    first, second = case.a.model.calls, case.b.model.calls
    if [call.class_name for call in first] == [call.class_name for call in second]:
        yield from ((a, b) for a, b in zip(first, second, strict=True) if a.kind == b.kind == "op")


def _other_operations(operations: list[tuple[CallRecord, CallRecord]]) -> Suspect:
    changed = [(a, b, differing_options(a.options, b.options)) for a, b in operations]
    plans = tuple(
        {
            "do": "layer",
            "class": b.class_name,
            "construction": b.construction,
            "arguments": {name: one for name, (one, _) in options.items()},
        }
        for _, b, options in changed
    )
    # A value that an operation is called with stands in the user's expression, and not in what it is made from.
    called = any(_ARGUMENT in name for _, _, options in changed for name in options)
    _, b, options = changed[0]
    return Suspect(
        slug="model-config",
        summary="An operation of the two models does not have the same options.",
        evidence=tuple(
            Evidence(f"{b.class_name}: {name}={shown(one)} and {name}={shown(other)}", "", b.location)
            for _, b, options in changed
            for name, (one, other) in options.items()
        )[:8],
        location=b.location,
        remedy=f"give {b.class_name} {', '.join(f'{n}={shown(v[0])}' for n, v in options.items())} on both sides",
        counterfactuals=() if called else (Counterfactual("the baseline's options for these operations", plans),),
        no_counterfactual="a value in an expression of yours is not changed" if called else "",
    )


_ARGUMENT = "argument "
"""How the recorder calls a value that an operation is called with."""


def explain_seeds_on_one_side(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where a layer has a seed on one side only.

    A layer without a seed draws one from Python's generator, so that all later layers get other seeds, too: this comes
    before what is said of that generator.
    """
    if _seeds_on_one_side(case):
        yield from _other_seeds(case)


def _other_seeds(case: Case) -> Iterator[Suspect]:
    found = ((a, b, _seeds_of(differing_options(a.config, b.config))) for a, b in aligned_layers(case))
    changed = [_Changed(a, b, options) for a, b, options in found if options]
    if changed:
        yield _other_options(changed, "different-seed", "The layers were given different seeds.")


def _seeds_of(options: Options) -> Options:
    """Returns those of differing options that differ in a seed alone."""
    return {n: v for n, v in options.items() if n == "seed" or bare(v[0], seeds=False) == bare(v[1], seeds=False)}


def _seeds_on_one_side(case: Case) -> bool:
    return any(
        (_seed(one) is None) != (_seed(other) is None)
        for a, b in aligned_layers(case)
        for one, other in _seeds_of(differing_options(a.config, b.config)).values()
    )


def _seed(value: Any) -> Any:
    """Returns the seed in the option of a layer: the option itself, or that of an initialiser."""
    if not isinstance(value, Mapping):
        return value
    config = value.get("config")
    return config.get("seed") if isinstance(config, Mapping) else None


@dataclass(frozen=True)
class _Changed:
    """A layer of the candidate with the options that its partner in the baseline has otherwise."""

    a: LayerRecord
    b: LayerRecord
    options: Mapping[str, tuple[Any, Any]]

    def lines(self) -> Iterator[Evidence]:
        for name, (one, other) in self.options.items():
            yield Evidence(
                f"{self.a.class_name}({name}={shown(one)}) and {self.b.class_name}({name}={shown(other)})",
                "",
                self.b.location,
            )

    @property
    def remedy(self) -> str:
        """What to write for this layer."""
        seeds = _seeds_of(self.options)
        # Of a seed that one side has, that one: without it the layer would depend on what was drawn before.
        wanted = {n: other if n in seeds and _seed(one) is None else one for n, (one, other) in self.options.items()}
        return f"{self.b.class_name}({', '.join(f'{n}={shown(v)}' for n, v in wanted.items())})"

    @property
    def plans(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """The transplants of these options: the baseline's into the candidate, and the other way round."""
        return self._put_in(self.b, 0), self._put_in(self.a, 1)

    def _put_in(self, layer: LayerRecord, side: int) -> Mapping[str, Any]:
        arguments = {name: unmarked(values[side]) for name, values in self.options.items()}
        made = {"class": layer.class_name, "construction": layer.construction}
        return {"do": "layer", **made, "arguments": arguments}


def _other_options(changed: list[_Changed], slug: str, summary: str) -> Suspect:
    unlike = next((c for c in changed if c.a.class_name != c.b.class_name), None)
    values = [pair for c in changed for pair in c.options.values()]
    fixes: tuple[Counterfactual, ...] = ()
    why_not, both_own = "", False
    if unlike:
        why_not = f"{unlike.a.class_name} and {unlike.b.class_name} are different classes"
    else:
        forth, back = zip(*(c.plans for c in changed), strict=True)
        fixes, why_not = put_in_somewhere(
            Counterfactual("the baseline's options for these layers", forth),
            Counterfactual("the candidate's options for these layers of the baseline", back, of_baseline=True),
            values,
        )
        both_own = bool(why_not)
    return Suspect(
        slug=slug,
        summary=summary,
        evidence=tuple(dict.fromkeys(line for c in changed for line in c.lines()))[:8],
        location=next((c.b.location for c in changed if c.b.location is not None), None),
        remedy=_SAME_FUNCTION
        if both_own or any(fix.of_baseline for fix in fixes)
        else f"write  {changed[0].remedy}  on both sides",
        counterfactuals=fixes,
        no_counterfactual=why_not,
        # Functions may be written otherwise and compute the same.
        weak=both_own,
    )


_SAME_FUNCTION = "give these layers the same function or module on both sides"


def _without_partner(case: Case) -> Iterator[SettingDifference]:
    """Layers without a partner, where no forward pass was seen that would show the structure."""
    alike = without_weights_in_common(case)
    for index in {*case.alignment.layers_only_in_a} - {i for i, _ in alike}:
        layer = case.a.model.layers[index]
        yield SettingDifference("structure", layer.class_name, layer.name, None, layer.location)
    for index in {*case.alignment.layers_only_in_b} - {j for _, j in alike}:
        layer = case.b.model.layers[index]
        yield SettingDifference("structure", layer.class_name, None, layer.name, layer.location)


def _structure(case: Case, structure: list[SettingDifference]) -> Suspect:
    masks = any(_MASK in s.name for s in structure)
    operations = [s for s in structure if _MASK not in s.name]
    located = next((s.location for s in structure if s.location is not None), None)
    evidence = tuple(Evidence(_difference(s), "", s.location) for s in structure[:8])
    remedy = "make the two models run the same layers in the same order"
    if masks:
        remedy = (
            "hand the mask on by hand:  layer(x, mask=embedding.compute_mask(inputs)),  "
            "or use a layer that supports masking"
        )
    fixes: tuple[Counterfactual, ...] = ()
    if masks and operations:
        fixes = (Counterfactual("operations that hand the mask on", ({"do": "masks", "side": case.b.name},)),)
    return Suspect(
        slug="model-config",
        summary="The two models do not run the same layers and operations"
        + (", and a mask is lost on the way." if masks else "."),
        evidence=evidence,
        location=located or case.b.model.location,
        remedy=remedy,
        counterfactuals=fixes,
        no_counterfactual="" if fixes else "another structure cannot be put in from outside",
    )


def _difference(setting: SettingDifference) -> str:
    if setting.candidate is None:
        return f"only in the baseline: {setting.name}"
    if setting.baseline is None:
        return f"only in the candidate: {setting.name}"
    return f"{setting.name}: {setting.baseline} and {setting.candidate}"


def explain_trainable(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where the step trains weights on one side that it leaves alone on the other."""
    a, b = case.a, case.b
    flags = [(i, j) for i, j in case.alignment.layers if (i in a.training.frozen) != (j in b.training.frozen)]
    still = list(_still(case))
    if not flags and not still:
        return
    evidence = [
        Evidence(
            f"{b.model.layers[j].name}.trainable: {i not in a.training.frozen} and {j not in b.training.frozen}",
            "",
            b.model.layers[j].location,
        )
        for i, j in flags[:6]
    ]
    evidence += [
        Evidence(f"{side.layout[position].path} stays as it is in the step, on this side only", side.role)
        for side, position in still[:6]
    ]
    stale = [] if flags else list(_stale(case))
    values = {b.model.layers[j].name: i not in a.training.frozen for i, j in flags}
    side, text, why_not = b, "the baseline's trainable flags", ""
    if flags:
        remedy = f"set  layer.trainable = {next(iter(values.values()))}  on both sides, before compile"
    else:
        evidence.append(Evidence("when the trainings began, the trainable flags were the same on both sides"))
        evidence += [Evidence(f"{layer.name}.trainable is False, and the step trains it", s.role) for s, layer in stale]
        remedy = "set  layer.trainable  first, then call  compile  again: a change after it may not be picked up"
        side = b if any(each is b for each, _ in stale) else a
        values = {layer.name: False for each, layer in stale if each is side}
        text = f"the {side.role}'s step compiled anew, with the flags as they are"
        why_not = "the flags are equal: which set Keras compiled cannot be put in from outside"
    plan = {"do": "trainable", "training": side.training.number, "values": values}
    fix = Counterfactual(text, (plan,), of_baseline=side is a)
    yield Suspect(
        slug="trainable-set",
        summary="A change of `trainable` after compile was not picked up."
        if stale
        else "Another set of weights is trained.",
        evidence=tuple(evidence),
        location=next((b.model.layers[j].location for _, j in flags), None) or b.training.location,
        remedy=remedy,
        counterfactuals=(fix,) if values else (),
        no_counterfactual="" if values else why_not,
        # A weight may also stay as it is because its gradient is zero.
        weak=not flags and not stale,
    )


def _stale(case: Case) -> Iterator[tuple[Side, LayerRecord]]:
    """Yields the layers that are not to be trained, and that the diverging step trains all the same."""
    found: dict[tuple[str, str], tuple[Side, LayerRecord]] = {}
    for side, index in ((case.a, 0), (case.b, 1)):
        for pair in case.alignment.pairs:
            variable = side.layout[pair[index]]
            if variable.role is Role.TRAINABLE and variable.layer in side.training.frozen and side.moves(pair[index]):
                layer = side.model.layers[variable.layer]
                found[side.role, layer.name] = side, layer
    yield from found.values()


def _still(case: Case) -> Iterator[tuple[Side, int]]:
    """Yields the weights that the diverging step leaves alone on one side, but not on the other."""
    for i, j in case.alignment.pairs:
        if case.a.layout[i].role is not Role.TRAINABLE:
            continue
        moved = case.a.moves(i), case.b.moves(j)
        if moved == (False, True):
            yield case.a, i
        elif moved == (True, False):
            yield case.b, j
