"""``versim plugins``: what is installed, what it offers, and what is broken."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from versim.cli.session import fitted, session_of, write_output

if TYPE_CHECKING:
    from versim.components import Component
    from versim.registry import OptionInfo, Plugin


@click.command()
@click.option("-f", "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_context
def plugins(ctx: click.Context, form: str) -> None:
    """List plugins, what they offer with every option, and why broken ones are."""
    registry = session_of(ctx).registry(warn=False)
    found = registry.plugins()
    if form == "json":
        document = {
            "plugins": [_document(plugin) for plugin in found],
            "scenarios": {name: [str(file) for _, file in files] for name, files in registry.scenarios().items()},
        }
        write_output(json.dumps(document, indent=2) + "\n", None)
        return
    lines = [line for plugin in found for line in _lines(plugin)]
    shipped = ", ".join(registry.scenarios())
    write_output(fitted([*lines, f"scenarios: {shipped or 'none'}"]), None)


def _document(plugin: Plugin) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "origin": plugin.origin,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "error": plugin.error or None,
        "components": [
            {
                "kind": kind,
                "name": component.name,
                "abilities": _abilities(component),
                "options": [
                    {
                        "name": info.name,
                        "type": info.type,
                        "required": info.required,
                        "default": _plain(info.default),
                        "help": info.help,
                        "flag": info.flag or None,
                    }
                    for info in _options(component)
                ],
            }
            for kind, components in plugin.components.items()
            for component in components
        ],
        "commands": [{"name": command.name, "help": command.help} for command in plugin.commands],
    }


def _lines(plugin: Plugin) -> Iterator[str]:
    brought_by = f"{plugin.distribution} {plugin.version}".strip() or plugin.origin
    yield f"{plugin.name} ({brought_by}){': BROKEN' if plugin.error else ''}"
    if plugin.error:
        yield f"  {plugin.error}"
    for kind, components in plugin.components.items():
        for component in components:
            abilities = _abilities(component)
            yield f"  {kind} {component.name}" + (f" ({', '.join(abilities)})" if abilities else "")
            for info in _options(component):
                default = "required" if info.required else f"default {shown(info.default)}"
                flag = f", {info.flag}" if info.flag else ""
                yield f"    {info.name}: {info.type}, {default}{flag}"
                if info.help:
                    yield f"      {info.help}"
    for command in plugin.commands:
        yield f"  command {command.name}"
        if command.help:
            yield f"    {command.help}"


def _abilities(component: Component) -> list[str]:
    """What a component can do besides, by the command that asks for it."""
    from versim.components import Diagnoses, Exports, ProposesSystem, Verifies  # noqa: PLC0415 - see compare

    abilities = {"export": Exports, "verify": Verifies, "diagnose": Diagnoses, "proposes a system": ProposesSystem}
    return [ability for ability, protocol in abilities.items() if isinstance(component, protocol)]


def _options(component: Component) -> tuple[OptionInfo, ...]:
    from versim.registry import describe_options  # noqa: PLC0415 - see compare

    return describe_options(component.options)


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def shown(value: Any) -> str:
    """A default as a scenario would have it."""
    return str(value) if isinstance(value, enum.Enum | Path) else json.dumps(_plain(value), ensure_ascii=False)
