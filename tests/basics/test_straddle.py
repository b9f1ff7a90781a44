"""Two nodes of four, the network between them slower and slower: who sees it, and who is named."""

from __future__ import annotations

import pytest
from versim import Check, Comparison, compare, load_registry
from versim.registry import Registry
from versim.scenario import Scenario, structure_scenario

REGISTRY: Registry = load_registry()
OPTIONS = {
    "granularity": "pipeline",
    "hardware": "a100-80gb",
    "model": "small",
    "layers": 4,
    "batch_size": 32,
    "sequence_length": 512,
    "dp": 4,
    "pp": 2,
    "microbatches": 4,
}
ASTRASIM_UNAWARE = {"timing": "astrasim", "options": {"network": "scenario", "congestion": "unaware"}}


def straddle(outer_gb_per_s: float) -> Scenario:
    """Data parallelism straddles the nodes."""
    return structure_scenario(
        {
            "name": "straddle",
            "workloads": [{"label": "step", "producer": "deepflow-llm", "options": OPTIONS}],
            "pins": [{"label": "p", "compute": "deepflow"}],
            "system": {
                "dimensions": [
                    {"topology": "switch", "size": 4, "bandwidth": "450 GB/s", "latency": "1 us"},
                    {"topology": "switch", "size": 2, "bandwidth": f"{outer_gb_per_s} GB/s", "latency": "5 us"},
                ]
            },
            "backends": [
                {"label": "deepflow", "backend": "deepflow"},
                {"label": "closed form", "backend": "deepflow", "network": "alpha-beta"},
                {"label": "hybrid", "backend": "deepflow", "network": "astrasim"},
                {"label": "aware", "backend": "astrasim"},
                {"label": "unaware hybrid", "backend": "deepflow", "network": ASTRASIM_UNAWARE},
                {"label": "unaware", "backend": "astrasim", "options": {"congestion": "unaware"}},
            ],
        },
        REGISTRY,
        "straddle",
    )


@pytest.fixture(scope="module")
def compared() -> dict[float, Comparison]:
    """At 50, 5 and 0.5 GB/s between the nodes."""
    return {
        outer: compare(straddle(outer), registry=REGISTRY).workloads[0].comparisons[0] for outer in (50.0, 5.0, 0.5)
    }


def network_check(comparison: Comparison, label: str) -> Check:
    """Of an instance."""
    (check,) = [check for check in comparison.result(label).checks if check.name == "network"]
    return check


@pytest.mark.parametrize("label", ["deepflow", "closed form", "hybrid", "aware"])
def test_who_has_both_dimensions_gets_slower_with_the_outer_one(compared: dict[float, Comparison], label: str) -> None:
    """The all-reduce of gradients crosses it, so the step takes ten times as long in the end."""
    times = [compared[outer].result(label).prediction.makespan_ps or 0 for outer in (50.0, 5.0, 0.5)]
    assert 0 < times[0] < times[1] < times[2]
    # Bytes over bandwidth: what a tenth of it adds, the next tenth adds ten times.
    assert (times[2] - times[1]) / (times[1] - times[0]) == pytest.approx(10, rel=0.01)
    assert all(network_check(comparison, label).passed for comparison in compared.values())


@pytest.mark.parametrize("label", ["unaware hybrid", "unaware"])
def test_who_charges_the_first_dimension_only_is_named_with_axis_and_link(
    compared: dict[float, Comparison], label: str
) -> None:
    """As the real program does it: the figure stays, and the report says so; it has not failed."""
    times = {comparison.result(label).prediction.makespan_ps for comparison in compared.values()}
    assert len(times) == 1
    for outer, comparison in compared.items():
        check = network_check(comparison, label)
        assert check.passed is None
        assert check.detail.startswith(f"dp on dimension 0 (450 GB/s), not on dimension 1 ({outer:g} GB/s): all_reduce")
        assert "the first dimension only in which its ends differ" in check.declared


def test_a_slower_network_alone_changes_the_digest(compared: dict[float, Comparison]) -> None:
    """Graph and compute are the same; the inputs are not."""
    first, *others = compared.values()
    assert all((first.inputs.compute_ns == other.inputs.compute_ns).all() for other in others)
    assert len({comparison.inputs.digest for comparison in compared.values()}) == 3
