"""The files of many ranks, read together: what ranks have in common is decoded once.

Ranks of one step differ in few nodes, such as the peers of their messages. A node that another file has byte for byte
is looked up instead of decoded, and files that are equal as a whole share their content.
"""

from __future__ import annotations

import gc
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from versim.plain import UnreadableError, read_bytes

from versim_astrasim.chakra import reader
from versim_astrasim.chakra.columns import ListedColumns
from versim_astrasim.chakra.framing import TraceFormatError, messages
from versim_astrasim.chakra.generation import Generation, of_first_message
from versim_astrasim.chakra.reader import TraceFile, read_file
from versim_astrasim.chakra.wire import unknown_fields
from versim_astrasim.engine.trace import INTEGER_ATTRIBUTES, RankTrace

LARGEST_BYTES = 1 << 28
"""Larger files are read one by one, each piece by piece."""

MOST_REMEMBERED_BYTES = 1 << 28
"""Of distinct nodes; what comes later is decoded as it comes."""


def read_alike(paths: Sequence[Path]) -> list[TraceFile | TraceFormatError]:
    """The content of every file, or what is wrong with it; equal files share one."""
    # Millions of small objects without cycles are made here; looking for cycles would take a third of the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _read_alike(paths)
    finally:
        if collecting:
            gc.enable()


def _read_alike(paths: Sequence[Path]) -> list[TraceFile | TraceFormatError]:
    nodes = _Nodes()
    parts: list[bytes | _Part | TraceFile | TraceFormatError] = []
    known: dict[bytes, bytes | _Part | TraceFile | TraceFormatError] = {}
    for path in paths:
        content = _small(path)
        digest = hashlib.blake2b(content).digest() if content is not None else b""
        part = known.get(digest) if content is not None else None
        if part is None:
            part = nodes.part(content, str(path)) if content is not None else None
            if part is None:
                try:
                    part = read_file(path)
                except TraceFormatError as error:
                    part = error
            if digest and not isinstance(part, TraceFormatError):
                known[digest] = part
        parts.append(part)
    table = nodes.table() if any(isinstance(part, _Part) for part in parts) else None
    made: dict[int, TraceFile] = {}
    files: list[TraceFile | TraceFormatError] = []
    for part in parts:
        if isinstance(part, _Part) and table is not None:
            if id(part) not in made:
                made[id(part)] = table.file(part)
            files.append(made[id(part)])
        elif isinstance(part, TraceFile | TraceFormatError):
            files.append(part)
    return files


def _small(path: Path) -> bytes | None:
    """A file's content; None for whoever reads it alone to say what is wrong, or because it is large."""
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_BYTES:
            return None
        return read_bytes(path, LARGEST_BYTES)
    except (OSError, UnreadableError):
        return None


@attrs.frozen(eq=False)
class _Part:
    """A file: the rows of its nodes among all distinct ones, and where they begin."""

    rows: NDArray[np.int64]
    offsets: NDArray[np.int64]
    version: str


class _Nodes:
    """Distinct nodes, decoded once."""

    def __init__(self) -> None:
        self._columns = ListedColumns("traces")
        self._row_of: dict[bytes, int] = {}
        self._remembered = 0
        self._groups: dict[int, Mapping[str, tuple[int, ...]]] = {}

    def part(self, content: bytes, subject: str) -> _Part | None:
        """A file's nodes; None if it is not plainly of the later generation and sound."""
        rows: list[int] = []
        offsets: list[int] = []
        row_of, version = self._row_of, ""
        try:
            for number, (offset, message) in enumerate(messages(io.BytesIO(content), subject)):
                if not number:
                    generation, version, has_metadata = of_first_message(message, subject)
                    if generation is not Generation.LISTED or not has_metadata:
                        return None
                    continue
                if not message or number > reader.MOST_TRACE_NODES:
                    return None
                row = row_of.get(message)
                if row is None:
                    row = self._decoded(message, offset)
                    if row < 0:
                        return None
                rows.append(row)
                offsets.append(offset)
        except TraceFormatError:
            return None
        if not rows:
            return None
        return _Part(np.array(rows, dtype=np.int64), np.array(offsets, dtype=np.int64), version)

    def _decoded(self, message: bytes, offset: int) -> int:
        """The row of a node not seen before; -1 if it is not plain."""
        columns = self._columns
        node = columns.parse(message, offset)
        if unknown_fields(node):
            return -1
        # A node found malformed halfway has a row, too, which no file then uses.
        row = len(columns.offsets)
        columns.add(node, offset)
        if columns.groups:
            self._groups[row] = dict(columns.groups)
            columns.groups.clear()
        if self._remembered < MOST_REMEMBERED_BYTES:
            self._remembered += len(message)
            self._row_of[message] = row
        return row

    def table(self) -> _Table:
        """All of them in columns."""
        return _Table(self._columns, self._groups)


