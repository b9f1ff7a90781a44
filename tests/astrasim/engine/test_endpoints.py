"""What happens at a message's ends, by hand: the shared bus of a rank, and the rendezvous protocol's handshakes.

The machine is one byte per ns with 100 ns latency. The bus has L = 7, o = 3 and no gap per byte outside; inside it is
0.0038 ns, so that 1,001 bytes take 3.8 ns there: an inner crossing arrives after trunc(3 + 3.8 + 7 + 3) = 16 ns, an
outer one after 3 + 7 + 3 = 13 ns.
"""

from __future__ import annotations

from typing import Any

import pytest
from versim_astrasim.engine import NetworkConfig, RankTrace, SystemConfig, simulate

KINDS = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all")
INNER, OUTER, HOP = 16, 13, 100 + 1001


def machine(ranks: int) -> NetworkConfig:
    """Fully connected, one byte per ns, 100 ns."""
    return NetworkConfig.from_mapping(
        {"topology": ["FullyConnected"], "npus_count": [ranks], "bandwidth": [1e9 / 2**30], "latency": [100.0]}
    )


def on_bus(ranks: int, algorithm: str, kind: str, size_bytes: int, **keys: Any) -> tuple[int | None, ...]:
    """Finish ticks of one collective of one chunk."""
    mapping: dict[str, Any] = {f"{name}-implementation": [algorithm] for name in KINDS}
    mapping |= {"preferred-dataset-splits": 1, "endpoint-delay": 10, "model-shared-bus": 1, "L": 7, "o": 3}
    node = {"id": 0, "type": "COMM_COLL_NODE", "attr": {"comm_type": kind, "comm_size": size_bytes}}
    return simulate(
        [RankTrace.from_nodes([node])] * ranks, machine(ranks), SystemConfig.from_mapping(mapping | keys)
    ).finish_ns


def test_a_step_crosses_both_buses_instead_of_paying_the_endpoint_delay() -> None:
    """Inner then outer before the only message, outer then inner after its receive."""
    assert on_bus(2, "ring", "ALL_GATHER", 1001) == (INNER + OUTER + HOP + OUTER + INNER,) * 2


def test_reduced_data_is_worked_on_between_crossings() -> None:
    """After the outer bus: in to memory and back (2 inner crossings), 1001 // 100 + 50 ns of work, in again.

    Without local memory bandwidth the reduction itself takes no time.
    """
    expected = INNER + OUTER + HOP + OUTER + 2 * INNER + (10 * 1 + 50) + INNER
    assert on_bus(2, "ring", "REDUCE_SCATTER", 2002) == (expected,) * 2
    slow = on_bus(2, "ring", "REDUCE_SCATTER", 2002, **{"local-reduction-delay": 4})
    assert slow == (expected + 30,) * 2


def test_a_gap_separates_messages_of_one_side() -> None:
    """Two messages prepared at once, g = 20.

    The inner memory side sends the first at once and is done at 6; the second then waits 20 ns and is across at
    6 + trunc(20 + 3.8 + 7 + 3) = 39. The outer bus, idle for 20 ns when that comes, adds 13 to each: they leave at 29
    and 52. Receives at 1130 and 1153 go out over the outer bus (its gap has passed) at 1143 and 1166; inside the first
    is across at 1159, and the second waits 20 - 17 = 3 ns, which is no more than o, until 1182.
    """
    assert on_bus(3, "direct", "ALL_GATHER", 1001, g=20) == (1182,) * 3


def test_groups_do_not_use_the_bus() -> None:
    """Their endpoint steps are 10 ns."""
    mapping: dict[str, Any] = {f"{name}-implementation": ["ring"] for name in KINDS}
    mapping |= {"preferred-dataset-splits": 1, "endpoint-delay": 50, "model-shared-bus": 1, "L": 7, "o": 3}
    attributes = {"comm_type": "ALL_GATHER", "comm_size": 1001, "pg_name": "1"}
    member = RankTrace.from_nodes([{"id": 0, "type": "COMM_COLL_NODE", "attr": attributes}])
    idle = RankTrace.from_nodes([{"id": 0, "type": "COMP_NODE"}])
    outcome = simulate([member, member, idle], machine(3), SystemConfig.from_mapping(mapping), groups={1: (0, 1)})
    assert outcome.finish_ns == (10 + HOP + 10, 10 + HOP + 10, 1)


HANDSHAKE = 100 + 8192


@pytest.mark.parametrize(
    ("sender_micros", "receiver_micros", "finish_ns"),
    [
        (0, 0, HANDSHAKE + HOP),
        (20, 0, 20_000 + HOP),  # the handshake is there already
        (0, 20, 20_000 + HANDSHAKE + HOP),  # the sender waits for it
    ],
)
def test_a_message_leaves_when_the_receiver_has_said_so(
    sender_micros: int, receiver_micros: int, finish_ns: int
) -> None:
    """8,192 bytes from the receiver to the sender, then the message."""
    ends = {"comm_src": 0, "comm_dst": 1, "comm_size": 1001, "comm_tag": 4}

    def after(micros: int, node_type: str) -> RankTrace:
        wait = [{"id": 0, "type": "COMP_NODE", "duration_micros": micros}] if micros else []
        deps = [0] if micros else []
        return RankTrace.from_nodes([*wait, {"id": 1, "type": node_type, "ctrl_deps": deps, "attr": ends}])

    outcome = simulate(
        [after(sender_micros, "COMM_SEND_NODE"), after(receiver_micros, "COMM_RECV_NODE")],
        machine(2),
        SystemConfig.from_mapping({}, rendezvous=True),
    )
    assert outcome.finish_ns == (finish_ns, finish_ns)
    assert outcome.message_count == 2
    handshakes = dict(zip(outcome.links.name, outcome.links.bytes_carried.tolist(), strict=True))
    assert handshakes == {"0->1": 1001, "1->0": 8192}


def test_handshakes_share_the_links_with_messages() -> None:
    """A ring of two, all-reduce of one chunk: each of two rounds pays handshake, message and endpoint delay."""
    mapping = {"all-reduce-implementation": ["ring"], "preferred-dataset-splits": 1, "endpoint-delay": 10}
    node = {"id": 0, "type": "COMM_COLL_NODE", "attr": {"comm_type": "ALL_REDUCE", "comm_size": 2002}}
    outcome = simulate(
        [RankTrace.from_nodes([node])] * 2, machine(2), SystemConfig.from_mapping(mapping, rendezvous=True)
    )
    assert outcome.finish_ns == (10 + 2 * (HANDSHAKE + HOP + 10),) * 2
    assert outcome.message_count == 8
