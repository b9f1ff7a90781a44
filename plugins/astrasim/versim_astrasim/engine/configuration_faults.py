"""Collecting what is wrong with a configuration file, so that everything is said at once.

The original stops at the first thing it cannot read: it *refuses* a value that is not allowed (a non-zero exit status)
and *aborts* on a value of the wrong type. Which of the two it would do is kept beside the faults.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from versim import FaultsError, did_you_mean

from versim_astrasim.engine.outcome import Status

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
"""Most whole numbers of the original's files are of 32 bits; what becomes of others depends on its compiler."""

UINT64_MAX = 2**64 - 1

_MOST_SHOWN = 120


def shown(value: object) -> str:
    """A value for people, cut short; a file can hold anything."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # thousands of digits, or lists in lists
        return f"<a {type(value).__name__} too long to print>"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def finite(value: object) -> float | None:
    """A number as a double (a boolean counts as 0 or 1), None for what is none or does not fit."""
    if not isinstance(value, bool | int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def number_in_text(text: str) -> float | None:
    """The decimal number a text consists of, None if it is no such text."""
    return finite(float(text)) if re.fullmatch(r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?", text) else None


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
        self.add(f"{key}: {shown(value)} is not {allowed}", Status.ABORTED)

    def add_value(self, key: str, value: object, allowed: str) -> None:
        """Note a value that is not allowed, which the original refuses."""
        self.add(f"{key}: {shown(value)} is not {allowed}")

    def add_unknown(self, key: str, value: str, known: Iterable[str]) -> None:
        """Note a name that is none of the known ones, which the original refuses."""
        self.add(f"{key}: {shown(value)} is unknown{did_you_mean(value[:_MOST_SHOWN], known)}")

    def mapping(self, content: object) -> Mapping[str, Any]:
        """The file's content, which has to be an object.

        Raises:
            ConfigurationError: If it is something else.
        """
        if not isinstance(content, Mapping):
            self.add_type("the whole file", content, "an object of keys and values")
            self.check()
            return {}
        return content

    def number(self, key: str, value: object) -> float:
        """A number; booleans count as 0 and 1."""
        number = finite(value)
        if number is None:
            self.add_type(key, value, "a finite number")
            return 0.0
        return number

    def integer(self, key: str, value: object, lowest: int = INT32_MIN, highest: int = INT32_MAX) -> int:
        """A number, truncated as the original does."""
        number = finite(value)
        whole = int(value) if number is not None and isinstance(value, bool | int | float) else None
        if whole is None or not lowest <= whole <= highest:
            self.add_type(key, value, f"a number from {lowest} to {highest}")
            return 0
        return whole

    def check(self) -> None:
        """Raise if there are any.

        Raises:
            ConfigurationError: With all faults.
        """
        if self._faults:
            raise ConfigurationError(self.subject, self._faults, self._original or Status.REFUSED)


def ignored_keys(mapping: Mapping[str, Any], known: Iterable[str], expected: Iterable[str] = ()) -> tuple[str, ...]:
    """Warnings of keys the original ignores in silence.

    Args:
        mapping: The file's content.
        known: Keys it reads.
        expected: Keys it ignores, but that its own examples carry.
    """
    known = tuple(known)
    return tuple(
        f"{shown(key)[1:-1] if isinstance(key, str) else shown(key)}: unknown key, without effect"
        f"{did_you_mean(str(key)[:_MOST_SHOWN], known)}"
        for key in mapping
        if key not in known and key not in tuple(expected)
    )
