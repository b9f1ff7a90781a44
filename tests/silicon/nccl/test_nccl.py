"""NCCL's own model against what was measured, and against itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim import Device, Dimension, Kind, Link, Message, Source, System, Topology, UnsupportedGraphError
from versim_silicon import store
from versim_silicon.collectives import newest
from versim_silicon.gpus import GPUS
from versim_silicon.nccl.calibration import GPU_CONSTANTS, NIC_CONSTANTS
from versim_silicon.nccl.channels import Channels, Group, fast_dimensions, group_of, nvls, rings
from versim_silicon.nccl.constants import Algorithm, Generation
from versim_silicon.nccl.timing import NcclNetwork, NcclOptions
from versim_silicon.nccl.tuning import ways

NCCL = NcclNetwork(NcclOptions())
REDUCING = ("all_reduce", "all_gather", "reduce_scatter")
DGX = {Generation.AMPERE: (300e9, 25e9), Generation.HOPPER: (450e9, 50e9), Generation.BLACKWELL: (900e9, 50e9)}


def nodes(generation: Generation, ranks: int, count: int = 1) -> Group:
    """Ranks of nodes as they are sold: A100 with HDR, H100 and B200 with NDR cards."""
    link, nic = DGX[generation]
    return Group(generation=generation, ranks=ranks, nodes=count, link_bytes_per_s=link, nic_bytes_per_s=nic)


def mean_error(gpu: str, kinds: tuple[str, ...], own: float = 2.0) -> float:
    """Mean absolute error over 2, 4 and 8 ranks and all sizes of a GPU's newest table."""
    tables, errors = store.tables_of(gpu), []
    for kind in kinds:
        table = tables[f"collective/{newest(tables)}/{kind}"]
        for row, ranks in enumerate(table.axes["ranks"].tolist()):
            group = Group(
                generation=Generation.of(GPUS[gpu].compute_capability),
                ranks=int(ranks),
                nodes=1,
                link_bytes_per_s=GPUS[gpu].link_bytes_per_s,
            )
            times_s = NCCL.ask(Kind(kind), group, table.axes["size_bytes"], own=own).times_s
            errors.append(np.abs(times_s / table.times_s[row] - 1))
    return float(np.mean(errors))


@pytest.mark.parametrize("gpu", ["a100_sxm", "h100_sxm", "b200_sxm"])
def test_one_node_is_predicted_within_fifteen_percent_by_two_constants(gpu: str) -> None:
    """Of each GPU: what a launch takes, and the bandwidth achieved; with and without what own parts take."""
    assert mean_error(gpu, REDUCING) <= 0.11
    assert mean_error(gpu, REDUCING, own=math.inf) <= 0.15


@pytest.mark.parametrize("gpu", ["h200_sxm", "b300_sxm", "gb200", "gb300"])
def test_constants_carry_to_gpus_they_were_not_fitted_on(gpu: str) -> None:
    """H200 by H100's; B300, GB200 and GB300 by B200's."""
    assert mean_error(gpu, REDUCING) <= 0.12


@pytest.mark.parametrize("gpu", ["a100_sxm", "h100_sxm", "b200_sxm"])
def test_an_all_to_all_is_about_a_quarter_off(gpu: str) -> None:
    """NCCL has no model of sends and receives, so this one is coarser; the page says how much."""
    assert mean_error(gpu, ("all_to_all",)) <= 0.27


EFA_MEASURED_US = {64: 829.5, 128: 1313.8, 256: 2270.3, 512: 3182.0, 1024: 5747.1, 2048: 11172.2}
"""All-reduce by size in MiB on four nodes of eight B200 with EFA, derived from the bus bandwidth that
github.com/stas00/ml-engineering (network/README.md) reports."""


def test_four_nodes_of_b200_are_predicted_by_two_constants_of_their_cards() -> None:
    """From 64 MiB; below, this cloud takes several times as long as any model of the network says."""
    efa = NcclNetwork(NcclOptions(nic="efa"))
    sizes = np.array([mib * 2.0**20 for mib in EFA_MEASURED_US])
    times_s = efa.ask(Kind.ALL_REDUCE, nodes(Generation.BLACKWELL, 32, 4), sizes).times_s
    errors = np.abs(times_s * 1e6 / np.array(list(EFA_MEASURED_US.values())) - 1)
    assert np.mean(errors) <= 0.25


