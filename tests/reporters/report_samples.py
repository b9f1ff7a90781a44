"""Reports to format: a pipeline step that looks like real ones, and random reports of every shape."""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Mapping, Sequence

import attrs
import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from versim import (
    NO_TIME,
    Comparison,
    Consumed,
    Curve,
    Device,
    Dimension,
    ExecutionGraph,
    Fixed,
    GraphBuilder,
    Inputs,
    Kind,
    Link,
    LinkLoads,
    Mesh,
    Message,
    Phase,
    Prediction,
    Report,
    SweptCommunication,
    System,
    Topology,
    WorkloadReport,
    communication_s,
    compare_predictions,
    consumed_as_pinned,
    instances_of,
    pin,
    prediction_of,
    replay,
)
from versim.curves import telling_crossings

PS_PER_S = 10**12


@attrs.frozen
class AlphaBeta:
    """A fake network timing: a latency and a bandwidth for everything."""

    latency_s: float
    bandwidth_bytes_per_s: float

    def times_s(self, messages: Sequence[Message], _: System) -> NDArray[np.float64]:
        """Seconds of each message."""
        return np.array([self.latency_s + message.size_bytes / self.bandwidth_bytes_per_s for message in messages])


def ring(size: int) -> System:
    """A ring of A100s."""
    link = Link(bandwidth_bytes_per_s=25e9, latency_s=5e-6)
    return System(
        dimensions=(Dimension(topology=Topology.RING, size=size, link=link),),
        device=Device(name="A100", parameters={"peak_flop_per_s": 312e12}),
    )


def predicted(
    pinned: Inputs, network: AlphaBeta, label: str, *, engine: str = "event-driven 0.1", **more: object
) -> Prediction:
    """What a backend driven by ``network`` answers."""
    instances = instances_of(pinned.graph)
    seconds = communication_s(pinned.graph, ring(pinned.graph.mesh.world_size), network)
    meeting_ps = np.rint(seconds * PS_PER_S).astype(np.int64)[instances.meeting_match]
    schedule = replay(instances, pinned.compute_ns * 1000, meeting_ps)
    prediction = prediction_of(pinned, instances, schedule, simulator="fake", engine=engine, **more)  # type: ignore[arg-type]
    return attrs.evolve(prediction, label=label)


def pipeline_graph(stages: int = 4, microbatches: int = 4, layer_s: float = 10.4) -> ExecutionGraph:
    """A GPipe-like training step on the mesh (dp=2, pp=stages)."""
    builder = GraphBuilder(Mesh.of(dp=2, pp=stages))
    last: dict[int, list[int]] = {stage: [] for stage in range(stages)}

    def work(seconds: float) -> list[tuple[Fixed, float]]:
        return [(Fixed(seconds), 1.0)]

    for phase, order, scale in ((Phase.FORWARD, range(stages), 1.0), (Phase.BACKWARD, range(stages)[::-1], 2.0)):
        for microbatch in range(microbatches):
            before: list[int] = []
            for stage in order:
                if before:
                    _, received = builder.transfer(
                        "activation" if phase is Phase.FORWARD else "gradient",
                        1 << 28,
                        source={"pp": order[order.index(stage) - 1]},
                        target={"pp": stage},
                        after=before,
                        phase=phase,
                        microbatch=microbatch,
                    )
                    before = [received]
                if stage == order[0]:
                    name = "embedding" if phase is Phase.FORWARD else "loss"
                    before = [builder.compute(name, work(0.031), on={"pp": stage}, phase=phase, after=last[stage][-1:])]
                row = builder.compute(
                    "transformer",
                    work(layer_s * scale),
                    on={"pp": stage},
                    after=before + last[stage][-1:],
                    phase=phase,
                    layer=stage,
                    microbatch=microbatch,
                )
                last[stage].append(row)
                before = [row]
    for stage in range(stages):
        reduced = builder.collective(
            "gradient all-reduce", Kind.ALL_REDUCE, 6 << 30, axes=["dp"], on={"pp": stage}, after=last[stage][-1:]
        )
        builder.compute("apply gradients", work(0.0), on={"pp": stage}, after=[reduced], phase=Phase.OPTIMIZER)
    builder.note("no messages inside a stage: tensor parallelism is folded into the transformer nodes")
    return builder.build()


def deadlocked_graph() -> ExecutionGraph:
    """Two ranks that enter two collectives in opposite order."""
    builder = GraphBuilder(Mesh.of(rank=2))
    for rank, order in ((0, "ab"), (1, "ba")):
        previous: list[int] = []
        for name in order:
            row = builder.collective(
                f"reduce {name}",
                Kind.ALL_REDUCE,
                1 << 20,
                axes=["rank"],
                match=name,
                on={"rank": rank},
                after=previous,
            )
            previous = [row]
    return builder.build()


