"""How large a graph may be: estimated before it is built, counted while it is."""

from __future__ import annotations

from versim.errors import VersimError

MOST_NODES = 20_000_000
"""Rows that a builder collects; each takes some 250 bytes while it does."""

MOST_RANKS = 1 << 24
"""Ranks of a mesh; every prediction has a row for each."""


def hold_to_size(*, nodes: int = 0, ranks: int = 0) -> None:
    """Refuse a graph that would fill the memory, before it is built.

    Args:
        nodes: Rows it will have, as well as that is known.
        ranks: Ranks of its mesh.

    Raises:
        VersimError: It is too large; says by how much and what to change.
    """
    if nodes > MOST_NODES:
        raise VersimError(
            f"the graph would have {nodes:,} nodes, more than the {MOST_NODES:,} that are built; ask for fewer "
            "repetitions, microbatches or layers"
        )
    if ranks > MOST_RANKS:
        raise VersimError(f"the graph would have {ranks:,} ranks, more than the {MOST_RANKS:,} that are simulated")
