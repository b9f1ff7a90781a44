"""What a schedule is made of: transfers, rounds of them, and shards of whole bytes.

A round is a wave of dependencies, not a tick: a rank begins a round when its transfers of the round before have ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import attrs

Shards: TypeAlias = tuple[range, ...]
"""Shard numbers as ranges: algorithms move contiguous ones, and a range costs the same for two as for thousands."""


@attrs.frozen
class Transfer:
    """One message of a collective; ranks are indices into the group, 0 to p-1.

    Attributes:
        source: Who sends.
        target: Who receives.
        size_bytes: How much.
        reduces: True if the target adds what arrives to what it has, False if it keeps it as it is.
        shards: What travels, as numbers of equal shards of the tensor. Ring, direct and halving-doubling cut it in p;
            trees in two halves of ``chunks`` each. Of an all-to-all, shard ``origin * p + destination`` is what rank
            ``origin`` has for rank ``destination``.
    """

    source: int
    target: int
    size_bytes: int
    reduces: bool
    shards: Shards = attrs.field(default=(), repr=False)


Round: TypeAlias = tuple[Transfer, ...]
"""Transfers that may run side by side."""

Waves: TypeAlias = Iterator[list[Transfer]]
"""Rounds in the making."""


class Cut:
    """A tensor cut into shards of whole bytes whose sizes differ by at most one and sum to the tensor exactly.

    Shards that come out empty are never sent.
    """

    def __init__(self, size_bytes: int, shards: int) -> None:
        self.count = shards
        self._ends = [size_bytes * number // shards for number in range(shards + 1)]
        self._single = tuple((range(number, number + 1),) for number in range(shards))

    def one(self, number: int) -> Shards:
        """A single shard; the number wraps round."""
        return self._single[number % self.count]

    def all(self) -> Shards:
        """The whole tensor."""
        return (range(self.count),)

    def wrapped(self, first: int, count: int) -> Shards:
        """``count`` shards from ``first`` on, wrapping round the end."""
        first %= self.count
        beyond = first + count - self.count
        if beyond <= 0:
            return (range(first, first + count),)
        return (range(first, self.count), range(beyond))

    def size_bytes(self, shards: Shards) -> int:
        """Bytes of some shards."""
        return sum(self._ends[piece.stop] - self._ends[piece.start] for piece in shards)

    def transfer(self, source: int, target: int, shards: Shards, *, reduces: bool = False) -> Transfer:
        """Some shards on their way."""
        return Transfer(source, target, self.size_bytes(shards), reduces, shards)


def shards_for_destinations(cut: Cut, origin: int, destinations: Shards) -> Shards:
    """The shards of an all-to-all that one rank has for some others."""
    base = origin * cut.count
    return tuple(range(base + piece.start, base + piece.stop) for piece in destinations)


def rounds_of(waves: Waves) -> tuple[Round, ...]:
    """Rounds without the transfers and rounds that have nothing to carry."""
    sent = (tuple(transfer for transfer in wave if transfer.size_bytes) for wave in waves)
    return tuple(wave for wave in sent if wave)
