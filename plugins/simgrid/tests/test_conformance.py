"""It keeps what it claims, by versim's conformance kit."""

from __future__ import annotations

import pytest
from versim.testing import BackendConformance

from versim_simgrid.backend import SimGrid


@pytest.mark.usefixtures("simgrid")
class TestSimGrid(BackendConformance):
    """Everything is claimed."""

    backend = SimGrid()
