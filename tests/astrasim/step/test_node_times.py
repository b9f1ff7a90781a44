"""When nodes ran, as the engine tells it, in picoseconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from versim import ExecutionGraph, Fixed, GraphBuilder, Inputs, Mesh, SimulationError, System
from versim_astrasim.options import BackendOptions
from versim_astrasim.step.engine import outcome_of
from versim_astrasim.step.node_times import spans_of, times_of
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


def test_spans_of_a_whole_step_are_rows_of_its_instances(
    pinned: Callable[[ExecutionGraph], Inputs], system_of: Callable[..., System]
) -> None:
    """Whoever shares the instances need not look up what each span is of."""
    builder = GraphBuilder(Mesh.of(dp=2))
    builder.compute("forward", [(Fixed(1e-6), 1)])
    translation = translate(pinned(builder.build()), system_of(("ring", 2)), BackendOptions())
    spans = spans_of(times_of(outcome_of(translation), translation), translation)
    assert spans.node is translation.instances.node
    assert spans.rank is translation.instances.ranks
