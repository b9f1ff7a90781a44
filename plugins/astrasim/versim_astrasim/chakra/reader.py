"""Execution trace files ─▶ traces in columns, one message at a time, from all generations of the format."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import attrs
import numpy as np
from numpy.typing import NDArray
from versim.plain import UnreadableError, opened

from versim_astrasim.chakra.columns import FieldedColumns, ListedColumns, TypedColumns
from versim_astrasim.chakra.framing import TraceFormatError, messages
from versim_astrasim.chakra.generation import Generation, contradiction, is_typed, of_first_message, of_nodes
from versim_astrasim.chakra.labels import Labels
from versim_astrasim.chakra.wire import unknown_fields
from versim_astrasim.chakra.writer import trace_path
from versim_astrasim.engine.trace import RankTrace

MOST_TRACE_BYTES = 16 * 2**30
"""Of one rank."""

MOST_EMPTY_NODES = 1000
"""Of one rank: nodes of no type with the id 0, which take one byte of a file."""

MOST_TRACE_NODES = 20_000_000
"""Of one rank; each takes some 200 bytes of memory, however few it takes of the file."""


@attrs.frozen(eq=False, kw_only=True)
class TraceFile:
    """A file's content.

    Attributes:
        trace: The nodes, with the node types and collectives of version 0.0.4 whatever the file's version.
        generation: Of the format.
        version: As the file has it, "" if it does not say.
        has_metadata: Whether it begins with global metadata.
        duration_ns: int64 (nodes,), recorded durations: microseconds in version 0.0.4, in 0.0.1 the ticks of 1 ns that
            ASTRA-sim took them for.
        offset: int64 (nodes,), the byte at which each node begins.
        groups: Communicator groups that metadata nodes describe, by name; an empty one is all ranks.
        labels: What versim itself wrote beside what simulators read, by node index.
        repeated: For (node index, attribute) of attributes that a node has more than once with different values, the
            first, which counts, and another.
        comm_group: Value of the attribute ``comm_group``, in which older generators name a collective's group, by node
            index.
        tensors: Indices of nodes that list their ``inputs`` and ``outputs``, which tracking local memory needs.
    """

    trace: RankTrace
    generation: Generation
    version: str
    has_metadata: bool
    duration_ns: NDArray[np.int64]
    offset: NDArray[np.int64]
    groups: Mapping[str, tuple[int, ...]]
    labels: Mapping[int, Labels]
    repeated: Mapping[tuple[int, str], tuple[Any, Any]] = attrs.field(factory=dict)
    comm_group: Mapping[int, int | str] = attrs.field(factory=dict)
    tensors: AbstractSet[int] = frozenset()


def read_traces(prefix: Path, rank_count: int) -> list[RankTrace]:
    """The traces of ranks 0 … ``rank_count`` - 1 under a prefix, as the real program would find them.

    Raises:
        TraceFormatError: A file that is missing or malformed.
    """
    return [read_trace(trace_path(prefix, rank)) for rank in range(rank_count)]


def read_trace(source: Path | BinaryIO, subject: str = "trace") -> RankTrace:
    """One rank's trace; see :func:`read_file`."""
    return read_file(source, subject).trace


def read_file(source: Path | BinaryIO, subject: str = "trace") -> TraceFile:
    """One rank's trace with everything else the file says.

    Args:
        source: A file, or a stream open for reading bytes that can be read again from its start.
        subject: What a stream is called in messages.

    An attribute of the wrong type is kept as such (``malformed``): it matters only when its node runs. Attributes that
    ASTRA-sim does not read are dropped; of a repeated one the first counts.

    Raises:
        TraceFormatError: Not a trace, cut short, too large, a node of no known type, many without content, or nodes of
            two generations of the format; says at which byte.
    """
    if isinstance(source, Path):
        try:
            with opened(source, MOST_TRACE_BYTES) as stream:
                return _read(stream, str(source))
        except UnreadableError as error:
            raise TraceFormatError(f"cannot read the trace {error}") from error
    return _read(source, subject)


def _read(stream: BinaryIO, subject: str) -> TraceFile:
    # Millions of small objects without cycles are made here; looking for cycles would take a third of the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _attempt(stream, subject, None)
    except _OtherGeneration as other:
        stream.seek(0)
        return _attempt(stream, subject, other.generation)
    finally:
        if collecting:
            gc.enable()


class _OtherGeneration(Exception):  # noqa: N818 - a signal within this module
    """The file does not say its version, and it is of another generation than it was taken for."""

    def __init__(self, generation: Generation) -> None:
        super().__init__(generation)
        self.generation = generation


def _columns_of(generation: Generation, subject: str) -> ListedColumns | FieldedColumns:
    if generation in (Generation.TYPED_2, Generation.TYPED_3):
        return TypedColumns(subject, without_metadata=generation is Generation.TYPED_2)
    return ListedColumns(subject) if generation is Generation.LISTED else FieldedColumns(subject)


def _attempt(stream: BinaryIO, subject: str, assumed: Generation | None) -> TraceFile:
    generation, version, has_metadata = Generation.LISTED, "", True
    columns: ListedColumns | FieldedColumns = ListedColumns(subject)
    empty = 0
    for number, (offset, content) in enumerate(messages(stream, subject)):
        if number == 0:
            announced, version, has_metadata = of_first_message(content, subject)
            if announced is None and assumed is None:
                stream.seek(0)
                nodes = islice(messages(stream, subject), int(has_metadata), None)
                raise _OtherGeneration(of_nodes(nodes, subject, Generation.LISTED if has_metadata else None))
            generation = assumed or announced or generation
            columns = _columns_of(generation, subject)
            if has_metadata:
                continue
        if not content:
            empty += 1
            if empty > MOST_EMPTY_NODES:
                raise TraceFormatError(
                    f"{subject}: {empty:,} messages, the last at byte {offset}, are empty; a node has at least a type"
                )
        if number > MOST_TRACE_NODES:
            raise TraceFormatError(f"{subject}: it has more than {MOST_TRACE_NODES:,} nodes, the most that is read")
        node = columns.parse(content, offset)
        strange = unknown_fields(node)
        if strange and not version and assumed is None and number and is_typed(content):
            stream.seek(0)
            raise _OtherGeneration(of_nodes(islice(messages(stream, subject), 1, None), subject))
        if strange and (reason := contradiction(generation, strange)):
            if not version and assumed is None and number and generation is Generation.LISTED and "0.0.1" in reason:
                raise _OtherGeneration(Generation.FIELDED)
            said = f"a file of version {version}" if version else "a file read as version " + generation.value
            raise TraceFormatError(f"{subject}: node {node.id} at byte {offset} does not fit {said}: {reason}")
        columns.add(node, offset)
    return TraceFile(
        trace=columns.trace(),
        generation=generation,
        version=version,
        has_metadata=has_metadata,
        duration_ns=columns.durations_ns(),
        offset=np.array(columns.offsets, dtype=np.int64),
        groups=columns.groups,
        labels=columns.labels,
        repeated=columns.repeated,
        comm_group=columns.comm_group,
        tensors=columns.tensors["inputs"] & columns.tensors["outputs"],
    )
