"""The engine against what the real program measured: every figure of every rank, to the nanosecond."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from versim_proof.astrasim.cases import variant_of, verify_case
from versim_proof.astrasim.table_faults import case_faults

TABLES = Path(__file__).parents[2] / "golden" / "astrasim"
NAMES = (
    "comm_groups",
    "compute",
    "custom_collectives",
    "endings",
    "multi_collective",
    "multidim_unaware",
    "options",
    "point_to_point",
    "realistic",
    "rendezvous",
    "scaling",
    "shared_bus",
    "single_collective",
)
MOST_RANKS_MESSAGE_BY_MESSAGE = 32


def cases(name: str) -> list[dict[str, Any]]:
    """The cases of a table."""
    content = json.loads((TABLES / f"{name}.json").read_text(encoding="utf-8"))
    return list(content["cases"])


@pytest.mark.parametrize("name", NAMES)
def test_every_case_of_a_table_is_matched(name: str) -> None:
    """Figures of all ranks are equal, and failures are of the same kind on the same ranks."""
    results = [verify_case(case) for case in cases(name)]
    assert results
    assert [(result.name, result.details) for result in results if not result.matched] == []


@pytest.mark.parametrize(
    "name",
    [
        "comm_groups",
        "custom_collectives",
        "multi_collective",
        "options",
        "rendezvous",
        "shared_bus",
        "single_collective",
    ],
)
def test_message_by_message_gives_the_same(name: str) -> None:
    """The shortcuts are only that: without them every case is matched too."""
    small = [case for case in cases(name) if case["network"]["npus_count"][0] <= MOST_RANKS_MESSAGE_BY_MESSAGE]
    results = [verify_case(case, "plain") for case in small[::3]]
    assert [(result.name, result.details) for result in results if not result.matched] == []


@pytest.mark.parametrize("name", ["multidim_fork", "random_fork"])
def test_every_case_of_the_forks_tables_is_matched(name: str) -> None:
    """A table says which program it was measured on; that one's networks, faults and algorithms are re-created."""
    table = json.loads((TABLES.parent / "astrasim-fork" / f"{name}.json").read_text(encoding="utf-8"))
    results = [verify_case(case, variant=variant_of(table)) for case in table["cases"]]
    assert [(result.name, result.details) for result in results if not result.matched] == []


def test_the_two_programs_are_told_apart() -> None:
    """The fork's ring messages are half as large, so its table is no match for ASTRA-sim."""
    table = json.loads((TABLES.parent / "astrasim-fork" / "multidim_fork.json").read_text(encoding="utf-8"))
    case = next(case for case in table["cases"] if case["name"] == "d1-ring-3-ar-1M-ring")
    assert not verify_case(case).matched


def test_a_wrong_figure_is_noticed() -> None:
    """The comparison can say no: one nanosecond more on one rank is a difference."""
    case = cases("single_collective")[0]
    figures = case["expected"]["rank_ns"]
    ranks = case["network"]["npus_count"][0]
    right = [figures["all"]] * ranks if isinstance(figures, dict) else list(figures)
    case["expected"]["rank_ns"] = [*right[:-1], right[-1] + 1]
    result = verify_case(case)
    assert not result.matched
    assert result.details == (
        f"rank_ns: 1 rank(s) differ, first rank {ranks - 1}: expected {right[-1] + 1}, got {right[-1]}",
    )


def test_a_failure_of_another_kind_is_noticed() -> None:
    """Completing where the real program aborted is no match."""
    case = cases("single_collective")[0]
    case["expected"] = {"error": "killed by signal 6"}
    assert verify_case(case).details == ("status: expected aborted, got completed",)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"name": 3}, "cases[0].name: 3 is not a text"),
        ({"simulator": "aware"}, "cases[0].simulator: 'aware' is none of congestion_aware, congestion_unaware"),
        ({"options": [1]}, "cases[0].options: [1] is not an object of keys and values"),
        ({"files": {"a.0.et": 3}}, "cases[0].files['a.0.et']: 3 is not a list of nodes"),
        ({"workload": {"form": "other"}}, "cases[0].workload: {'form': 'other'} is not an object whose form is"),
        ({"workload": {"form": "explicit"}}, "cases[0].workload.ranks: None is not a list of the nodes of each rank"),
        ({"workload": {"form": "explicit", "ranks": [[{"id": 0}]]}}, "cases[0].workload.ranks[0][0]: a node needs a"),
        (
            {"workload": {"form": "explicit", "ranks": [[{"id": -1, "type": "COMP_NODE"}]]}},
            "cases[0].workload.ranks[0]: nodes[0].id: -1 is not a whole number of at least 0",
        ),
        (
            {"workload": {"form": "explicit", "ranks": [[{"id": 0, "type": "COMP_NODE", "ctrl_deps": ["a"]}]]}},
            "cases[0].workload.ranks[0][0].ctrl_deps: ['a'] is not a list of ids",
        ),
        (
            {"workload": {"form": "generated", "comm_type": "ALL_REDUCE", "comm_size_bytes": 1, "count": 10**9}},
            "cases[0].workload.count: 1000000000 is not a whole number of at least 0 and at most 1048576",
        ),
        ({"expected": {}}, "cases[0].expected: has neither rank_ns nor an error"),
        ({"expected": {"rank_ns": 5}}, "cases[0].expected.rank_ns: 5 is neither a list, one entry per rank, nor"),
        ({"expected": {"error": "x", "unfinished_ranks": 5}}, "cases[0].expected.unfinished_ranks: 5 is neither"),
        ({"expected": {"error": "x", "partial": 5}}, "cases[0].expected.partial: 5 is not an object of figures"),
        ({"expected": None}, "cases[0].expected: None is not what was measured"),
    ],
)
def test_a_malformed_case_is_named_by_its_place(change: dict[str, Any], fault: str) -> None:
    """Before any case is run, and as a fault of the table, not of the simulator."""
    (found,) = case_faults(cases("single_collective")[0] | change, "cases[0]")
    assert found.startswith(fault)


def test_all_tables_are_well_formed() -> None:
    """What is checked is no stricter than what was measured."""
    assert [fault for name in NAMES for case in cases(name) for fault in case_faults(case, name)] == []
