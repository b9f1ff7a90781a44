"""The entry: which algorithm does what, and for how many ranks."""

from __future__ import annotations

from versim.errors import UnknownNameError, VersimError
from versim.schedules import direct, double_binary_tree, halving_doubling, ring
from versim.schedules.transfers import Cut, Round, Waves, rounds_of
from versim.work import Kind

ALGORITHMS = ("ring", "direct", "halving_doubling", "double_binary_tree")
"""Algorithms by name."""


def collective_rounds(
    algorithm: str,
    kind: Kind | str,
    size_bytes: int,
    participants: int,
    *,
    window: int = 0,
    chunks: int = 1,
) -> tuple[Round, ...]:
    """The messages of one collective.

    Args:
        algorithm: One of :data:`ALGORITHMS`.
        kind: What is done; rank 0 is the root of a broadcast.
        size_bytes: The full tensor, see :mod:`versim.work`. It is cut into shards of whole bytes that sum to it.
        participants: Ranks in the group, at least 2.
        window: ``direct`` only: messages a rank sends side by side, 0 for all.
        chunks: ``double_binary_tree`` only: pieces that follow one another through each tree.

    Returns:
        Rounds of transfers; what has no bytes is left out.

    Raises:
        VersimError: The algorithm is unknown, does not do this kind, or not for so many ranks.
    """
    if algorithm not in ALGORITHMS:
        raise UnknownNameError("collective algorithm", algorithm, ALGORITHMS)
    if kind not in Kind.known:
        raise UnknownNameError("kind of collective", str(kind), Kind.known)
    kind = Kind(kind)
    _hold(size_bytes, "size_bytes", least=1)
    _hold(participants, "participants", least=2)
    _hold(window, "window", least=0)
    _hold(chunks, "chunks", least=1)
    if window and algorithm != "direct":
        raise VersimError(f"only the direct algorithm has a window, not {algorithm}; leave window out")
    if chunks > 1 and algorithm != "double_binary_tree":
        raise VersimError(f"only the double_binary_tree algorithm has chunks, not {algorithm}; leave chunks out")
    if algorithm in ("halving_doubling", "double_binary_tree") and participants & (participants - 1):
        raise VersimError(
            f"{algorithm} needs a power of two of ranks, got {participants}; use ring or direct for this group"
        )
    waves = _waves(algorithm, kind, size_bytes, participants, window, chunks)
    if waves is None:
        raise VersimError(f"{algorithm} does not do {kind.value}; use another algorithm for it")
    return rounds_of(waves)


def _hold(value: int, name: str, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise VersimError(f"{name} must be a whole number of at least {least}, got {value!r}")


def _waves(algorithm: str, kind: Kind, size_bytes: int, participants: int, window: int, chunks: int) -> Waves | None:
    """The transfers of every round, or None where the algorithm does not do this kind."""
    if algorithm == "double_binary_tree":
        tree_plan = double_binary_tree.PLANS.get(kind)
        cut = Cut(size_bytes, double_binary_tree.TREES * chunks)
        return tree_plan(cut, participants) if tree_plan else None
    cut = Cut(size_bytes, participants)
    if algorithm == "direct":
        direct_plan = direct.PLANS.get(kind)
        return direct_plan(cut, window) if direct_plan else None
    plan = (ring.PLANS if algorithm == "ring" else halving_doubling.PLANS).get(kind)
    return plan(cut) if plan else None
