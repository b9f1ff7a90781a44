"""Bytes that ASTRA-sim really moves for a collective of a given size.

It cuts a collective into chunks of equal size and each chunk into one message per rank, in whole bytes: a remainder
makes one more full chunk, a chunk smaller than the number of ranks is inflated to it, and the bytes that do not
divide by the ranks are not sent (specified: spec/astrasim §9.3, §11; measured: golden/astrasim/single_collective.json).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from versim import ExecutionGraph, Kind, UnsupportedGraphError, distinct_messages

from versim_astrasim.options import RAPID_LLM, SystemOptions
from versim_astrasim.step.configuration import COLLECTIVE_STEMS, Network, given_bytes


def moved_bytes(
    kind: Kind, size_bytes: int, participants: int, *, world_size: int, splits: int, divides: bool
) -> int | None:
    """The full tensor that is moved, in bytes; None if ASTRA-sim would cut for ever.

    Args:
        kind: A collective ASTRA-sim has.
        size_bytes: As ASTRA-sim takes it: an all-gather's shard, else the full tensor.
        participants: Ranks in the group.
        world_size: Simulated ranks, which bound chunks from below in groups too.
        splits: Chunks wanted.
        divides: Whether the algorithm sends a chunk as one equal message per rank.
    """
    chunk = size_bytes // splits
    if kind is Kind.ALL_GATHER:
        if chunk == 0:
            return None
        return -(-size_bytes // chunk) * chunk * participants
    if chunk < world_size:
        chunk, size_bytes = world_size, splits * world_size
    count = -(-size_bytes // chunk)
    return count * (chunk // participants * participants if divides else chunk)


_MOST_BYTES = 2**63 - 1


def moved_sizes(
    graph: ExecutionGraph,
    network: Network,
    algorithms: Mapping[Kind, tuple[str, ...]],
    options: SystemOptions,
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Bytes moved for each communication, shape (communications,), and a note if they are not those asked for.

    Raises:
        UnsupportedGraphError: An all-gather that ASTRA-sim would cut for ever.
    """
    messages, which = distinct_messages(graph)
    moved = np.array([message.size_bytes for message in messages], dtype=np.int64)
    for row, message in enumerate(messages):
        kind, size_bytes, count = message.kind, message.size_bytes, message.participants
        if kind not in COLLECTIVE_STEMS:
            continue
        given = given_bytes(kind, size_bytes, count)
        result = moved_bytes(
            kind,
            given,
            count,
            world_size=network.rank_count,
            splits=options.preferred_dataset_splits,
            divides=_divides(algorithms[kind], options, in_group=count < network.rank_count),
        )
        if result is None:
            node = int(np.argmax(graph.match == np.argmax(which == row)))
            raise UnsupportedGraphError(
                f"node {node} ({graph.node_name(node)!r}) gathers shards of {given} bytes, which ASTRA-sim cannot cut "
                f"into {options.preferred_dataset_splits} chunks; lower preferred_dataset_splits"
            )
        if result > _MOST_BYTES:
            node = int(np.argmax(graph.match == np.argmax(which == row)))
            raise UnsupportedGraphError(
                f"node {node} ({graph.node_name(node)!r}) of {size_bytes} bytes moves {result} bytes in the chunks "
                "that ASTRA-sim makes of it, more than 64 bits hold; give it fewer bytes"
            )
        moved[row] = result
    sizes: NDArray[np.int64] = moved[which]
    off = np.abs(sizes - graph.size_bytes)
    if not off.any():
        return sizes, ()
    worst = int(np.argmax(off / graph.size_bytes))
    node = int(np.argmax(graph.match == worst))
    note = (
        f"{np.count_nonzero(off)} collectives move other sizes than pinned, because ASTRA-sim cuts them into whole "
        f"chunks and messages: at most {graph.node_name(node)!r}, {sizes[worst]} instead of "
        f"{graph.size_bytes[worst]} bytes"
    )
    return sizes, (note,)


def _divides(names: tuple[str, ...], options: SystemOptions, *, in_group: bool) -> bool:
    """Whether a chunk is sent as equal messages of one ring or of direct exchanges between all participants."""
    if len(names) > 1 and not (in_group and options.program == RAPID_LLM):
        return in_group  # in which ring is used, whatever is named
    return names[0].removeprefix("one").lower().startswith(("ring", "direct"))
