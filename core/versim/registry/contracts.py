"""What a plugin's hooks answer, held against what a component has to be; the culprit is named."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any

import attrs

from versim.containment import kept_apart
from versim.deadline import watched
from versim.errors import TimeIsOverError
from versim.registry import plugins
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


class Offer:
    """A component that a plugin offers: at hand, or where it stands, then imported when it is first asked for."""

    def __init__(self, plugin: str, kind: str, name: str, offered: Any) -> None:
        self.plugin, self.kind, self.name = plugin, kind, name
        self._offered, self._component = offered, None

    def component(self) -> Any:
        """The component, held to its contract once.

        Raises:
            PluginError: It cannot be imported, or is no component of that kind and name.
        """
        if self._component is None:
            hook, methods = KINDS[self.kind]
            found = self._made(hook) if isinstance(self._offered, str) else self._offered
            cause = _lacks(found, methods)
            if not cause and found.name != self.name:
                cause = f"is named {found.name!r} itself"
            if cause:
                raise PluginError(
                    self.plugin, f"{hook} offers {_shown(self._offered)} as a {self.kind}, but it {cause}"
                )
            self._component = found
        return self._component

    def _made(self, hook: str) -> Any:
        module, _, attribute = self._offered.partition(":")

        def make() -> Any:
            return attrgetter(attribute)(importlib.import_module(module))()

        return _answer(self.plugin, f"{hook}: {self._offered}", make)


def components_of(plugin: str, kind: str, call: Any) -> tuple[Offer, ...]:
    """The components that one implementation of a hook offers.

    Args:
        plugin: The plugin's name, for messages.
        kind: A key of :data:`KINDS`.
        call: The implementation.

    Raises:
        PluginError: It raises, or answers with something that is not a component of that kind. What only says where a
            component stands is looked at when it is asked for.
    """
    hook, methods = KINDS[kind]
    answer = _answer(plugin, hook, call)
    if isinstance(answer, Mapping):
        return tuple(_offer_of(plugin, kind, name, target) for name, target in answer.items())
    if isinstance(answer, str | bytes) or not isinstance(answer, Iterable):
        raise PluginError(
            plugin,
            f"{hook} has to return a list of components, or a mapping of names to where they are, it returned "
            f"{_shown(answer)}",
        )
    components = tuple(answer)
    for component in components:
        cause = _lacks(component, methods)
        if cause:
            raise PluginError(plugin, f"{hook} offers {_shown(component)} as a {kind}, but it {cause}")
    return tuple(Offer(plugin, kind, component.name, component) for component in components)


def _offer_of(plugin: str, kind: str, name: Any, target: Any) -> Offer:
    match = _TARGET.fullmatch(target) if isinstance(target, str) else None
    if not isinstance(name, str) or not _NAME.fullmatch(name) or match is None or match["help"] is not None:
        raise PluginError(
            plugin, f"{KINDS[kind][0]} offers {name!r}: {target!r}; it has to read 'name': 'package.module:Class'"
        )
    return Offer(plugin, kind, name, target)


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
        with kept_apart(f"plugin {plugin!r}"), watched(f"plugin {plugin!r}: {hook}", plugins.LEAST_IMPORT_S):
            answer = call()
            listed = isinstance(answer, Iterable) and not isinstance(answer, str | bytes | Mapping)
            return list(answer) if listed else answer
    except KeyboardInterrupt:
        raise
    except TimeIsOverError as error:
        raise PluginError(plugin, f"{hook} was {TimeIsOverError(error.limit_s)}") from error
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
