"""Causes in words: what a simulator charges for that another does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from versim import GB, PS_PER_S

from versim_reporters.figures import short_time

if TYPE_CHECKING:
    from versim import TermCauses

SECOND_LEAST = 0.2
"""A second cause is told from this share of the effect on."""


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
            return f"peers are {found.hops} links apart, which costs it less"
        return f"the rest of the network is in its way {'more' if effect_ps > 0 else 'less'}"
    if kind == "latency":
        times = [
            part - bare for part, bare in ((after.alone_ps, after.instant_ps), (before.alone_ps, before.instant_ps))
        ]
        return f"latency of {short_time(times[0], digits=3)} each instead of {short_time(times[1], digits=3)}"
    if kind == "moving the bytes":
        rates = [_rate(found.example.size_bytes, part) for part in (after.bare_ps, before.bare_ps)]
        return f"moves the bytes at {rates[0]} instead of {rates[1]}"
    if kind == "others running beside it":
        return f"waits for others that run beside it {'more' if effect_ps > 0 else 'less'}"
    return f"latency on the way between its peers counts {'more' if effect_ps > 0 else 'less'}"


def _rate(size_bytes: int, time_ps: int) -> str:
    return f"{size_bytes / (time_ps / PS_PER_S) / GB:.3g} GB/s" if time_ps > 0 else "no time"
