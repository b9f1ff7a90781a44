"""Taking values out of plain data by path, and remembering everything that is wrong with them.

A :class:`Document` checks each value as it is taken and goes on after a fault, so that all faults of a file are
reported at once. An attrs class whose fields are made with :func:`checked` can be taken as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import attrs
from versim import FaultsError, did_you_mean

Key = str | int
KeyPath = tuple[Key, ...]
Spec = TypeVar("Spec")

_MISSING = object()
_LARGEST = 1e30
_SMALLEST = 1e-30
"""No quantity of a device or model is beyond these; products of several then stay finite and above 0."""
Check = Callable[[object], Any]
"""Returns the checked value; raises ``ValueError`` with what was expected."""


def _finite(value: object, expected: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(expected)  # noqa: TRY004  # one kind of answer for one kind of check
    if not -_LARGEST <= value <= _LARGEST:  # also refuses NaN, and whole numbers no float can hold
        raise ValueError(expected)
    return value


def positive(value: object) -> float:
    """A finite number above 0."""
    given = _finite(value, "a finite number above 0")
    if given < _SMALLEST:
        raise ValueError("a finite number above 0")
    return given


def not_negative(value: object) -> float:
    """A finite number of at least 0."""
    given = _finite(value, "a finite number of at least 0")
    if given < 0:
        raise ValueError("a finite number of at least 0")
    return given


def share(value: object) -> float:
    """A number above 0 and at most 1."""
    given = _finite(value, "a number above 0 and at most 1")
    if not 0 < given <= 1:
        raise ValueError("a number above 0 and at most 1")
    return given


def share_or_zero(value: object) -> float:
    """A number from 0 to 1."""
    given = _finite(value, "a number from 0 to 1")
    if not 0 <= given <= 1:
        raise ValueError("a number from 0 to 1")
    return given


def count(value: object) -> int:
    """A whole number of at least 1."""
    given = _finite(value, "a whole number of at least 1")
    if given < 1 or given != math.floor(given):
        raise ValueError("a whole number of at least 1")
    return int(given)


def number(value: object) -> float:
    """Any finite number."""
    return _finite(value, "a finite number")


def flag(value: object) -> bool:
    """``true`` or ``false``."""
    if not isinstance(value, bool):
        raise ValueError("true or false")  # noqa: TRY004  # the message is what the user reads
    return value


def text(value: object) -> str:
    """A non-empty string."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text")
    return value


def one_of(*choices: str) -> Check:
    """A check for one of some words."""

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return value

    return check


def checked(check: Check, *, optional: bool = False) -> Any:
    """An attrs field that :meth:`Document.structure` fills; an optional one is ``None`` when not given."""
    metadata = {"check": check, "optional": optional}
    return attrs.field(default=None, metadata=metadata) if optional else attrs.field(metadata=metadata)


def written(path: KeyPath) -> str:
    """A path as faults spell it: ``$.memory[1].latency_s``."""
    return "$" + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)


class Document:
    """Plain data under inspection.

    Attributes:
        content: The data.
        subject: What it is, for the error.
        faults: What is wrong with it so far.
    """

    def __init__(self, content: object, subject: str) -> None:
        self.content = content
        self.subject = subject
        self.faults: list[str] = []
        self._known: dict[KeyPath, set[Key]] = {}

    def fault(self, path: KeyPath, message: str) -> None:
        """Remembers a fault, once."""
        entry = f"{written(path)}: {message}"
        if entry not in self.faults:
            self.faults.append(entry)

    def raise_faults(self) -> None:
        """Raises :class:`versim.FaultsError` if anything is wrong."""
        if self.faults:
            raise FaultsError(self.subject, self.faults)

    def get(self, path: KeyPath) -> object:
        """The value at a path, ``None`` where there is none; a step into anything but a mapping is a fault."""
        value = self._find(path)
        return None if value is _MISSING else value

    def _find(self, path: KeyPath) -> object:
        here = self.content
        for depth, key in enumerate(path):
            self._known.setdefault(path[:depth], set()).add(key)
            if isinstance(key, int):
                inside = isinstance(here, Sequence) and not isinstance(here, str) and key < len(here)
                here = here[key] if inside else _MISSING  # type: ignore[index]
            elif isinstance(here, Mapping):
                here = here.get(key, _MISSING)
            elif here is not _MISSING:
                self.fault(path[:depth], f"must be a mapping, got {_shown(here)}")
                return _MISSING
            if here is _MISSING:
                return _MISSING
        return here

    def take(self, path: KeyPath, check: Check, *, optional: bool = False, zero_is_absent: bool = False) -> Any:
        """The checked value at a path.

        A missing or faulty value is remembered and answered with ``None``: build nothing from it before
        :meth:`raise_faults`.
        """
        value = self._find(path)
        if optional and (value is _MISSING or value is None or (zero_is_absent and value == 0)):
            return None
        if value is _MISSING:
            for depth in range(1, len(path)):
                if self._find(path[:depth]) is _MISSING:  # one fault for a missing section, not one per key in it
                    self.fault(path[:depth], "is missing")
                    return None
            self.fault(path, "is missing")
            return None
        try:
            return check(value)
        except ValueError as expected:
            self.fault(path, f"must be {expected}, got {_shown(value)}")
            return None

    def structure(
        self,
        spec: type[Spec],
        at: KeyPath = (),
        *,
        names: Mapping[str, KeyPath] | None = None,
        zero_is_absent: bool = False,
        **given: Any,
    ) -> Spec:
        """An attrs value whose checked fields are read from this document.

        Args:
            spec: The class.
            at: Where its fields stand, each under its own name.
            names: For a file with other names, the path of each field.
            zero_is_absent: Whether 0 stands for "not given" where a field is optional.
            given: Fields that are not read.
        """
        values: dict[str, object] = dict(given)
        fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(cast(Any, spec))
        for field in fields:
            if "check" not in field.metadata or field.name in values:
                continue
            path = (*at, field.name) if names is None else names[field.name]
            values[field.name] = self.take(
                path, field.metadata["check"], optional=field.metadata["optional"], zero_is_absent=zero_is_absent
            )
        return spec(**values)

    def report_unknown(self) -> None:
        """Makes a fault of every key that nobody asked for, in mappings that were read from."""
        for path, known in self._known.items():
            here = self._find(path) if path else self.content
            if isinstance(here, Mapping):
                for key in here:
                    if key not in known:
                        self.fault((*path, str(key)), f"is not known{did_you_mean(str(key), map(str, known))}")

    def __repr__(self) -> str:
        return f"Document({self.subject!r}, {len(self.faults)} faults)"


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"  # spelt out, a list of aliases could fill the memory
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
