"""The tiles a level offers, and levels too small to offer any."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim import FaultsError
from versim_deepflow.tiles import CANDIDATES, square_tile, tile_list


@given(st.integers(0, 3), st.integers(12, 38), st.sampled_from([1, 2, 4]))
def test_every_level_offers_twenty_tiles_that_fit(level: int, power: int, element_bytes: int) -> None:
    """A tile needs both operands, and where stores pass through the level the result, too."""
    capacity = 2**power * element_bytes
    tiles = tile_list(level, capacity, element_bytes)
    assert len(set(tiles)) == len(tiles) == CANDIDATES
    square = square_tile(capacity, element_bytes)
    for m, k, n in tiles:
        if (m, k, n) in {(square, square, square), (square // 2, square, square * 2)}:
            continue
        stored = m * n if level <= 1 else 0
        assert m * k + k * n + stored <= capacity / element_bytes


@pytest.mark.parametrize("capacity_bytes", [1, 2, 16, 32, 60])
def test_a_level_too_small_for_twenty_tiles_is_refused(capacity_bytes: int) -> None:
    """DeepFlow draws for ever in search of the twentieth."""
    with pytest.raises(FaultsError, match="too few tiles"):
        tile_list(0, capacity_bytes, 2)


def test_the_draws_do_not_touch_the_global_generator() -> None:
    """A plugin must not reseed what a user's own script draws from."""
    import numpy as np  # noqa: PLC0415

    np.random.seed(5)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    tile_list.cache_clear()
    tile_list(1, 196608.0, 2)
    assert np.random.random() == expected  # noqa: NPY002
