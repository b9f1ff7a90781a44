"""Double binary tree: reduce up one tree, broadcast down the same tree. Each job uses one of the two trees.

Inner ranks and the root end their phase when they *post* their last sends, so ranks finish at different ticks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from versim_astrasim.engine.algorithms.phase import Phase
from versim_astrasim.engine.structures import TreeNode

if TYPE_CHECKING:
    from versim_astrasim.engine.rank import Rank


class DoubleBinaryTreePhase(Phase):
    """One rank's part in a tree all-reduce of the whole data, whatever the phase is meant to do."""

    __slots__ = ("_children_reduced", "_place", "_received_children", "_size_bytes")

    def __init__(self, rank: Rank, size_bytes: int, place: TreeNode) -> None:
        super().__init__(rank, size_bytes)
        self._size_bytes = size_bytes
        self._place = place
        self._received_children = 0
        self._children_reduced = 0

    def _send(self, destination: int) -> None:
        rank = self._rank
        rank.transport.channel(self._tag, rank.number, destination, self._size_bytes).send()

    def _run(self) -> None:
        if self._place.children:
            for child in self._place.children:
                self._rank.transport.channel(self._tag, child, self._rank.number, self._size_bytes).receive(
                    self._child_received
                )
        else:
            self._endpoint(self._size_bytes, self._send_up, reduces=False, on_memory_side=False)

    def _child_received(self) -> None:
        self._received_children += 1
        last = self._received_children == len(self._place.children)
        self._endpoint(self._size_bytes, self._child_reduced, reduces=True, send_back=last)

    def _child_reduced(self) -> None:
        self._children_reduced += 1
        if self._children_reduced == len(self._place.children):
            self._send_up()

    def _send_up(self) -> None:
        parent = self._place.parent
        if parent is None:
            self._send_down()
            return
        self._send(parent)
        self._rank.transport.channel(self._tag, parent, self._rank.number, self._size_bytes).receive(
            self._parent_received
        )

    def _parent_received(self) -> None:
        if self._place.children:
            self._endpoint(self._size_bytes, self._send_down, reduces=True, send_back=True)
        else:
            self._endpoint(self._size_bytes, self._advance, reduces=False)

    def _send_down(self) -> None:
        for child in self._place.children:
            self._send(child)
        self._advance()
