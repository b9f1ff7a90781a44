"""When each node of an answer ran, as a sweep keeps it on request: packed into the store, and read again as a table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

import numpy as np

from versim.errors import VersimError
from versim.graph import ExecutionGraph
from versim.prediction import NO_TIME, Prediction, Resource
from versim.storage.database import Store
from versim.units import PS_PER_S

COLUMNS = ("node", "rank", "ready_ps", "start_ps", "end_ps", "resource")
NAMES = "names"


def packed(prediction: Prediction, graph: ExecutionGraph) -> bytes:
    """The spans of a prediction with the names of its nodes, as an ``.npz``."""
    spans = prediction.spans
    columns: dict[str, Any] = {name: getattr(spans, name) for name in COLUMNS}
    columns["name"] = graph.name[spans.node]
    columns[NAMES] = np.frombuffer(json.dumps(list(graph.names)).encode(), dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **columns)
    return buffer.getvalue()


def write_node_times(rows: Sequence[dict[str, Any]], store: Store, out: TextIO) -> int:
    """Write when each node of some answers ran, as CSV: a line per node and rank that is told apart.

    Args:
        rows: Of the store.
        store: Where their answers are.
        out: Where lines go.

    Returns:
        Of how many answers it is known.

    Raises:
        VersimError: Of none.
    """
    keys = list(dict.fromkeys(key for row in rows for key in row["settings"]))
    writer = csv.writer(out, lineterminator="\n")
    told = 0
    for row in rows:
        kept = store.spans(row["digest"], row["fingerprint"]) if row["digest"] else None
        if kept is None:
            continue
        if not told:
            head = ("workload", "pin", "instance", "node", "name", "rank", "resource", "ready_s", "start_s", "end_s")
            writer.writerow([*keys, *head])
        told += 1
        place = [*(row["settings"].get(key) for key in keys), row["workload"], row["pin"], row["instance"]]
        writer.writerows([*place, *line] for line in _lines(kept))
    if not told:
        raise VersimError(
            f"{store.path}: of none of these {len(rows)} answers is kept when nodes ran; "
            "`versim sweep --keep-spans` keeps it"
        )
    return told


def _lines(kept: bytes) -> Iterator[tuple[Any, ...]]:
    with np.load(io.BytesIO(kept), allow_pickle=False) as columns:
        names = json.loads(columns[NAMES].tobytes()) if NAMES in columns else []
        node, rank, resource = (columns[name].tolist() for name in ("node", "rank", "resource"))
        name = columns["name"].tolist() if NAMES in columns else []
        ready, start, end = (
            [None if ps == NO_TIME else ps / PS_PER_S for ps in columns[f"{what}_ps"].tolist()]
            for what in ("ready", "start", "end")
        )
    for place, number in enumerate(node):
        called = names[name[place]] if names else ""
        yield (
            number,
            called,
            rank[place],
            Resource(resource[place]).name.lower(),
            ready[place],
            start[place],
            end[place],
        )
