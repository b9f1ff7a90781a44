"""A coarser graph is the same step."""

from __future__ import annotations

from typing import Any

import pytest
from transformer_steps import EXPERTS, communications, graph, makespan_s, work_and_communication_s

STEPS: tuple[dict[str, Any], ...] = (
    {"tp": 2, "dp": 2},
    {"tp": 2, "sequence_parallel": True, "overlap_tp": "backward", "pp": 2},
    {"tp": 2, "sequence_parallel": True, "overlap_tp": "all", "dropout": 0.1, "kernels": "eager"},
    {"pp": 2, "vp": 2, "gbs": 16, "tp": 2, "dp": 2, "sharding": "zero1", "bucket_parameters": 10_000, "tied": True},
    {"dp": 4, "sharding": "zero3", "recompute": "full"},
    {"dp": 4, "sharding": "zero2", "bucket_parameters": 10_000},
    {
        "dp": 4,
        "overlap_gradients": False,
        "overlap_parameters": False,
        "sharding": "zero1",
        "fused_accumulation": False,
    },
    {"pp": 4, "schedule": "zb-h1", "gbs": 16, "tp": 2},
    {"cp": 2, "pp": 2, "recompute": "selective"},
    {"tp": 2, "recompute": "light"},
    {"cp": 2, "cp_exchange": "all_gather", "attention": "unfused", "precision": "fp8"},
    {**EXPERTS, "dp": 8, "ep": 4, "tp": 2, "sequence_parallel": True, "pp": 2, "sharding": "zero1"},
    {**EXPERTS, "dp": 4, "ep": 4, "overlap_ep": True, "gbs": 16},
    {**EXPERTS, "dp": 4, "ep": 4, "expert_kernels": "fused", "precision": "fp8", "gradient_products": "fp8_block"},
    {**EXPERTS, "dp": 4, "ep": 4, "etp": 2, "tp": 2, "sequence_parallel": True, "predicted_tokens": 1, "gbs": 8},
)


@pytest.mark.parametrize(
    "step", STEPS, ids=lambda step: " ".join(f"{k}={v}" for k, v in step.items() if k not in EXPERTS)
)
def test_granularity_changes_neither_work_nor_communication_nor_length(step: dict[str, Any]) -> None:
    """Sweeps and the league run at stage granularity; what they find has to hold operator by operator."""
    coarse, middle, fine = (graph(**step, granularity=name) for name in ("stage", "layer", "operator"))
    expected = work_and_communication_s(fine)
    for other in (coarse, middle):
        found = work_and_communication_s(other)
        assert found.keys() == expected.keys()
        for key, figures in expected.items():
            assert found[key] == pytest.approx(figures, rel=1e-12, abs=1e-30)
        # Durations are rounded to picoseconds, each node's by itself.
        assert makespan_s(other) == pytest.approx(makespan_s(fine), abs=0.5e-12 * (fine.node_count + other.node_count))
    assert coarse.node_count <= middle.node_count < fine.node_count


def test_degrees_of_parallelism_do_not_size_the_graph() -> None:
    """A step on thousands of replicas has to be as cheap to hold as one on two."""
    few = graph(tp=2, dp=2, gbs=4, cp=2)
    many = graph(tp=8, dp=512, gbs=1024, cp=4)
    assert few.node_count == many.node_count
    small, large = ({**EXPERTS, "gbs": 2 * dp, "dp": dp, "ep": ep} for dp, ep in ((4, 2), (512, 16)))
    assert graph(**small).node_count == graph(**large).node_count


@pytest.mark.parametrize("granularity", ["stage", "layer", "operator"])
def test_degrees_of_one_change_nothing(granularity: str) -> None:
    """An option that has nothing to act on must not leave a trace."""
    plain = graph(granularity=granularity, gbs=2)
    for idle in (
        {"sequence_parallel": True},
        {"overlap_tp": "all"},
        {"cp_exchange": "all_gather"},
        {"overlap_p2p": True},
        {"schedule": "1f1b"},
    ):
        other = graph(granularity=granularity, gbs=2, **idle)
        assert work_and_communication_s(other) == work_and_communication_s(plain)
        assert makespan_s(other) == makespan_s(plain)
        assert communications(other) == communications(plain) == {}
