"""Products between measured ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim_silicon import crossvalidation, store
from versim_silicon.gpus import GPUS
from versim_silicon.interpolation import DECLINED, EXACT, INTERPOLATED, SATURATED, Answers
from versim_silicon.products import Products
from versim_silicon.tables import Table


def products(gpu: str, dtype: str = "bf16", *, included: bool = False) -> Products:
    """Of the bundled excerpt."""
    found = Products.of(GPUS[gpu], dtype, store.tables_of(gpu), included=included)
    assert found is not None
    return found


FORMATS = [
    (gpu, name.removeprefix("product/")) for gpu in GPUS for name in store.tables_of(gpu) if name.startswith("product/")
]
"""GPUs with each format that was measured on it."""


def one(model: Products, m: float, n: float, k: float) -> tuple[float, int]:
    """Seconds of one product, and what they stand on."""
    found = model.times_s(np.array([m]), np.array([n]), np.array([k]))
    return float(found.values[0]), int(found.standing[0])


HELD_OUT = [row for row in FORMATS if row[0] in ("a100_sxm", "h100_sxm", "b200_sxm")]


@pytest.mark.parametrize(("gpu", "dtype"), HELD_OUT)
def test_held_out_products_are_predicted_within_six_percent(gpu: str, dtype: str) -> None:
    """One (n, k) is left out at a time, all m of it; 95 % have to be answered, training and decoding apart."""
    found = crossvalidation.of_products(GPUS[gpu], dtype, store.tables_of(gpu), included=True)
    for errors in found.values():
        assert errors.answered >= 0.95
        assert errors.mean <= 0.06
    assert min(errors.rows for errors in found.values()) > 2000


def test_what_is_left_without_a_conversion_is_noisier_and_said_apart() -> None:
    """In fp8 on Hopper it is still within six percent; a difference has the noise of both."""
    tables = store.tables_of("h100_sxm")
    whole = crossvalidation.of_products(GPUS["h100_sxm"], "fp8", tables, included=True)
    left = crossvalidation.of_products(GPUS["h100_sxm"], "fp8", tables, included=False)
    for part in ("training", "decoding"):
        assert whole[part].mean < left[part].mean <= 0.06


def everywhere(model: Products, table: Table) -> Answers:
    """What is answered at every place of a table."""
    m, n, k = (axis.ravel() for axis in np.meshgrid(*(table.axes[axis] for axis in "mnk"), indexing="ij"))
    return model.times_s(m, n, k)


@pytest.mark.parametrize(("gpu", "dtype"), FORMATS)
def test_measured_products_come_back_exactly(gpu: str, dtype: str) -> None:
    """As collected, whatever the interpolation does in between."""
    table = store.tables_of(gpu)[f"product/{dtype}"]
    found = everywhere(products(gpu, dtype, included=True), table)
    known = np.isfinite(table.times_s.ravel())
    np.testing.assert_allclose(found.values[known], table.times_s.ravel()[known], rtol=1e-12)
    assert np.all(found.standing[known] == EXACT)
    assert np.all(found.standing[~known] != EXACT)


@pytest.mark.parametrize(("gpu", "dtype"), [row for row in FORMATS if row[1] != "bf16"])
def test_conversions_are_what_lies_between_both_answers(gpu: str, dtype: str) -> None:
    """A product as collected less one without its conversion is the same for every n, and what was measured in fp8.

    What is left where an estimate was taken off is not called measured.
    """
    tables = store.tables_of(gpu)
    table = tables[f"product/{dtype}"]
    whole, left = (everywhere(products(gpu, dtype, included=included), table) for included in (True, False))
    conversion = products(gpu, dtype).conversion
    assert conversion is not None
    possible = np.isfinite(conversion.taken_off(table).times_s)
    assert possible.sum() > 0.95 * table.count()
    spent = (whole.values - left.values).reshape(table.times_s.shape)
    expected = np.broadcast_to(conversion.table.times_s[:, None, :], spent.shape)
    np.testing.assert_allclose(spent[possible], expected[possible], rtol=1e-9, atol=1e-15)
    if dtype == "fp8":
        assert np.all(left.standing.reshape(possible.shape)[possible] == EXACT)
        measured = tables["conversion/fp8"].over(conversion.table.axes)
        assert np.array_equal(conversion.table.times_s, measured.times_s)
    else:
        assert not np.any(left.standing == EXACT)


def test_other_collectors_products_are_taken_as_they_are() -> None:
    """Tables without a measured conversion have nothing to take off."""
    tables = {name: table for name, table in store.tables_of("b200_sxm").items() if not name.startswith("conversion")}
    for dtype in ("fp8", "fp8_block", "nvfp4"):
        model = Products.of(GPUS["b200_sxm"], dtype, tables)
        assert model is not None
        table = tables[f"product/{dtype}"]
        known = np.isfinite(table.times_s.ravel())
        np.testing.assert_allclose(everywhere(model, table).values[known], table.times_s.ravel()[known], rtol=1e-12)


def test_gaps_above_an_octave_are_declined_and_ends_are_held() -> None:
    """A100 has nothing between 16,384 and 65,536 columns, nor above 8,192 rows, nor below 32 columns."""
    model = products("a100_sxm")
    assert one(model, 20, 30000, 4096)[1] == DECLINED
    assert one(model, 4096, 16, 16)[1] == DECLINED
    assert one(model, 4096, 4097, 4096)[1] == INTERPOLATED
    held, standing = one(model, 28672, 4096, 4096)
    assert standing == SATURATED
    assert held == pytest.approx(3.5 * one(model, 8192, 4096, 4096)[0], rel=0.05)


def test_a_product_and_its_transpose_are_one() -> None:
    """A vocabulary of 32,000 lies in a gap as columns and between measured values as rows (H100)."""
    time_s, standing = one(products("h100_sxm"), 4096, 20000, 4096)
    assert standing == INTERPOLATED
    assert time_s == pytest.approx(one(products("h100_sxm"), 20000, 4096, 4096)[0])


@given(st.floats(32, 60000), st.floats(32, 60000), st.floats(32, 60000))
def test_no_product_beats_the_data_sheet(m: float, n: float, k: float) -> None:
    """Interpolated or held, a time stays above the operations over the peak."""
    time_s, standing = one(products("h100_sxm"), m, n, k)
    assert standing == DECLINED or time_s > 2 * m * n * k / GPUS["h100_sxm"].flop_per_s["bf16"]


def test_nothing_that_is_no_size_is_answered() -> None:
    """Zero, negative, infinite and NaN sizes are declined, and disturb no neighbour."""
    sizes = np.array([0.0, -1.0, np.inf, np.nan, 4096.0])
    found = products("h100_sxm").times_s(sizes, np.full(5, 4096.0), np.full(5, 4096.0))
    assert found.standing.tolist() == [DECLINED, DECLINED, DECLINED, DECLINED, EXACT]
