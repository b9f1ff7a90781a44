"""Strict JSON text: no NaN or Infinity, plain ASCII, the same bytes for the same values.

Objects and lists of objects are indented for people; a short object, and a list of plain values (a column of a hundred
thousand picoseconds), stays on one line.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
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


def document_text(document: Mapping[str, Any]) -> str:
    """A document as text that ends with a newline."""
    return "".join(_pieces(document, "\n")) + "\n"


def _is_short(value: Mapping[str, Any]) -> bool:
    plain_values = not any(isinstance(member, (Mapping, list)) for member in value.values())
    return plain_values and len(json.dumps(value)) <= _SHORT


def _pieces(value: Any, newline: str) -> Iterator[str]:
    deeper = newline + "  "
    if isinstance(value, Mapping) and value and not _is_short(value):
        opening, closing = "{", "}"
        members = [(f"{json.dumps(key)}: ", member) for key, member in value.items()]
    elif isinstance(value, list) and any(isinstance(member, (Mapping, list)) for member in value):
        opening, closing = "[", "]"
        members = [("", member) for member in value]
    else:
        yield json.dumps(value, allow_nan=False)
        return
    for position, (key, member) in enumerate(members):
        yield f"{',' if position else opening}{deeper}{key}"
        yield from _pieces(member, deeper)
    yield newline + closing
