"""What the simulators that come with versim claim, as long as they do not say it themselves."""

from __future__ import annotations

from functools import cache

import attrs
from versim import Device, load_registry
from versim.testing import AllToAll, Claims, Contention

RING_KINDS = ("all_reduce", "all_gather", "reduce_scatter", "all_to_all", "point_to_point")
NO_SUCH_WORK = (
    "DeepFlow counts the local memory traffic of every ring step, and the additions of a reduction, which no closed "
    "form of the network has"
)
DEFAULT_GATHER = (
    "DeepFlow's default all-gather divides its local memory traffic by the number of ranks once too often "
    "(compat: 2s/p where the other collectives have 2s)"
)


@cache
def a100() -> Device:
    """The device that DeepFlow's own timing needs figures of, without its launch overheads."""
    producer = load_registry().producer("deepflow-llm")
    options = producer.options(hardware="a100-80gb")
    device: Device = producer.system(options).device  # type: ignore[attr-defined]
    return device


def deepflow() -> tuple[Claims, ...]:
    """On its own timing, and as a scheduler of closed forms."""
    own = Claims(
        label="own timing",
        kinds=RING_KINDS,
        topologies=("ring", "fully_connected"),
        algorithms=("ring",),
        dimensions=9,
        contention=Contention.NONE,
        all_to_all=AllToAll.PAIRWISE,
        network="deepflow",
        device=a100(),
        differs={
            "ring all-reduce": NO_SUCH_WORK,
            "ring all-gather": DEFAULT_GATHER,
            "ring reduce-scatter": NO_SUCH_WORK,
            "several dimensions": NO_SUCH_WORK,
        },
    )
    closed = attrs.evolve(
        own,
        label="alpha-beta timing",
        kinds=(*RING_KINDS, "broadcast"),
        all_to_all=AllToAll.AGGREGATED,
        algorithms=("ring", "direct", "halving_doubling"),
        network="alpha-beta",
        device=None,
        differs={},
    )
    return own, closed


ASTRASIM = Claims(
    kinds=RING_KINDS,
    topologies=("ring", "fully_connected", "switch"),
    algorithms=("ring", "direct", "halving_doubling", "double_binary_tree"),
    contention=Contention.QUEUE,
    all_to_all=AllToAll.SHARDS,
    # Reductions in local memory and the delay at endpoints have no place in α-β; they cannot be switched off, only made
    # small. Whole nanoseconds remain: of a hop, of its serialization, and 1 to 10 ns of delay.
    options={"endpoint_delay_ns": 1, "local_memory_bytes_per_s": 1e18},
    tolerance=1e-6,
    grain_s=13e-9,
)
