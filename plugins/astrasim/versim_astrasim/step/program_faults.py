"""Where the program breaks on a trace as it stands, though the graph that was read from it can be simulated.

Reading a trace mends what only its files get wrong: a graph's compute has a time even where its node lacks what the
program's roofline takes it from. Which nodes the program would break on travels with the graph.
"""

from __future__ import annotations

from enum import IntFlag

from versim import Codes

BREAKS = "chakra.breaks"
"""Attribute of nodes: a :class:`Breaks`, 0 for sound ones."""


class Breaks(IntFlag, metaclass=Codes):
    """What the program breaks on under the system file that came with a trace."""

    UNTRACKED = 1
    """It tracks local memory, and the node does not list its tensors."""

    NO_OPERATION_COUNT = 2
    """It times the node by its roofline, and there is no ``num_ops`` that it can read."""

    NO_SIZE = 4
    """It times the node by its roofline, and there is no ``tensor_size`` that it can read."""

    ZERO_OPERATIONS = 8
    """It times the node by its roofline, and ``num_ops`` is 0."""
