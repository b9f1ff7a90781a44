"""The backend: translate, run the embedded engine or the real program, and say when each node ran."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from versim import Diagnostic, FaultsError, SimulationRequest, TableResult, UnknownNameError, VersimError

from versim_astrasim import launch
from versim_astrasim.options import BackendOptions

if TYPE_CHECKING:
    from versim import PinnedGraph, Prediction

    from versim_astrasim.engine import Outcome
    from versim_astrasim.translate import Translation

RECREATED = "ASTRA-sim 518bd51"
"""The version of the real program whose figures the embedded engine reproduces."""

_ATTEMPTS = 3
"""A run that died may have lost its last lines, which differs from run to run (spec/astrasim §17.2)."""


def embedded_engine() -> str:
    """The embedded engine's name and version, for reports."""
    try:
        return f"embedded {version('versim')} ({RECREATED})"
    except PackageNotFoundError:
        return f"embedded ({RECREATED})"


@attrs.frozen
class AstraSimBackend:
    """ASTRA-sim's analytical simulators: re-created in the embedded engine, or the real programs."""

    name: str = "astrasim"
    options: type = BackendOptions

    def simulate(self, request: SimulationRequest) -> Prediction:
        """Simulate one step.

        Raises:
            UnsupportedGraphError: The graph has something ASTRA-sim cannot express.
            ProgramNotFoundError: The real program was asked for and is not there.
        """
        from versim_astrasim.translate import translate  # noqa: PLC0415 - the schema and numpy load only when used

        options: BackendOptions = request.options
        asked_for = launch.program_asked_for(options.binary, os.environ)
        if options.engine == "binary" or (options.engine == "auto" and asked_for):
            program = launch.find_program(options.binary, options.congestion, os.environ)
            return _run_program(program, translate(request.pinned, request.system, options), request.pinned, options)
        return _run_embedded(translate(request.pinned, request.system, options), request.pinned, options)

    def export(self, request: SimulationRequest, folder: Path) -> Iterable[Path]:
        """Write traces and configuration files for the real program."""
        from versim_astrasim.export import write_input  # noqa: PLC0415
        from versim_astrasim.translate import translate  # noqa: PLC0415

        translation = translate(request.pinned, request.system, request.options)
        return write_input(translation.given, folder, translation.consumed.notes)

    def diagnose(self) -> Iterable[Diagnostic]:
        """Whether the real programs are there."""
        yield Diagnostic("ASTRA-sim, embedded", found=True, detail=embedded_engine())
        for congestion in launch.PROGRAM_NAMES:
            subject = f"ASTRA-sim, real program, congestion-{congestion}"
            try:
                program = launch.find_program("", congestion, os.environ)
            except VersimError as error:
                yield Diagnostic(subject, found=False, detail=str(error))
            else:
                yield Diagnostic(subject, found=True, detail=str(program))

    def verify(self, table: Mapping[str, Any], options: Mapping[str, str]) -> TableResult:
        """Hold every case of a table of the real program's answers against the embedded engine.

        Options: ``exactness`` (``auto``, ``plain``) as for simulating; ``only``, a part of the names of cases to look
        at.

        Raises:
            FaultsError: The table has no cases, or cases without what they need.
        """
        from versim_astrasim.engine.cases import verify_case  # noqa: PLC0415

        for name in options:
            if name not in ("exactness", "only"):
                raise UnknownNameError("option of verify", name, ("exactness", "only"))
        exactness = options.get("exactness", "auto")
        if exactness not in ("auto", "plain"):
            raise UnknownNameError("exactness", exactness, ("auto", "plain"))
        cases = table.get("cases")
        if not isinstance(cases, list):
            raise FaultsError("table", ["cases: a list of cases is missing"])
        mismatches = []
        total = 0
        for index, case in enumerate(cases):
            missing = {"name", "network", "system", "workload", "expected"} - set(case)
            if missing:
                raise FaultsError("table", [f"cases[{index}]: {', '.join(sorted(missing))} missing"])
            if options.get("only", "") not in case["name"]:
                continue
            total += 1
            result = verify_case(case, "plain" if exactness == "plain" else "auto")
            if not result.matched:
                mismatches.append(f"{result.name}: {'; '.join(result.details)}")
        return TableResult(matched=total - len(mismatches), total=total, mismatches=tuple(mismatches))


