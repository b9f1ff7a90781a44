"""What an answer depends on, as keys under which it is stored.

A question is everything from which inputs are made and who is asked: producer, options, system, pin, instance, the
files they name by content, and the code of every component by version and content. So a question that was answered is
known without producing its graph; and one that is spelt differently is known by the digest of its inputs.
"""

from __future__ import annotations

import functools
import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import attrs

from versim.registry import Registry
from versim.scenario import Instance, Pin, Scenario, TimingChoice, Workload
from versim.scenario.form import plain_form, plain_value

_CODE = (".py", ".so", ".pyd", ".dylib", ".json", ".yaml", ".csv", ".txt")
_FACES = ("cli", "testing", "sweeps", "league")
"""Rooms of versim itself on which no answer depends."""

_Part = TypeVar("_Part")

MOST_BYTES = 64 * 2**20
"""Of a file that is read for its key; a larger one counts by size and time of change."""


def digest_text(value: Any) -> str:
    """sha256 of plain data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


class Fingerprints:
    """Keys of one scenario's questions, what they have in common worked out once."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._components: dict[tuple[str, str, str], str] = {}
        self._parts: dict[tuple[str, int], tuple[Any, str]] = {}

    def question(self, scenario: Scenario, workload: Workload, pin: Pin, instance: Instance) -> str:
        """The key of one question."""
        return digest_text([*self._step(scenario, workload, pin), self.instance(instance)])

    def step(self, producer: str, options: Mapping[str, Any]) -> str:
        """The key of a step before it is placed and timed."""
        return digest_text([self._component("producer", producer, options), code_of("versim")])

    def instance(self, instance: Instance) -> str:
        """The fingerprint of who is asked: component, options, what drives it, and their code."""
        return self._once("instance", instance, self._instance)

    def _once(self, what: str, part: _Part, spell: Callable[[_Part], str]) -> str:
        """The key of a part that most configurations have in common, worked out once per object."""
        known = self._parts.get((what, id(part)))
        if known is None:
            known = self._parts[what, id(part)] = part, spell(part)  # held, so that its place is nobody else's
        return known[1]

    def _instance(self, instance: Instance) -> str:
        backend = self._registry.backend(instance.backend)
        driven = getattr(backend, "network_timing", None)
        network = instance.network or (TimingChoice(timing=driven) if driven is not None else None)
        return digest_text(
            [self._component("backend", instance.backend, instance.options), self._chain(network), code_of("versim")]
        )

    def _step(self, scenario: Scenario, workload: Workload, pin: Pin) -> list[Any]:
        borrowed = plain_form(scenario) if pin.durations else None
        part = scenario.system if workload.system is None and scenario.system else scenario.system_part(workload)
        return [
            self._component("producer", workload.producer, scenario.producer_options(workload, pin)),
            self._once("system", part, lambda system: digest_text(plain_value(system))),
            self._once("pin", pin, lambda chosen: digest_text([*map(self._chain, (chosen.compute, chosen.folded))])),
            borrowed,
        ]

    def _chain(self, choice: TimingChoice | None) -> list[Any]:
        links = () if choice is None else choice.chain()
        return [self._component("timing", link.timing, link.options) for link in links]

    def _component(self, kind: str, name: str, given: Mapping[str, Any]) -> str:
        known = (kind, name, json.dumps(given, sort_keys=True, default=plain_value))
        if known not in self._components:
            # Resolved, so that an option written out at its default is the option left out.
            resolved = self._registry.resolve(kind, name, given)
            options, code = resolved.options, code_of(type(resolved.component).__module__)
            self._components[known] = digest_text([name, repr(options), files_of(options), code])
        return self._components[known]


def files_of(options: Any) -> list[Any]:
    """The content of the files that options name."""
    found: list[Any] = []
    for field in attrs.fields(type(options)):
        if field.metadata.get("path"):
            value = getattr(options, field.name)
            for item in value if isinstance(value, list | tuple) else (value,):
                found += [_content(Path(str(item)))] if item else []
    return found


def _content(path: Path) -> Any:
    try:
        if path.is_file():
            return _file(path)
        # A folder, or what the names of files begin with.
        folder, start = (path, "") if path.is_dir() else (path.parent, path.name)
        if not path.is_absolute() and not path.exists():
            return str(path)  # the name of something shipped
        return [[file.name, *_file(file)] for file in sorted(folder.iterdir()) if file.name.startswith(start)]
    except OSError:
        return str(path)  # whoever reads it will say so


def _file(path: Path) -> list[Any]:
    state = path.stat()
    if not path.is_file() or state.st_size > MOST_BYTES:
        return [state.st_size, state.st_mtime_ns]
    return [_hashed(path, state.st_size, state.st_mtime_ns)]


@functools.lru_cache(maxsize=4096)
def _hashed(path: Path, size_bytes: int, changed_ns: int) -> str:  # noqa: ARG001 - of which file, not only where
    return hashlib.sha256(path.read_bytes()).hexdigest()


@functools.cache
def code_of(module: str) -> str:
    """Version and content of the package that a module is in: who changes a model gets new answers."""
    package = module.partition(".")[0]
    found = sys.modules.get(package)
    try:
        version = metadata.version(package)
    except metadata.PackageNotFoundError:
        version = ""
    file = getattr(found, "__file__", None)
    if file is None:
        return f"{package} {version}"
    source = Path(file)
    content = hashlib.sha256()
    if source.name != "__init__.py":
        content.update(source.read_bytes())
    else:
        folder = source.parent
        apart = {folder / room for room in _FACES} if package == "versim" else set()
        for path in sorted(folder.rglob("*")):
            if path.suffix not in _CODE or "__pycache__" in path.parts or any(room in path.parents for room in apart):
                continue
            content.update(str(path.relative_to(folder)).encode())
            size = path.stat().st_size
            content.update(path.read_bytes() if size < 2**20 else str(size).encode())
    return f"{package} {version} {content.hexdigest()[:16]}"
