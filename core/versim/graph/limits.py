"""How large a graph may be: estimated before it is built, counted while it is."""

from __future__ import annotations

from versim.errors import VersimError
from versim.graph.room import available_bytes

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


BYTES_PER_EXECUTION = 490
"""What a node on one rank takes while it is simulated and compared: measured, 0.91 GB for 2.06 M of the 175B step,
6.9 GB for 14.2 M and 9.7 GB for 22.1 M of GPT-1T's."""


def hold_to_memory(executions: int, ranks: int, bytes_per_execution: int = BYTES_PER_EXECUTION) -> None:
    """Refuse to tell ranks apart where that would not fit into memory, before anything is laid out.

    Args:
        executions: Nodes, counted on every rank that is told apart.
        ranks: Such ranks.
        bytes_per_execution: What each takes.

    Raises:
        VersimError: It would not fit; says how much it needs, how much there is, and the way out.
    """
    room = available_bytes()
    wanted = executions * bytes_per_execution
    if room is not None and wanted > room:
        raise VersimError(
            f"the step has {executions:,} executions on {ranks:,} ranks that are simulated one by one; that takes some "
            f"{wanted / 1e9:.1f} GB of memory, and {room / 1e9:.1f} GB are free to this process. Ask for a coarser "
            "graph (granularity: layer), fewer microbatches or fewer replicas"
        )
