"""How many bytes of a communication have to cross between two parts of its group, and how long that takes at least."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import attrs

from versim.fabric.cuts import Cut
from versim.work import Kind


@attrs.frozen
class Bytes:
    """What has to cross between one part of a group and the rest.

    Attributes:
        out: Bytes out of the part.
        into: Bytes into it.
        either: Bytes one way, wherever they come from.
    """

    out: Fraction
    into: Fraction
    either: Fraction = Fraction(0)


def bytes_across(kind: str, size_bytes: int, inside: int, outside: int, *, sends: bool = True) -> Bytes:
    """Bytes between a part of a group, ``inside`` ranks, and the rest of it, whatever the algorithm.

    With p = inside + outside ranks and S = ``size_bytes``, see :mod:`versim.work`:

    ==================  ==========================  ==========================
    all_reduce          S (sums can be formed on    S
                        the way, so S suffices)
    all_gather          inside · S/p                outside · S/p
    reduce_scatter      outside · S/p               inside · S/p
    all_to_all          inside · outside · S/p      inside · outside · S/p
    point_to_point      S if the sender is inside   S if it is not (``sends``)
    broadcast           S one way, wherever its root is
    ==================  ==========================  ==========================
    """
    nothing, whole = Fraction(0), Fraction(size_bytes)
    if not inside or not outside:
        return Bytes(nothing, nothing)
    shard = Fraction(size_bytes // (inside + outside))
    match kind:
        case Kind.ALL_REDUCE:
            return Bytes(whole, whole)
        case Kind.ALL_GATHER:
            return Bytes(inside * shard, outside * shard)
        case Kind.REDUCE_SCATTER:
            return Bytes(outside * shard, inside * shard)
        case Kind.ALL_TO_ALL:
            return Bytes(inside * outside * shard, inside * outside * shard)
        case Kind.POINT_TO_POINT:
            return Bytes(whole, nothing) if sends else Bytes(nothing, whole)
        case Kind.BROADCAST:
            return Bytes(nothing, nothing, whole)
        case _:
            # Nothing is known of a kind that somebody added, so nothing is asked of it.
            return Bytes(nothing, nothing)


def least_time_s(kind: str, size_bytes: int, cuts: Iterable[Cut]) -> float:
    """Seconds in which no network can do a communication alone, given the cuts between its members; 0 without any.

    The bytes leave a part over its narrower or its wider way, depending on the order in which dimensions are
    corrected; what counts is the better of the two.
    """
    return max((_through(kind, size_bytes, cut) for cut in cuts), default=0.0)


def _through(kind: str, size_bytes: int, cut: Cut) -> float:
    across = bytes_across(kind, size_bytes, cut.inside, cut.outside)
    narrow, wide = cut.bandwidth_bytes_per_s, cut.widest_bytes_per_s
    out, into, either = (float(count) for count in (across.out, across.into, across.either))
    return min(max(out / narrow, into / wide), max(out / wide, into / narrow)) + either / wide
