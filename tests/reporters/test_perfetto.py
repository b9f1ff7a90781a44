"""The trace: parsed with the protocol's own classes, every slice where the prediction has it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from hypothesis import given, settings
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TrackEvent
from report_samples import reports, sample_report
from versim import Destination, NoOptions, Report, common_instances, timeline
from versim_reporters.perfetto import PerfettoReporter


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
    for packet in trace.packet:
        if not packet.HasField("track_event"):
            continue
        event = packet.track_event
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
            instances = common_instances(comparison.pinned.graph, [r.prediction for r in comparison.results])
            for result in comparison.results:
                line = timeline(result.prediction, instances)
                rows = line.ran.nonzero()[0]
                expected += zip(
                    instances.node[rows].tolist(), line.start_ps[rows].tolist(), line.end_ps[rows].tolist(), strict=True
                )
    exact = [{a.name: a.int_value for a in event.debug_annotations} for event, _, _ in found]
    assert sorted((e["node"], e["start_ps"], e["end_ps"]) for e in exact) == sorted(expected)
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
