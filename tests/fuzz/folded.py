"""Random steps of replicas, folded and rank by rank: every figure of every rank has to be equal.

Run with ``python tests/fuzz/folded.py --inputs 20000 --seed 1``. Durations and sizes are few and small, so that many
things happen in one tick with others, and tell ranks apart there; what is folded up to then is counted apart.
"""

from __future__ import annotations

import argparse
import collections
import random
import sys
from unittest import mock

from versim import (
    Device,
    Dimension,
    ExecutionGraph,
    Fixed,
    GraphBuilder,
    Inputs,
    Kind,
    Link,
    Mesh,
    Prediction,
    System,
    UnsupportedGraphError,
    pin,
)
from versim_astrasim.engine import Outcome
from versim_astrasim.engine.fold import Head
from versim_astrasim.options import BackendOptions
from versim_astrasim.step import engine
from versim_astrasim.step.engine import outcome_of
from versim_astrasim.step.prediction import from_outcome
from versim_astrasim.step.translate import Translation, translate

GIB = 2**30
KINDS = (Kind.ALL_REDUCE, Kind.ALL_GATHER, Kind.REDUCE_SCATTER, Kind.ALL_TO_ALL)
TIMES = ("ready_ps", "start_ps", "end_ps")


def random_graph(source: random.Random, most_nodes: int = 30) -> ExecutionGraph:
    """Stages that exchange messages, replicated along two or three other axes in any order; some end in a contact.

    Durations and sizes are few and small, so that many things happen in the same tick.
    """
    names = ["dp", "pp", "tp", "cp"][: source.choice((3, 3, 4))]
    source.shuffle(names)
    sizes = tuple(source.choice((1, 2, 3)) if name == "pp" else source.choice((1, 2, 3, 4, 4, 8)) for name in names)
    mesh = Mesh(tuple(names), sizes)
    builder, stages = GraphBuilder(mesh), mesh.size("pp")
    replicated = [name for name in names if name != "pp" and mesh.size(name) > 1]
    tied = source.random() < 0.6
    durations_ns = (1, 2, 5, 10, 20, 30) if tied else [source.randrange(1, 1000) for _ in range(6)]
    sizes_bytes = (64, 128, 512, 1024) if tied else [source.randrange(1, 5000) for _ in range(6)]
    rows: list[list[int]] = [[] for _ in range(stages)]

    def after(stage: int) -> list[int]:
        return source.sample(rows[stage], min(source.choice((0, 1, 1, 2)), len(rows[stage])))

    for number in range(source.randrange(3, most_nodes)):
        stage, what = source.randrange(stages), source.choice(("compute", "compute", "message", "group", "group"))
        if what == "message" and stages > 1:
            other = source.choice([another for another in range(stages) if another != stage])
            size = source.choice(sizes_bytes)
            for end, at in ((builder.send, stage), (builder.recv, other)):
                rows[at].append(end(what, size, match=(what, number), on={"pp": at}, after=after(at)))
        elif what == "group" and replicated:
            everywhere = stages > 1 and source.random() < 0.2
            axes = source.sample(replicated, source.randrange(0 if everywhere else 1, len(replicated) + 1))
            row = builder.collective(
                what,
                source.choice(KINDS),
                source.choice(sizes_bytes),
                axes=["pp", *axes] if everywhere else axes,
                on={} if everywhere else {"pp": stage},
                after=[] if everywhere else after(stage),
            )
            for reached in rows if everywhere else [rows[stage]]:
                reached.append(row)
        else:
            work = [(Fixed(source.choice(durations_ns) * 1e-9), 1)]
            rows[stage].append(builder.compute("compute", work, on={"pp": stage}, after=after(stage)))
    if mesh.world_size > 1 and source.random() < 0.3:
        # Of all ranks, as of a gradient norm: on most networks some replicas are not alike in it.
        kind, size = source.choice(KINDS), source.choice(sizes_bytes)
        work = [(Fixed(source.choice(durations_ns) * 1e-9), 1)]
        for stage, before in enumerate(rows):
            on = {"pp": stage}
            met = builder.collective("norm", kind, size, axes=mesh.names, match="norm", on=on, after=before)
            builder.compute("optimizer", work, on=on, after=[met])
    return builder.build()


def random_system(source: random.Random, mesh: Mesh) -> System:
    """Dimensions of one axis or of neighbouring axes, or one for all."""
    sizes = [size for size in reversed(mesh.sizes) if size > 1] or [1]
    while len(sizes) > 1 and source.random() < 0.4:
        place = source.randrange(len(sizes) - 1)
        sizes[place : place + 2] = [sizes[place] * sizes[place + 1]]
    return system_of(
        *(
            (
                source.choice(("ring", "switch", "fully_connected")),
                size,
                source.choice((1, 10, 64)),
                source.choice((0, 1, 5, 10, 100)),
            )
            for size in sizes
        )
    )


