"""Time and size of what reporters make of the bundled scenario, and of a comparison with a million spans.

The Perfetto trace is held against the same packets made one by one with the protocol's own classes, too.

Run with the interpreter of the environment versim is installed in::

    python benchmarks/reports.py [SPANS]
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator

# The folder of this script holds files that are called like packages: traces.py.
sys.path.pop(0)

import attrs
import numpy as np
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TracePacket, TrackEvent
from versim import (
    PS_PER_NS,
    Destination,
    Device,
    Dimension,
    ExecutionGraph,
    Fixed,
    GraphBuilder,
    Kind,
    Link,
    Mesh,
    Prediction,
    Report,
    System,
    Topology,
    WorkloadReport,
    compare,
    compare_predictions,
    instances_of,
    load_registry,
    pin,
    prediction_of,
    replay,
)

STAGES = 16
MOST_SECONDS = 15.0
MOST_BYTES = 6_000_000
SPANS = 1_000_000


def pipeline(steps: int) -> ExecutionGraph:
    """Stages that compute, send on, and now and then all-reduce: about 3.1 spans per stage and step."""
    builder = GraphBuilder(Mesh.of(dp=8, pp=STAGES))
    last: list[list[int]] = [[] for _ in range(STAGES)]
    for step in range(steps):
        received: list[int] = []
        for stage in range(STAGES):
            name = f"layer {stage} part {step % 8}"
            row = builder.compute(
                name, [(Fixed(1e-4 * (1 + step % 5)), 1.0)], on={"pp": stage}, after=received + last[stage]
            )
            last[stage] = [row]
            if step % 10 == 9:
                last[stage].append(
                    builder.collective(
                        "gradients", Kind.ALL_REDUCE, 1 << 22, axes=["dp"], on={"pp": stage}, after=[row]
                    )
                )
            if stage < STAGES - 1:
                _, arrived = builder.transfer(
                    "activations", 1 << 20, source={"pp": stage}, target={"pp": stage + 1}, after=[row]
                )
                received = [arrived]
    return builder.build()


def predictions(graph: ExecutionGraph, system: System) -> Iterator[Prediction]:
    """Two: one with communication twice as slow."""
    pinned = pin(graph, system)
    instances = instances_of(graph)
    for label, factor in (("fast", 1), ("slow", 2)):
        meeting_ps = graph.size_bytes[instances.meeting_match] * (20 * factor)
        schedule = replay(instances, pinned.compute_ns * PS_PER_NS, meeting_ps.astype(np.int64))
        prediction = prediction_of(pinned, instances, schedule, simulator="fake", engine="benchmark")
        yield attrs.evolve(prediction, label=label)


def timed(report: Report, what: str, name: str = "html", most_bytes: int | None = None) -> tuple[bytes, float]:
    """Render it and say how long that took and how large it is; returns the document and the seconds."""
    reporter = load_registry().reporter(name)
    began = time.perf_counter()
    content = reporter.render(report, reporter.options(), Destination(to_file=True)).content
    took_s = time.perf_counter() - began
    if not isinstance(content, bytes):
        raise TypeError(f"{name} made no document of bytes")
    size = f"{len(content) / 1e6:6.2f} MB{f' of at most {most_bytes / 1e6:g}' if most_bytes else ''}"
    spans = sum(result.prediction.spans.count for _, _, result in report.results())
    print(f"{what:<24} {spans:>10,} spans  {took_s:7.2f} s of at most {MOST_SECONDS:g}  {size}")
    return content, took_s


def one_by_one(content: bytes) -> float:
    """Seconds to make every packet of a trace with the protocol's classes, from what was parsed before."""
    packets = [
        (
            packet.timestamp,
            packet.track_event.type,
            packet.track_event.track_uuid,
            packet.track_event.name_iid,
            [(note.name_iid, note.int_value) for note in packet.track_event.debug_annotations],
        )
        for packet in Trace.FromString(content).packet
        if packet.HasField("track_event")
    ]
    began = time.perf_counter()
    trace = Trace()
    for timestamp, kind, track, name, notes in packets:
        packet = trace.packet.add()
        packet.trusted_packet_sequence_id = 1
        packet.timestamp = timestamp
        packet.sequence_flags = TracePacket.SEQ_NEEDS_INCREMENTAL_STATE
        event = packet.track_event
        event.type = kind
        event.track_uuid = track
        if kind == TrackEvent.TYPE_SLICE_BEGIN:
            event.name_iid = name
            event.category_iids.append(1)
        for key, value in notes:
            note = event.debug_annotations.add()
            note.name_iid = key
            note.int_value = value
    made = bytes(trace.SerializeToString())
    took_s = time.perf_counter() - began
    print(f"{'the same one by one':<24} {'':>10}         {took_s:7.2f} s{'':15}  {len(made) / 1e6:6.2f} MB")
    return took_s


def main() -> None:
    """Print all."""
    timed(compare("bundled"), "bundled, html", most_bytes=MOST_BYTES)
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else SPANS
    graph = pipeline(wanted // 2 // (STAGES * 3))
    link = Link(bandwidth_bytes_per_s=50e9, latency_s=1e-6)
    ring = Dimension(topology=Topology.RING, size=graph.mesh.world_size, link=link)
    system = System(dimensions=(ring,), device=Device(name="none"))
    answers = list(predictions(graph, system))
    began = time.perf_counter()
    comparison = compare_predictions(pin(graph, system), answers, "fast")
    print(f"{'analysis':<24} {sum(a.spans.count for a in answers):>10,} spans  {time.perf_counter() - began:7.2f} s")
    workload = WorkloadReport(label="pipeline", producer="benchmark", comparisons=(comparison,))
    report = Report(scenario="a million spans", description="", workloads=(workload,))
    timed(report, "pipeline, html")
    content, took_s = timed(report, "pipeline, perfetto", "perfetto")
    print(f"one by one / perfetto    {one_by_one(content) / took_s:.1f}")
    print(f"peak memory              {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
