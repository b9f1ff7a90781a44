"""Algorithm names as the system file spells them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum

import attrs

from versim_astrasim.engine.failures import Abort, Refusal
from versim_astrasim.engine.variant import Variant


class Algorithm(Enum):
    """The native algorithms."""

    RING = "ring"
    DIRECT = "direct"
    HALVING_DOUBLING = "halvingDoubling"
    DOUBLE_BINARY_TREE = "doubleBinaryTree"
    MESH = "mesh"
    HYPERCUBE = "hypercube"
    TORUS_2D = "torus2d"
    MESH_2D = "mesh2d"


RAPID_LLM_ONLY = (Algorithm.MESH, Algorithm.HYPERCUBE, Algorithm.TORUS_2D, Algorithm.MESH_2D)
"""Names only the fork knows."""


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

_OF_RAPID_LLM = _EXACT | {algorithm.value: AlgorithmChoice(algorithm) for algorithm in RAPID_LLM_ONLY}

_WINDOWED = ("direct<window>", "oneDirect<window>")

_WINDOW = re.compile(r"\s*[+-]?\d+")
_WINDOW_CHARACTERS = 5


def _exact(variant: Variant) -> Mapping[str, AlgorithmChoice]:
    return _OF_RAPID_LLM if variant is Variant.RAPID_LLM else _EXACT


def known_names(variant: Variant) -> tuple[str, ...]:
    """Names of algorithms, for people."""
    return (*_exact(variant), *_WINDOWED)


def is_known(name: str, variant: Variant = Variant.ASTRA_SIM) -> bool:
    """Whether the original takes the name for an algorithm's (it may still fail on the window)."""
    return name in _exact(variant) or name.startswith(("direct", "oneDirect"))


def has_legal_window(name: str, variant: Variant = Variant.ASTRA_SIM) -> bool:
    """Whether a known name has a window that can be read, or none."""
    try:
        parse(name, variant)
    except Abort:
        return False
    return True


def parse(name: str, variant: Variant = Variant.ASTRA_SIM) -> AlgorithmChoice:
    """Read one entry.

    Raises:
        Refusal: For a name that is no algorithm's.
        Abort: For a window that does not start with an integer.
    """
    exact = _exact(variant)
    if name in exact:
        return exact[name]
    for prefix, spans_all_ranks in (("direct", False), ("oneDirect", True)):
        if name.startswith(prefix):
            window = _WINDOW.match(name[len(prefix) : len(prefix) + _WINDOW_CHARACTERS])
            if window is None:
                raise Abort(f"the window of {name!r} is not a number")
            return AlgorithmChoice(Algorithm.DIRECT, int(window.group()), spans_all_ranks)
    raise Refusal(f"no collective algorithm is named {name!r}")
