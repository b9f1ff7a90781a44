"""What PyTorch recorded of one rank: its process groups, and the call behind every kernel of NCCL."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import attrs

from versim_astrasim.chakra.process_groups import PROCESS_GROUP_NODE, descriptions_in, groups_in, sizes_in

_TIMES = frozenset({"exclusive_dur", "inclusive_dur"})
"""What linking adds to a host trace's nodes."""

_CALL = "record_param_comms"
"""The node in which PyTorch's NCCL backend describes a communication (ParamCommsUtils.hpp)."""

MESSAGES = frozenset({"send", "recv", "isend", "irecv"})
"""PyTorch's names of messages."""

_NO_COMMUNICATION = frozenset({"", "init", "wait"})
"""Calls that describe none."""

_ON_HOST = re.compile(r"(gloo|mpi|ucc):\w+", re.ASCII)
"""How PyTorch's backends for the CPU name what they do."""


@attrs.frozen
class Call:
    """A communication as PyTorch was asked for it.

    Attributes:
        collective: PyTorch's name of it, such as ``_allgather_base`` or ``send``.
        peer: The other end of a message, as a rank within the group; None if not known.
        group: The process group's name.
        size_bytes: What it handed over, None if not known.
        parts_bytes: What it sends to each rank of the group, where that is recorded.
        tag: Of a message.
    """

    collective: str
    peer: int | None
    group: str
    size_bytes: int | None = None
    parts_bytes: tuple[int, ...] = ()
    tag: int = 0


@attrs.frozen
class Recorded:
    """One rank's linked trace.

    Attributes:
        timed: Whether it is linked: a host trace holds calls without times and none of the device's work.
        groups: Ranks of the process groups by name, in their own order; none are all ranks.
        calls: The call behind a kernel of NCCL, by the kernel's id.
        queued: Stream and start of what took place on the device, by id.
        duration_us: How long nodes took without what they called, by id; with fractions.
        grouped: Messages that a kernel of NCCL carries together, by its id, as far as their calls are recorded.
        awaited: What of the device's work a node waited for, by its id: synchronisation, as HTA finds it.
        without_kernel: How many calls launched no kernel, by their name.
        host_calls: Communications on the CPU whose peers or group are known, by the id of what carried them out.
        on_host: How many other communications took place on the CPU, by backend and name.
        described: What groups are for, by name, where that is said.
        sizes: How many ranks groups have, by name, where that is said.
    """

    timed: bool
    groups: Mapping[str, tuple[int, ...]]
    calls: Mapping[int, Call]
    queued: Mapping[int, tuple[int, float]]
    duration_us: Mapping[int, float]
    grouped: Mapping[int, tuple[Call, ...]]
    awaited: Mapping[int, tuple[int, ...]]
    without_kernel: Mapping[str, int]
    on_host: Mapping[str, int]
    host_calls: Mapping[int, Call] = attrs.field(factory=dict)
    described: Mapping[str, str] = attrs.field(factory=dict)
    sizes: Mapping[str, int] = attrs.field(factory=dict)


def has_times(content: Mapping[str, Any]) -> bool:
    """Whether a trace is linked."""
    return any(isinstance(node, dict) and not _TIMES.isdisjoint(node) for node in content["nodes"])


def device_work(content: Mapping[str, Any]) -> Counter[str]:
    """How much of a linked trace took place on the device, by Kineto's category."""
    nodes = (node for node in content["nodes"] if isinstance(node, dict))
    return Counter(str(node["cat"]) for node in nodes if node.get("cat") is not None)