def comparison_of(
    graph: ExecutionGraph, networks: Mapping[str, AlphaBeta], *, label: str = "", scale: float = 1.0
) -> Comparison:
    """A comparison of one prediction per network timing; the first is the reference."""
    system = ring(graph.mesh.world_size)
    provenance = {"compute": "roofline", "folded": label}
    pinned = pin(graph, system, label=label, provenance=provenance)
    if scale != 1.0:
        durations = {row: float(s) * scale for row, s in enumerate(pinned.compute_s) if s}
        pinned = pin(graph, system, durations_s=durations, label=label, provenance=provenance)
    predictions = [predicted(pinned, network, name, wall_s=0.0123) for name, network in networks.items()]
    if len(predictions) > 1:
        predictions[-1] = attrs.evolve(predictions[-1], links=loads(["0->1", "1->0"], [3 << 30, 1 << 28]))
    names = {name: name for name in networks}
    comparison = compare_predictions(pinned.on(system), predictions, next(iter(networks)), names)
    return attrs.evolve(comparison, sweep=swept(networks)) if len(networks) > 1 else comparison


def loads(names: Sequence[str], carried_bytes: Sequence[int], *, queues: bool = True) -> LinkLoads:
    """What links carried at 25 GB/s, half as long waited for as used."""
    carried = np.array(carried_bytes, dtype=np.int64)
    return LinkLoads(
        name=tuple(names),
        carried_bytes=carried,
        messages=np.minimum(carried, 7),
        busy_ps=carried * 40,
        queueing_ps=carried * 20 if queues else np.full(len(carried), NO_TIME, dtype=np.int64),
    )


def swept(networks: Mapping[str, AlphaBeta]) -> tuple[SweptCommunication, ...]:
    """The all-reduce and the message of the pipeline alone, by size; the last network refuses messages."""
    sizes = tuple(1 << power for power in range(10, 36, 5))
    found = []
    for kind, ranks, size_bytes, times in ((Kind.ALL_REDUCE, 2, 6 << 30, 8), (Kind.POINT_TO_POINT, 2, 1 << 28, 24)):
        asked = tuple(sorted({*sizes, size_bytes}))
        refusing = list(networks)[-1] if kind is Kind.POINT_TO_POINT else None
        curves = tuple(
            Curve(
                model=name,
                kind=kind,
                ranks=ranks,
                algorithm="",
                sizes_bytes=asked,
                times_s=tuple(
                    None if name == refusing else network.latency_s + size / network.bandwidth_bytes_per_s
                    for size in asked
                ),
                refusal="no messages here" if name == refusing else "",
            )
            for name, network in networks.items()
        )
        found.append(
            SweptCommunication(
                name=f"{kind.value} over dp",
                kind=kind,
                ranks=(0, 4),
                in_step=((size_bytes, times),),
                curves=curves,
                crossings=telling_crossings(curves),
            )
        )
    return tuple(found)


NETWORKS = {
    "analytical": AlphaBeta(5e-6, 25e9),
    "hybrid": AlphaBeta(6e-6, 24e9),
    "astrasim": AlphaBeta(9e-6, 12e9),
}


def sample_report() -> Report:
    """Two workloads, one of them with two pins."""
    graph = pipeline_graph()
    return Report(
        scenario="bundled",
        description="A transformer on 2 × 4 devices.",
        workloads=(
            WorkloadReport(
                label="pipeline",
                producer="fake-llm",
                comparisons=(
                    comparison_of(graph, NETWORKS, label="deepflow"),
                    comparison_of(graph, NETWORKS, label="astrasim", scale=1.05),
                ),
            ),
            WorkloadReport(
                label="stuck",
                producer="fake-deadlock",
                comparisons=(comparison_of(deadlocked_graph(), {"analytical": NETWORKS["analytical"]}),),
            ),
        ),
        provenance={"versim": "0.1.0", "python": "3.11", "command": "versim compare bundled"},
    )


def measured_report() -> Report:
    """Two steps that were measured, operation by operation, and simulated: a tenth too long, and a fifth too short."""
    workloads = []
    for label, factor in (("short", 1.1), ("long", 0.8)):
        graph = pipeline_graph(microbatches=1)
        system = ring(graph.mesh.world_size)
        instances = instances_of(graph)
        pinned = pin(graph, system)
        compute_ps = pinned.compute_ns * 1000
        meeting_ps = np.full(len(instances.meeting_match), 10**9, dtype=np.int64)
        answers = []
        for name, scale in (("machine", 1.0), ("model", factor)):
            durations_ps = [np.rint(column * scale).astype(np.int64) for column in (compute_ps, meeting_ps)]
            schedule = replay(instances, *durations_ps)
            made = prediction_of(pinned, instances, schedule, simulator="fake", engine="test")
            answers.append(attrs.evolve(made, label=name, measured=name == "machine"))
        comparison = compare_predictions(pinned.on(system), answers, "machine")
        workloads.append(WorkloadReport(label=label, producer="fake-llm", comparisons=(comparison,)))
    return Report(scenario="measured", description="", workloads=tuple(workloads))


