"""Messages between stages: which of them leave a node, and what they take then."""

from __future__ import annotations

import numpy as np
from versim import Message
from versim.fabric import ClusterChoice
from versim.league.pricing import between_nodes
from versim.work import Kind


def test_messages_that_leave_the_fast_domain_are_told_apart() -> None:
    """By their ranks; a collective is none, wherever it goes."""
    system = ClusterChoice(preset="dgx-h100").system(16)
    pairs = [(0, 7), (0, 8), (7, 15)]
    messages = [
        Message(kind=Kind.POINT_TO_POINT, size_bytes=1, participants=2, axis="pp", ranks=pair) for pair in pairs
    ]
    gather = Message(kind=Kind.ALL_GATHER, size_bytes=1, participants=16, axis="dp", ranks=tuple(range(16)))
    assert np.array_equal(between_nodes([*messages, gather], system), [False, True, True, False])
