"""What the parts of a scenario say about one another and about plugins, checked on its written form.

The written form, because a file with a mistyped key should have its unknown plugins reported in the same breath: what
does not have the right type here is passed over, the structure's own faults name it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from versim.errors import FaultsError, UnknownNameError, did_you_mean
from versim.fabric import CLUSTERS, DATA_SHEETS, ClusterChoice
from versim.graph import LAYOUTS
from versim.plain.faults import Fault, place
from versim.registry import Registry
from versim.scenario.form import plain_form
from versim.scenario.model import DEFAULT_PINS, Scenario

_CLUSTER_KEYS = {field.name for field in attrs.fields(ClusterChoice)} - {"preset"}


def check_scenario(scenario: Scenario, registry: Registry, source: str = "") -> None:
    """Refuse a scenario with references that lead nowhere, unknown plugins or bad options.

    Args:
        scenario: As loaded or as made in Python.
        registry: The plugins there are.
        source: Where it came from, for the message; its name if left out.

    Raises:
        FaultsError: Every fault by its path.
    """
    faults = faults_of(plain_form(scenario), registry)
    if faults:
        raise FaultsError(source or f"scenario {scenario.name!r}", [place("$", *fault) for fault in faults])


def faults_of(document: Any, registry: Registry) -> list[Fault]:
    """Every fault of a scenario's written form beyond its structure."""
    if not isinstance(document, Mapping):
        return []
    form = _Form(document)
    found = [
        *_label_faults(form),
        *_system_faults(form),
        *_component_faults(form, registry),
        *_reference_faults(form),
    ]
    return list(dict.fromkeys(found))


_Keys = tuple[str | int, ...]
_Item = tuple[_Keys, Mapping[str, Any]]
"""A workload, pin or instance as written, and where it stands."""


class _Form:
    """The written form, read without trusting it."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.workloads = self._items("workloads")
        self.pins = self._items("pins") or [(("pins", 0), {"label": pin.label}) for pin in DEFAULT_PINS]
        self.instances = self._items("backends")

    def _items(self, key: str) -> list[_Item]:
        items = self.document.get(key)
        if not isinstance(items, list):
            return []
        return [((key, index), item) for index, item in enumerate(items) if isinstance(item, Mapping)]

    def applies(self, workload: Mapping[str, Any], pin: Mapping[str, Any]) -> bool:
        """Whether a pin applies to a workload."""
        pins = workload.get("pins")
        return not isinstance(pins, list) or pin.get("label") in pins

    def simulators(self, workload: Mapping[str, Any], pin: Mapping[str, Any]) -> list[str]:
        """Labels of the instances that simulate a workload under a pin."""
        limits = [limit for limit in (workload.get("backends"), pin.get("backends")) if isinstance(limit, list)]
        labels = labels_of(self.instances)
        return [label for label in labels if all(label in limit for limit in limits)]

    def pins_of(self, workload: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The pins that apply to a workload."""
        return [pin for _, pin in self.pins if self.applies(workload, pin)]


def labels_of(items: list[_Item]) -> list[str]:
    """The labels of workloads, pins or instances, those that are texts."""
    return [item["label"] for _, item in items if isinstance(item.get("label"), str)]


def _label_faults(form: _Form) -> Iterator[Fault]:
    for items in (form.workloads, form.pins, form.instances):
        counts = Counter(labels_of(items))
        for path, item in items:
            label = item.get("label")
            if not isinstance(label, str):
                continue
            if not label.strip() or not label.isprintable() or set(label) & set("=:,"):
                yield (*path, "label"), f"{label!r} is not a usable label; it needs a letter, and no '=', ':' or ','"
            if counts[label] > 1:
                counts[label] = 0  # said once
                yield (*path, "label"), f"{label!r} is the label of several; labels have to differ"


