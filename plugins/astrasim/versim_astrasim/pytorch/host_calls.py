"""Calls on the host, folded into dependencies of what they launched, so that the real program runs what is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Any

from versim_astrasim.chakra.schema import schema
from versim_astrasim.pytorch.options import Host
from versim_astrasim.pytorch.traffic import COMMUNICATION, MESSAGE_TYPES, RankFile, attribute


def fold(files: Sequence[RankFile], how: Host) -> None:
    """Leave host calls out where they are to be, and say what that loses.

    A rank that only its host worked on keeps its calls, as compute of the accelerator: it has nothing else.
    """
    if how == "keep":
        return
    sends = any(node.type in MESSAGE_TYPES for file in files for node in file.nodes)
    for file in files:
        host = {node.id: node for node in file.nodes if _on_host(node)}
        if not host:
            continue
        if file.trace.timed and not file.trace.queued:
            for node in host.values():
                attribute(node, "is_cpu_op").bool_val = False
            file.notes.append(f"{len(host):,} calls on the host are compute of the accelerator: the rank has no other")
            continue
        if how == "auto" and not sends:
            continue
        ordered = _keep_launch_order(file)
        lost_us = sum(file.trace.duration_us.get(id_, 0.0) for id_ in host)
        file.nodes[:] = without(file, host)
        why = "" if how == "fold" else ", since the real program aborts on them where messages end a rank"
        file.notes.append(
            f"{len(host):,} calls on the host ({lost_us:,.1f} µs) were folded into dependencies{why}; --host keep "
            "keeps them"
        )
        if ordered:
            file.notes.append(
                f"{ordered:,} dependencies of communications on compute that had ended before them, and of compute on "
                "what had been received, were added from the recorded times"
            )


def _keep_launch_order(file: RankFile) -> int:
    """Let communications wait for compute, and compute for receives, that had ended when they began; returns how many.

    The host saw to that order. What else overlapped stays free to overlap.
    """
    places = ((file.queued(node.id), node) for node in file.nodes)
    kernels = sorted(((place[1], node.id, node) for place, node in places if place), key=lambda item: item[:2])
    ended: list[tuple[float, Any]] = []
    added = 0
    for start, _, node in kernels:
        wanted = _computes if node.type in COMMUNICATION else _receives
        before = [other for end, other in ended if end <= start and wanted(other)]
        if before and before[-1].id not in (*node.ctrl_deps, *node.data_deps):
            node.data_deps.append(before[-1].id)
            added += 1
        # Of either kind the latest is enough: those before it are on its stream, or it waits for them as well.
        ended = [*ended[-_LOOKED_BACK:], (start + file.trace.duration_us.get(node.id, 0.0), node)]
    return added


_LOOKED_BACK = 32


def _computes(node: Any) -> bool:
    return node.type not in COMMUNICATION


def _receives(node: Any) -> bool:
    return bool(node.type == schema.COMM_RECV_NODE)


def _on_host(node: Any) -> bool:
    said = attribute(node, "is_cpu_op")
    return said is not None and bool(said.bool_val)


def without(file: RankFile, left_out: Mapping[int, Any]) -> list[Any]:
    """The other nodes; what waited for one that is left out waits for what that waited for."""
    deps_of = {id_: [*node.ctrl_deps, *node.data_deps] for id_, node in left_out.items()}
    order = TopologicalSorter({id_: [dep for dep in deps if dep in left_out] for id_, deps in deps_of.items()})
    behind: dict[int, list[int]] = {}
    for id_ in order.static_order():
        behind[id_] = _latest(file, _joined(deps_of[id_], behind))
    kept = [node for node in file.nodes if node.id not in left_out]
    for node in kept:
        for deps in (node.ctrl_deps, node.data_deps):
            if left_out.keys() & set(deps):
                deps[:] = _latest(file, _joined(deps, behind))
    return kept


def _joined(deps: Sequence[int], behind: Mapping[int, Sequence[int]]) -> dict[int, None]:
    found: dict[int, None] = {}
    for dep in deps:
        found.update(dict.fromkeys(behind[dep]) if dep in behind else {dep: None})
    return found


def _latest(file: RankFile, deps: Mapping[int, None]) -> list[int]:
    """Of each stream the last node, which waits for those before it; and what is on no stream."""
    last: dict[int, tuple[float, int]] = {}
    others = []
    for dep in deps:
        place = None if dep in file.parted else file.queued(dep)
        if place is None:
            others.append(dep)
        elif place[0] not in last or last[place[0]] < (place[1], dep):
            last[place[0]] = (place[1], dep)
    return [*others, *(dep for _, dep in last.values())]