@pytest.mark.parametrize(
    ("generation", "channels", "heads"),
    [
        (Generation.AMPERE, Channels(12, 20e9), None),
        (Generation.HOPPER, Channels(12, 30e9), Channels(8, 40e9)),
        (Generation.BLACKWELL, Channels(16, 45e9), Channels(8, 90e9)),
    ],
)
def test_channels_are_those_that_nccl_finds(generation: Generation, channels: Channels, heads: Channels | None) -> None:
    """Of a DGX: 240, 360 and 720 GB/s of ring bandwidth, as NCCL prints them for eight GPUs."""
    group = nodes(generation, 8)
    assert rings(group) == channels
    assert nvls(group) == heads


def test_the_choice_follows_size_as_nccl_tests_shows_it() -> None:
    """Eight H100: LL, then NVLS for an all-reduce; LL, LL128 and Simple rings for an all-gather."""
    sizes = np.array([2.0**power for power in range(10, 31)])
    reduced = NCCL.ask(Kind.ALL_REDUCE, nodes(Generation.HOPPER, 8), sizes).chosen
    assert reduced[0] == "Ring LL"
    assert reduced[-1] == "NVLS Simple"
    gathered = NCCL.ask(Kind.ALL_GATHER, nodes(Generation.HOPPER, 8), sizes).chosen
    assert list(dict.fromkeys(gathered)) == ["Ring LL", "Ring LL128", "Ring Simple"]
    across = NCCL.ask(Kind.ALL_REDUCE, nodes(Generation.HOPPER, 64, 8), sizes).chosen
    assert across[0] == "Tree LL"


def test_no_nvls_before_hopper() -> None:
    """Nor for two ranks of any, where half of it would be lost."""
    assert all(way.algorithm is not Algorithm.NVLS for way in ways(Kind.ALL_REDUCE, nodes(Generation.AMPERE, 8)))


@given(
    st.sampled_from(list(DGX)),
    st.sampled_from([Kind.ALL_REDUCE, Kind.ALL_GATHER, Kind.REDUCE_SCATTER, Kind.ALL_TO_ALL, Kind.BROADCAST]),
    st.sampled_from([(2, 1), (8, 1), (2, 2), (16, 2), (32, 4), (64, 64), (1024, 128)]),
    st.sampled_from(list(NIC_CONSTANTS)),
)
def test_large_messages_never_beat_the_wires(
    generation: Generation, kind: Kind, shape: tuple[int, int], nic: str
) -> None:
    """Each rank has to send or receive its share over its links; NVLS halves what an all-reduce sends."""
    ranks, count = shape
    group = nodes(generation, ranks, count)
    sizes = np.array([2.0**30, 2.0**34])
    times_s = NcclNetwork(NcclOptions(nic=nic)).ask(kind, group, sizes).times_s
    share = 1.0 if kind is Kind.BROADCAST else (ranks - 1) / ranks
    assert np.all(times_s >= share * sizes / group.link_bytes_per_s)
    if count > 1:
        # What leaves a node of so many cards: of each of its ranks' shares, the part that is meant for others.
        leaving = (count - 1) / count * sizes / (group.per_node * group.nic_bytes_per_s)
        assert np.all(times_s >= leaving * (group.per_node if kind is Kind.ALL_TO_ALL else 1))


@given(st.sampled_from(list(DGX)), st.sampled_from([(8, 1), (64, 8), (1024, 128)]))
def test_more_bandwidth_is_never_slower_for_large_messages(generation: Generation, shape: tuple[int, int]) -> None:
    """Where the bandwidth counts, links ten times slower show."""
    ranks, count = shape
    group = nodes(generation, ranks, count)
    slow = Group(
        generation=generation,
        ranks=ranks,
        nodes=count,
        link_bytes_per_s=group.link_bytes_per_s / 10,
        nic_bytes_per_s=group.nic_bytes_per_s / 10,
    )
    sizes = np.array([2.0**32])
    ratio = NCCL.ask(Kind.ALL_REDUCE, slow, sizes).times_s / NCCL.ask(Kind.ALL_REDUCE, group, sizes).times_s
    assert 5 < ratio[0] < 15


def system(dimensions: list[tuple[int, float]], device: str = "H100") -> System:
    """Switches, innermost first."""
    return System(
        dimensions=tuple(
            Dimension(topology="switch", size=size, link=Link(bandwidth_bytes_per_s=rate * 1e9, latency_s=1e-6))
            for size, rate in dimensions
        ),
        device=Device(name=device),
    )


def test_a_group_is_what_it_crosses() -> None:
    """Eight within a node, eight over as many nodes, and sixty-four over both are three groups."""
    on = system([(8, 450), (8, 50)])
    inside, across, both = (
        group_of(on, ranks, len(ranks)) for ranks in (tuple(range(8)), tuple(range(0, 64, 8)), tuple(range(64)))
    )
    assert (inside.nodes, across.nodes, both.nodes) == (1, 8, 8)
    assert (inside.per_node, across.per_node, both.per_node) == (8, 1, 8)
    assert across.nic_bytes_per_s == both.nic_bytes_per_s == 50e9


