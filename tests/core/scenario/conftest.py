"""The plugin of the tests, and a scenario that uses every part of the form."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from versim.registry import Registry
from versim.registry.plugins import Candidate, candidates

LAB = Path(__file__).parents[2] / "cli" / "lab.py"

DOCUMENT = {
    "name": "full",
    "description": "Everything at once.",
    "workloads": [
        {"label": "small", "producer": "line", "options": {"ranks": 2, "table": "table.yaml"}, "pins": ["given"]},
        {
            "label": "large",
            "producer": "line",
            "options": {"ranks": 8, "work": "2 s"},
            "system": {"device": {"name": "fast", "parameters": {"colour": "blue"}}},
            "backends": ["once", "twice"],
        },
    ],
    "pins": [
        {"label": "given"},
        {
            "label": "borrowed",
            "compute": "constant",
            "folded": {"timing": "constant", "options": {"each": "5 ms"}},
            "options": {"mood": "hasty"},
            "backends": ["once"],
            "durations": [{"nodes": "work*", "workload": "small", "pin": "given", "backend": "once"}],
        },
    ],
    "system": {
        "device": {"kernel_launch_overhead": "5 us", "parameters": {"size": 1}},
        "axis_links": {"rank": {"bandwidth": "25 GB/s", "latency_s": 1e-6}},
    },
    "backends": [
        {"label": "once", "backend": "ideal"},
        {"label": "twice", "backend": "ideal", "options": {"factor": 2}, "network": "constant"},
        {"label": "slow", "backend": "ideal", "network": {"timing": "constant", "options": {"each_s": 3}}},
        {"label": "refuser", "backend": "refuser"},
    ],
    "reference": "once",
}


@pytest.fixture
def document() -> dict[str, Any]:
    """A scenario as plain data, to be spoilt at will."""
    return copy.deepcopy(DOCUMENT)


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The test plugin alone, whatever is installed."""
    return Registry(_lab())


def _lab() -> list[Candidate]:
    return [found for found in candidates([str(LAB)], {}) if found.name == str(LAB)]
