"""Files ─▶ a step; files that cannot be read are findings too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from versim import Finding, VersimError

from versim_astrasim.chakra.alike import read_alike
from versim_astrasim.chakra.framing import TraceFormatError
from versim_astrasim.chakra.generation import Generation
from versim_astrasim.chakra.reader import TraceFile
from versim_astrasim.engine import NetworkConfig, RemoteMemoryConfig, SystemConfig, groups_from_mapping
from versim_astrasim.engine.trace import COLL
from versim_astrasim.importing.sources import groups_file, mapping_in, trace_files
from versim_astrasim.lint.check import check
from versim_astrasim.lint.findings import bounded, in_order, merged
from versim_astrasim.lint.rules import finding
from versim_astrasim.lint.step import Step


@attrs.frozen(kw_only=True)
class Given:
    """What is to be looked at.

    Attributes:
        where: The prefix or folder of the traces.
        network: The network file, None if not given.
        system: The system file.
        comm_groups: The group file; without one, ``comm_groups.json`` beside the traces is taken.
        remote_memory: The remote-memory file.
        congestion: ``aware`` or ``unaware``; several dimensions are always unaware.
    """

    where: Path
    network: Path | None = None
    system: Path | None = None
    comm_groups: Path | None = None
    remote_memory: Path | None = None
    congestion: str = "aware"


def lint(given: Given) -> list[Finding]:
    """Every finding about traces and files.

    Raises:
        VersimError: There is no trace at all.
    """
    found: list[Finding] = []
    files = _read_all(trace_files(given.where), found)
    groups = groups_file(given.where, str(given.comm_groups) if given.comm_groups else "")
    network = _config(found, given.network, lambda content: _network(content, given.congestion))
    system = _config(found, given.system, SystemConfig.from_mapping)
    memory = _config(found, given.remote_memory, RemoteMemoryConfig.from_mapping)
    members = _config(found, groups, groups_from_mapping)
    class_of = {rank: id(file) for rank, file in enumerate(files)}
    found += bounded(merged(_of_files(files, tracked=system is not None and system.track_local_mem), class_of, {}))
    if any(each.rule == "unreadable-trace" for each in found):
        # What partners of unreadable ranks lack would be said again and again.
        return in_order(found)
    traces = [file.trace for file in files if file is not None]
    return in_order([*found, *check(Step.of(traces, network, system, members, memory))])


def _read_all(paths: Sequence[Path], found: list[Finding]) -> list[TraceFile | None]:
    """The content of every file, None where it cannot be read; ranks whose files are equal share one."""
    files: list[TraceFile | None] = []
    for rank, file in enumerate(read_alike(paths)):
        if isinstance(file, TraceFormatError):
            found.append(finding("unreadable-trace", str(file), rank))
            files.append(None)
        else:
            files.append(file)
    return files


def _of_files(files: Sequence[TraceFile | None], *, tracked: bool) -> Iterator[Finding]:
    """What the traces' files say that their nodes alone do not."""
    for rank, file in enumerate(files):
        if file is None:
            continue
        ids = file.trace.node_id.view(np.uint64)
        if file.generation is not Generation.LISTED:
            yield finding(
                "old-schema",
                f"the file is of schema version {file.generation.value}, which today's programs take for another",
                rank,
            )
        elif not file.has_metadata and len(file.trace):
            yield finding(
                "no-metadata",
                "the file begins with a node instead of global metadata; the program takes the first node for it, and "
                "aborts on what waits for that node",
                rank,
            )
        for (index, name), (first, other) in file.repeated.items():
            yield finding(
                "repeated-attribute",
                f"attribute {name} is given twice, {first!r} and {other!r}; the first counts",
                rank,
                int(ids[index]),
            )
        for index, group in file.comm_group.items():
            if file.trace.node_type[index] == COLL and index not in file.trace.pg_name:
                yield finding(
                    "group-attribute",
                    f"the collective names group {group!r} in the attribute comm_group, which the program does not "
                    "read: it runs in the world",
                    rank,
                    int(ids[index]),
                )
        if tracked and len(file.tensors) < len(file.trace):
            index = next(at for at in range(len(file.trace)) if at not in file.tensors)
            yield finding(
                "untracked-tensors",
                f"track-local-mem is on, and {len(file.trace) - len(file.tensors)} nodes lack the attributes inputs "
                "and outputs: the first of them to end breaks off, and the rank never finishes",
                rank,
                int(ids[index]),
            )


def _network(content: Any, congestion: str) -> NetworkConfig:
    several = isinstance(content.get("topology"), list) and len(content["topology"]) > 1
    return NetworkConfig.from_mapping(content, congestion_aware=congestion == "aware" and not several)


def _config(found: list[Finding], path: Path | None, make: Callable[[Mapping[str, Any]], Any]) -> Any:
    if path is None:
        return None
    try:
        return make(mapping_in(path))
    except VersimError as error:
        found.append(finding("configuration", f"{path}: {error}"))
        return None
