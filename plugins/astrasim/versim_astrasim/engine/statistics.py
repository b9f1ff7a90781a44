"""The figures the original prints per rank, computed from when its nodes ran."""

from __future__ import annotations

from collections.abc import Iterable

from versim_astrasim.engine.event_queue import NOT_YET, UINT64
from versim_astrasim.engine.outcome import RankStatistics, RooflineAverages
from versim_astrasim.engine.program import CPU_SLOT
from versim_astrasim.engine.roofline import averages_of
from versim_astrasim.engine.trace import COLL, COMP, MEM_LOAD, MEM_STORE, RECV, SEND
from versim_astrasim.engine.workload import Workload

_COMM, _GPU, _CPU, _MEM, _OTHER = "comm", "gpu", "cpu", "mem", "other"

_CLASSES = {COLL: _COMM, SEND: _COMM, RECV: _COMM, MEM_LOAD: _MEM, MEM_STORE: _MEM}


def union_ns(intervals: Iterable[tuple[int, int]]) -> int:
    """Length of the union of closed intervals."""
    total = 0
    begin = until = 0
    for start, end in sorted(intervals):
        if start <= until:
            until = max(until, end)
        else:
            total += until - begin
            begin, until = start, end
    return total + until - begin


def rank_statistics(workload: Workload) -> RankStatistics:
    """What is printed for a rank.

    The original computes everything only when a rank finishes, and breaks off before printing if any node other than
    GPU compute and communication ran.
    """
    if workload.finished_ns is None:
        return RankStatistics()
    exposed_ns = (workload.finished_ns - workload.gpu_ns) % UINT64
    if not workload.only_gpu_and_comm:
        return RankStatistics(exposed_comm_ns=exposed_ns, statistics_failed=True)
    intervals: dict[str, list[tuple[int, int]]] = {}
    program = workload.program
    for position, start in enumerate(workload.start_ns):
        if start == NOT_YET:
            continue
        node_type = program.types[position]
        if node_type == COMP:
            name = _CPU if program.slots[position] == CPU_SLOT else _GPU
        else:
            name = _CLASSES.get(node_type, _OTHER)
        intervals.setdefault(name, []).append((start, workload.end_ns[position]))
    times = {name: union_ns(spans) for name, spans in intervals.items()}
    wall_ns = max(workload.end_ns, default=0)
    overlap_ns = None
    if _GPU in times and _COMM in times:
        overlap_ns = (times[_GPU] + times[_COMM] - wall_ns) % UINT64 or None
    return RankStatistics(
        exposed_comm_ns=exposed_ns,
        wall_ns=max(wall_ns, 0),
        comm_ns=times.get(_COMM),
        gpu_ns=times.get(_GPU),
        cpu_ns=times.get(_CPU),
        remote_mem_ns=times.get(_MEM),
        overlap_ns=overlap_ns,
        roofline=_roofline_averages(workload),
    )


def _roofline_averages(workload: Workload) -> RooflineAverages | None:
    if not workload.roofline_enabled:
        return None
    return averages_of(
        (workload.end_ns[position] - start, workload.points.get(position))
        for position, start in enumerate(workload.start_ns)
        if start != NOT_YET and workload.program.types[position] == COMP
    )
