"""The engine against what the real program measured: every figure of every rank, to the nanosecond."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from versim_astrasim.engine.cases import verify_case

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
