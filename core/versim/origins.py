"""Where the seconds of a step's compute come from, in words.

64 % of compute time measured (9 % exact), 7 % saturated beyond silicon, 29 % modelled by roofline
not measured: element-wise work 18 %, attention, data gradient from the forward 8 %, …
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from versim.timing import OriginShare, Source

ROLES = {"compute": "compute time", "folded": "folded communication", "borrowed": "borrowed time"}

_MOST = 5
"""What was not measured, listed at most."""


def origins_in_words(shares: Iterable[OriginShare]) -> Iterator[str]:
    """A sentence per role, and what was not measured.

    Nothing of a role without seconds, or whose seconds one model has all given: its name says it.
    """
    by_role: dict[str, list[OriginShare]] = {}
    for share in shares:
        if share.seconds > 0:
            by_role.setdefault(share.role, []).append(share)
    for role, found in by_role.items():
        if {share.origin.source for share in found} == {Source.MODELLED} and len({s.origin.by for s in found}) == 1:
            continue
        total = sum(share.seconds for share in found)
        yield _known(ROLES.get(role, role), found, total)
        missing = _not_measured(found, total)
        if missing:
            yield f"not measured: {missing}"


def percent(seconds: float, total: float) -> str:
    """A share; what is there is never 0."""
    share = 100 * seconds / total
    return f"{share:.0f} %" if share >= 0.5 else "< 1 %"


def _known(what: str, found: list[OriginShare], total: float) -> str:
    """How a role's seconds are known, the firmest ground first."""
    seconds = {source: _by(found, source) for source in Source}
    exact = sum(seconds[Source.MEASURED].values())
    measured = exact + sum(seconds[Source.INTERPOLATED].values())
    parts = []
    if measured:
        parts.append(
            f"{percent(measured, total)} of {what} measured ({percent(exact, total) if exact else '0 %'} exact)"
        )
    for source, verb in ((Source.SATURATED, "saturated beyond"), (Source.MODELLED, "modelled by")):
        for by, share in seconds[source].items():
            parts.append(f"{percent(share, total)}{'' if parts else f' of {what}'} {verb} {by}")
    return ", ".join(parts)


def _by(found: list[OriginShare], source: Source) -> dict[str, float]:
    """Seconds of one source by who says so, most first."""
    seconds: dict[str, float] = {}
    for share in found:
        if share.origin.source is source:
            seconds[share.origin.by] = seconds.get(share.origin.by, 0.0) + share.seconds
    return dict(sorted(seconds.items(), key=lambda item: -item[1]))


def _not_measured(found: list[OriginShare], total: float) -> str:
    """What is modelled although something else was measured, most first."""
    if all(share.origin.source is Source.MODELLED for share in found):
        return ""
    seconds: dict[str, float] = {}
    for share in found:
        if share.origin.source is Source.MODELLED and share.origin.detail:
            seconds[share.origin.detail] = seconds.get(share.origin.detail, 0.0) + share.seconds
    most = sorted(seconds.items(), key=lambda item: -item[1])
    listed = [f"{detail} {percent(share, total)}" for detail, share in most[:_MOST]]
    return "; ".join(listed + (["…"] if len(most) > _MOST else []))
