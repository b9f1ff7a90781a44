"""Where a varied key leads in a scenario: a producer's option, an instance's, or any place of its written form.

``tp`` is an option of every workload whose producer has it, ``llama.tp`` of one workload, ``sim.roots`` of one backend
instance (as ``-O`` has it), and ``system.dimensions[1].bandwidth``, ``pins.given.compute``, ``backends[0].network`` are
places. Options of producers are set without reading the scenario anew, for there may be thousands of combinations.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from versim.errors import FaultsError, VersimError, did_you_mean
from versim.plain.quantities import unit_suffix
from versim.registry import Registry, resolve_paths
from versim.scenario import Scenario, structure_scenario
from versim.scenario.form import plain_form
from versim.scenario.overrides import nested, with_instance_option

PLACES = ("system", "workloads", "pins", "backends")
"""What the path of a place begins with."""

_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")

Step = str | int


@attrs.frozen
class OptionKey:
    """A producer's option in some workloads: ``name`` of each of ``workloads``."""

    workloads: tuple[str, ...]
    name: str


@attrs.frozen
class InstanceKey:
    """An option, or the network timing, of a backend instance."""

    instance: str
    name: str


@attrs.frozen
class PlaceKey:
    """A place in the written form of a scenario."""

    steps: tuple[Step, ...]


Key = OptionKey | InstanceKey | PlaceKey


def resolve_key(text: str, scenario: Scenario, registry: Registry) -> Key:
    """Where a key leads.

    Raises:
        VersimError: Nowhere; the message says what is meant perhaps.
    """
    options = _option_names(scenario, registry)
    # Labels may contain dots: the longest one that fits is meant.
    cuts = sorted((cut for cut, letter in enumerate(text) if letter == "."), reverse=True)
    for cut in cuts:
        label, name = text[:cut], text[cut + 1 :]
        if label in options:
            _known(text, name, options[label], f"producer option of workload {label!r}")
            return OptionKey((label,), name)
        instance = next((one for one in scenario.backends if one.label == label), None)
        if instance is not None:
            known = [field.alias or field.name for field in attrs.fields(registry.backend(instance.backend).options)]
            _known(text, name, [*known, "network"], f"option of instance {label!r}")
            return InstanceKey(label, name)
    found = tuple(label for label, names in options.items() if _head(text) in names)
    if found:
        return OptionKey(found, text)
    if _head(text) in PLACES and (cuts or "[" in text):
        return PlaceKey(_steps(text))
    meant = {name for names in options.values() for name in names} | {f"{place}.…" for place in PLACES}
    raise VersimError(
        f"--vary {text}: no workload of scenario {scenario.name!r} has that option{did_you_mean(text, meant)}"
    )


def _known(text: str, name: str, names: Sequence[str], what: str) -> None:
    if _head(name) not in names:
        raise VersimError(f"--vary {text}: {name!r} is no {what}{did_you_mean(_head(name), names)}")


def _head(text: str) -> str:
    return re.split(r"[.\[]", text, maxsplit=1)[0]


def _option_names(scenario: Scenario, registry: Registry) -> dict[str, list[str]]:
    return {
        workload.label: [
            field.alias or field.name for field in attrs.fields(registry.producer(workload.producer).options)
        ]
        for workload in scenario.workloads
    }


def _steps(text: str) -> tuple[Step, ...]:
    steps: list[Step] = []
    at = 0
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            raise VersimError(f"--vary {text}: is no place; write for example system.dimensions[1].bandwidth")
        steps.append(found[1] if found[1] is not None else int(found[2]))
        at = found.end()
    return tuple(steps)


