"""Why a prediction differs from the reference, as a document states it.

The terms are kept because they cannot be computed again: they may rest on what each communication takes alone, which
only the simulators know. They are held to their sum on the way back.
"""

from __future__ import annotations

from typing import Any

from versim.comparison.attribution import Averaging, Pattern, Policy, Term, TermKind
from versim.comparison.causes import Asked, Cause, CauseKind, TermCauses
from versim.comparison.slack import Move, PathChange, Reason
from versim.fabric import Message
from versim.storage.form import SIGNED, Choice, Integer, Key, Many, Maybe, Number, Open, Record, Text
from versim.work import Kind

_TERM = Record(
    "One term.",
    Term,
    keys={
        "name": Key(Text(), "What it is about."),
        "kind": Key(Choice(TermKind), "What kind of term it is."),
        "key": Key(Text(), "Kind and axes, or compute; empty for terms that are no group."),
        "phase": Key(Text(), "The group's part of the step, empty where not said."),
        "effect_ps": Key(SIGNED, "Change of the makespan that it explains."),
        "executions": Key(Integer(), "How often the group runs, over the ranks that the timelines tell apart."),
        "change_ps": Key(Maybe(SIGNED), "Change of duration summed over executions; null for terms that are no group."),
        "on_path_ps": Key(Maybe(SIGNED), "The part of it on the reference's critical path."),
        "in_slack_ps": Key(Maybe(SIGNED), "The other part."),
        "isolated_ps": Key(
            Maybe(SIGNED), "Part of the effect that durations in isolation explain; null where not known."
        ),
        "contention_ps": Key(
            Maybe(SIGNED), "Part of the effect due to being slower than in isolation; null where not known."
        ),
    },
)

_PATTERN = Record(
    "One pattern.",
    Pattern,
    keys={
        "sentence": Key(Text(), "The finding in words.", kept=False),
        "waiting": Key(Text(), "What is ready and waits."),
        "behind": Key(Text(), "What occupies the resource meanwhile."),
        "ranks": Key(Many(Integer()), "Representative ranks on which it waits."),
        "executions": Key(Integer(), "How many executions wait there."),
        "wait_ps": Key(SIGNED, "Time waited over all executions."),
        "on_path_ps": Key(SIGNED, "The part of it on the critical path."),
        "reference_wait_ps": Key(SIGNED, "Time waited in the reference."),
        "reference_on_path_ps": Key(SIGNED, "The part of that on the reference's critical path."),
    },
)

ATTRIBUTION = Record(
    "The difference of makespans as terms that sum to it exactly.",
    dict,
    name="attribution",
    keys={
        "reference": Key(Text(), "Label of the reference."),
        "difference_ps": Key(SIGNED, "Sum of all effects."),
        "policy": Key(Choice(Policy), "How the reference's schedule answers to other durations."),
        "averaging": Key(Choice(Averaging), "In which orders groups are substituted."),
        "orders": Key(Integer(), "Orders averaged over; 1 if sequential."),
        "seed": Key(Maybe(SIGNED), "Seed of the sample of orders; null where none was drawn."),
        "terms": Key(Many(_TERM), "In the order of substitution; then schedule order, then what is left."),
        "patterns": Key(Many(_PATTERN), "What waits behind what otherwise than in the reference, the costliest first."),
    },
)
"""Read as what an :class:`versim.comparison.attribution.Attribution` is made of; whose it is stands in the result."""

_MOVE = Record(
    "One execution.",
    Move,
    name="move",
    keys={
        "node": Key(Integer(), "Row of the graph."),
        "name": Key(Text(), "Its name.", lambda move, to: to.inputs.graph.node_name(move.node), kept=False),
        "rank": Key(Integer(), "The representative rank."),
        "path_ps": Key(SIGNED, "Time of the path in it."),
        "change_ps": Key(SIGNED, "Its duration minus the reference's."),
        "slack_ps": Key(SIGNED, "Its slack where it is not on the path."),
        "reason": Key(Choice(Reason), "Why it enters or leaves."),
    },
)

PATH_CHANGE = Record(
    "How a critical path differs from the reference's.",
    PathChange,
    name="path_change",
    keys={
        "agreement": Key(Number(0, 1), "Time-weighted Jaccard index of the paths."),
        "entered": Key(Many(_MOVE), "Executions that enter it, most time first."),
        "left": Key(Many(_MOVE), "Executions that leave it, most time first."),
    },
)

_CAUSE = Record(
    "One cause.",
    Cause,
    keys={
        "kind": Key(Choice(CauseKind), "What it is."),
        "effect_ps": Key(SIGNED, "Change of the makespan that it explains."),
    },
)


def _message(ranks: tuple[int, ...], **said: Any) -> Message:
    return Message(ranks=ranks, participants=len(ranks), **said)


_EXAMPLE = Record(
    "The communication of the term that moves most bytes.",
    _message,
    keys={
        "kind": Key(Open(Kind), "What is done."),
        "size_bytes": Key(Integer(1), "The full tensor."),
        "axis": Key(Text(), "The parallelism it runs along."),
        "ranks": Key(Many(Integer()), "Its first group."),
        "algorithm": Key(Text(), "Asked for by the graph."),
    },
)

_ASKED = Record(
    "What a simulator answers about the example.",
    Asked,
    name="asked",
    keys={
        "alone_ps": Key(Integer(), "On the step's network."),
        "near_ps": Key(Integer(), "On a network of its members alone."),
        "instant_ps": Key(Integer(), "On the step's network without latency, its links whole."),
        "bare_ps": Key(Integer(), "On a network of its members alone, without latency."),
        "whole_ps": Key(
            Maybe(Integer()), "On the step's network with all links whole; null where none is degraded.", before=None
        ),
    },
)

CAUSES = Record(
    "What a term of the attribution is made of.",
    TermCauses,
    name="causes",
    keys={
        "term": Key(Text(), "The term's name."),
        "effect_ps": Key(SIGNED, "Its effect; the sum of its causes'."),
        "causes": Key(Many(_CAUSE), "The largest first."),
        "example": Key(_EXAMPLE),
        "hops": Key(Integer(), "Links between two of its peers in a row, at most."),
        "reference": Key(_ASKED, "By the reference's simulator."),
        "other": Key(_ASKED, "By the other's."),
    },
)
