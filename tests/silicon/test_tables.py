"""The bundled excerpt: what it holds, that its units are right, and that the wheel's rows come back."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim import VersimError
from versim_silicon import store, tables
from versim_silicon.decimals import from_digits, to_digits
from versim_silicon.gpus import GPUS, gpu_of
from versim_silicon.tables import Table, load, save

WHEEL_ROWS = Path(__file__).parents[1] / "golden" / "silicon" / "wheel_rows.csv"


def wheel_rows() -> list[dict[str, str]]:
    """Rows of the package's own files."""
    with WHEEL_ROWS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def test_the_excerpt_is_small() -> None:
    """It is in every wheel of versim."""
    assert sum(file.stat().st_size for file in store.BUNDLED.iterdir()) < 1_500_000


def test_the_licence_and_what_was_changed_stand_beside_it() -> None:
    """Apache-2.0 asks for both."""
    notice = (store.BUNDLED / "NOTICE.md").read_text(encoding="utf-8")
    assert "Copyright (c) 2025-2026 NVIDIA CORPORATION & AFFILIATES" in notice
    assert "## Changes" in notice
    assert "Apache License" in (store.BUNDLED / "LICENSE").read_text(encoding="utf-8")


@pytest.mark.parametrize("gpu", GPUS)
def test_every_gpu_has_every_kind_of_table(gpu: str) -> None:
    """Seven GPUs; fp8 where it was measured."""
    names = set(store.tables_of(gpu))
    assert {"product/bf16", "attention/bf16/128", "experts/bf16"} <= names
    assert {"product/fp8" in names, "experts/fp8" in names} == {gpu != "a100_sxm"}
    assert any(name.startswith("collective/") for name in names)


@pytest.mark.parametrize(
    "row", wheel_rows(), ids=lambda row: f"{row['gpu']}-{row['what']}-{row['a']}-{row['b']}-{row['c']}"
)
def test_rows_of_the_wheel_come_back(row: dict[str, str]) -> None:
    """The excerpt is the package's figures, in seconds and bytes: nothing shifted, transposed or scaled.

    Collectives come back to the last digit, products and attention in bf16 to the seventh.
    """
    measured = store.tables_of(row["gpu"])
    dtype, place = row["version_or_dtype"], tuple(row[column] for column in "abcd")
    if row["what"] == "product":
        assert _at(measured[f"product/{dtype}"], place[:3]) == digits(row["latency_ms"])
        if dtype == "fp8":
            conversion_s = _at(measured["conversion/fp8"], (place[0], place[2]))
            assert conversion_s == pytest.approx((float(row["scale_ms"]) + float(row["convert_ms"])) * 1e-3, rel=1e-6)
    elif row["what"] == "attention":
        assert _at(measured[f"attention/{dtype}/{row['e']}"], place) == digits(row["latency_ms"])
    else:
        sized = (row["b"], str(2 * int(row["c"])))
        assert _at(measured[f"collective/{dtype}/{row['a']}"], sized) == float(row["latency_ms"]) * 1e-3


def _at(table: Table, place: tuple[str, ...]) -> float:
    at = tuple(int(np.flatnonzero(axis == float(v))[0]) for axis, v in zip(table.axes.values(), place, strict=True))
    return float(table.times_s[at])


def digits(latency_ms: str) -> object:
    """Seconds in seven digits."""
    return pytest.approx(float(f"{float(latency_ms) * 1e-3:.6e}"), rel=1e-12)


