"""The simulators that come with versim keep what they claim."""

from __future__ import annotations

from first_party import ASTRASIM, deepflow
from versim.testing import BackendConformance


class TestDeepFlow(BackendConformance):
    """On its own timing, and as a scheduler of closed forms."""

    backend = "deepflow"
    claims = deepflow()


class TestAstraSim(BackendConformance):
    """The embedded engine."""

    backend = "astrasim"
    claims = ASTRASIM
