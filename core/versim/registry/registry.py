"""The registry: every component of every plugin by its kind and name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import attrs
import pluggy

from versim import hookspecs
from versim.errors import UnknownNameError
from versim.registry.contracts import COMMANDS_HOOK, KINDS, Command, Offer, commands_of, components_of
from versim.registry.plugins import Candidate, PluginError, candidates, register
from versim.registry.resolution import Resolution, Resolved

if TYPE_CHECKING:
    from versim.components import Component, GraphProducer, Reporter, SimulatorBackend, TimingModel, Verifier
    from versim.plain.faults import Fault

SCENARIOS_ATTRIBUTE = "VERSIM_SCENARIOS"


@attrs.frozen
class Plugin:
    """A plugin that was found.

    Attributes:
        name: Its entry point, module or file.
        origin: ``installed``, ``-p`` or ``VERSIM_PLUGINS``.
        distribution: The distribution that brings it, "" for a module or file.
        version: That distribution's version, "" if it has none.
        components: Kind ─▶ its components of that kind; empty if the plugin is broken.
        commands: The commands it contributes.
        error: Why it cannot be used; "" if it can.
    """

    name: str
    origin: str
    distribution: str
    version: str
    components: Mapping[str, tuple[Component, ...]] = attrs.field(factory=dict)
    commands: tuple[Command, ...] = ()
    error: str = ""


class UnknownComponentError(UnknownNameError):
    """No plugin offers the component asked for; the plugins that are broken are named, for one of them might.

    Attributes:
        broken: Each broken plugin with its cause.
    """

    def __init__(self, kind: str, name: str, known: Sequence[str], broken: Sequence[str]) -> None:
        super().__init__(kind, name, known)
        self.args = (kind, name, self.known, tuple(broken))
        self.broken = tuple(broken)

    def said(self) -> str:
        """What, where and how."""
        return "\n".join([super().said(), *(f"  not available: {line}" for line in self.broken)])


class Registry:
    """Components by kind and name; each hook is called once, when its kind is first asked for.

    Made by :func:`load_registry`, or by :meth:`of` from plugin objects.
    """

    def __init__(self, found: Iterable[Candidate] = ()) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._candidates: dict[str, Candidate] = {}
        self._broken: list[tuple[Candidate, PluginError]] = []
        self._offers: dict[tuple[str, str], tuple[Any, ...]] = {}
        self._pools: dict[str, dict[str, Any]] = {}
        self._resolution = Resolution()
        for candidate in found:
            self._add(candidate)

    @classmethod
    def of(cls, plugins: Mapping[str, Any]) -> Registry:
        """A registry of plugin objects at hand (modules, or anything with hooks), for tests and notebooks.

        Raises:
            PluginError: One of them cannot be used.
        """
        return cls(Candidate(name, "given", "", "", partial(_itself, plugin)) for name, plugin in plugins.items())

    def _add(self, candidate: Candidate) -> None:
        try:
            plugin = register(self._manager, candidate)
        except PluginError as error:
            if candidate.asked_for:
                origin = f" (asked for with {candidate.origin})" if candidate.origin != "given" else ""
                raise PluginError(error.plugin, error.cause + origin) from error
            self._broken.append((candidate, error))
            return
        if self._manager.get_name(plugin) == candidate.name:
            self._candidates[candidate.name] = candidate

    def producer(self, name: str) -> GraphProducer:
        """The graph producer of that name."""
        return cast("GraphProducer", self.component("producer", name))

    def timing(self, name: str) -> TimingModel:
        """The timing model of that name."""
        return cast("TimingModel", self.component("timing", name))

    def backend(self, name: str) -> SimulatorBackend:
        """The simulator backend of that name."""
        return cast("SimulatorBackend", self.component("backend", name))

    def reporter(self, name: str) -> Reporter:
        """The reporter of that name."""
        return cast("Reporter", self.component("reporter", name))

    def command(self, name: str) -> Command:
        """The contributed command of that name."""
        return cast("Command", self.component(COMMANDS_HOOK, name))

    def component(self, kind: str, name: str) -> Any:
        """The component of a kind (``producer``, ``timing``, ``backend``, ``reporter``, ``verifier``) and name.

        Raises:
            UnknownNameError: Nothing installed answers to it.
            PluginError: A plugin's hook for this kind fails, or two plugins offer the same name.
        """
        pool = self._pool(kind)
        if name not in pool:
            what = "command" if kind == COMMANDS_HOOK else kind
            raise UnknownComponentError(what, name, tuple(pool), [str(error) for _, error in self._broken])
        return _taken(pool[name])

    def resolve(self, kind: str, name: str, given: Any = None, path: str = "$.options") -> Resolved:
        """The component of a kind and name with options of its class, each set parsed once.

        Args:
            kind: As :meth:`component` takes it.
            name: The component's.
            given: Option names to values; an instance of the options class is taken as it is.
            path: Where the mapping stands, for messages: ``$.backends[0].options``.

        Raises:
            UnknownNameError: Nothing installed answers to it.
            FaultsError: Every fault of the options by its path.
        """
        return self._resolution.resolve(kind, self.component(kind, name), given, path)

    def attempt(self, kind: str, name: str, given: Any = None) -> tuple[Resolved, tuple[Fault, ...]]:
        """The same with the faults returned: keys below ``given``, and what is wrong there."""
        return self._resolution.attempt(kind, self.component(kind, name), given)

    def producers(self) -> tuple[GraphProducer, ...]:
        """Every graph producer, by name."""
        return self._components("producer")

    def timings(self) -> tuple[TimingModel, ...]:
        """Every timing model, by name."""
        return self._components("timing")

    def backends(self) -> tuple[SimulatorBackend, ...]:
        """Every simulator backend, by name."""
        return self._components("backend")

    def reporters(self) -> tuple[Reporter, ...]:
        """Every reporter, by name."""
        return self._components("reporter")

    def verifiers(self) -> tuple[Verifier, ...]:
        """Every verifier, by name."""
        return self._components("verifier")

    def commands(self) -> tuple[Command, ...]:
        """Every contributed command, by name."""
        return self._components(COMMANDS_HOOK)

    def versions(self) -> dict[str, str]:
        """The distribution and version of each plugin that was loaded, or where it was asked for; imports nothing."""
        return {
            name: f"{candidate.distribution} {candidate.version}".strip() or candidate.origin
            for name, candidate in sorted(self._candidates.items())
        }

    def _components(self, kind: str) -> tuple[Any, ...]:
        return tuple(_taken(offer) for offer in self._pool(kind).values())

    def broken(self) -> tuple[PluginError, ...]:
        """Why each installed plugin that cannot be used cannot."""
        return tuple(error for _, error in self._broken)

    def plugins(self) -> tuple[Plugin, ...]:
        """Every plugin that was found, broken or not, by name; never raises for a broken one."""
        found = [self._summary(name, candidate) for name, candidate in self._candidates.items()]
        found += [
            Plugin(candidate.name, candidate.origin, candidate.distribution, candidate.version, error=error.cause)
            for candidate, error in self._broken
        ]
        return tuple(sorted(found, key=lambda plugin: plugin.name))

    def scenarios(self) -> dict[str, tuple[tuple[str, Path], ...]]:
        """Shipped scenarios: name ─▶ (plugin, file) of each plugin that ships one of that name.

        A plugin ships the ``*.yaml`` files of the folder it names as ``VERSIM_SCENARIOS``.
        """
        found: dict[str, tuple[tuple[str, Path], ...]] = {}
        for plugin_name in sorted(self._candidates):
            folder = getattr(self._manager.get_plugin(plugin_name), SCENARIOS_ATTRIBUTE, None)
            if folder is None:
                continue
            if not isinstance(folder, str | Path):
                raise PluginError(plugin_name, f"{SCENARIOS_ATTRIBUTE} has to be the path of a folder, not {folder!r}")
            for file in sorted(Path(folder).glob("*.yaml")):
                found[file.stem] = (*found.get(file.stem, ()), (plugin_name, file))
        return found

    def _summary(self, name: str, candidate: Candidate) -> Plugin:
        components: dict[str, tuple[Component, ...]] = {}
        commands: tuple[Command, ...] = ()
        errors: list[str] = []
        for kind in (*KINDS, COMMANDS_HOOK):
            try:
                offers = tuple(map(_taken, self._offers_of(name, kind)))
            except PluginError as error:
                errors.append(error.cause)
                continue
            try:
                self._pool(kind)
            except PluginError as error:  # a clash, or the fault of another
                if error.plugin == name:
                    errors.append(error.cause)
            if kind == COMMANDS_HOOK:
                commands = offers
            elif offers:
                components[kind] = tuple(sorted(offers, key=lambda component: str(component.name)))
        origin, distribution, version = candidate.origin, candidate.distribution, candidate.version
        return Plugin(name, origin, distribution, version, components, commands, "; ".join(errors))

    def _offers_of(self, plugin_name: str, kind: str) -> tuple[Any, ...]:
        """What one plugin offers of a kind; asked once."""
        if (plugin_name, kind) not in self._offers:
            hook = COMMANDS_HOOK if kind == COMMANDS_HOOK else KINDS[kind][0]
            plugin = self._manager.get_plugin(plugin_name)
            offers: tuple[Any, ...] = ()
            for implementation in getattr(self._manager.hook, hook).get_hookimpls():
                if implementation.plugin is plugin:
                    # Called one by one, not through the hook: pluggy would not say who failed.
                    call = implementation.function
                    offers += (
                        commands_of(plugin_name, call)
                        if kind == COMMANDS_HOOK
                        else components_of(plugin_name, kind, call)
                    )
            self._offers[plugin_name, kind] = offers
        return self._offers[plugin_name, kind]

    def _pool(self, kind: str) -> dict[str, Any]:
        if kind not in self._pools:
            owners: dict[str, str] = {}
            pool: dict[str, Any] = {}
            for plugin_name in sorted(self._candidates):
                for offer in self._offers_of(plugin_name, kind):
                    if offer.name in owners:
                        what = "command" if kind == COMMANDS_HOOK else kind
                        raise PluginError(
                            plugin_name,
                            f"offers a {what} named {offer.name!r}, and so does plugin {owners[offer.name]!r}; "
                            "uninstall one of them",
                        )
                    owners[offer.name] = plugin_name
                    pool[offer.name] = offer
            self._pools[kind] = dict(sorted(pool.items()))
        return self._pools[kind]


def _itself(plugin: Any) -> Any:
    return plugin


def _taken(offer: Any) -> Any:
    return offer.component() if isinstance(offer, Offer) else offer


def load_registry(modules: Sequence[str] = (), environ: Mapping[str, str] = os.environ) -> Registry:
    """Find and load every plugin.

    Installed plugins come from the entry-point group ``versim``; an installed plugin that cannot be used is
    remembered (:meth:`Registry.broken`) and the rest goes on without it.

    Args:
        modules: Further plugins: module names (``package.module``) or paths of local ``.py`` files.
        environ: Its ``VERSIM_PLUGINS`` names further ones, separated by commas or the system's path separator.

    Raises:
        PluginError: A plugin named in ``modules`` or ``VERSIM_PLUGINS`` cannot be used.
    """
    return Registry(candidates(modules, environ))
