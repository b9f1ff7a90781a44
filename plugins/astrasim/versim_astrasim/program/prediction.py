"""What the real program answers ─▶ a prediction for the graph that was given."""

from __future__ import annotations

import numpy as np
from versim import Inputs, Prediction, Spans, Status

from versim_astrasim.program import launch
from versim_astrasim.program.failure import ending
from versim_astrasim.program.launch import Run
from versim_astrasim.program.parse import ProgramOutput
from versim_astrasim.step.diagnosis import bounded, row_of
from versim_astrasim.step.prediction import SIMULATOR, finish_ps_of, provenance_of
from versim_astrasim.step.translate import Translation


def from_program(
    run: Run,
    output: ProgramOutput,
    translation: Translation,
    pinned: Inputs,
    engine: str,
) -> Prediction:
    """The real program's answer: when each rank finished. It prints nothing about nodes, so there are no spans."""
    rank_count = len(translation.given.traces)
    unfinished = output.unfinished(rank_count)
    if not unfinished:
        status = Status.COMPLETED
    elif run.timed_out:
        status = Status.TIMED_OUT
    elif run.exit_status == 0 and (output.ranks or output.unreleased):
        status = Status.DEADLOCK
    else:
        status = Status.ABORTED
    lines = ending(run, output, rank_count, launch.memory_limit_bytes(translation.options.memory_limit_gib))
    if run.truncated:
        lines.append("it printed more than was kept")
    waiting = []
    for rank, node_id in output.unreleased:
        row = row_of(translation, rank, node_id)
        if row is not None:
            waiting.append((rank, row))
            lines.append(f"rank {rank} was still in {pinned.graph.node_name(row)!r} (row {row} of the graph)")
    finish_ps = finish_ps_of({rank: figures.finish_ns for rank, figures in output.ranks.items()}, translation)
    return Prediction(
        simulator=SIMULATOR,
        engine=engine,
        digest=pinned.digest,
        status=status,
        makespan_ps=int(finish_ps.max()) if status is Status.COMPLETED else None,
        finish_ps=finish_ps,
        representative=np.arange(pinned.graph.mesh.world_size, dtype=np.int64),
        spans=Spans.none(),
        consumed=translation.consumed,
        diagnosis=bounded(lines),
        waiting=tuple(waiting),
        wall_s=run.wall_s,
        provenance=provenance_of(translation),
    )
