"""``--inject``: what if."""

from __future__ import annotations

from typing import Any

import pytest
from versim import FaultsError, VersimError
from versim.registry import Registry
from versim.scenario import structure_scenario
from versim.scenario.injection import inject


def test_what_is_injected_adds_to_what_is_there(document: dict[str, Any], registry: Registry) -> None:
    """On every workload's system, its own included."""
    document["system"] = {"preset": "dgx-h100", "nodes": 1, "slow_devices": [{"ranks": [0], "factor": 2}]}
    own = [{"dimension": 0, "ranks": [1], "down": True}]
    document["workloads"][1]["system"] = {"degraded": own}
    scenario = inject(
        structure_scenario(document, registry, "full"),
        ["dimension: 0, ranks: [2], added_latency: 3 us", "{ranks: [5], factor: 1.5}"],
    )
    below, other = (scenario.system_part(workload) for workload in scenario.workloads)
    assert [one.ranks for one in below.degraded] == [(2,)]
    assert below.degraded[0].added_latency_s == 3e-6
    assert [one.ranks for one in other.degraded] == [(1,), (2,)]
    assert [(one.ranks, one.factor) for one in other.slow_devices] == [((0,), 2.0), ((5,), 1.5)]


def test_a_scenario_without_a_system_has_one_then(document: dict[str, Any], registry: Registry) -> None:
    """What is broken may be in the network that a producer proposes."""
    del document["system"]
    scenario = inject(structure_scenario(document, registry, "full"), ["dimension: 0, node: 0, down: true"])
    assert scenario.system is not None
    assert scenario.system.degraded[0].node == 0


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("dimension: 0, rank: 1", FaultsError, r"--inject dimension: 0, rank: 1: \$\.rank: no such key"),
        ("ranks: [1], factor: -1", FaultsError, r"\$\.factor: factor must be a finite number above 0"),
        ("[1, 2]", VersimError, "write it as"),
        ("{", VersimError, "write it as"),
    ],
)
def test_what_cannot_be_understood_is_refused(
    document: dict[str, Any], registry: Registry, text: str, error: type[Exception], message: str
) -> None:
    """With the way it is written."""
    with pytest.raises(error, match=message):
        inject(structure_scenario(document, registry, "full"), [text])
