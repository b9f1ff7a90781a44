"""From a file, or the name of a shipped scenario, to a checked scenario; and back to YAML."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import yaml

from versim.errors import FaultsError, UnknownNameError, VersimError
from versim.plain.faults import place
from versim.plain.yaml_text import RESOLVERS, YamlDocument, read_document
from versim.registry import Registry, UnknownComponentError, resolve_paths
from versim.scenario.check import faults_of
from versim.scenario.form import plain_form, scenario_from
from versim.scenario.makers import document_of_files, refuse_flags
from versim.scenario.model import Scenario, TimingChoice
from versim.scenario.presence import without_absent

LONGEST_NAME = 255
"""Letters of a name without a folder, on any file system."""

DEFAULT_SCENARIO = "llama3-8b"
"""The name of the scenario that is taken where none is given."""


def load_scenario(
    path_or_name: str | os.PathLike[str], registry: Registry, flags: Mapping[str, str] | None = None
) -> Scenario:
    """A scenario from a YAML file, one that a plugin ships, or one that other files amount to.

    Args:
        path_or_name: A file; a bare name (no folder, no ``.yaml``) of a shipped scenario; or a folder, or what the
            names of files begin with, of which a plugin makes a scenario (:class:`versim.MakesScenarios`).
        registry: The plugins there are; they say what the scenario may name.
        flags: Of the last kind, files elsewhere by flag.

    Raises:
        UnknownNameError: No plugin ships a scenario of that name.
        YamlError: The file cannot be read or is not YAML.
        FaultsError: Every fault of the scenario by its path.
    """
    path = find_scenario(path_or_name, registry)
    if not path.is_file():
        made = document_of_files(path, registry, flags)
        if made is not None:
            return structure_scenario(made, registry, str(path), path.parent)
        if path.is_dir():
            raise VersimError(f"{path}: no plugin makes a scenario of what is in this folder; name a scenario's file")
    refuse_flags(flags or {}, str(path))
    document = read_document(path)
    if isinstance(document.content, dict):
        document.content.setdefault("name", path.stem)
    return structure_scenario(document, registry, str(path), path.parent)


def structure_scenario(document: Any, registry: Registry, source: str, folder: Path | None = None) -> Scenario:
    """A checked scenario from plain data, without the optional instances that are not installed.

    Args:
        document: Plain data, or a document of YAML, whose faults are told with their lines, too.
        registry: The plugins there are.
        source: Where it came from, for messages.
        folder: What relative file names are relative to; the current folder if left out.

    Raises:
        FaultsError: Every fault by its path.
    """
    content = document.content if isinstance(document, YamlDocument) else document
    scenario, form_faults = scenario_from(content)
    faults = list(dict.fromkeys([*form_faults, *faults_of(content, registry)]))
    if scenario is None or faults:
        if isinstance(document, YamlDocument):
            raise FaultsError(source, document.placed(faults))
        raise FaultsError(source, [place("$", *fault) for fault in faults])
    return with_absolute_paths(without_absent(scenario, registry, source), registry, folder or Path())


def find_scenario(path_or_name: str | os.PathLike[str], registry: Registry) -> Path:
    """The file of a scenario.

    Raises:
        UnknownNameError: A bare name, and no plugin ships a scenario of that name.
        VersimError: Several plugins do.
    """
    text = os.fspath(path_or_name)
    path = Path(text)
    if isinstance(path_or_name, Path) or path.suffix or path.name != text or not text:
        return path
    shipped = registry.scenarios()
    if text in shipped:
        if len(shipped[text]) > 1:
            places = "\n".join(f"  - {plugin}: {file}" for plugin, file in shipped[text])
            raise VersimError(f"several plugins ship a scenario named {text!r}; name one of the files:\n{places}")
        return shipped[text][0][1]
    if len(text) <= LONGEST_NAME and path.exists():
        return path
    broken = [str(error) for error in registry.broken()]
    raise (
        UnknownComponentError("scenario", text, tuple(shipped), broken)
        if broken
        else UnknownNameError("scenario", text, shipped)
    )


def with_absolute_paths(scenario: Scenario, registry: Registry, folder: Path) -> Scenario:
    """The scenario with the file names in its options made absolute, as seen from ``folder``."""
    base = folder.absolute()

    def timing(choice: TimingChoice | None) -> TimingChoice | None:
        if choice is None:
            return None
        options = registry.timing(choice.timing).options
        resolved = resolve_paths(options, choice.options, base)
        return attrs.evolve(choice, options=resolved, otherwise=timing(choice.otherwise))

    pins = []
    for pin in scenario.pins:
        override = dict(pin.options)
        for workload in scenario.workloads:
            if pin in scenario.pins_of(workload):
                override = resolve_paths(registry.producer(workload.producer).options, override, base)
        pins.append(attrs.evolve(pin, compute=timing(pin.compute), folded=timing(pin.folded), options=override))
    return attrs.evolve(
        scenario,
        workloads=[
            attrs.evolve(item, options=resolve_paths(registry.producer(item.producer).options, item.options, base))
            for item in scenario.workloads
        ],
        pins=pins,
        backends=[
            attrs.evolve(
                item,
                options=resolve_paths(registry.backend(item.backend).options, item.options, base),
                network=timing(item.network),
            )
            for item in scenario.backends
        ],
    )


def dump_scenario(scenario: Scenario) -> str:
    """A scenario as YAML text; loading it gives an equal scenario."""
    return dump_document(plain_form(scenario))


def dump_document(document: Mapping[str, Any]) -> str:
    """A scenario's plain data as YAML text."""
    return yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


class _Dumper(yaml.SafeDumper):
    """Writes texts so that YAML 1.1 and YAML 1.2 both read them as texts, and repeats instead of aliasing."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        """Never write an alias: a scenario is for people to edit."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = text[:1].isalpha() and text.replace("_", "").replace("-", "").replace(" ", "").isalnum()
    words = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
    style = None if plain and text.lower() not in words else "'" if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
_Dumper.yaml_implicit_resolvers = RESOLVERS
