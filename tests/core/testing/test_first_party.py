"""The simulators that come with versim keep what they claim."""

from __future__ import annotations

from versim.testing import BackendConformance


class TestDeepFlow(BackendConformance):
    """On its own timing, and as a scheduler of closed forms."""

    backend = "deepflow"


class TestAstraSim(BackendConformance):
    """The embedded engine."""

    backend = "astrasim"
