"""Products between measured ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim_silicon import crossvalidation, store
from versim_silicon.gpus import GPUS
from versim_silicon.interpolation import DECLINED, EXACT, INTERPOLATED, SATURATED
from versim_silicon.products import Products


def products(gpu: str, dtype: str = "bf16") -> Products:
    """Of the bundled excerpt."""
    return Products.of(GPUS[gpu], dtype, store.tables_of(gpu)[f"product/{dtype}"])


def one(model: Products, m: float, n: float, k: float) -> tuple[float, int]:
    """Seconds of one product, and what they stand on."""
    found = model.times_s(np.array([m]), np.array([n]), np.array([k]))
    return float(found.values[0]), int(found.standing[0])


@pytest.mark.parametrize("gpu", ["a100_sxm", "h100_sxm", "b200_sxm"])
def test_held_out_products_are_predicted_within_six_percent(gpu: str) -> None:
    """One (n, k) is left out at a time, all m of it; 95 % have to be answered, training and decoding apart."""
    found = crossvalidation.of_products(GPUS[gpu], "bf16", store.tables_of(gpu)["product/bf16"])
    for errors in found.values():
        assert errors.answered >= 0.95
        assert errors.mean <= 0.06
    assert min(errors.rows for errors in found.values()) > 2000


@pytest.mark.parametrize("gpu", GPUS)
def test_measured_products_come_back_exactly(gpu: str) -> None:
    """Whatever the interpolation does in between."""
    table = store.tables_of(gpu)["product/bf16"]
    m, n, k = (axis.ravel() for axis in np.meshgrid(*(table.axes[axis] for axis in "mnk"), indexing="ij"))
    found = products(gpu).times_s(m, n, k)
    known = np.isfinite(table.times_s.ravel())
    np.testing.assert_allclose(found.values[known], table.times_s.ravel()[known], rtol=1e-12)
    assert np.all(found.standing[known] == EXACT)
    assert np.all(found.standing[~known] != EXACT)


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
