"""What a backend says it models: claimed things are tested, the others are listed as not claimed.

A backend has an attribute ``claims``: one :class:`Claims`, or several with labels where different options hold
different promises. Without it only what every backend owes is tested.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from versim.errors import VersimError
from versim.fabric import Device, Topology
from versim.work import Kind


class Contention(enum.StrEnum):
    """What two messages on one link at once do to each other."""

    NONE = "none"
    """Nothing: each takes the time it takes alone."""
    QUEUE = "queue"
    """The second waits for the first."""
    SHARE = "share"
    """Each gets half the bandwidth."""


class AllToAll(enum.StrEnum):
    """How a ring does an all-to-all of a buffer S over p ranks with latency α and bandwidth B."""

    AGGREGATED = "aggregated"
    """What has not arrived is passed on in one message: (p−1) α + (p−1)/2 · S/B."""
    SHARDS = "shards"
    """Every shard travels by itself: p (p−1)/2 · (α + S/(p B))."""
    PAIRWISE = "pairwise"
    """Every pair exchanges its shards directly: (p−1) (α + S/(p B))."""


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)


def _kinds(kinds: Iterable[Kind | str]) -> frozenset[Kind]:
    return frozenset(Kind(kind) for kind in kinds)


def _topologies(topologies: Iterable[Topology | str]) -> tuple[Topology, ...]:
    return tuple(Topology(topology) for topology in topologies)


@attrs.frozen(kw_only=True)
class Claims:
    """What a backend models, and under which options.

    Attributes:
        label: Tells several claims of one backend apart.
        kinds: Communications it models.
        topologies: Networks it models; the oracles run on a ring or fully connected ranks.
        algorithms: Collective algorithms that a graph may ask for by name.
        dimensions: The most network dimensions it models.
        contention: What messages on one link do to each other; None claims nothing.
        all_to_all: The closed form of its ring all-to-all; None claims none.
        options: The backend's options under which all this holds, as a scenario gives them.
        network: The timing model that drives it, where it is driven by one; "" is its own choice.
        network_options: That timing model's options.
        device: The device it is to run on, where it needs figures of one.
        tolerance: Relative error of times against closed forms.
        grain_s: Seconds that each message may differ besides, e.g. because a simulator counts whole nanoseconds.
        differs: Name of a check ─▶ why the backend is known to fail it. The check still runs; passing it is a fault.
    """

    label: str = ""
    kinds: frozenset[Kind] = attrs.field(default=(), converter=_kinds)
    topologies: tuple[Topology, ...] = attrs.field(default=(), converter=_topologies)
    algorithms: tuple[str, ...] = attrs.field(default=(), converter=_names)
    dimensions: int = 1
    contention: Contention | None = attrs.field(default=None, converter=attrs.converters.optional(Contention))
    all_to_all: AllToAll | None = attrs.field(default=None, converter=attrs.converters.optional(AllToAll))
    options: Mapping[str, Any] = attrs.field(factory=dict)
    network: str = ""
    network_options: Mapping[str, Any] = attrs.field(factory=dict)
    device: Device | None = None
    tolerance: float = 1e-9
    grain_s: float = 0.0
    differs: Mapping[str, str] = attrs.field(factory=dict)


def claims_of(backend: object) -> tuple[Claims, ...]:
    """What a backend claims; a single empty claim if it says nothing.

    Raises:
        VersimError: Its attribute ``claims`` is something else.
    """
    stated = getattr(backend, "claims", None)
    if stated is None:
        return (Claims(),)
    several = (stated,) if isinstance(stated, Claims) else stated
    if not (isinstance(several, Sequence) and several and all(isinstance(claims, Claims) for claims in several)):
        raise VersimError(
            f"claims of {getattr(backend, 'name', backend)!r} must be a Claims or several, got {stated!r}"
        )
    return tuple(several)
