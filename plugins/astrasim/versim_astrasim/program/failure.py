"""How a run of the real program ended, in words."""

from __future__ import annotations

import signal

from versim import GIB

from versim_astrasim.program.launch import Run
from versim_astrasim.program.parse import ProgramOutput

_MOST_RANKS = 20


def ending(run: Run, output: ProgramOutput, rank_count: int, memory_bytes: int | None) -> list[str]:
    """How a run of the real program ended, if not as it should: what it said, and what may help.

    Args:
        run: The run.
        output: What it printed.
        rank_count: Ranks that had to finish.
        memory_bytes: Address space it was given; None if it was not limited.
    """
    unfinished = output.unfinished(rank_count)
    if not unfinished:
        return [] if run.exit_status == 0 else [f"every rank finished; the program then ended with {run.ending}"]
    numbers = ", ".join(str(rank) for rank in unfinished[:_MOST_RANKS])
    numbers += " …" if len(unfinished) > _MOST_RANKS else ""
    if run.timed_out:
        lines = [f"{run.ending}; {len(unfinished)} of {rank_count} ranks had not finished; raise time_limit_s"]
    elif run.exit_status == 0 and (output.ranks or output.unreleased):
        lines = [f"{len(unfinished)} of {rank_count} ranks never finished: {numbers}"]
    else:
        lines = [f"{run.ending}, with {len(unfinished)} of {rank_count} ranks unfinished"]
    lines += output.complaints
    lines += [f"it last printed: {line}" for line in output.tail if line not in output.complaints]
    if memory_bytes is not None and any("bad_alloc" in line for line in output.complaints):
        lines.append(
            f"it may take {memory_bytes / GIB:.2f} GiB of memory and wanted more; raise memory_limit_gib (0: no limit)"
        )
    if run.exit_status == -signal.SIGKILL:
        lines.append("something else killed it; if the machine ran out of memory, lower memory_limit_gib")
    if run.crashed and not output.gave_up:
        lines.append("it damaged its own memory, as it does with some inputs; engine: embedded does not")
    return lines
