"""A diagnosis rides along: which rank, which node, what was silently dropped, inflated, or never meets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from versim_astrasim.engine import Outcome, RankTrace, Status, simulate

Make = Callable[..., Any]
IDLE = RankTrace.from_nodes([{"id": 0, "type": "COMP_NODE", "duration_micros": 1}])


def texts(outcome: Outcome) -> list[str]:
    """What all findings say, with where."""
    return [f"{finding.rank}/{finding.node_id}: {finding.text}" for finding in outcome.diagnosis]


STUCK: list[tuple[str, tuple[str, int], dict[str, Any], str]] = [
    ("no window", ("ALL_REDUCE", 4096), {"algorithm": "direct0"}, "window of its direct algorithm lets no message"),
    ("no active chunk", ("ALL_REDUCE", 4096), {"active_chunks_per_dimension": 0}, "lets no chunk start"),
    ("nothing to gather", ("ALL_GATHER", 0), {}, "there are no bytes to gather"),
]


@pytest.mark.parametrize(("kind_and_size", "keys", "text"), [case[1:] for case in STUCK], ids=[c[0] for c in STUCK])
def test_a_collective_that_cannot_complete_says_why(
    network: Make, system: Make, trace: Make, collective: Make, kind_and_size: Any, keys: dict[str, Any], text: str
) -> None:
    """For every rank, with its node."""
    outcome = simulate([trace(collective(3, *kind_and_size))] * 4, network(), system(**keys))
    assert outcome.unfinished_ranks == (0, 1, 2, 3)
    assert [(finding.rank, finding.node_id) for finding in outcome.diagnosis[:4]] == [(rank, 3) for rank in range(4)]
    assert all(text in finding.text for finding in outcome.diagnosis[:4])


def test_no_dimension_takes_part(network: Make, system: Make, trace: Make, collective: Make) -> None:
    """The node leaves out the only dimension."""
    node = collective(0, "ALL_REDUCE", 4096)
    node["attr"]["involved_dim"] = [False]
    outcome = simulate([trace(node)] * 4, network(), system())
    assert "no dimension takes part" in outcome.diagnosis[0].text


def test_pairs_that_do_not_fit_are_named(network: Make, system: Make, trace: Make, collective: Make) -> None:
    """Halving-doubling over 6: who waits for how many bytes from whom, and why nobody sends them."""
    outcome = simulate(
        [trace(collective(0, "ALL_REDUCE", 40960))] * 6, network("FullyConnected", 6), system("halvingDoubling")
    )
    assert outcome.status is Status.UNFINISHED
    assert "it waits for 1280 bytes from rank 4" in texts(outcome)[0]
    assert any("pairs 6 members wrongly, because 6 is no power of two" in text for text in texts(outcome))


@pytest.mark.parametrize(
    ("ranks", "size_bytes", "finish_ns", "gathered"),
    [(6, 1000, 8224, "4 of 6"), (12, 97051, 46810, "8 of 12"), (24, 1000, 16744, "16 of 24")],
)
def test_an_all_gather_that_misses_shards_ends_and_says_so(
    network: Make,
    system: Make,
    trace: Make,
    collective: Make,
    ranks: int,
    size_bytes: int,
    finish_ns: int,
    gathered: str,
) -> None:
    """Some numbers of members pair up although they are no power of two (measured: switch, ASTRA-sim 518bd51)."""
    traces = [trace(collective(0, "ALL_GATHER", size_bytes))] * ranks
    outcome = simulate(traces, network("Switch", ranks), system("halvingDoubling"))
    assert outcome.finish_ns == (finish_ns,) * ranks
    assert any(f"gathers {gathered} shards" in text for text in texts(outcome))


def test_numbers_that_have_drifted_apart_are_named(network: Make, system: Make, trace: Make, collective: Make) -> None:
    """Ranks 0 and 1 ran four group chunks before the world's collective, ranks 2 and 3 none."""
    member = trace(collective(0, "ALL_REDUCE", 4096, group="1"), collective(1, "ALL_REDUCE", 4096, 0))
    outcome = simulate(
        [member] * 2 + [trace(collective(1, "ALL_REDUCE", 4096))] * 2, network(), system(), groups={1: (0, 1)}
    )
    assert outcome.unfinished_ranks == (0, 1, 2, 3)
    assert (
        "2/1: node 1 of rank 2 numbers its messages from 0, node 1 of rank 0 from 4: ranks that have run different "
        "numbers of group chunks never meet in a collective of all ranks"
    ) in texts(outcome)


