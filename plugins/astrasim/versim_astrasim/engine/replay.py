"""How trace fields are read: recorded durations, message tags, numbers in text."""

from __future__ import annotations

import math

from versim_astrasim.engine.event_queue import UINT64
from versim_astrasim.engine.failures import Abort
from versim_astrasim.engine.matching import COLLECTIVE_TAGS

NS_PER_US = 1000


def replayed_ns(duration_micros: int) -> int:
    """How long a node's recorded duration is replayed: 1 ns if there is none; nanoseconds wrap around in 64 bits."""
    micros = duration_micros % UINT64
    return micros * NS_PER_US % UINT64 if micros else 1


def native_tag(tag: int, rank: int) -> int:
    """The tag a point-to-point message travels under.

    Raises:
        Abort: For a tag of 2^31 and more, which the original takes for a negative number.
    """
    signed = (tag + 2**31) % 2**32 - 2**31
    native = int(math.fmod(signed, COLLECTIVE_TAGS))
    if native < 0:
        raise Abort(f"the tag {tag} of a message does not fit into 31 bits", rank)
    return native


def leading_integer(text: str) -> int | None:
    """The integer a text starts with, as the original reads numbers; None if it starts with none."""
    stripped = text.lstrip()
    end = 1 if stripped[:1] in ("+", "-") else 0
    while end < len(stripped) and stripped[end].isdigit():
        end += 1
    try:
        return int(stripped[:end])
    except ValueError:
        return None