def _system_faults(form: _Form) -> Iterator[Fault]:
    """Presets and layouts that do not exist, and figures of a preset where none is named."""
    parts: list[tuple[_Keys, Any]] = [(("system",), form.document.get("system"))]
    parts += [((*path, "system"), workload.get("system")) for path, workload in form.workloads]
    named = any(isinstance(part, Mapping) and part.get("preset") is not None for _, part in parts)
    for path, part in parts:
        if not isinstance(part, Mapping):
            continue
        device = part.get("device")
        yield from _unknown((*path, "preset"), "system preset", part.get("preset"), CLUSTERS)
        yield from _unknown((*path, "device"), "device preset", device, DATA_SHEETS)
        if isinstance(device, Mapping):
            yield from _unknown((*path, "device", "preset"), "device preset", device.get("preset"), DATA_SHEETS)
        yield from _unknown((*path, "layout"), "layout", part.get("layout"), LAYOUTS)
        if part.get("preset") is not None and part.get("dimensions") is not None:
            yield path, "a preset and dimensions are two networks; keep one of them"
        if part.get("endpoints") is not None and part.get("dimensions") is None:
            yield (*path, "endpoints"), "belongs to dimensions, and none are given"
        for key in sorted(_CLUSTER_KEYS & set(part)):
            if not named:
                yield (*path, key), f"belongs to a preset, and none is named (preset: {next(iter(CLUSTERS))})"


def _unknown(path: _Keys, kind: str, name: Any, known: Iterable[str]) -> Iterator[Fault]:
    if isinstance(name, str) and name not in known:
        yield path, str(UnknownNameError(kind, name, known))


def _component_faults(form: _Form, registry: Registry) -> Iterator[Fault]:
    for path, workload in form.workloads:
        yield from _producer_faults(form, registry, path, workload)
    for path, pin in form.pins:
        for role in ("compute", "folded"):
            yield from _timing_faults(registry, (*path, role), pin.get(role))
    for path, instance in form.instances:
        backend = instance.get("backend")
        if instance.get("if_installed") is True and _is_absent(registry, backend):
            continue
        if isinstance(backend, str):
            component, fault = _component(registry, "backend", backend, (*path, "backend"))
            yield from fault
            if component is not None:
                yield from _option_faults(registry, "backend", backend, instance.get("options"), (*path, "options"))
                if instance.get("network") is not None and getattr(component, "network_timing", None) is None:
                    yield (*path, "network"), f"{backend} models the network itself; leave this out"
        yield from _timing_faults(registry, (*path, "network"), instance.get("network"))


def _producer_faults(form: _Form, registry: Registry, path: _Keys, workload: Mapping[str, Any]) -> Iterator[Fault]:
    producer, own = workload.get("producer"), workload.get("options") or {}
    if not isinstance(producer, str) or not isinstance(own, Mapping):
        return
    component, fault = _component(registry, "producer", producer, (*path, "producer"))
    yield from fault
    if component is None:
        return
    for pin_path, pin in form.pins:
        override = pin.get("options") or {}
        if form.applies(workload, pin) and isinstance(override, Mapping):
            for keys, message in registry.attempt("producer", producer, {**own, **override})[1]:
                if keys and keys[0] in override:
                    yield (*pin_path, "options", *keys), f"{message} (workload {workload.get('label')!r})"
                else:
                    yield (*path, "options", *keys), message


def _timing_faults(registry: Registry, path: _Keys, choice: Any) -> Iterator[Fault]:
    if isinstance(choice, list):
        for place, link in enumerate(choice):
            yield from _timing_faults(registry, (*path, place), link)
        return
    name, options = (choice.get("timing"), choice.get("options")) if isinstance(choice, Mapping) else (choice, None)
    if isinstance(name, str):
        component, fault = _component(registry, "timing", name, path)
        yield from fault
        if component is not None:
            yield from _option_faults(registry, "timing", name, options, (*path, "options"))


def _option_faults(registry: Registry, kind: str, name: str, options: Any, path: _Keys) -> list[Fault]:
    if options is not None and not isinstance(options, Mapping):
        return []
    return [((*path, *keys), message) for keys, message in registry.attempt(kind, name, options)[1]]


