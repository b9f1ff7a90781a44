"""Where both producers can express a step, they say the same."""

from __future__ import annotations

import numpy as np
import pytest
from transformer_steps import graph
from versim import ExecutionGraph, instances_of, replay, structure_options
from versim_deepflow.producer import DeepFlowLlm

FORWARD_PS, BACKWARD_PS = 3_000, 5_000
"""Of a layer; embedding, head, optimizer and messages take none."""


def _length_ps(step: ExecutionGraph, forward: str, backward: str) -> int:
    of_name = np.array([{forward: FORWARD_PS, backward: BACKWARD_PS}.get(name, 0) for name in step.names])
    instances = instances_of(step)
    found = replay(instances, of_name[step.name], np.zeros(len(instances.meeting_match), dtype=np.int64))
    assert found.completed
    return found.makespan_ps


@pytest.mark.parametrize(("pp", "microbatches"), [(2, 4), (4, 8), (4, 2), (8, 5)])
def test_gpipe_is_deepflows_schedule(pp: int, microbatches: int) -> None:
    """One rank per stage, fixed durations: DeepFlow runs all forwards, then all backwards."""
    theirs = DeepFlowLlm()
    options = {
        "pp": pp, "microbatches": microbatches, "dp": 1, "tensor": "none", "layers": 8, "hidden": 256, "heads": 8,
        "ffn": 1024, "vocabulary": 4096, "sequence_length": 128, "batch_size": microbatches,
        "compat": "reachable_graph",
    }  # fmt: skip
    deepflow = theirs.produce(structure_options(theirs, options, "$.options"))
    ours = graph(pp=pp, gbs=microbatches, schedule="gpipe", granularity="layer")
    expected = (pp - 1 + microbatches) * (8 // pp) * (FORWARD_PS + BACKWARD_PS)
    assert _length_ps(ours, "layer forward", "layer backward") == expected
    assert _length_ps(deepflow, "transformer forward", "transformer backward") == expected
