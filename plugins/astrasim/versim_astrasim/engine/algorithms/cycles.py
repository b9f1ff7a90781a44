"""Which of the messages a direct or halving-doubling algorithm prepares carry reduced data.

A member prepares a window of P messages at the start and one more after each receive. Whether a message pays for a
reduction depends on its number alone: messages come in cycles of P first ones, never reduced, and R others. The others
are reduced in a reduce-scatter, and in every even cycle of an all-reduce.
"""

from __future__ import annotations

import attrs

from versim_astrasim.engine.system_config import CollectiveKind


@attrs.frozen(slots=True)
class ReductionCycle:
    """Windows of unreduced messages and the others between them.

    Attributes:
        kind: The collective.
        window: P, messages prepared at the start.
        others: R, further messages of a cycle.
    """

    kind: CollectiveKind
    window: int
    others: int

    def is_other(self, number: int) -> bool:
        """Whether the message (counted from 0) is past its cycle's window."""
        return number % (self.window + self.others) >= self.window

    def left_in_cycle(self, number: int) -> int:
        """Messages of the cycle from this one on."""
        length = self.window + self.others
        return length - number % length

    def stretch(self, number: int) -> tuple[bool, int]:
        """Whether the message carries reduced data, and the number from which on that may be different."""
        length = self.window + self.others
        cycle, place = divmod(number, length)
        other = place >= self.window
        reduces = other and (
            self.kind is CollectiveKind.REDUCE_SCATTER or (self.kind is CollectiveKind.ALL_REDUCE and not cycle % 2)
        )
        return reduces, number - place + (length if other else self.window)
