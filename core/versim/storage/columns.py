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

import numpy as np
from numpy.typing import NDArray

from versim.errors import VersimError
from versim.prediction import NO_TIME

Column = NDArray[Any]
"""Whole numbers or, of seconds before rounding, floats."""

DTYPES: Mapping[str, Mapping[str, type[np.generic]]] = {
    "nodes": {
        "op": np.int8,
        "placement": np.int32,
        "name": np.int32,
        "phase": np.int32,
        "layer": np.int32,
        "microbatch": np.int32,
        "communication": np.int32,
        "compute_ns": np.int64,
        "compute_s": np.float64,
    },
    "dependencies": {"node": np.int32, "on": np.int32},
    "communications": {
        "kind": np.int32,
        "size_bytes": np.int64,
        "scope": np.int32,
        "algorithm": np.int32,
        "tag": np.int64,
    },
    "attribute": {"value": np.int64},
    "ranks": {"finish_ps": np.int64, "representative": np.int64},
    "consumed_compute": {"compute_ns": np.int64},
    "consumed_communication": {"size_bytes": np.int64},
    "spans": {
        "node": np.int32,
        "rank": np.int64,
        "ready_ps": np.int64,
        "start_ps": np.int64,
        "end_ps": np.int64,
        "resource": np.int8,
    },
    "links": {"carried_bytes": np.int64, "messages": np.int64, "busy_ps": np.int64, "queueing_ps": np.int64},
    "instances": {"node": np.int32, "rank": np.int64},
    "slack": {"slack_ps": np.int64},
}
"""The sets of columns a document has, and the type of each column."""


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
        typed = {name: np.asarray(columns[name]).astype(dtype) for name, dtype in DTYPES[kind].items()}
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
    return f"versim-{hashlib.sha256(content).hexdigest()}.npz"


def read_archive(content: bytes, subject: str, sha256: str) -> Archive:
    """Open an archive.

    Raises:
        VersimError: The bytes are not those that were written, or not an archive; the message names ``subject``.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise VersimError(f"{subject}: its sha256 is {found[:12]}…, the report was written with {sha256[:12]}…")
    try:
        return Archive(zipfile.ZipFile(io.BytesIO(content)), subject, len(content))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, EOFError) as error:
        # NotImplementedError: of a later version of the format than Python reads.
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
        except (ValueError, OSError, NotImplementedError, RuntimeError, zipfile.BadZipFile, EOFError) as error:
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
