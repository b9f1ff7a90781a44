"""The network file of the original, typed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from versim_astrasim.engine.configuration_faults import (
    INT32_MAX,
    INT32_MIN,
    Faults,
    finite,
    ignored_keys,
    number_in_text,
    shown,
)
from versim_astrasim.engine.outcome import Status
from versim_astrasim.engine.topologies import LINKED_TOPOLOGIES, RAPID_LLM_TOPOLOGIES
from versim_astrasim.engine.variant import Variant
from versim_astrasim.engine.wiring import Wiring

_LEGAL: Mapping[str, tuple[str, Callable[[float], bool]]] = {
    "npus_count": ("an integer larger than 1", lambda value: value > 1),
    "bandwidth": ("a number larger than 0", lambda value: value > 0),
    "latency": ("a number of at least 0", lambda value: value >= 0),
}

_KEYS = ("topology", "npus_count", "bandwidth", "latency")

FAULTY_LINKS = "faulty_links"
_FAULTY_LINK_LENGTH = 3

MOST_RANKS = 1 << 22
"""More have no traces anywhere, and their figures no room."""


@attrs.frozen(kw_only=True)
class NetworkConfig:
    """A network: one entry per dimension in every list, dimension 0 first (its ranks are neighbours in number).

    Attributes:
        topology: ``Ring``, ``FullyConnected`` or ``Switch``; of the fork also its own.
        npus_count: Ranks along the dimension.
        bandwidth_gib_per_s: Bandwidth of each link. The original writes GB/s and means 2^30 bytes.
        latency_ns: Latency of each link.
        congestion_aware: Whether messages wait for one another on links. ASTRA-sim itself has only one dimension then.
        variant: Which program's network.
        faulty_links: Of the fork: two devices each, and what is left of the bandwidth between them; 0 is broken.
        ways: Of an extended network: the ways between its ranks, see :mod:`.ways`.
        warnings: What was found in the file and has no effect.
    """

    topology: tuple[str, ...]
    npus_count: tuple[int, ...]
    bandwidth_gib_per_s: tuple[float, ...]
    latency_ns: tuple[float, ...]
    congestion_aware: bool = True
    variant: Variant = Variant.ASTRA_SIM
    faulty_links: tuple[tuple[int, int, float], ...] = ()
    ways: Wiring | None = attrs.field(default=None, eq=False, repr=False)
    warnings: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        if (self.variant is Variant.EXTENDED) == (self.ways is None):
            raise ValueError("extended networks, and no others, are given the ways between their ranks")

    @property
    def rank_count(self) -> int:
        """Number of ranks."""
        return math.prod(self.npus_count)

    @classmethod
    def from_mapping(
        cls,
        mapping: Mapping[str, Any],
        *,
        congestion_aware: bool = True,
        variant: Variant = Variant.ASTRA_SIM,
        ways: Wiring | None = None,
    ) -> NetworkConfig:
        """Read the network YAML's mapping as a program reads it.

        Args:
            mapping: ``topology``, ``npus_count``, ``bandwidth`` (GiB/s) and ``latency`` (ns), each a list with one
                entry per dimension. Other keys are ignored, as the original does, with a warning.
            congestion_aware: Which of the two back-ends is meant.
            variant: Which program's network; ``faulty_links`` is a key of the fork.
            ways: Of an extended network, the ways between its ranks.

        Raises:
            ConfigurationError: Naming every key that is missing or malformed, with what is allowed.
        """
        faults = Faults("network configuration")
        mapping = faults.mapping(mapping)
        names = _names(variant)
        columns = {key: _entries(key, mapping.get(key), names, faults) for key in _KEYS}
        nothing = [key for key in _KEYS if not columns[key]]
        for key in nothing:
            # The original reads whatever is no list as an empty one, and refuses that where other lists have entries.
            original = Status.ABORTED if nothing == list(_KEYS) else Status.REFUSED
            faults.add(f"{key}: {shown(mapping.get(key))} is not a list with one entry per dimension", original)
        if not nothing and len({len(column) for column in columns.values()}) > 1:
            lengths = ", ".join(f"{key} {len(column)}" for key, column in columns.items())
            faults.add(f"all lists need one entry per dimension, but their lengths are: {lengths}")
        if congestion_aware and len(columns["topology"]) > 1 and variant is Variant.ASTRA_SIM:
            faults.add_value("topology", columns["topology"], "the one dimension a congestion-aware network can have")
        forked = variant is Variant.RAPID_LLM
        if forked and not congestion_aware:
            faults.add("the congestion-unaware network of the fork is not re-created")
        faulty_links = _faulty_links(mapping.get(FAULTY_LINKS), faults) if forked else ()
        faults.check()
        rank_count = math.prod(int(count) for count in columns["npus_count"])
        if rank_count > MOST_RANKS:
            faults.add_value("npus_count", columns["npus_count"], f"a number of ranks of at most {MOST_RANKS} in all")
            faults.check()
        return cls(
            topology=tuple(columns["topology"]),
            npus_count=tuple(int(count) for count in columns["npus_count"]),
            bandwidth_gib_per_s=tuple(float(bandwidth) for bandwidth in columns["bandwidth"]),
            latency_ns=tuple(float(latency) for latency in columns["latency"]),
            congestion_aware=congestion_aware,
            variant=variant,
            faulty_links=faulty_links,
            ways=ways,
            warnings=ignored_keys(mapping, (*_KEYS, FAULTY_LINKS) if forked else _KEYS),
        )


def _names(variant: Variant) -> tuple[str, ...]:
    return RAPID_LLM_TOPOLOGIES if variant is Variant.RAPID_LLM else tuple(LINKED_TOPOLOGIES)


def _faulty_links(value: object, faults: Faults) -> tuple[tuple[int, int, float], ...]:
    """Entries of at least three numbers; the fork passes over shorter ones."""
    links = []
    for index, entry in enumerate(value if isinstance(value, list | tuple) else ()):
        if not isinstance(entry, list | tuple) or len(entry) < _FAULTY_LINK_LENGTH:
            continue
        one, other, health = (finite(number) for number in entry[:_FAULTY_LINK_LENGTH])
        if one is None or other is None or health is None or int(one) != one or int(other) != other:
            faults.add_type(f"{FAULTY_LINKS}[{index}]", entry, "two devices and what is left of their link's bandwidth")
            continue
        links.append((int(one), int(other), health))
    return tuple(links)


def _entries(key: str, value: object, names: Sequence[str], faults: Faults) -> list[Any]:
    """A list's entries, read the way the original reads them; none for what is no list."""
    if isinstance(value, Mapping) and value:
        faults.add_type(f"{key}[0]", value, "an entry of a list with one entry per dimension")
        return [None]
    if isinstance(value, str) or not isinstance(value, Sequence):
        return []
    return [_entry(f"{key}[{index}]", key, entry, names, faults) for index, entry in enumerate(value)]


def _entry(place: str, key: str, value: object, names: Sequence[str], faults: Faults) -> Any:
    if key == "topology":
        if value == "":
            faults.add_type(place, value, f"one of {', '.join(names)}")
        elif not isinstance(value, str):
            faults.add_value(place, value, f"one of {', '.join(names)}")
        elif value not in names:
            faults.add_unknown(place, value, names)
        return value
    number = number_in_text(value) if isinstance(value, str) else None if isinstance(value, bool) else finite(value)
    if number is not None and key == "npus_count":
        # A number with a point is no integer, even if it is whole.
        whole = isinstance(value, int) or (isinstance(value, str) and value.strip("+-").isdecimal())
        number = number if whole and INT32_MIN <= number <= INT32_MAX else None
    allowed, legal = _LEGAL[key]
    if number is None or not legal(number):
        faults.add_value(place, value, allowed)
    return number