def _component(registry: Registry, kind: str, name: str, path: _Keys) -> tuple[Any, list[Fault]]:
    try:
        return registry.component(kind, name), []
    except UnknownNameError as error:
        return None, [(path, str(error))]


def _is_absent(registry: Registry, backend: Any) -> bool:
    return isinstance(backend, str) and backend not in {known.name for known in registry.backends()}


def _reference_faults(form: _Form) -> Iterator[Fault]:
    workloads, pins, instances = (labels_of(items) for items in (form.workloads, form.pins, form.instances))

    def unknown(path: _Keys, what: str, label: Any, known: list[str]) -> Iterator[Fault]:
        if isinstance(label, str) and label not in known:
            yield path, f"no {what} is labelled {label!r}{did_you_mean(label, known)}"

    yield from unknown(("reference",), "backend instance", form.document.get("reference"), instances)
    for path, item in (*form.workloads, *form.pins):
        for key, known in (("pins", pins), ("backends", instances)):
            listed = item.get(key)
            for index, label in enumerate(listed if isinstance(listed, list) else ()):
                what = "pin" if key == "pins" else "backend instance"
                yield from unknown((*path, key, index), what, label, known)
    for path, workload in form.workloads:
        if form.instances and not any(form.simulators(workload, pin) for pin in form.pins_of(workload)):
            yield path, "nothing simulates it; no pin that applies to it shares an instance with it"
    edges: dict[str, list[tuple[_Keys, str]]] = {}
    for path, pin in form.pins:
        sources = pin.get("durations")
        for index, source in enumerate(sources if isinstance(sources, list) else ()):
            if not isinstance(source, Mapping):
                continue
            here = (*path, "durations", index)
            faults = [
                *unknown((*here, "workload"), "workload", source.get("workload"), workloads),
                *unknown((*here, "pin"), "pin", source.get("pin"), pins),
                *unknown((*here, "backend"), "backend instance", source.get("backend"), instances),
            ]
            yield from faults
            if faults:
                continue
            yield from _source_faults(form, here, source)
            for _, workload in form.workloads:
                if form.applies(workload, pin):
                    edges.setdefault(str(workload.get("label")), []).append((here, str(source.get("workload"))))
    yield from _cycles(edges)


def _source_faults(form: _Form, path: _Keys, source: Mapping[str, Any]) -> Iterator[Fault]:
    """Whether the simulation that durations are taken from is one the scenario has."""
    workload = next((item for _, item in form.workloads if item.get("label") == source.get("workload")), None)
    if workload is None:
        return
    label, pin_label, backend = workload.get("label"), source.get("pin"), source.get("backend")
    applying = form.pins_of(workload)
    chosen = [pin for pin in applying if pin_label in (None, pin.get("label"))]
    if pin_label is not None and not chosen:
        yield (*path, "pin"), f"{pin_label!r} does not apply to workload {label!r}"
    elif len(chosen) != 1:
        labels = ", ".join(repr(pin.get("label")) for pin in applying) or "none"
        yield (*path, "pin"), f"is missing; these apply to workload {label!r}: {labels}"
    elif backend not in form.simulators(workload, chosen[0]):
        message = f"{backend!r} does not simulate workload {label!r} under pin {chosen[0].get('label')!r}"
        yield (*path, "backend"), message


def _cycles(edges: Mapping[str, list[tuple[_Keys, str]]]) -> Iterator[Fault]:
    """Workloads that, in the end, borrow durations from themselves; a workload is simulated as a whole."""
    done: set[str] = set()

    def visit(workload: str, path: _Keys, trail: tuple[str, ...]) -> Iterator[Fault]:
        if workload in trail:
            loop = " ─▶ ".join((*trail[trail.index(workload) :], workload))
            message = f"durations go round in a circle ({loop}); limit the pins of a workload to break it"
            yield (*path, "workload"), message
        elif workload not in done:
            for next_path, target in edges.get(workload, ()):
                yield from visit(target, next_path, (*trail, workload))
            done.add(workload)

    for start in edges:
        yield from visit(start, (), ())
