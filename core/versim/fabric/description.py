"""A system in words: its dimensions, what it carries in all, the way of a pair, and what each parallelism crosses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from versim.fabric.degradation import Degradation
from versim.fabric.message import Message
from versim.fabric.system import System
from versim.units import GB, GIB

TERA = 10**12


def system_lines(system: System) -> Iterator[str]:
    """A system, line by line, without what runs on it."""
    fabric = system.fabric
    yield f"endpoints   {system.world_size:,}"
    for number, dimension in enumerate(system.dimensions):
        link = dimension.link
        shared = f", {dimension.oversubscription:g} times oversubscribed" if dimension.oversubscription != 1 else ""
        outermost = system.endpoints is not None and number == len(system.dimensions) - 1
        places = fabric.strides[number]
        partly = f", the last one with {system.world_size % places} of its {places} ranks" if outermost else ""
        across = fabric.bisection_bytes_per_s(number) / GB if dimension.size > 1 else 0.0
        yield (
            f"dimension {number} {dimension.topology.value} of {dimension.size}: links of "
            f"{link.bandwidth_bytes_per_s / GB:g} GB/s and {link.latency_s * 1e6:g} µs{shared}{partly}; "
            f"{across:,.6g} GB/s between its halves, over all"
        )
    for axis, link in sorted(system.axis_links.items()):
        yield f"{axis:<11} has a link of its own: {link.bandwidth_bytes_per_s / GB:g} GB/s, {link.latency_s * 1e6:g} µs"
    yield from (f"degraded    {_spelt(one)}" for one in system.degraded)
    device = system.device
    yield f"device      {device.name}"
    if device.peak_flop_per_s:
        peaks = ", ".join(f"{dtype} {peak / TERA:g}" for dtype, peak in device.peak_flop_per_s.items())
        yield f"            dense TFLOP/s: {peaks}"
    if device.memory_bytes or device.memory_bandwidth_bytes_per_s:
        rate = device.memory_bandwidth_bytes_per_s / TERA
        yield f"            {device.memory_bytes / GIB:g} GiB of memory at {rate:g} TB/s"
    if system.world_size > 1:
        last = system.world_size - 1
        hops = fabric.path(0, last)
        way = fabric.path_link(0, last)
        yield (
            f"0 to {last}: {way.bandwidth_bytes_per_s / GB:g} GB/s, {way.latency_s * 1e6:.4g} µs over "
            + ", ".join(hop.name for hop in hops[:8])
            + (" …" if len(hops) > 8 else "")
        )


def crossing_lines(messages: Iterable[Message], system: System) -> Iterator[str]:
    """What each parallelism crosses: one line per axis and way in which its groups lie."""
    kinds: dict[tuple[str, bytes], tuple[Message, dict[str, None]]] = {}
    for message in messages:
        if len(message.ranks) > 1:
            key = (message.axis, system.fabric.signature(message.ranks))
            kinds.setdefault(key, (message, {}))[1][str(message.kind)] = None
    for message, named in kinds.values():
        spread = system.fabric.spread(message.ranks)
        levels = " and ".join(f"dimension {level.dimension} ({level.size} wide)" for level in spread.levels)
        cut = system.fabric.narrowest_cut(message.ranks)
        grid = "" if spread.regular else ", no grid"
        touched = ", touched by what is degraded" if system.fabric.touched([message.ranks])[0] else ""
        narrowest = (
            f"{cut.bandwidth_bytes_per_s / GB:g} GB/s, {cut.inside} | {cut.outside}, in dimension {cut.dimension}"
        )
        yield (
            f"{message.axis or 'a group':<11} {spread.participants} ranks cross {levels}{grid}: narrowest {narrowest}"
            f"{touched} ({', '.join(named)})"
        )


def _spelt(one: Degradation) -> str:
    where: Mapping[str, Sequence[int]] = {
        "links of ranks": one.ranks,
        "all links of node": () if one.node is None else (one.node,),
        "the link between": one.link,
    }
    place = next(f"{words} {', '.join(map(str, named))}" for words, named in where.items() if named)
    effects = []
    if one.down:
        effects.append("down")
    if one.bandwidth_factor != 1:
        effects.append(f"{one.bandwidth_factor:g} of the bandwidth")
    if one.added_latency_s:
        effects.append(f"{one.added_latency_s * 1e6:g} µs later")
    return f"{place} in dimension {one.dimension}: {', '.join(effects)}"
