"""Timings: seconds for compute work on a device, and for a communication alone on the network.

A timing may decline a row with NaN: it was not measured there, or has no formula for it. In a chain of timings the
first that does not decline answers. A timing that can say where its seconds come from has ``origins`` besides
(:class:`ComputeOrigins`, :class:`NetworkOrigins`); the seconds of one that cannot are modelled by its name.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import attrs

from versim.work import DeviceTerm

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from versim.fabric import Device, Message, System


class ComputeTiming(Protocol):
    """Seconds that compute takes on a device."""

    def times_s(self, terms: Sequence[DeviceTerm], device: Device) -> NDArray[np.float64]:
        """Seconds of each term, alone on the device, NaN where declined; shape (terms,). Rows are distinct."""
        ...


class NetworkTiming(Protocol):
    """Seconds that a communication takes, alone on the network."""

    def times_s(self, messages: Sequence[Message], system: System) -> NDArray[np.float64]:
        """Seconds of each message, NaN where declined; shape (messages,). Rows are distinct.

        Raises:
            UnsupportedGraphError: A kind or algorithm this timing does not model. In a chain, the next is asked.
        """
        ...


class Source(enum.StrEnum):
    """How a second is known, the firmest ground first."""

    MEASURED = "measured"
    """Of this very row, on this device."""
    INTERPOLATED = "interpolated"
    """Between measured rows."""
    SATURATED = "saturated"
    """Beyond the largest measured row, with its efficiency held."""
    MODELLED = "modelled"
    """By a formula."""


@attrs.frozen
class Origin:
    """Where the seconds of a row come from.

    Attributes:
        source: How they are known.
        by: Who says so, e.g. ``roofline``.
        detail: For people, e.g. between which rows; equal rows should say it alike, for it is summed over.
    """

    source: Source = attrs.field(converter=Source)
    by: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.source.value} by {self.by}" + (f" ({self.detail})" if self.detail else "")


@attrs.frozen
class OriginShare:
    """How many of a step's seconds have one origin.

    Attributes:
        role: ``compute``, ``folded`` (communication inside compute nodes) or ``borrowed`` (of another simulation).
        origin: Where they come from.
        seconds: Summed over nodes and the ranks they stand on.
    """

    role: str
    origin: Origin
    seconds: float


@runtime_checkable
class ComputeOrigins(Protocol):
    """A compute timing that says where its seconds come from."""

    def origins(self, terms: Sequence[DeviceTerm], device: Device) -> Sequence[Origin]:
        """The origin of each term that ``times_s`` does not decline; of what it declines, the detail may say why."""
        ...


@runtime_checkable
class NetworkLimits(Protocol):
    """A network timing that says what of a network it does not model."""

    def network_limits(self, messages: Sequence[Message], system: System) -> Sequence[str]:
        """What it does not model of each message's network, e.g. ``measured on one node``; "" where it models it all.

        Asked where a time could not be that of the network; what is declared is said and is no failure.
        """
        ...


@runtime_checkable
class NetworkOrigins(Protocol):
    """A network timing that says where its seconds come from."""

    def origins(self, messages: Sequence[Message], system: System) -> Sequence[Origin]:
        """The origin of each message that ``times_s`` does not decline; of what it declines, the detail may say why."""
        ...
