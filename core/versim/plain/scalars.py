"""Single values, strictly: ``"4"`` is no number, ``4.5`` no integer, ``5`` no text; and what is wrong with one."""

from __future__ import annotations

import enum
import math
import typing
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, get_args

from versim.errors import did_you_mean
from versim.plain.faults import misfit

Hook = Callable[[Any, Any], Any]
"""Makes a value of a type from plain data, called with both."""


def described(value: Any) -> str:
    """A value as a message shows it: its kind and, shortened, itself."""
    if value is None:
        return "nothing"
    kinds = ((bool, "the truth value"), (int | float, "the number"), (str, "the text"), (Mapping, "a mapping"))
    kind = next((kind for type_, kind in kinds if isinstance(value, type_)), None)
    if isinstance(value, Collection) and not isinstance(value, str):
        return kind or "a list"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return f"{kind or type(value).__name__} {text[:60]}{'…' if len(text) > 60 else ''}"


def _any(value: Any, _: Any) -> Any:
    return value


def _bool(value: Any, _: Any) -> bool:
    if not isinstance(value, bool):
        raise misfit(f"expected true or false, got {described(value)}")
    return value


def _int(value: Any, _: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise misfit(f"expected a whole number, got {described(value)}")
    return value


def _float(value: Any, _: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise misfit(f"expected a number, got {described(value)}")
    try:
        number = float(value)
    except OverflowError:
        raise misfit("the number is out of range") from None
    if math.isnan(number):
        raise misfit("expected a number, got NaN")
    return number


def _str(value: Any, _: Any) -> str:
    if not isinstance(value, str):
        hint = "; put it in quotes" if isinstance(value, bool | int | float) else ""
        raise misfit(f"expected text, got {described(value)}{hint}")
    return value


def _path(value: Any, _: Any) -> Path:
    if isinstance(value, Path):
        return value
    text = _str(value, str)
    if not text or "\0" in text:
        raise misfit(f"expected the name of a file, got {described(value)}")
    return Path(text)


def as_enum(value: Any, type_: type[enum.Enum]) -> enum.Enum:
    """The member of an enumeration whose value is given."""
    if isinstance(value, type_):
        return value
    return typing.cast("enum.Enum", _chosen(value, {str(member.value): member for member in type_}))


def as_kind_of_text(value: Any, type_: type[str]) -> str:
    """A text as a class of texts, which says itself what it takes."""
    text = _str(value, str)
    try:
        return type_(text)
    except ValueError as error:
        raise misfit(str(error)) from None


def as_literal(value: Any, type_: Any) -> Any:
    """The choice that is given."""
    return _chosen(value, {str(choice): choice for choice in get_args(type_)})


def _chosen(value: Any, choices: Mapping[str, Any]) -> Any:
    name = str(value) if isinstance(value, str | int) else ""
    if name not in choices:
        raise misfit(f"{described(value)} is not a choice{did_you_mean(name, choices)}")
    return choices[name]


EXACT: dict[Any, Hook] = {
    bool: _bool,
    int: _int,
    float: _float,
    str: _str,
    Path: _path,
    None: _any,
    Any: _any,
    object: _any,
}
"""Types that are taken for exactly what they are."""
