"""Recorded durations: their fractions of a microsecond, and those that cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from versim_astrasim.chakra.labels import PREFIX
from versim_astrasim.pytorch.documents import ConversionError
from versim_astrasim.pytorch.options import Durations
from versim_astrasim.pytorch.rank_trace import Recorded
from versim_astrasim.pytorch.traffic import COMMUNICATION

_NS_PER_US = 1000
_BEYOND = 10
"""A kernel longer than this many times all that its rank recorded is refused, not noted."""

_SLACK_US = 1.0
"""Clocks of host and device differ by less; kernels of one stream may overlap at their ends."""

_SHOWN = 3


def check(trace: Recorded, names: dict[int, str], path: Path, rank: int, how: Durations) -> list[str]:
    """Notes on durations longer than what their stream leaves.

    Raises:
        ConversionError: Durations below 0, or a kernel that lasts far longer than everything that was recorded.
    """
    negative = [id_ for id_, duration in trace.duration_us.items() if duration < 0]
    if negative:
        first = negative[0]
        raise ConversionError(
            f"{path}: rank {rank}: node {first} ({names.get(first, '')!r}) lasts {trace.duration_us[first]:,.10g} µs"
            + (f", and so do {len(negative) - 1} more below 0" if len(negative) > 1 else "")
            + "; a clock went backwards while it was recorded: record the trace again, or correct the node's "
            "exclusive_dur in the file"
        )
    too_long = excesses(trace)
    if not too_long:
        return []
    begins = [start for _, start in trace.queued.values()]
    span_us = max(begins) - min(begins)
    worst, room_us = max(too_long.items(), key=lambda item: trace.duration_us[item[0]] - item[1])
    duration_us = trace.duration_us[worst]
    said = (
        f"node {worst} ({names.get(worst, '')!r}) lasts {duration_us:,.10g} µs, {duration_us - room_us:,.10g} µs "
        f"longer than the {room_us:,.10g} µs until the next kernel of its stream begins"
    )
    if how == "stream":
        return [f"{len(too_long):,} durations were cut to what their stream leaves; the longest: {said}"]
    if duration_us > _BEYOND * max(span_us, room_us):
        raise ConversionError(
            f"{path}: rank {rank}: {said}, and all else that was recorded takes {span_us:,.10g} µs; --durations stream "
            "cuts such durations to what their stream leaves"
        )
    note = f"{len(too_long):,} kernels last longer than what their stream leaves; the longest: {said}"
    return [f"{note}; --durations stream cuts them"]


def excesses(trace: Recorded) -> dict[int, float]:
    """Kernels that last longer than until the next of their stream begins, with the time until then in µs."""
    by_stream: dict[int, list[tuple[float, int]]] = {}
    for id_, (stream, start) in trace.queued.items():
        by_stream.setdefault(stream, []).append((start, id_))
    found = {}
    for kernels in by_stream.values():
        kernels.sort()
        for (start, id_), (following, _) in pairwise(kernels):
            room_us = following - start
            # How long a communication was recorded to take is not used.
            if id_ not in trace.calls and trace.duration_us.get(id_, 0.0) > room_us + _SLACK_US:
                found[id_] = room_us
    return found


def write(nodes: Sequence[Any], trace: Recorded, how: Durations) -> list[str]:
    """Write durations into nodes: nanoseconds beside, and whole microseconds whose sum is right.

    What is left over of one node's microseconds is passed on to the next, so that the real program's sum is off by half
    a microsecond at most.
    """
    cut = excesses(trace) if how == "stream" else {}
    rounded = 0
    carried_ns = {True: 0, False: 0}
    lost_ns = total_ns = host_ns = 0
    for node in nodes:
        recorded_us = trace.duration_us.get(node.id)
        if recorded_us is None or node.type in COMMUNICATION or (not node.duration_micros and recorded_us >= 1):
            continue  # the converter gives some annotations no time
        duration_ns = round(min(recorded_us, cut.get(node.id, recorded_us)) * _NS_PER_US)
        if not duration_ns:
            continue
        host = any(each.name == "is_cpu_op" and each.bool_val for each in node.attr)
        carried_ns[host] += duration_ns
        micros = (carried_ns[host] + _NS_PER_US // 2) // _NS_PER_US
        carried_ns[host] -= micros * _NS_PER_US
        node.duration_micros = micros
        total_ns += 0 if host else duration_ns
        host_ns += duration_ns if host else 0
        if micros * _NS_PER_US != duration_ns:
            rounded += 1
            lost_ns = max(lost_ns, abs(micros * _NS_PER_US - duration_ns))
            node.attr.add(name=f"{PREFIX}compute_ns", int64_val=duration_ns)
    if not rounded:
        return []
    sums = [f"{total_ns / _NS_PER_US:,.1f} µs of kernels" if total_ns else ""]
    sums += [f"{host_ns / _NS_PER_US:,.1f} µs on the host" if host_ns else ""]
    note = (
        f"{rounded:,} durations have fractions of a microsecond, which versim reads from an attribute; what the real "
    )
    note += f"program is given is rounded, off by {lost_ns} ns at most for one node and right in sum "
    note += f"({', '.join(filter(None, sums))}); exporting with versim encodes the nanoseconds exactly"
    return [note]
