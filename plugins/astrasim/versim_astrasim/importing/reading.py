"""From options to a graph: files, groups, nodes."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path

import attrs
import numpy as np
from versim import ExecutionGraph, VersimError

from versim_astrasim.chakra.elided_nodes import restored
from versim_astrasim.chakra.generation import Generation
from versim_astrasim.chakra.reader import TraceFile, read_file
from versim_astrasim.engine import NetworkConfig
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
    ranks = [RankNodes(rank, _read(file, options.duration_unit), str(file)) for rank, file in enumerate(files)]
    named: dict[str, tuple[int, ...]] = {}
    for nodes in ranks:
        named.update(nodes.file.groups)
    named.update(groups_of(groups_file(where, options.comm_groups)))
    dimensions = _dimensions(options.network)
    check_dimensions(dimensions, len(ranks))
    # A graph is made of millions of small objects without cycles; looking for cycles would take a third of the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return build(
            ranks,
            Communicators(named, dimensions, len(ranks)),
            Choices(compute=options.compute, memory_nodes=options.memory_nodes),
            str(where),
        )
    finally:
        if collecting:
            gc.enable()


def _read(path: Path, duration_unit: str) -> TraceFile:
    """A file, with the durations of version 0.0.1 in the unit they are in; too long ones are cut off as in others."""
    file = restored(read_file(path), str(path))
    if file.generation is not Generation.FIELDED or duration_unit == "ns":
        return file
    return attrs.evolve(file, duration_ns=np.minimum(file.duration_ns, _LONGEST_MICROS) * _NS_PER_MICRO)


def _dimensions(network: str) -> Sequence[int]:
    """Sizes of a network file's dimensions, innermost first; empty without a file."""
    if not network:
        return ()
    return NetworkConfig.from_mapping(mapping_in(Path(network)), congestion_aware=False).npus_count
