"""When nodes ran, as the engine tells it, in picoseconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from versim import ExecutionGraph, Fixed, GraphBuilder, Inputs, Mesh, SimulationError, System
from versim_astrasim.options import BackendOptions
from versim_astrasim.step.embedded import outcome_of
from versim_astrasim.step.node_times import times_of
from versim_astrasim.step.translate import translate


def test_a_node_that_runs_beyond_picoseconds_is_named(
    pinned: Callable[[ExecutionGraph], Inputs], system_of: Callable[..., System]
) -> None:
    """116 days count in nanoseconds, and not in picoseconds; the span ended before it began."""
    builder = GraphBuilder(Mesh.of(dp=2))
    builder.compute("forward", [(Fixed(1.0), 1)])
    translation = translate(pinned(builder.build()), system_of(("ring", 2)), BackendOptions())
    outcome = outcome_of(translation)
    spans: Any = outcome.spans
    late = attrs.evolve(outcome, spans=attrs.evolve(spans, end_ns=spans.end_ns + 10**16))
    with pytest.raises(SimulationError, match=r"forward.* on rank 0 runs until 1000000.* more than the 106 days"):
        times_of(late, translation)
