"""Causes of differences, as the document holds them, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from versim.comparison.causes import Asked, Cause, CauseKind, TermCauses
from versim.fabric import Message
from versim.plain.values import Value
from versim.work import Kind

_LEAST = -(2**63)
_TIMES = tuple(field.name for field in attrs.fields(Asked))


def causes_document(causes: Sequence[TermCauses]) -> list[dict[str, Any]]:
    """What the largest terms of a difference are made of."""
    return [
        {
            "term": found.term,
            "effect_ps": int(found.effect_ps),
            "causes": [{"kind": cause.kind.value, "effect_ps": int(cause.effect_ps)} for cause in found.causes],
            "example": {
                "kind": found.example.kind.value,
                "size_bytes": int(found.example.size_bytes),
                "axis": found.example.axis,
                "ranks": list(found.example.ranks),
                "algorithm": found.example.algorithm,
            },
            "hops": found.hops,
            "reference": {name: int(getattr(found.reference, name)) for name in _TIMES},
            "other": {name: int(getattr(found.other, name)) for name in _TIMES},
        }
        for found in causes
    ]


def causes_from(value: Value) -> tuple[TermCauses, ...]:
    """The causes in a result; reports written before they were kept have none."""
    if value.missing:
        return ()
    return tuple(_term(found) for found in value)


def _term(value: Value) -> TermCauses:
    example = value["example"]
    ranks = tuple(rank.integer(lowest=0) for rank in example["ranks"])
    try:
        return TermCauses(
            term=value["term"].text(),
            effect_ps=value["effect_ps"].integer(lowest=_LEAST),
            causes=tuple(
                Cause(
                    kind=CauseKind(cause["kind"].one_of(CauseKind)),
                    effect_ps=cause["effect_ps"].integer(lowest=-(2**63)),
                )
                for cause in value["causes"]
            ),
            example=Message(
                kind=Kind(example["kind"].text()),
                size_bytes=example["size_bytes"].integer(lowest=1),
                participants=len(ranks),
                axis=example["axis"].text(),
                ranks=ranks,
                algorithm=example["algorithm"].text(),
            ),
            hops=value["hops"].integer(lowest=0),
            reference=_asked(value["reference"]),
            other=_asked(value["other"]),
        )
    except ValueError as error:
        value.wrong(str(error))


def _asked(value: Value) -> Asked:
    return Asked(**{name: value[name].integer() for name in _TIMES})
