"""Finding plugins and loading each alone, so that a broken one takes nothing else down and is named."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pluggy

from versim import hookspecs
from versim.containment import kept_apart, text_of
from versim.deadline import watched
from versim.errors import TimeIsOverError, VersimError, did_you_mean

ENVIRONMENT_VARIABLE = "VERSIM_PLUGINS"
API_ATTRIBUTE = "VERSIM_API_VERSION"

LEAST_IMPORT_S = 30.0
"""An import has so long whatever the limit of an answer is: on a cold disk it takes longer than many an answer."""


class PluginError(VersimError):
    """A plugin does not do what a plugin has to; the message names it and the cause.

    Attributes:
        plugin: The plugin's name.
        cause: What is wrong with it.
    """

    def __init__(self, plugin: str, cause: str) -> None:
        super().__init__(plugin, cause)
        self.plugin, self.cause = plugin, cause

    def said(self) -> str:
        """What, where and how."""
        return f"plugin {self.plugin!r}: {self.cause}"


@attrs.frozen
class Candidate:
    """A plugin that was found, not yet loaded.

    Attributes:
        name: The entry point's name, or the module or file as the user gave it.
        origin: Where it was asked for: ``installed``, ``-p`` or ``VERSIM_PLUGINS``.
        distribution: The distribution that brings it, "" for a module or file.
        version: That distribution's version, "".
        load: Imports it.
    """

    name: str
    origin: str
    distribution: str
    version: str
    load: Callable[[], Any] = attrs.field(repr=False, eq=False)

    @property
    def asked_for(self) -> bool:
        """Whether the user named it for this very run, so that a failure has to stop the run."""
        return self.origin != "installed"


def candidates(modules: Sequence[str], environ: Mapping[str, str]) -> Iterator[Candidate]:
    """Installed plugins in the order of their names, then the environment's, then ``modules``."""
    names: set[str] = set()
    brought_by: dict[Distribution | None, tuple[str, str]] = {None: ("", "")}
    for point in sorted(entry_points(group=hookspecs.PROJECT), key=lambda point: (point.name, point.value)):
        if point.dist is not None and point.dist not in brought_by:
            # Read once: its metadata hold a whole README, and several plugins may come with it.
            metadata = point.dist.metadata
            brought_by[point.dist] = metadata["Name"], metadata["Version"]
        distribution, version = brought_by[point.dist]
        name = point.name if point.name not in names else f"{point.name} ({distribution or point.value})"
        names.add(point.name)
        yield Candidate(name, "installed", distribution, version, point.load)
    separators = f"[,{re.escape(os.pathsep)}]"
    listed = [name.strip() for name in re.split(separators, environ.get(ENVIRONMENT_VARIABLE, ""))]
    for origin, wanted in ((ENVIRONMENT_VARIABLE, listed), ("-p", modules)):
        for name in filter(None, wanted):
            yield Candidate(name, origin, "", "", _importer(name))


def _importer(name: str) -> Callable[[], Any]:
    if name.endswith(".py"):
        return lambda: _import_file(Path(name))
    if any(separator in name for separator in (os.sep, os.altsep) if separator):
        raise PluginError(name, "is neither the name of a module nor a .py file")
    if ":" in name:
        return EntryPoint(name=name, value=name, group=hookspecs.PROJECT).load
    return lambda: importlib.import_module(name)


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    module_name = f"versim_local_{path.stem}_{digest}"
    specification = importlib.util.spec_from_file_location(module_name, path)
    if specification is None or specification.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(specification)
    sys.modules[module_name] = module  # attrs looks a class's module up to resolve its annotations
    try:
        specification.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise
    return module


def register(manager: pluggy.PluginManager, candidate: Candidate) -> Any:
    """Load a plugin and register it with a manager; returns the plugin.

    Raises:
        PluginError: It cannot be imported, was written for another version of the hooks, or has a hook that versim
            does not know. Nothing is registered then.
    """
    try:
        with (
            kept_apart(f"plugin {candidate.name!r}"),
            watched(f"plugin {candidate.name!r}: its import", LEAST_IMPORT_S),
        ):
            plugin = candidate.load()
    except KeyboardInterrupt:
        raise
    except TimeIsOverError as error:
        raise PluginError(candidate.name, f"its import was {TimeIsOverError(error.limit_s)}") from error
    except BaseException as error:
        # Not only Exception: a plugin that calls sys.exit() takes nothing else down.
        file = f"{candidate.name}.py"
        hint = (
            f"; there is a file {file}, to load it write {file}" if candidate.asked_for and Path(file).is_file() else ""
        )
        raise PluginError(candidate.name, f"cannot be loaded: {described(error)}{hint}") from error
    if manager.is_registered(plugin):
        return plugin
    cause = _wrong_version(plugin) or _unmarked_hook(plugin)
    if cause:
        raise PluginError(candidate.name, cause)
    try:
        manager.register(plugin, candidate.name)
    except (ValueError, pluggy.PluginValidationError) as error:
        raise PluginError(candidate.name, f"cannot be registered: {error}") from error
    cause = _unknown_hook(manager, plugin)
    if cause:
        manager.unregister(plugin)
        raise PluginError(candidate.name, cause)
    return plugin


def described(error: BaseException) -> str:
    """An exception in one line, with the place in the plugin where it was raised."""
    text = " ".join(text_of(error).split())
    traceback, place = error.__traceback__, ""
    while traceback is not None:
        file = Path(traceback.tb_frame.f_code.co_filename)
        if file.suffix == ".py" and "importlib" not in file.parts and file.parent != Path(__file__).parent:
            place = f" ({file.name}, line {traceback.tb_lineno})"
        traceback = traceback.tb_next
    return f"{type(error).__name__}{': ' if text else ''}{text}{place}"


def hook_names() -> tuple[str, ...]:
    """The hooks there are."""
    return tuple(sorted(name for name in vars(hookspecs) if name.startswith("versim_")))


def _wrong_version(plugin: Any) -> str:
    # A plugin that states no version is taken to be written for the first.
    version = getattr(plugin, API_ATTRIBUTE, 1)
    if version == hookspecs.API_VERSION:
        return ""
    return (
        f"was written for version {version!r} of versim's hooks, this versim has version {hookspecs.API_VERSION}; "
        "install matching versions of both"
    )


def _unmarked_hook(plugin: Any) -> str:
    marker = f"{hookspecs.PROJECT}_impl"
    for name in hook_names():
        function = getattr(plugin, name, None)
        if inspect.isroutine(function) and not hasattr(function, marker):
            return f"{name} is not marked as a hook; put @versim.hookimpl above it"
    return ""


def _unknown_hook(manager: pluggy.PluginManager, plugin: Any) -> str:
    for caller in manager.get_hookcallers(plugin) or ():
        optional = all(hook.optionalhook for hook in caller.get_hookimpls() if hook.plugin is plugin)
        if not caller.has_spec() and not optional:
            return f"implements {caller.name!r}, and there is no such hook{did_you_mean(caller.name, hook_names())}"
    return ""
