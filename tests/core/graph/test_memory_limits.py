"""What does not fit into memory is refused before anything is laid out, with figures and a way out."""

from __future__ import annotations

import pytest
from versim import Fixed, GraphBuilder, Mesh, RankClasses, VersimError, instances_of
from versim.graph import limits


def test_a_step_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine is not asked to swap for an hour first; folded, the same step may fit."""
    builder = GraphBuilder(Mesh(("dp",), (4,)))
    for _ in range(10):
        builder.compute("work", [(Fixed(1.0), 1)])
    graph = builder.build()
    monkeypatch.setattr(limits, "available_bytes", lambda: 39 * limits.BYTES_PER_EXECUTION)
    assert instances_of(graph).count == 10
    with pytest.raises(VersimError, match=r"40 executions on 4 ranks .*granularity"):
        instances_of(graph, RankClasses.single(graph.mesh))


def test_where_the_system_does_not_say_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown is not none."""
    monkeypatch.setattr(limits, "available_bytes", lambda: None)
    limits.hold_to_memory(10**12, 10**6)
