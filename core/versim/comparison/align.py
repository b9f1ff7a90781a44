"""Predictions laid onto one common set of instances, so that rows can be compared.

Backends fold ranks differently: one answers per rank class, another per rank. The common form is the graph's own rank
classes, but along axes of the mesh along which a prediction tells ranks of a class apart in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.graph import NONE, ExecutionGraph, Instances, Places, RankClasses, instances_of
from versim.kernel import passes
from versim.kernel.functions import compiled, order_by_start
from versim.prediction import NO_TIME, Prediction
from versim.schedule import ready_of


# Not slotted: what is computed on demand is kept in the instance's dictionary.
@attrs.frozen(eq=False, kw_only=True, slots=False)
class Timeline:
    """A prediction on instances; columns have shape (instances,) and hold NO_TIME for what did not run.

    Attributes:
        instances: What the rows are.
        start_ps: When it took its resource; for a part of a communication, when that part was posted.
        end_ps: When it finished.
        active_ps: When it began to make progress: a compute node when it started, a communication when its last
            part had been posted. Waiting for a partner is not communicating.
    """

    instances: Instances
    start_ps: NDArray[np.int64]
    end_ps: NDArray[np.int64]
    active_ps: NDArray[np.int64]
    _posted_in_time: bool | None = None

    @cached_property
    def ready_ps(self) -> NDArray[np.int64]:
        """When the last dependency of each instance had ended, see :func:`versim.schedule.ready_of`; (instances,)."""
        return ready_of(self.instances, self.end_ps)

    @cached_property
    def by_start(self) -> NDArray[np.integer[Any]]:
        """Rows by rank class, then start, then end, then program order; shape (instances,)."""
        rank_class = self.instances.rank_class
        if compiled():
            return order_by_start(rank_class, self.instances.classes.count, self.start_ps, self.end_ps)
        # Rows ascend, and the sort is stable: of equals, the first in program order comes first.
        return np.lexsort((self.end_ps, self.start_ps, rank_class))

    @cached_property
    def ran(self) -> NDArray[np.bool_]:
        """Which instances ran; shape (instances,)."""
        return np.asarray(self.end_ps != NO_TIME)

    @cached_property
    def all_ran(self) -> bool:
        """Whether every instance ran."""
        return bool(self.ran.all())

    @cached_property
    def posted_in_time(self) -> bool:
        """Whether all parts of every communication are posted before one of them ends, where all ran."""
        instances = self.instances
        if self._posted_in_time is not None:
            return self._posted_in_time
        if compiled():
            meetings = len(instances.meeting_match)
            return passes.posted_in_time(instances.meeting, meetings, self.start_ps, self.end_ps)
        parts, meeting = parts_of(instances)
        posted = instances.last_of_meeting(self.start_ps)
        return not (self.end_ps[parts] < posted[meeting]).any()

    @cached_property
    def duration_ps(self) -> NDArray[np.int64]:
        """Active duration of each instance, 0 for what did not run."""
        lasted = self.end_ps - self.active_ps
        return lasted if self.all_ran else np.where(self.ran, lasted, 0)


def common_instances(graph: ExecutionGraph, predictions: Sequence[Prediction]) -> Instances:
    """The coarsest instances on which every prediction can be laid without loss."""
    classes = RankClasses.of(graph)
    folded = [axis for axis, size in enumerate(graph.mesh.sizes) if classes.sizes[axis] < size]
    # Axes along which ranks are told apart; where all are even, none.
    apart: set[int] = set()
    if not all(_is_even(prediction, classes) for prediction in predictions):
        apart = set(folded)
        # What folds most goes first, as what is even along either of two axes may not be so along both.
        for axis in sorted(folded, key=lambda axis: classes.sizes[axis] / graph.mesh.sizes[axis]):
            fewer = apart - {axis}
            if fewer and all(_is_even(prediction, classes.apart_along(fewer)) for prediction in predictions):
                apart = fewer
    return instances_of(graph, classes.apart_along(apart))


def _is_even(prediction: Prediction, classes: RankClasses) -> bool:
    """True if ranks of one class have the same spans in a prediction."""
    of_rank = classes.of_rank()
    pairs = np.unique(np.stack([of_rank, prediction.representative]), axis=1)
    if pairs.shape[1] == classes.count:
        return True
    spans = prediction.spans
    # Every rank stands for itself where this matters, so a class is even if its ranks' rows are.
    last_end = np.full(len(of_rank), NO_TIME, dtype=np.int64)
    np.maximum.at(last_end, spans.rank, spans.end_ps)
    standing = np.unique(prediction.representative)
    last_of_class = np.full(classes.count, NO_TIME, dtype=np.int64)
    last_of_class[of_rank[standing]] = last_end[standing]
    if (last_of_class[of_rank[standing]] != last_end[standing]).any():
        return False  # seen without sorting spans
    rank_class = of_rank[spans.rank]
    order = np.lexsort((spans.rank, rank_class, spans.node))
    node, group = spans.node[order], rank_class[order]
    same = (node[1:] == node[:-1]) & (group[1:] == group[:-1])
    columns = (spans.start_ps[order], spans.end_ps[order])
    if any((same & (column[1:] != column[:-1])).any() for column in columns):
        return False
    counts = np.bincount(node.astype(np.int64) * classes.count + group)
    members = np.bincount(of_rank[standing], minlength=classes.count)
    present = np.flatnonzero(counts)
    return bool((counts[present] == members[present % classes.count]).all())


def timeline(prediction: Prediction, instances: Instances) -> Timeline:
    """A prediction laid on ``instances``, which must be at least as fine as the prediction where times differ."""
    spans = prediction.spans
    if spans.node is instances.node and spans.rank is instances.ranks:
        start, end = spans.start_ps, spans.end_ps
        return _laid(instances, start, end)
    places = Places.of(instances.graph, np.unique(prediction.representative))
    span_of = np.full(places.count, NONE, dtype=np.int32)
    span_of[places.rows(spans.node, spans.rank)] = np.arange(spans.count, dtype=np.int32)
    ranks = prediction.representative[instances.classes.representatives()[instances.rank_class]]
    rows = span_of[places.rows(instances.node, ranks)] if places.count else np.full(instances.count, NONE)
    start = np.full(instances.count, NO_TIME, dtype=np.int64)
    end = np.full(instances.count, NO_TIME, dtype=np.int64)
    found = rows != NONE
    start[found] = spans.start_ps[rows[found]]
    end[found] = spans.end_ps[rows[found]]
    return _laid(instances, start, end)


def _laid(instances: Instances, start_ps: NDArray[np.int64], end_ps: NDArray[np.int64]) -> Timeline:
    if compiled() and end_ps.min(initial=0) != NO_TIME:
        active = passes.active(instances.meeting, len(instances.meeting_match), start_ps, end_ps)
        if active is not None:
            columns = {"start_ps": start_ps, "end_ps": end_ps, "active_ps": active}
            return Timeline(instances=instances, **columns, posted_in_time=True)
    active = _active(instances, start_ps, end_ps)
    return Timeline(instances=instances, start_ps=start_ps, end_ps=end_ps, active_ps=active)


def _active(instances: Instances, start_ps: NDArray[np.int64], end_ps: NDArray[np.int64]) -> NDArray[np.int64]:
    """When each instance began to make progress.

    A meeting begins when the last of its parts is posted. A part posted only after the first one ended (a receive
    whose message had already arrived) does not count: the data had moved by then.
    """
    active = start_ps.copy()
    parts, meeting = parts_of(instances)
    if not len(parts):
        return active
    if len(instances.meeting_match) == len(parts):
        # Each part is alone, and its communication begins when it is posted.
        return active
    if end_ps.min(initial=0) != NO_TIME:
        posted = instances.last_of_meeting(start_ps)
        if (posted[meeting] <= end_ps[parts]).all():
            # Everything was posted before anything ended.
            active[parts] = posted[meeting]
            return active
    ran = end_ps[parts] != NO_TIME
    first_end = np.full(len(instances.meeting_match), np.iinfo(np.int64).max)
    np.minimum.at(first_end, meeting[ran], end_ps[parts[ran]])
    counts = ran & (start_ps[parts] <= first_end[meeting])
    begin = np.zeros(len(instances.meeting_match), dtype=np.int64)
    np.maximum.at(begin, meeting[counts], start_ps[parts[counts]])
    active[parts] = np.where(ran, np.clip(begin[meeting], start_ps[parts], end_ps[parts]), start_ps[parts])
    return active


def parts_of(instances: Instances) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The instances that are parts of communications, ascending, and the meeting of each."""

    def found() -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        parts = np.flatnonzero(instances.meeting != NONE)
        return parts, instances.meeting[parts]

    return instances.kept("align.parts", found)


def is_communication(instances: Instances) -> NDArray[np.bool_]:
    """Which instances are parts of communications; shape (instances,)."""
    return instances.communicates


def ranks_per_class(instances: Instances) -> NDArray[np.int64]:
    """How many ranks each class stands for; shape (classes,)."""
    return np.bincount(instances.classes.of_rank(), minlength=instances.classes.count)
