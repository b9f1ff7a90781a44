"""The real program on a translated graph: files, one run, what it printed and logged."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import attrs
import numpy as np
from versim import NO_TIME, PS_PER_NS, PinnedGraph, Prediction

from versim_astrasim import launch
from versim_astrasim.embedded import outcome_of
from versim_astrasim.export import LOG_FOLDER, arguments, write_input
from versim_astrasim.parse import ProgramOutput, parse
from versim_astrasim.predict import Times, fill_left_out, from_program, spans_of, times_of
from versim_astrasim.program_log import LoggedTimes, read_log
from versim_astrasim.translate import SimulatorInput, Translation

_ATTEMPTS = 3
"""A run that died may have lost its last lines, which differs from run to run (spec/astrasim §17.2)."""

OUTPUT_FILE = "output.txt"


def predict(program: Path, translation: Translation, pinned: PinnedGraph) -> Prediction:
    """Run the real program in a folder of its own, which is kept if something went wrong."""
    folder = Path(tempfile.mkdtemp(prefix="versim-astrasim-"))
    options = translation.options
    keep = options.keep
    given = traced(translation.given) if options.trace else translation.given
    try:
        write_input(given, folder, translation.consumed.notes)
        run, output = run_program(program, given, folder, options.time_limit_s, options.memory_limit_gib)
        (folder / OUTPUT_FILE).write_text(run.output, encoding="utf-8")
        prediction = from_program(run, output, translation, pinned, f"binary {program}")
        keep = keep or not prediction.completed
        if prediction.completed:
            logged = read_log(folder / LOG_FOLDER) if options.trace else None
            prediction = _with_spans(prediction, translation, logged)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    return _noted(prediction, f"its files are kept in {folder}") if keep else prediction


def traced(given: SimulatorInput) -> SimulatorInput:
    """The same input with a log of every node."""
    return attrs.evolve(given, system={**given.system, "trace-enabled": 1})


def run_program(
    program: Path, given: SimulatorInput, folder: Path, time_limit_s: float, memory_limit_gib: float | None = None
) -> tuple[launch.Run, ProgramOutput]:
    """Run the program on files that were written to a folder, again if its end may have eaten lines."""
    ranks = len(given.traces)
    for attempt in range(1, _ATTEMPTS + 1):
        # Lines of an earlier attempt are not to be taken for this one's.
        shutil.rmtree(folder / LOG_FOLDER, ignore_errors=True)
        (folder / LOG_FOLDER).mkdir()
        run = launch.run(
            [program, *arguments(given), f"--logging-folder={LOG_FOLDER}"],
            folder,
            time_limit_s,
            launch.memory_limit_bytes(memory_limit_gib),
        )
        output = parse(run.output)
        died = run.exit_status is not None and run.exit_status < 0
        if attempt == _ATTEMPTS or not (died and output.ranks and output.unfinished(ranks)):
            break
    return run, output


def _with_spans(prediction: Prediction, translation: Translation, logged: LoggedTimes | None) -> Prediction:
    """The prediction with times per node: the program's log, else the embedded engine's if both agree on every rank."""
    if logged is not None:
        times = _logged_times(logged, translation)
        if times is not None:
            prediction = attrs.evolve(prediction, spans=spans_of(times, translation))
            return _noted(prediction, "times per node are those the real program logged")
        if logged.files:
            lost = "has rotated its oldest lines away" if logged.rotated_away else "lacks lines"
            prediction = _noted(prediction, f"the real program's log of nodes {lost} and was not used")
    outcome = outcome_of(translation)
    start = translation.numbering.start.tolist()
    for rank, finish_ps in enumerate(prediction.finish_ps.tolist()):
        embedded_ns = outcome.finish_ns[rank]
        idle = start[rank] == start[rank + 1]
        if not idle and (embedded_ns is None or embedded_ns * PS_PER_NS != finish_ps):
            spelt = "does not finish" if embedded_ns is None else f"ends at {embedded_ns} ns"
            return _noted(
                prediction,
                "no times per node: the real program prints none, and the embedded engine differs "
                f"(rank {rank} ends at {finish_ps // PS_PER_NS} ns, embedded it {spelt})",
            )
    prediction = attrs.evolve(prediction, spans=spans_of(times_of(outcome, translation), translation))
    return _noted(prediction, "times per node are the embedded engine's, which ends every rank at the same nanosecond")


def _logged_times(logged: LoggedTimes, translation: Translation) -> Times | None:
    """Times of all instances; None if the log lacks any of them."""
    columns = []
    for times in (logged.start_ns, logged.end_ns):
        keys = np.array(list(times), dtype=np.uint64).reshape(-1, 2)
        ticks = np.array([min(tick, 2**63 // PS_PER_NS - 1) for tick in times.values()], dtype=np.int64)
        rows = translation.instance_of(keys[:, 0].astype(np.int64), keys[:, 1].copy().view(np.int64))
        column = np.full(translation.instances.count, NO_TIME, dtype=np.int64)
        column[rows[rows >= 0]] = ticks[rows >= 0] * PS_PER_NS
        columns.append(column)
    start, end = columns
    if ((start == NO_TIME) | (end == NO_TIME))[translation.kept].any() or (end < start).any():
        return None
    ready = np.full(translation.instances.count, NO_TIME, dtype=np.int64)
    times_found = Times(ready, start, end)
    fill_left_out(times_found, translation)
    return times_found


def _noted(prediction: Prediction, note: str) -> Prediction:
    return attrs.evolve(prediction, diagnosis=(*prediction.diagnosis, note))
