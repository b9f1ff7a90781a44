"""What a graph becomes: sizes, groups, tags, ids, and what is refused or reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import pytest
from versim import ExecutionGraph, Fixed, GraphBuilder, Inputs, Kind, Link, Mesh, System, UnsupportedGraphError
from versim_astrasim.engine.trace import MISSING, RankTrace
from versim_astrasim.options import BackendOptions
from versim_astrasim.step.losses import moved_bytes
from versim_astrasim.step.translate import Translation, Translations, translate

Pin = Callable[[ExecutionGraph], Inputs]
MakeSystem = Callable[..., System]
SECOND = [(Fixed(1.0), 1)]
NOTHING = [(Fixed(0.0), 1)]


@pytest.fixture
def translated(pinned: Pin, system_of: MakeSystem) -> Callable[..., Translation]:
    """Translates a builder's graph onto one ring, or onto the dimensions given."""

    def make(builder: GraphBuilder, *dimensions: tuple[str, int], **options: Any) -> Translation:
        graph = builder.build()
        system = system_of(*(dimensions or (("ring", graph.mesh.world_size),)))
        return translate(pinned(graph), system, BackendOptions(**options))

    return make


def column(trace: RankTrace, name: str) -> list[int | None]:
    """A column with None for what is missing."""
    return [None if value == MISSING else value for value in getattr(trace, name).tolist()]


def dependencies(trace: RankTrace) -> list[list[int]]:
    """Each node's dependencies."""
    offsets, deps = trace.ctrl_offsets.tolist(), trace.ctrl_deps.tolist()
    return [sorted(deps[begin:end]) for begin, end in pairwise(offsets)]


def chain(builder: GraphBuilder, nodes: Iterable[str]) -> None:
    """Collectives of 1000 bytes over all axes, one after another."""
    row = builder.compute("work", SECOND)
    for kind in nodes:
        row = builder.collective(kind, kind, 1000, axes=builder.mesh.names, after=[row])


def test_sizes_are_what_astrasim_means(translated: Callable[..., Translation]) -> None:
    """The shard of an all-gather, rounded up; the full tensor of everything else."""
    builder = GraphBuilder(Mesh.of(tp=3))
    chain(builder, ["all_reduce", "all_gather", "reduce_scatter", "all_to_all"])
    translation = translated(builder)
    trace = translation.given.traces[0]
    assert column(trace, "comm_size") == [None, 1000, 334, 1000, 1000]
    assert column(trace, "comm_type") == [None, 0, 2, 7, 6]
    assert translation.consumed.size_bytes.tolist() == [999, 1002, 999, 999]
    assert "4 collectives move other sizes" in translation.consumed.notes[0]


@pytest.mark.parametrize(
    ("kind", "size_bytes", "participants", "splits", "moved"),
    [
        (Kind.ALL_REDUCE, 1048576, 8, 4, 1048576),
        (Kind.ALL_REDUCE, 1000003, 8, 5, 6 * 200000),
        (Kind.ALL_REDUCE, 1, 8, 7, 7 * 8),
        (Kind.ALL_REDUCE, 1, 2, 1, 8),
        (Kind.REDUCE_SCATTER, 1001, 4, 1, 1000),
        (Kind.ALL_GATHER, 1000, 4, 3, 4 * 333 * 4),
        (Kind.ALL_GATHER, 3, 4, 4, None),
    ],
)
def test_whole_chunks_and_messages_are_moved(
    kind: Kind, size_bytes: int, participants: int, splits: int, moved: int | None
) -> None:
    """A remainder makes a full chunk more, small chunks are inflated to the number of ranks, groups included."""
    assert moved_bytes(kind, size_bytes, participants, world_size=8, splits=splits, divides=True) == moved


def test_the_world_needs_no_group(translated: Callable[..., Translation]) -> None:
    """A collective of all ranks has no group of its own unless there are smaller ones."""
    builder = GraphBuilder(Mesh.of(dp=2, tp=2))
    chain(builder, ["all_reduce"])
    translation = translated(builder)
    assert translation.given.groups == {}
    assert translation.given.traces[0].pg_name == {}


def test_groups_are_numbered_by_first_rank(translated: Callable[..., Translation]) -> None:
    """From 1, and the world comes last: nameless, it would share its count of jobs with the groups and deadlock."""
    builder = GraphBuilder(Mesh.of(dp=2, tp=2))
    row = builder.collective("tp", "all_reduce", 64, axes=["tp"])
    row = builder.collective("dp", "all_reduce", 64, axes=["dp"], on={"tp": 1}, after=[row])
    builder.collective("all", "all_reduce", 64, axes=["dp", "tp"], after=[row])
    translation = translated(builder)
    assert translation.given.groups == {1: (0, 1), 2: (1, 3), 3: (2, 3), 4: (0, 1, 2, 3)}
    assert [list(trace.pg_name.values()) for trace in translation.given.traces] == [
        ["1", "4"],
        ["1", "2", "4"],
        ["3", "4"],
        ["3", "2", "4"],
    ]


