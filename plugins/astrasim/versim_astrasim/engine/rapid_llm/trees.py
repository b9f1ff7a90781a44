"""Binary trees as networks: every device is a node, messages go up to the common ancestor and down again.

Devices are numbered in order (left subtree, node, right subtree). A tree is filled from the left, and its depth is
counted in 32 bits that wrap, as the program's is.
"""

from __future__ import annotations

import math

import attrs

from versim_astrasim.engine.rapid_llm.faults import NO_FAULTS, Faults
from versim_astrasim.engine.rapid_llm.shapes import Shape

_BITS = 32


@attrs.define(eq=False)
class _Node:
    left: _Node | None = None
    right: _Node | None = None


def _filled(depth: int, count: int) -> _Node | None:
    """A tree of ``count`` nodes with leaves at depth 0."""
    if count <= 0:
        return None
    most_left = ((1 << depth % _BITS) - 1) % (1 << _BITS)
    if count > most_left:
        return _Node(_filled(depth - 1, most_left), _filled(depth - 1, count - 1 - most_left))
    return _Node(_filled(depth - 1, count - 1))


def _parents(root: _Node) -> dict[int, int | None]:
    """Each device's parent, None of the root."""
    numbers: dict[int, int] = {}

    def number(node: _Node | None) -> None:
        if node is not None:
            number(node.left)
            numbers[id(node)] = len(numbers)
            number(node.right)

    number(root)
    parents: dict[int, int | None] = {numbers[id(root)]: None}

    def descend(node: _Node) -> None:
        for child in (node.left, node.right):
            if child is not None:
                parents[numbers[id(child)]] = numbers[id(node)]
                descend(child)

    descend(root)
    return parents


def _up(parents: dict[int, int | None], device: int) -> list[int]:
    path = [device]
    parent = parents[device]
    while parent is not None:
        path.append(parent)
        parent = parents[parent]
    return path


def _between(parents: dict[int, int | None], source: int, destination: int) -> list[int]:
    up, down = _up(parents, source), _up(parents, destination)
    meeting = next(device for device in up if device in down)
    return up[: up.index(meeting)] + down[down.index(meeting) :: -1]


def _depth(size: int) -> int:
    return math.ceil(math.log2(size + 1)) - 1


class BinaryTree(Shape):
    """One tree."""

    def __init__(self, size: int, faults: Faults = NO_FAULTS) -> None:
        super().__init__(size, faults)
        root = _filled(_depth(size), size)
        self._parents = _parents(root or _Node())

    def joined(self, here: int, there: int) -> bool:
        """A node and its parent."""
        return self._parents[here] == there or self._parents[there] == here

    def path(self, source: int, destination: int) -> list[int]:
        """Up and down."""
        return _between(self._parents, source, destination)


class DoubleBinaryTree(Shape):
    """Two trees of all devices: one whose root is the last device, one whose root is the first."""

    def __init__(self, size: int, faults: Faults = NO_FAULTS) -> None:
        super().__init__(size, faults)
        depth = _depth(size) - 1
        self._last = _parents(_Node(left=_filled(depth, size - 1)))
        self._first = _parents(_Node(right=_filled(depth, size - 1)))

    def joined(self, here: int, there: int) -> bool:
        """A node and its parent, in either tree."""
        return any(tree[here] == there or tree[there] == here for tree in (self._last, self._first))

    def path(self, source: int, destination: int) -> list[int]:
        """The shorter of the two ways; if they are equally long, that of the tree whose root is device 0."""
        one, other = (_between(tree, source, destination) for tree in (self._last, self._first))
        return one if len(one) < len(other) else other
