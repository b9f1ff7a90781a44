"""Circles of waits are cut where no time passes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from versim.comparison.attribution.circles import depths, without_circles


def kept(edges: list[tuple[int, int]], time_ps: list[int], removable: list[bool]) -> list[int]:
    """Which edges stay."""
    source, target = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    return without_circles(source, target, np.array(time_ps), removable=np.array(removable, dtype=bool)).tolist()


def test_a_wrong_order_at_one_instant_is_dropped() -> None:
    """0 → 1 is a dependency, 1 → 0 an order read off the wrong way round; what lies behind them is untouched."""
    edges = [(0, 1), (1, 0), (1, 2), (2, 3)]
    assert kept(edges, [5, 5, 5, 5], [False, True, True, True]) == [0, 2, 3]


def test_orders_in_which_time_passes_are_kept() -> None:
    """Nothing is dropped where nothing runs in a circle."""
    assert kept([(0, 1), (1, 2)], [0, 4, 4], [True, True]) == [0, 1]


def test_a_prediction_that_contradicts_the_graph_is_cut_where_time_runs_backwards() -> None:
    """0 → 1 → 2 → 0 with dependencies only: the edge back in time goes."""
    assert kept([(0, 1), (1, 2), (2, 0)], [0, 4, 8], [False, False, False]) == [0, 1]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.booleans()), max_size=14), st.data())
def test_what_is_kept_has_no_circle(edges: list[tuple[int, int, bool]], data: st.DataObject) -> None:
    """Whatever the edges and the times; and edges along which time passes are never dropped."""
    time = data.draw(st.lists(st.integers(0, 3), min_size=6, max_size=6))
    pairs = [(a, b) for a, b, _ in edges]
    stays = kept(pairs, time, [removable for _, _, removable in edges])
    source, target = np.array([pairs[edge] for edge in stays], dtype=np.int64).reshape(-1, 2).T
    depth, left = depths(source, target, 6)
    assert not left.any()
    assert (depth[source] < depth[target]).all()
    assert {edge for edge, (a, b) in enumerate(pairs) if time[a] < time[b]} <= set(stays)