def _run_embedded(translation: Translation, pinned: PinnedGraph, options: BackendOptions) -> Prediction:
    from versim_astrasim.predict import from_outcome  # noqa: PLC0415

    begin = time.perf_counter()
    outcome = _embedded_outcome(translation, options)
    wall_s = time.perf_counter() - begin
    prediction = from_outcome(outcome, translation, pinned, embedded_engine(), _provenance(options))
    return attrs.evolve(prediction, wall_s=wall_s)


def _embedded_outcome(translation: Translation, options: BackendOptions) -> Outcome:
    from versim_astrasim.engine import simulate  # noqa: PLC0415

    given = translation.given
    return simulate(
        given.traces,
        given.network_config(),
        given.system_config(),
        groups=given.groups,
        memory=given.memory_config(),
        exactness=options.exactness,
    )


def _run_program(program: Path, translation: Translation, pinned: PinnedGraph, options: BackendOptions) -> Prediction:
    """Run the real program in a folder of its own, which is kept if something went wrong."""
    from versim_astrasim.export import arguments, write_input  # noqa: PLC0415
    from versim_astrasim.parse import parse  # noqa: PLC0415
    from versim_astrasim.predict import from_program  # noqa: PLC0415

    folder = Path(tempfile.mkdtemp(prefix="versim-astrasim-"))
    keep = options.keep
    try:
        write_input(translation.given, folder, translation.consumed.notes)
        for _ in range(_ATTEMPTS):
            run = launch.run([program, *arguments(translation.given)], folder, options.time_limit_s)
            output = parse(run.output)
            died = run.exit_status is not None and run.exit_status < 0
            if not (died and output.ranks and output.unfinished(len(translation.given.traces))):
                break
        (folder / "output.txt").write_text(run.output, encoding="utf-8")
        prediction = from_program(run, output, translation, pinned, f"binary {program}", _provenance(options))
        keep = keep or not prediction.completed
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    if keep:
        prediction = attrs.evolve(prediction, diagnosis=(*prediction.diagnosis, f"its files are kept in {folder}"))
    return _with_spans(prediction, translation, options) if prediction.completed else prediction


def _with_spans(prediction: Prediction, translation: Translation, options: BackendOptions) -> Prediction:
    """The real program's prediction with the embedded engine's spans, if both agree on every rank."""
    from versim_astrasim.predict import spans_of, times_of  # noqa: PLC0415

    outcome = _embedded_outcome(translation, options)
    ranks = len(prediction.finish_ps)
    other = [None if finish is None else finish * 1000 for finish in outcome.finish_ns[:ranks]]
    busy = (translation.numbering.start[1:] > translation.numbering.start[:-1]).tolist()
    for rank, (mine, theirs) in enumerate(zip(prediction.finish_ps.tolist(), other, strict=True)):
        if busy[rank] and mine != theirs:
            spelt = "does not finish" if theirs is None else f"ends at {theirs / 1000:.0f} ns"
            note = (
                f"no times per node: the real program prints none, and the embedded engine differs (rank {rank} ends "
                f"at {mine / 1000:.0f} ns, embedded it {spelt})"
            )
            return attrs.evolve(prediction, diagnosis=(*prediction.diagnosis, note))
    note = "times per node are the embedded engine's, which ends every rank at the same nanosecond"
    return attrs.evolve(
        prediction,
        spans=spans_of(times_of(outcome, translation), translation),
        diagnosis=(*prediction.diagnosis, note),
    )


def _provenance(options: BackendOptions) -> dict[str, str]:
    return {name: str(value) for name, value in attrs.asdict(options).items()}
