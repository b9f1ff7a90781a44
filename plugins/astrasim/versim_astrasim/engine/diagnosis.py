"""Why a rank did not finish, and what a run silently changed: findings for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from versim_astrasim.engine.event_queue import EXACT_DOUBLE_TICKS, NOT_YET
from versim_astrasim.engine.matching import COLLECTIVE_TAGS, MessageNetwork
from versim_astrasim.engine.outcome import Finding
from versim_astrasim.engine.program import COMM_SLOT, CPU_SLOT, GPU_SLOT
from versim_astrasim.engine.trace import COLL, MISSING, RECV, SEND
from versim_astrasim.engine.transport import RENDEZVOUS_TAGS
from versim_astrasim.engine.workload import Workload

_SLOT_NAMES = {CPU_SLOT: "CPU", GPU_SLOT: "GPU", COMM_SLOT: "communication"}


def of_clock(now_ns: int) -> Iterator[Finding]:
    """A clock that ranks cannot read exactly, so that what they deferred never comes."""
    if now_ns >= EXACT_DOUBLE_TICKS:
        yield Finding(
            None,
            None,
            f"it came to {now_ns} ns: past 2^53 ns (104 days) ranks read the clock in double precision and lose what "
            "they deferred; look for a wrong unit",
        )


def of_unclaimed(network: MessageNetwork) -> Iterator[Finding]:
    """Messages between nodes that arrived and were dropped: the send completed, no receive ever matched."""
    for tag, (source, destination), size_bytes, count in network.unclaimed():
        if tag < COLLECTIVE_TAGS:
            yield Finding(
                destination,
                None,
                f"{count} message(s) of {size_bytes} bytes with tag {tag} from rank {source} arrived and were never "
                "received: no receive names that tag, source and size",
            )


def of_numbering(workloads: Sequence[Workload]) -> Iterator[Finding]:
    """Ranks that wait in the same collective, but number its messages differently and so never meet."""
    waiting: dict[str, dict[int, tuple[Workload, int]]] = {}
    for workload in workloads:
        for position in workload.running_positions():
            job = workload.first_jobs.get(position)
            if job is not None:
                name = workload.program.trace.pg_name.get(workload.program.rows[position], "") or "0"
                waiting.setdefault(name, {}).setdefault(job, (workload, position))
    for name, jobs in waiting.items():
        if len(jobs) > 1:
            (first, (one, here)), (second, (other, there)) = sorted(jobs.items())[:2]
            whom = "all ranks" if name == "0" else f"group {name}"
            yield Finding(
                one.rank.number,
                one.program.node_ids[here],
                f"{one.program.describe(here)} of rank {one.rank.number} numbers its messages from {first}, "
                f"{other.program.describe(there)} of rank {other.rank.number} from {second}: ranks that have run "
                f"different numbers of group chunks never meet in a collective of {whom}",
            )


def awaited_in_collectives(network: MessageNetwork) -> dict[int, str]:
    """By rank, which message its collective waits for; a rank runs one collective at a time."""
    awaited: dict[int, list[str]] = {}
    for tag, (source, destination), size_bytes in sorted(network.awaited()):
        if COLLECTIVE_TAGS <= tag < RENDEZVOUS_TAGS:
            awaited.setdefault(destination, []).append(f"{size_bytes} bytes from rank {source}")
    return {
        rank: messages[0] + (f" and {len(messages) - 1} more message(s)" if len(messages) > 1 else "")
        for rank, messages in awaited.items()
    }


def of_unfinished(workload: Workload, awaited: Mapping[int, str]) -> Iterator[Finding]:
    """What an unfinished rank waits for.

    Args:
        workload: Of the rank.
        awaited: See :func:`awaited_in_collectives`.
    """
    program, rank = workload.program, workload.rank.number
    for error in workload.rank.calendar.errors:
        yield Finding(rank, error.node_id, f"an error was logged and the rest of the step was lost: {error.reason}")
    running = workload.running_positions()
    for position in running:
        yield Finding(rank, program.node_ids[position], _open_node(workload, position, awaited.get(rank)))
    occupied = {program.slots[position] for position in running}
    for position in workload.ready_positions():
        slot = program.slots[position]
        if slot in occupied:
            reason = f"waits for the {_SLOT_NAMES[slot]} slot"
        else:
            reason = "is ready, but nothing completes any more that would make the rank look for it"
        yield Finding(rank, program.node_ids[position], f"{program.describe(position)} {reason}")


def _open_node(workload: Workload, position: int, awaited: str | None) -> str:
    program = workload.program
    text = f"{program.describe(position)} was issued at {workload.start_ns[position]} ns and never completed: "
    if position in workload.inert:
        return text + workload.inert[position]
    node_type = program.types[position]

    def value(name: str) -> str:
        number = program.attribute(name)[position]
        return "?" if number == MISSING else str(number)

    if node_type == RECV:
        return text + (
            f"no message of {value('comm_size')} bytes with tag {value('comm_tag')} came from rank {value('comm_src')}"
        )
    if node_type == SEND:
        return text + f"its message to rank {value('comm_dst')} did not arrive"
    if node_type == COLL:
        waits = f"it waits for {awaited}, and " if awaited else ""
        return (
            text
            + waits
            + (
                "its partners did not exchange the messages it waits for (they run other collectives, other sizes, or "
                "have run another number of jobs before it)"
            )
        )
    return text + "its end was never reached"


def of_never_ready(workload: Workload) -> Iterator[Finding]:
    """Nodes that never ran although their rank finished: they are on a cycle, or behind one."""
    if workload.finished_ns is None:
        return
    dropped = [position for position, ready in enumerate(workload.ready_ns) if ready == NOT_YET]
    if dropped:
        program = workload.program
        yield Finding(
            workload.rank.number,
            program.node_ids[dropped[0]],
            f"{len(dropped)} node(s) never ran, because they depend on one another in a circle, from "
            f"{program.describe(dropped[0])}; the rank finished without them",
        )


def of_finished(workload: Workload) -> Iterator[Finding]:
    """What a finished rank lost on the way."""
    yield from of_never_ready(workload)
    for error in workload.rank.calendar.errors:
        yield Finding(workload.rank.number, error.node_id, error.reason)
