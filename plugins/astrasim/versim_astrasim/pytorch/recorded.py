"""What PyTorch recorded of one rank: its process groups, and the call behind every kernel of NCCL."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from versim import VersimError

from versim_astrasim.chakra.process_groups import PROCESS_GROUP_NODE, groups_in

_TIMES = frozenset({"exclusive_dur", "inclusive_dur"})
"""What linking adds to a host trace's nodes."""

_NEEDED = ("schema", "pid", "time", "start_ts", "finish_ts", "nodes")

_CALL = "record_param_comms"
"""The node in which PyTorch's NCCL backend describes a communication (ParamCommsUtils.hpp)."""

_NO_COMMUNICATION = frozenset({"", "init", "wait"})
"""Calls that describe none."""

_ON_HOST = re.compile(r"(gloo|mpi|ucc):\w+", re.ASCII)
"""How PyTorch's backends for the CPU name what they do."""

_GZIP = b"\x1f\x8b"


class ConversionError(VersimError):
    """A trace cannot be linked or converted; the message says which, why and what to do."""


@attrs.frozen
class Call:
    """A communication as PyTorch was asked for it.

    Attributes:
        collective: PyTorch's name of it, such as ``_allgather_base`` or ``send``.
        peer: The other end of a message, as a rank within the group; None if not known.
        group: The process group's name.
    """

    collective: str
    peer: int | None
    group: str


@attrs.frozen
class Recorded:
    """One rank's linked trace.

    Attributes:
        timed: Whether it is linked: a host trace holds calls without times and none of the device's work.
        groups: Ranks of the process groups by name, in their own order; none are all ranks.
        calls: The call behind a kernel of NCCL, by the kernel's id.
        queued: Stream and start of what took place on the device, by id.
        awaited: What of the device's work a node waited for, by its id: synchronisation, as HTA finds it.
        without_kernel: How many calls launched no kernel, by their name.
        on_host: How many communications took place on the CPU, by backend and name.
    """

    timed: bool
    groups: Mapping[str, tuple[int, ...]]
    calls: Mapping[int, Call]
    queued: Mapping[int, tuple[int, float]]
    awaited: Mapping[int, tuple[int, ...]]
    without_kernel: Mapping[str, int]
    on_host: Mapping[str, int]


def content_of(path: Path) -> Any:
    """What is in a JSON file.

    Raises:
        ConversionError: It cannot be read, or is no JSON.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConversionError(f"cannot read {path}: {error.strerror or error}") from error
    if content.startswith(_GZIP):
        raise ConversionError(f"{path} is compressed (gzip); gunzip it first")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ConversionError(f"{path} is no JSON: {error}") from error


def host_trace(path: Path) -> Mapping[str, Any]:
    """A host trace's content, linked or not.

    Raises:
        ConversionError: The file is something else, or of a schema that is not converted.
    """
    content = content_of(path)
    if isinstance(content, dict) and "traceEvents" in content:
        raise ConversionError(
            f"{path} is a Kineto trace; name the host trace, and this one with --kineto, to link them first"
        )
    missing = [key for key in _NEEDED if not isinstance(content, dict) or key not in content]
    if missing:
        hint = " (linking adds times)" if "start_ts" in missing or "finish_ts" in missing else ""
        raise ConversionError(
            f"{path} is no execution trace of PyTorch: {', '.join(missing)} missing{hint}; record it with "
            "torch.profiler.ExecutionTraceObserver"
        )
    from chakra.src.converter.pytorch_node import PyTorchNode  # noqa: PLC0415 - only here

    known = PyTorchNode.SUPPORTED_VERSIONS
    if content["schema"] not in known:
        raise ConversionError(
            f"{path} has schema {content['schema']!r}; mlc-chakra converts {', '.join(known)}. The schema is that of "
            "the PyTorch version that recorded the trace"
        )
    if not isinstance(content["nodes"], list) or not content["nodes"]:
        raise ConversionError(f"{path} has no nodes")
    return dict(content)


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
    on_host: Counter[str] = Counter()
    calls: dict[int, Call] = {}
    launching: set[Any] = set()
    for node in nodes.values():
        if PROCESS_GROUP_NODE in node["name"]:
            groups.update(groups_in(str(node["inputs"]["values"])))
        elif node.get("cat") is None:
            on_host.update(found.group() for found in [_ON_HOST.match(node["name"])] if found)
        elif "nccl" in node["name"]:
            above = _calls_above(nodes, node)
            launching.update(above)
            if above:
                calls[node["id"]] = _call(nodes[above[0]])
    alone = [_call(node) for id_, node in nodes.items() if node["name"] == _CALL and id_ not in launching]
    silent = Counter(call.collective for call in alone if call.collective not in _NO_COMMUNICATION)
    queued = {
        id_: (node["stream"], node["ts"])
        for id_, node in nodes.items()
        if node.get("cat") is not None and type(node.get("stream")) is int and _begins(node) is not None
    }
    return Recorded(has_times(content), groups, calls, queued, _awaited(nodes, queued), silent, on_host)


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

    Its inputs are ([tensors,] sequence number, group, rank or peer, name of the collective, …), see RECORD_PARAM_COMMS
    in PyTorch's ParamCommsUtils.hpp; the peer is a rank within the group.
    """
    more = {attribute["name"]: attribute["value"] for attribute in node.get("attrs", ())}
    values, types = node["inputs"]["values"], node["inputs"]["types"]
    texts = [place for place, kind in enumerate(types[: len(values)]) if kind == "String"]
    peer = values[texts[-1] - 1] if texts and texts[-1] else None
    name = more.get("collective_name") or (values[texts[-1]] if texts else "")
    return Call(str(name), peer if type(peer) is int else None, str(more.get("pg_name", "")))
