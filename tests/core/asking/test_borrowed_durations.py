"""Durations that a pin takes from other simulations, and what may be shared between pins."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import attrs
import pytest
import versim
import versim_basics.plugin
import versim_deepflow.plugin
import versim_reporters.plugin
from versim import (
    Destination,
    Device,
    Dimension,
    ExecutionGraph,
    Fixed,
    GraphBuilder,
    Kind,
    Link,
    Mesh,
    NoOptions,
    Registry,
    SimulationError,
    System,
    Topology,
    VersimError,
    document_text,
    hookimpl,
    load_report,
    option,
    report_document,
)
from versim.asking.preparation import _one_of_equal
from versim.run import prepare, run
from versim.scenario.load import structure_scenario
from versim.sweeps.tasks import Manner, Question, Task, answer_task


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


@attrs.frozen
class GivesUp:
    """A backend that never completes."""

    name: str = "gives-up"
    options: type = NoOptions

    def simulate(self, _request: Any) -> Any:
        """Give up."""
        raise VersimError("it lost its licence")


class Plugin:
    """Offers the work, and who does none."""

    @hookimpl
    def versim_graph_producers(self) -> list[Work]:
        """The one."""
        return [Work()]

    @hookimpl
    def versim_backends(self) -> list[GivesUp]:
        """The one."""
        return [GivesUp()]


REGISTRY = Registry.of(
    {
        "work": Plugin(),
        "basics": versim_basics.plugin,
        "deepflow": versim_deepflow.plugin,
        "reporters": versim_reporters.plugin,
    }
)


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


def _chain(*, lender: str = "g", nodes: str = "*") -> dict[str, Any]:
    """One workload that lends, one that borrows from it and lends on, and one that borrows from that."""

    def borrowing(source: str, pin: str, backend: str) -> list[dict[str, str]]:
        return [{"nodes": nodes, "workload": source, "backend": backend, "pin": pin}]

    return {
        "name": "chain",
        "workloads": [
            {"label": "last", "producer": "work", "pins": ["plain", "twice"]},
            {"label": "middle", "producer": "work", "pins": ["once"]},
            {"label": "first", "producer": "work", "pins": ["plain"]},
        ],
        "pins": [
            {"label": "plain"},
            {"label": "once", "durations": borrowing("first", "plain", lender)},
            {"label": "twice", "durations": borrowing("middle", "once", "d")},
        ],
        "system": _system("1000 GB/s"),
        "backends": [
            {"label": "d", "backend": "deepflow", "network": "alpha-beta"},
            {"label": "g", "backend": "gives-up"},
        ],
        "reference": "d",
    }


LICENCE = "$.pins[1].durations[0]: first / plain / g did not complete: it lost its licence"


def test_who_borrows_what_did_not_complete_is_not_asked_and_costs_no_other_its_answer() -> None:
    """Nor does who borrows from those who were not asked; every column says why it is empty."""
    report = _compared(_chain())
    last, middle, first = report.workloads
    assert [pin.pin for pin in middle.unpinned] == ["once"]
    assert middle.unpinned[0].why == LICENCE
    assert middle.comparisons == ()
    assert last.unpinned[0].why == f"$.pins[2].durations[0]: middle / once / d did not complete: {LICENCE}"
    for workload in (first, last):
        assert workload.comparisons[0].result("d").prediction.completed
    assert report.incomplete() == (
        *("last / plain / g", "first / plain / g"),
        *("last / twice / d", "last / twice / g", "middle / once / d", "middle / once / g"),
    )


@pytest.mark.parametrize("reporter", ["table", "markdown", "html"])
def test_reports_say_who_was_not_asked(reporter: str) -> None:
    """An answer that is missing must not be missed."""
    made = REGISTRY.reporter(reporter)
    for given in ({}, {"brief": True}, {"full": True}) if reporter == "table" else ({},):
        options = attrs.evolve(made.options(), **given)
        content = made.render(_compared(_chain()), options, Destination(to_file=True)).content
        text = content.decode() if isinstance(content, bytes) else str(content)
        assert "middle, pin once: not asked of d, g:" in " ".join(text.split())


def test_tables_and_documents_keep_who_was_not_asked(tmp_path: Path) -> None:
    """For programs: a row with a status of its own, and the same report when it is read again."""
    report = _compared(_chain())
    made = REGISTRY.reporter("csv")
    tables: Any = made.render(report, made.options(), Destination(to_file=True)).content
    rows = list(csv.reader(io.StringIO(tables["predictions.csv"])))
    assert [row[:3] for row in rows if row[6] == "not_asked"] == [
        *(["last", "twice", "d"], ["last", "twice", "g"]),
        *(["middle", "once", "d"], ["middle", "once", "g"]),
    ]
    assert {len(row) for row in rows} == {len(rows[0])}
    document, _ = report_document(report)
    path = tmp_path / "report.json"
    path.write_text(document_text(document), encoding="utf-8")
    again = load_report(path)
    assert [workload.unpinned for workload in again.workloads] == [workload.unpinned for workload in report.workloads]
    del document["workloads"][0]["unpinned"]
    path.write_text(json.dumps(document), encoding="utf-8")
    assert load_report(path).workloads[0].unpinned == ()


def test_devices_that_differ_in_what_only_a_timing_knows_are_two() -> None:
    """Their systems are equal but for that; the second workload would be timed on the first one's device."""
    link = Link(bandwidth_bytes_per_s=1e9, latency_s=1e-6)
    ring = (Dimension(topology=Topology.RING, size=2, link=link),)
    systems = [System(dimensions=ring, device=Device(name="d", parameters={"clock": clock})) for clock in (1, 2, 2)]
    kept = [_one_of_equal(system) for system in systems]
    assert [system.device.parameters for system in kept] == [{"clock": 1}, {"clock": 2}, {"clock": 2}]
    assert kept[1] is kept[2]


def test_uncontained_it_ends_the_run() -> None:
    """Who asks for that wants the first error."""
    with pytest.raises(SimulationError, match="first / plain / g did not complete"):
        run(structure_scenario(_chain(), REGISTRY, "test"), REGISTRY, contain=False)


def test_a_pattern_that_names_nothing_is_told_before_anything_is_simulated() -> None:
    """It is a slip of the scenario's, and costs no waiting."""
    said: list[str] = []
    scenario = structure_scenario(_chain(lender="d", nodes="lair"), REGISTRY, "test")
    with pytest.raises(VersimError, match=r"durations\[0\].nodes: no compute node is named 'lair'"):
        versim.compare(scenario, registry=REGISTRY, progress=said.append)
    assert not [line for line in said if "producing" not in line]


def test_one_step_of_a_chain_can_be_prepared() -> None:
    """Whoever lends to a lender is simulated, too."""
    scenario = structure_scenario(_chain(lender="d"), REGISTRY, "test")
    made = prepare(scenario, REGISTRY, "last", "twice")
    # A second of work, and what adding up takes, once for every loan.
    assert made.inputs.compute_ns.tolist()[0] == 1_000_002_000


def test_a_sweep_asks_again_where_nothing_was_lent() -> None:
    """A lender may complete next time; what a scenario cannot have stays refused."""
    scenario = structure_scenario(_chain(), REGISTRY, "test")
    question = Question(workload="middle", pin="once", instance="d", key="k", fingerprint="f")
    task = Task(number=0, settings={}, scenario=scenario, questions=(question,))
    (answered,) = answer_task(task, REGISTRY, Manner())
    assert answered.question is None
    assert "it lost its licence" in answered.member.failure
