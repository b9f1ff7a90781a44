"""Schedules move what the textbooks say, in as many rounds as the textbooks say.

The formulas are those of Thakur, Rabenseifner, Gropp (IJHPCA 19(1), 2005) and, for trees, Sanders, Speck, Träff
(Parallel Computing 35(12), 2009), with p ranks and a tensor of S bytes.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim.schedules import Round, collective_rounds
from versim.schedules.double_binary_tree import parent
from versim.work import Kind

POWERS = st.sampled_from([2, 4, 8, 16, 32])


def _sent(rounds: tuple[Round, ...]) -> Counter[int]:
    sent: Counter[int] = Counter()
    for transfer in (t for wave in rounds for t in wave):
        sent[transfer.source] += transfer.size_bytes
    return sent


def _share(kind: Kind, participants: int) -> Fraction:
    """Of S, what each rank sends at least: no algorithm of this kind sends less."""
    share = Fraction(participants - 1, participants)
    return 2 * share if kind is Kind.ALL_REDUCE else share


@pytest.mark.parametrize("algorithm", ["ring", "direct", "halving_doubling"])
@pytest.mark.parametrize("kind", [Kind.ALL_REDUCE, Kind.ALL_GATHER, Kind.REDUCE_SCATTER])
@given(participants=POWERS, unit=st.integers(1, 10**9))
def test_ranks_send_the_least_that_suffices(algorithm: str, kind: Kind, participants: int, unit: int) -> None:
    """2 (p-1)/p S for an all-reduce, (p-1)/p S for each of its halves: all three are bandwidth-optimal."""
    size_bytes = unit * participants
    sent = _sent(collective_rounds(algorithm, kind, size_bytes, participants))
    assert set(sent.values()) == {_share(kind, participants) * size_bytes}
    assert len(sent) == participants


@pytest.mark.parametrize("kind", [Kind.ALL_REDUCE, Kind.ALL_GATHER, Kind.REDUCE_SCATTER])
@given(participants=st.integers(2, 20), size_bytes=st.integers(1, 10**9))
def test_what_does_not_divide_is_off_by_less_than_a_byte_per_message(
    kind: Kind, participants: int, size_bytes: int
) -> None:
    """Shards are whole bytes, so a rank may send up to a byte more or less than S/p per message."""
    for algorithm in ("ring", "direct"):
        rounds = collective_rounds(algorithm, kind, size_bytes, participants)
        total = sum(_sent(rounds).values())
        assert total == _share(kind, participants) * size_bytes * participants
        for sent in _sent(rounds).values():
            assert abs(sent - _share(kind, participants) * size_bytes) < 2 * participants


@given(participants=POWERS, unit=st.integers(1, 10**6))
def test_an_all_to_all_sends_more_where_it_takes_detours(participants: int, unit: int) -> None:
    """(p-1)/p S directly, log2(p)/2 S over the hypercube, (p-1)/2 S round the ring."""
    size_bytes = unit * participants * 2
    expected = {
        "direct": Fraction(participants - 1, participants),
        "halving_doubling": Fraction(int(log2(participants)), 2),
        "ring": Fraction(participants - 1, 2),
    }
    for algorithm, share in expected.items():
        sent = _sent(collective_rounds(algorithm, Kind.ALL_TO_ALL, size_bytes, participants))
        assert set(sent.values()) == {share * size_bytes}


@given(participants=POWERS, window=st.integers(1, 40))
def test_rounds_are_as_many_as_latency_charges(participants: int, window: int) -> None:
    """Latency is paid per round, so their number is as much part of an algorithm as its bytes."""
    p, levels, size_bytes = participants, int(log2(participants)), 1024 * participants
    waves = -(-(p - 1) // window)
    for algorithm, options, kind, expected in (
        ("ring", {}, Kind.ALL_REDUCE, 2 * (p - 1)),
        ("ring", {}, Kind.ALL_GATHER, p - 1),
        ("ring", {}, Kind.ALL_TO_ALL, p - 1),
        ("ring", {}, Kind.BROADCAST, 2 * (p - 1)),
        ("direct", {}, Kind.ALL_REDUCE, 2),
        ("direct", {"window": window}, Kind.ALL_REDUCE, 2 * waves),
        ("direct", {"window": window}, Kind.ALL_TO_ALL, waves),
        ("halving_doubling", {}, Kind.ALL_REDUCE, 2 * levels),
        ("halving_doubling", {}, Kind.REDUCE_SCATTER, levels),
        ("halving_doubling", {}, Kind.BROADCAST, 2 * levels),
        ("double_binary_tree", {}, Kind.ALL_REDUCE, 2 * levels),
        ("double_binary_tree", {}, Kind.BROADCAST, levels),
        ("double_binary_tree", {"chunks": 7}, Kind.ALL_REDUCE, 2 * levels + 6),
    ):
        assert len(collective_rounds(algorithm, kind, size_bytes, p, **options)) == expected, (algorithm, kind)


@given(participants=st.integers(2, 20), window=st.integers(1, 8))
def test_a_window_bounds_what_a_rank_has_under_way(participants: int, window: int) -> None:
    """That is what a window is."""
    for wave in collective_rounds("direct", Kind.ALL_REDUCE, 4096, participants, window=window):
        assert max(Counter(transfer.source for transfer in wave).values()) <= window
        assert max(Counter(transfer.target for transfer in wave).values()) <= window


@given(participants=st.sampled_from([4, 8, 16, 32, 64]))
def test_no_rank_forwards_in_both_trees(participants: int) -> None:
    """The point of two trees: a leaf of one carries the load of the other (Sanders, Speck, Träff 2009, section 2)."""
    inner = [{parent(rank, tree, participants) for rank in range(1, participants)} - {0} for tree in (0, 1)]
    assert not inner[0] & inner[1]
    for tree in (0, 1):
        children = Counter(parent(rank, tree, participants) for rank in range(1, participants))
        assert children.pop(0) == 1
        assert set(children.values()) == {2}


@given(participants=st.sampled_from([4, 8, 16, 32]), unit=st.integers(1, 10**6))
def test_a_double_tree_sends_twice_the_tensor_at_most(participants: int, unit: int) -> None:
    """Up and down half of it each as a leaf, and to two children as an inner node: 2 S, whatever p."""
    size_bytes = 2 * unit
    sent = _sent(collective_rounds("double_binary_tree", Kind.ALL_REDUCE, size_bytes, participants))
    assert max(sent.values()) == 2 * size_bytes
    assert sum(sent.values()) == 2 * (participants - 1) * size_bytes
