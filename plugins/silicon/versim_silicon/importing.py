"""The measured tables of the wheel ``aiconfigurator-core``, read from its parquet files.

The package's own library is not used: it scales beyond what was measured. What the files mean was found by holding
them against data sheets and one another:

- ``latency`` is milliseconds.
- Products are y = x·Wᵀ. In 8 and 4 bits they were measured together with the conversion of x, which is taken off again
  (trtllm's). Of fp8 the conversion was measured by itself as well. Of fp8_block and nvfp4 it is estimated from the
  narrowest product, which is nearly all conversion.
- Attention is causal and forward.
- Experts are both products of a layer with its activation: ``num_tokens`` tokens each go to ``topk`` of ``num_experts``
  experts, of which this GPU has one in ``moe_ep_size``, each cut by ``moe_tp_size``.
- NCCL's ``message_size`` is elements, its version stands in the column, and sizes are those of nccl-tests: the output
  of an all-gather, the input of a reduce-scatter, the send buffer of an all-to-all.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import VersimError
from versim.plain import read_bytes, size_of

from versim_silicon.gpus import GPUS, Gpu
from versim_silicon.tables import Table, Tables, grid

if TYPE_CHECKING:
    import pyarrow as pa

Rows = dict[str, NDArray[Any]]

COLLECTORS = ("trtllm", "sglang", "vllm")

_DTYPES = {"bfloat16": "bf16", "float16": "fp16", "fp8": "fp8", "fp8_block": "fp8_block", "nvfp4": "nvfp4"}
_KINDS = {"all_reduce": "all_reduce", "all_gather": "all_gather", "reduce_scatter": "reduce_scatter"} | {
    "alltoall": "all_to_all"
}
CONVERTING = "trtllm"
"""The collector whose products in fp8 take what they took, less their conversion, like products in other formats do.
Others convert otherwise than they measured it: what is left would be faster than the data sheet, or negative."""

CONVERSIONS = ("computescale_perf", "scale_matrix_perf")
"""Files on what it takes to find the scale of a tensor and to convert it to fp8."""

LEAST_LEFT = 0.05
"""A product that takes less than this share of what it took together with its conversion is lost in noise."""

PRODUCT_SHARE, PRODUCT_S = 0.5, 3e-6
"""The narrowest product in 8 or 4 bits takes so much of what it takes in bf16, for its operand is half the size or
less, and so many seconds for launches: with these the estimate is within 2 % of the measured conversion to fp8, by
median over products of H100, B200 and GB300 with inner dimensions from 1,024."""

_UNGATED = ("nongated", "min_latency")
_BALANCED = ("balanced", "power_law_1.01")
"""How tokens fall on experts, the most even first; A100 was measured with the second only."""
_MS = 1e-3


MOST_WHEEL_BYTES = 4 * 2**30
MOST_TABLE_BYTES = 512 * 2**20
"""Of one parquet file, which is read into memory."""


@attrs.frozen
class Source:
    """Parquet files by their place under ``systems/data``: ``SYSTEM/OPERATION/COLLECTOR/VERSION/NAME.parquet``."""

    path: Path

    def files(self) -> dict[PurePosixPath, Any]:
        """Place ─▶ what :func:`_rows` reads."""
        if self.path.is_dir():
            found = {
                PurePosixPath(file.relative_to(self.path).as_posix()): file for file in self.path.rglob("*.parquet")
            }
        elif size_of(self.path, MOST_WHEEL_BYTES) and zipfile.is_zipfile(self.path):
            try:
                with zipfile.ZipFile(self.path) as wheel:
                    names = [name for name in wheel.namelist() if name.endswith(".parquet")]
            except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
                raise VersimError(f"{self.path}: not a wheel that can be read ({error})") from None
            found = {PurePosixPath(name): (self.path, name) for name in names}  # type: ignore[misc]
        else:
            raise VersimError(f"{self.path}: neither a wheel nor a folder; see: versim silicon import --help")
        placed = {_place(at): file for at, file in found.items() if _place(at) is not None}
        if not placed:
            raise VersimError(
                f"{self.path}: holds no systems/data/SYSTEM/gemm/…/gemm_perf.parquet; "
                "pip download --no-deps aiconfigurator-core==0.12.0 fetches the wheel"
            )
        return placed  # type: ignore[return-value]


def _place(path: PurePosixPath) -> PurePosixPath | None:
    parts = path.parts
    return PurePosixPath(*parts[-5:]) if len(parts) >= 5 else None


def systems(source: Source) -> list[str]:
    """The systems that have measured products."""
    return sorted({place.parts[0] for place in source.files() if place.parts[1] == "gemm"})


def read(source: Source, system: str, collector: str, *, alone: bool = True) -> Tables:
    """Every table of a system that we know, by one collector; collectives are NCCL's, whoever collects.

    Args:
        source: The parquet files.
        system: E.g. ``h100_sxm``.
        collector: One of :data:`COLLECTORS`.
        alone: False if products in fp8 stay as collected, conversion included.

    Raises:
        VersimError: A file is no parquet, or lacks a column.
    """
    try:
        return _read(source.files(), system, collector, alone=alone)
    except KeyError as error:
        raise VersimError(
            f"{source.path}: a table of {system} by {collector} lacks the column {error}, which aiconfigurator-core "
            "0.12.0 has; import that release"
        ) from error


def _read(files: dict[PurePosixPath, Any], system: str, collector: str, *, alone: bool) -> Tables:
    tables: Tables = {}
    for operation, name, reader in (
        ("gemm", "gemm_perf", _products),
        ("attention", "context_attention_perf", _attention),
        ("moe", "moe_perf", _experts),
    ):
        rows = _fullest(files, system, operation, collector, name)
        tables |= {} if rows is None else reader(rows)
    conversions = [_fullest(files, system, "quantize", collector, name) for name in CONVERSIONS]
    if alone and collector == CONVERTING and "product/fp8" in tables:
        tables["product/fp8"] = _alone(tables["product/fp8"], [rows for rows in conversions if rows is not None])
        for dtype in ("fp8_block", "nvfp4"):
            if f"product/{dtype}" in tables:
                tables[f"product/{dtype}"] = _narrowest_off(tables[f"product/{dtype}"], tables["product/bf16"])
        if system in GPUS:
            tables |= {
                name: _possible(name, tables[name], GPUS[system]) for name in tables if name.startswith("product/")
            }
    return tables | _collectives(_nccl_rows(files, system))


def _fullest(files: dict[PurePosixPath, Any], system: str, operation: str, collector: str, name: str) -> Rows | None:
    """Releases add small files for what they collected anew; the fullest is the sweep, of equal ones the newest."""
    found = [place for place in files if _is(place, system, operation, collector, name)]
    read_rows = [_rows(files[place]) for place in sorted(found, key=lambda place: _version_key(place.parts[3]))]
    return max(reversed(read_rows), key=lambda rows: len(rows["latency"])) if read_rows else None


def _is(place: PurePosixPath, system: str, operation: str, collector: str, name: str) -> bool:
    return (place.parts[0], place.parts[1], place.parts[2], place.stem) == (system, operation, collector, name)


def _version_key(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _rows(file: Path | tuple[Path, str]) -> Rows:
    try:
        import pyarrow.parquet as pq  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise VersimError("reading parquet needs pyarrow: pip install 'versim[silicon]'") from error
    import pyarrow as pa  # noqa: PLC0415

    try:
        if isinstance(file, Path):
            content = read_bytes(file, MOST_TABLE_BYTES)
        else:
            with zipfile.ZipFile(file[0]) as wheel:
                size = wheel.getinfo(file[1]).file_size
                if size > MOST_TABLE_BYTES:
                    raise VersimError(f"{file[0]}: {file[1]} has {size} bytes, more than any table of measurements")
                content = wheel.read(file[1])
        table: pa.Table = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowException, zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        place = file if isinstance(file, Path) else f"{file[0]}: {file[1]}"
        raise VersimError(f"{place}: not a table that can be read ({' '.join(str(error).split())[:200]})") from None
    return {name: table.column(name).to_numpy(zero_copy_only=False) for name in table.column_names}


def _picked(rows: Rows, mask: NDArray[np.bool_]) -> Rows:
    return {name: column[mask] for name, column in rows.items()}


def _by(rows: Rows, column: str) -> Iterator[tuple[Any, Rows]]:
    for value in np.unique(rows[column]):
        yield value, _picked(rows, rows[column] == value)


def _columns(rows: Rows, names: Iterable[str], of: Iterable[str]) -> dict[str, NDArray[np.float64]]:
    return {name: rows[column].astype(np.float64) for name, column in zip(names, of, strict=True)}


def _products(rows: Rows) -> Tables:
    return {
        f"product/{_DTYPES[dtype]}": grid(_columns(some, "mnk", "mnk"), some["latency"] * _MS)
        for dtype, some in _by(rows, "gemm_dtype")
        if dtype in _DTYPES
    }


def _alone(table: Table, conversions: list[Rows]) -> Table:
    """Products in fp8 without the conversion of their left operand, which was measured with them and by itself.

    Where a conversion was not measured, or a product would be left with nothing, the product counts as not measured.
    """
    m, k = table.axes["m"], table.axes["k"]
    spent = np.zeros((len(m), len(k)))
    for rows in conversions:
        fp8 = _picked(rows, rows["quant_dtype"] == "fp8")
        held = grid(_columns(fp8, "mk", "mk"), fp8["latency"] * _MS)
        here = np.full(spent.shape, np.nan)
        both = [np.intersect1d(axis, held.axes[name]) for name, axis in (("m", m), ("k", k))]
        here[np.ix_(*(np.searchsorted(axis, some) for axis, some in zip((m, k), both, strict=True)))] = held.times_s[
            np.ix_(*(np.searchsorted(held.axes[name], some) for name, some in zip("mk", both, strict=True)))
        ]
        spent += here
    left = table.times_s - spent[:, None, :]
    left[~(left > LEAST_LEFT * table.times_s)] = np.nan
    return Table(table.axes, left)


def _narrowest_off(table: Table, bf16: Table) -> Table:
    """Products without the conversion of their left operand, as the narrowest product of each m and k shows it."""
    m, n, k = (table.axes[axis] for axis in "mnk")
    shared = {axis: np.intersect1d(table.axes[axis], bf16.axes[axis]) for axis in "mnk"}
    narrow = shared["n"][0]
    spent = np.full((len(m), len(k)), np.nan)
    here, there = ([np.searchsorted(axes[axis], shared[axis]) for axis in "mk"] for axes in (table.axes, bf16.axes))
    spent[np.ix_(*here)] = (
        table.times_s[np.ix_(here[0], np.searchsorted(n, [narrow]), here[1])][:, 0]
        - PRODUCT_S
        - PRODUCT_SHARE * bf16.times_s[np.ix_(there[0], np.searchsorted(bf16.axes["n"], [narrow]), there[1])][:, 0]
    )
    left = table.times_s - np.maximum(spent, 0)[:, None, :]
    left[~(left > LEAST_LEFT * table.times_s)] = np.nan
    return Table(table.axes, left)


def _possible(name: str, table: Table, gpu: Gpu) -> Table:
    """Without what is left of a product that would then be faster than the data sheet: the conversion was overrated."""
    m, n, k = (table.axes[axis] for axis in "mnk")
    flop = 2 * m[:, None, None] * n[None, :, None] * k[None, None, :]
    faster = ~(table.times_s > 1.001 * flop / gpu.flop_per_s[name.rpartition("/")[2]])  # times are rounded later
    return Table(table.axes, np.where(faster, np.nan, table.times_s))


def _attention(rows: Rows) -> Tables:
    """Without a sliding window, and with keys and values kept in the format they are computed in."""
    whole = rows["window_size"] == 0 if "window_size" in rows else np.ones(len(rows["latency"]), dtype=bool)
    rows = _picked(rows, whole & (rows["attn_dtype"] == rows["kv_cache_dtype"]))
    rows["num_key_value_heads"] = np.where(
        rows["num_key_value_heads"] == 0, rows["num_heads"], rows["num_key_value_heads"]
    )
    names = ("batch", "heads", "kv_heads", "length")
    columns = ("batch_size", "num_heads", "num_key_value_heads", "isl")
    return {
        f"attention/{_DTYPES[dtype]}/{int(head)}": grid(_columns(some, names, columns), some["latency"] * _MS)
        for dtype, of_dtype in _by(rows, "attn_dtype")
        if dtype in _DTYPES
        for head, some in _by(of_dtype, "head_dim")
    }


def _experts(rows: Rows) -> Tables:
    gated = np.array([not any(word in kernel for word in _UNGATED) for kernel in rows["kernel_source"]])
    tables: Tables = {}
    for dtype, some in _by(_picked(rows, gated), "moe_dtype"):
        spread = next((name for name in _BALANCED if np.any(some["distribution"] == name)), None)
        if dtype not in _DTYPES or spread is None:
            continue
        even = _picked(some, some["distribution"] == spread)
        experts = even["num_experts"].astype(np.float64)
        axes = {
            "rows": even["num_tokens"] * even["topk"] / experts,
            "experts": experts / even["moe_ep_size"],
            "hidden": even["hidden_size"].astype(np.float64),
            "inner": even["inter_size"] / even["moe_tp_size"],
        }
        tables[f"experts/{_DTYPES[dtype]}"] = Table(axes, even["latency"] * _MS)
    return tables


def repeated_collectives(source: Source, system: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bytes of collectives that one version of NCCL was measured with twice or more, and how far times are apart.

    Returns:
        Sizes, and relative distances from the median; shape (rows,) each.
    """
    half = _nccl_rows(source.files(), system)
    columns = [half[name].astype(str) for name in ("version", "op_name", "num_gpus", "message_size")]
    _, which, counts = np.unique(np.stack(columns), axis=1, return_inverse=True, return_counts=True)
    which = which.ravel()
    medians = np.array([np.median(half["latency"][which == place]) for place in range(len(counts))])
    again = counts[which] > 1
    apart = np.abs(half["latency"] / medians[which] - 1) * 2  # from one another, not from their middle
    return half["message_size"][again] * 2.0, apart[again]


