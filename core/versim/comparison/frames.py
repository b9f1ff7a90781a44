"""A report as data frames: totals, operations or spans, one row each, units in the names of columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from versim.comparison.model import Comparison, Result
from versim.errors import VersimError
from versim.units import PS_PER_S

Placed = tuple[str, Comparison, Result]
"""The label of a workload, and a result with its comparison."""


def data_frame(results: Iterable[Placed], table: str) -> Any:
    """A ``pandas.DataFrame``.

    Args:
        results: What it is about.
        table: ``totals``, a row per prediction; ``operations``, a row per name of a node, phase and prediction;
            ``spans``, a row per execution and prediction.

    Raises:
        VersimError: pandas is not installed, or there is no such table.
    """
    makers: dict[str, Callable[[Placed], Any]] = {"totals": _totals, "operations": _operations, "spans": _spans}
    if table not in makers:
        raise VersimError(f"no table {table!r}; there are {', '.join(makers)}")
    try:
        import pandas as pd  # type: ignore[import-untyped, unused-ignore]  # noqa: PLC0415 - only for frames
    except ImportError:
        raise VersimError("data frames need pandas; install it (pip install pandas), or use `-f csv`") from None
    parts = [pd.DataFrame(makers[table](placed)) for placed in results]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _where(placed: Placed) -> dict[str, str]:
    workload, comparison, result = placed
    return {"workload": workload, "pin": comparison.inputs.label, "instance": result.label}


def _seconds(time_ps: int | None) -> float | None:
    return None if time_ps is None else time_ps / PS_PER_S


def _totals(placed: Placed) -> list[dict[str, Any]]:
    result = placed[2]
    totals, sanity = result.totals, result.sanity
    row: dict[str, Any] = {
        **_where(placed),
        "status": result.prediction.status.value,
        "makespan_s": _seconds(result.prediction.makespan_ps),
        "difference_s": _seconds(result.difference_ps),
        "difference_percent": result.difference_percent,
    }
    for name in ("compute", "communication", "exposed_communication", "idle"):
        row[f"{name}_s"] = None if totals is None else _seconds(getattr(totals, f"{name}_ps"))
    for name in ("mfu", "tokens_per_s_per_rank", "peak_bytes"):
        row[name] = None if sanity is None else getattr(sanity, name)
    return [row]


def _operations(placed: Placed) -> list[dict[str, Any]]:
    return [
        {
            **_where(placed),
            "operation": row.key,
            "phase": row.phase,
            "count": row.count,
            "total_s": _seconds(row.total_ps),
            "mean_s": row.mean_ps / PS_PER_S,
        }
        for row in placed[2].operations
    ]


def _spans(placed: Placed) -> dict[str, Any]:
    spans, graph = placed[2].prediction.spans, placed[1].inputs.graph
    names = [graph.names[code] for code in graph.name[spans.node].tolist()]
    times = {name: getattr(spans, f"{name}_ps") / PS_PER_S for name in ("start", "end")}
    return {
        **_where(placed),
        "node": spans.node,
        "name": names,
        "rank": spans.rank,
        "start_s": times["start"],
        "end_s": times["end"],
    }
