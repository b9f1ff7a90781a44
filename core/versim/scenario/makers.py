"""Scenarios made of files that describe a step, its network and a simulator's settings, by whoever knows such files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from versim.components import MakesScenarios
from versim.errors import VersimError
from versim.registry import Registry, resolve_paths, structure_options


@attrs.frozen
class _Files:
    """What a producer's flags are structured for."""

    name: str
    options: type


def file_flags(registry: Registry) -> dict[str, str]:
    """The flags with which files elsewhere are named, and what each means."""
    texts: dict[str, list[str]] = {}
    for producer in _makers(registry):
        for field in attrs.fields(producer.scenario_options):
            flag = field.metadata.get("cli")
            if flag:
                texts.setdefault(flag, []).append(f"{field.metadata.get('help', '')} [{producer.name}]")
    return {flag: "; ".join(lines) for flag, lines in texts.items()}


def document_of_files(place: Path, registry: Registry, flags: Mapping[str, str] | None = None) -> dict[str, Any] | None:
    """The scenario that files at a place amount to, as plain data; None if no plugin knows such files.

    Args:
        place: A folder, or what the names of the files begin with.
        registry: The plugins there are.
        flags: Files elsewhere, by flag; relative to the current folder.

    Raises:
        VersimError: A plugin knows the files and finds something wrong with them.
    """
    given = dict(flags or {})
    for producer in _makers(registry):
        options = producer.scenario_options
        named = {
            field.alias or field.name: given[field.metadata["cli"]]
            for field in attrs.fields(options)
            if field.metadata.get("cli") in given
        }
        resolved = resolve_paths(options, named, Path().absolute())
        made = producer.scenario(
            place.expanduser().absolute(), structure_options(_Files(producer.name, options), resolved, "$")
        )
        if made is not None:
            return {"name": place.absolute().name, **made}
    return None


def refuse_flags(flags: Mapping[str, str], source: str) -> None:
    """Refuse flags that name files where a scenario is none made of files.

    Raises:
        VersimError: There is one.
    """
    if flags:
        raise VersimError(
            f"{', '.join(sorted(flags))}: {source!r} is no folder or prefix of files that a scenario is made of; name "
            "such a folder, or write the scenario with versim init --from and change it"
        )


def _makers(registry: Registry) -> Iterator[Any]:
    return (producer for producer in registry.producers() if isinstance(producer, MakesScenarios))