def recorded(content: Mapping[str, Any]) -> Recorded:
    """What a linked trace says, its nodes being such as the converter takes."""
    nodes = {node["id"]: node for node in content["nodes"]}
    groups: dict[str, tuple[int, ...]] = {}
    described: dict[str, str] = {}
    sizes: dict[str, int] = {}
    hosted: dict[int, str] = {}
    calls: dict[int, Call] = {}
    launching: set[Any] = set()
    for node in nodes.values():
        if PROCESS_GROUP_NODE in node["name"]:
            values = str(node["inputs"]["values"])
            groups.update(groups_in(values))
            described.update(descriptions_in(values))
            sizes.update(sizes_in(values))
        elif node.get("cat") is None and (found := _ON_HOST.match(node["name"])):
            hosted[node["id"]] = found.group()
        elif "nccl" in node["name"]:
            above = _calls_above(nodes, node)
            launching.update(above)
            if above:
                calls[node["id"]] = _call(nodes[above[0]])
    # The group of a communication on the CPU is not recorded: where only one has more than one rank, it is that.
    one = all(len(ranks) == 1 for name, ranks in groups.items() if name != "0")
    asked = {id_: _host_call(nodes, id_) for id_ in hosted} if one else {}
    host_calls = {id_: call for id_, call in asked.items() if call is not None}
    on_host = Counter(name for id_, name in hosted.items() if id_ not in host_calls)
    alone = [_call(node) for id_, node in nodes.items() if node["name"] == _CALL and id_ not in launching]
    silent = Counter(call.collective for call in alone if call.collective not in _NO_COMMUNICATION)
    queued = {
        id_: (node["stream"], node["ts"])
        for id_, node in nodes.items()
        if node.get("cat") is not None and type(node.get("stream")) is int and _begins(node) is not None
    }
    durations = {
        id_: float(node["exclusive_dur"])
        for id_, node in nodes.items()
        if isinstance(node.get("exclusive_dur"), int | float)
    }
    grouped = _grouped(nodes, calls, launching)
    for call in (call for called in grouped.values() for call in called):
        silent[call.collective] -= 1
    return Recorded(
        timed=has_times(content),
        groups=groups,
        calls=calls,
        queued=queued,
        duration_us=durations,
        grouped=grouped,
        awaited=_awaited(nodes, queued),
        without_kernel=+silent,
        on_host=on_host,
        host_calls=host_calls,
        described=described,
        sizes=sizes,
    )


def _grouped(
    nodes: Mapping[Any, Any], calls: Mapping[int, Call], launching: AbstractSet[Any]
) -> dict[int, tuple[Call, ...]]:
    """Sends and receives without a kernel of their own, by the kernel of the group that they were called in.

    PyTorch's batch_isend_irecv calls each of them, and at the end the group, which launches one kernel for all.
    """
    found: dict[int, tuple[Call, ...]] = {}
    kernel_of: dict[Any, int] = {}
    for id_ in calls:
        for place in _calls_above(nodes, nodes[id_]):
            kernel_of[place] = id_
    waiting: list[Call] = []
    for id_ in sorted(id_ for id_, node in nodes.items() if node["name"] == _CALL and node.get("cat") is None):
        call = _call(nodes[id_])
        if id_ not in launching and call.collective in MESSAGES:
            waiting.append(call)
        elif id_ in kernel_of and is_group(call.collective):
            if waiting:
                found[kernel_of[id_]] = tuple(waiting)
            waiting = []
    return found


HOST_COLLECTIVES = frozenset({"all_reduce", "all_gather", "reduce_scatter", "all_to_all", "broadcast"})
"""What backends for the CPU call collectives that a Chakra trace has."""


def _host_call(nodes: Mapping[Any, Any], id_: int) -> Call | None:
    """A communication on the CPU, None if the call that asked for it does not say enough.

    What carried it out has its tensors; the call of c10d around it, ``send(tensors, group, peer, tag)``, the peer.
    """
    node = nodes[id_]
    name = node["name"].partition(":")[2]
    size = sum(
        tensor[3] * tensor[4]
        for tensor in node["inputs"]["values"]
        if isinstance(tensor, list) and len(tensor) > 4 and all(type(number) is int for number in tensor[3:5])
    )
    if name in HOST_COLLECTIVES:
        return Call(name, None, "0", size)
    asked = nodes.get(node["ctrl_deps"])
    if name not in MESSAGES or asked is None or not str(asked["name"]).startswith(f"c10d::{name}"):
        return None
    numbers = [value for value in asked["inputs"]["values"] if type(value) is int]
    if len(numbers) < 2 or min(numbers[:2]) < 0:
        return None
    return Call(name, numbers[0], "0", size, tag=numbers[1])


