"""Hypothesis strategies: pairs of predictions of one graph by stand-ins of all sorts."""

from __future__ import annotations

import numpy as np
from backends import any_order, first_come, in_order
from fakes import pinned_of
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import graphs, unlike_durations
from versim import NONE, Inputs, Instances, Op, Prediction, RankClasses, instances_of


@st.composite
def problems(draw: st.DrawFn, most_nodes: int = 14) -> tuple[Inputs, Instances]:
    """A pinned graph with its instances, folded or rank by rank."""
    graph = draw(graphs(most_nodes=most_nodes))
    classes = None if draw(st.booleans()) else RankClasses.single(graph.mesh)
    return pinned_of(graph), instances_of(graph, classes)


@st.composite
def instance_durations(draw: st.DrawFn, instances: Instances, *, uneven: bool = False) -> NDArray[np.int64]:
    """A duration for every instance; parts of one meeting last the same unless ``uneven``."""
    each = draw(unlike_durations(instances.count))
    if uneven or not len(instances.meeting_match):
        return each
    together = draw(unlike_durations(len(instances.meeting_match)))
    return np.where(instances.meeting == NONE, each, together[instances.meeting])


@st.composite
def compute_lags(draw: st.DrawFn, instances: Instances) -> NDArray[np.int64]:
    """Idle time before some computations."""
    lags = draw(unlike_durations(instances.count)) >> 3
    some = draw(st.lists(st.booleans(), min_size=instances.count, max_size=instances.count))
    return np.where((instances.graph.op[instances.node] == Op.COMPUTE) & np.array(some), lags, 0)


@st.composite
def predictions(draw: st.DrawFn, pinned: Inputs, instances: Instances, label: str) -> Prediction:
    """What any stand-in answers."""
    durations = draw(instance_durations(instances, uneven=draw(st.booleans())))
    if draw(st.booleans()):
        durations %= 4  # everything ties with everything, and some of it takes no time
    if draw(st.booleans()):
        return first_come(pinned, instances, durations, label)
    order = any_order(instances, draw(st.integers(0, 99)))
    lags = draw(compute_lags(instances)) if draw(st.booleans()) else None
    if lags is not None and draw(st.booleans()):
        lags = draw(unlike_durations(instances.count)) >> 3
    return in_order(pinned, instances, durations, order, serial=draw(st.booleans()), lags_ps=lags, label=label)
