"""One communication as a network timing sees it."""

from __future__ import annotations

import attrs

from versim.work import Kind


@attrs.frozen(cache_hash=True)
class Message:
    """One communication as a network timing sees it.

    Attributes:
        kind: What is done.
        size_bytes: The full tensor, see :mod:`versim.work`.
        participants: Ranks taking part, at least 2.
        axis: The parallelism it runs along; "" for an explicit group.
        ranks: The participating ranks in group order; empty for a folded communication of an axis that the
            graph's mesh does not have: its place in the network is not known.
        algorithm: The algorithm the graph asks for, "" where the timing may choose.
    """

    kind: Kind
    size_bytes: int
    participants: int
    axis: str = ""
    ranks: tuple[int, ...] = ()
    algorithm: str = ""
