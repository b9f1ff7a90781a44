"""What a collective silently is instead of what it says, in words."""

from __future__ import annotations

from versim_astrasim.engine.algorithms.halving_doubling import pairs_up
from versim_astrasim.engine.system_config import CollectiveKind


def inflation(kind: CollectiveKind, cut: tuple[int, int, int], splits: int, world_size: int) -> str | None:
    """What a collective moves instead of what it says; None if it moves just that.

    Args:
        kind: The collective.
        cut: Its bytes, the number of its chunks, and the bytes of each.
        splits: Chunks it was to be cut into.
        world_size: Number of ranks.
    """
    size_bytes, count, chunk_bytes = cut
    if not count or count * chunk_bytes == size_bytes:
        return None
    why = "a remainder makes one more full chunk"
    if chunk_bytes > size_bytes // splits:
        why = f"fewer than {splits} splits times {world_size} ranks are inflated to that"
    return (
        f"{kind.value} of {size_bytes} bytes runs as {count} chunks of {chunk_bytes} bytes, "
        f"{count * chunk_bytes} bytes in all: {why}"
    )


def wrong_pairs(kind: CollectiveKind, members: int) -> str:
    """What halving-doubling does among a number of members that is no power of two."""
    what = f"gathers {1 << members.bit_length() - 1} of {members} shards"
    if not pairs_up(kind, members):
        what = f"pairs {members} members wrongly"
    return f"halving-doubling {what}, because {members} is no power of two"
