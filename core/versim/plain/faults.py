"""Where data is wrong, and what is wrong there: ``$.backends[0].options.engine: no such key``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Fault = tuple[tuple[str | int, ...], str]
"""Where below a value, and what is wrong there."""


def path_of(keys: Iterable[str | int], root: str = "$") -> str:
    """A place as people read it: ``$.backends[0].options``."""
    path = root
    for key in keys:
        plain = isinstance(key, str) and key.replace("-", "_").isidentifier()
        path += f".{key}" if plain else f"[{key!r}]"
    return path


def place(path: str, keys: Iterable[str | int], message: str) -> str:
    """A fault as people read it: ``$.backends[0].options.engine: no such key``."""
    return f"{path_of(keys, path)}: {message}"


class MisfitError(ValueError):
    """Data that does not fit a type: every fault with its path below the data's own place."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(tuple(faults))
        self.faults = tuple(faults)

    def __str__(self) -> str:
        return "; ".join(place("$", *fault) for fault in self.faults)


def misfit(message: str) -> MisfitError:
    """One fault of the value itself."""
    return MisfitError([((), message)])
