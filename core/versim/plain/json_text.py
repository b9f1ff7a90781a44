"""JSON from people nobody vouches for: strict, bounded before it is parsed, errors with line and column."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from versim.plain.files import UnreadableError, read_bytes

MOST_BYTES = 256 * 2**20
MOST_CONTAINERS = 2_000_000
"""Lists and objects in one document: an empty one takes 2 bytes of a file and 64 of memory."""
MOST_VALUES = 40_000_000
"""Values in one document, by its commas."""


def read_json(path: Path, most_bytes: int = MOST_BYTES) -> Any:
    """The plain data in a JSON file.

    Raises:
        UnreadableError: It cannot be read, is too large, or is not strict JSON in UTF-8.
    """
    return parse_json(read_bytes(path, most_bytes), str(path))


def parse_json(content: bytes, source: str) -> Any:
    """The plain data in a JSON text: no NaN or Infinity, no key twice in one object.

    Raises:
        UnreadableError: It is not that, or holds more values than memory should be asked for.
    """
    # Signs inside texts are counted as well; the limits leave room for them.
    if content.count(b"[") + content.count(b"{") > MOST_CONTAINERS:
        raise UnreadableError(source, f"has more than {MOST_CONTAINERS:,} lists and objects")
    if content.count(b",") > MOST_VALUES:
        raise UnreadableError(source, f"has more than {MOST_VALUES:,} values")

    def no_constant(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is not JSON")

    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableError(source, "is not UTF-8 text; save it as UTF-8") from None
    try:
        return json.loads(text, parse_constant=no_constant, object_pairs_hook=_object)
    except RecursionError:
        raise UnreadableError(source, "is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise UnreadableError(source, f"is not a JSON document: {error.msg}", error.lineno, error.colno) from None
    except ValueError as error:  # also numbers of too many digits
        raise UnreadableError(source, f"is not a JSON document: {error}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice[:60]!r} is given twice in one object")
    return found
