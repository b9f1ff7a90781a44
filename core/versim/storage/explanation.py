"""Why a prediction differs from the reference, as the document holds it, and back.

The terms are kept because they cannot be computed again: they may rest on what each communication takes alone, which
only the simulators know. They are held to their sum on the way back.
"""

from __future__ import annotations

import enum
from typing import Any, TypeVar

from versim.comparison.attribution import Attribution, Averaging, Pattern, Policy, Term, TermKind
from versim.comparison.slack import Move, PathChange, Reason
from versim.graph import ExecutionGraph
from versim.plain.values import Value

_ANY = -(2**63)

E = TypeVar("E", bound=enum.StrEnum)


def attribution_document(attribution: Attribution | None) -> dict[str, Any] | None:
    """The terms of a difference, and what waits behind what."""
    if attribution is None:
        return None
    return {
        "reference": attribution.reference,
        "difference_ps": int(attribution.difference_ps),
        "policy": attribution.policy.value,
        "averaging": attribution.averaging.value,
        "orders": int(attribution.orders),
        "seed": _integer(attribution.seed),
        "terms": [
            {
                "name": term.name,
                "kind": term.kind.value,
                "key": term.key,
                "phase": term.phase,
                "effect_ps": int(term.effect_ps),
                "executions": int(term.executions),
                "change_ps": _integer(term.change_ps),
                "on_path_ps": _integer(term.on_path_ps),
                "in_slack_ps": _integer(term.in_slack_ps),
                "isolated_ps": _integer(term.isolated_ps),
                "contention_ps": _integer(term.contention_ps),
            }
            for term in attribution.terms
        ],
        "patterns": [
            {
                "sentence": pattern.sentence,
                "waiting": pattern.waiting,
                "behind": pattern.behind,
                "ranks": [int(rank) for rank in pattern.ranks],
                "executions": int(pattern.executions),
                "wait_ps": int(pattern.wait_ps),
                "on_path_ps": int(pattern.on_path_ps),
                "reference_wait_ps": int(pattern.reference_wait_ps),
                "reference_on_path_ps": int(pattern.reference_on_path_ps),
            }
            for pattern in attribution.patterns
        ],
    }


def path_change_document(change: PathChange | None, graph: ExecutionGraph) -> dict[str, Any] | None:
    """Which nodes enter and leave the critical path."""
    if change is None:
        return None
    return {
        "agreement": float(change.agreement),
        **{
            name: [
                {
                    "node": int(move.node),
                    "name": graph.node_name(move.node),
                    "rank": int(move.rank),
                    "path_ps": int(move.path_ps),
                    "change_ps": int(move.change_ps),
                    "slack_ps": int(move.slack_ps),
                    "reason": move.reason.value,
                }
                for move in moves
            ]
            for name, moves in (("entered", change.entered), ("left", change.left))
        },
    }


def _integer(value: int | None) -> int | None:
    return None if value is None else int(value)


def attribution_from(result: Value) -> Attribution | None:
    """The attribution of a result, whose difference has to be its sum."""
    value = result["attribution"]
    if value.missing:
        return None
    if value["difference_ps"].integer(_ANY) != result["difference_ps"].integer(_ANY):
        value["difference_ps"].wrong("it is not the difference of the result")
    try:
        return Attribution(
            reference=value["reference"].text(),
            other=result["label"].text(),
            difference_ps=value["difference_ps"].integer(_ANY),
            terms=tuple(_term(term) for term in value["terms"]),
            policy=_member(value["policy"], Policy),
            averaging=_member(value["averaging"], Averaging),
            orders=value["orders"].integer(),
            seed=_optional(value["seed"]),
            patterns=tuple(_pattern(pattern) for pattern in value["patterns"]),
        )
    except ValueError as error:
        value["terms"].wrong(str(error))


def _term(value: Value) -> Term:
    optional = ("change_ps", "on_path_ps", "in_slack_ps", "isolated_ps", "contention_ps")
    return Term(
        name=value["name"].text(),
        kind=_member(value["kind"], TermKind),
        key=value["key"].text(),
        phase=value["phase"].text(),
        effect_ps=value["effect_ps"].integer(_ANY),
        executions=value["executions"].integer(),
        **{name: _optional(value[name]) for name in optional},
    )


def _pattern(value: Value) -> Pattern:
    times = ("wait_ps", "on_path_ps", "reference_wait_ps", "reference_on_path_ps")
    return Pattern(
        waiting=value["waiting"].text(),
        behind=value["behind"].text(),
        ranks=tuple(rank.integer() for rank in value["ranks"]),
        executions=value["executions"].integer(),
        **{name: value[name].integer(_ANY) for name in times},
    )


def path_change_from(result: Value, nodes: int) -> PathChange | None:
    """How the critical path of a result changed; ``nodes`` is the size of the graph."""
    value = result["path_change"]
    if value.missing:
        return None
    moves = {
        name: tuple(
            Move(
                node=move["node"].integer(highest=nodes - 1),
                rank=move["rank"].integer(),
                path_ps=move["path_ps"].integer(_ANY),
                change_ps=move["change_ps"].integer(_ANY),
                slack_ps=move["slack_ps"].integer(_ANY),
                reason=_member(move["reason"], Reason),
            )
            for move in value[name]
        )
        for name in ("entered", "left")
    }
    return PathChange(agreement=value["agreement"].amount(1.0), entered=moves["entered"], left=moves["left"])


def _member(value: Value, kind: type[E]) -> E:
    return kind(value.one_of(kind))


def _optional(value: Value) -> int | None:
    return None if value.missing else value.integer(_ANY)
