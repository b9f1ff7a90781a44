"""One rank in place of all that run alike: the same figures for everybody, to the nanosecond, or none."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Literal

import pytest
from versim import ExecutionGraph, Fixed, GraphBuilder, Inputs, Kind, Mesh, UnsupportedGraphError, VersimError, pin
from versim.graph import limits
from versim_astrasim.engine import RankTrace, alike_tags, simulate
from versim_astrasim.engine.kernel import kernel_reason
from versim_astrasim.engine.kernel_limits import Incapable
from versim_astrasim.lint.excerpt import excerpt_of
from versim_astrasim.lint.preflight import preflight
from versim_astrasim.options import BackendOptions
from versim_astrasim.step import folding
from versim_astrasim.step.engine import outcome_of, predict
from versim_astrasim.step.translate import translate

sys.path.insert(0, str(Path(__file__).parents[2] / "fuzz"))

import folded
from folded import both, differences, system_of

pytestmark = pytest.mark.skipif(bool(kernel_reason()), reason="only the compiled engine folds")


def test_a_folded_step_gives_every_figure_of_the_step_of_every_rank() -> None:
    """On networks of one and several dimensions, with ties and without."""
    counts = folded.run(300, seed=3)
    assert counts["compared"] > 60


def shown(trace: RankTrace) -> list[list[object]]:
    """The nodes of a trace: what each is, with whom it communicates, and in which group."""
    columns = ("node_id", "node_type", "duration_micros", "comm_type", "comm_size", "comm_src", "comm_dst", "comm_tag")
    values = [getattr(trace, name).tolist() for name in columns]
    return [[*row, trace.pg_name.get(number, "")] for number, row in enumerate(zip(*values, strict=True))]


def test_a_look_at_a_folded_step_finds_what_a_look_at_every_rank_finds() -> None:
    """Its excerpt has the nodes of all ranks, with their own groups and peers."""
    looked = 0
    for number in range(60):
        source = random.Random(number)
        graph = folded.random_graph(source)
        system = folded.random_system(source, graph.mesh)
        inputs, options = pin(graph, system), folded.random_options(source)
        try:
            translation = translate(inputs, system, options, fold=True)
        except UnsupportedGraphError:
            continue
        if translation.folding is None:
            continue
        every_rank = translate(inputs, system, options)
        assert preflight(translation, run=False, every_rank=lambda: every_rank) == preflight(every_rank, run=False)  # noqa: B023
        ours, theirs = excerpt_of(translation), excerpt_of(every_rank)
        if theirs is None:
            assert ours is None
            continue
        assert ours is not None
        for mine, one in zip(ours, theirs, strict=True):
            assert set(map(tuple, shown(mine))) == set(map(tuple, shown(one)))
        looked += 1
    assert looked > 20


def counter_example(first_ns: int, second_ns: int, replicas: int = 1) -> ExecutionGraph:
    """Two stages of four ranks; in one compute ends just when a collective ends.

    Whoever sees compute end first sends first, the others gather first.
    """
    builder, on = GraphBuilder(Mesh.of(dp=replicas, pp=2, tp=4)), {"pp": 0}
    begun = row = [builder.compute("compute", [(Fixed(133e-9), 1)], on=on)]
    for duration_ns in (first_ns, second_ns, 10):
        row = [builder.compute("compute", [(Fixed(duration_ns * 1e-9), 1)], on=on, after=row)]
    gathered = builder.collective("gather", Kind.ALL_GATHER, 432, axes=["tp"], on=on, after=begun)
    builder.send("send", 1464, match="message", on=on, after=row)
    builder.recv("receive", 1464, match="message", on={"pp": 1})
    builder.collective("gather again", Kind.ALL_GATHER, 432, axes=["tp"], on=on, after=[gathered])
    return builder.build()


def counter_inputs(first_ns: int, second_ns: int) -> Inputs:
    """The same on a network that everybody sees alike."""
    return pin(counter_example(first_ns, second_ns), system_of(("fully_connected", 8, 10, 10)))


COUNTER_EXAMPLE_NS = (419, 585, 605, 625, 379, 585, 605, 625)
"""When the ranks of both stages end."""

UNAWARE = BackendOptions(congestion="unaware", all_gather="ring")


def test_ranks_that_a_tie_tells_apart_are_not_folded() -> None:
    """Nothing but the order of equal ranks in one tick makes them end at 419, 585, 605 and 625 ns."""
    inputs = counter_inputs(70, 20)
    translation = translate(inputs, inputs.system, UNAWARE, fold=True)
    assert translation.folding is not None
    assert translation.folding.fold.members == 4
    with pytest.raises(Incapable, match="tie"):
        outcome_of(translation)
    prediction = predict(translation, inputs)
    assert prediction.finish_ps.tolist() == [ns * 1000 for ns in COUNTER_EXAMPLE_NS]
    assert prediction.representative.tolist() == list(range(8))


@pytest.mark.parametrize("congestion", ["aware", "unaware"])
@pytest.mark.parametrize("engine", ["kernel", "python"])
@pytest.mark.parametrize("exactness", ["auto", "plain"])
def test_no_shortcut_makes_these_ranks_equal(
    congestion: Literal["aware", "unaware"],
    engine: Literal["kernel", "python"],
    exactness: Literal["auto", "plain"],
) -> None:
    """Whichever engine runs, and whatever it may leave out."""
    inputs = counter_inputs(70, 20)
    options = BackendOptions(congestion=congestion, all_gather="ring")
    given = translate(inputs, inputs.system, options).given
    outcome = simulate(
        given.traces,
        given.network_config(),
        given.system_config(),
        groups=given.groups,
        exactness=exactness,
        engine=engine,
    )
    assert outcome.finish_ns == COUNTER_EXAMPLE_NS


@pytest.mark.parametrize("congestion", ["aware", "unaware"])
def test_a_tie_within_replicas_leaves_replicas_folded(congestion: Literal["aware", "unaware"]) -> None:
    """They exchange nothing, so what tells their ranks apart is the same in each."""
    system = system_of(("fully_connected", 8, 10, 10), ("ring", 3, 10, 10))
    inputs = pin(counter_example(70, 20, replicas=3), system)
    options = BackendOptions(congestion=congestion, all_gather="ring")
    prediction = predict(translate(inputs, system, options, fold=True), inputs)
    assert prediction.finish_ps.tolist() == 3 * [ns * 1000 for ns in COUNTER_EXAMPLE_NS]
    assert prediction.representative.tolist() == 3 * list(range(8))


def with_a_norm(microbatches: int = 6) -> ExecutionGraph:
    """Stages outermost, as Megatron-LM numbers ranks; the norm's all-reduce is the first in which replicas differ."""
    builder, stages = GraphBuilder(Mesh.of(pp=3, dp=3, tp=4)), range(3)
    rows: list[list[int]] = [[] for _ in stages]
    for number in range(microbatches):
        for stage in stages:
            on = {"pp": stage}
            if stage:
                rows[stage].append(builder.recv("activations", 5000, match=(number, stage), on=on))
            work = [(Fixed((300 + 10 * stage) * 1e-9), 1)]
            row = builder.compute("forward", work, on=on, after=rows[stage])
            reduced = builder.collective("reduce", Kind.ALL_REDUCE, 4096, axes=["tp"], on=on, after=[row])
            rows[stage] = [reduced]
            if stage < stages[-1]:
                builder.send("activations", 5000, match=(number, stage + 1), on=on, after=[reduced])
    for stage in stages:
        on = {"pp": stage}
        summed = builder.collective("gradients", Kind.REDUCE_SCATTER, 9000, axes=["dp"], on=on, after=rows[stage])
        norm = builder.collective(
            "norm", Kind.ALL_REDUCE, 8 * 36, axes=["pp", "dp", "tp"], match="norm", on=on, after=[summed]
        )
        stepped = builder.compute("optimizer", [(Fixed(5e-7), 1)], on=on, after=[norm])
        builder.collective("parameters", Kind.ALL_GATHER, 9000, axes=["dp"], on=on, after=[stepped])
    return builder.build()


