"""From options to a graph: files, groups, nodes."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path

import attrs
import numpy as np
from versim import ExecutionGraph, VersimError

from versim_astrasim.chakra.alike import read_alike, sound
from versim_astrasim.chakra.elided_nodes import restored
from versim_astrasim.chakra.generation import Generation
from versim_astrasim.chakra.reader import TraceFile
from versim_astrasim.engine import NetworkConfig, RankTrace, RemoteMemoryConfig, SystemConfig
from versim_astrasim.engine.remote_memory import RemoteMemory
from versim_astrasim.engine.trace import COLL
from versim_astrasim.importing.build import Choices, build
from versim_astrasim.importing.communicators import Communicators, check_dimensions
from versim_astrasim.importing.options import ImportOptions
from versim_astrasim.importing.ranks import RankNodes
from versim_astrasim.importing.sources import groups_file, groups_of, mapping_in, trace_files

_NS_PER_MICRO = 1000
_LONGEST_MICROS = (2**63 - 1) // _NS_PER_MICRO


def graph_of(options: ImportOptions) -> ExecutionGraph:
    """The graph of a trace.

    Raises:
        VersimError: Files that are missing or malformed, or a trace that a graph cannot hold.
    """
    if not options.path:
        raise VersimError("path: name the folder of a trace, or the path of its files without .0.et")
    where = Path(options.path).expanduser()
    files = trace_files(where)
    dimensions = _dimensions(options.network)
    count = check_dimensions(dimensions, len(files))
    notes = []
    if count < len(files):
        notes.append(f"the network has {count} ranks; the traces of {len(files) - count} more are not read")
    drop = options.dangling == "drop"
    ranks = [
        RankNodes(rank, _read(file, path, options), str(path), drop_dangling=drop)
        for rank, (path, file) in enumerate(zip(files[:count], sound(read_alike(files[:count])), strict=True))
    ]
    dropped = sum(nodes.dropped for nodes in ranks)
    if dropped:
        notes.append(f"{dropped:,} dependencies on nodes that do not exist were dropped")
    named: dict[str, tuple[int, ...]] = {}
    for nodes in ranks:
        named.update(nodes.file.groups)
    named.update(groups_of(groups_file(where, options.comm_groups)))
    notes += _unread_groups(ranks, comm_group=options.comm_group)
    # A graph is made of millions of small objects without cycles; looking for cycles would take a third of the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return build(
            ranks,
            Communicators(named, dimensions, len(ranks)),
            Choices(
                compute=options.compute,
                memory_nodes=options.memory_nodes,
                memory=_memory(options),
                system=_system(options),
            ),
            str(where),
            notes,
        )
    finally:
        if collecting:
            gc.enable()


def _memory(options: ImportOptions) -> RemoteMemory | None:
    """What times memory nodes that are to be simulated."""
    if options.memory_nodes != "simulated":
        return None
    if not options.remote_memory:
        raise VersimError("memory_nodes: simulated needs remote_memory, the path of ASTRA-sim's remote-memory file")
    return RemoteMemory(RemoteMemoryConfig.from_mapping(mapping_in(Path(options.remote_memory))))


def _system(options: ImportOptions) -> SystemConfig | None:
    """The system file that goes with the traces."""
    return SystemConfig.from_mapping(mapping_in(Path(options.system))) if options.system else None


def _unread_groups(ranks: Sequence[RankNodes], *, comm_group: bool) -> list[str]:
    """A note on collectives that name a group where ASTRA-sim does not look."""
    count = sum(
        int(nodes.file.trace.node_type[index]) == COLL and index not in nodes.file.trace.pg_name
        for nodes in ranks
        for index in nodes.file.comm_group
    )
    if not count or comm_group:
        return []
    note = (
        f"{count:,} collectives name a group in the attribute comm_group, which ASTRA-sim does not read: they are of "
    )
    return [note + "all ranks; comm_group: true takes the groups"]


def _read(file: TraceFile, path: Path, options: ImportOptions) -> TraceFile:
    """Durations of version 0.0.1 in the unit they are in; too long ones are cut off as in others."""
    file = restored(file, str(path))
    if options.comm_group and file.comm_group:
        file = attrs.evolve(file, trace=_with_groups(file))
    if file.generation is not Generation.FIELDED or options.duration_unit == "ns":
        return file
    return attrs.evolve(file, duration_ns=np.minimum(file.duration_ns, _LONGEST_MICROS) * _NS_PER_MICRO)


def _with_groups(file: TraceFile) -> RankTrace:
    """A trace whose collectives name in ``pg_name`` what they name in ``comm_group``."""
    named = {index: str(group) for index, group in file.comm_group.items() if index not in file.trace.pg_name}
    return attrs.evolve(file.trace, pg_name={**file.trace.pg_name, **named})


def _dimensions(network: str) -> Sequence[int]:
    """Sizes of a network file's dimensions, innermost first; empty without a file."""
    if not network:
        return ()
    return NetworkConfig.from_mapping(mapping_in(Path(network)), congestion_aware=False).npus_count