class _Table:
    """Distinct nodes in columns, of which files are made."""

    def __init__(self, columns: ListedColumns, groups: Mapping[int, Mapping[str, tuple[int, ...]]]) -> None:
        self._trace = columns.trace()
        self._durations_ns = columns.durations_ns()
        self._groups = groups
        self._labels = columns.labels
        self._comm_group = columns.comm_group
        self._tensors = columns.tensors["inputs"] & columns.tensors["outputs"]
        self._repeated = _by_row(columns.repeated)
        self._malformed = _by_row(self._trace.malformed)

    def file(self, part: _Part) -> TraceFile:
        """One file's content."""
        trace, rows = self._trace, part.rows
        ctrl_offsets, ctrl_deps = _gathered(trace.ctrl_offsets, trace.ctrl_deps, rows)
        data_offsets, data_deps = _gathered(trace.data_offsets, trace.data_deps, rows)
        listed = rows.tolist()
        names = trace.names

        def picked(values: Mapping[int, Any]) -> dict[int, Any]:
            return {index: values[row] for index, row in enumerate(listed) if row in values} if values else {}

        def named(values: Mapping[int, Mapping[str, Any]]) -> dict[tuple[int, str], Any]:
            if not values:
                return {}
            return {
                (index, name): value
                for index, row in enumerate(listed)
                if row in values
                for name, value in values[row].items()
            }

        groups: dict[str, tuple[int, ...]] = {}
        for described in picked(self._groups).values():
            groups.update(described)
        return TraceFile(
            trace=RankTrace(
                **{name: getattr(trace, name)[rows] for name in _COLUMNS},
                ctrl_offsets=ctrl_offsets,
                ctrl_deps=ctrl_deps,
                data_offsets=data_offsets,
                data_deps=data_deps,
                pg_name=picked(trace.pg_name),
                involved_dim=picked(trace.involved_dim),
                names=[names[row] for row in listed],
                malformed=named(self._malformed),
            ),
            generation=Generation.LISTED,
            version=part.version,
            has_metadata=True,
            duration_ns=self._durations_ns[rows],
            offset=part.offsets,
            groups=groups,
            labels=picked(self._labels),
            repeated=named(self._repeated),
            comm_group=picked(self._comm_group),
            tensors={index for index, row in enumerate(listed) if row in self._tensors} if self._tensors else set(),
        )


_COLUMNS = ("node_id", "node_type", "duration_micros", "is_cpu_op", *INTEGER_ATTRIBUTES)


def _by_row(values: Mapping[tuple[int, str], Any]) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for (row, name), value in values.items():
        found.setdefault(row, {})[name] = value
    return found


def _gathered(
    offsets: NDArray[np.int64], values: NDArray[np.int64], rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Offsets and values of some rows of a list of lists."""
    lengths = offsets[rows + 1] - offsets[rows]
    ends = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum(lengths, out=ends[1:])
    places = np.repeat(offsets[rows] - ends[:-1], lengths) + np.arange(ends[-1])
    return ends, values[places]


def sound(files: Iterable[TraceFile | TraceFormatError]) -> list[TraceFile]:
    """The content of every file.

    Raises:
        TraceFormatError: What is wrong with the first that is not sound.
    """
    found = []
    for file in files:
        if isinstance(file, TraceFormatError):
            raise file
        found.append(file)
    return found
