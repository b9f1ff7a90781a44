"""The compiled engine's answer in the Python engine's form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from versim_astrasim.engine.alike_tags import mistakes_messages
from versim_astrasim.engine.columns import (
    COMM_CLASS,
    GPU_CLASS,
    KernelInput,
    ProgramSource,
    capable,
    kernel_input,
    moves_in_step,
    programs_of,
)
from versim_astrasim.engine.event_queue import NOT_YET, UINT64
from versim_astrasim.engine.fold import Fold, Head
from versim_astrasim.engine.kernel import (
    AMBIGUOUS_ORDER,
    CONTACT,
    REASONS,
    KernelOutput,
    Progress,
    kernel_reason,
    run_kernel,
)
from versim_astrasim.engine.kernel_limits import Incapable, NotAlike
from versim_astrasim.engine.memory_config import RemoteMemoryConfig
from versim_astrasim.engine.network_config import NetworkConfig
from versim_astrasim.engine.notes import Notes
from versim_astrasim.engine.outcome import Finding, Outcome, RankStatistics, RooflineAverages, Spans, Status
from versim_astrasim.engine.roofline import Roofline, RooflinePoint, averages_of
from versim_astrasim.engine.system_config import SystemConfig
from versim_astrasim.engine.trace import COMP, RankTrace

MOST_DIAGNOSED_MESSAGES = 2_000_000
"""Of a run that went wrong, so that Python simulates it again and says why; some seconds' worth."""

MOST_DIAGNOSED_NODES = 500_000
"""The same of nodes on all ranks."""

MOST_NAMED = 8
"""Nodes that a run too large for a diagnosis names."""


def simulate_compiled(
    traces: Sequence[RankTrace],
    network: NetworkConfig,
    system: SystemConfig,
    *,
    groups: Mapping[int, tuple[int, ...]],
    memory: RemoteMemoryConfig,
    per_node_custom: Mapping[int, str] | None,
    record_spans: bool,
    statistics: bool = True,
    waves: bool = False,
    progress: Progress | None = None,
    head: Head | None = None,
) -> Outcome | None:
    """Simulate with the compiled engine; see :func:`.simulation.simulate`.

    With ``waves``, what they do faster is left to the Python engine.

    Returns:
        The outcome; None if the run went wrong and is small enough for the Python engine, which then says why.

    Raises:
        Incapable: There is no compiled engine, or the input is for the Python engine.
    """
    reason = kernel_reason()
    if reason:
        raise Incapable(reason)
    capable(network, system, per_node_custom)
    if len(traces) < network.rank_count:
        raise Incapable("fewer traces than ranks")
    fold = None
    if isinstance(traces, ProgramSource):
        fold = traces.fold
        if fold is not None and statistics:
            raise Incapable("statistics of ranks that one stands for")
        programs = traces.programs(system)
    else:
        programs = programs_of(traces[: network.rank_count], system)
    given = kernel_input(programs, network, system, groups, fold)
    if fold is not None and mistakes_messages(given, fold, groups):
        raise Incapable("groups that could take one another's messages")
    if fold is None and waves and moves_in_step(given):
        raise Incapable("large collectives in step, which are one wave")
    output = run_kernel(given, progress, head)
    if fold is not None:
        if output.broken_off in (AMBIGUOUS_ORDER, CONTACT):
            raise NotAlike(REASONS[output.broken_off], output.now_ns)
        if not output.completed or (output.end_ns == NOT_YET).any():
            raise Incapable(REASONS.get(output.broken_off, "a folded step that does not end"))
        return _unfolded(output, given, fold, traces, memory, record_spans=record_spans)
    small = output.message_count <= MOST_DIAGNOSED_MESSAGES and len(output.end_ns) <= MOST_DIAGNOSED_NODES
    if not output.completed and small:
        return None
    return Outcome(
        status=_status(output),
        finish_ns=tuple([None if finish == NOT_YET else finish for finish in output.finish_ns.tolist()]),
        finish_order=tuple(output.finish_order.tolist()),
        statistics=tuple(_statistics(output, given, traces)) if statistics else (),
        spans=_spans(output, given) if record_spans else None,
        links=output.links,
        message_count=output.message_count,
        diagnosis=(*_findings(output, given, traces), *_warnings(given, memory)),
        engine="kernel",
        unfolded_ns=output.unfolded_ns,
    )


