"""Times in integer picoseconds, and how long they may be.

Times are int64. Analysis adds up to two of them and compares with a third, so a time has to stay below half of what
int64 holds: 53 days. What is longer is refused with its figure and its node where it comes up, since numpy would wrap
it into a time before the step began.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from versim.errors import VersimError
from versim.units import NS_PER_S, PS_PER_S

LONGEST_PS = 2**62 - 1
"""53.4 days."""

LONGEST_NS = LONGEST_PS * NS_PER_S // PS_PER_S

_SECONDS_PER_DAY = 86_400


class TooLongError(VersimError):
    """A time that is longer than picoseconds are counted.

    Attributes:
        what: What takes so long.
        seconds: How long, in seconds.
    """

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(what, seconds)
        self.what, self.seconds = what, seconds

    def said(self) -> str:
        """What, where and how."""
        most_s = LONGEST_PS / PS_PER_S
        return (
            f"{self.what} {self.seconds:g} s ({self.seconds / _SECONDS_PER_DAY:.4g} days); times are counted in "
            f"picoseconds up to {most_s:.0f} s ({most_s / _SECONDS_PER_DAY:.1f} days). Look for a unit that is wrong: "
            "a bandwidth in GB/s given in bytes/s, or a size in bytes given in GB"
        )


def in_picoseconds(seconds: NDArray[np.float64], what: Callable[[int], str]) -> NDArray[np.int64]:
    """Seconds, of any shape, rounded to int64 picoseconds.

    Args:
        seconds: At least 0.
        what: Says what the entry of an index of the flat array is, for the message: "node 3 ('sum') takes".

    Raises:
        TooLongError: One is longer than :data:`LONGEST_PS`, or not finite.
        ValueError: One is below 0.
    """
    scaled = np.asarray(seconds, dtype=np.float64) * PS_PER_S
    long = ~(scaled <= LONGEST_PS)
    if long.any():
        first = int(np.argmax(long))
        raise TooLongError(what(first), float(np.ravel(seconds)[first]))
    if (scaled < 0).any():
        raise ValueError(f"{what(int(np.argmax(scaled < 0)))} {float(np.ravel(seconds)[np.argmax(scaled < 0)])} s")
    return np.rint(scaled).astype(np.int64)
