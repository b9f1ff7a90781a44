"""Columns of numbers, in the document itself or in one ``.npz`` beside it.

The archive holds its columns uncompressed, so that its size on disk bounds what reading it allocates. It is named
with the sha256 of its bytes, which makes the name a promise that :func:`read_archive` keeps.
"""

from __future__ import annotations

import enum
import hashlib
import io
import zipfile
from collections.abc import Mapping
from typing import IO, Any

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.atomic import AT_ONCE
from versim.errors import VersimError
from versim.plain.archives import BROKEN_ARCHIVE
from versim.prediction import NO_TIME

Column = NDArray[Any]
"""Whole numbers or, of seconds before rounding, floats."""


@attrs.frozen
class Stated:
    """One column of a set.

    Attributes:
        dtype: Its type.
        says: What it is, for people.
    """

    dtype: type[np.generic]
    says: str

    @property
    def json_type(self) -> str:
        """What its values are in a document."""
        return "number" if issubclass(self.dtype, np.floating) else "integer"


def _set(**columns: tuple[type[np.generic], str]) -> Mapping[str, Stated]:
    return {name: Stated(*column) for name, column in columns.items()}


COLUMNS: Mapping[str, Mapping[str, Stated]] = {
    "nodes": _set(
        op=(np.int8, "Index into ops."),
        placement=(np.int32, "Index into placements."),
        name=(np.int32, "Index into names."),
        phase=(np.int32, "Index into phases."),
        layer=(np.int32, "Layer."),
        microbatch=(np.int32, "Microbatch."),
        communication=(np.int32, "The communication it is a part of."),
        compute_ns=(np.int64, "Pinned compute, in nanoseconds; 0 for communication."),
        compute_s=(np.float64, "The same before rounding, in seconds. Never simulated."),
    ),
    "dependencies": _set(
        node=(np.int32, "The node that waits."), on=(np.int32, "The node it waits for, on the same rank.")
    ),
    "communications": _set(
        kind=(np.int32, "Index into kinds."),
        size_bytes=(np.int64, "Full tensor, in bytes."),
        scope=(np.int32, "Index into scopes."),
        algorithm=(np.int32, "Index into algorithms."),
        tag=(np.int64, "A point-to-point tag to keep."),
    ),
    "attribute": _set(value=(np.int64, "Null is -1.")),
    "ranks": _set(
        finish_ps=(np.int64, "When it finished, in picoseconds."),
        representative=(np.int64, "The rank that stands for it in spans."),
    ),
    "consumed_compute": _set(compute_ns=(np.int64, "Nanoseconds used.")),
    "consumed_communication": _set(size_bytes=(np.int64, "Bytes of the full tensor that were moved.")),
    "spans": _set(
        node=(np.int32, "Row of the graph."),
        rank=(np.int64, "A representative rank."),
        ready_ps=(np.int64, "When its dependencies had finished, in picoseconds."),
        start_ps=(np.int64, "When it began to occupy its resource, in picoseconds."),
        end_ps=(np.int64, "When it ended, in picoseconds."),
        resource=(np.int8, "0 compute, 1 communication."),
    ),
    "links": _set(
        carried_bytes=(np.int64, "Bytes that were sent over it."),
        messages=(np.int64, "In how many messages."),
        busy_ps=(
            np.int64,
            "How long its full rate needs for these bytes, in picoseconds; over the makespan it is its utilization.",
        ),
        queueing_ps=(
            np.int64,
            "Sum of the times messages waited for the link, in picoseconds; null where messages share a link.",
        ),
    ),
    "instances": _set(node=(np.int32, "Row of the graph."), rank=(np.int64, "The representative rank.")),
    "slack": _set(slack_ps=(np.int64, "In picoseconds; 0 on the critical path.")),
}
"""The sets of columns that a document has, and what each column is."""


ATTACHMENT = r"versim-([0-9a-f]{64})\.npz"
"""How the file beside a document is named."""


class Place(enum.Enum):
    """Where the columns of a document are."""

    INLINE = "inline"
    ATTACHED = "attached"
    OMITTED = "omitted"


