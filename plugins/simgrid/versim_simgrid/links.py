"""What each link carried, and the prediction that says so."""

from __future__ import annotations

import attrs
from versim import NO_TIME, PS_PER_S, Prediction

from versim_simgrid.fabric import Fabric
from versim_simgrid.program import Tasks
from versim_simgrid.times import Times
from versim_simgrid.worker import MESSAGE

MOST_NAMED = 3


@attrs.frozen(kw_only=True)
class LinkLoad:
    """What one directed link carried in the step.

    Attributes:
        name: Which link, e.g. ``d0 3→4`` (dimension 0, from rank 3 to rank 4).
        bandwidth_bytes_per_s: What it can carry.
        carried_bytes: What it carried.
        messages: In how many messages.
        utilization: Carried over what it could have carried in the whole step, 0 to 1.
    """

    name: str
    bandwidth_bytes_per_s: float
    carried_bytes: int
    messages: int
    utilization: float


@attrs.frozen(eq=False, kw_only=True)
class SimGridPrediction(Prediction):
    """A prediction with link loads.

    Attributes:
        links: Every link that carried something, in order of first use.
    """

    links: tuple[LinkLoad, ...] = ()


def link_loads(tasks: Tasks, fabric: Fabric, times: Times, bandwidth_factor: float) -> tuple[LinkLoad, ...]:
    """Bytes over each link of the messages that arrived."""
    carried, messages = [0] * len(fabric.links), [0] * len(fabric.links)
    for kind, amount, place, end_ps in zip(tasks.kind, tasks.amount, tasks.place, times.end_ps, strict=True):
        if kind == MESSAGE and end_ps != NO_TIME:
            for link in fabric.routes[place][2]:
                carried[link] += amount
                messages[link] += 1
    step_s = max(times.end_ps, default=0) / PS_PER_S
    return tuple(
        LinkLoad(
            name=link.name,
            bandwidth_bytes_per_s=link.bandwidth_bytes_per_s,
            carried_bytes=carried[number],
            messages=messages[number],
            utilization=carried[number] / (link.bandwidth_bytes_per_s * bandwidth_factor * step_s) if step_s else 0.0,
        )
        for number, link in enumerate(fabric.links)
        if messages[number]
    )


def shown(links: tuple[LinkLoad, ...]) -> str:
    """The busiest links in one line, for a prediction's provenance."""
    if not links:
        return "no link carried anything"
    busiest = sorted(links, key=lambda link: (-link.utilization, link.name))[:MOST_NAMED]
    named = ", ".join(f"{link.name} {100 * link.utilization:.3g} % ({link.carried_bytes:,} bytes)" for link in busiest)
    return f"{len(links)} links used; busiest: {named}"
