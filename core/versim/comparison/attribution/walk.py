"""Walks through a chain: the path that decides when the step ends, and how far everything else is from it."""

from __future__ import annotations

import itertools

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.comparison.attribution.chain import Chain
from versim.comparison.attribution.waits import Wait
from versim.graph import NONE


@attrs.frozen
class Link:
    """One execution on the longest path.

    Attributes:
        row: The instance whose duration is on the path.
        entry: The instance through which the path enters it: of a communication, the part that was posted last.
        start_ps: When the entry started.
        end_ps: When the row ended.
        ordered: True if the entry waited for a resource, False for a dependency or the start of the step.
        carries: False for a late part whose data had long arrived: its duration is not on the path.
    """

    row: int
    entry: int
    start_ps: int
    end_ps: int
    ordered: bool
    carries: bool


def longest_path(chain: Chain) -> tuple[Link, ...]:
    """The path through a chain's own timeline to its last end, earliest first; ties go to dependencies."""
    line, instances, late = chain.line, chain.instances, chain.progress.late
    source, owner, kind = chain.waits.source, chain.waits.owner, chain.waits.kind
    links: list[Link] = []
    row = int(np.argmax(line.end_ps))
    while row != NONE:
        entry, carries = row, True
        if late[row]:
            carries = kind[_binding(chain, row)] == Wait.ARRIVAL
        if carries and instances.meeting[row] != NONE:
            entry = int(source[_binding(chain, instances.count + int(instances.meeting[row]))])
            if entry >= instances.count:
                break  # cut loose from its parts because they ran in a circle
        edge = _binding(chain, entry, arrivals=False)
        links.append(
            Link(
                row=row,
                entry=entry,
                start_ps=int(line.start_ps[entry]),
                end_ps=int(line.end_ps[row]),
                ordered=bool(kind[edge] == Wait.ORDER),
                carries=bool(carries),
            )
        )
        row = int(owner[edge])
    return tuple(reversed(links))


def _binding(chain: Chain, token: int, *, arrivals: bool = True) -> int:
    """The edge that decides the time of a token."""
    waits = chain.waits
    best, latest = NONE, 0
    for edge in range(int(chain.edge_start[token]), int(chain.edge_start[token + 1])):
        arrival = waits.kind[edge] == Wait.ARRIVAL
        if arrival and not arrivals:
            continue
        adds = int(waits.adds[edge])
        time_ps = int(waits.time_ps[waits.source[edge]])
        time_ps += int(chain.progress.duration_ps[adds]) if adds < chain.instances.count else 0
        time_ps += 0 if arrival else int(chain.lag_ps[token])
        if best == NONE or time_ps > latest:
            best, latest = edge, time_ps
    return best


def slack_ps(chain: Chain) -> NDArray[np.int64]:
    """How much later each instance could end without a later end of the step; shape (instances,).

    latest(token) = min over edges e that leave it of (latest(target(e)) − add(e) − lag(target(e)))
    slack(i)      = min over edges e that leave the end of i of (latest(target(e)) − lag(target(e))) − end(i)
    """
    line, advance, levels = chain.line, chain.progress, chain.levels
    makespan = int(line.end_ps.max(initial=0))
    weights = chain.weights(advance.duration_ps[:, None], chain.lag_ps)[:, 0]
    source, target, owner = (
        column[levels.edge] for column in (chain.waits.source, chain.waits.target, chain.waits.owner)
    )
    latest = np.full(len(chain.lag_ps), np.iinfo(np.int64).max // 2)
    np.minimum.at(latest, chain.end_token, np.where(advance.late, makespan, makespan - advance.duration_ps))
    edge_start, depth_start = levels.edge_start.tolist(), levels.depth_start.tolist()
    for end, begin in itertools.pairwise(reversed(depth_start)):
        edges = slice(edge_start[begin], edge_start[end])
        np.minimum.at(latest, source[edges], latest[target[edges]] - weights[edges])
    slack = makespan - line.end_ps
    owned = owner != NONE
    allowed = latest[target[owned]] - chain.lag_ps[target[owned]] - line.end_ps[owner[owned]]
    np.minimum.at(slack, owner[owned], allowed)
    return slack
