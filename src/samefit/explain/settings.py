"""Causes that lie in a setting: an option of a layer, optimizer or loss, precision, environment, versions, backend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from samefit.comparison.result import Evidence, SettingDifference
from samefit.explain.case import Case, Counterfactual, Suspect
from samefit.types import Location, Stage

_PRECISION = (
    "JAX_DEFAULT_MATMUL_PRECISION",
    "NVIDIA_TF32_OVERRIDE",
    "JAX_ENABLE_X64",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)
_GENERATOR = ("JAX_THREEFRY_PARTITIONABLE", "JAX_DEFAULT_PRNG_IMPL", "JAX_RANDOM_SEED_OFFSET")


def explain_environment(case: Case) -> Iterator[Suspect]:
    """Yields a suspect for each environment variable that is not the same on both sides."""
    for setting in case.comparison.settings:
        if setting.kind != "environment" or setting.name == "KERAS_BACKEND":
            continue
        slug = "environment"
        if setting.name in _GENERATOR:
            slug = "backend-generator"
        elif setting.name in _PRECISION and case.divergence.stage not in (Stage.INITIAL_WEIGHTS, Stage.RANDOMNESS):
            slug = "precision"
        elif setting.name == "JAX_ENABLE_X64":
            slug = "backend-generator"
        yield Suspect(
            slug=slug,
            summary=f"The environment variable {setting.name} is not the same on both sides.",
            evidence=(Evidence(f"{setting.name}: {_shown(setting.baseline)} and {_shown(setting.candidate)}"),),
            remedy=f"set  {setting.name}={setting.baseline}  on both sides"
            if setting.baseline is not None
            else f"unset  {setting.name}",
            counterfactuals=(
                Counterfactual(
                    f"{setting.name} {'unset' if setting.baseline is None else 'set to ' + str(setting.baseline)}",
                    environment={setting.name: setting.baseline},
                ),
            ),
        )


def explain_hash_seed(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where each process has a hash seed of its own: sets of strings come in another order."""
    unset = all(side.run.manifest.get("hash_seed") == "random" for side in (case.a, case.b))
    if case.same_process or not unset:
        return
    yield Suspect(
        slug="environment",
        summary="Each process has a hash seed of its own, so sets of strings come in another order.",
        evidence=(Evidence("PYTHONHASHSEED is not set on either side"),),
        location=case.b.training.location,
        remedy="sort what comes out of a set:  sorted(words),  or set  PYTHONHASHSEED=0",
        counterfactuals=(Counterfactual("PYTHONHASHSEED=0 on both sides", environment_both={"PYTHONHASHSEED": "0"}),),
    )


def _shown(value: Any) -> str:
    return "not set" if value is None else str(value)


