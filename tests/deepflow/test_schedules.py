"""The order of the pipeline graph and the event loop, against DeepFlow's on stages of every unevenness."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from versim import NO_TIME, Op
from versim_deepflow.backend import Roots, schedule
from versim_deepflow.options import LlmOptions, described_step
from versim_deepflow.pipeline_graph import pipeline_graph

GOLDEN = Path(__file__).parents[1] / "golden" / "deepflow-laws" / "schedules.json"
CASES: list[dict[str, Any]] = json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"]
PS_PER_S = 10**12


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_described_step_given_durations_ends_when_deepflow_says(case: dict[str, Any]) -> None:
    """With as many nodes run, where the program ends early."""
    options = LlmOptions(**case["input"]["options"])
    graph = pipeline_graph(described_step(options), options.all_reduce)
    given_s = case["input"]["durations_s"]
    compute = np.zeros(graph.node_count, dtype=np.int64)
    communication = np.zeros(graph.communication_count, dtype=np.int64)
    for row in range(graph.node_count):
        name = graph.node_name(row)
        if graph.op[row] == Op.COMPUTE:
            compute[row] = round(given_s[name] * PS_PER_S)
        elif not name.startswith("signal"):
            key = name if name in given_s else "message"
            communication[graph.match[row]] = round(given_s[key] * PS_PER_S)
    instances, ran = schedule(graph, compute, communication, roots=Roots.FIRST)
    assert ran.makespan_ps / PS_PER_S == pytest.approx(case["output"]["total_s"], rel=1e-12)
    finished = (ran.end_ps != NO_TIME) & (graph.op[instances.node] == Op.COMPUTE)
    assert finished.sum() == case["output"]["computes_finished"]