def system_of(*dimensions: tuple[str, int, float, float]) -> System:
    """A system of (topology, size, GiB/s, ns)."""
    return System(
        dimensions=tuple(
            Dimension(topology=topology, size=size, link=Link(bandwidth_bytes_per_s=rate * GIB, latency_s=ns * 1e-9))
            for topology, size, rate, ns in dimensions
        ),
        device=Device(name="test"),
    )


def random_options(source: random.Random) -> BackendOptions:
    """Algorithms, chunks and lanes."""
    return BackendOptions(
        congestion=source.choice(("aware", "unaware")),
        all_reduce=source.choice(("auto", "auto", "ring", "direct", "halvingDoubling", "doubleBinaryTree")),
        all_gather=source.choice(("auto", "auto", "ring", "direct", "halvingDoubling")),
        preferred_dataset_splits=source.choice((1, 1, 4)),
        active_chunks_per_dimension=source.choice((1, 2)),
        num_queues_per_dim=source.choice((1, 1, 2)),
        endpoint_delay_ns=source.choice((10, 1, 3)),
    )


Run = tuple[Outcome, Translation]


def both(inputs: Inputs, options: BackendOptions) -> tuple[Run, Run] | None:
    """The run of ranks that stand for all, at least for some time, and that of every rank; None without the first."""
    heads: list[Head | None] = []

    def noted(translation: Translation, head: Head | None = None) -> Outcome:
        heads.append(head)
        return outcome_of(translation, head)

    with mock.patch.object(engine, "outcome_of", noted):
        translation, outcome = engine.least_ranks(translate(inputs, inputs.system, options, fold=True), inputs)
    folded = translation.folding is not None or outcome.unfolded_ns is not None
    if not folded and heads[-1] is None:
        return None
    every_rank = translate(inputs, inputs.system, options)
    plain = outcome_of(every_rank)
    if heads[-1] is not None and outcome.unfolded_ns is None and plain.engine == "kernel":
        raise AssertionError("the engine has not gone on from where ranks part")
    return ((outcome, translation), (plain, every_rank)) if folded else None


def times_by_place(prediction: Prediction) -> dict[tuple[int, int], tuple[int, ...]]:
    """Ready, start and end by row and rank."""
    spans = prediction.spans
    columns = [getattr(spans, name).tolist() for name in ("node", "rank", *TIMES)]
    return {(node, rank): tuple(times) for node, rank, *times in zip(*columns, strict=True)}


def differences(inputs: Inputs, one: Run, other: Run) -> list[str]:
    """What differs: finishes, their order, spans of every rank, links, messages, losses and what is said."""
    (folded, of_folded), (plain, of_plain) = one, other
    if of_plain.folding is not None:
        raise ValueError("the second run has to be that of every rank")
    members = 1 if of_folded.folding is None else of_folded.folding.fold.members
    found = [
        name
        for name in ("status", "finish_ns", "finish_order", "message_count")
        if getattr(folded, name) != getattr(plain, name)
    ]
    ours, theirs = (from_outcome(outcome, translation, inputs, "") for outcome, translation in (one, other))
    found += ["finish_ps"] * (ours.finish_ps.tolist() != theirs.finish_ps.tolist())
    found += ["diagnosis"] * (ours.diagnosis != theirs.diagnosis)
    found += ["notes"] * (ours.consumed.notes != theirs.consumed.notes)
    of_class, of_rank = times_by_place(ours), times_by_place(theirs)
    found += ["number of spans"] * (len(of_class) * members != len(of_rank))
    stands = ours.representative.tolist()
    found += ["spans"] * any(of_class.get((row, stands[rank])) != times for (row, rank), times in of_rank.items())
    if ours.links is None or theirs.links is None:
        return found + ["links"] * (ours.links is not theirs.links)
    found += ["link names"] * (ours.links.name != theirs.links.name)
    for name in ("carried_bytes", "messages", "busy_ps", "queueing_ps"):
        found += [name] * (getattr(ours.links, name).tolist() != getattr(theirs.links, name).tolist())
    return found


def run(inputs: int, seed: int) -> dict[str, int]:
    """Compare steps; how many were compared, and folded to the end or up to some time; or not folded.

    Raises:
        AssertionError: Two answers differ.
    """
    counts: collections.Counter[str] = collections.Counter()
    for number in range(inputs):
        source = random.Random(f"folded-{seed}-{number}")
        graph = random_graph(source)
        system = random_system(source, graph.mesh)
        step, options = pin(graph, system), random_options(source)
        try:
            runs = both(step, options)
        except UnsupportedGraphError:
            counts["refused"] += 1
            continue
        if runs is None:
            counts["not folded"] += 1
            continue
        found = differences(step, *runs)
        if found:
            raise AssertionError(f"seed {seed}, number {number}: {', '.join(found)}")
        counts["to the end" if runs[0][0].unfolded_ns is None else "unfolded"] += 1
        counts["compared"] += 1
    return dict(counts)


def main() -> int:
    """Compare, and say how many."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    sys.stdout.write(f"{run(chosen.inputs, chosen.seed)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
