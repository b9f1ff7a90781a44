"""The verifier of ASTRA-sim's tables."""

from __future__ import annotations

import pytest
from versim import UnknownNameError
from versim_proof.astrasim.verifier import AstraSimTables


def test_verify_counts_matches_and_shows_mismatches() -> None:
    """A table's cases are simulated from their inputs; a wrong figure is shown beside the right one."""
    case = {
        "name": "one",
        "network": {"topology": ["Ring"], "npus_count": [4], "bandwidth": [50.0], "latency": [500.0]},
        "system": {
            "preferred-dataset-splits": 4,
            "local-mem-bw": 1600,
            "all-reduce-implementation": ["ring"],
        },
        "workload": {"form": "generated", "comm_type": "ALL_REDUCE", "comm_size_bytes": 1048576, "count": 1},
        "expected": {name: {"all": 43000} for name in ("rank_ns", "exposed_comm_ns", "comm_ns")},
    }
    wrong = {**case, "name": "two", "expected": {**case["expected"], "rank_ns": {"all": 43001}}}  # type: ignore[dict-item]
    tables = AstraSimTables()
    result = tables.verify({"cases": [case, wrong]}, {})
    assert (result.matched, result.total) == (1, 2)
    assert "expected 43001, got 43000" in result.mismatches[0]
    assert tables.verify({"cases": [case, wrong]}, {"only": "one", "exactness": "plain"}).total == 1
    with pytest.raises(UnknownNameError, match="exactnes"):
        tables.verify({"cases": []}, {"exactnes": "plain"})