hostile_text = st.one_of(
    st.text(max_size=30),
    st.text(alphabet="日本語{}\x1b[31m\n\r\t\u202e\u0301\ud800|&<>", max_size=200),
    st.just("x" * 400),
    st.text(alphabet=string.ascii_lowercase, min_size=1, max_size=12),
)

durations_s = st.one_of(
    st.just(0.0), st.floats(1e-9, 1e-6), st.floats(1e-6, 1e-3), st.floats(1e-3, 10.0), st.floats(10.0, 1e6)
)


@st.composite
def graphs(draw: st.DrawFn) -> ExecutionGraph:
    """Small graphs, some of which deadlock when run: collectives may stand in any order on each rank."""
    ranks = draw(st.integers(1, 3))
    builder = GraphBuilder(Mesh.of(dp=2, pp=ranks))
    shared = draw(st.lists(hostile_text, max_size=3)) if ranks > 1 else []
    for rank in range(ranks):
        previous: list[int] = []
        for position in draw(st.permutations(range(len(shared)))):
            seconds = draw(durations_s)
            name = draw(hostile_text)
            phase = draw(st.sampled_from(list(Phase)))
            row = builder.compute(name, [(Fixed(seconds), 1.0)], on={"pp": rank}, after=previous, phase=phase)
            part = builder.collective(
                shared[position],
                Kind.ALL_REDUCE,
                1 << (10 + position),
                axes=["pp"],
                match=position,
                on={"pp": rank},
                after=[row],
            )
            previous = [part]
        previous = [*previous, builder.compute("", [(Fixed(0.0), 1.0)], on={"pp": rank}, after=previous)]
        last = builder.compute("last", [(Fixed(draw(durations_s)), 1.0)], on={"pp": rank}, after=previous)
        if draw(st.booleans()):
            builder.collective(draw(hostile_text), Kind.ALL_GATHER, 1 << 20, axes=["dp"], on={"pp": rank}, after=[last])
    for text in draw(st.lists(hostile_text, max_size=2)):
        builder.note(text)
    return builder.build()


link_loads = st.builds(
    lambda carried, queues: loads(list(carried), list(carried.values()), queues=queues),
    st.dictionaries(hostile_text, st.integers(0, 2**40), max_size=4),
    st.booleans(),
)

networks = st.builds(AlphaBeta, st.floats(0.0, 1e-3), st.floats(1e6, 1e12))

Change = Callable[[Prediction], Prediction]


@st.composite
def comparisons(draw: st.DrawFn, label: str = "") -> Comparison:
    """A comparison of up to five predictions with all that a backend may add."""
    graph = draw(graphs())
    system = ring(graph.mesh.world_size)
    pinned = pin(graph, system, label=label, provenance=draw(st.dictionaries(hostile_text, hostile_text, max_size=2)))
    labels = draw(st.lists(hostile_text, min_size=1, max_size=5, unique=True))
    figures = st.one_of(st.none(), st.floats(0.0, 1e9), st.just(math.inf), st.just(math.nan))
    predictions = []
    for name in labels:
        consumed = consumed_as_pinned(pinned, tuple(draw(st.lists(hostile_text, max_size=1))))
        if draw(st.booleans()):
            loss = draw(st.integers(-5, 5))
            consumed = Consumed(
                compute_ns=np.maximum(pinned.compute_ns + loss, -1),
                size_bytes=np.where(graph.size_bytes > 1024, graph.size_bytes, -1),
                notes=consumed.notes,
            )
        predictions.append(
            attrs.evolve(
                predicted(
                    pinned,
                    draw(networks),
                    name,
                    engine=draw(hostile_text),
                    consumed=consumed,
                    diagnosis=tuple(draw(st.lists(hostile_text, max_size=1))),
                    reported_s=draw(figures),
                    links=draw(st.one_of(st.none(), link_loads)),
                    wall_s=draw(st.none() | st.floats(0, 1e9)),
                    provenance=draw(st.dictionaries(hostile_text, hostile_text, max_size=2)),
                ),
                measured=draw(st.booleans()),
            )
        )
    names = {name: draw(hostile_text) for name in labels}
    same = tuple(draw(st.lists(hostile_text, max_size=1)))
    comparison = compare_predictions(pinned.on(system), predictions, draw(st.sampled_from(labels)), names, same)
    if not draw(st.booleans()):
        return comparison
    return attrs.evolve(comparison, sweep=swept({name: draw(networks) for name in labels}))


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """Reports of up to two workloads with up to two pins."""
    workloads = []
    for label in draw(st.lists(hostile_text, max_size=2, unique=True)):
        pins = draw(st.lists(hostile_text, min_size=1, max_size=2, unique=True))
        made = tuple(draw(comparisons(label=name)) for name in pins)
        workloads.append(WorkloadReport(label=label, producer=draw(hostile_text), comparisons=made))
    return Report(
        scenario=draw(hostile_text),
        description=draw(hostile_text),
        workloads=tuple(workloads),
        provenance=draw(st.dictionaries(hostile_text, hostile_text, max_size=2)),
    )
