"""What an engine answers ─▶ a prediction for the graph that was given."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import NO_TIME, PS_PER_NS, Inputs, LinkLoads, Prediction, SimulationError, Status

from versim_astrasim.engine import Outcome
from versim_astrasim.engine import Status as EngineStatus
from versim_astrasim.step import diagnosis
from versim_astrasim.step.clock import LONGEST_NS
from versim_astrasim.step.node_times import spans_of, stuck, times_of
from versim_astrasim.step.translate import Translation

SIMULATOR = "astrasim"

_STATUSES = {
    EngineStatus.COMPLETED: Status.COMPLETED,
    EngineStatus.UNFINISHED: Status.DEADLOCK,
    EngineStatus.ABORTED: Status.ABORTED,
    EngineStatus.REFUSED: Status.ABORTED,
    EngineStatus.LOOPS: Status.ABORTED,
}


def from_outcome(outcome: Outcome, translation: Translation, pinned: Inputs, engine: str) -> Prediction:
    """The embedded engine's answer."""
    times = times_of(outcome, translation)
    status = _STATUSES[outcome.status]
    if status is Status.COMPLETED and (times.end_ps == NO_TIME).any():
        status = Status.INCOMPLETE
    finish_ps = finish_ps_of(dict(enumerate(outcome.finish_ns)), translation)
    classes = translation.instances.classes
    lines = [*diagnosis.findings(outcome, translation)]
    if outcome.status is EngineStatus.UNFINISHED:
        lines = [*diagnosis.bounded(diagnosis.waits(translation, times.start_ps, times.end_ps)), *lines]
    if outcome.status is EngineStatus.ABORTED:
        lines += diagnosis.bounded(diagnosis.instant_sends(translation))
    lines += diagnosis.crossed_collectives(translation, times.start_ps)
    return Prediction(
        simulator=SIMULATOR,
        engine=engine,
        digest=pinned.digest,
        status=status,
        makespan_ps=int(finish_ps.max()) if status is Status.COMPLETED else None,
        finish_ps=finish_ps,
        representative=classes.representatives()[classes.of_rank()],
        spans=spans_of(times, translation),
        consumed=translation.consumed,
        diagnosis=tuple(lines),
        waiting=stuck(times, translation) if status is not Status.COMPLETED else (),
        provenance=provenance_of(translation),
        links=_link_loads(outcome, pinned.graph.mesh.world_size),
    )


def _link_loads(outcome: Outcome, ranks: int) -> LinkLoads | None:
    """What the links carried that carried anything; None of the congestion-unaware network, which has no links.

    Links have the fabric's names, so that two simulators' loads can be set side by side.
    """
    links = outcome.links
    if not links.name:
        return None
    used = np.flatnonzero(links.messages)
    for column in (links.busy_ns, links.queueing_ns):
        if column.max(initial=0) > LONGEST_NS:
            link = links.name[int(np.argmax(column))]
            raise SimulationError(
                f"link {link} is busy or waited for during {column.max()} ns, more than the 106 days that 64 bits hold "
                "in picoseconds"
            )
    return LinkLoads(
        name=tuple(_fabric_name(links.name[link], ranks) for link in used.tolist()),
        carried_bytes=links.bytes_carried[used],
        messages=links.messages[used],
        busy_ps=links.busy_ns[used] * PS_PER_NS,
        queueing_ps=links.queueing_ns[used] * PS_PER_NS,
    )


def _fabric_name(name: str, ranks: int) -> str:
    """The fabric's name of a link of one dimension, whose devices the engine numbers: the switch behind all ranks."""
    ends = name.split("->")
    if len(ends) != 2:
        return name
    here, there = ("switch" if int(end) >= ranks else end for end in ends)
    return f"d0 {here}→{there}"


def finish_ps_of(finish_ns: Mapping[int, int | None], translation: Translation) -> NDArray[np.int64]:
    """Finishes of the graph's ranks; one that had nothing to do finishes at 0, whatever its placeholder took."""
    busy = (np.diff(translation.numbering.start) > 0)[translation.instances.classes.of_rank()]
    finish_ps = np.full(len(busy), NO_TIME, dtype=np.int64)
    for rank, busy_rank in enumerate(busy.tolist()):
        nanoseconds = finish_ns.get(rank)
        if nanoseconds is not None and nanoseconds > LONGEST_NS:
            raise SimulationError(
                f"rank {rank} finishes after {nanoseconds} ns, more than the 106 days that 64 bits hold in picoseconds"
            )
        if nanoseconds is not None:
            finish_ps[rank] = nanoseconds * PS_PER_NS if busy_rank else 0
    return finish_ps


def provenance_of(translation: Translation) -> dict[str, str]:
    """The options that a prediction was made with."""
    return {name: str(value) for name, value in attrs.asdict(translation.options).items()}
