"""Which work enters or leaves the critical path against the reference, and why, in words."""

from __future__ import annotations

from collections.abc import Iterator

from versim import Comparison, Move, Result
from versim.terminal import printable, shortened

from versim_reporters.figures import count, share, short_time
from versim_reporters.paths import LONGEST_NAME

MOST_MOVES = 4

_WHY = {
    "duration": "its duration changed",
    "order": "it waits behind something else",
    "slack": "what leads to it or from it changed",
}


def change_sentences(result: Result, comparison: Comparison) -> Iterator[str]:
    """How far the two paths agree, and the executions of most time that are on one of them only."""
    change = result.path_change
    if change is None:
        return
    yield f"Agreement with the reference's path, by time: {share(change.agreement, 1)}."
    for word, moves in (("Enters the path", change.entered), ("Leaves the path", change.left)):
        shown = [move for move in moves if move.path_ps][:MOST_MOVES]
        if shown:
            rest = len(moves) - len(shown)
            more = f"; and {count(rest, 'other execution')}" if rest else ""
            yield f"{word}: {'; '.join(_move(move, comparison) for move in shown)}{more}."


def _move(move: Move, comparison: Comparison) -> str:
    name = shortened(printable(comparison.inputs.graph.node_name(move.node)), LONGEST_NAME)
    return f"{name} on rank {move.rank} ({short_time(move.path_ps, digits=4)}; {_WHY[move.reason.value]})"