def test_a_rack_of_nvlink_is_one_node() -> None:
    """Trays of four joined by links as fast as those within are one domain to NCCL."""
    assert fast_dimensions(system([(4, 900), (18, 900), (4, 100)])) == 2
    assert fast_dimensions(system([(8, 450), (4, 50)])) == 1
    assert fast_dimensions(system([(16, 50)])) == 0
    assert group_of(system([(16, 50)]), tuple(range(16)), 16).nodes == 16


@pytest.mark.parametrize(
    ("topology", "rates"), [("switch", (64, 64)), ("fully_connected", (64, 192)), ("ring", (64, 128))]
)
def test_two_ranks_have_the_links_between_them(topology: Topology, rates: tuple[int, int]) -> None:
    """Four of a node use all their links to one another; two of them only the one between."""
    link = Link(bandwidth_bytes_per_s=64e9, latency_s=0.0)
    on = System(dimensions=(Dimension(topology=topology, size=8, link=link),), device=Device(name="none"))
    found = tuple(group_of(on, tuple(range(count)), count).link_bytes_per_s / 1e9 for count in (2, 4))
    assert found == rates


def test_cards_that_are_shared_are_shared() -> None:
    """Eight GPUs behind four cards: one of them alone has a whole one, all together half of one each."""
    inner = Dimension(topology="switch", size=8, link=Link(bandwidth_bytes_per_s=450e9, latency_s=0.0))
    outer = Dimension(
        topology="switch", size=2, link=Link(bandwidth_bytes_per_s=50e9, latency_s=0.0), oversubscription=2.0
    )
    on = System(dimensions=(inner, outer), device=Device(name="H100"))
    assert group_of(on, (0, 8), 2).nic_bytes_per_s == 50e9
    assert group_of(on, tuple(range(16)), 16).nic_bytes_per_s == 25e9


def test_messages_are_timed_where_they_stand_and_say_what_was_chosen() -> None:
    """Kinds, groups and sizes mixed; the origin names algorithm and protocol."""
    on = system([(8, 450), (8, 50)])
    messages = [
        Message(Kind.ALL_REDUCE, 1 << 10, 8, ranks=tuple(range(8))),
        Message(Kind.ALL_REDUCE, 1 << 28, 64, ranks=tuple(range(64))),
        Message(Kind.POINT_TO_POINT, 1 << 20, 2, ranks=(0, 8)),
        Message(Kind.ALL_REDUCE, 1 << 28, 8, ranks=tuple(range(8))),
        Message(Kind.ALL_REDUCE, 1 << 28, 8),
    ]
    times_s = NCCL.times_s(messages, on)
    assert times_s.tolist() == [float(NCCL.times_s([message], on)[0]) for message in messages]
    assert times_s[3] == times_s[4]
    origins = NCCL.origins(messages, on)
    assert all(origin.source is Source.MODELLED and origin.by == "nccl" for origin in origins)
    assert [origin.detail for origin in origins[:4]] == [
        "all_reduce by Ring LL",
        "all_reduce by NVLSTree Simple",
        "point_to_point by sends and receives",
        "all_reduce by NVLS Simple",
    ]


def test_an_algorithm_that_nccl_does_not_have_is_refused() -> None:
    """Direct exchange and halving are not NCCL's; a gather by tree is not either."""
    on = system([(8, 450)])
    refused = ((Kind.ALL_REDUCE, "direct"), (Kind.ALL_GATHER, "tree"), (Kind.ALL_TO_ALL, "ring"))
    for kind, algorithm in refused:
        with pytest.raises(UnsupportedGraphError, match="nccl"):
            NCCL.times_s([Message(kind, 1 << 20, 8, ranks=tuple(range(8)), algorithm=algorithm)], on)


def test_kinds_that_nccl_is_not_asked_for_are_refused() -> None:
    """A label that somebody added is no message between two ranks."""
    with pytest.raises(UnsupportedGraphError, match="gather_to_one is none of all_reduce"):
        NCCL.times_s([Message(Kind("gather_to_one"), 1 << 20, 8, ranks=tuple(range(8)))], system([(8, 450)]))


def test_every_constant_has_its_source() -> None:
    """Fitted, or whose."""
    sources = [gpu.source for gpu in GPU_CONSTANTS.values()] + [nic.source for nic in NIC_CONSTANTS.values()]
    assert all(len(source) > 10 for source in sources)
