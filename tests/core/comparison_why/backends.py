"""Stand-ins for simulators: first come, first served, or any fixed order, with or without lanes and lags.

Written without the code under test, so that it can disagree with it.
"""

from __future__ import annotations

import itertools
import random

import attrs
import numpy as np
from fakes import served
from numpy.typing import NDArray
from versim import NONE, Inputs, Instances, Op, Prediction, Schedule, prediction_of


def answer(pinned: Inputs, instances: Instances, start: list[int], end: list[int], label: str) -> Prediction:
    """A prediction that says what a stand-in found."""
    columns = [np.array(column, dtype=np.int64) for column in (start, start, end)]
    schedule = Schedule(ready_ps=columns[0], start_ps=columns[1], end_ps=columns[2])
    made = prediction_of(pinned, instances, schedule, simulator=label, engine="stand-in")
    return attrs.evolve(made, label=label)


def first_come(
    pinned: Inputs, instances: Instances, durations_ps: NDArray[np.int64], label: str = "served"
) -> Prediction:
    """First come, first served, communication side by side."""
    return answer(pinned, instances, *served(instances, durations_ps), label)


@attrs.frozen(eq=False)
class Unit:
    """What is scheduled at once: a compute instance, or all parts of a meeting."""

    rows: tuple[int, ...]


def units_of(instances: Instances) -> list[Unit]:
    """Everything that is scheduled."""
    alone = [Unit((row,)) for row in np.flatnonzero(instances.meeting == NONE).tolist()]
    start, parts = instances.parts()
    return alone + [Unit(tuple(parts[first:last].tolist())) for first, last in itertools.pairwise(start)]


def any_order(instances: Instances, seed: int) -> list[Unit]:
    """Some order in which everything follows what it depends on."""
    source = random.Random(seed)
    units = units_of(instances)
    of_row = {row: number for number, unit in enumerate(units) for row in unit.rows}
    needs = [
        {
            of_row[on]
            for row in unit.rows
            for on in instances.dependency[
                instances.dependency_start[row] : instances.dependency_start[row + 1]
            ].tolist()
        }
        for unit in units
    ]
    followers: list[list[int]] = [[] for _ in units]
    for number, wanted in enumerate(needs):
        for on in wanted:
            followers[on].append(number)
    missing = [len(wanted) for wanted in needs]
    ready = [number for number, count in enumerate(missing) if count == 0]
    order = []
    while ready:
        number = ready.pop(source.randrange(len(ready)))
        order.append(units[number])
        for follower in followers[number]:
            missing[follower] -= 1
            if missing[follower] == 0:
                ready.append(follower)
    return order


def order_of(instances: Instances, prediction: Prediction) -> list[Unit]:
    """The order in which a prediction, on these very instances, began things."""
    begin = dict(enumerate(prediction.spans.start_ps.tolist()))
    return sorted(units_of(instances), key=lambda unit: max(begin[row] for row in unit.rows))


def in_order(
    pinned: Inputs,
    instances: Instances,
    durations_ps: NDArray[np.int64],
    order: list[Unit],
    *,
    serial: bool = False,
    blocking: bool = False,
    lags_ps: NDArray[np.int64] | None = None,
    label: str = "ordered",
) -> Prediction:
    """Every rank serves its device, and if ``serial`` its sends and collectives, in a given order.

    Args:
        pinned: The graph.
        instances: Its rows.
        durations_ps: (instances,), from the last part's posting to the end.
        order: Of everything.
        serial: One send or collective of a rank at a time.
        blocking: One thing of a rank at a time, whatever it is.
        lags_ps: (instances,), idle time before each start.
        label: The prediction's.
    """
    op = instances.graph.op[instances.node].tolist()
    rank = instances.rank_class.tolist()
    starts, dependency = instances.dependency_start.tolist(), instances.dependency.tolist()
    duration = durations_ps.tolist()
    lag = [0] * instances.count if lags_ps is None else lags_ps.tolist()
    start, end = [0] * instances.count, [0] * instances.count
    free: dict[tuple[int, bool], int] = {}

    def resource(row: int) -> tuple[int, bool] | None:
        compute = op[row] == Op.COMPUTE
        return (rank[row], compute or blocking) if compute or blocking or (serial and op[row] != Op.RECV) else None

    for unit in order:
        for row in unit.rows:
            start[row] = max((end[on] for on in dependency[starts[row] : starts[row + 1]]), default=0)
            held = resource(row)
            start[row] = max(start[row], free.get(held, 0) if held else 0) + lag[row]
        begin = max(start[row] for row in unit.rows)
        for row in unit.rows:
            end[row] = begin + duration[row]
            held = resource(row)
            if held:
                free[held] = end[row]
    return answer(pinned, instances, start, end, label)
