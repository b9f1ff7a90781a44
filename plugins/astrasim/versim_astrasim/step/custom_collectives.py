"""Trace-described collectives: the files that options name, for the embedded engine and the real program alike.

Instead of an algorithm, ASTRA-sim takes for a kind of collective, or for single nodes, little traces of who sends what
to whom, one per member: ``PREFIX.0.et``, ``PREFIX.1.et`` …
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from versim import VersimError
from versim.plain import UnreadableError, read_yaml

from versim_astrasim.engine import RankTrace
from versim_astrasim.engine.custom_files import per_node_from_mapping
from versim_astrasim.options import BackendOptions
from versim_astrasim.step.configuration import COLLECTIVE_STEMS

PER_NODE_FILE = "per_node_custom.yml"
"""The map of nodes to prefixes, in the folder the real program runs in."""

_FOLDER = "described"
_PER_NODE_KEY = "per-node-custom-implementation"


def kinds_of(options: BackendOptions) -> dict[str, str]:
    """Prefixes by the name of the kind, e.g. ``all_reduce``, of those that have one."""
    chosen = {kind.value: getattr(options, f"{kind.value}_custom") for kind in COLLECTIVE_STEMS}
    return {kind: str(Path(prefix).expanduser().resolve()) for kind, prefix in chosen.items() if prefix}


def per_node_of(options: BackendOptions) -> dict[int, str]:
    """Prefixes by node id; those that are relative start at the map's own folder.

    Raises:
        VersimError: The map cannot be read.
    """
    if not options.per_node_custom:
        return {}
    place = Path(options.per_node_custom).expanduser().resolve()
    try:
        content = read_yaml(place)
    except UnreadableError as error:
        raise VersimError(f"per_node_custom: {error}") from error
    return {node: str(place.parent / prefix) for node, prefix in per_node_from_mapping(content).items()}


def system_keys(options: BackendOptions, per_node: Mapping[int, str]) -> dict[str, Any]:
    """The system file's keys of the real program that only some runs have."""
    stems = {kind.value: stem for kind, stem in COLLECTIVE_STEMS.items()}
    return {
        **{f"{stems[kind]}-implementation-custom": [prefix] for kind, prefix in kinds_of(options).items()},
        **({_PER_NODE_KEY: PER_NODE_FILE} if per_node else {}),
        # Written where asked for only: the program takes even `false` for true.
        **({"replay-only": 1} if options.replay_only else {}),
        **(_tracking(options) if options.track_local_mem else {}),
    }


def _tracking(options: BackendOptions) -> dict[str, Any]:
    return {"track-local-mem": 1, "local-mem-trace-filename": options.local_mem_trace_filename}


def read(path: str) -> RankTrace:
    """One member's trace."""
    from versim_astrasim.chakra.reader import read_trace  # noqa: PLC0415 - only collectives in files need the schema

    return read_trace(Path(path))


def gathered(
    system: Mapping[str, Any], per_node: Mapping[int, str], folder: Path
) -> tuple[dict[str, Any], dict[int, str]]:
    """Copy all described traces into a folder; returns system file and map with prefixes relative to it.

    Raises:
        VersimError: A prefix without files.
    """
    copied: dict[str, str] = {}

    def local(prefix: str) -> str:
        if prefix not in copied:
            copied[prefix] = f"{_FOLDER}/{len(copied)}"
            _copy(Path(prefix), folder / copied[prefix])
        return copied[prefix]

    keys = dict(system)
    for stem in COLLECTIVE_STEMS.values():
        key = f"{stem}-implementation-custom"
        if key in keys:
            keys[key] = [local(prefix) for prefix in keys[key]]
    return keys, {node: local(prefix) for node, prefix in per_node.items()}


def _copy(prefix: Path, target: Path) -> None:
    pattern = re.compile(re.escape(prefix.name) + r"\.(\d+)\.et")
    try:
        found = [(entry, match) for entry in prefix.parent.iterdir() if (match := pattern.fullmatch(entry.name))]
        target.parent.mkdir(exist_ok=True)
        for entry, match in found:
            shutil.copyfile(entry, target.with_name(f"{target.name}.{match[1]}.et"))
    except OSError as error:
        raise VersimError(f"cannot copy the traces {prefix}.*.et of a collective: {error}") from error
    if not found:
        raise VersimError(f"there are no traces {prefix}.0.et, … of a collective; name their path without .0.et")
