"""What version 1 of the report says differently: the digest of its graphs.

Versions up to 0.1.0 wrote it. Kinds and phases were numbered by enumerations, in columns of one byte; the tables of
these numbers stand in the file, so a reader of tables reads them. The digest went over the six kinds there were, in use
or not, over their numbers, and not over the system.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np
from numpy.typing import NDArray

from versim.errors import VersimError
from versim.graph import ExecutionGraph

DTYPES = {"nodes": {"phase": np.int8}, "communications": {"kind": np.int8}}
"""Columns whose type was another."""

_KINDS = ("all_reduce", "all_gather", "reduce_scatter", "all_to_all", "broadcast", "point_to_point")


def digest_of(graph: ExecutionGraph, compute_ns: NDArray[np.int64]) -> str:
    """The digest that version 1 gave a pinned graph.

    Raises:
        VersimError: The graph has a kind of communication that version 1 did not have.
    """
    unknown = [kind.value for kind in graph.kinds if kind not in _KINDS]
    if unknown:
        raise VersimError(f"version 1 has no kind {unknown[0]!r}")
    code = np.array([_KINDS.index(kind) for kind in graph.kinds] or [0], dtype=np.int8)
    tables = {
        "mesh": [list(graph.mesh.names), list(graph.mesh.sizes)],
        "placements": [[list(i) if i is not None else None for i in p.indices] for p in graph.placements],
        "scopes": [[list(scope.axes), list(scope.ranks)] for scope in graph.scopes],
        "algorithms": list(graph.algorithms),
        "kinds": list(_KINDS),
    }
    content = hashlib.sha256(json.dumps(tables, sort_keys=True).encode())
    columns = (graph.op, graph.placement, graph.match, graph.dependency_start, graph.dependency, code[graph.kind])
    messages = (graph.size_bytes, graph.scope, graph.algorithm, graph.tag)
    for column in (*columns, *messages, compute_ns):
        content.update(f"{column.dtype.str}{column.shape}".encode())
        content.update(np.ascontiguousarray(column).data)
    for attributes in (graph.node_attributes, graph.communication_attributes):
        for name in sorted(attributes):
            content.update(json.dumps([name, len(attributes[name])]).encode())
            content.update(np.ascontiguousarray(attributes[name], dtype=np.int64).data)
    return content.hexdigest()
