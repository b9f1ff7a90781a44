"""What an engine answers ─▶ a prediction for the graph that was given."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import NO_TIME, PS_PER_NS, Op, PinnedGraph, Prediction, Resource, SimulationError, Spans, Status

from versim_astrasim import diagnosis
from versim_astrasim.engine import Outcome
from versim_astrasim.engine import Status as EngineStatus
from versim_astrasim.launch import Run
from versim_astrasim.numbering import nearest_kept
from versim_astrasim.parse import ProgramOutput
from versim_astrasim.translate import Translation

SIMULATOR = "astrasim"

_STATUSES = {
    EngineStatus.COMPLETED: Status.COMPLETED,
    EngineStatus.UNFINISHED: Status.DEADLOCK,
    EngineStatus.ABORTED: Status.ABORTED,
    EngineStatus.REFUSED: Status.ABORTED,
    EngineStatus.LOOPS: Status.ABORTED,
}
_NEVER_ENDED = -1
_LONGEST_NS = (2**63 - 1) // PS_PER_NS


@attrs.frozen(eq=False)
class Times:
    """When instances ran, in ps; columns have shape (instances,) and hold NO_TIME for what did not happen."""

    ready_ps: NDArray[np.int64]
    start_ps: NDArray[np.int64]
    end_ps: NDArray[np.int64]


def times_of(outcome: Outcome, translation: Translation) -> Times:
    """Times of all instances; a left-out one gets no length, at the end of what it waits for."""
    instances = translation.instances
    ready, start, end = (np.full(instances.count, NO_TIME, dtype=np.int64) for _ in range(3))
    spans = outcome.spans
    if spans is not None and len(spans):
        rows = translation.instance_of(spans.rank, spans.node_id.astype(np.int64))
        known = rows >= 0
        for column, given in ((ready, spans.ready_ns), (start, spans.start_ns), (end, spans.end_ns)):
            values = given[known]
            column[rows[known]] = np.where(values == _NEVER_ENDED, NO_TIME, values * PS_PER_NS)
    times = Times(ready, start, end)
    fill_left_out(times, translation)
    return times


def fill_left_out(times: Times, translation: Translation) -> None:
    """Give instances that stand in no trace no length, at the end of what they wait for."""
    if translation.kept.all():
        return
    end = times.end_ps
    for row, waited_for in nearest_kept(translation.instances, translation.kept).items():
        ends = end[sorted(waited_for)]
        if (ends != NO_TIME).all():
            times.ready_ps[row] = times.start_ps[row] = end[row] = ends.max(initial=0)


def spans_of(times: Times, translation: Translation) -> Spans:
    """Spans of what ran to its end, by row of the graph and then rank."""
    instances = translation.instances
    ran = np.flatnonzero(times.end_ps != NO_TIME)
    compute = instances.graph.op[instances.node[ran]] == Op.COMPUTE
    return Spans(
        node=instances.node[ran],
        rank=instances.rank_class[ran].astype(np.int64),
        ready_ps=times.ready_ps[ran],
        start_ps=times.start_ps[ran],
        end_ps=times.end_ps[ran],
        resource=np.where(compute, Resource.COMPUTE, Resource.COMMUNICATION).astype(np.int8),
    )


def from_outcome(outcome: Outcome, translation: Translation, pinned: PinnedGraph, engine: str) -> Prediction:
    """The embedded engine's answer."""
    times = times_of(outcome, translation)
    status = _STATUSES[outcome.status]
    if status is Status.COMPLETED and (times.end_ps == NO_TIME).any():
        status = Status.INCOMPLETE
    finish_ps = _finish_ps(dict(enumerate(outcome.finish_ns)), translation)
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
        representative=np.arange(pinned.graph.mesh.world_size, dtype=np.int64),
        spans=spans_of(times, translation),
        consumed=translation.consumed,
        diagnosis=tuple(lines),
        waiting=_waiting(times, translation) if status is not Status.COMPLETED else (),
        provenance=_provenance(translation),
    )


