"""The files of trace-described collectives: little traces, and the map of nodes that have one of their own.

The system file names them by path, relative to the folder the original is run in. How a trace file is read is not the
engine's business: whoever has files has a reader for them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import attrs
from versim.plain import UnreadableError, read_yaml

from versim_astrasim.engine.configuration_faults import INT32_MAX, INT32_MIN, ConfigurationError, Faults, shown
from versim_astrasim.engine.outcome import Status
from versim_astrasim.engine.system_config import SystemConfig
from versim_astrasim.engine.trace import RankTrace

_KEY = "per-node-custom-implementation"


def per_node_from_mapping(content: object) -> dict[int, str]:
    """Read the map of node ids to path prefixes.

    Raises:
        ConfigurationError: Naming every id that is no number and every path that is no text; the original aborts.
    """
    faults = Faults("trace-described collectives by node")
    paths: dict[int, str] = {}
    items: Mapping[Any, Any] = faults.mapping(content)
    for key, path in items.items():
        node_id = int(key) if isinstance(key, str) and re.fullmatch("[+-]?[0-9]{1,10}", key) else key
        if type(node_id) is not int or not INT32_MIN <= node_id <= INT32_MAX:
            faults.add_type("node id", key, "a whole number of 32 bits")
        elif isinstance(path, Mapping | list) or path is None:
            faults.add_type(f"node {node_id}", path, "a path prefix")
        else:
            paths[node_id] = str(path)
    faults.check()
    return paths


class Files(Protocol):
    """Where the files of trace-described collectives are."""

    def trace(self, path: str) -> RankTrace:
        """The trace at a path.

        Raises:
            OSError: If there is no such file.
        """

    def per_node(self, system: SystemConfig) -> dict[int, str]:
        """Path prefixes by node, from the file the system names; none if it names none.

        Raises:
            ConfigurationError: If the file cannot be read.
        """


@attrs.frozen
class CustomFiles:
    """A folder with files of trace-described collectives.

    Attributes:
        folder: What relative paths are relative to.
        read: Reads a trace file.
    """

    folder: Path
    read: Callable[[Path], RankTrace]

    def trace(self, path: str) -> RankTrace:
        """See :class:`Files`."""
        place = self.folder / path
        if not place.is_file():
            raise FileNotFoundError(f"there is no file {place}")
        return self.read(place)

    def per_node(self, system: SystemConfig) -> dict[int, str]:
        """See :class:`Files`."""
        name = system.per_node_custom_path
        if name is None:
            return {}
        try:
            content = read_yaml(self.folder / name)
        except UnreadableError as error:
            raise _unreadable(name, error) from error
        return per_node_from_mapping(content)


@attrs.frozen
class WrittenFiles:
    """Files of trace-described collectives that are written down where they are used.

    Attributes:
        contents: By path, a trace as a list of nodes or a map of node ids to path prefixes.
    """

    contents: Mapping[str, Any]

    def trace(self, path: str) -> RankTrace:
        """See :class:`Files`."""
        if path not in self.contents:
            raise FileNotFoundError(f"there is no file {path}")
        return RankTrace.from_nodes(self.contents[path])

    def per_node(self, system: SystemConfig) -> dict[int, str]:
        """See :class:`Files`."""
        name = system.per_node_custom_path
        if name is None:
            return {}
        if name not in self.contents:
            raise _unreadable(name, FileNotFoundError("there is no such file"))
        return per_node_from_mapping(self.contents[name])


def _unreadable(name: str, error: Exception) -> ConfigurationError:
    fault = f"{_KEY}: {shown(name)} is not a readable YAML file: {shown(str(error))}"
    return ConfigurationError("system configuration", [fault], Status.ABORTED)
