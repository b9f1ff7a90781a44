"""Predictions as packets of a Perfetto trace.

Descriptions of tracks are made with the protocol's own classes. Slices, of which there may be millions, are written as
rows of bytes (:mod:`.wire`): names, categories and keys are sent once per comparison and referred to by number.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import (  # type: ignore[import-untyped]
    DebugAnnotation,
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
from versim.terminal import printable

from versim_reporters.figure_data import categories_of, lanes_of
from versim_reporters.wire import Part, fixed64, merged, message, numbers, rows_of

AT_ONCE = 1 << 16
"""Slices that are written together, so that memory stays small."""

_KEYS = ("node", "start_ps", "end_ps", "waited_for_partners_ps")
"""What a slice says besides its name."""

_PACKET, _EVENT, _ANNOTATION = (
    {name: field.number for name, field in made.DESCRIPTOR.fields_by_name.items()}
    for made in (TracePacket, TrackEvent, DebugAnnotation)
)
_TRACE_PACKET = Trace.DESCRIPTOR.fields_by_name["packet"].number


def trace_bytes(report: Report) -> bytes:
    """The whole trace."""
    numbering = itertools.count(1)
    process = 0
    parts: list[bytes] = []
    for workload in report.workloads:
        for comparison in workload.comparisons:
            # Of one writer, so that the viewer takes its packets in the order of the file.
            writer = _Writer(next(numbering), comparison, parts)
            instances = common_instances(comparison.inputs.graph, [result.prediction for result in comparison.results])
            for result in comparison.results:
                process += 1
                line = timeline(result.prediction, instances)
                _Process(writer, numbering, process, line).write(
                    _name(workload, comparison, result), result.critical_path
                )
    return b"".join(parts)


def _name(workload: WorkloadReport, comparison: Comparison, result: Result) -> str:
    parts = (workload.label, comparison.inputs.label, result.label)
    status = "" if result.prediction.completed else f" ({result.prediction.status.value})"
    return " / ".join(printable(part) for part in parts if part) + status


class _Writer:
    """The packets of one comparison: a sequence of its own, with its names."""

    def __init__(self, sequence: int, comparison: Comparison, parts: list[bytes]) -> None:
        self._sequence = sequence
        self._parts = parts
        graph = comparison.inputs.graph
        self._name = graph.name
        self._category, categories = categories_of(graph)
        first = TracePacket(sequence_flags=TracePacket.SEQ_INCREMENTAL_STATE_CLEARED)
        named = first.interned_data
        for entries, texts in (
            (named.event_names, [printable(name) or "(no name)" for name in graph.names]),
            (named.event_categories, categories),
            (named.debug_annotation_names, _KEYS),
        ):
            for number, text in enumerate(texts, start=1):
                entries.add(iid=number, name=text)
        self.packet(first)

    def packet(self, packet: TracePacket) -> None:
        """One packet."""
        packet.trusted_packet_sequence_id = self._sequence
        self._parts.append(Trace(packet=[packet]).SerializeToString())

    def slices(
        self, line: Timeline, rows: NDArray[np.int64], track: NDArray[np.int64], flow: NDArray[np.int64]
    ) -> None:
        """A beginning and an end of each row of a timeline, in this order.

        Args:
            line: When they ran.
            rows: Which; shape (slices,).
            track: Where each goes; shape (slices,).
            flow: Of each the flow that arrives and the one that leaves, 0 for none; shape (2, slices).
        """
        for at in range(0, len(rows), AT_ONCE):
            here = slice(at, at + AT_ONCE)
            self._parts.append(self._some(line, rows[here], track[here], flow[:, here]))

    def _some(
        self, line: Timeline, rows: NDArray[np.int64], track: NDArray[np.int64], flow: NDArray[np.int64]
    ) -> bytes:
        node = line.instances.node[rows].astype(np.int64)
        start_ps, end_ps = line.start_ps[rows], line.end_ps[rows]
        waited_ps = line.active_ps[rows] - start_ps
        shape = (waited_ps != 0) + 2 * (flow[0] != 0) + 4 * (flow[1] != 0)
        kinds = []
        for code in np.unique(shape).tolist():
            at = np.flatnonzero(shape == code)
            facts = [node[at], start_ps[at], end_ps[at], *([waited_ps[at]] if code & 1 else [])]
            flows = [
                (name, ids[at])
                for bit, name, ids in ((2, "terminating_flow_ids", flow[0]), (4, "flow_ids", flow[1]))
                if code & bit
            ]
            begin = [
                *self._event(TrackEvent.TYPE_SLICE_BEGIN, track[at]),
                *numbers(_EVENT["name_iid"], self._name[node[at]].astype(np.int64) + 1),
                *numbers(_EVENT["category_iids"], self._category[node[at]].astype(np.int64) + 1),
                *itertools.chain.from_iterable(_fact(key, values) for key, values in enumerate(facts, start=1)),
                *itertools.chain.from_iterable(fixed64(_EVENT[name], ids) for name, ids in flows),
            ]
            end = [*self._event(TrackEvent.TYPE_SLICE_END, track[at])]
            parts = [*self._packet(start_ps[at], begin), *self._packet(end_ps[at], end)]
            kinds.append((at, rows_of(parts, len(at))))
        return merged(kinds)

    def _packet(self, time_ps: NDArray[np.int64], event: Sequence[Part]) -> Iterator[Part]:
        inner = [
            *numbers(_PACKET["timestamp"], time_ps // PS_PER_NS),
            *numbers(_PACKET["trusted_packet_sequence_id"], self._sequence),
            *numbers(_PACKET["sequence_flags"], TracePacket.SEQ_NEEDS_INCREMENTAL_STATE),
            *message(_PACKET["track_event"], event),
        ]
        return message(_TRACE_PACKET, inner)

    @staticmethod
    def _event(kind: int, track: NDArray[np.int64]) -> Iterator[Part]:
        yield from numbers(_EVENT["type"], kind)
        yield from numbers(_EVENT["track_uuid"], track)


def _fact(key: int, values: NDArray[np.int64]) -> Iterator[Part]:
    inner = [*numbers(_ANNOTATION["name_iid"], key), *numbers(_ANNOTATION["int_value"], values)]
    return message(_EVENT["debug_annotations"], inner)


class _Process:
    """One prediction: its tracks and slices."""

    def __init__(self, writer: _Writer, numbering: Iterator[int], process: int, line: Timeline) -> None:
        self._writer = writer
        self._numbering = numbering
        self._process = process
        self._line = line

    def write(self, name: str, path: CriticalPath | None) -> None:
        """Every packet of it."""
        root = self._track(name, parent=None)
        line, instances = self._line, self._line.instances
        rows = np.flatnonzero(line.ran)
        communication = instances.meeting[rows] >= 0
        lane = instances.rank_class[rows].astype(np.int64) * 2 + communication
        order = np.lexsort((line.end_ps[rows], line.start_ps[rows], lane))
        rows, lane = rows[order], lane[order]
        track = np.zeros(len(rows), dtype=np.int64)
        labels = lanes_of(instances)
        parents: dict[int, int] = {}
        begins = np.flatnonzero(np.diff(lane, prepend=-1))
        for begin, end in itertools.pairwise([*begins.tolist(), len(rows)]):
            rank_class, resource = divmod(int(lane[begin]), 2)
            if rank_class not in parents:
                parents[rank_class] = self._track(labels[rank_class]["label"], root)
            here = rows[begin:end]
            # Whole nanoseconds decide, because the viewer sees nothing finer.
            beside, count = side_by_side(line.start_ps[here] // PS_PER_NS, line.end_ps[here] // PS_PER_NS)
            name = ("compute", "communication")[resource]
            made = np.array([self._track(name, parents[rank_class]) for _ in range(count)])
            track[begin:end] = made[beside]
        self._writer.slices(line, rows, track, self._flows(path)[:, rows])

    def _track(self, name: str, parent: int | None) -> int:
        number = next(self._numbering)
        packet = TracePacket(timestamp=0)
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
        self._writer.packet(packet)
        return number

    def _flows(self, path: CriticalPath | None) -> NDArray[np.int64]:
        """Per instance the flow that arrives at it and the one that leaves, 0 for none; shape (2, instances)."""
        instances = self._line.instances
        flow = np.zeros((2, instances.count), dtype=np.int64)
        steps = path.steps if path is not None else ()
        if not steps:
            return flow
        classes = instances.classes
        keys = instances.node.astype(np.int64) * classes.count + instances.rank_class
        order = np.argsort(keys)
        wanted = np.array([step.node for step in steps]) * classes.count
        wanted += classes.of_rank()[[step.rank for step in steps]]
        rows = order[np.searchsorted(keys, wanted, sorter=order)]
        between = [next(self._numbering) for _ in steps[1:]]
        flow[0, rows[1:]] = between
        flow[1, rows[:-1]] = between
        return flow


def side_by_side(start: NDArray[np.int64], end: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """For each slice, in the order of their starts, a track on which it overlaps no other; and how many it takes."""
    track = np.zeros(len(start), dtype=np.int64)
    if (start[1:] >= np.maximum.accumulate(end)[:-1]).all():
        return track, 1
    free: list[tuple[int, int]] = []
    for row, (begins, ends) in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
        if free and free[0][0] <= begins:
            track[row] = free[0][1]
            heapq.heapreplace(free, (ends, free[0][1]))
        else:
            track[row] = len(free)
            heapq.heappush(free, (ends, len(free)))
    return track, len(free)