class Settable:
    """A scenario whose keys can be set, again and again.

    Attributes:
        scenario: As it is without any setting.
        keys: Where each key leads, by its text.
    """

    def __init__(self, scenario: Scenario, registry: Registry, keys: Sequence[str]) -> None:
        self.scenario, self._registry = scenario, registry
        self.keys: dict[str, Key] = {text: resolve_key(text, scenario, registry) for text in keys}
        self._structural = [text for text, key in self.keys.items() if not isinstance(key, OptionKey)]
        self._optional = [(text, key) for text, key in self.keys.items() if isinstance(key, OptionKey)]
        self._known: dict[str, Scenario] = {}

    def with_settings(self, settings: Mapping[str, Any]) -> Scenario:
        """The scenario with every key set.

        Raises:
            FaultsError: What is set has no place, or is no value for it. Options of producers are not looked at.
        """
        scenario = self._placed(settings)
        if not self._optional:
            return scenario
        options = {workload.label: dict(workload.options) for workload in scenario.workloads}
        for text, key in self._optional:
            for label in key.workloads:
                value = settings[text]
                if isinstance(value, str):
                    producer = self._registry.producer(scenario.workload(label).producer)
                    value = resolve_paths(producer.options, {key.name: value}, Path().absolute())[key.name]
                options[label] = nested(options[label], key.name, value)
        workloads = [attrs.evolve(one, options=options[one.label]) for one in scenario.workloads]
        return attrs.evolve(scenario, workloads=workloads)

    def _placed(self, settings: Mapping[str, Any]) -> Scenario:
        """With those keys set that are no producer's options; read anew once per combination of their values."""
        if not self._structural:
            return self.scenario
        chosen = {text: settings[text] for text in self._structural}
        known = json.dumps(chosen, sort_keys=True, default=str)
        if known in self._known:
            return self._known[known]
        scenario = self.scenario
        document = copy.deepcopy(plain_form(scenario))
        places = [(text, key) for text in chosen if isinstance(key := self.keys[text], PlaceKey)]
        for text, key in places:
            _set(document, key.steps, chosen[text], f"--vary {text}")
        if places:
            said = ", ".join(f"{text}={chosen[text]}" for text, _ in places)
            scenario = structure_scenario(document, self._registry, f"scenario {scenario.name!r} with {said}")
        for text, value in chosen.items():
            key = self.keys[text]
            if isinstance(key, InstanceKey):
                changed = with_instance_option(scenario.instance(key.instance), self._registry, key.name, value)
                backends = [changed if one.label == key.instance else one for one in scenario.backends]
                scenario = attrs.evolve(scenario, backends=backends)
        self._known[known] = scenario
        return scenario


def _set(document: Any, steps: tuple[Step, ...], value: Any, where: str) -> None:
    """Set a place of plain data; items of a list by number or by label, quantities with or without their unit."""
    here = document
    for position, step in enumerate(steps):
        last = position == len(steps) - 1
        path = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in steps[:position]).lstrip(".") or "$"
        if isinstance(here, list):
            number = _item(here, step, where, path)
            if last:
                here[number] = value
                return
            here = here[number]
        elif isinstance(here, dict) and isinstance(step, str):
            if last:
                for name in [name for name in here if _one_quantity(name, step)]:
                    del here[name]
                here[step] = value
                return
            inner = here.get(step)
            if inner is None and isinstance(steps[position + 1], int):
                raise FaultsError(where, [_no_list(here, step, path)])
            if not isinstance(inner, dict | list):
                # A component written as a bare name, or a part that is not there yet.
                inner = {"timing": inner} if isinstance(inner, str) and step in _BARE_TIMINGS else {}
                here[step] = inner
            here = inner
        else:
            raise FaultsError(where, [f"{path} has nothing that could be set inside it"])


def _no_list(here: Mapping[str, Any], name: str, path: str) -> str:
    said = f"{path} has no list {name!r}"
    if "preset" in here:
        return f"{said}: it is preset {here['preset']!r}, whose options can be varied, as {path}.nodes; or write it out"
    lists = [key for key, value in here.items() if isinstance(value, list)]
    return said + (did_you_mean(name, lists) if lists else "")


_BARE_TIMINGS = ("compute", "folded", "network")


def _item(items: list[Any], step: Step, where: str, path: str) -> int:
    if isinstance(step, int):
        if step < len(items):
            return step
        raise FaultsError(where, [f"{path} has {len(items)} items, numbered from 0"])
    labels = [item.get("label") for item in items if isinstance(item, dict)]
    if step in labels:
        return labels.index(step)
    raise FaultsError(where, [f"{path} has no item labelled {step!r}{did_you_mean(step, filter(None, labels))}"])


def _one_quantity(name: str, other: str) -> bool:
    return name in (other, other.removesuffix(unit_suffix(other))) or other == name.removesuffix(unit_suffix(name))