def test_an_explicit_group_keeps_its_order(translated: Callable[..., Translation]) -> None:
    """ASTRA-sim's ring follows the order of the list, which is part of the answer."""
    builder = GraphBuilder(Mesh.of(rank=4))
    builder.compute("work", SECOND, after=[])
    on = {"rank": [0, 1, 3]}
    row = builder.compute("before", SECOND, on=on, after=[0])
    builder.collective("odd", "all_reduce", 64, ranks=[3, 0, 1], on=on, after=[row])
    assert translated(builder).given.groups == {1: (3, 0, 1)}


def test_messages_of_a_pair_of_ranks_have_tags_of_their_own(translated: Callable[..., Translation]) -> None:
    """Equal sizes would otherwise pair in the order of posting; a tag that the graph asks for is kept."""
    builder = GraphBuilder(Mesh.of(pp=2))
    row = builder.compute("work", SECOND)
    ends = {"source": {"pp": 0}, "target": {"pp": 1}, "after": [row]}
    builder.transfer("a", 8, **ends)  # type: ignore[arg-type]
    builder.send("kept", 8, match="kept", tag=1, on={"pp": 0})
    builder.recv("kept", 8, match="kept", tag=1, on={"pp": 1})
    builder.transfer("b", 8, **ends)  # type: ignore[arg-type]
    builder.transfer("back", 8, source={"pp": 1}, target={"pp": 0})
    first, second = translated(builder).given.traces
    assert column(first, "comm_tag") == [None, 0, 1, 2, 0]
    assert column(second, "comm_tag") == [None, 0, 1, 2, 0]
    assert column(first, "comm_dst") == [None, 1, 1, 1, None]
    assert column(second, "comm_src") == [None, 0, 0, 0, None]


def test_ids_are_program_order_on_each_rank(translated: Callable[..., Translation]) -> None:
    """Lower ids have the right of way, so what should start first stands first."""
    builder = GraphBuilder(Mesh.of(pp=2))
    first = builder.compute("first", SECOND, on={"pp": 0})
    _, arrived = builder.transfer("x", 8, source={"pp": 0}, target={"pp": 1}, after=[first])
    builder.compute("second", SECOND, on={"pp": 1}, after=[arrived])
    builder.compute("third", SECOND, on={"pp": 0}, after=[first])
    traces = translated(builder).given.traces
    assert [list(trace.names) for trace in traces] == [["first", "x send", "third"], ["x recv", "second"]]
    assert [dependencies(trace) for trace in traces] == [[[], [0], [0]], [[], [0]]]


def test_creation_order_puts_messages_last(translated: Callable[..., Translation]) -> None:
    """Compute and collectives breadth first, then messages as the nodes that need them come up, stage by stage."""
    builder = GraphBuilder(Mesh.of(dp=2, pp=2))
    on = [builder.place({"pp": stage}) for stage in range(2)]
    forward = builder.compute("forward", SECOND, on=on[0])
    _, arrived = builder.transfer("x", 8, source=on[0], target=on[1], after=[forward])
    middle = builder.compute("middle", SECOND, on=on[1], after=[arrived])
    _, back = builder.transfer("y", 8, source=on[1], target=on[0], after=[middle])
    last = builder.compute("last", SECOND, on=on[0], after=[back])
    builder.collective("reduce", "all_reduce", 64, axes=["dp"], on=on[0], after=[last])
    other = builder.compute("other", SECOND, on=on[0], after=[forward])
    builder.compute("deep", SECOND, on=on[0], after=[other])
    traces = translated(builder, node_order="creation").given.traces
    # "last" waits for a message only, so breadth first it stands beside the first node.
    assert list(traces[0].names) == ["forward", "last", "other", "reduce", "deep", "y recv", "x send"]
    assert list(traces[1].names) == ["middle", "y send", "x recv"]
    assert list(traces[2].names) == list(traces[0].names)


def test_a_compute_of_no_time_is_left_out_and_its_dependencies_joined(translated: Callable[..., Translation]) -> None:
    """Through several in a row, each dependency once."""
    builder = GraphBuilder(Mesh.of(tp=2))
    first = builder.compute("first", SECOND)
    second = builder.compute("second", SECOND)
    nothing = builder.compute("nothing", NOTHING, after=[first, second])
    more = builder.compute("more", NOTHING, after=[nothing, second])
    builder.compute("last", SECOND, after=[more, first])
    translation = translated(builder)
    assert list(translation.given.traces[0].names) == ["first", "second", "last"]
    assert dependencies(translation.given.traces[0]) == [[], [], [0, 1]]
    assert translation.consumed.notes[-1] == "2 compute nodes of 0 ns were left out and their dependencies joined"


