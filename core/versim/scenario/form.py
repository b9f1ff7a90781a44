"""The written form of a scenario: plain data to the model and back."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from versim.fabric import Dimension, Link, Topology
from versim.plain.faults import Fault, MisfitError, misfit
from versim.plain.structure import class_hook, make_converter, structured
from versim.scenario.model import DevicePart, Scenario, TimingChoice


@attrs.frozen(kw_only=True)
class _WrittenDimension:
    """A dimension as people write it: its link's figures beside its own."""

    topology: Topology
    size: int = attrs.field(validator=attrs.fields(Dimension).size.validator)
    bandwidth_bytes_per_s: float = attrs.field(validator=attrs.fields(Link).bandwidth_bytes_per_s.validator)
    latency_s: float = attrs.field(validator=attrs.fields(Link).latency_s.validator)
    oversubscription: float = attrs.field(default=1.0, validator=attrs.fields(Dimension).oversubscription.validator)


@attrs.frozen(kw_only=True)
class _WrittenTiming:
    """One link of a chain of timings as people write it."""

    timing: str
    options: Mapping[str, Any] = attrs.field(factory=dict)


def scenario_from(document: Any) -> tuple[Scenario | None, tuple[Fault, ...]]:
    """A scenario from plain data, or every fault of the data's form: (scenario or None, faults)."""
    converter = make_converter()
    written_dimension = class_hook(_WrittenDimension, converter)
    written_timing = class_hook(_WrittenTiming, converter)
    written_device = class_hook(DevicePart, converter)

    def dimension(value: Any, _: Any) -> Dimension:
        if isinstance(value, Dimension):
            return value
        flat = written_dimension(value, _WrittenDimension)
        link = Link(bandwidth_bytes_per_s=flat.bandwidth_bytes_per_s, latency_s=flat.latency_s)
        return Dimension(topology=flat.topology, size=flat.size, link=link, oversubscription=flat.oversubscription)

    def timing(value: Any, _: Any) -> Any:
        if isinstance(value, list):
            return chained(value)
        if isinstance(value, TimingChoice):
            return value
        link = written_timing({"timing": value} if isinstance(value, str) else value, _WrittenTiming)
        return TimingChoice(timing=link.timing, options=link.options)

    def chained(values: list[Any]) -> Any:
        if not values:
            raise misfit("expected at least one timing")
        links: list[Any] = []
        faults: list[Fault] = []
        for place, value in enumerate(values):
            try:
                links.append(timing(value, None))
            except MisfitError as error:
                faults += [((place, *keys), said) for keys, said in error.faults]
        if faults:
            raise MisfitError(faults)
        chain = None
        for link in reversed(links):
            chain = attrs.evolve(link, otherwise=chain)
        return chain

    def device(value: Any, _: Any) -> Any:
        return written_device({"preset": value} if isinstance(value, str) else value, DevicePart)

    converter.register_structure_hook(Dimension, dimension)
    converter.register_structure_hook(DevicePart, device)
    converter.register_structure_hook(TimingChoice, timing)
    try:
        return structured(converter, document, Scenario), ()
    except MisfitError as error:
        return None, error.faults


def plain_form(scenario: Scenario) -> dict[str, Any]:
    """A scenario as plain data, what is left at its default left out; :func:`scenario_from` reads it back."""
    form: dict[str, Any] = plain_value(scenario)
    return form


def plain_value(value: Any) -> Any:
    """A part of a scenario as plain data, what is left at its default left out."""
    if isinstance(value, Dimension):
        shared = {} if value.oversubscription == 1 else {"oversubscription": value.oversubscription}
        return {"topology": value.topology.value, "size": value.size, **plain_value(value.link), **shared}
    if isinstance(value, TimingChoice):
        if value.otherwise is not None:
            return [plain_value(attrs.evolve(link, otherwise=None)) for link in value.chain()]
        if not value.options:
            return value.timing
    if attrs.has(type(value)):
        return {
            field.name: plain_value(getattr(value, field.name))
            for field in attrs.fields(type(value))
            if field.metadata.get("written", True) and not _is_default(field, getattr(value, field.name))
        }
    if isinstance(value, Mapping):
        return {str(key): plain_value(item) for key, item in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        return [plain_value(item) for item in value]
    if isinstance(value, enum.Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value


def _is_default(field: attrs.Attribute[Any], value: Any) -> bool:
    factory = getattr(field.default, "factory", None)
    return bool(value == (factory() if factory else field.default))
