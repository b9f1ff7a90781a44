"""Slack, and which executions enter or leave the critical path between two predictions, and why.

Both rest on the fixed-order model of a timeline (:mod:`.attribution.chain`): dependencies, the orders in which each
rank served its resources, and lags, so that the longest path is the timeline itself.
"""

from __future__ import annotations

import enum
from fractions import Fraction

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.comparison.align import parts_of
from versim.comparison.attribution.chain import Chain
from versim.comparison.attribution.waits import Wait
from versim.graph import NONE
from versim.kernel.functions import compiled, ordered_behind


class Reason(enum.StrEnum):
    """Why an execution is on one critical path and not on the other."""

    DURATION = "duration"
    """It takes longer where it is on the path, by at least the slack it has where it is not."""
    ORDER = "order"
    """Where it is on the path, it waits for a resource, or makes the next one wait, in an order the other has not."""
    SLACK = "slack"
    """Neither: what leads to it or away from it changed by more than the slack it has where it is not on the path."""


@attrs.frozen(kw_only=True)
class Move:
    """One execution that enters or leaves the critical path.

    Attributes:
        node: Row of the graph, of a communication the part through which the path leaves it.
        rank: The representative rank.
        path_ps: Time that the path on which it is spends in it.
        change_ps: The other's duration minus the reference's.
        slack_ps: Its slack in the prediction where it is not on the path.
        reason: Why.
    """

    node: int
    rank: int
    path_ps: int
    change_ps: int
    slack_ps: int
    reason: Reason


@attrs.frozen(kw_only=True)
class PathChange:
    """How the critical path of one prediction differs from the reference's.

    Attributes:
        entered: On the other's path only, most time first.
        left: On the reference's path only, most time first.
        agreement: Time-weighted Jaccard index of the two paths in 0..1. With s(x) the share of a path's time that it
            spends in node or communication x, summed over ranks,

                agreement = Σ min(s_reference(x), s_other(x)) / Σ max(s_reference(x), s_other(x))

            so a step that is slower everywhere by the same factor agrees fully. 1 if both paths take no time.
    """

    entered: tuple[Move, ...]
    left: tuple[Move, ...]
    agreement: float


def path_change(reference: Chain, other: Chain) -> PathChange:
    """Compare the critical paths of two timelines of the same instances."""
    return PathChange(
        entered=_moves(reference, other, sign=1),
        left=_moves(other, reference, sign=-1),
        agreement=_agreement(reference, other),
    )


def execution_slack_ps(chain: Chain) -> NDArray[np.int64]:
    """How much later each instance could end, everything else kept, without a later end of the step; (instances,).

        slack(i) = latest end(i) − end(i)      [ps]

    0 on the critical path. Parts that meet have the least slack of them: they are one communication, and whichever of
    them a critical path names, it is on the path.
    """
    slack = chain.slack_ps.copy()
    parts, meeting = parts_of(chain.instances)
    slack[parts] = -chain.instances.last_of_meeting(-slack)[meeting]
    return slack


def _executions(chain: Chain) -> NDArray[np.int64]:
    """What counts as one thing, of each link of the path: a node, or a communication whichever of its parts."""
    graph = chain.instances.graph
    node = chain.instances.node[chain.path.row]
    match = graph.match[node].astype(np.int64)
    return np.where(match == NONE, node, graph.node_count + match)


def _path_ps(chain: Chain) -> NDArray[np.int64]:
    """Time the path spends in each link, waiting for the resource before it not included."""
    path = chain.path
    return np.where(path.carries, chain.progress.duration_ps[path.row], path.end_ps - path.start_ps)


def _agreement(reference: Chain, other: Chain) -> float:
    spent = []
    things, index = np.unique(np.concatenate([_executions(reference), _executions(other)]), return_inverse=True)
    for chain, mine in zip((reference, other), np.split(index, [reference.path.count]), strict=True):
        of_thing = np.zeros(len(things), dtype=np.int64)
        np.add.at(of_thing, mine, _path_ps(chain))
        spent.append(of_thing.tolist())
    one_ps, two_ps = map(sum, spent)
    # Shares over a common denominator: of a path that takes no time there are none.
    weights = (two_ps or 1, one_ps or 1)
    both = [(one * weights[0], two * weights[1]) for one, two in zip(*spent, strict=True)]
    union = sum(map(max, both))
    return float(Fraction(sum(map(min, both)), union)) if union else 1.0


def _moves(absent: Chain, present: Chain, *, sign: int) -> tuple[Move, ...]:
    """Executions on the path of ``present`` that are not on the path of ``absent``."""
    path, instances = present.path, present.instances
    moved = np.flatnonzero(~np.isin(_executions(present), _executions(absent)))
    row = path.row[moved]
    longer_ps = present.progress.duration_ps[row] - absent.progress.duration_ps[row]
    slack_ps = absent.slack_ps[row]
    # A link is behind another where it waits for it, in an order that the other timeline does not have.
    before = np.append(np.int32(NONE), path.row[:-1])
    behind = path.ordered & (_held_before(absent)[path.entry] != before)
    behind[:1] = False
    behind |= np.append(behind[1:], False)
    longer = (longer_ps > 0) & (longer_ps >= slack_ps)
    reasons = np.where(longer, 0, np.where(behind[moved], 1, 2))
    node = instances.node[row]
    rank = instances.classes.representatives()[instances.rank_class[row]]
    path_ps = _path_ps(present)[moved]
    order = np.lexsort((rank, node, -path_ps))
    columns = (node, rank, path_ps, sign * longer_ps, slack_ps, reasons)
    why = (Reason.DURATION, Reason.ORDER, Reason.SLACK)
    return tuple(
        Move(node=node, rank=rank, path_ps=path_ps, change_ps=change_ps, slack_ps=slack_ps, reason=why[reason])
        for node, rank, path_ps, change_ps, slack_ps, reason in zip(
            *(column[order].tolist() for column in columns), strict=True
        )
    )


def _held_before(chain: Chain) -> NDArray[np.int32]:
    """For each instance, the one that held its resource before it, NONE where nothing did; shape (instances,)."""
    waits = chain.waits
    if compiled():
        return ordered_behind(waits.edge_start, waits.kind, waits.owner, chain.instances.count)
    ordered = np.flatnonzero(waits.kind == Wait.ORDER)
    held = np.full(chain.instances.count, NONE, dtype=np.int32)
    # Of a device and a lane that were both held, the last counts.
    held[np.searchsorted(waits.edge_start, ordered, side="right") - 1] = waits.owner[ordered]
    return held
