"""What each link carried."""

from __future__ import annotations

import numpy as np
from versim import NO_TIME, PS_PER_S, LinkLoads

from versim_simgrid.fabric import Fabric
from versim_simgrid.folding import FoldedFabric
from versim_simgrid.tasks import MESSAGE, Tasks
from versim_simgrid.times import Times


def link_loads(tasks: Tasks, fabric: Fabric | FoldedFabric, times: Times, bandwidth_factor: float) -> LinkLoads:
    """Bytes of the messages that arrived over each link that carried any, in order of first use.

    Messages share links and do not wait for them, so there is no queueing to tell.
    """
    carried, messages = [0] * len(fabric.links), [0] * len(fabric.links)
    for kind, amount, place, end_ps in zip(tasks.kind, tasks.amount, tasks.place, times.end_ps, strict=True):
        if kind == MESSAGE and end_ps != NO_TIME:
            for link in fabric.routes[place][2]:
                carried[link] += amount
                messages[link] += 1
    used = [number for number, count in enumerate(messages) if count for _ in fabric.names(number)]
    rates = {number: fabric.links[number].bandwidth_bytes_per_s * bandwidth_factor for number in used}
    return LinkLoads(
        name=tuple(name for number in dict.fromkeys(used) for name in fabric.names(number)),
        carried_bytes=np.array([carried[number] for number in used], dtype=np.int64),
        messages=np.array([messages[number] for number in used], dtype=np.int64),
        busy_ps=np.array([round(carried[number] / rates[number] * PS_PER_S) for number in used], dtype=np.int64),
        queueing_ps=np.full(len(used), NO_TIME, dtype=np.int64),
    )
