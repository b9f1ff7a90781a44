"""Algorithm names as the system file spells them."""

from __future__ import annotations

import re
from enum import Enum

import attrs

from versim_astrasim.engine.failures import Abort, Refusal


class Algorithm(Enum):
    """The native algorithms."""

    RING = "ring"
    DIRECT = "direct"
    HALVING_DOUBLING = "halvingDoubling"
    DOUBLE_BINARY_TREE = "doubleBinaryTree"


WHOLE_WINDOW = -1
"""A window that stands for all other members."""


@attrs.frozen
class AlgorithmChoice:
    """One entry of an implementation list.

    Attributes:
        algorithm: Which algorithm.
        window: Messages a direct algorithm has under way; :data:`WHOLE_WINDOW` for one per other member.
        spans_all_ranks: One ring over all ranks instead of one per dimension (the ``one…`` names); later entries of
            the list are then dropped.
    """

    algorithm: Algorithm
    window: int = WHOLE_WINDOW
    spans_all_ranks: bool = False

    @property
    def window_is_closed(self) -> bool:
        """Whether no message ever leaves."""
        return self.algorithm is Algorithm.DIRECT and self.window != WHOLE_WINDOW and self.window < 1


_EXACT = {
    "ring": AlgorithmChoice(Algorithm.RING),
    "oneRing": AlgorithmChoice(Algorithm.RING, spans_all_ranks=True),
    "halvingDoubling": AlgorithmChoice(Algorithm.HALVING_DOUBLING),
    "oneHalvingDoubling": AlgorithmChoice(Algorithm.HALVING_DOUBLING, spans_all_ranks=True),
    "doubleBinaryTree": AlgorithmChoice(Algorithm.DOUBLE_BINARY_TREE),
    "direct": AlgorithmChoice(Algorithm.DIRECT),
    "oneDirect": AlgorithmChoice(Algorithm.DIRECT, spans_all_ranks=True),
}

KNOWN_NAMES = (*_EXACT, "direct<window>", "oneDirect<window>")

_WINDOW = re.compile(r"\s*[+-]?\d+")
_WINDOW_CHARACTERS = 5


def is_known(name: str) -> bool:
    """Whether the original takes the name for an algorithm's (it may still fail on the window)."""
    return name in _EXACT or name.startswith(("direct", "oneDirect"))


def has_legal_window(name: str) -> bool:
    """Whether a known name has a window that can be read, or none."""
    try:
        parse(name)
    except Abort:
        return False
    return True


def parse(name: str) -> AlgorithmChoice:
    """Read one entry.

    Raises:
        Refusal: For a name that is no algorithm's.
        Abort: For a window that does not start with an integer.
    """
    if name in _EXACT:
        return _EXACT[name]
    for prefix, spans_all_ranks in (("direct", False), ("oneDirect", True)):
        if name.startswith(prefix):
            window = _WINDOW.match(name[len(prefix) : len(prefix) + _WINDOW_CHARACTERS])
            if window is None:
                raise Abort(f"the window of {name!r} is not a number")
            return AlgorithmChoice(Algorithm.DIRECT, int(window.group()), spans_all_ranks)
    raise Refusal(f"no collective algorithm is named {name!r}")
