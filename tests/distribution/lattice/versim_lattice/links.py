"""The network timing ``lattice-links``: a message crosses one link after the other, stored and forwarded."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import ComputeTiming, Kind, Message, NetworkTiming, System, UnsupportedGraphError, option


@attrs.frozen(kw_only=True)
class LinksOptions:
    """Options of the timing model ``lattice-links``."""

    per_hop_s: float = option(1e-6, validator=attrs.validators.ge(0), help="seconds in each switch")


@attrs.frozen
class LatticeNetwork:
    """Seconds from hops."""

    options: LinksOptions

    def times_s(self, messages: Sequence[Message], system: System) -> NDArray[np.float64]:
        """Seconds of each message."""
        return np.array([self._time_s(message, system) for message in messages], dtype=np.float64)

    def _time_s(self, message: Message, system: System) -> float:
        link = system.link(message.axis, message.ranks)
        hop_s = self.options.per_hop_s + link.latency_s + message.size_bytes / link.bandwidth_bytes_per_s
        if message.kind is Kind.POINT_TO_POINT:
            source, target = message.ranks
            return abs(target - source) * hop_s
        if message.kind is Kind.ALL_REDUCE:
            return 2 * (message.participants - 1) * hop_s
        raise UnsupportedGraphError(f"lattice-links does not time {message.kind.value}; use another network timing")


@attrs.frozen
class LatticeLinks:
    """The timing model ``lattice-links``."""

    name: str = "lattice-links"
    options: type[LinksOptions] = LinksOptions

    def compute(self, options: LinksOptions) -> ComputeTiming | None:  # noqa: ARG002 - the protocol's
        """None: sweeps are of fixed duration."""
        return None

    def network(self, options: LinksOptions) -> NetworkTiming:
        """Hops with these options."""
        return LatticeNetwork(options)
