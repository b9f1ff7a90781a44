"""Tests marked ``simgrid`` run the real SimGrid; without it they are skipped, and pytest's summary says so."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from versim import ExecutionGraph, Prediction, System, VersimError

from versim_simgrid import launch
from versim_simgrid.backend import SimGrid

sys.path.insert(0, str(Path(__file__).parent))

from cases import request_of

Simulate = Callable[..., Prediction]


def _missing() -> str:
    try:
        launch.version(os.environ)
    except VersimError as error:
        return str(error)
    return ""


@pytest.fixture(scope="session")
def simgrid() -> None:
    """SimGrid has to be there."""
    missing = _missing()
    if missing:
        pytest.skip(missing)


@pytest.fixture
def simulate(simgrid: None) -> Simulate:  # noqa: ARG001 - skips
    """Run a graph on a system."""

    def run(graph: ExecutionGraph, system: System, **options: Any) -> Prediction:
        return SimGrid().simulate(request_of(graph, system, **options))

    return run
