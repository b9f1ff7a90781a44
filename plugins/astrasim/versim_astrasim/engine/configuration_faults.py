"""Collecting what is wrong with a configuration file, so that everything is said at once.

The original stops at the first thing it cannot read: it *refuses* a value that is not allowed (a non-zero exit status)
and *aborts* on a value of the wrong type. Which of the two it would do is kept beside the faults.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from versim import FaultsError

from versim_astrasim.engine.outcome import Status


class ConfigurationError(FaultsError):
    """A configuration file the original does not run with.

    Attributes:
        original: What the original does: :attr:`~.Status.REFUSED` or :attr:`~.Status.ABORTED`.
    """

    def __init__(self, subject: str, faults: Sequence[str], original: Status = Status.REFUSED) -> None:
        super().__init__(subject, faults)
        self.args = (subject, tuple(faults), original)
        self.original = original


class Faults:
    """The faults of one file, in the order the original reads it.

    Attributes:
        subject: Which file.
    """

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self._faults: list[str] = []
        self._original: Status | None = None

    def add(self, text: str, original: Status = Status.REFUSED) -> None:
        """Note a fault."""
        self._faults.append(text)
        self._original = self._original or original

    def add_type(self, key: str, value: object, allowed: str) -> None:
        """Note a value of the wrong type, which the original aborts on."""
        self.add(f"{key}: {value!r} is not {allowed}", Status.ABORTED)

    def add_value(self, key: str, value: object, allowed: str) -> None:
        """Note a value that is not allowed, which the original refuses."""
        self.add(f"{key}: {value!r} is not {allowed}")

    def number(self, key: str, value: object) -> float:
        """A number; booleans count as 0 and 1."""
        if isinstance(value, bool | int | float) and math.isfinite(value):
            return value
        self.add_type(key, value, "a finite number")
        return 0

    def integer(self, key: str, value: object) -> int:
        """A number, truncated as the original does."""
        return int(self.number(key, value))

    def check(self) -> None:
        """Raise if there are any.

        Raises:
            ConfigurationError: With all faults.
        """
        if self._faults:
            raise ConfigurationError(self.subject, self._faults, self._original or Status.REFUSED)
