"""What ASTRA-sim's clock can count: nanoseconds in 64 bits, without a sign and without a check.

The original turns bytes ÷ bandwidth into an integer that wraps, so that 1 TiB over 1 byte/s takes 1.5 s instead of
fifty thousand years. The embedded engine does as the original does; the backend refuses what would come to that.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from versim import NS_PER_S, PS_PER_NS, UnsupportedGraphError

from versim_astrasim.step.configuration import Network

MOST_NS = 2**63
"""Half of what 64 bits hold: sums of two still fit."""

LONGEST_NS = (2**63 - 1) // PS_PER_NS
"""What 64 bits hold in picoseconds: 106 days."""

_GIB = 2**30


def refuse_wrapping(
    size_bytes: NDArray[np.int64],
    participants: NDArray[np.int64],
    network: Network,
    name: Callable[[int], str],
    compute_ns: int = 0,
) -> None:
    """Refuse communications that may take longer than the clock can count.

    A collective of p ranks takes at most 2 (p − 1) rounds of a p-th of its bytes each, whatever the algorithm, and a
    message its bytes once; what comes after one another adds up. So do the bytes of all ranks on one link.

    Args:
        size_bytes: (communications,).
        participants: (communications,).
        network: What they cross.
        name: Names a communication in the message.
        compute_ns: Of all nodes in all.

    Raises:
        UnsupportedGraphError: Naming the first communication with which the sum is too long or too many bytes.
    """
    slowest_bytes_per_ns = min(network.bandwidth_gib_per_s) * _GIB / NS_PER_S
    # Of a bandwidth that double precision takes for 0, infinity: it is refused like any time that is too long.
    with np.errstate(divide="ignore", over="ignore"):
        alone_ns = 2 * (size_bytes / slowest_bytes_per_ns + participants * sum(network.latency_ns))
        total_ns = compute_ns + np.cumsum(alone_ns)
    carried_bytes = network.rank_count * np.cumsum(2.0 * size_bytes)
    heavy = np.flatnonzero(carried_bytes >= 2**63)
    if len(heavy):
        first = int(heavy[0])
        raise UnsupportedGraphError(
            f"with {name(first)} of {size_bytes[first]} bytes {network.rank_count} ranks may send "
            f"{carried_bytes[first]:.3g} bytes over one link, more than 64 bits count; look for a wrong unit"
        )
    long = np.flatnonzero(~(total_ns < MOST_NS))
    if not len(long):
        return
    first = int(long[0])
    sum_s, rate = total_ns[first] / NS_PER_S, slowest_bytes_per_ns * NS_PER_S
    raise UnsupportedGraphError(
        f"{name(first)} of {size_bytes[first]} bytes may take {alone_ns[first] / NS_PER_S:.3g} s over the slowest link "
        f"({rate:.3g} bytes/s), {sum_s:.3g} s with what comes before it. ASTRA-sim counts nanoseconds in 64 bits, "
        "whose arithmetic wraps there, and would answer with a time that is far too short; look for a wrong unit, or "
        "use another simulator"
    )
