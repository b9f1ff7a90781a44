"""What a simulator consumed, held against what was pinned: every change of compute and bytes, node by node."""

from __future__ import annotations

from typing import Any

import numpy as np

from versim.graph import Op
from versim.inputs import Inputs
from versim.prediction import NO_TIME, Prediction
from versim.storage.form import SIGNED, Columns, Flag, Integer, Key, Many, Maybe, Record, Text

MOST_LOSSES = 1_000
"""Nodes whose loss is spelt out; the columns have them all."""


def losses(prediction: Prediction, pinned: Inputs) -> dict[str, Any]:
    """What was used, and every node whose compute or bytes differ from what was pinned.

    A compute node of 0 ns that a simulator leaves out loses nothing.
    """
    graph, consumed = pinned.graph, prediction.consumed
    compute = graph.op == Op.COMPUTE
    left_out = compute & (consumed.compute_ns == NO_TIME) & (pinned.compute_ns != 0)
    change_ns = np.where(compute & (consumed.compute_ns != NO_TIME), consumed.compute_ns - pinned.compute_ns, 0)
    unmoved = consumed.size_bytes == NO_TIME
    change_bytes = np.where(unmoved, 0, consumed.size_bytes - graph.size_bytes)
    nodes = np.flatnonzero(left_out | (change_ns != 0)).tolist()
    messages = np.flatnonzero(unmoved | (change_bytes != 0)).tolist()
    return {
        "as_pinned": not nodes and not messages,
        "notes": consumed.notes,
        "compute_nodes_changed": int((change_ns != 0).sum()),
        "compute_nodes_left_out": int(left_out.sum()),
        "compute_change_net_ns": int(change_ns.sum()),
        "compute_change_absolute_ns": int(np.abs(change_ns).sum()),
        "communications_changed": int((change_bytes != 0).sum()),
        "communications_left_out": int(unmoved.sum()),
        "communication_change_net_bytes": int(change_bytes.sum()),
        "communication_change_absolute_bytes": int(np.abs(change_bytes).sum()),
        "compute_losses": [
            {
                "node": node,
                "name": graph.node_name(node),
                "pinned_ns": int(pinned.compute_ns[node]),
                "consumed_ns": None if left_out[node] else int(consumed.compute_ns[node]),
            }
            for node in nodes[:MOST_LOSSES]
        ],
        "communication_losses": [
            {
                "communication": match,
                "pinned_bytes": int(graph.size_bytes[match]),
                "consumed_bytes": None if unmoved[match] else int(consumed.size_bytes[match]),
            }
            for match in messages[:MOST_LOSSES]
        ],
        "compute": {"compute_ns": consumed.compute_ns},
        "communication": {"size_bytes": consumed.size_bytes},
    }


_NODE = Record(
    "A node whose compute is not as pinned.",
    keys={
        "node": Key(Integer(), "Row."),
        "name": Key(Text(), "Its name."),
        "pinned_ns": Key(Integer(), "What everybody was given."),
        "consumed_ns": Key(Maybe(SIGNED), "Null if left out."),
    },
)

_COMMUNICATION = Record(
    "A communication whose size is not as pinned.",
    keys={
        "communication": Key(Integer(), "Its number."),
        "pinned_bytes": Key(Integer(), "What everybody was given."),
        "consumed_bytes": Key(Maybe(SIGNED), "Null if left out."),
    },
)

CONSUMED = Record(
    "What the simulator really used, after its own rounding and conversion.",
    name="consumed",
    keys={
        "as_pinned": Key(Flag(), "True if nothing was lost.", kept=False),
        "notes": Key(Many(Text()), "What was lost and why."),
        "compute_nodes_changed": Key(Integer(), "Nodes whose compute changed.", kept=False),
        "compute_nodes_left_out": Key(Integer(), "Nodes with compute that were not represented.", kept=False),
        "compute_change_net_ns": Key(SIGNED, "Sum of changes.", kept=False),
        "compute_change_absolute_ns": Key(Integer(), "Sum of absolute changes.", kept=False),
        "communications_changed": Key(Integer(), "Communications whose size changed.", kept=False),
        "communications_left_out": Key(Integer(), "Communications that were not represented.", kept=False),
        "communication_change_net_bytes": Key(SIGNED, "Sum of changes.", kept=False),
        "communication_change_absolute_bytes": Key(Integer(), "Sum of absolute changes.", kept=False),
        "compute_losses": Key(Many(_NODE), f"The first {MOST_LOSSES}.", kept=False),
        "communication_losses": Key(Many(_COMMUNICATION), f"The first {MOST_LOSSES}.", kept=False),
        "compute": Key(Columns("consumed_compute", "One row per node.")),
        "communication": Key(Columns("consumed_communication", "One row per communication.")),
    },
)
