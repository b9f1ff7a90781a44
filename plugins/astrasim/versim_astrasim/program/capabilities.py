"""What a real program can do, found by running it on cases of two to four ranks whose answers are known."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
from versim import Diagnostic, VersimError

from versim_astrasim.engine import RankTrace, simulate
from versim_astrasim.engine.variant import Variant
from versim_astrasim.options import RAPID_LLM, SystemOptions
from versim_astrasim.program.cache import program_sha256
from versim_astrasim.program.export import write_input
from versim_astrasim.program.launch import PROGRAM_NAMES, ProgramNotFoundError
from versim_astrasim.program.node_log import LOG_FOLDER, NODES_FILE, read_log
from versim_astrasim.program.running import ProgramRun, run_program, traced
from versim_astrasim.program.working_folder import working_folder
from versim_astrasim.step.configuration import REMOTE_MEMORY
from versim_astrasim.step.simulator_input import SimulatorInput

TIME_LIMIT_S = 20.0
"""For one tiny case; the program needs some hundredths of a second."""

_HUNG = "at its time limit"

_KINDS = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all")


def _given(
    nodes: list[dict[str, Any]],
    congestion: str,
    *,
    topology: tuple[str, ...] = ("Ring",),
    sizes: tuple[int, ...] = (4,),
    groups: Mapping[int, tuple[int, ...]] | None = None,
    system: Mapping[str, Any] | None = None,
) -> SimulatorInput:
    ranks = 1
    for size in sizes:
        ranks *= size
    return SimulatorInput(
        traces=(RankTrace.from_nodes(nodes),) * ranks,
        network={
            "topology": list(topology),
            "npus_count": list(sizes),
            "bandwidth": [50.0] * len(sizes),
            "latency": [500.0] * len(sizes),
        },
        system={
            "scheduling-policy": "LIFO",
            "endpoint-delay": 10,
            "active-chunks-per-dimension": 1,
            "preferred-dataset-splits": 4,
            **{f"{kind}-implementation": ["ring"] * len(sizes) for kind in _KINDS},
            "collective-optimization": "localBWAware",
            "local-mem-bw": 1600,
            **(system or {}),
        },
        memory=REMOTE_MEMORY,
        groups=groups or {},
        options=_options(congestion),
    )


def _options(congestion: str) -> SystemOptions:
    return SystemOptions(congestion="aware" if congestion == "aware" else "unaware")


def cases(congestion: str) -> dict[str, SimulatorInput]:
    """Tiny cases by the capability they show."""
    reduce = {"comm_type": "ALL_REDUCE", "comm_size": 1 << 20}
    collective = {"id": 0, "name": "reduce", "type": "COMM_COLL_NODE", "attr": reduce}
    in_group = {**collective, "attr": {**reduce, "pg_name": "1"}}
    compute = {"id": 0, "name": "work", "type": "COMP_NODE", "duration_micros": 3}
    exact = {**compute, "attr": {"num_ops": 1_234_500, "tensor_size": 1}}
    found = {
        "collectives": _given([collective], congestion),
        "recorded durations": _given([compute], congestion),
        "exact nanoseconds (roofline)": _given([exact], congestion, system={"roofline-enabled": 1, "peak-perf": 1}),
        "communicator groups": _given([in_group], congestion, groups={1: (0, 1, 2, 3)}),
    }
    found["contention on links" if congestion == "aware" else "no contention on links"] = _contending(congestion)
    if congestion == "unaware":
        found["several dimensions"] = _given([collective], congestion, topology=("Ring", "Switch"), sizes=(2, 2))
    return found


def _contending(congestion: str) -> SimulatorInput:
    """Exchanges over two links of a ring, which take longer where messages wait for one another."""
    exchange = {"comm_type": "ALL_TO_ALL", "comm_size": 1 << 20}
    node = {"id": 0, "name": "exchange", "type": "COMM_COLL_NODE", "attr": exchange}
    return _given([node], congestion, system={"all-to-all-implementation": ["direct"]})


def check_congestion(program: Path, options: SystemOptions) -> None:
    """Look by running whether a program whose name does not say it models the congestion that is wanted.

    ASTRA-sim's and the fork's have the same names, so that of the fork is always run.

    Raises:
        ProgramNotFoundError: It models the other one, is the other program, or is not ASTRA-sim at all.
    """
    if options.program == RAPID_LLM:
        _check_fork(program, program_sha256(program))
    elif program.name not in PROGRAM_NAMES.values():
        _check_congestion(program, program_sha256(program), options.congestion)


def _forked(given: SimulatorInput) -> SimulatorInput:
    """The same input for the fork."""
    return attrs.evolve(given, options=SystemOptions(program=RAPID_LLM), variant=Variant.RAPID_LLM)


@functools.lru_cache(maxsize=16)
def _check_fork(program: Path, _: str) -> None:
    given = _contending("aware")
    with working_folder() as folder:
        write_input(given, folder.path)
        ran = run_program(program, given, folder.path, TIME_LIMIT_S)
    got, expected = _finishes(ran), _expected(_forked(given))
    if got != expected:
        raise ProgramNotFoundError(
            f"{program} does not end as rapid-llm's program does on a case of four ranks "
            f"({got or 'it does not finish'} instead of {expected} ns); name the congestion-aware program of "
            "gkarfakis19/astra-sim, or use program: astra-sim"
        )


@functools.lru_cache(maxsize=16)
def _check_congestion(program: Path, _: str, congestion: str) -> None:
    given = _contending(congestion)
    ranks = len(given.traces)
    with working_folder() as folder:
        write_input(given, folder.path)
        ran = run_program(program, given, folder.path, TIME_LIMIT_S)
    if ran.output.unfinished(ranks):
        said = "; ".join(ran.output.complaints[:2]) or ran.output.last_line or "it printed nothing"
        raise ProgramNotFoundError(
            f"{program} does not behave as ASTRA-sim does on a case of four ranks: {ran.run.ending}: {said[:300]}; "
            f"name {PROGRAM_NAMES[congestion]}"
        )
    (other,) = set(PROGRAM_NAMES) - {congestion}
    other_given = attrs.evolve(given, options=_options(other))
    if _finishes(ran) == _expected(other_given) != _expected(given):
        raise ProgramNotFoundError(
            f"{program} is ASTRA-sim's congestion-{other} program; name the other one, or use congestion: {other}"
        )


def _finishes(ran: ProgramRun) -> tuple[int, ...]:
    return tuple(figures.finish_ns for _, figures in sorted(ran.output.ranks.items()))


def _expected(given: SimulatorInput) -> tuple[int | None, ...]:
    return simulate(given.traces, given.network_config(), given.system_config(), groups=given.groups).finish_ns


def of_program(program: Path, congestion: str) -> Iterator[Diagnostic]:
    """What a program is and can do, one line each."""
    subject = f"ASTRA-sim, real program, congestion-{congestion}"
    yield Diagnostic(subject, found=True, detail=f"{program}, sha256 {program_sha256(program)[:12]}")
    for capability, given in cases(congestion).items():
        line = _tried(f"{subject}: {capability}", program, given)
        yield line
        if _HUNG in line.detail:
            # It would hang on the others too, and each would take as long.
            return
    yield _logs(f"{subject}: times per node (log)", program, congestion)


def _tried(subject: str, program: Path, given: SimulatorInput) -> Diagnostic:
    expected = _expected(given)
    try:
        with working_folder() as folder:
            write_input(given, folder.path)
            ran = run_program(program, given, folder.path, TIME_LIMIT_S)
    except VersimError as error:
        return Diagnostic(subject, found=False, detail=str(error))
    run, output = ran.run, ran.output
    if output.unfinished(len(expected)):
        said = "; ".join(output.complaints[:2]) or output.last_line or "it printed nothing"
        return Diagnostic(subject, found=False, detail=f"{run.ending}: {said[:300]}; use another build of the program")
    got = _finishes(ran)
    if got != expected and given.options.congestion == "aware" and got == _expected(_forked(given)):
        detail = f"runs; equal to the fork that RAPID-LLM drives ({max(got)} ns); use program: rapid-llm"
        return Diagnostic(subject, found=True, detail=detail)
    if got != expected:
        return Diagnostic(
            subject,
            found=True,
            detail=f"runs, but ends at {max(got)} ns where the version re-created in versim ends at "
            f"{max(finish for finish in expected if finish is not None)} ns; figures of the two will differ",
        )
    return Diagnostic(subject, found=True, detail=f"runs; equal to the embedded engine ({max(got)} ns)")


def _logs(subject: str, program: Path, congestion: str) -> Diagnostic:
    given = traced(cases(congestion)["recorded durations"])
    try:
        with working_folder() as folder:
            write_input(given, folder.path)
            run_program(program, given, folder.path, TIME_LIMIT_S)
            logged = read_log(folder.path / LOG_FOLDER)
            rotates = not (folder.path / LOG_FOLDER / NODES_FILE).is_file()
    except VersimError as error:
        return Diagnostic(subject, found=False, detail=str(error))
    if int(logged.is_end.sum()) * 2 == len(logged.is_end) == 2 * len(given.traces):
        lasting = "in a log that rotates: of large steps only the end" if rotates else "however many"
        return Diagnostic(subject, found=True, detail=f"every node is logged, {lasting}")
    return Diagnostic(
        subject, found=False, detail="no log of nodes; times per node will be the embedded engine's where both agree"
    )
