"""The network check: did a simulator get the network that the others got?

Each distinct communication of a step is asked for alone. It may not be faster than its bytes can cross the narrowest
cut between its members. It has to be slower, too, when the dimension of a cut is made so narrow that it carries a tenth
of what the narrowest one does; and where links are degraded, slower than with all of them whole. Who answers alike was
told about another network, or does not look at it.

A component may declare what it does not model, e.g. that it charges a message for the first dimension only in which
its ends differ. That is named in a report's first line, and is no failure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from versim.comparison.checks import Check
from versim.fabric import Cut, Degradation, Fabric, Link, Message, System
from versim.fabric.crossing import least_time_s
from versim.terminal.sizes import spelt_time
from versim.units import GB, NS_PER_S

NARROWER = 10
"""How many times less than the narrowest cut a probed dimension is to carry."""

ROUNDING = 1e-6
"""Relative error that links and sizes may be rounded by."""

Alone = Callable[[Sequence[Message], System], Sequence[float | None]]
"""Seconds of communications, each alone on a system; None where the simulator cannot say."""

OWN_LINK = -1
"""Stands for the dimension of an axis that has a link of its own."""


@attrs.frozen(kw_only=True)
class Deviation:
    """A communication that a simulator times as if on another network.

    Attributes:
        message: The communication.
        dimension: Whose links it ought to feel; :data:`OWN_LINK` if its axis has one of its own.
        link: One of these links.
        used: The dimensions that it feels instead, as far as narrowing them tells.
        seconds: What the simulator says it takes alone.
        least_s: What its bytes need across the cut, at least.
        factor: How many times narrower the links were made for that; 1 if it is about the network as it is, 0 if about
            what is degraded in it.
        declared: The limit that explains it, in the component's words; "" if it declares none.
        certain: False if a sound simulator may answer so, too: then it is a deviation of who declares it.
    """

    message: Message
    dimension: int
    link: Link
    used: tuple[int, ...]
    seconds: float
    least_s: float
    factor: float = 1.0
    declared: str = ""
    certain: bool = True


def distinct(messages: Sequence[Message], system: System) -> tuple[Message, ...]:
    """One of each distinct communication: kind, axis, algorithm, how the group lies, and size.

    Folded communication whose place is not known, and groups of one, ask nothing of the network.
    """
    found: dict[tuple[object, ...], Message] = {}
    # A step has few distinct communications among thousands, and equal ones are mostly one object.
    for message in {id(message): message for message in messages}.values():
        if len(message.ranks) > 1 and message.size_bytes > 0:
            found.setdefault((*_way(message, system), message.size_bytes), message)
    return tuple(found.values())


def _way(message: Message, system: System) -> tuple[object, ...]:
    return message.kind, message.axis, message.algorithm, system.fabric.signature(message.ranks)


def _by_way(messages: Sequence[Message], system: System) -> list[list[Message]]:
    """Communications by how they go, the largest first."""
    ways: dict[tuple[object, ...], list[Message]] = {}
    for message in messages:
        ways.setdefault(_way(message, system), []).append(message)
    return [sorted(of_way, key=lambda message: -message.size_bytes) for of_way in ways.values()]


def deviations(
    messages: Sequence[Message], system: System, alone: Alone, *, uncertain: bool = False
) -> tuple[Deviation, ...]:
    """What a simulator answers about communications that no network of the system's links could.

    Args:
        messages: Distinct ones, see :func:`distinct`.
        system: The network that everybody got.
        alone: Asks the simulator.
        uncertain: Also those that a sound simulator may have: it does not feel that some links of a cut are degraded.

    Returns:
        At most one per way of communicating, the largest that deviates: the dimension that it misses most.
    """
    answers = dict(zip(messages, alone(messages, system), strict=True))
    ways = _by_way([message for message in messages if answers[message] is not None], system)
    known = [message for of_way in ways for message in of_way]
    probed, whole = _probe(known, system, alone), _whole(known, system, alone)
    found = []
    for of_way in ways:
        for message in of_way:
            seconds, used = answers[message] or 0.0, _used(answers[message], probed[message])
            fault = _too_fast(message, system, seconds, used)
            fault = fault or _unmoved(message, system, probed[message], used)
            fault = fault or _unharmed(message, system, seconds, whole)
            if fault is not None and (fault.certain or uncertain):
                found.append(fault)
                break
    return tuple(found)


def _cuts(message: Message, system: System) -> tuple[Cut, ...]:
    """The cuts between a message's members, on the link of its axis if that has one of other figures."""
    own = system.axis_links.get(message.axis)
    crossed = {system.dimensions[level.dimension].link for level in system.fabric.spread(message.ranks).levels}
    if own is None or own in crossed:
        return system.fabric.cuts(message.ranks)
    rate = own.bandwidth_bytes_per_s
    return (Cut(OWN_LINK, 1, len(message.ranks) - 1, rate, rate),)


