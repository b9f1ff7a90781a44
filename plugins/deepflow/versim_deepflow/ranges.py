"""Types of figures by what they may be, and the converter that holds plain data to them.

>>> structured(CONVERTER, 4.0, Count)
4
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, get_args, get_origin

import attrs
from versim.plain import make_converter, misfit, structured

_LARGEST = 1e30
_SMALLEST = 1e-30
"""No quantity of a device or model is beyond these; products of several then stay finite and above 0."""


@attrs.frozen(eq=False)
class Range:
    """What a value of some type may be.

    Attributes:
        said: In words: ``a finite number above 0``.
        holds: Whether a value is.
    """

    said: str
    holds: Callable[[Any], bool]


Positive = Annotated[float, Range("a finite number above 0", lambda value: _SMALLEST <= value <= _LARGEST)]
NotNegative = Annotated[float, Range("a finite number of at least 0", lambda value: 0 <= value <= _LARGEST)]
Share = Annotated[float, Range("a number above 0 and at most 1", lambda value: 0 < value <= 1)]
ShareOrZero = Annotated[float, Range("a number from 0 to 1", lambda value: 0 <= value <= 1)]
Count = Annotated[int, Range("a whole number of at least 1", lambda value: 1 <= value <= _LARGEST)]
Text = Annotated[str, Range("a text", lambda value: bool(value.strip()))]

CONVERTER = make_converter()
"""Knows the types above; a class with several kinds may register how they are told apart."""


def _is_ranged(type_: Any) -> bool:
    return get_origin(type_) is Annotated and isinstance(get_args(type_)[1], Range)


def _held(value: Any, type_: Any) -> Any:
    base, range_ = get_args(type_)
    given = structured(CONVERTER, value, base)
    if not range_.holds(given):
        raise misfit(f"must be {range_.said}, got {given!r}")
    return given


CONVERTER.register_structure_hook_func(_is_ranged, _held)