class ColumnWriter:
    """Collects the columns of one document."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._attached: dict[str, Column] = {}
        self._sets = 0

    def write(self, kind: str, columns: Mapping[str, Column]) -> dict[str, Any]:
        """A set of columns of equal length as the document holds it; NO_TIME and NONE (-1) become null."""
        typed = {name: np.asarray(columns[name]).astype(stated.dtype) for name, stated in COLUMNS[kind].items()}
        rows = len(next(iter(typed.values())))
        key = f"{self._sets}.{kind}"
        self._sets += 1
        if self.place is Place.ATTACHED:
            self._attached.update({f"{key}.{name}": column for name, column in typed.items()})
        inline = {name: _with_nulls(column) for name, column in typed.items()} if self.place is Place.INLINE else None
        return {"rows": rows, "attached": key if self.place is Place.ATTACHED else None, "inline": inline}

    def archive(self) -> bytes | None:
        """The ``.npz`` to be written beside the document; None if nothing goes there."""
        if not self._attached:
            return None
        buffer = io.BytesIO()
        np.savez(buffer, **self._attached)  # type: ignore[arg-type]
        return buffer.getvalue()


def _with_nulls(column: Column) -> list[float | None]:
    values: list[float | None] = column.tolist()
    if (column == NO_TIME).any():
        return [None if value == NO_TIME else value for value in values]
    return values


def archive_name(content: bytes) -> str:
    """The file name of an archive: its sha256."""
    return f"versim-{_sha256(content)}.npz"


def _sha256(content: bytes) -> str:
    """In pieces, so that an interrupt is heard between them."""
    digest, given = hashlib.sha256(), memoryview(content)
    for first in range(0, len(given), AT_ONCE):
        digest.update(given[first : first + AT_ONCE])
    return digest.hexdigest()


def read_archive(content: bytes, subject: str, sha256: str) -> Archive:
    """Open an archive.

    Raises:
        VersimError: The bytes are not those that were written, or not an archive; the message names ``subject``.
    """
    found = _sha256(content)
    if found != sha256:
        raise VersimError(f"{subject}: its sha256 is {found[:12]}…, the report was written with {sha256[:12]}…")
    try:
        return Archive(zipfile.ZipFile(io.BytesIO(content)), subject, len(content))
    except BROKEN_ARCHIVE as error:
        raise VersimError(f"{subject}: not an .npz archive that can be read ({error})") from None


class Archive:
    """Columns of an ``.npz``, each held to its declared type and length before it is read."""

    def __init__(self, members: zipfile.ZipFile, subject: str, size_bytes: int) -> None:
        self._members = members
        self._subject = subject
        self._left_bytes = size_bytes

    def column(self, name: str, dtype: type[np.generic], rows: int) -> Column:
        """One column of ``rows`` numbers; ``VersimError`` if the archive holds something else."""
        try:
            info = self._members.getinfo(f"{name}.npy")
        except KeyError:
            raise VersimError(f"{self._subject}: there is no column {name!r}") from None
        if info.compress_type != zipfile.ZIP_STORED:
            raise VersimError(f"{self._subject}: column {name!r} is compressed, which versim never writes")
        # Members of an archive made for it may lie over one another; together they are no longer than the archive.
        self._left_bytes -= rows * np.dtype(dtype).itemsize
        if self._left_bytes < 0:
            raise VersimError(f"{self._subject}: column {name!r}: its columns are longer than the file")
        try:
            with self._members.open(info) as stream:
                fault, column = _read_member(stream, np.dtype(dtype), rows)
        except BROKEN_ARCHIVE as error:
            fault, column = str(error), np.empty(0, dtype=dtype)
        if fault:
            raise VersimError(f"{self._subject}: column {name!r}: {fault}")
        return column


def _read_member(stream: IO[bytes], dtype: np.dtype[Any], rows: int) -> tuple[str, Column]:
    """What is wrong with a column ("" if nothing), and the column; its header is looked at before its content."""
    nothing: Column = np.empty(0, dtype=np.int64)
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):
        return f"it has a header of version {version}", nothing
    shape, _, found = np.lib.format.read_array_header_1_0(stream)
    if shape != (rows,) or found.newbyteorder("<") != dtype.newbyteorder("<"):
        return f"it has shape {shape} and type {found}, expected ({rows},) and {dtype}", nothing
    content = stream.read(rows * dtype.itemsize + 1)
    if len(content) != rows * dtype.itemsize:
        return "it is cut short or too long", nothing
    return "", np.frombuffer(content, dtype=found).astype(dtype)