def _narrowest(cuts: Sequence[Cut]) -> Cut:
    return min(cuts, key=lambda cut: cut.bandwidth_bytes_per_s)


def _link(system: System, message: Message, dimension: int) -> Link:
    return system.axis_links[message.axis] if dimension == OWN_LINK else system.dimensions[dimension].link


def narrowed(system: System, dimension: int, factor: float, axes: Sequence[str] = ()) -> System:
    """A system with the links of one dimension, or those of some axes, so many times narrower.

    Links of axes that are those of the dimension are narrower with it.
    """
    theirs = {
        axis for axis in axes if dimension == OWN_LINK or system.axis_links[axis] == system.dimensions[dimension].link
    }
    slower = {axis: _slower(link, factor) if axis in theirs else link for axis, link in system.axis_links.items()}
    if dimension == OWN_LINK:
        return attrs.evolve(system, axis_links=slower)
    return attrs.evolve(
        system,
        axis_links=slower,
        dimensions=tuple(
            attrs.evolve(one, link=_slower(one.link, factor)) if number == dimension else one
            for number, one in enumerate(system.dimensions)
        ),
    )


def _slower(link: Link, factor: float) -> Link:
    return attrs.evolve(link, bandwidth_bytes_per_s=link.bandwidth_bytes_per_s / factor)


@attrs.frozen
class _Probe:
    """A message's answer on a system in which a dimension is narrower."""

    seconds: float | None
    system: System
    factor: float


def _probe(messages: Sequence[Message], system: System, alone: Alone) -> dict[Message, dict[int, _Probe]]:
    """Every message on a system per dimension in which that one is the narrowest by far."""
    probes: dict[Message, dict[int, _Probe]] = {message: {} for message in messages}
    factors: dict[int, float] = {number: NARROWER for number, one in enumerate(system.dimensions) if one.size > 1}
    for message in messages:
        cuts = _cuts(message, system)
        narrowest = _narrowest(cuts).bandwidth_bytes_per_s
        for cut in cuts:
            wider = cut.bandwidth_bytes_per_s / narrowest
            factors[cut.dimension] = max(factors.get(cut.dimension, NARROWER), NARROWER * wider)
    for dimension, factor in factors.items():
        axes = tuple(system.axis_links)
        changed = narrowed(system, dimension, factor, axes)
        for message, seconds in zip(messages, alone(messages, changed), strict=True):
            probes[message][dimension] = _Probe(seconds, changed, factor)
    return probes


def _used(seconds: float | None, probes: dict[int, _Probe]) -> tuple[int, ...]:
    """The dimensions that a message feels, as far as narrowing them tells."""
    if seconds is None:
        return ()
    return tuple(number for number, probe in probes.items() if probe.seconds is not None and probe.seconds > seconds)


def _slack_s(message: Message) -> float:
    """What rounding every message of an algorithm to whole nanoseconds may take away."""
    return 2 * (len(message.ranks) - 1) / NS_PER_S


def _too_fast(message: Message, system: System, seconds: float, used: tuple[int, ...]) -> Deviation | None:
    """A message that is faster than its bytes cross the tightest cut."""
    tightest, least_s = _tightest(message, _cuts(message, system))
    if seconds >= least_s * (1 - ROUNDING) - _slack_s(message):
        return None
    return Deviation(
        message=message,
        dimension=tightest,
        link=_link(system, message, tightest),
        used=used,
        seconds=seconds,
        least_s=least_s,
    )


def _unmoved(message: Message, system: System, probes: dict[int, _Probe], used: tuple[int, ...]) -> Deviation | None:
    """A message that is too fast where a dimension is narrower, or takes the same there."""
    slack_s, cuts = _slack_s(message), _cuts(message, system)
    _, least_s = _tightest(message, cuts)
    narrowest = _narrowest(cuts).dimension
    for dimension in dict.fromkeys([narrowest, *(cut.dimension for cut in cuts)]):
        probe = probes[dimension]
        if probe.seconds is None:
            continue
        _, needed_s = _tightest(message, _cuts(message, probe.system))
        too_fast = probe.seconds < needed_s * (1 - ROUNDING) - slack_s
        # Only where it is the narrowest part that is narrowed, every network has to feel it, however little.
        unmoved = dimension == narrowest and dimension not in used and needed_s - least_s > slack_s
        if too_fast or unmoved:
            return Deviation(
                message=message,
                dimension=dimension,
                link=_link(system, message, dimension),
                used=used,
                seconds=probe.seconds,
                least_s=needed_s,
                factor=probe.factor,
            )
    return None


