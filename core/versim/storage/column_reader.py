"""Columns of a saved report, from the document itself or from the archive beside it.

Nothing is believed: an archive is opened only in the report's own folder and if its sha256 is the one the report was
written with, and every column is held to its type and length before it is read.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from versim.errors import VersimError
from versim.plain.files import UnreadableError, read_bytes, size_of
from versim.plain.values import Value
from versim.prediction import NO_TIME
from versim.storage import version_1
from versim.storage.columns import ATTACHMENT, COLUMNS, Archive, Column, Place, read_archive
from versim.storage.form import Opened

MOST_ATTACHED_BYTES = 4 * 2**30
"""Of the archive beside a report, which is held in memory."""


@attrs.frozen
class ColumnReader:
    """Where the columns of a document are, and how to get them.

    Attributes:
        archive: Where they are if they are not in the document.
        version: Of the document's format.
        used: Sets of columns that were read; each belongs to one place, so that a small file cannot ask for much.
    """

    archive: Archive | None
    version: int
    used: set[str] = attrs.field(factory=set)

    @classmethod
    def open(cls, path: Path, columns: Opened, version: int) -> ColumnReader:
        """The columns of the document in ``path``, whose section ``columns`` says where they are."""
        if columns.place is Place.OMITTED:
            columns.wrong("place", "this report was written without its columns; write it to a file to keep them")
        if columns.place is Place.INLINE:
            return cls(None, version)
        attachment: Opened | None = columns.attachment
        if attachment is None:
            columns.wrong("attachment", "expected an object, got null")
        named = re.fullmatch(ATTACHMENT, attachment.file)
        if named is None:
            attachment.wrong("file", "an attachment is named versim-<sha256>.npz and lies in the folder of its report")
        beside = path.parent / named.group(0)
        size = attachment.size_bytes
        try:
            found = size_of(beside, MOST_ATTACHED_BYTES)
            if found != size:
                raise VersimError(f"{beside}: it has {found} bytes, the report was written with {size}")
            content = read_bytes(beside, size)
        except UnreadableError as error:
            raise VersimError(
                f"cannot read {beside}: {error.problem}; {path} keeps its columns there, "
                "so the two files have to stay together"
            ) from error
        return cls(read_archive(content, str(beside), named.group(1)), version)

    def read(self, kind: str, value: Value, rows: int | None = None) -> dict[str, Any]:
        """One set of columns, of ``rows`` rows where that is known."""
        declared = value["rows"].integer()
        if rows is not None and declared != rows:
            value["rows"].wrong(f"expected {rows}, got {declared}")
        now = {name: stated.dtype for name, stated in COLUMNS[kind].items()}
        dtypes = {**now, **(version_1.DTYPES.get(kind, {}) if self.version == 1 else {})}
        if self.archive is None:
            read = {name: _inline(value["inline"][name], dtype, declared) for name, dtype in dtypes.items()}
            return {name: column.astype(now[name], copy=False) for name, column in read.items()}
        key = value["attached"].text()
        if key in self.used:
            value["attached"].wrong(f"the columns {key!r} belong to another place already")
        self.used.add(key)
        read = {name: self.archive.column(f"{key}.{name}", dtype, declared) for name, dtype in dtypes.items()}
        return {name: column.astype(now[name], copy=False) for name, column in read.items()}


def _inline(value: Value, dtype: type[np.generic], rows: int) -> Column:
    """A column out of the document; null is NO_TIME."""
    content = value.content
    real = np.issubdtype(dtype, np.floating)
    expected = "a finite number of at least 0" if real else "a whole number"
    if not isinstance(content, list) or len(content) != rows:
        value.wrong(f"expected a list of {rows} {'numbers' if real else 'whole numbers'} or null")
    if real:
        for position, item in enumerate(content):
            good = type(item) in (int, float) and 0 <= item <= sys.float_info.max
            if item is not None and not good:
                value.wrong(f"row {position}: expected {expected} or null, got {item!r:.40}")
    else:
        limits = np.iinfo(dtype)  # type: ignore[type-var]
        for position, item in enumerate(content):
            if item is not None and (type(item) is not int or not limits.min <= item <= limits.max):
                value.wrong(f"row {position}: expected {expected} of {limits.bits} bits or null, got {item!r:.40}")
    return np.array([NO_TIME if item is None else item for item in content], dtype=dtype)


def within(value: Value, name: str, column: Column, highest: float, lowest: float = 0) -> None:
    """Refuse a column of ``value`` with anything outside ``lowest..highest``."""
    if len(column) and (column.min() < lowest or column.max() > highest):
        value.wrong(f"column {name!r} has values outside {lowest}..{highest}")
