"""What is said of a network that is not modelled whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from versim import Kind, Message, System
from versim_astrasim.limits import network_limit
from versim_astrasim.options import BackendOptions


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("all_reduce", {}, ""),
        ("all_reduce", {"congestion": "unaware"}, "the first dimension only"),
        ("all_reduce", {"program": "rapid-llm"}, "half of the bytes"),
        ("all_gather", {"program": "rapid-llm"}, "half of the bytes"),
        ("reduce_scatter", {"program": "rapid-llm"}, ""),
        ("reduce_scatter", {"program": "rapid-llm", "faulty_links": "0-1:0.5"}, "another network than the system"),
        ("reduce_scatter", {"program": "rapid-llm", "topology": "Mesh"}, "another network than the system"),
    ],
)
def test_limits_are_said_where_they_apply(
    system_of: Callable[..., System], kind: str, options: dict[str, Any], said: str
) -> None:
    """A check of the network that fails for a reason that was said is no error."""
    message = Message(kind=Kind(kind), size_bytes=1 << 20, participants=4, axis="dp", ranks=(0, 1, 2, 3))
    limit = network_limit(message, system_of(("ring", 4)), BackendOptions(**options))
    assert said in limit
    assert bool(limit) == bool(said)
