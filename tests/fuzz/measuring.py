"""A case of the reference tables on a real ASTRA-sim: its files, a run, and what was measured in the tables' form.

Traces are encoded by the published format's own library, not by versim's writer, so that a mistake there shows.
"""

from __future__ import annotations

import json
import math
import os
import re
import resource
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from chakra.schema.protobuf import et_def_pb2 as schema
from versim_astrasim.chakra.framing import varint
from versim_astrasim.program.launch import find_program
from versim_astrasim.program.node_log import LoggedTimes, read_log

LONGEST_S = 60.0
MOST_MEMORY_BYTES = 4 << 30
"""An endless loop takes memory until there is none."""

_SINGLE_WORDS = ("comm_src", "comm_dst", "comm_tag", "comm_priority")
_FINISHED = re.compile(r"sys\[(\d+)\] finished, (\d+) cycles, exposed communication (\d+) cycles")
_PRINTED = {
    "rank_ns": r"sys\[(\d+)\], Wall time: (\d+)",
    "comm_ns": r"sys\[(\d+)\], Comm time: (\d+)",
    "gpu_ns": r"sys\[(\d+)\], GPU time: (\d+)",
    "overlap_ns": r"sys\[(\d+)\], Total compute-communication overlap: (\d+)",
    "compute_bound_pct": r"sys\[(\d+)\], Compute bound percentage: (\S+)%",
    "avg_compute_util_pct": r"sys\[(\d+)\], Average compute utilization: (\S+)%",
    "avg_mem_util_pct": r"sys\[(\d+)\], Average memory utilization: (\S+)%",
    "avg_op_intensity": r"sys\[(\d+)\], Average operation intensity: (\S+)",
}
_HEAP_MESSAGES = ("malloc", "free()", "double free", "corrupted", "munmap_chunk", "has_value()")
"""The last is of a check of the program's records of messages, which fails where such a record was overwritten."""


@attrs.frozen(kw_only=True)
class Measured:
    """What a run of the real program gave.

    Attributes:
        expected: In the form of a table's ``expected``.
        order: Ranks in the order they finished.
        times: When each node was issued and called back, from the log.
        memory_broke: Whether the program died of its own use of memory rather than of a check.
    """

    expected: dict[str, Any]
    order: tuple[int, ...]
    times: LoggedTimes
    memory_broke: bool


def measure(case: Mapping[str, Any]) -> Measured:
    """Run a case.

    Raises:
        VersimError: If there is no real program.
    """
    congestion = "unaware" if case["simulator"] == "congestion_unaware" else "aware"
    program = find_program("", congestion, os.environ)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [str(program), *_write(case, folder), f"--logging-folder={folder / 'log'}"]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                capture_output=True,
                check=False,
                timeout=LONGEST_S,
                preexec_fn=_limit,
            )
        except subprocess.TimeoutExpired:
            return Measured(
                expected={"error": "did not end"}, order=(), times=read_log(folder / "log"), memory_broke=False
            )
        output = (done.stdout + done.stderr).decode(errors="replace")
        return _read(done.returncode, output, rank_count(case), read_log(folder / "log"))


def rank_count(case: Mapping[str, Any]) -> int:
    """Number of ranks of a case; of one that names none, it does not matter."""
    try:
        return math.prod(int(count) for count in case["network"]["npus_count"])
    except (KeyError, TypeError, ValueError):
        return 1


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _write(case: Mapping[str, Any], folder: Path) -> list[str]:
    """Write the input files; the arguments that name them."""
    for rank, nodes in enumerate(_node_lists(case)):
        (folder / f"trace.{rank}.et").write_bytes(_trace(nodes))
    for path, content in case.get("files", {}).items():
        (folder / path).write_bytes(_trace(content) if isinstance(content, list) else json.dumps(content).encode())
    files = {
        "system-configuration": case["system"] | {"trace-enabled": 1},
        "network-configuration": case["network"],
        "remote-memory-configuration": case.get("remote_memory") or {"memory-type": "NO_MEMORY_EXPANSION"},
    }
    if case["comm_groups"] is not None:
        files["comm-group-configuration"] = case["comm_groups"]
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")  # JSON is YAML, too
    options = case.get("options", {}).items()
    return [
        f"--workload-configuration={folder / 'trace'}",
        *(f"--{name}={folder / name}" for name in files),
        *(f"--{name}" if value is True else f"--{name}={str(value).lower()}" for name, value in options),
    ]


