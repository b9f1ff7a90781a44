"""The measured tables of the wheel ``aiconfigurator-core``, read from its parquet files.

The package's own library is not used: it scales beyond what was measured. What the files mean was found by holding
them against data sheets and one another:

- ``latency`` is milliseconds.
- Products are y = x·Wᵀ. trtllm's in 8 and 4 bits were measured together with the conversion of x, which in fp8 was
  measured by itself as well: see :mod:`versim_silicon.conversion`.
- Attention is causal and forward.
- Experts are both products of a layer with its activation: ``num_tokens`` tokens each go to ``topk`` of ``num_experts``
  experts, of which this GPU has one in ``moe_ep_size``, each cut by ``moe_tp_size``.
- NCCL's ``message_size`` is elements, its version stands in the column, and sizes are those of nccl-tests: the output
  of an all-gather, the input of a reduce-scatter, the send buffer of an all-to-all.
"""

from __future__ import annotations

import functools
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import VersimError
from versim.plain import BROKEN_ARCHIVE, read_bytes, size_of

from versim_silicon.tables import Table, Tables, grid

if TYPE_CHECKING:
    import pyarrow as pa

Rows = dict[str, NDArray[Any]]

_DTYPES = {"bfloat16": "bf16", "float16": "fp16", "fp8": "fp8", "fp8_block": "fp8_block", "nvfp4": "nvfp4"}
_KINDS = {"all_reduce": "all_reduce", "all_gather": "all_gather", "reduce_scatter": "reduce_scatter"} | {
    "alltoall": "all_to_all"
}
CONVERTING = "trtllm"
"""The collector whose products in fp8 take what they took, less their conversion, like products in other formats do.
Others convert otherwise than they measured it: what is left would be faster than the data sheet, or negative."""

CONVERSIONS = ("computescale_perf", "scale_matrix_perf")
"""Files on what it takes to find the scale of a tensor and to convert it to fp8; a conversion is both."""

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
            except BROKEN_ARCHIVE as error:
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


def read(source: Source, system: str, collector: str) -> Tables:
    """Every table of a system that we know, by one collector; collectives are NCCL's, whoever collects.

    Args:
        source: The parquet files.
        system: E.g. ``h100_sxm``.
        collector: One of :data:`versim_silicon.store.COLLECTORS`.

    Raises:
        VersimError: A file is no parquet, or lacks a column.
    """
    try:
        return _read(source.files(), system, collector)
    except KeyError as error:
        raise VersimError(
            f"{source.path}: a table of {system} by {collector} lacks the column {error}, which aiconfigurator-core "
            "0.12.0 has; import that release"
        ) from error


def _read(files: dict[PurePosixPath, Any], system: str, collector: str) -> Tables:
    tables: Tables = {}
    for operation, name, reader in (
        ("gemm", "gemm_perf", _products),
        ("attention", "context_attention_perf", _attention),
        ("moe", "moe_perf", _experts),
    ):
        rows = _fullest(files, system, operation, collector, name)
        tables |= {} if rows is None else reader(rows)
    conversions = [_fullest(files, system, "quantize", collector, name) for name in CONVERSIONS]
    both = [rows for rows in conversions if rows is not None]
    if collector == CONVERTING and len(both) == len(CONVERSIONS):
        tables["conversion/fp8"] = _conversion(both)
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
    except (pa.ArrowException, *BROKEN_ARCHIVE) as error:
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


def _conversion(parts: list[Rows]) -> Table:
    """Conversions to fp8: what all parts of one take, of operands of which all were measured."""
    grids = [
        grid(_columns(fp8, "mk", "mk"), fp8["latency"] * _MS)
        for fp8 in (_picked(rows, rows["quant_dtype"] == "fp8") for rows in parts)
    ]
    axes = {name: functools.reduce(np.intersect1d, [part.axes[name] for part in grids]) for name in "mk"}
    return Table(axes, np.sum([part.over(axes).times_s for part in grids], axis=0))


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
            "tokens": even["num_tokens"].astype(np.float64),
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