def _whole(messages: Sequence[Message], system: System, alone: Alone) -> dict[Message, float | None]:
    """Answers of messages that degraded links touch, with these links whole."""
    touched = [message for message in messages if system.fabric.touched([message.ranks])[0]] if system.degraded else []
    return dict(zip(touched, alone(touched, attrs.evolve(system, degraded=())), strict=True)) if touched else {}


def _unharmed(message: Message, system: System, seconds: float, whole: dict[Message, float | None]) -> Deviation | None:
    """A message that takes what it takes on a network with nothing degraded, though its cut carries less.

    Certain where all links of the cut do: where some are whole, an algorithm may well send nothing over the others.
    """
    answer_s = whole.get(message)
    if answer_s is None or seconds > answer_s or message.axis in system.axis_links:
        return None
    needed, least_s = _tightest(message, system.fabric.cuts(message.ranks))
    _, whole_s = _tightest(message, system.pristine.cuts(message.ranks))
    left = max((one.bandwidth_factor for one in system.degraded if _touches(one, message, system)), default=1.0)
    if least_s - whole_s <= _slack_s(message):
        return None
    return Deviation(
        message=message,
        dimension=needed,
        link=_link(system, message, needed),
        used=(),
        seconds=seconds,
        least_s=least_s,
        factor=0.0,
        certain=least_s * left >= whole_s * (1 - ROUNDING),
    )


def _touches(one: Degradation, message: Message, system: System) -> bool:
    return bool(Fabric(system.dimensions, (one,)).touched([message.ranks])[0])


def _tightest(message: Message, cuts: Sequence[Cut]) -> tuple[int, float]:
    """The dimension of the cut that takes a communication longest, and the seconds it needs there."""
    needed = [(least_time_s(message.kind, message.size_bytes, [cut]), cut.dimension) for cut in cuts]
    least_s, dimension = max(needed, key=lambda pair: pair[0])
    return dimension, least_s


MOST_NAMED = 2
"""Deviations that are spelt out; the others are counted."""


def check_of(found: Sequence[Deviation], asked: int, system: System) -> Check:
    """The check of a prediction: passed, failed, or deviating as its component declares.

    Args:
        found: What deviates.
        asked: How many distinct communications there are.
        system: The network that everybody got.
    """
    if not asked:
        return Check(name="network", passed=None, detail="nothing is sent over it")
    if not found:
        detail = f"of {asked} distinct communications alone none is faster than the wires, or as fast when narrower"
        return Check(name="network", passed=True, detail=detail)
    undeclared = [deviation for deviation in found if not deviation.declared]
    # Groups that lie differently may deviate in the same words; those are said once.
    told = list(dict.fromkeys(_sentence(deviation, system) for deviation in undeclared or found))
    more = len(told) - MOST_NAMED
    detail = "; ".join(told[:MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")
    if undeclared:
        return Check(name="network", passed=False, detail=detail)
    declared = "; ".join(dict.fromkeys(deviation.declared for deviation in found))
    return Check(name="network", passed=None, detail=detail, declared=declared)


def _sentence(deviation: Deviation, system: System) -> str:
    """On which link what axis seems to be, on which it ought to be, and how that shows."""
    message = deviation.message
    others = [_spelt(system, message, used) for used in deviation.used if used != deviation.dimension]
    where = _spelt(system, message, deviation.dimension)
    if deviation.dimension in deviation.used:
        who = f"{message.axis or 'a group'} too fast for {where}"
    else:
        who = f"{message.axis or 'a group'} on {' and '.join(others) or 'no link at all'}, not on {where}"
    said = f"{who}: {message.kind} of {len(message.ranks)} ranks"
    if deviation.factor == 0:
        return f"{message.axis or 'a group'} on {where} as if nothing were degraded: {message.kind} takes the same"
    narrower = f"{deviation.factor:.3g} times narrower"
    takes, needs = spelt_time(deviation.seconds), spelt_time(deviation.least_s)
    if deviation.factor == 1:
        return f"{said} takes {takes}, but {message.size_bytes} bytes need {needs}"
    if deviation.dimension in deviation.used:
        return f"{said} takes {takes} where that is {narrower} and {needs} are needed"
    return f"{said} takes the same {takes} where that is {narrower}"


def _spelt(system: System, message: Message, dimension: int) -> str:
    rate = f"{_link(system, message, dimension).bandwidth_bytes_per_s / GB:g} GB/s"
    return f"its own link ({rate})" if dimension == OWN_LINK else f"dimension {dimension} ({rate})"