def from_program(
    run: Run,
    output: ProgramOutput,
    translation: Translation,
    pinned: PinnedGraph,
    engine: str,
) -> Prediction:
    """The real program's answer: when each rank finished. It prints nothing about nodes, so there are no spans."""
    rank_count = len(translation.given.traces)
    unfinished = output.unfinished(rank_count)
    lines = []
    if not unfinished:
        status = Status.COMPLETED
        if run.exit_status != 0:
            lines.append(f"every rank finished; the program then ended with {run.ending}")
    elif run.timed_out:
        status = Status.TIMED_OUT
        lines.append(f"{run.ending}; {len(unfinished)} of {rank_count} ranks had not finished")
    elif run.exit_status == 0 and (output.ranks or output.unreleased):
        status = Status.DEADLOCK
        lines.append(f"{len(unfinished)} of {rank_count} ranks never finished: {_numbers(unfinished)}")
    else:
        status = Status.ABORTED
        lines.append(f"{run.ending}, with {len(unfinished)} of {rank_count} ranks unfinished")
    if status is not Status.COMPLETED:
        lines += output.complaints or ([f"it last printed: {output.last_line}"] if output.last_line else [])
    if run.truncated:
        lines.append("it printed more than was kept")
    waiting = []
    for rank, node_id in output.unreleased:
        row = diagnosis.row_of(translation, rank, node_id)
        if row is not None:
            waiting.append((rank, row))
            lines.append(f"rank {rank} was still in {pinned.graph.node_name(row)!r} (row {row} of the graph)")
    finish_ps = _finish_ps({rank: figures.finish_ns for rank, figures in output.ranks.items()}, translation)
    nothing = np.empty(0, dtype=np.int64)
    return Prediction(
        simulator=SIMULATOR,
        engine=engine,
        digest=pinned.digest,
        status=status,
        makespan_ps=int(finish_ps.max()) if status is Status.COMPLETED else None,
        finish_ps=finish_ps,
        representative=np.arange(pinned.graph.mesh.world_size, dtype=np.int64),
        spans=Spans(
            node=nothing.astype(np.int32),
            rank=nothing,
            ready_ps=nothing,
            start_ps=nothing,
            end_ps=nothing,
            resource=nothing.astype(np.int8),
        ),
        consumed=translation.consumed,
        diagnosis=diagnosis.bounded(lines),
        waiting=tuple(waiting),
        wall_s=run.wall_s,
        provenance=_provenance(translation),
    )


def _numbers(ranks: tuple[int, ...]) -> str:
    shown = ", ".join(str(rank) for rank in ranks[:20])
    return shown + (" …" if len(ranks) > 20 else "")


def _finish_ps(finish_ns: Mapping[int, int | None], translation: Translation) -> NDArray[np.int64]:
    """Finishes of the graph's ranks; one that had nothing to do finishes at 0, whatever its placeholder took."""
    busy = np.diff(translation.numbering.start) > 0
    finish_ps = np.full(len(busy), NO_TIME, dtype=np.int64)
    for rank, busy_rank in enumerate(busy.tolist()):
        nanoseconds = finish_ns.get(rank)
        if nanoseconds is not None and nanoseconds > _LONGEST_NS:
            raise SimulationError(
                f"rank {rank} finishes after {nanoseconds} ns, more than the 106 days that 64 bits hold in picoseconds"
            )
        if nanoseconds is not None:
            finish_ps[rank] = nanoseconds * PS_PER_NS if busy_rank else 0
    return finish_ps


def _waiting(times: Times, translation: Translation) -> tuple[tuple[int, int], ...]:
    """(rank, row) of everything that began and never ended, or was ready and never began."""
    instances = translation.instances
    stuck = (times.end_ps == NO_TIME) & ((times.start_ps != NO_TIME) | (times.ready_ps != NO_TIME))
    rows = np.flatnonzero(stuck)
    return tuple(zip(instances.rank_class[rows].tolist(), instances.node[rows].tolist(), strict=True))


def _provenance(translation: Translation) -> dict[str, str]:
    return {name: str(value) for name, value in attrs.asdict(translation.options).items()}