def test_a_message_of_another_size_is_dropped_and_the_receive_waits(
    network: Make, system: Make, trace: Make, send: Make, receive: Make
) -> None:
    """Both halves are told."""
    outcome = simulate(
        [trace(send(0, 1, 1000, tag=2)), trace(receive(3, 0, 1100, tag=2)), IDLE, IDLE], network(), system()
    )
    assert outcome.unfinished_ranks == (1,)
    first, second = texts(outcome)
    assert first.startswith("1/3: node 3 was issued at 0 ns and never completed: no message of 1100 bytes with tag 2")
    assert second.startswith(
        "1/None: 1 message(s) of 1000 bytes with tag 2 from rank 0 arrived and were never received"
    )


def test_a_message_nobody_receives_is_dropped(network: Make, system: Make, trace: Make, send: Make) -> None:
    """Every rank finishes, and the message is gone."""
    outcome = simulate([trace(send(0, 1, 1000, tag=2)), IDLE, IDLE, IDLE], network(), system())
    assert outcome.status is Status.COMPLETED
    assert len(outcome.diagnosis) == 1
    assert "never received" in outcome.diagnosis[0].text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (3, "runs as 4 chunks of 4 bytes, 16 bytes in all: fewer than 4 splits times 4 ranks are inflated to that"),
        (0, "runs as 4 chunks of 4 bytes, 16 bytes in all: fewer than 4 splits"),
        (1000003, "runs as 5 chunks of 250000 bytes, 1250000 bytes in all: a remainder makes one more full chunk"),
    ],
)
def test_inflated_sizes_say_to_what_and_why(
    network: Make, system: Make, trace: Make, collective: Make, size_bytes: int, text: str
) -> None:
    """Once, with how often; in both modes."""
    for exactness in ("auto", "plain"):
        outcome = simulate(
            [trace(collective(0, "ALL_REDUCE", size_bytes))] * 4, network(), system(), exactness=exactness
        )
        (finding,) = outcome.diagnosis
        assert text in finding.text
        assert finding.text.endswith("(4 times, first here)")
        assert (finding.rank, finding.node_id) == (0, 0)


def test_what_takes_no_time_at_the_start_is_named(
    network: Make, system: Make, trace: Make, compute: Make, send: Make
) -> None:
    """Rank 2 sends 10 bytes, which are on the link for less than a nanosecond: the original aborts."""
    outcome = simulate([IDLE, IDLE, trace(compute(0, 5), send(7, 3, 10)), IDLE], network(), system())
    assert outcome.status is Status.ABORTED
    assert (outcome.diagnosis[0].rank, outcome.diagnosis[0].node_id) == (2, 7)


def test_statistics_that_break_off_name_the_node(network: Make, system: Make, trace: Make, compute: Make) -> None:
    """A CPU node is none of the classes the original's statistics know."""
    cpu = {"id": 4, "type": "COMP_NODE", "duration_micros": 2, "attr": {"is_cpu_op": True}}
    outcome = simulate([trace(compute(0, 1), cpu), IDLE, IDLE, IDLE], network(), system())
    assert outcome.status is Status.COMPLETED
    assert texts(outcome) == ["0/4: the rank finished, but its statistics know only GPU and communication nodes"]


def test_a_broadcast_moves_nothing_and_says_so(network: Make, system: Make, trace: Make, collective: Make) -> None:
    """It takes 1 ns whatever its size."""
    outcome = simulate([trace(collective(0, "BROADCAST", 1 << 30))] * 4, network(), system())
    assert outcome.finish_ns == (1,) * 4
    assert outcome.diagnosis[0].text.startswith("a broadcast is only replayed")
