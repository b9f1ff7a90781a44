"""Measured tables of one GPU: what they hold, and how they are kept in a file.

One ``.npz`` per GPU and collector, plain arrays only (never pickled). An entry is ``WHAT/…/COLUMN``:

=============================  =======================================================================================
``product/DTYPE``              grid over m, n, k: (m × k) · (k × n), operands transposed as in y = x·Wᵀ; as collected
``conversion/fp8``             grid over m, k: the left operand to fp8, where products were collected together with it
``attention/DTYPE/HEAD``       grid over batch, heads, kv_heads, length: causal, forward, as many keys as queries
``experts/DTYPE``              rows: tokens per expert, experts, hidden, inner size, tokens of all experts everywhere:
                               both products of gated experts
``collective/VERSION/KIND``    grid over ranks, size_bytes: NCCL within one node, by its version; times in full
=============================  =======================================================================================
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import VersimError
from versim.plain import BROKEN_ARCHIVE

from versim_silicon.decimals import from_digits, to_digits

PRODUCT_AXES = ("m", "n", "k")
CONVERSION_AXES = ("m", "k")
ATTENTION_AXES = ("batch", "heads", "kv_heads", "length")
EXPERT_COLUMNS = ("rows", "experts", "hidden", "inner", "tokens")
COLLECTIVE_AXES = ("ranks", "size_bytes")

FULL_DIGITS, FEW_DIGITS = 7, 4
OF_ONE_KERNEL = ("product/", "conversion/", "attention/bf16")
"""Tables that keep all digits that mean something."""

MOST_BYTES = 1 << 30
"""No file is unpacked that would be larger than this."""


@attrs.frozen(eq=False)
class Table:
    """Times over a grid, or of rows.

    Attributes:
        axes: Name ─▶ ascending values of the grid; or, of rows, the value in each row.
        times_s: Seconds, NaN where not measured; shape (len of each axis), or (rows,).
    """

    axes: Mapping[str, NDArray[np.float64]]
    times_s: NDArray[np.float64]

    def without(self, index: tuple[slice | int, ...]) -> Table:
        """The same without some entries of the grid, for cross-validation."""
        times_s = self.times_s.copy()
        times_s[index] = np.nan
        return attrs.evolve(self, times_s=times_s)

    def over(self, axes: Mapping[str, NDArray[np.float64]]) -> Table:
        """The grid over other values of its axes, NaN where these are none of its own."""
        times_s = np.full(tuple(len(values) for values in axes.values()), np.nan)
        shared = {name: np.intersect1d(values, self.axes[name]) for name, values in axes.items()}
        here, there = (
            np.ix_(*(np.searchsorted(of[name], values) for name, values in shared.items())) for of in (axes, self.axes)
        )
        times_s[here] = self.times_s[there]
        return Table(axes, times_s)

    def count(self) -> int:
        """Measured entries."""
        return int(np.isfinite(self.times_s).sum())


Tables = dict[str, Table]
"""By ``WHAT/…``."""


def grid(columns: Mapping[str, NDArray[np.float64]], times_s: NDArray[np.float64]) -> Table:
    """Rows as a grid; of rows at one place the median."""
    axes = {name: np.unique(values) for name, values in columns.items()}
    shape = tuple(len(values) for values in axes.values())
    place = np.ravel_multi_index([np.searchsorted(axes[name], values) for name, values in columns.items()], shape)
    order = np.argsort(place, kind="stable")
    places, starts = np.unique(place[order], return_index=True)
    filled = np.full(int(np.prod(shape)), np.nan)
    ends = np.append(starts[1:], len(order))
    single = ends - starts == 1
    filled[places[single]] = times_s[order[starts[single]]]
    for at, start, end in zip(places[~single], starts[~single], ends[~single], strict=True):
        filled[at] = np.median(times_s[order[start:end]])
    return Table(axes, filled.reshape(shape))


def save(tables: Mapping[str, Table], path: Path) -> None:
    """Write tables to a file, the same bytes for the same tables."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for name in sorted(tables):
        table = tables[name]
        for axis, values in table.axes.items():
            arrays[f"{name}/{axis}"] = values.astype(np.int64) if np.all(values % 1 == 0) else values
        if name.startswith("collective/"):  # few, and measured to the hundredth of a microsecond
            arrays[f"{name}/times_s"] = table.times_s
        else:
            kept = FULL_DIGITS if name.startswith(OF_ONE_KERNEL) else FEW_DIGITS
            arrays[f"{name}/digits"], arrays[f"{name}/exponents"] = to_digits(table.times_s, kept)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            held = io.BytesIO()
            np.lib.format.write_array(held, np.ascontiguousarray(_narrow(array)), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), held.getvalue(), zipfile.ZIP_DEFLATED)


def _narrow(array: NDArray[np.generic]) -> NDArray[np.generic]:
    if array.dtype == np.int64 and (array.size == 0 or (array.min() >= 0 and array.max() < 2**32)):
        return array.astype(np.uint32)
    return array


def load(path: Path) -> Tables:
    """Read what :func:`save` wrote.

    Raises:
        VersimError: The file is not one of these.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            size_bytes = sum(entry.file_size for entry in packed.infolist())
        if size_bytes > MOST_BYTES:
            raise VersimError(f"{path}: unpacks to {size_bytes} bytes, more than any file of measured tables")
        with np.load(path, allow_pickle=False) as archive:
            columns = {name: archive[name] for name in archive.files}
    except (MemoryError, *BROKEN_ARCHIVE) as error:
        raise VersimError(
            f"{path}: not a file of measured tables: {error}; write it anew: versim silicon import"
        ) from error
    found: dict[str, dict[str, NDArray[np.generic]]] = {}
    for name, column in columns.items():
        table, _, axis = name.rpartition("/")
        found.setdefault(table, {})[axis] = column
    return {name: _table(path, name, parts) for name, parts in found.items()}


def _table(path: Path, name: str, parts: dict[str, NDArray[np.generic]]) -> Table:
    try:
        if "times_s" in parts:
            times_s = parts.pop("times_s").astype(np.float64)
        else:
            times_s = from_digits(parts.pop("digits"), parts.pop("exponents").astype(np.int8))
        axes = {axis: values.astype(np.float64) for axis, values in parts.items()}
        expected = _axes_of(name)
        ordered = {axis: axes[axis] for axis in expected}
        rows = name.startswith("experts/")
        shape = (len(times_s),) * len(expected) if rows else times_s.shape
        cause = "" if tuple(len(values) for values in ordered.values()) == shape else "lengths of columns differ"
    except (KeyError, ValueError, TypeError) as error:
        cause = str(error)
    if cause:
        raise VersimError(f"{path}: table {name!r} is damaged: {cause}; write it anew: versim silicon import")
    return Table(ordered, times_s)


def _axes_of(name: str) -> tuple[str, ...]:
    kinds = {
        "product": PRODUCT_AXES,
        "conversion": CONVERSION_AXES,
        "attention": ATTENTION_AXES,
        "experts": EXPERT_COLUMNS,
        "collective": COLLECTIVE_AXES,
    }
    return kinds[name.partition("/")[0]]
