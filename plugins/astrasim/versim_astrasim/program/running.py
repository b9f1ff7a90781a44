"""The real program on a translated graph: files, one run, what it printed and logged."""

from __future__ import annotations

import shutil
from pathlib import Path

import attrs
from versim import NO_TIME, PS_PER_NS, Inputs, Prediction, Status

from versim_astrasim.program import launch
from versim_astrasim.program.export import arguments, write_input
from versim_astrasim.program.logged_times import LogGapError, last_ends_ps, logged_times, running
from versim_astrasim.program.node_log import (
    CONFIGURATION_FILE,
    LOG_FOLDER,
    LoggedShare,
    logging_configuration,
    read_log,
)
from versim_astrasim.program.parse import ProgramOutput, parse
from versim_astrasim.program.prediction import from_program
from versim_astrasim.program.working_folder import WorkingFolder, working_folder
from versim_astrasim.step import engine
from versim_astrasim.step.node_times import Times, spans_of, stuck, times_of
from versim_astrasim.step.simulator_input import SimulatorInput
from versim_astrasim.step.translate import Translation

_ATTEMPTS = 3
"""Whether a run that damages its own memory dies of it, and when, differs from run to run (spec/astrasim §17.2)."""

OUTPUT_FILE = "output.txt"


@attrs.frozen(kw_only=True)
class ProgramRun:
    """The last of a few attempts, and what it printed.

    Attributes:
        run: How it ended.
        output: What it printed.
        attempts: How often the program was run.
    """

    run: launch.Run
    output: ProgramOutput
    attempts: int


def predict(program: Path, translation: Translation, pinned: Inputs) -> Prediction:
    """Run the real program in a folder of its own, which is kept if something went wrong."""
    options = translation.options
    given = traced(translation.given) if options.trace else translation.given
    with working_folder(keep=options.keep) as folder:
        write_input(given, folder.path, translation.consumed.notes)
        ran = run_program(program, given, folder.path, options.time_limit_s, options.memory_limit_gib)
        prediction = from_program(ran.run, ran.output, translation, pinned, f"binary {program}")
        if ran.attempts > 1:
            prediction = _noted(prediction, f"it died and was run again, {ran.attempts} times in all")
        if prediction.completed:
            prediction = _with_spans(prediction, translation, folder.path, ran.output)
        else:
            folder.keep = True
            if prediction.status is Status.DEADLOCK:
                prediction = _explained(prediction, translation, pinned, folder.path)
        return _kept(prediction, folder, ran.run) if folder.keep else prediction


def traced(given: SimulatorInput) -> SimulatorInput:
    """The same input with a log of every node."""
    return attrs.evolve(given, system={**given.system, "trace-enabled": 1})


def run_program(
    program: Path, given: SimulatorInput, folder: Path, time_limit_s: float, memory_limit_gib: float | None = None
) -> ProgramRun:
    """Run the program on files that were written to a folder, again if it died of something that may not recur."""
    ranks = len(given.traces)
    configuration = logging_configuration(nodes="trace-enabled" in given.system)
    (folder / CONFIGURATION_FILE).write_text(configuration, encoding="utf-8")
    watch = LoggedShare(folder, sum(map(len, given.traces))).tell if "trace-enabled" in given.system else None
    attempts = 0
    while attempts < _ATTEMPTS:
        attempts += 1
        # Lines of an earlier attempt are not to be taken for this one's.
        shutil.rmtree(folder / LOG_FOLDER, ignore_errors=True)
        (folder / LOG_FOLDER).mkdir()
        run = launch.run(
            [
                program,
                *arguments(given),
                f"--logging-configuration={CONFIGURATION_FILE}",
                f"--logging-folder={LOG_FOLDER}",
            ],
            folder,
            time_limit_s,
            launch.memory_limit_bytes(memory_limit_gib),
            watch,
        )
        output = parse(run.output)
        if not (run.crashed and output.unfinished(ranks)) or output.gave_up:
            break
    return ProgramRun(run=run, output=output, attempts=attempts)


def _with_spans(prediction: Prediction, translation: Translation, folder: Path, output: ProgramOutput) -> Prediction:
    """The prediction with times per node: the program's log, else the embedded engine's if both agree on every rank."""
    if translation.options.trace:
        try:
            times = _whole_times(prediction, translation, folder)
        except LogGapError as gap:
            said = next((f": {line}" for line in output.complaints if "LOG ERROR" in line), "")
            prediction = _noted(prediction, f"the real program's log of nodes {gap} and was not used{said}")
        else:
            prediction = attrs.evolve(prediction, spans=spans_of(times, translation))
            return _noted(prediction, "times per node are those the real program logged")
    outcome = engine.outcome_of(translation)
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


def _whole_times(prediction: Prediction, translation: Translation, folder: Path) -> Times:
    """Times of all instances by the log.

    Raises:
        LogGapError: Something is missing, or the log and what the program printed differ.
    """
    logged = read_log(folder / LOG_FOLDER)
    times = logged_times(logged, translation)
    if (times.end_ps == NO_TIME).any():
        raise LogGapError("lacks lines")
    if (last_ends_ps(times, translation) != prediction.finish_ps).any():
        raise LogGapError("differs from what it printed")
    return times


def _explained(prediction: Prediction, translation: Translation, pinned: Inputs, folder: Path) -> Prediction:
    """A run in which ranks never finished, with what ran until then, and why as far as the embedded engine tells."""
    held = frozenset(prediction.waiting)
    if translation.options.trace:
        try:
            times = logged_times(read_log(folder / LOG_FOLDER), translation)
        except LogGapError as gap:
            prediction = _noted(prediction, f"the real program's log of nodes {gap} and was not used")
        else:
            if running(times, translation) == held:
                spans = spans_of(times, translation)
                prediction = attrs.evolve(prediction, spans=spans, waiting=stuck(times, translation))
    ours = engine.predict(translation, pinned)
    same_ranks = ours.finish_ps.tolist() == prediction.finish_ps.tolist()
    if ours.status is not Status.DEADLOCK or not same_ranks or not held <= set(ours.waiting):
        return _noted(prediction, f"the embedded engine does not stop there: {ours.status.value}")
    first, *others = prediction.diagnosis
    said = ("the embedded engine stops at the same nodes, and says:", *ours.diagnosis)
    return attrs.evolve(prediction, diagnosis=(first, *said, *others))


def _kept(prediction: Prediction, folder: WorkingFolder, run: launch.Run) -> Prediction:
    try:
        write_output(run, folder.path)
    except OSError as error:
        prediction = _noted(prediction, f"what it printed could not be written to {OUTPUT_FILE}: {error.strerror}")
    return _noted(prediction, f"its files are kept in {folder.path}")


def write_output(run: launch.Run, folder: Path) -> None:
    """Write what the program printed beside its files, for whoever looks into a folder that is kept."""
    (folder / OUTPUT_FILE).write_text(run.output, encoding="utf-8")


def _noted(prediction: Prediction, note: str) -> Prediction:
    return attrs.evolve(prediction, diagnosis=(*prediction.diagnosis, note))
