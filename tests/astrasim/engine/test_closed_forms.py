"""Uncontended collectives have closed forms; the simulation must agree with arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from versim_astrasim.engine import NetworkConfig, RankTrace, SystemConfig, simulate

KINDS = ("ALL_REDUCE", "REDUCE_SCATTER", "ALL_GATHER", "ALL_TO_ALL")
bandwidths = st.floats(0.5, 900.0)
latencies = st.floats(0.0, 3000.0)
endpoints = st.integers(1, 200)
sizes = st.integers(1, 30_000_000)


def chunking(kind: str, size_bytes: int, splits: int, ranks: int) -> tuple[int, int]:
    """Number of chunks and their size, by the original's rule."""
    chunk = size_bytes // splits
    if kind != "ALL_GATHER" and chunk < ranks:
        return splits, ranks
    return math.ceil(size_bytes / chunk), chunk


def finish(
    topology: str,
    ranks: int,
    kind: str,
    size_bytes: int,
    algorithm: str,
    *,
    bandwidth: float,
    latency: float,
    endpoint: int,
    splits: int,
    aware: bool,
    exactness: Any,
) -> tuple[int | None, ...]:
    """Finish ticks of one collective."""
    mapping: dict[str, Any] = {
        f"{name}-implementation": [algorithm] for name in ("all-reduce", "all-gather", "reduce-scatter", "all-to-all")
    }
    mapping |= {"endpoint-delay": endpoint, "preferred-dataset-splits": splits, "local-mem-bw": 50}
    trace = RankTrace.from_nodes(
        [{"id": 0, "type": "COMM_COLL_NODE", "attr": {"comm_type": kind, "comm_size": size_bytes}}]
    )
    network = NetworkConfig.from_mapping(
        {"topology": [topology], "npus_count": [ranks], "bandwidth": [bandwidth], "latency": [latency]},
        congestion_aware=aware,
    )
    return simulate([trace] * ranks, network, SystemConfig.from_mapping(mapping), exactness=exactness).finish_ns


def times(size_bytes: int, bandwidth: float, latency: float) -> tuple[int, int, int]:
    """Serialization, hop and reduction of a message, in ns."""
    occupied = size_bytes / (bandwidth * 2**30 / 1e9)
    return int(occupied), int(latency + occupied), 3 * int(size_bytes / 50e9 * 1e9)