def _node_lists(case: Mapping[str, Any]) -> list[Sequence[Mapping[str, Any]]]:
    workload = case["workload"]
    if workload["form"] == "explicit":
        same = workload.get("same_on_all_ranks")
        return workload["ranks"] * rank_count(case) if same else list(workload["ranks"])
    attributes = {"is_cpu_op": False, "comm_type": workload["comm_type"], "comm_size": workload["comm_size_bytes"]}
    attributes |= {key: workload[key] for key in ("pg_name", "involved_dim") if key in workload}
    nodes = [
        {
            "id": number,
            "type": "COMM_COLL_NODE",
            "ctrl_deps": [number - 1] if workload["chained"] and number else [],
            "attr": attributes,
        }
        for number in range(workload["count"])
    ]
    return [nodes] * rank_count(case)


def _trace(nodes: Sequence[Mapping[str, Any]]) -> bytes:
    messages = [schema.GlobalMetadata(version="0.0.4"), *map(_node, nodes)]
    contents = [message.SerializeToString() for message in messages]
    return b"".join(varint(len(content)) + content for content in contents)


def _node(node: Mapping[str, Any]) -> schema.Node:
    message = schema.Node(id=node["id"], name=node.get("name", ""), type=schema.NodeType.Value(node["type"]))
    message.ctrl_deps.extend(node.get("ctrl_deps", ()))
    message.data_deps.extend(node.get("data_deps", ()))
    message.duration_micros = node.get("duration_micros", 0)
    for name, value in node.get("attr", {}).items():
        attribute = message.attr.add(name=name)
        if name == "comm_type":
            attribute.int64_val = schema.CollectiveCommType.Value(value)
        elif isinstance(value, bool):
            attribute.bool_val = value
        elif isinstance(value, list):
            attribute.bool_list.values.extend(value)
        elif isinstance(value, str):
            attribute.string_val = value
        elif name in _SINGLE_WORDS:
            attribute.int32_val = value
        else:
            attribute.int64_val = value
    return message


def _read(code: int, output: str, ranks: int, times: LoggedTimes) -> Measured:
    finished = {int(rank): (int(tick), int(exposed)) for rank, tick, exposed in _FINISHED.findall(output)}
    order = tuple(int(rank) for rank, _, _ in _FINISHED.findall(output))
    broke = code < 0 and "Assertion" not in output and "terminate called" not in output
    broke = broke or (code < 0 and any(message in output for message in _HEAP_MESSAGES))
    expected: dict[str, Any] = {}
    if broke and len(finished) == ranks:
        expected["teardown_crash"] = True  # after all figures were printed
    elif "bad_alloc" in output:
        expected["error"] = "did not end"
    elif code:
        expected["error"] = f"killed by signal {-code}" if code < 0 else f"exit status {code}"
    elif len(finished) < ranks:
        unfinished = [rank for rank in range(ranks) if rank not in finished]
        expected["error"] = f"simulation ended (exit status 0) with {len(unfinished)} of {ranks} ranks unfinished"
        expected["unfinished_ranks"] = unfinished
        expected["partial"] = _figures(output, finished, ranks)
    if "error" not in expected:
        expected |= _figures(output, finished, ranks)
    return Measured(expected=expected, order=order, times=times, memory_broke=broke)


def _figures(output: str, finished: Mapping[int, tuple[int, int]], ranks: int) -> dict[str, Any]:
    """What was printed, per rank; None where it was not."""
    figures: dict[str, Any] = {}
    for name, pattern in _PRINTED.items():
        number = float if "avg" in name or "pct" in name else int
        figures[name] = {int(rank): number(value) for rank, value in re.findall(pattern, output)}
    failed = [rank for rank in finished if rank not in figures["rank_ns"]]
    for rank in failed:
        figures["rank_ns"][rank] = finished[rank][0]
    figures["exposed_comm_ns"] = {rank: exposed for rank, (_, exposed) in finished.items()}
    columns = {name: [values.get(rank) for rank in range(ranks)] for name, values in figures.items()}
    columns = {name: column for name, column in columns.items() if any(value is not None for value in column)}
    return columns | ({"stats_failed": True} if failed else {})