def test_a_rank_without_work_gets_a_placeholder(translated: Callable[..., Translation]) -> None:
    """The program aborts on an empty trace."""
    builder = GraphBuilder(Mesh.of(pp=3))
    first = builder.compute("first", SECOND, on={"pp": 1})
    builder.compute("second", SECOND, on={"pp": 1}, after=[first])
    translation = translated(builder)
    assert [list(trace.names) for trace in translation.given.traces] == [["idle"], ["first", "second"], ["idle"]]
    assert "2 ranks have nothing to do (the first is 0)" in translation.consumed.notes[0]


def test_microseconds_switch_the_roofline_off(translated: Callable[..., Translation]) -> None:
    """The traces are then the original converter's, attribute by attribute."""
    builder = GraphBuilder(Mesh.of(tp=4))
    chain(builder, ["all_reduce"])
    given = translated(builder, compute_encoding="micros").given
    assert column(given.traces[0], "num_ops") == [None, None]
    assert column(given.traces[0], "duration_micros") == [1_000_000, 0]
    assert given.system["roofline-enabled"] == 0
    exact = translated(builder).given
    assert column(exact.traces[0], "num_ops") == [10**12 + 500, None]
    assert (exact.system["roofline-enabled"], exact.system["peak-perf"]) == (1, 1)


def test_a_link_per_axis_is_reported(pinned: Pin, system_of: MakeSystem) -> None:
    """ASTRA-sim knows links per dimension; one that equals the dimension's is no loss."""
    builder = GraphBuilder(Mesh.of(dp=2, tp=2))
    row = builder.compute("work", SECOND)
    builder.collective("dp", "all_reduce", 64, axes=["dp"], after=[row])
    slow = Link(bandwidth_bytes_per_s=1e9, latency_s=1e-5)
    system = system_of(("ring", 4), dp=slow, tp=slow)
    notes = translate(pinned(builder.build()), system, BackendOptions()).consumed.notes
    assert [note for note in notes if "link" in note] == [
        "axis dp: its own link (1e+09 bytes/s, 1e-05 s) is not used; ASTRA-sim knows links per network dimension"
    ]


def test_a_world_of_another_size_is_refused(translated: Callable[..., Translation]) -> None:
    """The message has both numbers and what to change."""
    builder = GraphBuilder(Mesh.of(dp=2, tp=2))
    chain(builder, ["all_reduce"])
    with pytest.raises(UnsupportedGraphError, match=r"stands on 4 ranks \(dp=2, tp=2\).* has 6 \(2 × 3\)"):
        translated(builder, ("ring", 2), ("ring", 3), congestion="unaware")


def test_a_broadcast_is_refused_by_name(translated: Callable[..., Translation]) -> None:
    """ASTRA-sim runs a broadcast for 1 ns and moves nothing."""
    builder = GraphBuilder(Mesh.of(tp=2))
    chain(builder, ["broadcast"])
    with pytest.raises(UnsupportedGraphError, match=r"node 1 \('broadcast'\) is a broadcast"):
        translated(builder)


def test_a_tag_out_of_range_is_refused(translated: Callable[..., Translation]) -> None:
    """ASTRA-sim takes tags modulo 500 000 000, so a larger one might meet another message."""
    builder = GraphBuilder(Mesh.of(pp=2))
    row = builder.compute("work", SECOND)
    builder.send("x", 8, match="x", tag=500_000_000, on={"pp": 0}, after=[row])
    builder.recv("x", 8, match="x", tag=500_000_000, on={"pp": 1})
    with pytest.raises(UnsupportedGraphError, match=r"node 1 \('x'\) has tag 500000000"):
        translated(builder)


def test_an_all_gather_that_cannot_be_cut_is_refused(translated: Callable[..., Translation]) -> None:
    """ASTRA-sim would loop for ever on it."""
    builder = GraphBuilder(Mesh.of(tp=2))
    row = builder.compute("work", SECOND)
    builder.collective("tiny", "all_gather", 4, axes=["tp"], after=[row])
    with pytest.raises(UnsupportedGraphError, match=r"node 1 \('tiny'\) gathers shards of 2 bytes.*into 4 chunks"):
        translated(builder, preferred_dataset_splits=4)


def test_a_step_that_was_looked_at_is_not_translated_again(pinned: Pin, system_of: MakeSystem) -> None:
    """Looking at a step and simulating it need the same traces; another step or other options need their own."""
    builder = GraphBuilder(Mesh.of(tp=3))
    chain(builder, ["all_reduce"])
    inputs, others = (pinned(builder.build()).on(system_of(("ring", 3))) for _ in range(2))
    translations, options = Translations(), BackendOptions()
    made = translations.make(inputs, options)
    assert translations.take(inputs, options) is made
    assert translations.take(inputs, options) is not made
    for asked, chosen in ((others, options), (inputs, BackendOptions(endpoint_delay_ns=11))):
        made = translations.make(inputs, options)
        taken = translations.take(asked, chosen)
        assert taken is not made
        assert taken.options == chosen