@pytest.mark.parametrize("gpu", GPUS)
def test_nothing_was_faster_than_its_data_sheet(gpu: str) -> None:
    """A wrong unit shows here first: operations per second below the peak, bytes on links below their bandwidth.

    All-reduce over NVLS adds up in the switch: it moves less over a GPU's link than a ring does, and what the ring's
    formula calls bus bandwidth may exceed the link. Only there a twentieth more is let through.
    """
    sheet = GPUS[gpu]
    for name, table in store.tables_of(gpu).items():
        what, *parts = name.split("/")
        if what == "product":
            m, n, k = np.meshgrid(*(table.axes[axis] for axis in "mnk"), indexing="ij")
            assert np.nanmax(2 * m * n * k / table.times_s) < sheet.flop_per_s[parts[0]], name
        elif what == "collective":
            ranks, sizes = table.axes["ranks"][:, None], table.axes["size_bytes"][None, :]
            factor = (2 if parts[1] == "all_reduce" else 1) * (ranks - 1) / ranks
            allowed = 1.05 if parts[1] == "all_reduce" and sheet.compute_capability >= 90 else 1.0
            assert np.nanmax(factor * sizes / table.times_s) < allowed * sheet.link_bytes_per_s, name


@given(st.lists(st.one_of(st.just(np.nan), st.floats(1e-9, 1e3)), min_size=1, max_size=30), st.sampled_from([4, 7]))
def test_digits_are_kept_and_kept_again(times: list[float], kept: int) -> None:
    """Reading and writing again changes nothing, and the first writing at most half of the last digit."""
    times_s = np.array(times)
    once = from_digits(*to_digits(times_s, kept))
    assert np.array_equal(once, from_digits(*to_digits(once, kept)), equal_nan=True)
    np.testing.assert_allclose(once, times_s, rtol=5.01 * 10.0**-kept)


def test_tables_survive_a_file(tmp_path: Path) -> None:
    """And the same tables are the same bytes, whenever they are written."""
    held = {
        "collective/1.0/all_reduce": Table(
            {"ranks": np.array([2.0]), "size_bytes": np.array([8.0, 16.0])}, np.array([[1e-5, np.nan]])
        )
    }
    save(held, tmp_path / "one.npz")
    save(held, tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    assert np.array_equal(
        load(tmp_path / "one.npz")["collective/1.0/all_reduce"].times_s, [[1e-5, np.nan]], equal_nan=True
    )


def _savez(path: Path, arrays: dict[str, Any]) -> None:
    np.savez(path, **arrays)


@pytest.mark.parametrize("damage", ["text", "pickle", "short", "unknown"])
def test_a_damaged_file_is_named(tmp_path: Path, damage: str) -> None:
    """Imported files are the user's; nothing in them is executed or believed."""
    path = tmp_path / "x.npz"
    digits: dict[str, Any] = {"product/bf16/exponents": np.zeros((1, 1, 1), np.int8), "product/bf16/m": np.ones(2)}
    if damage == "text":
        path.write_text("no archive")
    elif damage == "pickle":
        _savez(path, {"product/bf16/digits": np.array([{}], dtype=object)})
    elif damage == "short":
        _savez(path, {"product/bf16/digits": np.zeros((1, 1, 1), np.uint16)} | digits)
    else:
        _savez(path, {"kernel/bf16/digits": np.zeros(1, np.uint16), "kernel/bf16/exponents": np.zeros(1, np.int8)})
    with pytest.raises(VersimError, match=r"x\.npz"):
        tables.load(path)


@pytest.mark.parametrize(
    ("device", "gpu"),
    [
        ("NVIDIA A100-SXM4-80GB", "a100_sxm"),
        ("A100 80GB SXM", "a100_sxm"),
        ("H100", "h100_sxm"),
        ("NVIDIA H100 80GB HBM3", "h100_sxm"),
        ("H200", "h200_sxm"),
        ("NVIDIA B300 SXM6 AC", "b300_sxm"),
        ("GB200 NVL72", "gb200"),
        ("gb300", "gb300"),
        ("A100-PCIE-40GB", None),
        ("H100 NVL", None),
        ("GH200", None),
        ("V100", None),
        ("", None),
    ],
)
def test_devices_are_known_by_the_names_people_use(device: str, gpu: str | None) -> None:
    """A board that was not measured is not taken for one that was."""
    assert gpu_of(device) == gpu
