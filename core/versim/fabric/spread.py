"""How a group of ranks lies in a network: the dimensions it crosses, and which groups lie alike."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.fabric.network import Dimension, Topology
from versim.fabric.routes import beyond_last


@attrs.frozen
class Level:
    """One dimension that a group crosses.

    Attributes:
        dimension: Its number, 0 the innermost.
        size: Different coordinates that the group has along it, at least 2.
    """

    dimension: int
    size: int


@attrs.frozen
class Spread:
    """How a group lies: the dimensions it crosses, innermost first.

    Attributes:
        participants: Ranks in the group.
        levels: The dimensions along which its members differ.
        regular: True if it is a grid: every combination of its coordinates is a member, so that the sizes multiply to
            the participants and a collective can be done one dimension after the other.
    """

    participants: int
    levels: tuple[Level, ...]
    regular: bool

    @property
    def outermost(self) -> int:
        """The outermost dimension it crosses."""
        return self.levels[-1].dimension


def spread_of(coordinates: NDArray[np.int64]) -> Spread:
    """How a group of the given coordinates, shape (participants, dimensions), lies."""
    counts = [len(np.unique(column)) for column in coordinates.T]
    levels = tuple(Level(number, count) for number, count in enumerate(counts) if count > 1)
    return Spread(len(coordinates), levels, regular=int(np.prod(counts)) == len(coordinates))


def alike_codes(
    groups: NDArray[np.int64], dimensions: Sequence[Dimension], strides: Sequence[int], endpoints: int
) -> NDArray[np.int64]:
    """What is left of groups when the network's symmetries are divided out.

    Of a switch and of fully connected ranks any two can be exchanged, so a coordinate is told by where in the group it
    appears first. A ring can only be turned (equally long ways are walked upwards, so its mirror image is another
    network), so a coordinate is told by its distance from the first member's. A block that is partly filled cannot be
    exchanged with others: of groups that reach into it and out of it, members are told apart by where they stand to it.

    Args:
        groups: Shape (groups, participants), in group order.
        dimensions: Of the network.
        strides: Of the dimensions.
        endpoints: Of the network.

    Returns:
        Shape (groups, columns); equal rows lie alike.
    """
    codes = []
    for dimension, stride in zip(dimensions, strides, strict=True):
        column = groups // stride % dimension.size
        if dimension.topology is Topology.RING and dimension.size > 2:
            codes.append((column - column[:, :1]) % dimension.size)
        else:
            codes.append(_first_places(column))
    if endpoints < math.prod(dimension.size for dimension in dimensions):
        inside, beyond = beyond_last(groups, strides, endpoints)
        codes += [here + 2 * there for here, there in zip(inside.astype(np.int64), beyond, strict=True)]
    return np.concatenate(codes, axis=1)


def _first_places(column: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each value, where in its row it appears first; shape as given."""
    order = np.argsort(column, axis=1, kind="stable")
    ordered = np.take_along_axis(column, order, axis=1)
    begins = np.ones_like(ordered, dtype=bool)
    begins[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    # Sorted stably, the first of a run of equal values is the one that stands first.
    place = np.where(begins, np.arange(column.shape[1]), 0)
    run = np.maximum.accumulate(place, axis=1)
    result = np.empty_like(column)
    np.put_along_axis(result, order, np.take_along_axis(order, run, axis=1), axis=1)
    return result


def fingerprint(codes: NDArray[np.int64]) -> bytes:
    """A row of codes as something small that can be a key."""
    return hashlib.blake2b(np.ascontiguousarray(codes).tobytes(), digest_size=16).digest()
