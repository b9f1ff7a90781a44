"""Network timings by themselves, held to the wires."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from versim import Kind, Message, System, UnsupportedGraphError, load_registry, structure_options
from versim.testing import network_faults


class Slowest:
    """Three times what the slowest link between the ranks needs; no all-to-all."""

    def times_s(self, messages: Sequence[Message], system: System) -> NDArray[np.float64]:
        """Seconds of each."""
        if any(message.kind is Kind.ALL_TO_ALL for message in messages):
            raise UnsupportedGraphError("no all-to-all")
        return np.array([3 * m.size_bytes / self.rate(m, system) for m in messages])

    def rate(self, message: Message, system: System) -> float:
        """Of the slowest dimension that is passed."""
        return system.link(message.axis, message.ranks).bandwidth_bytes_per_s


class IgnoresOuter(Slowest):
    """Knows the innermost dimension only."""

    def rate(self, message: Message, system: System) -> float:
        """Of the innermost."""
        return system.link(message.axis).bandwidth_bytes_per_s


class WrongGroup(Slowest):
    """Asks about the ranks from 0 upwards."""

    def rate(self, message: Message, system: System) -> float:
        """Of another group."""
        return system.link(message.axis, tuple(range(message.participants))).bandwidth_bytes_per_s


class Declares(IgnoresOuter):
    """Says so."""

    def network_limits(self, messages: Sequence[Message], system: System) -> list[str]:
        """One node."""
        return ["" if system.fabric.spread(message.ranks).outermost == 0 else "one node" for message in messages]


def test_a_sound_timing_has_no_faults() -> None:
    """What it refuses is passed over."""
    assert network_faults(Slowest()) == []


@pytest.mark.parametrize("planted", [IgnoresOuter(), WrongGroup()])
def test_planted_faults_are_found(planted: Slowest) -> None:
    """Between nodes, with the link that it uses and the one that it ought to."""
    faults = network_faults(planted)
    assert len(faults) >= 3 * 3
    assert all(fault.partition(": ")[2].startswith("dp on dimension 0 (20 GB/s), not on") for fault in faults)


def test_what_is_declared_is_no_fault() -> None:
    """But only where it is."""
    assert network_faults(Declares()) == []


@pytest.mark.parametrize(
    ("name", "options"), [("alpha-beta", {}), ("alpha-beta", {"algorithm": "direct"}), ("astrasim", {})]
)
def test_the_timings_that_come_with_versim_have_none(name: str, options: dict[str, str]) -> None:
    """On two nodes of four, on every topology."""
    model = load_registry().timing(name)
    timing = model.network(structure_options(model, options))
    assert timing is not None
    assert network_faults(timing) == []
