"""The timing model ``alpha-beta``: latency plus bytes over bandwidth, whatever the network looks like.

The simplest answer there is, to hold richer ones against: it knows the link of the parallelism a message runs along,
no topology and no contention.
"""

# ruff: noqa: RUF009 - option() is attrs.field() with a help text
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import ComputeTiming, Message, NetworkTiming, System, UnsupportedGraphError, did_you_mean, option

from versim_basics.closed_forms import Algorithm, cost, kinds_of


def _finite(*least: Any) -> Any:
    return attrs.validators.optional([*least, attrs.validators.lt(float("inf"))])


@attrs.frozen(kw_only=True)
class AlphaBetaOptions:
    """Options of the timing model ``alpha-beta``."""

    algorithm: Algorithm = option(
        Algorithm.RING,
        converter=Algorithm,
        help="for collectives that name none: ring, direct, halving_doubling or tree (binomial)",
    )
    alpha_s: float | None = option(
        None,
        validator=_finite(attrs.validators.ge(0)),
        help="seconds before a message's first byte; the link's latency unless given",
    )
    bandwidth_bytes_per_s: float | None = option(
        None,
        validator=_finite(attrs.validators.gt(0)),
        help="bytes per second a rank sends; the link's bandwidth unless given",
    )


@attrs.frozen
class AlphaBetaNetwork:
    """Seconds that a communication takes alone; see :mod:`versim_basics.closed_forms`."""

    options: AlphaBetaOptions

    def times_s(self, messages: Sequence[Message], system: System) -> NDArray[np.float64]:
        """Seconds of each message over the link of its axis; shape (messages,).

        Raises:
            UnsupportedGraphError: An algorithm without a closed form for that kind or number of ranks.
        """
        return np.array([self._time_s(message, system) for message in messages], dtype=np.float64)

    def _time_s(self, message: Message, system: System) -> float:
        link = system.link(message.axis)
        given = self.options
        alpha_s = link.latency_s if given.alpha_s is None else given.alpha_s
        bandwidth = given.bandwidth_bytes_per_s
        if bandwidth is None:
            bandwidth = link.bandwidth_bytes_per_s
        algorithm = _algorithm(message, given.algorithm)
        found = cost(algorithm, message.kind, message.participants)
        if found is None:
            raise UnsupportedGraphError(_unsupported(message, algorithm))
        return found.rounds * alpha_s + found.volume * message.size_bytes / bandwidth


def _algorithm(message: Message, default: Algorithm) -> Algorithm:
    if not message.algorithm:
        return default
    try:
        return Algorithm(message.algorithm)
    except ValueError:
        hint = did_you_mean(message.algorithm, [algorithm.value for algorithm in Algorithm])
        raise UnsupportedGraphError(
            f"alpha-beta has no closed form of the algorithm {message.algorithm!r} that the graph asks for{hint}"
        ) from None


def _unsupported(message: Message, algorithm: Algorithm) -> str:
    what = f"{message.kind.value} of {message.size_bytes} bytes over {message.participants} ranks"
    if message.kind in kinds_of(algorithm):
        return f"alpha-beta: {algorithm.value} needs a power of two of ranks, got {what}; use algorithm: ring"
    return f"alpha-beta: {algorithm.value} does not do this: {what}; use algorithm: ring"


@attrs.frozen
class AlphaBeta:
    """The timing model ``alpha-beta``; it times communication only."""

    name: str = "alpha-beta"
    options: type[AlphaBetaOptions] = AlphaBetaOptions

    def compute(self, options: AlphaBetaOptions) -> ComputeTiming | None:  # noqa: ARG002 - the protocol's
        """None: what compute takes is another model's business."""
        return None

    def network(self, options: AlphaBetaOptions) -> NetworkTiming:
        """The closed forms with these options."""
        return AlphaBetaNetwork(options)
