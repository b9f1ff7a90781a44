"""What an exported trace says for reading the graph back, beside what simulators read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from versim import KINDS, NONE, PHASES, Kind, Op

from versim_astrasim.chakra import NO_LABELS, Labels
from versim_astrasim.translate import Translation


def labels_of(translation: Translation) -> list[Mapping[int, Labels]]:
    """Labels of every rank's nodes by their index in the trace; nodes that need none are left out."""
    instances, numbering = translation.instances, translation.numbering
    graph = instances.graph
    order = numbering.order
    node = instances.node[order]
    match = graph.match[node]
    given = np.where(match != NONE, match, 0)
    columns = (
        graph.phase[node].tolist(),
        graph.layer[node].tolist(),
        graph.microbatch[node].tolist(),
        graph.op[node].tolist(),
        (graph.algorithm[given] if graph.communication_count else given).tolist(),
        (graph.size_bytes[given] if graph.communication_count else given).tolist(),
        (graph.tag[given] if graph.communication_count else given).tolist(),
        np.where(match != NONE, graph.kind[given] if graph.communication_count else given, NONE).tolist(),
    )
    # Of an all-gather the trace has a shard, rounded up.
    gathers = KINDS.index(Kind.ALL_GATHER)
    rows = [
        Labels(
            phase=PHASES[phase].value,
            layer=None if layer == NONE else layer,
            microbatch=None if microbatch == NONE else microbatch,
            algorithm=graph.algorithms[algorithm] if op == Op.COLLECTIVE else "",
            size_bytes=size_bytes if kind == gathers else None,
            free_tag=op in (Op.SEND, Op.RECV) and tag == NONE,
        )
        for phase, layer, microbatch, op, algorithm, size_bytes, tag, kind in zip(*columns, strict=True)
    ]
    start = numbering.start.tolist()
    result: list[Mapping[int, Labels]] = []
    for rank in range(len(translation.given.traces)):
        begin, end = start[rank : rank + 2] if rank + 1 < len(start) else (0, 0)
        if begin == end:
            result.append({0: Labels(placeholder=True, beyond=rank + 1 >= len(start))})
            continue
        result.append({index: labels for index, labels in enumerate(rows[begin:end]) if labels != NO_LABELS})
    return result
