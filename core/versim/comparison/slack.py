"""Slack, and which executions enter or leave the critical path between two predictions, and why.

Both rest on the fixed-order model of a timeline (:mod:`.attribution.chain`): dependencies, the orders in which each
rank served its resources, and lags, so that the longest path is the timeline itself.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from fractions import Fraction

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.comparison.attribution.chain import Chain, Link
from versim.comparison.attribution.waits import Wait
from versim.graph import NONE


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
    meeting = chain.instances.meeting
    parts = meeting != NONE
    least = np.full(len(chain.instances.meeting_match), np.iinfo(np.int64).max)
    np.minimum.at(least, meeting[parts], slack[parts])
    slack[parts] = least[meeting[parts]]
    return slack


def _execution(chain: Chain, row: int) -> int:
    """What counts as one thing on a path: a node, or a communication whichever of its parts."""
    graph = chain.instances.graph
    node = int(chain.instances.node[row])
    match = int(graph.match[node])
    return node if match == NONE else graph.node_count + match


def _path_ps(chain: Chain, link: Link) -> int:
    """Time a path spends in a link, waiting for the resource before it not included."""
    return int(chain.progress.duration_ps[link.row]) if link.carries else link.end_ps - link.start_ps


def _spent_ps(chain: Chain) -> dict[int, int]:
    """Time that the critical path spends in each execution."""
    spent: dict[int, int] = defaultdict(int)
    for link in chain.path:
        spent[_execution(chain, link.row)] += _path_ps(chain, link)
    return spent


def _agreement(reference: Chain, other: Chain) -> float:
    one, two = _spent_ps(reference), _spent_ps(other)
    one_ps, two_ps = sum(one.values()), sum(two.values())
    # Shares over a common denominator: of a path that takes no time there are none.
    weights = (two_ps or 1, one_ps or 1)
    both = [(one.get(x, 0) * weights[0], two.get(x, 0) * weights[1]) for x in {**one, **two}]
    union = sum(max(pair) for pair in both)
    return float(Fraction(sum(min(pair) for pair in both), union)) if union else 1.0


def _moves(absent: Chain, present: Chain, *, sign: int) -> tuple[Move, ...]:
    """Executions on the path of ``present`` that are not on the path of ``absent``."""
    known = {_execution(absent, link.row) for link in absent.path}
    slack, path = absent.slack_ps, present.path
    instances = present.instances
    ranks = instances.classes.representatives()
    followed = _orders(absent)
    moves = []
    for before, link, after in zip((None, *path), path, (*path[1:], None), strict=False):
        if _execution(present, link.row) not in known:
            row = link.row
            longer_ps = int(present.progress.duration_ps[row] - absent.progress.duration_ps[row])
            slack_there = int(slack[row])
            behind = any(
                second.ordered and followed.get(second.entry) != first.row
                for first, second in ((before, link), (link, after))
                if first is not None and second is not None
            )
            if longer_ps > 0 and longer_ps >= slack_there:
                reason = Reason.DURATION
            else:
                reason = Reason.ORDER if behind else Reason.SLACK
            moves.append(
                Move(
                    node=int(instances.node[row]),
                    rank=int(ranks[instances.rank_class[row]]),
                    path_ps=_path_ps(present, link),
                    change_ps=sign * longer_ps,
                    slack_ps=slack_there,
                    reason=reason,
                )
            )
    return tuple(sorted(moves, key=lambda move: (-move.path_ps, move.node, move.rank)))


def _orders(chain: Chain) -> dict[int, int]:
    """For each instance, the one that held its resource before it."""
    waits = chain.waits
    rows = np.flatnonzero(waits.kind == Wait.ORDER)
    return dict(zip(waits.target[rows].tolist(), waits.owner[rows].tolist(), strict=True))