@pytest.mark.parametrize(
    ("congestion", "dimensions", "told_apart"),
    [
        ("unaware", (("switch", 4, 100, 1), ("switch", 9, 25, 1)), 9),
        ("unaware", (("switch", 36, 25, 1),), 36),
        ("aware", (("switch", 4, 100, 1), ("switch", 9, 25, 1)), 9),
        ("aware", (("switch", 36, 25, 1),), 36),
        ("aware", (("fully_connected", 36, 25, 1),), 36),
    ],
)
def test_replicas_are_one_until_they_touch(
    congestion: Literal["aware", "unaware"],
    dimensions: tuple[tuple[str, int, float, float], ...],
    told_apart: int,
) -> None:
    """The engine goes on from there with what waits, and every figure is that of the run of every rank."""
    inputs = pin(with_a_norm(), system_of(*dimensions))
    options = BackendOptions(congestion=congestion, all_reduce="ring")
    runs = both(inputs, options)
    assert runs is not None
    (outcome, translation), (plain, _) = runs
    assert not differences(inputs, *runs)
    assert outcome.unfolded_ns is not None
    assert plain.makespan_ns is not None
    assert plain.makespan_ns / 2 < outcome.unfolded_ns < plain.makespan_ns
    assert translation.instances.classes.count == told_apart


