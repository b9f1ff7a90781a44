"""The network as everybody gets it: no communication faster than the wires, each slower when they are narrower.

For a backend it is a check of the kit; :func:`network_faults` does the same for a network timing by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from versim.asking.network import deviations_of
from versim.comparison.wires import Deviation, check_of, deviations
from versim.errors import UnsupportedGraphError
from versim.fabric import Device, Dimension, Link, Message, System, Topology
from versim.graph import GraphBuilder
from versim.mesh import Mesh
from versim.pinning import pin
from versim.testing.check import NotClaimedError, Outcome, check, holds
from versim.testing.subject import BANDWIDTH_BYTES_PER_S, LATENCY_S, Subject
from versim.timing import NetworkLimits, NetworkTiming
from versim.work import Kind

SIZE_BYTES = 24_000_000
INNER, OUTER = 4, 2
WIDER = 8
"""How many times wider links are within a node than between nodes."""

KINDS = (Kind.ALL_REDUCE, Kind.ALL_GATHER, Kind.REDUCE_SCATTER, Kind.ALL_TO_ALL, Kind.POINT_TO_POINT)
_GROUPS = {"tp": (0, 1, 2, 3), "dp": (0, 4)}


def nodes(topology: Topology, device: Device) -> System:
    """Two nodes of four, eight times wider within than between them."""
    links = [Link(bandwidth_bytes_per_s=wider * BANDWIDTH_BYTES_PER_S, latency_s=LATENCY_S) for wider in (WIDER, 1)]
    sizes = (INNER, OUTER)
    made = tuple(Dimension(topology=topology, size=size, link=link) for size, link in zip(sizes, links, strict=True))
    return System(dimensions=made, device=device)


def _messages(kinds: Sequence[Kind]) -> list[Message]:
    """Each kind within a node and between nodes."""
    found = []
    for axis, ranks in _GROUPS.items():
        for kind in kinds:
            group = ranks[:2] if kind is Kind.POINT_TO_POINT else ranks
            found.append(Message(kind, SIZE_BYTES, len(group), axis, group))
    return found


@check("law", "the wires", "a communication alone takes what its bytes need across the network, and feels it narrower")
def the_wires(subject: Subject) -> Outcome:
    """Within a node and between nodes; what is declared as not modelled is allowed."""
    kinds = [kind for kind in KINDS if kind in subject.claims.kinds]
    if not kinds:
        raise NotClaimedError("no communication is claimed")
    if subject.claims.dimensions < 2:
        raise NotClaimedError("2 network dimensions are not claimed")
    system = nodes(subject.topology(), subject.claims.device or Device(name="conformance"))
    builder = GraphBuilder(Mesh.of(dp=OUTER, tp=INNER))
    builder.compute("nothing", ())
    request = subject.request(pin(builder.build(), system, label="conformance"))
    found = deviations_of(subject.backend, _messages(kinds), request)
    return holds(not _undeclared(found), "times that its network can have", _told(found, system))


def network_faults(timing: NetworkTiming, kinds: Sequence[Kind] = KINDS, device: Device | None = None) -> list[str]:
    """What a network timing answers that no network of the links it was given could; one sentence each.

    Tried on two nodes of four, on every topology. Kinds that it refuses or declines are passed over, and so is what it
    declares with ``network_limits``.

    Args:
        timing: The timing.
        kinds: Communications it is to be tried on.
        device: The device, for a timing that needs figures of one.
    """
    faults = []
    for topology in Topology:
        system = nodes(topology, device or Device(name="conformance"))
        messages = _messages(kinds)
        found = deviations(messages, system, lambda asked, on: [_seconds(timing, message, on) for message in asked])
        asked: object = timing
        if found and isinstance(asked, NetworkLimits):
            limits = dict(zip(messages, asked.network_limits(messages, system), strict=True))
            found = tuple(attrs.evolve(one, declared=limits[one.message]) for one in found)
        faults += [f"{topology.value}: {check_of([one], 1, system).detail}" for one in _undeclared(found)]
    return faults


def _seconds(timing: NetworkTiming, message: Message, system: System) -> float | None:
    try:
        (seconds,) = np.asarray(timing.times_s([message], system), dtype=np.float64).tolist()
    except UnsupportedGraphError:
        return None
    return None if np.isnan(seconds) else float(seconds)


def _undeclared(found: Sequence[Deviation]) -> list[Deviation]:
    return [deviation for deviation in found if not deviation.declared]


def _told(found: Sequence[Deviation], system: System) -> str:
    return check_of(_undeclared(found), 1, system).detail if _undeclared(found) else "they are"
