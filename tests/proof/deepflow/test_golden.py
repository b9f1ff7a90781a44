"""Every figure of the golden sample, through the code that ``versim verify`` runs on whole tables."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from versim_proof.deepflow.figures import UnknownTableError
from versim_proof.deepflow.tables import verify_table
from versim_proof.deepflow.verifier import DeepFlowTables

GOLDEN = Path(__file__).parents[2] / "golden" / "deepflow"
TABLES = (
    "collectives.json",
    "comparison.json",
    "dist_gemm.json",
    "gemm.json",
    "hardware.json",
    "layouts.json",
    "pointwise.json",
    "steps.json",
    "traces.json",
)


def table(name: str) -> dict[str, Any]:
    """A golden table."""
    content: dict[str, Any] = json.loads((GOLDEN / name).read_text(encoding="utf-8"))
    return content


@pytest.mark.parametrize("name", TABLES)
def test_every_case_matches(name: str) -> None:
    """Figures within 1e-12, totals within 1e-9; counts, sizes, orders and tiles exactly."""
    content = table(name)
    result = verify_table(content)
    assert result.mismatches == ()
    assert result.matched == result.total == len(content["cases"])
    assert result.worst_relative_error is not None
    assert result.worst_relative_error < 1e-10


def test_a_wrong_figure_is_reported_with_both_values() -> None:
    """A verification that cannot fail proves nothing."""
    content = table("gemm.json")
    content["cases"] = [copy.deepcopy(content["cases"][0])]
    content["cases"][0]["output"]["time"] *= 1 + 1e-9
    result = DeepFlowTables().verify(content, {})
    assert (result.matched, result.total) == (0, 1)
    assert "instead of" in result.mismatches[0]


def test_a_table_of_another_program_is_refused() -> None:
    """0 of 0 would read as success."""
    with pytest.raises(UnknownTableError):
        verify_table({"cases": [{"id": "x", "input": {}, "output": {"rank_ns": [1]}}]})
