"""The timing model ``loggp``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import (
    ComputeTiming,
    Kind,
    Message,
    NetworkTiming,
    System,
    UnsupportedGraphError,
    VersimError,
    option,
)
from versim.schedules import ALGORITHMS, collective_rounds

from versim_loggp.parameters import Parameters


@attrs.frozen(kw_only=True)
class LogGPOptions:
    """Options of the timing model ``loggp``."""

    overhead_s: float = option(
        1e-6, validator=attrs.validators.ge(0), help="o: seconds a processor is busy to send or to receive a message"
    )
    gap_s: float = option(
        1e-6, validator=attrs.validators.ge(0), help="g: least seconds between two messages of one processor"
    )
    latency_s: float | None = option(
        None, validator=attrs.validators.optional(attrs.validators.ge(0)), help="L: seconds; the link's unless given"
    )
    gap_per_byte_s: float | None = option(
        None,
        validator=attrs.validators.optional(attrs.validators.gt(0)),
        help="G: seconds per byte; one over the link's bandwidth unless given",
    )
    algorithm: str = option(
        "ring",
        validator=attrs.validators.in_(ALGORITHMS),
        help="for collectives that name none: ring, direct, halving_doubling or double_binary_tree",
    )


@cache
def rounds_of(algorithm: str, kind: Kind, size_bytes: int, participants: int) -> tuple[tuple[int, ...], ...]:
    """Per round, the sizes of the messages of the rank that sends or receives most of it, in bytes."""
    busiest = []
    for wave in collective_rounds(algorithm, kind, size_bytes, participants):
        handled: dict[tuple[str, int], list[int]] = {}
        for transfer in wave:
            handled.setdefault(("sends", transfer.source), []).append(transfer.size_bytes)
            handled.setdefault(("receives", transfer.target), []).append(transfer.size_bytes)
        most = max(handled.values(), key=_load)
        busiest.append(tuple(most))
    return tuple(busiest)


def _load(sizes_bytes: list[int]) -> tuple[int, int]:
    return len(sizes_bytes), sum(sizes_bytes)


@attrs.frozen
class LogGPNetwork:
    """Seconds of each message: its rounds, one after the other."""

    options: LogGPOptions

    def times_s(self, messages: Sequence[Message], system: System) -> NDArray[np.float64]:
        """Seconds of each message; shape (messages,).

        Raises:
            UnsupportedGraphError: An algorithm that does not do this collective.
        """
        return np.array([self._time_s(message, system) for message in messages], dtype=np.float64)

    def _time_s(self, message: Message, system: System) -> float:
        parameters = self.parameters(message, system)
        if message.kind is Kind.POINT_TO_POINT:
            return parameters.messages_s([message.size_bytes])
        algorithm = message.algorithm or self.options.algorithm
        try:
            rounds = rounds_of(algorithm, message.kind, message.size_bytes, message.participants)
        except VersimError as error:
            raise UnsupportedGraphError(f"loggp: {error}") from error
        return sum(parameters.messages_s(sizes_bytes) for sizes_bytes in rounds)

    def parameters(self, message: Message, system: System) -> Parameters:
        """The link that a message runs on, in LogGP's terms."""
        link, given = system.link(message.axis, message.ranks), self.options
        per_byte_s = given.gap_per_byte_s
        return Parameters(
            latency_s=link.latency_s if given.latency_s is None else given.latency_s,
            overhead_s=given.overhead_s,
            gap_s=given.gap_s,
            gap_per_byte_s=1 / link.bandwidth_bytes_per_s if per_byte_s is None else per_byte_s,
        )


@attrs.frozen
class LogGP:
    """The timing model ``loggp``; it times communication only."""

    name: str = "loggp"
    options: type[LogGPOptions] = LogGPOptions

    def compute(self, options: LogGPOptions) -> ComputeTiming | None:  # noqa: ARG002 - the protocol's
        """None: what compute takes is another model's business."""
        return None

    def network(self, options: LogGPOptions) -> NetworkTiming | None:
        """LogGP with these options."""
        return LogGPNetwork(options)
