"""Writes on docs/measured.md what each choice is worth, and how far constants carry from source to source.

    python tools/league_choices.py [-j N]

Both are of the sample of records that ships: without profiles and one choice changed at a time; and with a few
constants fitted on all tables but the one that is predicted. What stands between the marks of a part is replaced.
"""

# ruff: noqa: INP001 - a script, not a package

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from league_page import PAGE, replaced
from versim.league.column import Column, defaults
from versim.league.fitting import Chains, error_of, left_out
from versim.league.folds import table_folds
from versim.league.reading import read_records
from versim.league.record import RunRecord
from versim.league.result import League
from versim.league.running import chains_of, league_of
from versim.league.sample import SAMPLE
from versim.league.statistics import is_marked
from versim.registry import Registry, load_registry

TABLES = ("foundry", "nemo", "bridge", "mlperf", "bloom", "kor", "sc21", "nano")

TIMINGS = (
    ("roofline", "nccl"),
    ("deepflow", "nccl"),
    ("silicon+roofline", "alpha-beta"),
    ("silicon+roofline", "deepflow"),
)
"""Compute and network, other than the standard ones."""

STRUCTURES: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("no overlap of tensor parallelism", {"overlap_tp": "none"}),
    ("every kernel fused", {"kernels": "fused", "attention": "flash", "fused_accumulation": True}),
    ("gradients reduced at the end", {"overlap_gradients": False, "overlap_parameters": False}),
    ("nothing recomputed", {"recompute": "none", "recompute_layers": None}),
)
"""Options of the producer, whatever a framework's conventions say."""

CONSTANTS = ("kernel_time_factor", "pointwise_time_factor", "tp_communication_factor", "launch_s", "step_overhead_s")
"""Those that most profiles have."""


def main(arguments: list[str]) -> None:
    """Rewrite the parts."""
    jobs = int(arguments[arguments.index("-j") + 1]) if "-j" in arguments else 1
    registry = load_registry(())
    runs = tuple(run for run in read_records((SAMPLE,)).runs if run.step_s is not None and not is_marked(run))
    parts = {"sources": source_lines(runs, registry, jobs), "choices": choice_lines(runs, registry, jobs)}
    for part, lines in parts.items():
        content = "\n".join(lines)
        PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), part, content), encoding="utf-8")


def choice_lines(runs: tuple[RunRecord, ...], registry: Registry, jobs: int) -> Iterator[str]:
    """One choice changed at a time."""
    standard = defaults().columns[0]
    yield f"| changed | all | median signed | {' | '.join(TABLES)} |"
    yield f"|---|--:|--:|{'--:|' * len(TABLES)}"
    chosen = [standard]
    for compute, network in TIMINGS:
        chosen.append(
            Column(compute=tuple(compute.split("+")), network=tuple(network.split("+")), backend=standard.backend)
        )
    for column in chosen:
        name = "nothing: " if column == standard else ""
        yield _row(f"{name}`{column.label}`", league_of(runs, (column,), registry=registry, jobs=jobs, explain=False))
    for name, structure in STRUCTURES:
        found = league_of(runs, (standard,), registry=registry, jobs=jobs, structure=structure, explain=False)
        yield _row(f"structure: {name}", found)


def _row(name: str, league: League) -> str:
    label = league.recommended
    groups = {table: [result for result in league.timed if result.table == table] for table in TABLES}
    whole = league.errors(label, league.timed, profiled=False)
    figures = [league.errors(label, groups[table], profiled=False) for table in TABLES]
    cells = ["–" if errors is None else f"{100 * errors.mean_absolute:.1f}" for errors in (whole, *figures)]
    signed = "–" if whole is None else f"{100 * whole.median_signed:+.1f}"
    return f"| {name} | {cells[0]} | {signed} | {' | '.join(cells[1:])} |"


def source_lines(runs: tuple[RunRecord, ...], registry: Registry, jobs: int) -> Iterator[str]:
    """Every table predicted with constants of all the others."""
    simulated = chains_of(runs, defaults().columns[0], [{} for _ in runs], registry=registry, jobs=jobs)
    kept = [(run, one.chain) for run, one in zip(runs, simulated, strict=True) if one is not None and one.chain]
    chains = Chains.joined([chain for _, chain in kept])
    measured_s = np.array([run.step_s for run, _ in kept], dtype=np.float64)
    plain_s = np.array([one.seconds for one in simulated if one is not None and one.chain])
    folds = table_folds([run for run, _ in kept])
    predicted_s = left_out(chains, measured_s, folds, CONSTANTS)
    yield "| table left out | n | without constants | with those of all others |"
    yield "|---|--:|--:|--:|"
    for fold in np.unique(folds).tolist():
        rows = np.flatnonzero(folds == fold)
        errors = [100 * error_of(seconds[rows], measured_s[rows]) for seconds in (plain_s, predicted_s)]
        yield f"| {kept[int(rows[0])][0].series} | {len(rows)} | {errors[0]:.1f} | {errors[1]:.1f} |"
    errors = [100 * error_of(seconds, measured_s) for seconds in (plain_s, predicted_s)]
    yield f"| all | {len(kept)} | {errors[0]:.1f} | {errors[1]:.1f} |"


if __name__ == "__main__":
    main(sys.argv[1:])
