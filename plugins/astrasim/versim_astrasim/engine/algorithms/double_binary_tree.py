"""Double binary tree: reduce up one tree, broadcast down the same tree. Each job uses one of the two trees.

Inner ranks and the root end their phase when they *post* their last sends, so ranks finish at different ticks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from versim_astrasim.engine.algorithms.phase import Phase
from versim_astrasim.engine.structures import TreeNode

if TYPE_CHECKING:
    from versim_astrasim.engine.rank import Rank
    from versim_astrasim.engine.transport import Streams


class DoubleBinaryTreePhase(Phase):
    """One rank's part in a tree all-reduce of the whole data, whatever the phase is meant to do."""

    __slots__ = ("_children_reduced", "_flow", "_number", "_place", "_received_children", "_size_bytes")

    def __init__(self, rank: Rank, size_bytes: int, place: TreeNode) -> None:
        super().__init__(rank, size_bytes)
        self._number = rank.number
        self._size_bytes = size_bytes
        self._place = place
        self._received_children = 0
        self._children_reduced = 0

    def _run(self) -> None:
        flow: Streams = self._rank.transport.flow(self._tag, self._size_bytes)
        self._flow = flow
        flow.hold()
        if self._place.children:
            for child in self._place.children:
                flow[child, self._number].receive(self._child_received)
        else:
            self._endpoint(self._size_bytes, self._send_up, reduces=False, on_memory_side=False)

    def _end(self) -> None:
        self._flow.release()
        self._advance()

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
        self._flow[self._number, parent].send()
        self._flow[parent, self._number].receive(self._parent_received)

    def _parent_received(self) -> None:
        if self._place.children:
            self._endpoint(self._size_bytes, self._send_down, reduces=True, send_back=True)
        else:
            self._endpoint(self._size_bytes, self._end, reduces=False)

    def _send_down(self) -> None:
        for child in self._place.children:
            self._flow[self._number, child].send()
        self._end()
