"""What the backend ``deepflow`` models, for versim's conformance kit: on its own timing, and on closed forms."""

from __future__ import annotations

import attrs
from versim.testing import AllToAll, Claims, Contention

from versim_deepflow.options import LlmOptions
from versim_deepflow.producer import DeepFlowLlm

KINDS = ("all_reduce", "all_gather", "reduce_scatter", "all_to_all", "point_to_point")
LOCAL_MEMORY = (
    "DeepFlow counts the local memory traffic of every ring step, and the additions of a reduction, which no closed "
    "form of the network has"
)
DEFAULT_GATHER = (
    "DeepFlow's default all-gather divides its local memory traffic by the number of ranks once too often "
    "(compat: 2s/p where the other collectives have 2s)"
)


def claims() -> tuple[Claims, ...]:
    """On its own timing, which needs a device's figures, and as a scheduler of closed forms."""
    own = Claims(
        label="own timing",
        kinds=KINDS,
        topologies=("ring", "fully_connected"),
        algorithms=("ring",),
        dimensions=9,
        contention=Contention.NONE,
        all_to_all=AllToAll.PAIRWISE,
        network="deepflow",
        device=DeepFlowLlm().system(LlmOptions(hardware="a100-80gb")).device,
        differs={
            "ring all-reduce": LOCAL_MEMORY,
            "ring all-gather": DEFAULT_GATHER,
            "ring reduce-scatter": LOCAL_MEMORY,
            "several dimensions": LOCAL_MEMORY,
        },
    )
    closed = attrs.evolve(
        own,
        label="alpha-beta timing",
        kinds=(*KINDS, "broadcast"),
        all_to_all=AllToAll.AGGREGATED,
        algorithms=("ring", "direct", "halving_doubling"),
        network="alpha-beta",
        device=None,
        differs={},
    )
    return own, closed
