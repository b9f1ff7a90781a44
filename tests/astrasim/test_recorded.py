"""Traces that DeepFlow's converter wrote, against what the real ASTRA-sim printed for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from versim import ExecutionGraph, Inputs, SimulationRequest, System
from versim_astrasim.backend import AstraSimBackend
from versim_astrasim.chakra.reader import read_traces
from versim_astrasim.chakra.writer import write_traces
from versim_astrasim.engine import NetworkConfig, Outcome, RankTrace, Status, SystemConfig, simulate
from versim_astrasim.options import BackendOptions

CASES = [
    "bundled_pipeline",
    "bundled_transformer",
    "t_a100_lp2_mb2_pipeline",
    "t_a100_dp2_lp2_mb2_pipeline",
    "t_a100_cr2_transformer",
    "t_a100_rc2x2_transformer",
]


@pytest.fixture(scope="module")
def recorded(golden: Path) -> dict[str, dict[str, Any]]:
    """The cases by name."""
    table = json.loads((golden / "astrasim-ets" / "recorded.json").read_text(encoding="utf-8"))
    return {case["name"]: case for case in table["cases"]}


def outcome_of(case: dict[str, Any], folder: Path) -> Outcome:
    """Simulate a case by way of trace files."""
    write_traces([RankTrace.from_nodes(nodes) for nodes in case["workload"]["ranks"]], folder / "llm_graph")
    return simulate(
        read_traces(folder / "llm_graph", len(case["workload"]["ranks"])),
        NetworkConfig.from_mapping(case["network"]),
        SystemConfig.from_mapping(case["system"]),
        groups={int(group): tuple(ranks) for group, ranks in (case["comm_groups"] or {}).items()},
    )


def test_every_recorded_case_is_looked_at(recorded: dict[str, dict[str, Any]]) -> None:
    """A case added to the table is not forgotten here."""
    assert list(recorded) == CASES


@pytest.mark.parametrize("name", CASES)
def test_recorded_traces_give_the_recorded_nanoseconds(
    name: str, recorded: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    """Every rank's figure, in the order in which the program printed them; or the same ranks unfinished."""
    case = recorded[name]
    outcome = outcome_of(case, tmp_path)
    if "error" in case["expected"]:
        assert outcome.status is Status.UNFINISHED
        assert outcome.finish_ns == (None,) * len(case["workload"]["ranks"])
    else:
        assert [outcome.finish_ns[rank] for rank in outcome.finish_order] == case["expected"]["printed_ns"]


@pytest.mark.parametrize(
    ("options", "makespan_ns"),
    [
        (BackendOptions(compute_encoding="micros", node_order="creation", link_decimals=6), 323_880_201_617),
        (BackendOptions(), 323_767_511_453),
    ],
)
def test_the_bundled_pipeline_as_a_graph(
    options: BackendOptions,
    makespan_ns: int,
    bundled_pipeline: ExecutionGraph,
    pinned: Callable[[ExecutionGraph], Inputs],
    system_of: Callable[..., System],
) -> None:
    """In the original's settings the total of three of its four recorded runs, to the nanosecond.

    Its fourth, 323 880 117 617 ns, has another of the node numberings its converter arrives at by chance. In program
    order sends stand before the all-reduces that DeepFlow's converter puts first, and the step is 113 ms shorter.
    """
    request = SimulationRequest(inputs=pinned(bundled_pipeline).on(system_of(("ring", 8))), options=options)
    prediction = AstraSimBackend().simulate(request)
    assert prediction.makespan_ps == makespan_ns * 1000
    assert prediction.engine.startswith("embedded ")
