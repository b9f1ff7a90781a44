"""Predictions as packets of a Perfetto trace."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator

import numpy as np
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import (  # type: ignore[import-untyped]
    Trace,
    TracePacket,
    TrackDescriptor,
    TrackEvent,
)
from versim import (
    PS_PER_NS,
    Comparison,
    CriticalPath,
    Report,
    Result,
    Timeline,
    WorkloadReport,
    common_instances,
    timeline,
)

from versim_reporters.figure_data import categories_of, lanes_of
from versim_reporters.text import printable

SEQUENCE = 1
"""All packets are of one writer, so that the viewer may take them in the order of the file."""


def trace_bytes(report: Report) -> bytes:
    """The whole trace."""
    trace = Trace()
    packet = trace.packet.add()
    packet.trusted_packet_sequence_id = SEQUENCE
    packet.sequence_flags = TracePacket.SEQ_INCREMENTAL_STATE_CLEARED
    numbers = itertools.count(1)
    process = 0
    for workload in report.workloads:
        for comparison in workload.comparisons:
            predictions = [result.prediction for result in comparison.results]
            instances = common_instances(comparison.pinned.graph, predictions)
            for result in comparison.results:
                process += 1
                line = timeline(result.prediction, instances)
                _Process(trace, numbers, process, line).write(_name(workload, comparison, result), result.critical_path)
    return bytes(trace.SerializeToString())


def _name(workload: WorkloadReport, comparison: Comparison, result: Result) -> str:
    parts = (workload.label, comparison.pinned.label, result.label)
    status = "" if result.prediction.completed else f" ({result.prediction.status.value})"
    return " / ".join(printable(part) for part in parts if part) + status


class _Process:
    """One prediction: its tracks and slices."""

    def __init__(self, trace: Trace, numbers: Iterator[int], process: int, line: Timeline) -> None:
        self._trace = trace
        self._numbers = numbers
        self._process = process
        self._line = line
        graph = line.instances.graph
        self._names = [printable(name) for name in graph.names]
        self._category, self._categories = categories_of(graph)

    def write(self, name: str, path: CriticalPath | None) -> None:
        """Every packet of it."""
        root = self._track(name, parent=None)
        flows = self._flows(path)
        line, instances = self._line, self._line.instances
        rows = np.flatnonzero(line.ran)
        communication = self._line.instances.meeting[rows] >= 0
        lane = instances.rank_class[rows].astype(np.int64) * 2 + communication
        order = np.lexsort((line.end_ps[rows], line.start_ps[rows], lane))
        rows, lane = rows[order], lane[order]
        labels = lanes_of(instances)
        parents: dict[int, int] = {}
        for code, members in itertools.groupby(
            zip(lane.tolist(), rows.tolist(), strict=True), key=lambda pair: pair[0]
        ):
            rank_class, resource = divmod(code, 2)
            if rank_class not in parents:
                parents[rank_class] = self._track(labels[rank_class]["label"], root)
            self._lane(("compute", "communication")[resource], parents[rank_class], [row for _, row in members], flows)

    def _track(self, name: str, parent: int | None) -> int:
        number = next(self._numbers)
        packet = self._packet(0)
        descriptor = packet.track_descriptor
        descriptor.uuid = number
        if parent is None:
            descriptor.process.pid = self._process
            descriptor.process.process_name = name
        else:
            descriptor.parent_uuid = parent
            descriptor.name = name
        descriptor.child_ordering = TrackDescriptor.EXPLICIT
        descriptor.sibling_order_rank = number
        return number

    def _packet(self, time_ps: int) -> TracePacket:
        packet = self._trace.packet.add()
        packet.trusted_packet_sequence_id = SEQUENCE
        packet.timestamp = time_ps // PS_PER_NS
        return packet

    def _lane(self, name: str, parent: int, rows: list[int], flows: dict[int, tuple[int, int]]) -> None:
        """Slices of one rank class and resource; those that overlap go to tracks of the same name beside it."""
        starts, ends = self._line.start_ps, self._line.end_ps
        free: list[tuple[int, int]] = []
        for row in rows:
            start_ps, end_ps = int(starts[row]), int(ends[row])
            # Whole nanoseconds decide, because the viewer sees nothing finer.
            if free and free[0][0] <= start_ps // PS_PER_NS:
                _, track = heapq.heappop(free)
            else:
                track = self._track(name, parent)
            heapq.heappush(free, (end_ps // PS_PER_NS, track))
            self._slice(track, row, start_ps, end_ps, flows.get(row))

    def _slice(self, track: int, row: int, start_ps: int, end_ps: int, flow: tuple[int, int] | None) -> None:
        node = int(self._line.instances.node[row])
        graph = self._line.instances.graph
        begin = self._packet(start_ps).track_event
        begin.type = TrackEvent.TYPE_SLICE_BEGIN
        begin.track_uuid = track
        begin.name = self._names[int(graph.name[node])] or "(no name)"
        begin.categories.append(self._categories[int(self._category[node])])
        waited_ps = int(self._line.active_ps[row]) - start_ps
        facts = {"node": node, "start_ps": start_ps, "end_ps": end_ps}
        if waited_ps:
            facts["waited_for_partners_ps"] = waited_ps
        for key, value in facts.items():
            annotation = begin.debug_annotations.add()
            annotation.name = key
            annotation.int_value = value
        if flow is not None:
            arriving, leaving = flow
            if arriving:
                begin.terminating_flow_ids.append(arriving)
            if leaving:
                begin.flow_ids.append(leaving)
        end = self._packet(end_ps).track_event
        end.type = TrackEvent.TYPE_SLICE_END
        end.track_uuid = track

    def _flows(self, path: CriticalPath | None) -> dict[int, tuple[int, int]]:
        """Per instance on the critical path, the flow that arrives at it and the one that leaves; 0 for none."""
        steps = path.steps if path is not None else ()
        instances = self._line.instances
        classes = instances.classes.of_rank()
        rows: dict[tuple[int, int], int] = {}
        if steps:
            nodes = np.unique([step.node for step in steps])
            for row in np.flatnonzero(np.isin(instances.node, nodes)).tolist():
                rows[int(instances.node[row]), int(instances.rank_class[row])] = row
        found: dict[int, tuple[int, int]] = {}
        arriving = 0
        for position, step in enumerate(steps):
            leaving = next(self._numbers) if position < len(steps) - 1 else 0
            found[rows[step.node, int(classes[step.rank])]] = (arriving, leaving)
            arriving = leaving
        return found
