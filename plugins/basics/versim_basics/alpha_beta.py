"""The timing model ``alpha-beta``: latency plus bytes over bandwidth, dimension by dimension.

The simplest answer there is, to hold richer ones against. A group that crosses several dimensions of the network does
its collective along one after the other, each at the pace of that dimension's links; a group that is no grid does it
in one go, at the pace of the slowest path between two members that follow one another. There is no contention between
communications, but none takes less time than its bytes need across the narrowest part of the network between its
members.
"""

# ruff: noqa: RUF009 - option() is attrs.field() with a help text
from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import (
    GB,
    ComputeTiming,
    Kind,
    Leg,
    Link,
    Message,
    NetworkTiming,
    System,
    UnsupportedGraphError,
    did_you_mean,
    option,
)

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
        help="seconds before a message's first byte; the latency of the path between two members unless given",
    )
    bandwidth_bytes_per_s: float | None = option(
        None,
        validator=_finite(attrs.validators.gt(0)),
        help="bytes per second a rank sends, wherever to; the links' bandwidths unless given",
    )


@attrs.frozen
class AlphaBetaNetwork:
    """Seconds that a communication takes alone; see :mod:`versim_basics.closed_forms`."""

    options: AlphaBetaOptions

    def times_s(self, messages: Sequence[Message], system: System) -> NDArray[np.float64]:
        """Seconds of each message; shape (messages,).

        Raises:
            UnsupportedGraphError: An algorithm without a closed form for that kind or number of ranks.
        """
        known: dict[tuple[object, ...], float] = {}
        times = np.empty(len(messages))
        for place, message in enumerate(messages):
            # Groups that lie alike have the same legs and cuts; ends of a message are told apart by their path.
            alike = len(message.ranks) >= 2 and message.kind is not Kind.POINT_TO_POINT
            lies = system.fabric.signature(message.ranks) if alike else message.ranks
            key = (message.kind, message.size_bytes, message.participants, message.axis, message.algorithm, lies)
            if key not in known:
                known[key] = self._time_s(message, system)
            times[place] = known[key]
        return times

    def network_limits(self, messages: Sequence[Message], system: System) -> list[str]:  # noqa: ARG002 - the protocol's
        """Whether the links' bandwidths were replaced by one that was given."""
        given = self.options.bandwidth_bytes_per_s
        said = "" if given is None else f"a bandwidth of {given / GB:g} GB/s was given, wherever a message goes"
        return [said] * len(messages)

    def _time_s(self, message: Message, system: System) -> float:
        if message.participants < 2:
            return 0.0
        if len(message.ranks) < 2 or message.axis in system.axis_links:
            # Where it lies is not known, or its axis has a network of its own.
            link = system.link(message.axis)
            return self._leg_s(message, message.kind, message.size_bytes, message.participants, link)
        if message.kind is Kind.POINT_TO_POINT:
            link = system.fabric.path_link(*message.ranks)
            return self._leg_s(message, message.kind, message.size_bytes, 2, link)
        legs = system.fabric.legs(message.ranks)
        formula_s = math.fsum(
            self._leg_s(message, part, message.size_bytes / share, leg.size, leg.link)
            for part, share, leg in _one_after_the_other(message.kind, legs)
        )
        if self.options.bandwidth_bytes_per_s is not None:
            return formula_s
        return max(formula_s, system.fabric.least_time_s(message.kind, message.size_bytes, message.ranks))

    def _leg_s(self, message: Message, kind: Kind, size_bytes: float, participants: int, link: Link) -> float:
        """Seconds of a communication between some ranks that all have the same link."""
        given = self.options
        alpha_s = link.latency_s if given.alpha_s is None else given.alpha_s
        bandwidth = given.bandwidth_bytes_per_s or link.bandwidth_bytes_per_s
        algorithm = _algorithm(message, given.algorithm)
        found = cost(algorithm, kind, participants)
        if found is None:
            raise UnsupportedGraphError(_unsupported(message, algorithm, participants))
        return found.rounds * alpha_s + found.volume * size_bytes / bandwidth


def _one_after_the_other(kind: Kind, legs: Sequence[Leg]) -> Iterator[tuple[Kind, int, Leg]]:
    """A collective as one along each leg: its kind, by how much its tensor is smaller, and the leg.

    Inwards scattered tensors are smaller outside: an all-reduce scatters leg by leg and gathers its way back.
    """
    inside = list(itertools.accumulate((leg.size for leg in legs[:-1]), operator.mul, initial=1))
    if kind is Kind.ALL_REDUCE:
        yield from ((Kind.REDUCE_SCATTER, share, leg) for share, leg in zip(inside[:-1], legs[:-1], strict=True))
        yield kind, inside[-1], legs[-1]
        yield from ((Kind.ALL_GATHER, share, leg) for share, leg in zip(inside[:-1], legs[:-1], strict=True))
    elif kind in (Kind.ALL_GATHER, Kind.REDUCE_SCATTER):
        yield from ((kind, share, leg) for share, leg in zip(inside, legs, strict=True))
    else:
        # Every leg sees everything: an all-to-all passes on what others are meant to have, a broadcast all it got.
        yield from ((kind, 1, leg) for leg in legs)


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


def _unsupported(message: Message, algorithm: Algorithm, participants: int) -> str:
    what = f"{message.kind.value} of {message.size_bytes} bytes over {message.participants} ranks"
    if participants != message.participants:
        what += f", {participants} of them along one dimension"
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