def _warnings(given: KernelInput, memory: RemoteMemoryConfig) -> Iterator[Finding]:
    for warning in (*given.network.warnings, *given.system.warnings, *memory.warnings):
        yield Finding(None, None, warning)


def _unfolded(
    output: KernelOutput,
    given: KernelInput,
    fold: Fold,
    traces: Sequence[RankTrace],
    memory: RemoteMemoryConfig,
    *,
    record_spans: bool,
) -> Outcome:
    """The answer for all ranks, of a run that completed; spans stay those of one rank per class."""
    finish_ns = output.finish_ns[fold.stands_in].tolist()
    runs, shifts = output.finish_mark[:, :, 0], output.finish_mark[:, :, 1]
    order = fold.order_of_all(output.finish_order, runs, shifts, output.began)
    spans = _spans(output, given) if record_spans else None
    return Outcome(
        status=Status.COMPLETED,
        finish_ns=tuple(finish_ns),
        finish_order=tuple(order.tolist()),
        statistics=(),
        spans=None if spans is None else attrs.evolve(spans, rank=fold.representative[spans.rank]),
        links=output.links,
        message_count=output.message_count * fold.members,
        diagnosis=(*_findings(output, given, traces), *_warnings(given, memory)),
        engine="kernel",
        unfolded_ns=output.unfolded_ns,
    )


def _status(output: KernelOutput) -> Status:
    if output.broken_off:
        return Status.ABORTED
    return Status.COMPLETED if len(output.finish_order) == len(output.finish_ns) else Status.UNFINISHED


def _spans(output: KernelOutput, given: KernelInput) -> Spans:
    programs = given.programs
    counts = np.diff(programs.start)[programs.of_rank]
    starts = programs.instance_start
    ranks = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    nodes = np.arange(len(ranks)) - np.repeat(starts[:-1] - programs.start[programs.of_rank], counts)
    issued = np.flatnonzero(output.start_ns != NOT_YET)
    rows: slice | npt.NDArray[np.int64] = slice(None) if len(issued) == len(ranks) else issued
    return Spans(
        rank=ranks[rows],
        node_id=programs.node_id[nodes[rows]],
        ready_ns=output.ready_ns[rows],
        start_ns=output.start_ns[rows],
        end_ns=output.end_ns[rows],
    )


def _findings(output: KernelOutput, given: KernelInput, traces: Sequence[RankTrace]) -> Iterator[Finding]:
    programs, starts = given.programs, given.programs.instance_start

    def describe(rank: int, position: int) -> tuple[int, str]:
        program = int(programs.of_rank[rank])
        node_id = int(programs.node_id[programs.start[program] + position])
        trace = traces[rank]
        name = trace.names[int(np.argmax(trace.node_id.view(np.uint64) == node_id))] if trace.names else ""
        return node_id, f"node {node_id}" + (f" ({name})" if name else "")

    if output.broken_off:
        rank = int(output.broken_off_by[0])
        reason = REASONS.get(output.broken_off, "the run went wrong")
        yield Finding(None if rank < 0 else rank, None, f"broken off at {output.now_ns} ns: {reason}")
    elif len(output.finish_order) < len(output.finish_ns):
        open_ = np.flatnonzero((output.start_ns != NOT_YET) & (output.end_ns == NOT_YET))
        for instance in open_[:MOST_NAMED].tolist():
            rank = int(np.searchsorted(starts, instance, side="right")) - 1
            node_id, name = describe(rank, instance - int(starts[rank]))
            text = f"{name} was issued at {output.start_ns[instance]} ns and never completed"
            yield Finding(rank, node_id, text)
        if len(open_) > MOST_NAMED:
            yield Finding(None, None, f"{len(open_) - MOST_NAMED} more nodes were issued and never completed")
    else:
        never = np.flatnonzero(output.ready_ns == NOT_YET)
        ranks = np.searchsorted(starts, never, side="right") - 1
        for rank in np.unique(ranks).tolist():
            dropped = never[ranks == rank]
            node_id, name = describe(rank, int(dropped[0] - starts[rank]))
            text = f"{len(dropped)} node(s) never ran, because they depend on one another in a circle, from {name}"
            yield Finding(rank, node_id, f"{text}; the rank finished without them")
    if output.unclaimed:
        yield Finding(None, None, f"{output.unclaimed} message(s) between nodes arrived and were never received")
    yield from _notes(output, given)


