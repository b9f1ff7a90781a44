"""Every schedule does what its name says: followed transfer by transfer, the data ends where it belongs.

What a rank holds of a shard is the set of ranks whose contribution is in it. A reduction may only join disjoint sets
(nothing is added twice); a plain transfer replaces.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim.schedules import ALGORITHMS, Round, Transfer, collective_rounds
from versim.work import Kind

Held = list[dict[int, frozenset[int]]]
"""Per rank: shard ─▶ whose contributions are in what it holds."""

COLLECTIVES = tuple(kind for kind in Kind if kind is not Kind.POINT_TO_POINT)
POWERS_OF_TWO = ("halving_doubling", "double_binary_tree")
TREE_KINDS = (Kind.ALL_REDUCE, Kind.BROADCAST)


def _does(algorithm: str, kind: Kind) -> bool:
    return algorithm != "double_binary_tree" or kind in TREE_KINDS


PLANS = [(algorithm, kind) for algorithm in ALGORITHMS for kind in COLLECTIVES if _does(algorithm, kind)]


@st.composite
def groups(draw: st.DrawFn, algorithm: str) -> int:
    """A number of ranks the algorithm works for."""
    if algorithm in POWERS_OF_TWO:
        return 1 << draw(st.integers(1, 5))
    return draw(st.integers(2, 20))


def _numbers(transfer: Transfer) -> list[int]:
    return [number for piece in transfer.shards for number in piece]


def _carried_out(rounds: tuple[Round, ...], held: Held) -> Held:
    """The ranks' buffers after the rounds; within a round everyone sends what it had before."""
    for wave in rounds:
        arriving = [(t, [(number, held[t.source][number]) for number in _numbers(t)]) for t in wave]
        for transfer, payload in arriving:
            buffer = held[transfer.target]
            for number, contributions in payload:
                if not transfer.reduces:
                    buffer[number] = contributions
                    continue
                twice = buffer[number] & contributions
                assert not twice, f"contributions of {set(twice)} are added twice to shard {number} by {transfer}"
                buffer[number] |= contributions
    return held


def _shards(algorithm: str, participants: int, chunks: int) -> int:
    return 2 * chunks if algorithm == "double_binary_tree" else participants


def _options(draw: st.DataObject, algorithm: str) -> dict[str, int]:
    if algorithm == "direct":
        return {"window": draw.draw(st.integers(0, 8), label="window")}
    if algorithm == "double_binary_tree":
        return {"chunks": draw.draw(st.integers(1, 5), label="chunks")}
    return {}


@pytest.mark.parametrize(("algorithm", "kind"), PLANS)
@given(data=st.data())
def test_the_data_ends_where_it_belongs(algorithm: str, kind: Kind, data: st.DataObject) -> None:
    """A schedule that loses, doubles or misplaces a shard would still look right by its volume."""
    participants = data.draw(groups(algorithm), label="participants")
    options = _options(data, algorithm)
    shards = _shards(algorithm, participants, options.get("chunks", 1))
    rounds = collective_rounds(algorithm, kind, 1000 * shards, participants, **options)
    everyone = frozenset(range(participants))
    ranks = range(participants)
    numbers = range(shards)
    if kind is Kind.ALL_REDUCE:
        held = _carried_out(rounds, [{number: frozenset([rank]) for number in numbers} for rank in ranks])
        assert all(held[rank][number] == everyone for rank in ranks for number in numbers)
    elif kind is Kind.REDUCE_SCATTER:
        held = _carried_out(rounds, [{number: frozenset([rank]) for number in numbers} for rank in ranks])
        assert all(held[rank][rank] == everyone for rank in ranks)
    elif kind is Kind.ALL_GATHER:
        held = _carried_out(rounds, [{rank: frozenset([rank])} for rank in ranks])
        assert all(held[rank] == {number: frozenset([number]) for number in numbers} for rank in ranks)
    elif kind is Kind.BROADCAST:
        held = _carried_out(rounds, [dict.fromkeys(numbers, frozenset([0])) if rank == 0 else {} for rank in ranks])
        assert all(held[rank] == dict.fromkeys(numbers, frozenset([0])) for rank in ranks)
    else:
        own = [{rank * participants + to: frozenset([rank]) for to in ranks} for rank in ranks]
        held = _carried_out(rounds, own)
        for rank in ranks:
            assert all(held[rank][origin * participants + rank] == frozenset([origin]) for origin in ranks)


@pytest.mark.parametrize(("algorithm", "kind"), PLANS)
@given(data=st.data())
def test_the_bytes_of_a_transfer_are_those_of_its_shards(algorithm: str, kind: Kind, data: st.DataObject) -> None:
    """Shards are whole bytes that sum to the tensor, however it divides; what is empty is not sent."""
    participants = data.draw(groups(algorithm), label="participants")
    options = _options(data, algorithm)
    shards = _shards(algorithm, participants, options.get("chunks", 1))
    size_bytes = data.draw(st.integers(1, 10**6), label="size_bytes")
    rounds = collective_rounds(algorithm, kind, size_bytes, participants, **options)
    seen: dict[int, int] = {}
    for transfer in (t for wave in rounds for t in wave):
        assert transfer.size_bytes > 0
        numbers = [number % shards for number in _numbers(transfer)]
        if len(numbers) == 1:
            assert seen.setdefault(numbers[0], transfer.size_bytes) == transfer.size_bytes
        assert sum(size_bytes // shards <= seen.get(n, size_bytes // shards) for n in numbers) == len(numbers)
        assert size_bytes // shards * len(numbers) <= transfer.size_bytes <= -(-size_bytes // shards) * len(numbers)
    if len(seen) == shards:
        assert sum(seen.values()) == size_bytes


@pytest.mark.parametrize(("algorithm", "kind"), PLANS)
@given(data=st.data())
def test_every_transfer_joins_two_ranks_of_the_group(algorithm: str, kind: Kind, data: st.DataObject) -> None:
    """Consumers index ranks with what stands here."""
    participants = data.draw(groups(algorithm), label="participants")
    rounds = collective_rounds(algorithm, kind, 4096, participants, **_options(data, algorithm))
    assert rounds
    for wave in rounds:
        assert wave
        for transfer in wave:
            assert 0 <= transfer.source < participants
            assert 0 <= transfer.target < participants
            assert transfer.source != transfer.target
