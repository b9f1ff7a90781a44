"""From a schedule to a prediction: what every backend that schedules by itself would write again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from versim.graph import Instances
from versim.inputs import Inputs
from versim.prediction import NO_TIME, Consumed, LinkLoads, Prediction, Resource, Spans, Status
from versim.schedule import Schedule
from versim.waiting import explain, waiting_nodes


def consumed_as_pinned(pinned: Inputs, notes: tuple[str, ...] = ()) -> Consumed:
    """Consumed without loss."""
    return Consumed(compute_ns=pinned.compute_ns, size_bytes=pinned.graph.size_bytes, notes=notes)


def _resources(instances: Instances) -> NDArray[np.int8]:
    """What each instance occupies; shape (instances,)."""
    either = np.array([Resource.COMPUTE, Resource.COMMUNICATION], dtype=np.int8)
    return either[instances.communicates.view(np.int8)]


def prediction_of(
    pinned: Inputs,
    instances: Instances,
    schedule: Schedule,
    *,
    simulator: str,
    engine: str,
    consumed: Consumed | None = None,
    diagnosis: tuple[str, ...] = (),
    reported_s: float | None = None,
    wall_s: float | None = None,
    provenance: Mapping[str, str] | None = None,
    links: LinkLoads | None = None,
) -> Prediction:
    """A prediction that says what ``schedule`` found.

    An incomplete schedule becomes a deadlock that names the ranks and nodes that wait for one another.

    Args:
        pinned: What was simulated.
        instances: The graph per rank class, as given to :func:`versim.replay`.
        schedule: When each instance ran.
        simulator: The backend's name.
        engine: What ran, with its version.
        consumed: What was really used; as pinned unless given.
        diagnosis: What surprised on the way.
        reported_s: What the original program would have printed, where that differs.
        wall_s: Seconds the simulation took.
        provenance: Options and versions, for people.
        links: What each link carried, where that is known.
    """
    classes = instances.classes
    ran = schedule.end_ps != NO_TIME
    of_rank, representatives = classes.of_rank(), classes.representatives()
    whole = completed = bool(ran.all())
    # What never ran ends before everything else.
    finish = instances.last_of_class(schedule.end_ps)
    if not whole:
        finish[np.unique(instances.rank_class[~ran])] = NO_TIME

    def of_those(column: NDArray[Any]) -> NDArray[Any]:
        # The same column, not a copy: whoever sees it knows that every instance is there.
        return column if whole else column[ran]

    return Prediction(
        simulator=simulator,
        engine=engine,
        digest=pinned.digest,
        status=Status.COMPLETED if completed else Status.DEADLOCK,
        makespan_ps=schedule.makespan_ps if completed else None,
        finish_ps=finish[of_rank],
        representative=representatives[of_rank],
        spans=Spans(
            node=of_those(instances.node),
            rank=of_those(instances.ranks),
            ready_ps=of_those(schedule.ready_ps),
            start_ps=of_those(schedule.start_ps),
            end_ps=of_those(schedule.end_ps),
            resource=of_those(instances.kept("answer.resource", lambda: _resources(instances))),
        ),
        consumed=consumed if consumed is not None else consumed_as_pinned(pinned),
        diagnosis=diagnosis if completed else (*diagnosis, *explain(instances, schedule)),
        waiting=() if completed else waiting_nodes(instances, schedule),
        reported_s=reported_s,
        wall_s=wall_s,
        provenance=dict(provenance or {}),
        links=links,
    )