def is_group(collective: str) -> bool:
    """Whether PyTorch's name of a communication is that of a group of sends and receives."""
    return "coalesced" in collective or "batch" in collective


def world_size(trace: Recorded) -> int:
    """Ranks of the run that was recorded, as far as its groups tell; 0 if they do not."""
    named = [rank for ranks in trace.groups.values() for rank in ranks]
    return max([len(trace.groups.get("0", ())), trace.sizes.get("0", 0), *(rank + 1 for rank in named)])


def _begins(node: Mapping[str, Any]) -> float | None:
    """When a node began, in microseconds; None if it is not linked."""
    return node["ts"] if isinstance(node.get("ts"), int | float) else None


def _awaited(nodes: Mapping[Any, Any], queued: Mapping[int, tuple[int, float]]) -> dict[int, tuple[int, ...]]:
    """What nodes waited for, without what began after them: HTA finds false ones, which the converter means to skip."""
    found = {}
    for id_, node in nodes.items():
        here = _begins(node)
        if here is not None and isinstance(node.get("sync_dep"), list):
            earlier = tuple(dep for dep in node["sync_dep"] if dep in queued and queued[dep][1] < here)
            found.update({id_: earlier} if earlier else {})
    return found


def _calls_above(nodes: Mapping[Any, Any], node: Mapping[str, Any]) -> list[Any]:
    """Ids of the calls a kernel was launched in, innermost first."""
    found, seen = [], set()
    place = node["ctrl_deps"]
    while place in nodes and place not in seen:
        seen.add(place)
        # What the linker makes of a kernel is a copy of its launching node, under another name.
        if nodes[place]["name"] == _CALL and nodes[place].get("cat") is None:
            found.append(place)
        place = nodes[place]["ctrl_deps"]
    return found


def _call(node: Mapping[str, Any]) -> Call:
    """What a node says of its communication.

    Its inputs are ([tensors,] sequence number, group, rank or peer, name of the collective, sizes of what goes to and
    comes from each rank, …), see RECORD_PARAM_COMMS in PyTorch's ParamCommsUtils.hpp; the peer is a rank within the
    group. Sizes count elements.
    """
    more = {attribute["name"]: attribute["value"] for attribute in node.get("attrs", ())}
    values, types = node["inputs"]["values"], node["inputs"]["types"]
    texts = [place for place, kind in enumerate(types[: len(values)]) if kind == "String"]
    peer = values[texts[-1] - 1] if texts and texts[-1] else None
    name = more.get("collective_name") or (values[texts[-1]] if texts else "")
    size, element_bytes = _handed_over(values)
    splits = values[texts[-1] + 1] if texts and len(values) > texts[-1] + 1 else None
    sound = isinstance(splits, list) and all(type(part) is int and part >= 0 for part in splits)
    parts = tuple(part * element_bytes for part in splits) if sound and isinstance(splits, list) else ()
    return Call(
        collective=str(name),
        peer=peer if type(peer) is int else None,
        group=str(more.get("pg_name", "")),
        size_bytes=size,
        parts_bytes=parts if size is not None and sum(parts) == size else (),
    )


def _handed_over(values: Sequence[Any]) -> tuple[int | None, int]:
    """Bytes of a call's tensors, None if they are not recorded; and of one element."""
    total, element_bytes, seen = 0, 1, False
    for tensor in values[0] if values and isinstance(values[0], list) else ():
        # A tensor is (id, storage, offset, elements, bytes per element, device).
        if isinstance(tensor, list) and len(tensor) > 4 and all(type(number) is int for number in tensor[3:5]):
            total, element_bytes, seen = total + tensor[3] * tensor[4], tensor[4], True
    return (total if seen else None), element_bytes
