"""Network and system files: values on which the program hangs, crashes or does something else than they say."""

from __future__ import annotations

from collections.abc import Iterator

from versim import Finding

from versim_astrasim.engine import CollectiveKind
from versim_astrasim.engine.trace import COLL, COMP, SEND
from versim_astrasim.engine.variant import Variant
from versim_astrasim.lint.rules import finding
from versim_astrasim.lint.step import CARRIED_OUT, WORLD, Step

_GIB, _NS_PER_S = 2**30, 1e9


def check(step: Step) -> Iterator[Finding]:
    """Findings of the files that are given."""
    network, system = step.network, step.system
    if (
        network is not None
        and network.congestion_aware
        and network.variant is Variant.ASTRA_SIM
        and ("Ring", 2) in zip(network.topology, network.npus_count, strict=True)
    ):
        yield finding("ring-of-two", "the congestion-aware program aborts on a ring of 2 ranks")
    if system is None:
        return
    for warning in system.warnings:
        rule = "false-enables" if ": false switches" in warning else "ignored-key"
        yield finding(rule, f"system file: {warning}")
    if system.replay_only or not any(program.collectives for program in step.ranks):
        return
    if system.preferred_dataset_splits < 1:
        what = "endless loop" if system.preferred_dataset_splits < 0 else "division by zero"
        yield finding(
            "splits",
            f"preferred-dataset-splits is {system.preferred_dataset_splits} (0 if absent): {what} at the first "
            "collective",
        )
    if system.active_chunks_per_dimension < 1:
        yield finding("active-chunks", "active-chunks-per-dimension is 0: no collective ever starts")
    dimensions = len(network.npus_count) if network is not None else 1
    if dimensions > 1 and system.collective_optimization is None and not system.custom_implementations:
        lists = system.implementations.get(CollectiveKind.ALL_REDUCE, ())
        uses = any(p.value("comm_type", at) == 0 for _, p in step.distinct() for at in p.collectives)
        if uses and len(lists) > 1:
            yield finding(
                "optimization-unset",
                "collective-optimization is absent with several dimensions: the program acts on uninitialised memory, "
                "and ranks may disagree and hang",
            )
    delay = system.effective_endpoint_delay_ns
    if delay < 0:
        yield finding("endpoint-delay", f"endpoint-delay is {delay} ns: no collective ever starts")


def check_start(step: Step) -> Iterator[Finding]:
    """Things that take no time at the very start, on which the program aborts."""
    system, network = step.system, step.network
    if system is not None and system.replay_only:
        return
    custom = system is not None and (system.custom_implementations or system.per_node_custom_path)
    for rank, program in enumerate(step.ranks):
        first_of_slot = True
        for position in program.roots:
            kind, node = program.types[position], program.ids[position]
            if program.on_cpu(position):
                continue
            if kind == COLL and program.value("comm_type", position) in CARRIED_OUT:
                quick = _is_small_group(step, program.group(position))
                at_once = system is not None and system.effective_endpoint_delay_ns == 0
                if first_of_slot and at_once and not quick and not custom:
                    yield finding(
                        "endpoint-delay",
                        "endpoint-delay is 0 ns with a collective at the very start, on which the program aborts",
                        rank,
                        node,
                    )
                first_of_slot = False
            elif kind == SEND:
                size = program.unsigned("comm_size", position)
                if first_of_slot and network is not None and size and not (system and system.rendezvous):
                    bytes_per_ns = max(network.bandwidth_gib_per_s) * _GIB / _NS_PER_S
                    latency = min(network.latency_ns) if not network.congestion_aware else 0.0
                    if int(latency + size / bytes_per_ns) == 0:
                        yield finding(
                            "instant-start",
                            f"a message of {size} bytes takes less than 1 ns at the very start, on which the program "
                            "aborts",
                            rank,
                            node,
                        )
                first_of_slot = False
            elif kind == COMP and system is not None and system.roofline_enabled:
                yield from _instant_compute(step, rank, position)


def _is_small_group(step: Step, group: int | None) -> bool:
    if group in (None, WORLD):
        return False
    members = step.members(group) if group is not None else None
    return members is not None and len(members) < step.world_size


def _instant_compute(step: Step, rank: int, position: int) -> Iterator[Finding]:
    program, system = step.ranks[rank], step.system
    ops, size = program.unsigned("num_ops", position), program.unsigned("tensor_size", position)
    if system is None or ops is None or not size:
        return
    if not ops:
        yield finding(
            "instant-start",
            "a compute node of 0 operations has no time, on which the program aborts",
            rank,
            program.ids[position],
        )
        return
    peak = min(system.local_mem_bw_gb_per_s * 1e9 * (ops / size), system.peak_perf_tflop_per_s * 1e12)
    if peak <= 0 or int(ops / peak * 1e9) == 0:
        yield finding(
            "instant-start",
            f"{ops} operations take less than 1 ns at the very start, on which the program aborts",
            rank,
            program.ids[position],
        )
