"""Tasks in columns, as the worker takes them."""

from __future__ import annotations

from collections.abc import Mapping, MutableSequence, Sequence

import attrs

from versim_simgrid.worker import COMPUTE, MARKER, MESSAGE

__all__ = ["COMPUTE", "MARKER", "MESSAGE", "Tasks"]


@attrs.define
class Tasks:
    """Tasks in columns, as the worker takes them.

    Attributes:
        kind: MARKER, COMPUTE or MESSAGE.
        amount: Nanoseconds of a computation, bytes of a message, 0 of a marker.
        place: Rank of a computation, route of a message, -1 of a marker.
        waits_for: Tasks that have to end first.
    """

    kind: list[int] = attrs.field(factory=list)
    amount: list[int] = attrs.field(factory=list)
    place: list[int] = attrs.field(factory=list)
    waits_for: list[list[int]] = attrs.field(factory=list)

    def add(self, kind: int, amount: int = 0, place: int = -1, waits_for: Sequence[int] = ()) -> int:
        """A further task; returns its number."""
        self.kind.append(kind)
        self.amount.append(amount)
        self.place.append(place)
        self.waits_for.append(list(waits_for))
        return len(self.kind) - 1

    def join(self, begun: MutableSequence[int], touched: Mapping[int, Sequence[int]]) -> None:
        """Let what a member does next wait for all its messages of a round.

        Args:
            begun: Per member, the task that its next one waits for; changed.
            touched: Member ─▶ messages it sent or received.
        """
        for member, messages in touched.items():
            begun[member] = messages[0] if len(messages) == 1 else self.add(MARKER, waits_for=messages)
