"""What a schedule is asked for in vain is said, with the way out."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from versim.errors import UnknownNameError, VersimError
from versim.schedules import collective_rounds
from versim.work import Kind


@pytest.mark.parametrize("algorithm", ["halving_doubling", "double_binary_tree"])
@pytest.mark.parametrize("participants", [3, 6, 12])
def test_other_than_powers_of_two_are_refused_with_an_alternative(algorithm: str, participants: int) -> None:
    """Both pair ranks by bits; guessing what to do with the rest would simulate something nobody asked for."""
    with pytest.raises(VersimError, match=f"power of two of ranks, got {participants}; use ring or direct"):
        collective_rounds(algorithm, Kind.ALL_REDUCE, 1024, participants)


@pytest.mark.parametrize("kind", [Kind.ALL_GATHER, Kind.REDUCE_SCATTER, Kind.ALL_TO_ALL])
def test_trees_refuse_what_they_do_not_do(kind: Kind) -> None:
    """Trees reduce and broadcast."""
    with pytest.raises(VersimError, match=f"double_binary_tree does not do {kind.value}"):
        collective_rounds("double_binary_tree", kind, 1024, 8)


@pytest.mark.parametrize("algorithm", ["ring", "direct", "halving_doubling", "double_binary_tree"])
def test_a_message_between_two_ranks_is_no_collective(algorithm: str) -> None:
    """Its schedule is itself."""
    with pytest.raises(VersimError, match="does not do point_to_point"):
        collective_rounds(algorithm, Kind.POINT_TO_POINT, 1024, 2)


def test_a_misspelt_algorithm_is_answered_with_the_closest() -> None:
    """Scenario files are written by hand."""
    with pytest.raises(UnknownNameError, match="did you mean 'halving_doubling'"):
        collective_rounds("halvingDoubling", Kind.ALL_REDUCE, 1024, 8)


def test_a_misspelt_kind_is_answered_with_the_closest() -> None:
    """Both spellings are in use out there."""
    with pytest.raises(UnknownNameError, match="did you mean 'all_reduce'"):
        collective_rounds("ring", "allreduce", 1024, 8)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size_bytes": 0}, "size_bytes must be a whole number of at least 1, got 0"),
        ({"size_bytes": -5}, "size_bytes must be"),
        ({"size_bytes": 1.5}, "size_bytes must be"),
        ({"size_bytes": True}, "size_bytes must be"),
        ({"participants": 1}, "participants must be a whole number of at least 2, got 1"),
        ({"window": -1}, "window must be"),
        ({"chunks": 0}, "chunks must be"),
        ({"window": 2}, "only the direct algorithm has a window, not ring"),
        ({"chunks": 2}, "only the double_binary_tree algorithm has chunks, not ring"),
    ],
)
def test_impossible_numbers_are_refused_by_name(wrong: dict[str, Any], message: str) -> None:
    """An option that would be ignored in silence is a wrong answer in waiting."""
    given: dict[str, Any] = {"size_bytes": 1024, "participants": 8, **wrong}
    with pytest.raises(VersimError, match=message):
        collective_rounds("ring", Kind.ALL_REDUCE, **given)


def test_rounds_are_values() -> None:
    """They travel between processes and serve as keys of caches."""
    rounds = collective_rounds("ring", Kind.ALL_REDUCE, 1024, 4)
    assert pickle.loads(pickle.dumps(rounds)) == rounds
    assert hash(rounds) == hash(collective_rounds("ring", "all_reduce", 1024, 4))
