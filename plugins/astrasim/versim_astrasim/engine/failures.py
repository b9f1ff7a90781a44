"""How a simulation can go wrong, as the original program goes wrong.

The original has four ways to end badly, and which one it takes decides what it still prints:

* an *abort*: an assertion, a signal or an uncaught error ends the process (:class:`Abort`);
* a *refusal*: it exits with a non-zero status and a message (:class:`Refusal`);
* an *endless loop*: it never comes back (:class:`EndlessLoop`);
* a *lost callback*: an error raised while a rank works off its calendar is logged, the rest of that one callback is
  dropped and the simulation goes on (:class:`CallbackError`). Raised anywhere else it is an abort.

These are raised and caught inside the engine only; callers see the status of an outcome.
"""

from __future__ import annotations


class Failure(Exception):  # noqa: N818 - a control-flow signal of the engine, not an error its callers see
    """Common parts of all failures.

    Attributes:
        reason: What went wrong, in a sentence.
        rank: The rank at fault, None where no single rank is.
        node_id: The trace node at fault, None where none is.
    """

    status = "aborted"

    def __init__(self, reason: str, rank: int | None = None, node_id: int | None = None) -> None:
        super().__init__(reason, rank, node_id)
        self.reason, self.rank, self.node_id = reason, rank, node_id

    def __str__(self) -> str:
        return self.reason


class Abort(Failure):
    """The original dies here of an assertion, a signal or an uncaught error."""


class Refusal(Failure):
    """The original exits here with a non-zero status."""

    status = "refused"


class EndlessLoop(Failure):
    """The original never returns from here."""

    status = "loops"


class CallbackError(Failure):
    """An error the original catches when it works off a rank's calendar, and nowhere else."""


class AmbiguousOrder(Exception):  # noqa: N818 - a control-flow signal of the engine
    """A wave cannot tell the order of its members' messages from that of something else at the same tick."""