def _nccl_rows(files: dict[PurePosixPath, Any], system: str) -> Rows:
    """Rows of 16-bit elements that name their version, with the folder they are from."""
    names = ("op_name", "nccl_dtype", "num_gpus", "message_size", "latency", "version")
    found: dict[str, list[NDArray[Any]]] = {name: [] for name in (*names, "folder")}
    for place, file in files.items():
        if _is(place, system, "comm", "nccl", "nccl_perf"):
            rows = _rows(file)
            if "version" in rows:
                rows["folder"] = np.full(len(rows["latency"]), place.parts[3])
                for name, columns in found.items():
                    columns.append(rows[name])
    if not found["folder"]:
        return {name: np.array([]) for name in found}
    together = {name: np.concatenate(columns) for name, columns in found.items()}
    return _picked(together, together["nccl_dtype"] == "half")


def _collectives(half: Rows) -> Tables:
    """By version as its rows name it; where a folder bears that name, its run, else the median of all."""
    return {
        f"collective/{version}/{_KINDS[kind]}": grid(
            {"ranks": some["num_gpus"].astype(np.float64), "size_bytes": some["message_size"] * 2.0},
            some["latency"] * _MS,
        )
        for version, of_version in _by(half, "version")
        for kind, some in _by(_own_folder(of_version, version), "op_name")
        if kind in _KINDS
    }


def _own_folder(rows: Rows, version: str) -> Rows:
    own = rows["folder"] == version
    return _picked(rows, own) if own.any() else rows
