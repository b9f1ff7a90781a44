"""What NCCL's model does not know of a network, it says."""

from __future__ import annotations

import attrs
import pytest
from versim import (
    ClusterChoice,
    Degradation,
    Kind,
    Message,
    NetworkLimits,
    System,
    data_sheet,
    load_registry,
    structure_options,
)
from versim.testing import network_faults

SYSTEM = ClusterChoice(preset="dgx-h100", nodes=2).system()
TP = Message(Kind.ALL_REDUCE, 1 << 25, 8, "tp", tuple(range(8)))


@pytest.mark.parametrize("name", ["nccl", "silicon"])
def test_it_sees_the_network_or_says_what_it_does_not(name: str) -> None:
    """On two nodes of four, on every topology."""
    model = load_registry().timing(name)
    timing = model.network(structure_options(model, {}))
    assert timing is not None
    assert network_faults(timing, device=data_sheet("h100").device) == []


def test_degraded_links_are_not_known_to_nccl_and_were_not_measured() -> None:
    """NCCL's own model goes on with one bandwidth and declares it; a table of measurements declines."""
    registry = load_registry()
    slow: System = attrs.evolve(SYSTEM, degraded=[Degradation(dimension=0, ranks=[3], bandwidth_factor=0.1)])
    other = attrs.evolve(TP, ranks=tuple(range(8, 16)))
    nccl, measured = (registry.timing(name) for name in ("nccl", "silicon"))
    modelled: object = nccl.network(structure_options(nccl, {}))
    assert isinstance(modelled, NetworkLimits)
    assert ["degraded" in said for said in modelled.network_limits([TP, other], slow)] == [True, False]
    table = measured.network(structure_options(measured, {}))
    assert table is not None
    declined = table.times_s([TP, other], slow)
    assert declined[0] != declined[0]
    assert declined[1] == table.times_s([other], SYSTEM)[0]
