"""A communication alone in the real program, remembered on disk."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

from versim import SimulationError

from versim_astrasim.chakra.writer import write_trace
from versim_astrasim.engine import RankTrace
from versim_astrasim.options import TimingOptions
from versim_astrasim.program import launch
from versim_astrasim.program.cache import Cache, cache_folder, key_of
from versim_astrasim.program.capabilities import check_congestion
from versim_astrasim.program.export import arguments, write_input
from versim_astrasim.program.failure import ending
from versim_astrasim.program.running import run_program, write_output
from versim_astrasim.program.working_folder import working_folder
from versim_astrasim.step.simulator_input import SimulatorInput


def finishes_ns(given: SimulatorInput, options: TimingOptions) -> tuple[int, ...]:
    """When each rank finishes, in ns.

    Raises:
        ProgramNotFoundError: There is no real program.
        SimulationError: Some rank does not finish.
    """
    program = launch.find_program(options.binary, options.congestion, os.environ)
    cache = Cache(cache_folder(os.environ))
    key = _key(program, given)
    known = cache.get(key)
    if known is not None:
        return known
    check_congestion(program, options)
    rank_count = len(given.traces)
    with working_folder() as folder:
        write_input(given, folder.path)
        ran = run_program(program, given, folder.path, options.time_limit_s, options.memory_limit_gib)
        unfinished = ran.output.unfinished(rank_count)
        if unfinished:
            folder.keep = True
            write_output(ran.run, folder.path)
            said = ending(ran.run, ran.output, rank_count, launch.memory_limit_bytes(options.memory_limit_gib))
            raise SimulationError(
                f"{program} does not finish rank {unfinished[0]} of a communication alone: {'; '.join(said)}; "
                f"its files are kept in {folder.path}"
            )
    finish = tuple(ran.output.ranks[rank].finish_ns for rank in range(rank_count))
    cache.put(key, finish)
    return finish


def _key(program: Path, given: SimulatorInput) -> str:
    encoded: dict[int, bytes] = {}

    def content(trace: RankTrace) -> bytes:
        if id(trace) not in encoded:
            stream = io.BytesIO()
            write_trace(trace, stream)
            encoded[id(trace)] = stream.getvalue()
        return encoded[id(trace)]

    files = (given.network, given.system, given.memory, {str(k): list(v) for k, v in given.groups.items()})
    return key_of(
        program,
        [
            *(json.dumps(dict(file), sort_keys=True).encode() for file in files),
            *(argument.encode() for argument in arguments(given)),
            *(content(trace) for trace in given.traces),
        ],
    )