def test_around_that_tie_all_is_folded() -> None:
    """A nanosecond earlier or later the four run alike, and one stands for all."""
    for first_ns, second_ns in ((69, 20), (70, 19), (71, 20), (70, 21)):
        inputs = counter_inputs(first_ns, second_ns)
        runs = both(inputs, UNAWARE)
        assert runs is not None
        assert not differences(inputs, *runs)
        assert len(set(runs[1][0].finish_ns[:4])) == 1


def test_a_fold_that_does_not_look_at_ways_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The closing message of a group in one segment of a ring has more hops than the others."""
    builder = GraphBuilder(Mesh.of(dp=2, tp=3))
    first = builder.compute("compute", [(Fixed(1e-7), 1)])
    reduced = builder.collective("reduce", Kind.ALL_REDUCE, 3000, axes=["tp"], after=[first])
    builder.compute("compute", [(Fixed(1e-7), 1)], after=[reduced])
    inputs = pin(builder.build(), system_of(("ring", 6, 10, 50)))
    translation = translate(inputs, inputs.system, UNAWARE, fold=True)
    assert translation.folding is not None
    assert translation.folding.fold.sizes == (2,)
    runs = both(inputs, UNAWARE)
    assert runs is not None
    assert not differences(inputs, *runs)
    monkeypatch.setattr(folding, "_is_shifted", lambda *_: True)
    runs = both(inputs, UNAWARE)
    assert runs is not None
    assert "spans" in differences(inputs, *runs)


def test_ranks_that_exchange_with_partners_of_their_own_are_folded() -> None:
    """As a gradient norm does, over all ranks and by halving-doubling, between collectives of groups on rings.

    Partners' places differ in one bit, which no shift of all members makes of another.
    """
    builder, stages = GraphBuilder(Mesh.of(pp=2, dp=8, cp=4, tp=2)), range(2)
    rows = [builder.compute("forward", [(Fixed((1 + stage) * 1e-6), 1)], on={"pp": stage}) for stage in stages]
    for axis in ("tp", "cp", "dp"):
        rows = [
            builder.collective(axis, Kind.ALL_GATHER, 1 << 16, axes=[axis], after=[row], on={"pp": stage})
            for stage, row in enumerate(rows)
        ]
    norm = builder.collective("norm", Kind.ALL_REDUCE, 4 * 128, axes=["pp", "dp", "cp", "tp"], after=rows)
    for stage in stages:
        row = builder.compute("optimizer", [(Fixed(1e-6), 1)], on={"pp": stage}, after=[norm])
        builder.collective("parameters", Kind.ALL_GATHER, 1 << 16, axes=["dp"], on={"pp": stage}, after=[row])
    system = system_of(("switch", 8, 100, 500), ("switch", 16, 25, 2000))
    inputs = pin(builder.build(), system)
    for congestion in ("aware", "unaware"):
        runs = both(inputs, BackendOptions(congestion=congestion))  # type: ignore[arg-type]
        assert runs is not None
        assert runs[0][1].instances.classes.count == 2
        assert not differences(inputs, *runs)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"exactness": "plain"}, "asked for"),
        ({"node_order": "creation"}, "ids by the order in which all ranks' messages come up"),
        ({"all_reduce": "doubleBinaryTree"}, "a member's place says whose child it is"),
        ({"replay_only": True, "compute_encoding": "micros"}, "nothing of the network is simulated"),
    ],
)
def test_what_is_simulated_rank_by_rank(options: dict[str, object], why: str) -> None:
    """What tells ranks apart, or is for the Python engine."""
    builder = GraphBuilder(Mesh.of(dp=4))
    builder.collective("reduce", Kind.ALL_REDUCE, 4096, axes=["dp"])
    inputs = pin(builder.build(), system_of(("switch", 4, 10, 50)))
    chosen = BackendOptions(**{"congestion": "unaware", "all_reduce": "ring", **options})  # type: ignore[arg-type]
    assert folding_to_the_end(inputs, chosen) is None, why


def folding_to_the_end(inputs: Inputs, options: BackendOptions) -> folding.Folding | None:
    """The folding of those that serve to the end."""
    most_members = inputs.graph.mesh.world_size
    return translate(inputs, inputs.system, options, fold=True, most_members=most_members).folding


def test_a_step_that_is_too_large_unless_rings_fold_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """All-reduces on trees, in which every rank has children of its own."""
    builder = GraphBuilder(Mesh.of(pp=4, tp=8))
    for axes in (["tp"], ["pp", "tp"]):
        builder.collective("reduce", Kind.ALL_REDUCE, 4096, axes=axes)
    inputs = pin(builder.build(), system_of(("switch", 8, 100, 500), ("switch", 4, 25, 2000)))
    options = BackendOptions(congestion="unaware", all_reduce="double_binary_tree")
    assert folding_to_the_end(inputs, options) is None
    monkeypatch.setattr(limits, "available_bytes", lambda: 63 * limits.BYTES_PER_EXECUTION)
    with pytest.raises(VersimError, match=r"64 executions .*\(all_reduce: ring\), with which one rank stands for 32$"):
        translate(inputs, inputs.system, options, fold=True)
    rings = BackendOptions(congestion="unaware", all_reduce="ring")
    assert translate(inputs, inputs.system, rings, fold=True).instances.count == 2
    with pytest.raises(VersimError, match=r"fewer replicas$"):
        translate(inputs, inputs.system, rings)


def numbered_alike(of_pairs_bytes: int, of_all_bytes: int) -> Inputs:
    """More than five hundred groups, of which some pairs and the world, group 1,281, number their messages alike."""
    builder = GraphBuilder(Mesh.of(dp=2, pp=256, tp=2))
    row = [builder.compute("compute", [(Fixed(1e-7), 1)])]
    for axes in (["tp"], ["dp"], ["dp", "tp"]):
        row = [builder.collective("gather", Kind.ALL_GATHER, of_pairs_bytes, axes=axes, after=row)]
    builder.collective("of all", Kind.ALL_GATHER, of_all_bytes, axes=["dp", "pp", "tp"], after=row)
    return pin(builder.build(), system_of(("ring", 1024, 10, 50)))


def test_groups_numbered_alike_are_folded_where_no_message_can_be_taken_for_another() -> None:
    """Of 128 bytes two ranks exchange 64, and 1,024 ranks 64 of 65,536: only sizes tell their messages apart."""
    inputs = numbered_alike(128, 1024 * 32)
    runs = both(inputs, UNAWARE)
    assert runs is not None
    assert len(runs[0][1].given.groups) == 1281
    assert not differences(inputs, *runs)
    assert preflight(runs[0][1], run=False) == []
    mistaken = numbered_alike(128, 1024 * 64)
    with pytest.raises(Incapable, match="one another's messages"):
        outcome_of(translate(mistaken, mistaken.system, UNAWARE, fold=True))
    assert both(mistaken, UNAWARE) is None


@pytest.mark.parametrize(("group_id", "jobs", "mistaken"), [(353, 32704, False), (353, 32705, True), (354, 1, False)])
def test_ids_beyond_32_bits_come_round_to_the_tags_of_others(group_id: int, jobs: int, mistaken: bool) -> None:
    """The jobs of group 2,148 are numbered from 353,032,704 on, which the first 32,704 of group 353 do not reach."""
    assert bool(list(alike_tags.sharing_tags({2148: 1, group_id: jobs}))) is mistaken


def test_a_step_of_many_replicas_is_as_large_as_that_of_one() -> None:
    """4,096 ranks in two classes, and figures for all."""
    builder = GraphBuilder(Mesh.of(dp=256, pp=2, tp=8))
    for stage in (0, 1):
        row = builder.compute("forward", [(Fixed(1e-6), 1)], on={"pp": stage})
        row = builder.collective("tp", Kind.ALL_REDUCE, 1 << 20, axes=["tp"], on={"pp": stage}, after=[row])
        builder.collective("dp", Kind.ALL_REDUCE, 1 << 22, axes=["dp"], on={"pp": stage}, after=[row])
    system = system_of(("fully_connected", 8, 100, 500), ("ring", 512, 25, 2000))
    inputs = pin(builder.build(), system)
    translation = translate(inputs, system, UNAWARE, fold=True)
    assert translation.instances.count == 6
    outcome = outcome_of(translation)
    assert len(outcome.finish_ns) == 4096
    assert len(set(outcome.finish_ns)) == 1
    assert sorted(outcome.finish_order) == list(range(4096))
