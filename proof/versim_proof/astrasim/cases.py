"""Cases of the reference tables: from a case's inputs to a run, and from its outcome to matched or not.

A case is matched when every rank's figure is equal to the last nanosecond or, where the real program failed, when a
failure of the same kind is diagnosed: refused input, an abort, or exactly these ranks unfinished, with what the others
printed before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from versim import FaultsError, VersimError
from versim_astrasim.engine.configuration_faults import ConfigurationError
from versim_astrasim.engine.custom_files import Files, WrittenFiles
from versim_astrasim.engine.group_config import groups_from_mapping
from versim_astrasim.engine.memory_config import RemoteMemoryConfig
from versim_astrasim.engine.network_config import NetworkConfig
from versim_astrasim.engine.outcome import Outcome, Status
from versim_astrasim.engine.simulation import Exactness, simulate
from versim_astrasim.engine.system_config import SystemConfig
from versim_astrasim.engine.trace import RankTrace
from versim_astrasim.engine.variant import Variant

from versim_proof.astrasim.command_line import command_line

_FORK = "gkarfakis19/"


def variant_of(table: Mapping[str, Any]) -> Variant:
    """The program whose answers a table holds."""
    program = table.get("program")
    parts = program.values() if isinstance(program, Mapping) else (program,)
    return Variant.RAPID_LLM if any(str(part).startswith(_FORK) for part in parts) else Variant.ASTRA_SIM


@attrs.frozen
class CaseResult:
    """How a case came out.

    Attributes:
        name: The case's name.
        matched: Whether everything that was measured is reproduced.
        details: One line per difference; empty if matched.
    """

    name: str
    matched: bool
    details: tuple[str, ...]


@attrs.frozen(kw_only=True)
class CaseInputs:
    """A case's inputs, typed.

    Attributes:
        traces: One per rank.
        network: The network.
        system: The system settings and command-line options.
        groups: Communicator groups.
        memory: Remote memory.
    """

    traces: tuple[RankTrace, ...]
    network: NetworkConfig
    system: SystemConfig
    groups: Mapping[int, tuple[int, ...]]
    memory: RemoteMemoryConfig


def case_inputs(case: Mapping[str, Any], variant: Variant = Variant.ASTRA_SIM) -> CaseInputs:
    """Read a case's inputs; its expected figures are not looked at.

    Raises:
        FaultsError: If an input is refused.
    """
    options = command_line(case.get("options") or {})
    network = NetworkConfig.from_mapping(
        case["network"],
        congestion_aware=case.get("simulator", "congestion_aware") == "congestion_aware",
        variant=variant,
    )
    memory = RemoteMemoryConfig.from_mapping(case.get("remote_memory") or {"memory-type": "NO_MEMORY_EXPANSION"})
    system = SystemConfig.from_mapping(
        case["system"],
        num_queues_per_dim=options.num_queues_per_dim,
        injection_scale=options.injection_scale,
        rendezvous=options.rendezvous,
        variant=variant,
    )
    return CaseInputs(
        traces=_traces(case["workload"], network.rank_count),
        network=network,
        system=system,
        groups=groups_from_mapping(case.get("comm_groups") or {}),
        memory=memory,
    )


def _traces(workload: Mapping[str, Any], rank_count: int) -> tuple[RankTrace, ...]:
    if workload["form"] == "generated":
        return (RankTrace.from_nodes(_generated_nodes(workload)),) * rank_count
    node_lists: Sequence[Any] = workload["ranks"]
    if workload.get("same_on_all_ranks"):
        return (RankTrace.from_nodes(node_lists[0]),) * rank_count
    return tuple(RankTrace.from_nodes(nodes) for nodes in node_lists)


def _generated_nodes(workload: Mapping[str, Any]) -> list[dict[str, Any]]:
    attributes = {"comm_type": workload["comm_type"], "comm_size": workload["comm_size_bytes"]}
    attributes |= {key: workload[key] for key in ("pg_name", "involved_dim") if key in workload}
    return [
        {
            "id": node_id,
            "type": "COMM_COLL_NODE",
            "ctrl_deps": [node_id - 1] if workload.get("chained") and node_id else [],
            "attr": attributes,
        }
        for node_id in range(workload["count"])
    ]


def run_case(
    case: Mapping[str, Any],
    exactness: Exactness = "auto",
    files: Files | None = None,
    variant: Variant = Variant.ASTRA_SIM,
) -> Outcome | FaultsError:
    """Simulate a case from its inputs; refused input is returned, not raised.

    Args:
        case: The case.
        exactness: See :func:`~.simulation.simulate`.
        files: Where the trace-described collectives are that the case's system names; by default the case's own
            ``files``, which map a path to a list of nodes or, for the map of nodes, to ids and path prefixes.
        variant: The program that was measured.
    """
    files = files or WrittenFiles(case.get("files") or {})
    try:
        inputs = case_inputs(case, variant)
        per_node = files.per_node(inputs.system)
    except FaultsError as error:
        return error
    return simulate(
        inputs.traces,
        inputs.network,
        inputs.system,
        groups=inputs.groups,
        memory=inputs.memory,
        per_node_custom=per_node,
        read_trace=files.trace,
        exactness=exactness,
    )


def verify_case(
    case: Mapping[str, Any],
    exactness: Exactness = "auto",
    files: Files | None = None,
    variant: Variant = Variant.ASTRA_SIM,
) -> CaseResult:
    """Simulate a case and compare with what was measured."""
    expected = case["expected"]
    try:
        outcome = run_case(case, exactness, files, variant)
    except VersimError as error:
        return CaseResult(case["name"], matched=False, details=(f"not simulated: {error}",))
    details = tuple(_compare(expected, outcome))
    return CaseResult(case["name"], matched=not details, details=details)


def _compare(expected: Mapping[str, Any], outcome: Outcome | FaultsError) -> list[str]:
    if isinstance(outcome, FaultsError):
        status = outcome.original if isinstance(outcome, ConfigurationError) else Status.REFUSED
    else:
        status = outcome.status
    wanted = expected_status(expected)
    if status is not wanted:
        reason = f" ({outcome})" if isinstance(outcome, FaultsError) else _first_finding(outcome)
        return [f"status: expected {wanted.value}, got {status.value}{reason}"]
    if isinstance(outcome, FaultsError) or status in (Status.REFUSED, Status.ABORTED, Status.LOOPS):
        return []
    differences = []
    count = len(outcome.finish_ns)
    if status is Status.UNFINISHED:
        ranks = expected.get("unfinished_ranks", "all")
        unfinished = tuple(range(count)) if ranks == "all" else tuple(ranks)
        if outcome.unfinished_ranks != unfinished:
            differences.append(f"unfinished ranks: expected {unfinished}, got {outcome.unfinished_ranks}")
    figures = expected.get("partial", {}) if status is Status.UNFINISHED else expected
    for name, got in printed_figures(outcome).items():
        if name == "finished_ns" and name not in figures:
            continue
        if status is Status.UNFINISHED and not figures:
            continue
        differences += _differences(name, _per_rank(figures.get(name), count), got)
    return differences


def expected_status(expected: Mapping[str, Any]) -> Status:
    """The kind of ending a case's expectation describes."""
    error = expected.get("error")
    if error is None:
        return Status.COMPLETED
    if error.startswith("exit status"):
        return Status.REFUSED
    if error.startswith("killed by signal"):
        return Status.ABORTED
    if re.search(r"ranks unfinished", error):
        return Status.UNFINISHED
    return Status.LOOPS


