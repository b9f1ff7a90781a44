"""The mesh: who stands next to whom, and who makes a group."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st
from versim.graph.layout import _order
from versim_transformer.parallelism import Layout, Parallelism, layout_of

DEGREES = st.sampled_from([1, 2, 3, 4, 8])


def _groups(layout: Layout, axes: tuple[str, ...]) -> set[tuple[int, ...]]:
    """The groups of the first stage along some axes."""
    place = layout.mesh.placement({"pp": 0})
    return {tuple(group.tolist()) for group in layout.mesh.groups(place, axes)}


def _expected(ranks: int, stride: int, size: int) -> set[tuple[int, ...]]:
    """Groups of ``size`` ranks that stand ``stride`` apart, of so many ranks."""
    return {
        tuple(first + stride * number for number in range(size))
        for first in range(ranks)
        if first % (stride * size) < stride
    }


@given(DEGREES, DEGREES, DEGREES, st.sampled_from([1, 2]), DEGREES, st.sampled_from([1, 2, 4]))
def test_groups_are_megatrons(tp: int, cp: int, dp: int, pp: int, ep: int, etp: int) -> None:
    """Both ways of counting a stage's ranks run fastest first: tp, cp, dp, and etp, ep, edp of experts."""
    parallel = Parallelism(tp=tp, cp=cp, dp=dp, pp=pp, ep=ep, etp=etp)
    assume(not parallel.faults())
    layout = layout_of(parallel)
    ranks = tp * cp * dp
    assert layout.mesh.world_size == ranks * pp
    for axes, stride, size in (
        (layout.tp, 1, tp),
        (layout.cp, tp, cp),
        (layout.replicas, tp * cp, dp),
        (layout.dp, tp, cp * dp),
    ):
        assert _groups(layout, axes) == _expected(ranks, stride, size)
    if ep > 1 or etp > 1:
        for axes, stride, size in (
            (layout.etp, 1, etp),
            (layout.ep, etp, ep),
            (layout.edp, etp * ep, parallel.expert_dp),
        ):
            assert _groups(layout, axes) == _expected(ranks, stride, size)


@given(DEGREES, DEGREES, DEGREES, DEGREES, st.sampled_from([1, 2, 4]))
def test_megatrons_layout_changes_nothing(tp: int, cp: int, dp: int, ep: int, etp: int) -> None:
    """Whoever asks for ``layout: megatron`` by name gets what the producer writes anyway."""
    parallel = Parallelism(tp=tp, cp=cp, dp=dp, pp=2, ep=ep, etp=etp)
    assume(not parallel.faults())
    mesh = layout_of(parallel).mesh
    assert _order(mesh, "megatron") == tuple(range(len(mesh.names)))


def test_cut_axes_are_named_after_both() -> None:
    """Names say what an axis is a piece of; a piece of dp that is all of ep is called so."""
    assert layout_of(Parallelism(dp=64, ep=8)).mesh.names == ("pp", "edp", "ep", "cp", "tp")
    assert layout_of(Parallelism(tp=2, dp=8, ep=8)).mesh.names == ("pp", "edp", "dp_ep", "cp", "tp")
    assert layout_of(Parallelism(tp=8, dp=4, ep=4)).mesh.names == ("pp", "dp", "cp", "tp_edp", "tp_ep")
    assert layout_of(Parallelism(dp=8, ep=8)).mesh.names == ("pp", "dp", "cp", "tp")


def test_degrees_that_do_not_nest_are_refused() -> None:
    """Groups of experts have to be made of whole groups of the rest, or the other way round."""
    assert Parallelism(tp=3, dp=4, ep=2).faults()
    assert Parallelism(tp=2, dp=2, ep=8).faults()
    assert not Parallelism(tp=2, dp=6, ep=4).faults()
