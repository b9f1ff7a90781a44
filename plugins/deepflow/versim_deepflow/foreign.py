"""Files of DeepFlow's structure read as ours: keys renamed, and faults told by the paths of the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from versim import FaultsError
from versim.plain import MisfitError, place, structured, unit_suffix

from versim_deepflow.ranges import CONVERTER

Key = str | int
KeyPath = tuple[Key, ...]
_MISSING = object()


class ForeignFile:
    """Plain data in the structure of a file of DeepFlow.

    Attributes:
        content: The data.
        subject: What it is, for the error.
    """

    def __init__(self, content: object, subject: str) -> None:
        self.content, self.subject = content, subject
        self._faults: dict[KeyPath, str] = {}

    def at(self, path: KeyPath) -> Any:
        """What stands at a path; None where nothing does."""
        found = self._find(path)
        return None if found is _MISSING else found

    def refuse(self, path: KeyPath, message: str) -> None:
        """Remember what is wrong at a path, the first thing of each."""
        self._faults.setdefault(path, message)

    def held(self, path: KeyPath, type_: Any) -> Any:
        """A single value as some type; None, and a fault, if it is none."""
        if self._find(path) is _MISSING:
            self.refuse(*self._missing(path))
            return None
        try:
            return structured(CONVERTER, self._find(path), type_)
        except MisfitError as error:
            self.refuse(path, "; ".join(message for _, message in error.faults))
            return None

    def read(self, type_: type, names: Mapping[KeyPath, KeyPath], given: Mapping[KeyPath, Any]) -> Any:
        """An instance of a class of ours.

        Args:
            type_: The class.
            names: Where each of its fields, by its path in ours, stands in the file; left out where that is absent.
            given: Fields that are not in the file, by their path in ours.

        Raises:
            FaultsError: Everything that is wrong with the file, what was refused before included.
        """
        ours: dict[Key, Any] = {}
        for path, value in (*self._renamed(names), *given.items()):
            here = ours
            for key in path[:-1]:
                here = here.setdefault(key, {})
            here[path[-1]] = value
        try:
            made = structured(CONVERTER, _with_lists(ours), type_)
        except MisfitError as error:
            for path, message in error.faults:
                self._refuse_ours(path, message, names)
        self.raise_faults()
        return made

    def raise_faults(self) -> None:
        """Raise :class:`versim.FaultsError` if anything is wrong."""
        if self._faults:
            raise FaultsError(self.subject, [place("$", *fault) for fault in self._faults.items()])

    def _renamed(self, names: Mapping[KeyPath, KeyPath]) -> Iterator[tuple[KeyPath, Any]]:
        for ours, theirs in names.items():
            value = self._find(theirs)
            if isinstance(value, str) and unit_suffix(str(ours[-1])):
                # DeepFlow would compute with a text; where ours takes text with a unit, its files do not.
                self.refuse(theirs, f"expected a number, got the text {value[:60]!r}")
            elif value is not _MISSING:
                yield ours, value

    def _refuse_ours(self, path: KeyPath, message: str, names: Mapping[KeyPath, KeyPath]) -> None:
        theirs = names.get(path)
        if theirs is None:  # a section of ours, of which nothing is there: each of its fields
            below = [there for ours, there in names.items() if ours[: len(path)] == path]
            for there in below:
                self.refuse(*self._missing(there))
            if not below:
                self.refuse((), place("", path, message).removeprefix("."))
        elif message == "is missing":
            if theirs not in self._faults:
                self.refuse(*self._missing(theirs))
        else:
            self.refuse(theirs, message)

    def _missing(self, path: KeyPath) -> tuple[KeyPath, str]:
        """The first step of a path that leads nowhere: one fault for a missing section, not one per key in it."""
        here = self.content
        for depth, key in enumerate(path):
            if not isinstance(here, Mapping):
                return path[:depth], "must be a mapping"
            if key not in here:
                return path[: depth + 1], "is missing"
            here = here[key]
        return path, "is missing"

    def _find(self, path: KeyPath) -> Any:
        here = self.content
        for key in path:
            if not isinstance(here, Mapping) or key not in here:
                return _MISSING
            here = here[key]
        return here


def _with_lists(value: Any) -> Any:
    """The same, with mappings of positions as lists."""
    if not isinstance(value, dict):
        return value
    inside = {key: _with_lists(item) for key, item in value.items()}
    if inside and all(isinstance(key, int) for key in inside):
        return [inside[key] for key in sorted(inside)]
    return inside