def _first_finding(outcome: Outcome) -> str:
    return f" ({outcome.diagnosis[0].text})" if outcome.diagnosis else ""


def _per_rank(value: Any, count: int) -> list[Any]:
    if value is None:
        return [None] * count
    if isinstance(value, Mapping):
        return [value["all"]] * count
    return list(value)


def _differences(name: str, expected: Sequence[Any], got: Sequence[Any]) -> list[str]:
    if len(expected) != len(got):
        return [f"{name}: expected {len(expected)} ranks, got {len(got)}"]
    wrong = [rank for rank, pair in enumerate(zip(expected, got, strict=True)) if pair[0] != pair[1]]
    if not wrong:
        return []
    first = wrong[0]
    return [f"{name}: {len(wrong)} rank(s) differ, first rank {first}: expected {expected[first]}, got {got[first]}"]


_PERCENT_DECIMALS = 3


def printed_figures(outcome: Outcome) -> dict[str, list[Any]]:
    """An outcome's figures under the tables' names; None where the original does not print one."""
    statistics = outcome.statistics
    figures: dict[str, list[Any]] = {
        "rank_ns": [
            finish if stats.statistics_failed else stats.wall_ns
            for finish, stats in zip(outcome.finish_ns, statistics, strict=True)
        ],
        "finished_ns": list(outcome.finish_ns),
    }
    for name in ("exposed_comm_ns", "comm_ns", "gpu_ns", "overlap_ns"):
        figures[name] = [getattr(stats, name) for stats in statistics]
    for name, attribute in (
        ("compute_bound_pct", "compute_bound_pct"),
        ("avg_compute_util_pct", "compute_utilization_pct"),
        ("avg_mem_util_pct", "memory_utilization_pct"),
        ("avg_op_intensity", "intensity_flop_per_byte"),
    ):
        figures[name] = [
            None if stats.roofline is None else round(getattr(stats.roofline, attribute), _PERCENT_DECIMALS)
            for stats in statistics
        ]
    return figures
