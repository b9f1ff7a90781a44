"""What a command line changes in a scenario: ``-b [LABEL=]NAME[:key=value,…]`` and ``-O LABEL.key=value``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from versim.errors import FaultsError, UnknownNameError, VersimError, did_you_mean
from versim.plain.quantities import unit_suffix
from versim.plain.yaml_text import YamlError, parse_yaml
from versim.registry import Registry, resolve_paths
from versim.scenario.check import check_scenario
from versim.scenario.load import with_absolute_paths
from versim.scenario.model import Instance, Scenario, TimingChoice
from versim.scenario.presence import with_instances

_BRACKETS = {"[": "]", "{": "}"}


def override(
    scenario: Scenario,
    registry: Registry,
    *,
    backends: Sequence[str] = (),
    options: Sequence[str] = (),
    flags: Mapping[str, str] | None = None,
    reference: str | None = None,
    folder: Path | None = None,
) -> Scenario:
    """A scenario changed as a command line asks, and checked again.

    Args:
        scenario: The scenario.
        registry: The plugins there are.
        backends: ``[LABEL=]NAME[:key=value,…]`` each; together they replace the scenario's instances. NAME is the
            label of an instance of the scenario, which is taken over with its options, or a backend. The keys are
            the backend's options, and ``network=TIMING`` and ``network.KEY=VALUE`` for a backend that is driven by a
            network timing.
        options: ``LABEL.key=value`` each; LABEL is an instance or a workload, whose producer's option is set.
        flags: Options by their flag (``--hardware``) for every workload and instance whose component has them; read as
            YAML unless they name files.
        reference: Label of the reference instance.
        folder: What relative file names in the changes are relative to; the current folder if left out.

    Raises:
        VersimError: A change that cannot be understood or names nothing.
        FaultsError: The changed scenario is faulty.
    """
    base = (folder or Path()).absolute()
    if backends:
        scenario = _with_instances(scenario, [_instance(scenario, registry, text) for text in backends])
    for text in options:
        scenario = _with_option(scenario, registry, text, base)
    for flag, value in (flags or {}).items():
        scenario = _with_flag(scenario, registry, flag, value, base)
    if reference is not None:
        scenario.instance(reference)
        scenario = attrs.evolve(scenario, reference=reference)
    check_scenario(scenario, registry, f"scenario {scenario.name!r} with what the command line changes")
    return with_absolute_paths(scenario, registry, base)


def parse_component(text: str) -> tuple[str, dict[str, Any]]:
    """``NAME[:key=value,…]`` as the name and its options, values read as YAML."""
    name, colon, settings = text.partition(":")
    if not name or (colon and not settings):
        raise VersimError(f"{text!r} is not NAME or NAME:key=value,…")
    return name, dict(_setting(item, text) for item in _split(settings)) if settings else {}


def scalar(text: str, source: str) -> Any:
    """A value of a command line, read as YAML; an empty text is an empty text."""
    if not text.strip():
        return text
    try:
        return parse_yaml(text, source)
    except YamlError as error:
        raise VersimError(f"{source}: {text!r} is not a value: {error.problem}; put quotes around it") from None


def _split(settings: str) -> list[str]:
    """Settings at their commas, except those inside brackets and quotes."""
    parts = [""]
    open_until: list[str] = []
    for letter in settings:
        if open_until and letter == open_until[-1]:
            open_until.pop()
        elif letter in _BRACKETS and not (open_until and open_until[-1] in "'\""):
            open_until.append(_BRACKETS[letter])
        elif letter in "'\"" and not (open_until and open_until[-1] in "'\""):
            open_until.append(letter)
        elif letter == "," and not open_until:
            parts.append("")
            continue
        parts[-1] += letter
    return parts


def _setting(item: str, whole: str) -> tuple[str, Any]:
    key, equals, value = item.partition("=")
    if not equals or not key.strip():
        raise VersimError(f"{whole!r}: {item!r} is not key=value")
    return key.strip(), scalar(value, f"{whole}: {key.strip()}")


def _instance(scenario: Scenario, registry: Registry, text: str) -> Instance:
    head, _, _ = text.partition(":")
    label, equals, _ = head.partition("=")
    if equals:
        text = text[len(label) + 1 :]
    name, settings = parse_component(text)
    instance = next((known for known in scenario.backends if known.label == name), None)
    if instance is None:
        try:
            registry.backend(name)
        except UnknownNameError as error:
            labels = ", ".join(known.label for known in scenario.backends)
            raise VersimError(f"-b {text}: {error}\nInstances of this scenario: {labels}") from None
        instance = Instance(label=name, backend=name)
    elif instance.backend != name and any(backend.name == name for backend in registry.backends()):
        raise VersimError(
            f"-b {text}: {name!r} is both a backend and the label of an instance of this scenario (of backend "
            f"{instance.backend!r}); rename the instance in the scenario"
        )
    for key, value in settings.items():
        instance = with_instance_option(instance, registry, key, value)
    return attrs.evolve(instance, label=label) if equals else instance


def _with_instances(scenario: Scenario, instances: Sequence[Instance]) -> Scenario:
    labels = [instance.label for instance in instances]
    for label in labels:
        if labels.count(label) > 1:
            raise VersimError(f"-b: {label!r} is given {labels.count(label)} times; tell them apart: -b LABEL={label}")
    left = with_instances(scenario, instances)
    if not left.pins or not left.workloads:
        raise VersimError(f"-b: no workload of scenario {scenario.name!r} is simulated by {', '.join(labels)}")
    # Who is asked is what was typed.
    return attrs.evolve(left, left_out={})


def _with_option(scenario: Scenario, registry: Registry, text: str, folder: Path) -> Scenario:
    target, equals, value = text.partition("=")
    if not equals or "." not in target:
        raise VersimError(f"-O {text}: is not LABEL.key=value")
    instances = {instance.label for instance in scenario.backends}
    workloads = {workload.label for workload in scenario.workloads}
    # Labels may contain dots: the longest one that fits is meant.
    cuts = [index for index, letter in enumerate(target) if letter == "."]
    label = next((target[:cut] for cut in reversed(cuts) if target[:cut] in instances | workloads), None)
    if label is None:
        first = target[: cuts[0]]
        known = did_you_mean(first, instances | workloads)
        raise VersimError(f"-O {text}: no workload and no backend instance is labelled {first!r}{known}")
    if label in instances & workloads:
        raise VersimError(
            f"-O {text}: {label!r} is ambiguous, it labels a workload and a backend instance; rename one of them in "
            "the scenario"
        )
    key, content = target[len(label) + 1 :].strip(), scalar(value, f"-O {target}")
    if not key:
        raise VersimError(f"-O {text}: is not LABEL.key=value")
    if label in instances:
        return attrs.evolve(
            scenario,
            backends=[
                with_instance_option(instance, registry, key, content) if instance.label == label else instance
                for instance in scenario.backends
            ],
        )
    return _with_producer_option(scenario, registry, label, key, content, folder)


def with_instance_option(instance: Instance, registry: Registry, key: str, value: Any) -> Instance:
    """An instance with one of its options, its network timing, or an option of that, set."""
    backend = registry.backend(instance.backend)
    head, _, rest = key.partition(".")
    driven = getattr(backend, "network_timing", None)
    if head != "network" or driven is None:
        return attrs.evolve(instance, options=nested(instance.options, key, value))
    if not rest:
        name = value if isinstance(value, str) else str(value)
        options = instance.network.options if instance.network and instance.network.timing == name else {}
        return attrs.evolve(instance, network=TimingChoice(timing=name, options=options))
    choice = instance.network or TimingChoice(timing=driven)
    return attrs.evolve(instance, network=attrs.evolve(choice, options=nested(choice.options, rest, value)))


def _with_producer_option(
    scenario: Scenario, registry: Registry, label: str, key: str, value: Any, folder: Path
) -> Scenario:
    workload = scenario.workload(label)
    changed = resolve_paths(registry.producer(workload.producer).options, {key: value}, folder)
    options = nested(workload.options, key, changed[key])
    workloads = [attrs.evolve(w, options=options) if w.label == label else w for w in scenario.workloads]
    return attrs.evolve(scenario, workloads=workloads)


def _with_flag(scenario: Scenario, registry: Registry, flag: str, value: str, folder: Path) -> Scenario:
    found = False
    for workload in scenario.workloads:
        for name, is_path in _flagged(registry.producer(workload.producer).options, flag):
            found = True
            content = value if is_path else scalar(value, flag)
            scenario = _with_producer_option(scenario, registry, workload.label, name, content, folder)
    for instance in scenario.backends:
        options = registry.backend(instance.backend).options
        for name, is_path in _flagged(options, flag):
            found = True
            content = resolve_paths(options, {name: value}, folder)[name] if is_path else scalar(value, flag)
            changed = with_instance_option(instance, registry, name, content)
            backends = [changed if other.label == instance.label else other for other in scenario.backends]
            scenario = attrs.evolve(scenario, backends=backends)
    if not found:
        asked = {workload.producer for workload in scenario.workloads} | {i.backend for i in scenario.backends}
        raise FaultsError(
            flag, [f"nothing in scenario {scenario.name!r} has that option (asked: {', '.join(sorted(asked))})"]
        )
    return scenario


def _flagged(options: type, flag: str) -> Iterator[tuple[str, bool]]:
    """Options that a flag sets: their names, and whether they name files."""
    for field in attrs.fields(options):
        if field.metadata.get("cli") == flag:
            yield field.alias or field.name, bool(field.metadata.get("path"))


def nested(options: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """Options with ``a.b`` set inside the mapping ``a``; ``size_bytes`` takes the place of ``size`` and vice versa."""
    head, dot, rest = key.partition(".")
    kept = {name: item for name, item in options.items() if name == head or not _same_quantity(name, head)}
    if not dot:
        return {**kept, head: value}
    inner = options.get(head)
    return {**kept, head: nested(inner if isinstance(inner, Mapping) else {}, rest, value)}


def _same_quantity(one: str, other: str) -> bool:
    return one in (other, other.removesuffix(unit_suffix(other))) or other == one.removesuffix(unit_suffix(one))
