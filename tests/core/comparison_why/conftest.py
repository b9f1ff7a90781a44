"""Makes ``backends``, which stands beside this file, importable from the tests here."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from fakes import pinned_of
from versim import Fixed, GraphBuilder, Inputs, Instances, Mesh, Phase, instances_of


@pytest.fixture
def two_ranks() -> tuple[Inputs, Instances]:
    """A computation on rank 0, its result sent to rank 1, whose receive is posted at once, and a computation there."""
    builder = GraphBuilder(Mesh.of(pp=2))
    first = builder.compute("first", [(Fixed(1e-9), 1)], on={"pp": 0}, phase=Phase.FORWARD)
    ends = {"source": {"pp": 0}, "target": {"pp": 1}}
    _, received = builder.transfer("result", 1024, **ends, after=[first], phase=Phase.FORWARD)
    builder.compute("second", [(Fixed(1e-9), 1)], on={"pp": 1}, after=[received], phase=Phase.BACKWARD)
    pinned = pinned_of(builder.build())
    return pinned, instances_of(pinned.graph)