def _notes(output: KernelOutput, given: KernelInput) -> Iterator[Finding]:
    programs, notes = given.programs, Notes()
    seen = output.first_seen
    for collective in np.argsort(seen[:, 0], kind="stable").tolist():
        turn, rank, position, times = seen[collective].tolist()
        if turn:
            simulated = rank if given.fold is None else given.fold.stands_in[rank]
            node_id = int(programs.node_id[programs.start[programs.of_rank[simulated]] + position])
            for text in given.collectives.notes[collective]:
                notes.add(rank, node_id, text, times if given.fold is None else times * given.fold.members)
    yield from notes.findings()


def _statistics(output: KernelOutput, given: KernelInput, traces: Sequence[RankTrace]) -> Iterator[RankStatistics]:
    columns = (output.finish_ns, output.gpu_ns, output.class_ns, output.class_nodes)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    for rank, (finish_ns, computed_ns, class_ns, class_nodes) in enumerate(rows):
        if finish_ns == NOT_YET:
            yield RankStatistics()
            continue
        gpu_ns = class_ns[GPU_CLASS] if class_nodes[GPU_CLASS] else None
        comm_ns = class_ns[COMM_CLASS] if class_nodes[COMM_CLASS] else None
        overlap_ns = None
        if gpu_ns is not None and comm_ns is not None:
            overlap_ns = (gpu_ns + comm_ns - finish_ns) % UINT64 or None
        yield RankStatistics(
            exposed_comm_ns=(finish_ns - computed_ns) % UINT64,
            wall_ns=finish_ns,
            comm_ns=comm_ns,
            gpu_ns=gpu_ns,
            overlap_ns=overlap_ns,
            roofline=_roofline(output, given, traces, rank) if given.system.roofline_enabled else None,
        )


def _roofline(output: KernelOutput, given: KernelInput, traces: Sequence[RankTrace], rank: int) -> RooflineAverages:
    programs, system = given.programs, given.system
    begin, end = programs.instance_start[rank : rank + 2].tolist()
    program = int(programs.of_rank[rank])
    first, last = programs.start[program : program + 2].tolist()
    ran = (output.start_ns[begin:end] != NOT_YET) & (programs.node_type[first:last] == COMP)
    durations = (output.end_ns[begin:end] - output.start_ns[begin:end])[ran].tolist()
    if system.replay_only:
        return averages_of((duration, None) for duration in durations)
    trace = traces[rank]
    order = np.argsort(trace.node_id.view(np.uint64), kind="stable")[ran]
    roofline = Roofline.of(system.local_mem_bw_gb_per_s, system.peak_perf_tflop_per_s)
    points: dict[tuple[int, int], RooflinePoint | None] = {}
    of_node = []
    for work in zip(trace.num_ops[order].tolist(), trace.tensor_size[order].tolist(), strict=True):
        if work not in points:
            points[work] = roofline.point(*work) if work[1] else None
        of_node.append(points[work])
    return averages_of(zip(durations, of_node, strict=True))
