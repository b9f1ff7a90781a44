"""Steps with compute to the nanosecond, and outcomes in a form that compares them down to the order within ticks."""

from __future__ import annotations

from typing import Any

import numpy as np
from versim_astrasim.engine import Outcome, simulate


def figures(outcome: Outcome) -> dict[str, Any]:
    """Everything an outcome says, comparable."""
    spans, links = outcome.spans, outcome.links
    assert spans is not None
    columns = {f"spans.{name}": getattr(spans, name) for name in ("rank", "node_id", "ready_ns", "start_ns", "end_ns")}
    columns |= {
        f"links.{name}": getattr(links, name) for name in ("bytes_carried", "busy_ns", "queueing_ns", "messages")
    }
    return {
        "status": outcome.status,
        "finish_ns": outcome.finish_ns,
        "finish_order": outcome.finish_order,
        "statistics": outcome.statistics,
        "message_count": outcome.message_count,
        "links": links.name,
        "diagnosis": outcome.diagnosis,
    } | {name: np.asarray(column).tolist() for name, column in columns.items()}


def both(inputs: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Figures with shortcuts and without."""
    return figures(simulate(**inputs)), figures(simulate(**inputs, exactness="plain"))


def timed(node_id: int, duration_ns: int, *deps: int) -> dict[str, Any]:
    """A compute node of so many ns under a roofline of 1 TFLOP/s."""
    attributes = {"num_ops": duration_ns * 1000 + 500, "tensor_size": 1}
    return {"id": node_id, "type": "COMP_NODE", "ctrl_deps": list(deps), "attr": attributes}


def collective(node_id: int, kind: str, size_bytes: int, *deps: int, group: str = "") -> dict[str, Any]:
    """A collective node."""
    attributes = {"comm_type": kind, "comm_size": size_bytes, "pg_name": group}
    return {"id": node_id, "type": "COMM_COLL_NODE", "ctrl_deps": list(deps), "attr": attributes}