def explain_precision(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where the dtype policies differ."""
    policies = [(a, b) for a, b in _aligned_layers(case) if a.dtype_policy != b.dtype_policy]
    if not policies:
        return
    first, second = policies[0]
    uniform = {b.dtype_policy for _, b in policies}
    plan: Mapping[str, Any] = {"do": "global", "side": case.b.name, "dtype_policy": first.dtype_policy}
    layers = tuple(
        {"do": "layer", "class": b.class_name, "construction": b.construction, "arguments": {"dtype": a.dtype_policy}}
        for a, b in policies
    )
    yield Suspect(
        slug="precision",
        summary=f"The layers compute in {first.dtype_policy} on one side and in {second.dtype_policy} on the other.",
        evidence=(
            Evidence(
                f"{len(policies)} layers, from {first.class_name} on: dtype policy {first.dtype_policy}",
                "baseline",
                first.location,
            ),
            Evidence(f"dtype policy {', '.join(sorted(uniform))}", "candidate", second.location),
        ),
        location=second.location,
        remedy=f"keras.config.set_dtype_policy({first.dtype_policy!r})  before both models are built "
        "(keras.utils.clear_session resets it)",
        counterfactuals=(
            Counterfactual(f"dtype {first.dtype_policy!r} for these layers", layers),
            Counterfactual(f"the dtype policy {first.dtype_policy!r}", (plan,)),
        ),
    )


def _aligned_layers(case: Case) -> list[tuple[Any, Any]]:
    return [(case.a.model.layers[i], case.b.model.layers[j]) for i, j in case.alignment.layers]


def explain_layers(case: Case) -> Iterator[Suspect]:
    """Yields a suspect for options of aligned layers that differ, and for another structure."""
    plans: list[Mapping[str, Any]] = []
    evidence: list[Evidence] = []
    location: Location | None = None
    remedy = ""
    unfixable = ""
    for a, b in _aligned_layers(case):
        options = _options(a.config, b.config)
        if not options:
            continue
        location = location or b.location
        for name, (one, other) in options.items():
            evidence.append(
                Evidence(f"{b.class_name}({name}={one!r}) and {b.class_name}({name}={other!r})", "", b.location)
            )
        remedy = remedy or f"{b.class_name}({', '.join(f'{n}={v[0]!r}' for n, v in options.items())})"
        if a.class_name != b.class_name:
            unfixable = f"{a.class_name} and {b.class_name} are different classes"
        plans.append(
            {
                "do": "layer",
                "class": b.class_name,
                "construction": b.construction,
                "arguments": {name: one for name, (one, _) in options.items()},
            }
        )
    structure = [s for s in case.comparison.settings if s.kind == "structure"]
    if plans:
        yield Suspect(
            slug="model-config",
            summary="The layers do not have the same options.",
            evidence=tuple(evidence[:8]),
            location=location,
            remedy=f"write  {remedy}  on both sides",
            counterfactuals=()
            if unfixable
            else (Counterfactual("the baseline's options for these layers", tuple(plans)),),
            no_counterfactual=unfixable,
        )
    if structure:
        yield _structure(case, structure)


def _structure(case: Case, structure: list[SettingDifference]) -> Suspect:
    masks = any("mask" in s.name for s in structure)
    operations = [s for s in structure if "mask" not in s.name and "training" not in s.name]
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


def _options(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    skipped = {"name", "dtype", "batch_input_shape", "batch_shape", "build_config"}
    names = [name for name in a if name in b and name not in skipped]
    return {name: (a[name], b[name]) for name in names if _bare(a[name]) != _bare(b[name])}


def _bare(value: Any) -> Any:
    """Returns a configuration without names, which Keras makes up."""
    if isinstance(value, Mapping):
        return {
            key: _bare(item) for key, item in value.items() if key not in ("name", "registered_name", "build_config")
        }
    if isinstance(value, (list, tuple)):
        return [_bare(item) for item in value]
    return value


def explain_training_flag(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where a layer ran in training mode on one side only."""
    flags = [s for s in case.comparison.settings if s.kind == "structure" and "training" in s.name]
    if not flags:
        return
    yield Suspect(
        slug="training-flag",
        summary="A layer ran in training mode on one side and in inference mode on the other.",
        evidence=tuple(Evidence(_difference(s), "", s.location) for s in flags[:6]),
        location=flags[0].location or case.b.model.location,
        remedy="hand `training` on in call:  self.dropout(x, training=training)",
        no_counterfactual="what `call` hands on is the user's code, which is not changed",
    )


def explain_compiled(case: Case) -> Iterator[Suspect]:
    """Yields suspects for what `compile` was given: optimizer, loss, compilation."""
    a, b = case.a.training.compiled, case.b.training.compiled
    number = b.get("number", 0)
    kinds = (("optimizer", "optimizer-config"), ("loss", "loss-config"), ("loss_weights", "loss-config"))
    for name, slug in kinds:
        one, other = a.get(name), b.get(name)
        if _bare(one) == _bare(other):
            continue
        plan = {"do": "compile", "side": case.b.name, "compile": number, name: one}
        yield Suspect(
            slug=slug,
            summary=f"The two trainings were compiled with another {name}.",
            evidence=tuple(_compiled_evidence(name, one, other)),
            location=b.get("location") or case.b.training.location,
            remedy=f"compile({name}={_written(one)})  on both sides",
            counterfactuals=(Counterfactual(f"the baseline's {name} in the candidate's compile", (plan,)),),
        )
    for name in ("jit_compile", "run_eagerly"):
        if a.get(name) != b.get(name):
            plan = {"do": "compile", "side": case.b.name, "compile": number, name: a.get(name)}
            yield Suspect(
                slug="rounding",
                summary=f"{name}={a.get(name)} and {name}={b.get(name)}: other kernels add up in another order.",
                evidence=(Evidence(f"compile({name}=...): {a.get(name)} and {b.get(name)}"),),
                location=case.b.training.location,
                remedy=f"compile({name}={a.get(name)})  on both sides",
                counterfactuals=(Counterfactual(f"{name}={a.get(name)}", (plan,)),),
            )


def _compiled_evidence(name: str, one: Any, other: Any) -> Iterator[Evidence]:
    first = one if isinstance(one, Mapping) else {"class": one, "config": {}}
    second = other if isinstance(other, Mapping) else {"class": other, "config": {}}
    if first.get("class") != second.get("class"):
        yield Evidence(f"{name}: {first.get('class')} and {second.get('class')}")
        return
    for key, (mine, theirs) in _options(first.get("config") or {}, second.get("config") or {}).items():
        yield Evidence(f"{first.get('class')}({key}={mine!r}) and {first.get('class')}({key}={theirs!r})")


def _written(value: Any) -> str:
    if isinstance(value, Mapping) and "class" in value:
        config = {k: v for k, v in (value.get("config") or {}).items() if v is not None and v is not False}
        return f"{value['class']}({', '.join(f'{k}={v!r}' for k, v in config.items())})"
    return repr(value)


def explain_fit(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where `class_weight` or weights of samples differ."""
    one, other = case.a.training.options.get("class_weight"), case.b.training.options.get("class_weight")
    if one == other:
        return
    yield Suspect(
        slug="loss-config",
        summary="The samples are weighted differently.",
        evidence=(Evidence(f"fit(class_weight={one!r}) and fit(class_weight={other!r})"),),
        location=case.b.training.location,
        remedy=f"fit(class_weight={one!r})  on both sides",
        counterfactuals=(
            Counterfactual(
                "the baseline's class_weight",
                ({"do": "fit", "training": case.b.training.number, "arguments": {"class_weight": one}},),
            ),
        ),
    )


def explain_trainable(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where another set of layers is trained."""
    frozen = [(a, b) for a, b in _aligned_layers(case) if a.trainable != b.trainable]
    if not frozen:
        return
    a, b = frozen[0]
    plans = tuple(
        {
            "do": "layer",
            "class": two.class_name,
            "construction": two.construction,
            "arguments": {"trainable": one.trainable},
        }
        for one, two in frozen
    )
    yield Suspect(
        slug="trainable-set",
        summary="Another set of weights is trained.",
        evidence=tuple(
            Evidence(f"{two.class_name}.trainable: {one.trainable} and {two.trainable}", "", two.location)
            for one, two in frozen[:6]
        ),
        location=b.location,
        remedy=f"set  layer.trainable = {a.trainable}  on both sides, before compile",
        counterfactuals=(Counterfactual("the baseline's trainable flags", plans),),
    )


def explain_backend(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where equal steps on two backends give other bits."""
    one, other = case.comparison.baseline.backend, case.comparison.candidate.backend
    versions = [s for s in case.comparison.settings if s.kind in ("version", "device")]
    if one != other:
        loss = case.comparison.differences.get("loss")
        gap = f" (largest gap of the loss: {loss.max_abs:.3g})" if loss and loss.max_abs is not None else ""
        yield Suspect(
            slug="rounding",
            summary=f"Equal weights, equal batches: {one} and {other} add up in another order.",
            evidence=(Evidence(f"everything that goes into the step is bit-equal; what comes out is not{gap}"),),
            location=case.b.training.location,
            remedy="compare with a tolerance: bits are not the same across backends",
            no_counterfactual="two backends cannot run one kernel",
        )
    elif versions:
        yield Suspect(
            slug="environment",
            summary="The two sides ran with other versions or on another device.",
            evidence=tuple(Evidence(f"{s.name}: {s.baseline} and {s.candidate}") for s in versions),
            remedy="install the same versions on both sides",
            no_counterfactual="another version needs another environment",
        )
