"""Causes in words: what a simulator charges for that another does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from versim import GB, PS_PER_S, Kind, bus_bandwidth
from versim.terminal import printable

from versim_reporters.explanation import telling_patterns
from versim_reporters.figures import short_time
from versim_reporters.sentence import SCHEDULE_ORDER

if TYPE_CHECKING:
    from versim import Comparison, Result, TermCauses

    from versim_reporters.explanation import Bar, Explanation

SECOND_LEAST = 0.2
"""A second cause is told from this share of the effect on."""


def why(bar: Bar, result: Result) -> str:
    """Why a term has an effect in a result; "" where nobody can say."""
    found = next((found for found in result.causes if printable(found.term) == bar.name), None)
    if found is not None:
        return in_words(found)
    if bar.name == SCHEDULE_ORDER and result.attribution is not None:
        waiting = telling_patterns(result.attribution)
        return printable(waiting[0].sentence) if waiting else ""
    return ""


def all_causes(explanation: Explanation, comparison: Comparison) -> Iterator[str]:
    """Of every term that was asked about, each cause with its part; the parts add up to the term."""
    result = next(result for result in comparison.results if printable(result.label) == explanation.label)
    for found in result.causes:
        said = [
            f"{_of_kind(found, cause.kind.value, cause.effect_ps)} ({short_time(cause.effect_ps, signed=True)})"
            for cause in found.causes
            if cause.effect_ps
        ]
        if said:
            yield f"{printable(found.term)}: {'; '.join(said)}"


def in_words(found: TermCauses) -> str:
    """What a term is made of: its largest cause, and the next one where it is worth it."""
    told = [cause for cause in found.causes[:2] if cause.effect_ps]
    if len(told) > 1 and abs(told[1].effect_ps) < SECOND_LEAST * abs(found.effect_ps):
        told = told[:1]
    if not told:
        return ""
    said = [_of_kind(found, cause.kind.value, cause.effect_ps) for cause in told]
    if len(said) == 1:
        return said[0]
    return f"{said[0]} ({short_time(told[0].effect_ps, digits=3, signed=True)}), {said[1]}"


def _of_kind(found: TermCauses, kind: str, effect_ps: int) -> str:
    before, after = found.reference, found.other
    if kind == "way between peers":
        if found.hops > 1 and effect_ps > 0:
            return f"peers are {found.hops} links apart, and each link stores and forwards"
        if found.hops > 1:
            return f"the way of {found.hops} links between peers costs it less"
        return f"the rest of the network is in its way {'more' if effect_ps > 0 else 'less'}"
    if kind == "degraded links":
        return _degraded(found, effect_ps)
    if kind == "latency":
        after_ps, before_ps = after.latency_ps, before.latency_ps
        told = short_time(after_ps, digits=3), short_time(before_ps, digits=3)
        if told[0] != told[1] and (after_ps > before_ps) == (effect_ps > 0):
            return f"latency of {told[0]} each instead of {told[1]}"
        return f"latency counts {'more' if effect_ps > 0 else 'less'}"
    if kind == "moving the bytes":
        return _moving(found, effect_ps)
    if kind == "others running beside it":
        return f"waits for others that run beside it {'more' if effect_ps > 0 else 'less'}"
    return f"latency on the way between its peers counts {'more' if effect_ps > 0 else 'less'}"


def _degraded(found: TermCauses, effect_ps: int) -> str:
    """What they cost a communication; without figures where none tells it."""
    after, before = (short_time(times.degraded_ps, digits=3) for times in (found.other, found.reference))
    consistent = (found.other.degraded_ps > found.reference.degraded_ps) == (effect_ps > 0)
    if after == before or not consistent:
        return f"degraded links cost it {'more' if effect_ps > 0 else 'less'}"
    if not found.other.degraded_ps:
        return f"degraded links cost it nothing instead of {before} each"
    if not found.reference.degraded_ps:
        return f"degraded links cost it {after} each, and the reference nothing"
    return f"degraded links cost it {after} each instead of {before}"


def _moving(found: TermCauses, effect_ps: int) -> str:
    """At which bandwidth, told with the digits in which the two differ; without figures where none tells it."""
    message, after_ps, before_ps = found.example, found.other.bare_ps, found.reference.bare_ps
    if min(after_ps, before_ps) > 0 and (after_ps > before_ps) == (effect_ps > 0):
        after, before = (
            bus_bandwidth(message.kind, message.participants, message.size_bytes, time_ps / PS_PER_S) / GB
            for time_ps in (after_ps, before_ps)
        )
        what = "moves the bytes at" if message.kind is Kind.POINT_TO_POINT else "bus bandwidth"
        for digits in (3, 4, 5):
            rates = f"{after:.{digits}g}", f"{before:.{digits}g}"
            if rates[0] != rates[1]:
                return f"{what} {rates[0]} GB/s instead of {rates[1]}"
    return f"moves the bytes {'more slowly' if effect_ps > 0 else 'faster'}"
