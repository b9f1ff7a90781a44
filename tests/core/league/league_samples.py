"""Records and leagues made by hand, for tests of what is made of them."""

from __future__ import annotations

from typing import Any

from versim.league.column import Column
from versim.league.reading import parse_records
from versim.league.record import RunRecord
from versim.league.result import League, Outcome, RunResult

COLUMN = Column(compute=("fast",), network=("wire",), backend="clock")
OTHER = Column(compute=("slow",), network=("wire",), backend="clock")


def record(**values: Any) -> RunRecord:
    """A record of eight GPUs; what is given replaces a column."""
    cells = {
        "id": "made-1", "framework": "megatron-lm", "gpu": "a100-80gb", "gpus": 8, "model": "llama3-8b",
        "seq_len": 2048, "gbs": 16, "step_s": 1.0,
    } | values  # fmt: skip
    header, row = ",".join(cells), ",".join("" if value is None else str(value) for value in cells.values())
    return parse_records(f"{header}\n{row}\n").runs[0]


def result(predicted_s: float | None, profiled_s: float | None = None, **values: Any) -> RunResult:
    """A run with one column's prediction, and twice that as the other column's."""
    own = Outcome(
        predicted_s=predicted_s,
        profiled_s=predicted_s if profiled_s is None else profiled_s,
        shares={"products": 0.7, "attention": 0.2},
    )
    other = Outcome(
        predicted_s=None if predicted_s is None else 2 * predicted_s,
        profiled_s=None if predicted_s is None else 2 * predicted_s,
    )
    run = record(**values)
    return RunResult(
        record=run,
        outcomes={COLUMN.label: own, OTHER.label: other},
        persistent_gib=10.0,
        peak_gib=30.0,
        fits_gib=79.0,
        peak_s=0.4,
        parameters=8e9,
    )


def league(*results: RunResult) -> League:
    """A league of two columns."""
    return League(results=results, columns=(COLUMN, OTHER))
