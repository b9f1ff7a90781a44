"""The real program on a translated graph: files, one run, what it printed."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import attrs
from versim import PS_PER_NS, PinnedGraph, Prediction

from versim_astrasim import launch
from versim_astrasim.embedded import outcome_of
from versim_astrasim.export import arguments, write_input
from versim_astrasim.parse import ProgramOutput, parse
from versim_astrasim.predict import from_program, spans_of, times_of
from versim_astrasim.translate import Translation

_ATTEMPTS = 3
"""A run that died may have lost its last lines, which differs from run to run (spec/astrasim §17.2)."""

OUTPUT_FILE = "output.txt"


def predict(program: Path, translation: Translation, pinned: PinnedGraph) -> Prediction:
    """Run the real program in a folder of its own, which is kept if something went wrong."""
    folder = Path(tempfile.mkdtemp(prefix="versim-astrasim-"))
    keep = translation.options.keep
    try:
        write_input(translation.given, folder, translation.consumed.notes)
        run, output = _run(program, translation, folder)
        (folder / OUTPUT_FILE).write_text(run.output, encoding="utf-8")
        prediction = from_program(run, output, translation, pinned, f"binary {program}")
        keep = keep or not prediction.completed
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    if keep:
        prediction = _noted(prediction, f"its files are kept in {folder}")
    return _with_spans(prediction, translation) if prediction.completed else prediction


def _run(program: Path, translation: Translation, folder: Path) -> tuple[launch.Run, ProgramOutput]:
    ranks = len(translation.given.traces)
    for attempt in range(1, _ATTEMPTS + 1):
        run = launch.run([program, *arguments(translation.given)], folder, translation.options.time_limit_s)
        output = parse(run.output)
        died = run.exit_status is not None and run.exit_status < 0
        if attempt == _ATTEMPTS or not (died and output.ranks and output.unfinished(ranks)):
            break
    return run, output


def _with_spans(prediction: Prediction, translation: Translation) -> Prediction:
    """The prediction with the embedded engine's times per node, if both agree on every rank."""
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


def _noted(prediction: Prediction, note: str) -> Prediction:
    return attrs.evolve(prediction, diagnosis=(*prediction.diagnosis, note))
