"""Causes: what a term of an attribution is made of, told by counterfactuals.

That an all-reduce takes longer is a place. Both simulators are asked what the same communication takes alone, and what
it would take if the network were otherwise: with all links whole, where some are degraded; of that network without
latency; on a network of its members alone, where peers are neighbours; and with both. Of each simulator's time

===========  =====================================================================
degraded     alone, less with all links whole
way          with all links whole, less on a network of its members alone
latency      with all links whole, less without latency
both         what the two share: whole, less bare, less ``way``, less ``latency``
bytes        bare: on a network of its members alone, without latency
others       in the step, less alone
===========  =====================================================================

so the parts add up whatever the simulator does. A cause is the other's part less the reference's. The change of the
makespan that a term explains is shared among them in proportion, contention apart where it is known apart, and whole
picoseconds are given to the largest remainders: the parts add up to the term's effect exactly.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

import attrs

from versim.fabric import Message


class CauseKind(enum.StrEnum):
    """What makes a communication take longer in one simulator than in another."""

    DEGRADED = "degraded links"
    WAY = "way between peers"
    LATENCY = "latency"
    BOTH = "latency along the way"
    BYTES = "moving the bytes"
    OTHERS = "others running beside it"


@attrs.frozen
class Asked:
    """What a simulator answered about one communication, in picoseconds.

    Attributes:
        alone_ps: On the step's network.
        near_ps: On a network of its members alone.
        instant_ps: On the step's network without latency, its links whole.
        bare_ps: On a network of its members alone, without latency.
        whole_ps: On the step's network with all links whole; None where none is degraded: as alone.
    """

    alone_ps: int
    near_ps: int
    instant_ps: int
    bare_ps: int
    whole_ps: int | None = None

    @property
    def degraded_ps(self) -> int:
        """What degraded links cost it."""
        return 0 if self.whole_ps is None else self.alone_ps - self.whole_ps

    @property
    def latency_ps(self) -> int:
        """What latency costs it."""
        return self.alone_ps - self.degraded_ps - self.instant_ps

    def parts_ps(self) -> dict[CauseKind, int]:
        """What its time alone is made of."""
        whole_ps = self.alone_ps - self.degraded_ps
        way, latency = whole_ps - self.near_ps, self.latency_ps
        return {
            CauseKind.DEGRADED: self.degraded_ps,
            CauseKind.WAY: way,
            CauseKind.LATENCY: latency,
            CauseKind.BOTH: whole_ps - self.bare_ps - way - latency,
            CauseKind.BYTES: self.bare_ps,
        }


@attrs.frozen(kw_only=True)
class Cause:
    """A part of a term's effect.

    Attributes:
        kind: What it is.
        effect_ps: Change of the makespan that it explains.
    """

    kind: CauseKind
    effect_ps: int


@attrs.frozen(kw_only=True)
class TermCauses:
    """What a term of an attribution is made of.

    Attributes:
        term: The term's name.
        effect_ps: Its effect; the sum of its causes'.
        causes: The largest first.
        example: Of the communications that were asked about that whose time alone changes most.
        hops: Links between two of its peers in a row, at most.
        reference: Parts of the example's time alone in the reference, in picoseconds.
        other: The same in the other prediction's simulator.
    """

    term: str
    effect_ps: int
    causes: tuple[Cause, ...]
    example: Message
    hops: int
    reference: Asked
    other: Asked

    def __attrs_post_init__(self) -> None:
        total_ps = sum(cause.effect_ps for cause in self.causes)
        if total_ps != self.effect_ps:
            raise ValueError(f"{self.term}: causes sum to {total_ps} ps, not to its effect of {self.effect_ps} ps")

    @property
    def largest(self) -> Cause:
        """The cause of most effect."""
        return self.causes[0]


def causes_of(
    term: str,
    effect_ps: int,
    contention_ps: int | None,
    asked: Sequence[tuple[Message, int, Asked, Asked]],
    hops: int,
) -> TermCauses:
    """Share a term's effect among its causes.

    Args:
        term: Its name.
        effect_ps: Change of the makespan that it explains.
        contention_ps: The part of it that is due to others running beside it; None where not known apart.
        asked: Communications of the term: how often each is done, and what the reference and the other answered.
        hops: Links between two of the example's peers.
    """
    change_ps = dict.fromkeys(CauseKind, 0)
    for _, count, reference, other in asked:
        before, after = reference.parts_ps(), other.parts_ps()
        for kind in before:
            change_ps[kind] += count * (after[kind] - before[kind])
    alone_ps = effect_ps - (contention_ps or 0)
    shares = shared(alone_ps, {kind: change_ps[kind] for kind in CauseKind if kind is not CauseKind.OTHERS})
    shares[CauseKind.OTHERS] = contention_ps or 0
    causes = [Cause(kind=kind, effect_ps=share_ps) for kind, share_ps in shares.items() if share_ps]
    example, _, reference, other = max(asked, key=_changed_ps)
    return TermCauses(
        term=term,
        effect_ps=effect_ps,
        causes=tuple(sorted(causes, key=lambda cause: -abs(cause.effect_ps)))
        or (Cause(kind=CauseKind.BYTES, effect_ps=0),),
        example=example,
        hops=hops,
        reference=reference,
        other=other,
    )


def _changed_ps(asked: tuple[Message, int, Asked, Asked]) -> tuple[int, int]:
    """By how much all of a kind take longer or less alone; among equals the one of most bytes."""
    message, count, reference, other = asked
    return abs(other.alone_ps - reference.alone_ps) * count, message.size_bytes * count


def shared(total_ps: int, parts_ps: dict[CauseKind, int]) -> dict[CauseKind, int]:
    """A total shared in the proportions of parts of either sign, in whole picoseconds that add up to it.

    Where the parts cancel, no proportion is one: then the largest of them carries the total.
    """
    sum_ps = sum(parts_ps.values())
    result = dict.fromkeys(parts_ps, 0)
    if not sum_ps:
        largest = max(parts_ps, key=lambda kind: abs(parts_ps[kind]))
        return result | {largest: total_ps}
    remainders = []
    for kind, part_ps in parts_ps.items():
        result[kind], remainder = divmod(total_ps * part_ps, sum_ps)
        remainders.append((abs(remainder), kind))
    left = total_ps - sum(result.values())
    for _, kind in sorted(remainders, key=lambda pair: -pair[0])[: abs(left)]:
        result[kind] += 1 if left > 0 else -1
    return result
