"""Durations that a pin takes from other simulations, and what may be shared between pins."""

from __future__ import annotations

from typing import Any

import attrs
import versim
import versim_basics.plugin
import versim_deepflow.plugin
from versim import ExecutionGraph, Fixed, GraphBuilder, Kind, Mesh, Registry, hookimpl, option
from versim.scenario.load import structure_scenario


@attrs.frozen
class WorkOptions:
    """How long each rank works, and how much it sends."""

    work_s: float = option(1.0, help="seconds")


@attrs.frozen
class Work:
    """Two ranks that work under some name, and add something up."""

    name: str = "work"
    options: type = WorkOptions

    def produce(self, options: Any) -> ExecutionGraph:
        """The graph."""
        builder = GraphBuilder(Mesh.of(rank=2))
        row = builder.compute("layer", [(Fixed(options.work_s), 1)])
        builder.collective("sum", Kind.ALL_REDUCE, 1_000_000, axes=["rank"], after=[row])
        return builder.build()


class Plugin:
    """Offers the work."""

    @hookimpl
    def versim_graph_producers(self) -> list[Work]:
        """The one."""
        return [Work()]


REGISTRY = Registry.of({"work": Plugin(), "basics": versim_basics.plugin, "deepflow": versim_deepflow.plugin})


def _system(bandwidth: str) -> dict[str, Any]:
    return {"dimensions": [{"topology": "ring", "size": 2, "bandwidth": bandwidth, "latency": "0 s"}]}


def _compared(document: dict[str, Any], *, sweep: bool = False) -> versim.Report:
    return versim.compare(structure_scenario(document, REGISTRY, "test"), registry=REGISTRY, sweep=sweep)


def test_of_several_durations_the_first_that_names_a_node_decides() -> None:
    """A pattern that comes later must not take back what a name before it gave."""
    lent = [
        {"nodes": pattern, "workload": lender, "backend": "d", "pin": "plain"}
        for pattern, lender in (("layer", "three"), ("*", "five"))
    ]
    document = {
        "name": "borrowed",
        "workloads": [
            {"label": "three", "producer": "work", "options": {"work_s": 3.0}, "pins": ["plain"]},
            {"label": "five", "producer": "work", "options": {"work_s": 5.0}, "pins": ["plain"]},
            {"label": "borrower", "producer": "work", "pins": ["borrowing"]},
        ],
        "pins": [{"label": "plain"}, {"label": "borrowing", "durations": lent}],
        "system": _system("1000 GB/s"),
        "backends": [{"label": "d", "backend": "deepflow", "network": "alpha-beta"}],
    }
    (comparison,) = _compared(document).workloads[2].comparisons
    # The whole phase of the lender, its sum of a microsecond included.
    assert comparison.inputs.compute_ns.tolist()[0] == 3_000_001_000
    assert [share.role for share in comparison.inputs.origins] == ["borrowed"]


def test_workloads_on_two_systems_are_swept_apart() -> None:
    """Equal communications on unequal networks: a sweep of one says nothing about the other."""
    document = {
        "name": "two systems",
        "workloads": [{"label": "step", "producer": "work"}],
        "pins": [{"label": "a", "options": {"work_s": 1.0}}, {"label": "b", "options": {"work_s": 2.0}}],
        "system": _system("1 GB/s"),
        "backends": [{"label": "d", "backend": "deepflow", "network": "alpha-beta"}],
    }
    fast = document | {"system": _system("10 GB/s")}
    times = []
    for given in (document, fast):
        for comparison in _compared(given, sweep=True).workloads[0].comparisons:
            assert comparison.sweep is not None
            times.append(comparison.sweep[0].curves[0].time_s(1_000_000))
    assert times == [1e-3, 1e-3, 1e-4, 1e-4]


def test_pins_that_change_only_compute_share_one_sweep() -> None:
    """It is the same question."""
    document = {
        "name": "shared",
        "workloads": [{"label": "step", "producer": "work"}],
        "pins": [{"label": "a", "options": {"work_s": 1.0}}, {"label": "b", "options": {"work_s": 2.0}}],
        "system": _system("1 GB/s"),
        "backends": [{"label": "d", "backend": "deepflow", "network": "alpha-beta"}],
    }
    one, two = _compared(document, sweep=True).workloads[0].comparisons
    assert one.sweep is two.sweep
