"""What enters and leaves the critical path is said in words, the most time first, with the reason."""

from __future__ import annotations

import attrs
from report_samples import sample_report
from versim import Move, PathChange
from versim.comparison.slack import Reason
from versim_reporters.path_changes import change_sentences

COMPARISON = sample_report().workloads[0].comparisons[0]


def move(node: int, path_ps: int, reason: Reason) -> Move:
    """An execution that moves."""
    return Move(node=node, rank=3, path_ps=path_ps, change_ps=5, slack_ps=1, reason=reason)


def test_moves_are_named_with_their_reason_and_the_rest_counted() -> None:
    """Four of each; what takes no time on the path is not worth a name."""
    entered = tuple(move(0, 10**9 - step, Reason.ORDER) for step in range(6))
    change = PathChange(entered=entered, left=(move(1, 0, Reason.SLACK),), agreement=0.25)
    sentences = list(change_sentences(attrs.evolve(COMPARISON.results[1], path_change=change), COMPARISON))
    assert sentences[0] == "Agreement with the reference's path, by time: 25.0 %."
    assert sentences[1].startswith("Enters the path: embedding on rank 3 (1.000 ms; it waits behind something else); ")
    assert sentences[1].endswith("; and 2 other executions.")
    assert len(sentences) == 2


def test_every_reason_has_words() -> None:
    """Also one that core adds later fails here, not for a reader."""
    for reason in Reason:
        change = PathChange(entered=(), left=(move(1, 10, reason),), agreement=1.0)
        sentences = list(change_sentences(attrs.evolve(COMPARISON.results[1], path_change=change), COMPARISON))
        assert sentences[1].startswith("Leaves the path: ")


def test_a_prediction_without_a_reference_has_none() -> None:
    """The reference itself, and what did not complete."""
    assert list(change_sentences(COMPARISON.results[0], COMPARISON)) == []
