"""Two networks are never taken for one, nor one group for all: each was a wrong figure that nobody noticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
import versim
import versim_basics.plugin
import versim_deepflow.plugin
from versim import Destination, ExecutionGraph, GraphBuilder, Kind, Mesh, Registry, hookimpl, load_registry
from versim.plain import read_yaml
from versim.scenario import Scenario
from versim.scenario.load import structure_scenario

SCENARIOS = Path(__file__).with_name("scenarios")


def _scenario(document: dict[str, Any], registry: Registry) -> Scenario:
    return structure_scenario(document, registry, "test")


def derated() -> dict[str, Any]:
    """Two pins that give the producer another network each."""
    document: dict[str, Any] = read_yaml(SCENARIOS / "derate.yaml")
    return document


def test_pins_with_different_networks_are_simulated_apart() -> None:
    """A pin may change what the producer proposes: same graph, same nanoseconds, another network."""
    registry = load_registry()
    together = versim.compare(SCENARIOS / "derate.yaml", registry=registry)
    alone = {}
    for pin in derated()["pins"]:
        (found,) = versim.compare(_scenario(derated() | {"pins": [pin]}, registry), registry=registry).results()
        alone[found[1].inputs.label] = found[2].prediction.makespan_ps
    assert alone == {"derate 1": 11_324_576_538, "derate 4": 15_925_540_172}
    assert {c.inputs.label: r.prediction.makespan_ps for _, c, r in together.results()} == alone


def test_the_slow_pair_does_not_stand_for_the_others() -> None:
    """On nodes of three, ranks 2 and 3 are in different nodes; the other pairs are a hundred times faster."""
    registry = load_registry([str(SCENARIOS / "grouped.py")])
    document = read_yaml(SCENARIOS / "grouped.yaml")
    document["backends"] = [one for one in document["backends"] if one["backend"] == "deepflow"]  # SimGrid's is its own
    ((_, _, result),) = versim.compare(_scenario(document, registry), registry=registry).results()
    fast_ps, slow_ps = 169_772_160, 16_781_216_000
    assert result.prediction.finish_ps.tolist() == [fast_ps, fast_ps, slow_ps, slow_ps, fast_ps, fast_ps]


@pytest.mark.parametrize(
    ("outer", "slow_ps"), [("50", 14_187_347_949), ("5", 32_155_992_469), ("0.5", 211_934_347_669)]
)
def test_who_does_not_see_the_outer_dimension_is_named_first(outer: str, slow_ps: int) -> None:
    """The simulator that has it takes as long as its link needs; those without are named with axis and link."""
    registry = load_registry()
    report = versim.compare(SCENARIOS / f"straddle-{outer}.yaml", registry=registry)
    found = {result.label: result for _, _, result in report.results()}
    makespans_ps = {label: result.prediction.makespan_ps for label, result in found.items()}
    assert makespans_ps == {"deepflow": slow_ps, "hybrid": 12_459_847_000, "astrasim": 12_571_847_000}
    assert not report.failed_checks()
    table = registry.reporter("table")
    shown = table.render(report, table.options(), Destination())
    first = str(shown.content).split("straddle: ")[0]
    for label in ("hybrid", "astrasim"):
        seen = f"dp on dimension 0 (450 GB/s), not on dimension 1 ({outer} GB/s)"
        assert f"{label} has another network: {seen}" in " ".join(first.split())
    assert "deepflow" not in first
    assert str(shown.content).startswith("hybrid has another network")


@attrs.frozen
class Crowd:
    """Every rank of one node sends to its peer in the other, all at once."""

    name: str = "crowd"
    options: type = versim.NoOptions

    def produce(self, options: object) -> ExecutionGraph:  # noqa: ARG002
        """Ten messages each, side by side."""
        builder = GraphBuilder(Mesh.of(node=2, rank=4))
        for number in range(10):
            builder.transfer(f"message {number}", 1 << 24, source={"node": 0}, target={"node": 1})
        return builder.build()


class OfferingCrowd:
    """Offers the crowd."""

    @hookimpl
    def versim_graph_producers(self) -> list[Crowd]:
        """The one."""
        return [Crowd()]


@pytest.mark.parametrize(("says_so", "passed"), [(True, None), (False, False)])
def test_a_model_without_contention_says_so_or_fails(
    monkeypatch: pytest.MonkeyPatch, says_so: bool, passed: bool | None
) -> None:
    """Ten messages at once in the time of one is faster than the network's middle; it is as declared, or wrong."""
    plugins = {"deepflow": versim_deepflow.plugin, "basics": versim_basics.plugin, "crowd": OfferingCrowd()}
    registry = Registry.of(plugins)
    if not says_so:
        monkeypatch.setattr(
            registry, "backend", lambda name, ask=registry.backend: attrs.evolve(ask(name), without_contention="")
        )
    document = {
        "name": "crowd",
        "workloads": [{"label": "step", "producer": "crowd"}],
        "system": {
            "dimensions": [
                {"topology": "switch", "size": 4, "bandwidth": "400 GB/s", "latency": "1 us"},
                {"topology": "switch", "size": 2, "bandwidth": "1 GB/s", "latency": "1 us"},
            ]
        },
        "backends": [{"label": "d", "backend": "deepflow", "network": "alpha-beta"}],
    }
    ((_, _, result),) = versim.compare(_scenario(document, registry), registry=registry).results()
    (bisection,) = [check for check in result.checks if check.name == "bisection"]
    assert bisection.passed is passed


@pytest.mark.parametrize("trays", [18, 19, 23])
def test_every_simulator_gets_a_rack_that_is_partly_filled(trays: int) -> None:
    """The network check holds each to the cards of the last rack; ASTRA-sim's idle ranks are none of the step's."""
    registry = load_registry()
    ranks = 4 * trays
    document = {
        "name": "trays",
        "system": {"preset": "gb200-nvl72", "nodes": trays},
        "workloads": [
            {
                "label": "all",
                "producer": "collective",
                "options": {"kind": "all_reduce", "size_bytes": ranks << 16, "participants": ranks},
            }
        ],
        "backends": [
            {"label": "deepflow", "backend": "deepflow", "network": "alpha-beta"},
            {"label": "aware", "backend": "astrasim"},
            {"label": "unaware", "backend": "astrasim", "options": {"congestion": "unaware"}},
        ],
    }
    report = versim.compare(_scenario(document, registry), registry=registry)
    checks = {result.label: {c.name: c for c in result.checks} for _, _, result in report.results()}
    assert all(result.prediction.completed for _, _, result in report.results())
    assert not [one for found in checks.values() for one in found.values() if one.passed is False]
    assert checks["aware"]["network"].passed
    for _, comparison, result in report.results():
        least_s = comparison.inputs.system.fabric.least_time_s(Kind.ALL_REDUCE, ranks << 16, range(ranks))
        if result.label != "unaware":
            assert (result.prediction.makespan_ps or 0) >= least_s * 1e12
        assert len(result.prediction.finish_ps) == ranks


def test_a_sweep_on_another_network_is_not_taken_over() -> None:
    """Two pins with the same communications on two networks: each has its own times by size."""
    registry = load_registry()
    together = versim.compare(_scenario(derated(), registry), registry=registry, sweep=True)
    times: dict[str, list[float | None]] = {}
    for _, comparison, _ in together.results():
        assert comparison.sweep is not None
        times[comparison.inputs.label] = [
            time_s for swept in comparison.sweep for curve in swept.curves for time_s in curve.times_s
        ]
    assert len(times["derate 1"]) == len(times["derate 4"]) > 0
    assert times["derate 1"] != times["derate 4"]
