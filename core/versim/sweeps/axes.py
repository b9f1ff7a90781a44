"""What a sweep varies: keys, and the values each takes.

``tp=1,2,4,8``; ``dp=1..64*2`` (from 1 to 64, doubling), ``mbs=1..4`` (by one), ``capacity=1..2+0.25``; and several keys
in step, ``pp,vp=[1, 1],[2, 2]``, whose values are lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from versim.errors import VersimError
from versim.scenario.overrides import scalar

_OPEN, _CLOSED = "[{", "]}"
_NUMBER = r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(?:([*+])({_NUMBER}))?")
_BEGUN = re.compile(rf"{_NUMBER}\.\.(?!\.)")

MOST_VALUES = 10_000
"""Of one axis."""


@attrs.frozen
class Axis:
    """Keys that vary together.

    Attributes:
        keys: As they were typed; usually one.
        values: What they take, one value per key each.
    """

    keys: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]


def parse_axis(text: str) -> Axis:
    """``KEY=V1,V2,…`` or ``KEY,KEY=[V,V],[V,V],…``; commas within brackets do not separate values.

    Raises:
        VersimError: It is not of that form, or a value is given twice.
    """
    where = f"--vary {text}"
    key, equals, rest = text.partition("=")
    words = [""]
    depth = 0
    for letter in rest:
        depth += (letter in _OPEN) - (letter in _CLOSED)
        if letter == "," and depth == 0:
            words.append("")
        else:
            words[-1] += letter
    words = [word.strip() for word in words]
    if not equals or not key.strip() or not all(words):
        raise VersimError(f"{where}: is not KEY=V1,V2,… nor KEY=FIRST..LAST*FACTOR")
    values: list[Any] = []
    for word in words:
        ranged = _RANGE.fullmatch(word)
        if ranged is None and _BEGUN.match(word):
            raise VersimError(
                f"{where}: {word} is no range; write FIRST..LAST, ..LAST+STEP or ..LAST*FACTOR in numbers"
            )
        values += _counted(ranged, where) if ranged else [scalar(word, where)]
    return _axis(key, values, where)


def axis_of(key: str, values: Any, where: str) -> Axis:
    """An axis from plain data: a list of values, or a text of them as :func:`parse_axis` has it.

    Raises:
        VersimError: It is neither.
    """
    if isinstance(values, str):
        return parse_axis(f"{key}={values}")
    if not isinstance(values, Sequence) or not values:
        raise VersimError(f"{where}: expected values, as a list or as a text such as 1..64*2, got {values!r:.60}")
    return _axis(key, list(values), where)


def axes_of(vary: Iterable[str | Axis] | Mapping[str, Any]) -> tuple[Axis, ...]:
    """Axes from texts, or from keys and their values; each key in one of them.

    Raises:
        VersimError: One cannot be understood, or a key is varied twice.
    """
    if isinstance(vary, Mapping):
        axes = [axis_of(key, values, f"vary {key}") for key, values in vary.items()]
    else:
        axes = [axis if isinstance(axis, Axis) else parse_axis(axis) for axis in vary]
    keys = [key for axis in axes for key in axis.keys]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise VersimError(f"--vary: {', '.join(twice)} is varied twice; list its values in one")
    return tuple(axes)


def _axis(key: str, values: list[Any], where: str) -> Axis:
    keys = tuple(part.strip() for part in key.split(","))
    if not all(keys):
        raise VersimError(f"{where}: a key is empty")
    if len(keys) > 1:
        for value in values:
            if not isinstance(value, list) or len(value) != len(keys):
                raise VersimError(f"{where}: {value!r} is not a list of {len(keys)} values, one for each key")
        rows = tuple(tuple(value) for value in values)
    else:
        rows = tuple((value,) for value in values)
    if len(rows) > MOST_VALUES:
        raise VersimError(f"{where}: {len(rows)} values are more than {MOST_VALUES}")
    spelt = [repr(row) for row in rows]
    if len(set(spelt)) != len(spelt):
        raise VersimError(f"{where}: a value is given twice")
    return Axis(keys, rows)


def _counted(found: re.Match[str], where: str) -> list[int | float]:
    """The values of a range, both ends included."""
    first, last = _number(found[1]), _number(found[2])
    sign, by = found[3] or "+", _number(found[4] or "1")
    if first > last or (sign == "*" and (by <= 1 or first <= 0)) or (sign == "+" and by <= 0):
        raise VersimError(f"{where}: {found[0]} counts to nothing; write FIRST..LAST, ..LAST+STEP or ..LAST*FACTOR")
    values: list[int | float] = []
    step = 0
    while True:
        value = first * by**step if sign == "*" else first + by * step
        # Steps of a decimal fraction do not add up exactly.
        if value > last * (1 + 1e-12 if last > 0 else 1):
            return values
        if len(values) == MOST_VALUES:
            raise VersimError(f"{where}: {found[0]} has more than {MOST_VALUES} values")
        values.append(value)
        step += 1


def _number(text: str) -> int | float:
    return int(text) if re.fullmatch(r"-?\d+", text) else float(text)
