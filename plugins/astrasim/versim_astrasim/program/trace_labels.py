"""What an exported trace says for reading the graph back, beside what simulators read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import NONE, Kind, Op

from versim_astrasim.chakra.labels import NO_LABELS, Labels
from versim_astrasim.chakra.writer import left_out_message
from versim_astrasim.step.translate import Translation


def labels_of(translation: Translation) -> list[Mapping[int, Labels]]:
    """Labels of every rank's nodes by their index in the trace; nodes that need none are left out."""
    numbering = translation.numbering
    said = _said(translation)
    waits = _waits(translation)
    left_out = _left_out(translation, said)
    start, order = numbering.start.tolist(), numbering.order.tolist()
    result: list[Mapping[int, Labels]] = []
    for rank in range(len(translation.given.traces)):
        begin, end = start[rank : rank + 2] if rank + 1 < len(start) else (0, 0)
        if begin == end:
            here = Labels(placeholder=True, beyond=rank + 1 >= len(start), left_out=tuple(left_out.get((rank, 0), ())))
            result.append({0: here})
            continue
        labels = {}
        for index, instance in enumerate(order[begin:end]):
            one = said(instance)
            kept = left_out.get((rank, index), ())
            if kept or instance in waits:
                one = attrs.evolve(one, waits=waits.get(instance), left_out=tuple(kept))
            if one != NO_LABELS:
                labels[index] = one
        result.append(labels)
    return result


def _said(translation: Translation) -> Callable[[int], Labels]:
    """What a graph says about an instance and simulators do not read."""
    instances, encoding_ns = translation.instances, translation.consumed.compute_ns
    graph = instances.graph
    node = instances.node.tolist()
    columns = [column.tolist() for column in (graph.phase, graph.layer, graph.microbatch, graph.op, graph.match)]
    phases, layers, microbatches, ops, matches = columns
    sizes, tags, algorithms, scopes = (
        column.tolist() for column in (graph.size_bytes, graph.tag, graph.algorithm, graph.scope)
    )
    ns = translation.compute_ns.tolist()
    rounded = (translation.compute_ns != encoding_ns).tolist()
    world = tuple(range(graph.mesh.world_size))
    # Of an all-gather the trace has a shard, rounded up.
    gathers = graph.is_kind(Kind.ALL_GATHER).tolist()

    def said(instance: int) -> Labels:
        row = node[instance]
        common = {
            "phase": graph.phases[phases[row]].value,
            "layer": None if layers[row] == NONE else layers[row],
            "microbatch": None if microbatches[row] == NONE else microbatches[row],
        }
        match = matches[row]
        if match == NONE:
            return Labels(**common, compute_ns=ns[row] if rounded[row] else None)
        if ops[row] != Op.COLLECTIVE:
            return Labels(**common, free_tag=tags[match] == NONE)
        ranks = graph.scopes[scopes[match]].ranks
        return Labels(
            **common,
            algorithm=graph.algorithms[algorithms[match]],
            size_bytes=sizes[match] if gathers[match] else None,
            # A group of all ranks is run in the order of ranks.
            ranks=ranks if len(ranks) == len(world) and ranks != world else (),
        )

    return said


def _waits(translation: Translation) -> dict[int, tuple[int, ...]]:
    """The ids that kept instances wait for, of those that wait for one that is left out."""
    instances, kept, ids = translation.instances, translation.kept, translation.numbering.ids
    owner = np.repeat(np.arange(instances.count), np.diff(instances.dependency_start))
    rewired = np.unique(owner[kept[owner] & ~kept[instances.dependency]])
    return {row: _unsigned(ids[_needed(translation, row)]) for row in rewired.tolist()}


def _left_out(translation: Translation, said: Callable[[int], Labels]) -> dict[tuple[int, int], list[bytes]]:
    """Messages of instances that are left out, by rank and by the index of the node that keeps them: the next one."""
    instances, kept, numbering = translation.instances, translation.kept, translation.numbering
    graph, full_start = instances.graph, numbering.full_start
    found: dict[tuple[int, int], list[bytes]] = {}
    there = kept[numbering.full_order]
    before: NDArray[np.int64] = np.cumsum(there) - there
    for place in np.flatnonzero(~there).tolist():
        instance = int(numbering.full_order[place])
        rank = int(instances.rank_class[instance])
        index = int(before[place] - before[full_start[rank]])
        last = int(numbering.start[rank + 1] - numbering.start[rank]) - 1
        message = left_out_message(
            int(numbering.ids[instance]),
            graph.node_name(int(instances.node[instance])),
            _unsigned(numbering.ids[_needed(translation, instance)]),
            said(instance),
        )
        found.setdefault((rank, max(min(index, last), 0)), []).append(message)
    return found


def _needed(translation: Translation, instance: int) -> NDArray[np.int32]:
    """Instances that one waits for."""
    start = translation.instances.dependency_start
    return translation.instances.dependency[start[instance] : start[instance + 1]]


def _unsigned(ids: NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(ids.view(np.uint64).tolist())
