"""Values of a JSON document that was written by someone else, each with its place (``$.workloads[0].label``)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import attrs

from versim.errors import VersimError
from versim.plain.json_text import read_json

_SPELT = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


@attrs.frozen
class Value:
    """One value, and where it stands.

    Attributes:
        subject: The file it came from.
        place: Its path in the document.
        content: The value.
    """

    subject: str
    place: str
    content: Any

    def wrong(self, message: str) -> NoReturn:
        """Refuse this value."""
        raise VersimError(f"{self.subject}: {self.place}: {message}")

    def __getitem__(self, key: str) -> Value:
        if not isinstance(self.content, dict):
            self.wrong(f"expected an object, got {_kind(self.content)}")
        if key not in self.content:
            self.wrong(f"{key!r} is missing")
        return self._part(key, self.content[key])

    def optional(self, key: str) -> Value:
        """The value of a key; null where there is none, as in documents of before there was such a key."""
        if not isinstance(self.content, dict):
            self.wrong(f"expected an object, got {_kind(self.content)}")
        return self._part(key, self.content.get(key))

    def _part(self, key: str, content: Any) -> Value:
        return Value(self.subject, f"{self.place}.{key}", content)

    def __iter__(self) -> Iterator[Value]:
        if not isinstance(self.content, list):
            self.wrong(f"expected a list, got {_kind(self.content)}")
        return (Value(self.subject, f"{self.place}[{i}]", item) for i, item in enumerate(self.content))

    def keys(self) -> tuple[str, ...]:
        """The keys of an object."""
        if not isinstance(self.content, dict):
            self.wrong(f"expected an object, got {_kind(self.content)}")
        return tuple(self.content)

    @property
    def missing(self) -> bool:
        """True for null."""
        return self.content is None

    def text(self) -> str:
        """A string."""
        if not isinstance(self.content, str):
            self.wrong(f"expected a string, got {_kind(self.content)}")
        return self.content

    def texts(self) -> tuple[str, ...]:
        """A list of strings."""
        return tuple(item.text() for item in self)

    def mapping(self) -> dict[str, str]:
        """An object whose values are strings."""
        if not isinstance(self.content, dict):
            self.wrong(f"expected an object, got {_kind(self.content)}")
        return {key: self[key].text() for key in self.content}

    def integer(self, lowest: int = 0, highest: int = 2**63 - 1) -> int:
        """A whole number in a range."""
        if type(self.content) is not int:
            self.wrong(f"expected a whole number, got {_kind(self.content)}")
        if not lowest <= self.content <= highest:
            self.wrong(f"expected a number from {lowest} to {highest}, got {self.content}")
        return int(self.content)

    def number(self) -> float:
        """A number; what is not finite is spelt."""
        if self.content is None:
            self.wrong("expected a number, got null")
        return self.optional_number() or 0.0

    def amount(self, highest: float = math.inf) -> float:
        """A finite number from 0 to ``highest``."""
        found = self.number()
        if not 0 <= found <= highest or math.isinf(found):
            most = "" if math.isinf(highest) else f" and at most {highest:g}"
            self.wrong(f"expected a finite number of at least 0{most}, got {self.content!r:.60}")
        return found

    def flag(self) -> bool:
        """A truth value; null is false."""
        if self.content is not None and not isinstance(self.content, bool):
            self.wrong(f"expected a truth value, got {_kind(self.content)}")
        return bool(self.content)

    def one_of(self, known: Iterable[str]) -> str:
        """A string out of a few."""
        allowed = tuple(known)
        if self.text() not in allowed:
            self.wrong(f"expected one of {', '.join(allowed)}, got {self.text()!r:.60}")
        return self.text()

    def optional_number(self) -> float | None:
        """A number, null, or one of the spellings of what is not finite."""
        if self.content is None:
            return None
        if isinstance(self.content, str) and self.content in _SPELT:
            return _SPELT[self.content]
        if isinstance(self.content, bool) or not isinstance(self.content, (int, float)):
            self.wrong(f"expected a number, got {_kind(self.content)}")
        try:
            return float(self.content)
        except OverflowError:
            self.wrong("the number is too large")


def _kind(content: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a truth value", type(None): "null"}
    return names.get(type(content), "a number")


def read_values(path: Path) -> Value:
    """The document in a JSON file.

    Raises:
        UnreadableError: It cannot be read, or is not strict JSON.
    """
    return Value(str(path), "$", read_json(path))
