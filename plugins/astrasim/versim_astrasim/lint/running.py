"""The last rule: run the step in the embedded engine, which has the program's slots, order of issue and matching.

A rank runs one send or collective at a time, the lowest ready id first. Whether ranks then wait for one another in a
circle shows only when they run. Without network and system files, links and algorithms of no consequence stand in, and
compute lasts as recorded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from versim import Finding, SimulationError

from versim_astrasim.engine import (
    CollectiveKind,
    NetworkConfig,
    Outcome,
    RemoteMemoryConfig,
    Status,
    SystemConfig,
    simulate,
)
from versim_astrasim.engine.trace import MEM_LOAD, MEM_STORE
from versim_astrasim.lint.rules import finding
from versim_astrasim.lint.step import WORLD, Step

MOST_NODES = 1_000_000
"""Larger steps are not run."""

MOST_MESSAGES = 3_000_000
"""Nor are steps of more messages, estimated as if every collective were a ring's."""

MOST_TICKS = 3_000_000

_MOST_RANKS_NAMED = 16


def check(step: Step) -> Iterator[Finding]:
    """What running it finds; nothing if it completes."""
    reason = _why_not(step)
    if reason:
        yield finding("not-simulated", f"order of issue not checked: {reason}")
        return
    stand_in = step.network is None or step.system is None
    network = step.network or NetworkConfig(
        topology=("FullyConnected",),
        npus_count=(step.world_size,),
        bandwidth_gib_per_s=(100.0,),
        latency_ns=(500.0,),
        congestion_aware=False,
    )
    system = step.system or SystemConfig(
        implementations={kind: ("direct",) * len(network.npus_count) for kind in CollectiveKind},
        preferred_dataset_splits=1,
        local_mem_bw_gb_per_s=1600.0,
        collective_optimization="baseline",
    )
    given: dict[str, Any] = {
        "traces": [program.trace for program in step.programs],
        "network": network,
        "system": system,
        "groups": step.groups,
        "memory": step.memory or RemoteMemoryConfig(),
        "record_spans": False,
        "statistics": False,
    }
    try:
        # The compiled engine is done with any step of this size in a moment; the other has to be stopped.
        outcome = simulate(**given, exactness="plain", engine="kernel")
    except ValueError:
        try:
            outcome = simulate(**given, max_ticks=MOST_TICKS)
        except SimulationError:
            yield finding("not-simulated", f"order of issue not checked beyond {MOST_TICKS} ticks")
            return
    except SimulationError:
        yield finding("not-simulated", f"order of issue not checked beyond {MOST_TICKS} ticks")
        return
    yield from _findings(outcome, stand_in=stand_in)


def _why_not(step: Step) -> str:
    if len(step.programs) < step.world_size:
        return "traces are missing"
    if step.system is not None and (step.system.custom_implementations or step.system.per_node_custom_path):
        return "trace-described algorithms are not read here"
    nodes = sum(len(program) for program in step.ranks)
    if nodes > MOST_NODES:
        return f"{nodes} nodes are more than the {MOST_NODES} that are run"
    messages = 0
    named = False
    for program in step.ranks:
        for group, count in Counter(program.groups_of_collectives).items():
            named |= bool(group)
            messages += 2 * len(step.members(group or WORLD) or ()) * count
    if step.system is not None:
        messages *= max(step.system.preferred_dataset_splits, 1)
    if messages > MOST_MESSAGES:
        return f"about {messages} messages are more than the {MOST_MESSAGES} that are run"
    if named and step.groups is None:
        return "no group file is given"
    if step.memory is None and any(kind in (MEM_LOAD, MEM_STORE) for program in step.ranks for kind in program.types):
        return "memory nodes need a remote-memory file"
    return ""


def _findings(outcome: Outcome, *, stand_in: bool) -> Iterator[Finding]:
    supposing = " (on links and with algorithms that stand in for those of files not given)" if stand_in else ""
    if outcome.status is Status.COMPLETED:
        return
    if outcome.status is not Status.UNFINISHED:
        found = outcome.diagnosis[0] if outcome.diagnosis else None
        text = found.text if found else outcome.status.value
        yield finding(
            "run-fails",
            f"the run is {outcome.status.value}: {text}{supposing}",
            found.rank if found else None,
            found.node_id if found else None,
        )
        return
    unfinished = outcome.unfinished_ranks
    named = ", ".join(map(str, unfinished[:_MOST_RANKS_NAMED])) + (" …" if len(unfinished) > _MOST_RANKS_NAMED else "")
    said: set[int] = set()
    for found in outcome.diagnosis:
        if found.rank is None or found.rank in said or found.rank not in unfinished or found.node_id is None:
            continue
        said.add(found.rank)
        yield finding(
            "issue-deadlock",
            f"{found.text}; one send or collective at a time, lowest ready id first, ranks {named} never finish"
            f"{supposing}",
            found.rank,
            found.node_id,
        )
    if not said:
        yield finding("issue-deadlock", f"ranks {named} never finish{supposing}")
