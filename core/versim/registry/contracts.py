"""What a plugin's hooks answer, held against what a component has to be; the culprit is named."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from versim.registry.plugins import PluginError, described

KINDS = {
    "producer": ("versim_graph_producers", ("produce",)),
    "timing": ("versim_timing_models", ("compute", "network")),
    "backend": ("versim_backends", ("simulate",)),
    "reporter": ("versim_reporters", ("render",)),
    "verifier": ("versim_verifiers", ("verify",)),
}
"""Kind of component ─▶ the hook that offers it and the methods it must have."""

COMMANDS_HOOK = "versim_commands"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_TARGET = re.compile(r"(?P<module>[A-Za-z_][\w.]*):(?P<attribute>[A-Za-z_][\w.]*)(?:\s+(?P<help>.*))?", re.DOTALL)


@attrs.frozen
class Command:
    """A command of ``versim`` that a plugin contributes.

    Attributes:
        name: What the user types.
        module: Imported when the command is used.
        attribute: The click command in that module.
        help: One line for ``versim --help``.
        plugin: Who contributes it.
    """

    name: str
    module: str
    attribute: str
    help: str
    plugin: str


def components_of(plugin: str, kind: str, call: Any) -> tuple[Any, ...]:
    """The components that one implementation of a hook offers.

    Args:
        plugin: The plugin's name, for messages.
        kind: A key of :data:`KINDS`.
        call: The implementation.

    Raises:
        PluginError: It raises, or answers with something that is not a component of that kind.
    """
    hook, methods = KINDS[kind]
    answer = _answer(plugin, hook, call)
    if isinstance(answer, str | bytes | Mapping) or not isinstance(answer, Iterable):
        raise PluginError(plugin, f"{hook} has to return a list of components, it returned {_shown(answer)}")
    components = tuple(answer)
    for component in components:
        cause = _lacks(component, methods)
        if cause:
            raise PluginError(plugin, f"{hook} offers {_shown(component)} as a {kind}, but it {cause}")
    return components


def commands_of(plugin: str, call: Any) -> tuple[Command, ...]:
    """The commands that one implementation of ``versim_commands`` offers.

    Raises:
        PluginError: It raises, or answers with something else than a mapping of names to ``module:attribute  help``.
    """
    answer = _answer(plugin, COMMANDS_HOOK, call)
    if not isinstance(answer, Mapping):
        raise PluginError(plugin, f"{COMMANDS_HOOK} has to return a mapping, it returned {_shown(answer)}")
    commands = []
    for name, target in answer.items():
        match = _TARGET.fullmatch(target) if isinstance(target, str) else None
        if not isinstance(name, str) or not _NAME.fullmatch(name) or match is None:
            raise PluginError(
                plugin,
                f"{COMMANDS_HOOK} offers {name!r}: {target!r}; it has to read "
                "'name': 'package.module:command  What it does.'",
            )
        commands.append(Command(name, match["module"], match["attribute"], (match["help"] or "").strip(), plugin))
    return tuple(commands)


def _answer(plugin: str, hook: str, call: Any) -> Any:
    try:
        # What it prints is no part of any answer.
        with contextlib.redirect_stdout(sys.stderr):
            answer = call()
            listed = isinstance(answer, Iterable) and not isinstance(answer, str | bytes | Mapping)
            return list(answer) if listed else answer
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # Not only Exception: a plugin that calls sys.exit() must not end versim in silence.
        raise PluginError(plugin, f"{hook} failed: {described(error)}") from error


def _lacks(component: Any, methods: tuple[str, ...]) -> str:
    if isinstance(component, type):
        return "is a class; offer an instance of it"
    try:
        name, options = getattr(component, "name", None), getattr(component, "options", None)
        present = {method for method in methods if callable(getattr(component, method, None))}
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a property of a stranger's class may do anything
        return f"fails when it is looked at: {described(error)}"
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"has no usable name (letters, digits, '.', '_', '+', '-'): {name!r}"
    if not (isinstance(options, type) and attrs.has(options)):
        return f"has no options class: an attrs class (versim.NoOptions if there are none), not {_shown(options)}"
    missing = [f"{method}()" for method in methods if method not in present]
    return f"lacks {', '.join(missing)}" if missing else ""


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
