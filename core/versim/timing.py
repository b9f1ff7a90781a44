"""Timings: seconds for compute work on a device, and for a communication alone on the network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from versim.system import Device, Message, System
from versim.work import DeviceTerm

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ComputeTiming(Protocol):
    """Seconds that compute takes on a device."""

    def times_s(self, terms: Sequence[DeviceTerm], device: Device) -> NDArray[np.float64]:
        """Seconds of each term, alone on the device; shape (terms,). Rows are distinct."""
        ...


class NetworkTiming(Protocol):
    """Seconds that a communication takes, alone on the network."""

    def times_s(self, messages: Sequence[Message], system: System) -> NDArray[np.float64]:
        """Seconds of each message; shape (messages,). Rows are distinct.

        Raises:
            UnsupportedGraphError: A kind or algorithm this timing does not model.
        """
        ...
