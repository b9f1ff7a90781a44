"""Strict JSON text: no NaN or Infinity, plain ASCII, the same bytes for the same values.

Objects and lists of objects are indented for people; a short object, and a list of plain values (a column of a hundred
thousand picoseconds), stays on one line.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

_SHORT = 100
"""Characters of an object that stays on one line."""


def number(value: float | None) -> float | str | None:
    """A float as JSON can hold it; what is not finite is spelt as in the JSON mapping of protocol buffers."""
    if value is None or math.isfinite(value):
        return None if value is None else float(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def plain(value: Any) -> Any:
    """Free-form data of a plugin as JSON values with sorted keys; what JSON does not know is spelt with ``str``."""
    if value is None or isinstance(value, (bool, str)):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return number(float(value))
    if isinstance(value, Mapping):
        return {str(key): plain(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    return str(value)


def strings(values: Mapping[str, str]) -> dict[str, str]:
    """A mapping for people, such as provenance, with sorted keys."""
    return {str(key): str(values[key]) for key in sorted(values, key=str)}


def document_text(document: dict[str, Any]) -> str:
    """A document as text that ends with a newline."""
    pieces: list[str] = []
    _write(document, "\n", pieces.append)
    return "".join(pieces) + "\n"


_encoded = json.JSONEncoder(allow_nan=False).encode
_NESTED = (dict, list)


def _write(value: Any, newline: str, put: Callable[[str], None]) -> None:
    """Hand on the pieces of a value; a critical path has a hundred thousand short objects, each encoded once."""
    if _is_flat(value):
        text = _encoded(value)
        if not isinstance(value, dict) or len(text) <= _SHORT:
            put(text)
            return
    deeper = newline + "  "
    if isinstance(value, dict):
        opening, closing = "{", "}"
        members = [(f"{_encoded(key)}: ", member) for key, member in value.items()]
    else:
        opening, closing = "[", "]"
        members = [("", member) for member in value]
    for position, (key, member) in enumerate(members):
        put(f"{',' if position else opening}{deeper}{key}")
        _write(member, deeper, put)
    put(newline + closing)


def _is_flat(value: Any) -> bool:
    """False for an object or a list that holds another."""
    if not isinstance(value, _NESTED):
        return True
    for member in value.values() if isinstance(value, dict) else value:  # noqa: SIM110 - a generator takes twice as long
        if isinstance(member, _NESTED):
            return False
    return True
