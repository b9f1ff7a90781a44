"""The trace: parsed with the protocol's own classes, every slice where the prediction has it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TracePacket, TrackEvent
from report_samples import reports, sample_report
from versim import Destination, NoOptions, Report, common_instances, timeline
from versim.terminal import printable
from versim_reporters.perfetto import PerfettoReporter
from versim_reporters.perfetto_trace import side_by_side


def parsed(report: Report) -> Any:
    """The trace, parsed."""
    content = PerfettoReporter().render(report, NoOptions(), Destination(to_file=True)).content
    assert isinstance(content, bytes)
    trace = Trace()
    trace.ParseFromString(content)
    return trace


def tracks_of(trace: Any) -> dict[int, Any]:
    """Descriptors by number."""
    return {p.track_descriptor.uuid: p.track_descriptor for p in trace.packet if p.HasField("track_descriptor")}


def slices_of(trace: Any) -> list[tuple[Any, int, int]]:
    """Beginning events with their times; ends are held against beginnings on the way."""
    open_on: dict[int, tuple[Any, int]] = {}
    found = []
    names: dict[int, dict[str, dict[int, str]]] = {}
    for packet in trace.packet:
        sequence = packet.trusted_packet_sequence_id
        if packet.sequence_flags & TracePacket.SEQ_INCREMENTAL_STATE_CLEARED:
            said = packet.interned_data
            names[sequence] = {
                "name": {entry.iid: entry.name for entry in said.event_names},
                "category": {entry.iid: entry.name for entry in said.event_categories},
                "key": {entry.iid: entry.name for entry in said.debug_annotation_names},
            }
        if not packet.HasField("track_event"):
            continue
        assert packet.sequence_flags & TracePacket.SEQ_NEEDS_INCREMENTAL_STATE
        event = packet.track_event
        # Numbers of names are resolved as the viewer does.
        if event.type == TrackEvent.TYPE_SLICE_BEGIN:
            event.name = names[sequence]["name"][event.name_iid]
            event.categories.extend(names[sequence]["category"][iid] for iid in event.category_iids)
            for annotation in event.debug_annotations:
                annotation.name = names[sequence]["key"][annotation.name_iid]
        if event.type == TrackEvent.TYPE_SLICE_BEGIN:
            assert event.track_uuid not in open_on
            open_on[event.track_uuid] = (event, packet.timestamp)
        else:
            begin, start = open_on.pop(event.track_uuid)
            assert packet.timestamp >= start
            found.append((begin, start, packet.timestamp))
    assert not open_on
    return found


def test_one_process_per_prediction_with_its_rank_classes() -> None:
    """Named as people know them."""
    trace = parsed(sample_report())
    tracks = tracks_of(trace)
    processes = [t.process.process_name for t in tracks.values() if t.HasField("process")]
    assert processes[0] == "pipeline / deepflow / analytical"
    assert processes[-1] == "stuck / analytical (deadlock)"
    assert len(processes) == len(sample_report().results()) == 7
    first = next(number for number, track in tracks.items() if track.HasField("process"))
    classes = {number: t.name for number, t in tracks.items() if t.parent_uuid == first}
    assert next(iter(classes.values())) == "rank 0 and 1 like it (pp 0)"
    assert {t.name for t in tracks.values() if t.parent_uuid in classes} == {"compute", "communication"}


@settings(max_examples=10)
@given(report=reports())
def test_every_execution_is_a_slice(report: Report) -> None:
    """With its exact picoseconds, and slices of one track never overlap."""
    trace = parsed(report)
    found = slices_of(trace)
    expected = []
    for workload in report.workloads:
        for comparison in workload.comparisons:
            instances = common_instances(comparison.inputs.graph, [r.prediction for r in comparison.results])
            for result in comparison.results:
                line = timeline(result.prediction, instances)
                rows = line.ran.nonzero()[0]
                graph = comparison.inputs.graph
                names = [printable(graph.node_name(node)) or "(no name)" for node in instances.node[rows].tolist()]
                columns = (instances.node, line.start_ps, line.end_ps, line.active_ps - line.start_ps)
                expected += zip(names, *(column[rows].tolist() for column in columns), strict=True)
    exact = [{a.name: a.int_value for a in event.debug_annotations} for event, _, _ in found]
    said = [
        (event.name, e["node"], e["start_ps"], e["end_ps"], e.get("waited_for_partners_ps", 0))
        for (event, _, _), e in zip(found, exact, strict=True)
    ]
    assert sorted(said) == sorted(expected)
    ends: dict[int, int] = defaultdict(int)
    for event, start, end in found:
        assert start >= ends[event.track_uuid]
        ends[event.track_uuid] = end


def test_flows_lead_along_the_critical_path() -> None:
    """Each leaves one slice and arrives at one; there are as many as steps between steps."""
    report = sample_report()
    leaving: list[int] = []
    arriving: list[int] = []
    for event, _, _ in slices_of(parsed(report)):
        leaving += event.flow_ids
        arriving += event.terminating_flow_ids
    assert sorted(leaving) == sorted(arriving)
    assert len(set(leaving)) == len(leaving)
    paths = [result.critical_path for _, _, result in report.results()]
    assert len(leaving) == sum(len(path.steps) - 1 for path in paths if path is not None)


@given(spans=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10)), max_size=30))
def test_what_overlaps_is_laid_beside_itself_on_no_more_tracks_than_it_takes(spans: list[tuple[int, int]]) -> None:
    """As many tracks as spans are under way at once; a span without length may stand where another ends."""
    ordered = sorted((start, start + length) for start, length in spans)
    start, end = (np.array(column, dtype=np.int64) for column in (zip(*ordered, strict=True) if ordered else ((), ())))
    track, count = side_by_side(start, end)
    for one in range(count if ordered else 0):
        mine = track == one
        assert (start[mine][1:] >= end[mine][:-1]).all()
        assert mine.any()
    under_way = [int(((start <= at) & (end > at)).sum()) for at in start.tolist()]
    assert count <= max([1, *(number + 1 for number in under_way)])