@given(
    topology=st.sampled_from(["Ring", "FullyConnected", "Switch"]),
    ranks=st.integers(3, 9),
    kind=st.sampled_from(KINDS),
    size_bytes=sizes,
    bandwidth=bandwidths,
    latency=latencies,
    endpoint=endpoints,
    splits=st.integers(1, 5),
    exactness=st.sampled_from(["plain", "auto"]),
)
def test_ring(
    topology: str,
    ranks: int,
    kind: str,
    size_bytes: int,
    bandwidth: float,
    latency: float,
    endpoint: int,
    splits: int,
    exactness: str,
) -> None:
    """A ring pays E + k(h + E) + r·red per chunk, with two hops per message on a switch."""
    if kind == "ALL_GATHER":
        size_bytes = max(size_bytes, splits)
    count, chunk = chunking(kind, size_bytes, splits, ranks)
    message = chunk if kind == "ALL_GATHER" else chunk // ranks
    _, hop, reduction = times(message, bandwidth, latency)
    messages = {"ALL_REDUCE": 2 * (ranks - 1), "ALL_TO_ALL": ranks * (ranks - 1) // 2}.get(kind, ranks - 1)
    reduced = ranks - 1 if kind in ("ALL_REDUCE", "REDUCE_SCATTER") else 0
    hops = 2 if topology == "Switch" else 1
    expected = count * (endpoint + messages * (hops * hop + endpoint) + reduced * reduction)
    got = finish(
        topology,
        ranks,
        kind,
        size_bytes,
        "ring",
        bandwidth=bandwidth,
        latency=latency,
        endpoint=endpoint,
        splits=splits,
        aware=True,
        exactness=exactness,
    )
    assert got == (expected,) * ranks


@given(
    topology=st.sampled_from(["FullyConnected", "Switch"]),
    ranks=st.integers(2, 9),
    kind=st.sampled_from(KINDS),
    size_bytes=sizes,
    bandwidth=bandwidths,
    latency=latencies,
    endpoint=endpoints,
    splits=st.integers(1, 4),
)
def test_direct(
    topology: str,
    ranks: int,
    kind: str,
    size_bytes: int,
    bandwidth: float,
    latency: float,
    endpoint: int,
    splits: int,
) -> None:
    """Direct takes one message time; behind a switch the n-1 messages leave one by one."""
    if topology == "Switch" and kind == "ALL_REDUCE":
        kind = "REDUCE_SCATTER"  # an all-reduce contends on the switch in no closed form
    if kind == "ALL_GATHER":
        size_bytes = max(size_bytes, splits)
    count, chunk = chunking(kind, size_bytes, splits, ranks)
    message = chunk if kind == "ALL_GATHER" else chunk // ranks
    serialization, hop, reduction = times(message, bandwidth, latency)
    reduced = reduction if kind in ("ALL_REDUCE", "REDUCE_SCATTER") else 0
    if topology == "Switch":
        expected = 2 * endpoint + 2 * hop + (ranks - 2) * serialization + reduced
    elif kind == "ALL_REDUCE":
        expected = 3 * endpoint + 2 * hop + reduced
    else:
        expected = 2 * endpoint + hop + reduced
    got = finish(
        topology,
        ranks,
        kind,
        size_bytes,
        "direct",
        bandwidth=bandwidth,
        latency=latency,
        endpoint=endpoint,
        splits=splits,
        aware=True,
        exactness="auto",
    )
    assert got == (count * expected,) * ranks


@given(
    topology=st.sampled_from(["FullyConnected", "Switch"]),
    doublings=st.integers(1, 4),
    kind=st.sampled_from(["ALL_REDUCE", "REDUCE_SCATTER", "ALL_GATHER"]),
    size_bytes=sizes,
    bandwidth=bandwidths,
    latency=latencies,
    endpoint=endpoints,
    aware=st.booleans(),
)
def test_halving_doubling(
    topology: str,
    doublings: int,
    kind: str,
    size_bytes: int,
    bandwidth: float,
    latency: float,
    endpoint: int,
    aware: bool,
) -> None:
    """Messages halve and double; all but one of the halving receives are reduced, at the next message's size."""
    ranks = 1 << doublings
    size_bytes = max(size_bytes, 8 * ranks)  # a message of 1 byte has no half, and a message of none is an abort
    count, chunk = chunking(kind, size_bytes, 2, ranks)
    halves = [chunk // 2]
    for _ in range(doublings - 1):
        halves.append(halves[-1] // 2)
    if kind == "ALL_GATHER":
        messages = [chunk << step for step in range(doublings)]
    elif kind == "REDUCE_SCATTER":
        messages = halves
    else:
        messages = halves + [halves[-1] // 2 * 2 << step for step in range(doublings)]
    hops = 2 if topology == "Switch" else 1
    # A factor 2 in the latency, but not in the transfer, is what sets the congestion-unaware network apart.
    paid = [
        hops * times(message, bandwidth, latency)[1] if aware else times(message, bandwidth, hops * latency)[1]
        for message in messages
    ]
    expected = endpoint + sum(time + endpoint for time in paid)
    if kind != "ALL_GATHER":
        expected += sum(times(message, bandwidth, latency)[2] for message in messages[1:doublings])
    got = finish(
        topology,
        ranks,
        kind,
        size_bytes,
        "halvingDoubling",
        bandwidth=bandwidth,
        latency=latency,
        endpoint=endpoint,
        splits=2,
        aware=aware,
        exactness="auto",
    )
    assert got == (count * expected,) * ranks


def test_sharing_one_trace_object_changes_nothing(
    network: Callable[..., NetworkConfig],
    system: Callable[..., SystemConfig],
    trace: Callable[..., RankTrace],
    collective: Callable[..., dict[str, Any]],
) -> None:
    """Ranks with equal traces may share one, which saves memory and nothing else."""
    shared = simulate([trace(collective(0, "ALL_REDUCE", 12345))] * 6, network(npus=6), system("direct"))
    own = simulate([trace(collective(0, "ALL_REDUCE", 12345)) for _ in range(6)], network(npus=6), system("direct"))
    assert shared.finish_ns == own.finish_ns
    assert shared.finish_order == own.finish_order
