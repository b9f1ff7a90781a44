"""A program that is called like ASTRA-sim, prints and logs as it does, and misbehaves as it has been seen to.

It reads the files it is given and lets the embedded engine find the figures. Behaviour is chosen by the variable
``FAKE_ASTRA_SIM``: ``normal``, ``unfinished``, ``assertion``, ``hang``, ``partial``, ``garbage``, ``huge``,
``teardown``, ``lost`` (dies with lines lost, once), ``rotated`` (its log lacks lines).
"""

# ruff: noqa: T201 - a program prints

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import yaml
from versim_astrasim.chakra import read_traces
from versim_astrasim.engine import NetworkConfig, Outcome, SystemConfig, groups_from_mapping, simulate


def simulated(arguments: dict[str, str], *, aware: bool) -> tuple[Outcome, bool]:
    """The outcome, and whether nodes are to be logged."""
    network = NetworkConfig.from_mapping(
        yaml.safe_load(Path(arguments["network-configuration"]).read_text(encoding="utf-8")), congestion_aware=aware
    )
    system = json.loads(Path(arguments["system-configuration"]).read_text(encoding="utf-8"))
    groups = arguments.get("comm-group-configuration", "empty")
    members = {} if "empty" in groups else groups_from_mapping(json.loads(Path(groups).read_text(encoding="utf-8")))
    traces = read_traces(Path(arguments["workload-configuration"]), network.rank_count)
    return simulate(traces, network, SystemConfig.from_mapping(system), groups=members), bool(
        system.get("trace-enabled")
    )


def log(outcome: Outcome, folder: Path, *, complete: bool) -> None:
    """The log file of nodes."""
    spans = outcome.spans
    assert spans is not None
    lines = []
    for rank, node, start, end in zip(
        spans.rank.tolist(), spans.node_id.tolist(), spans.start_ns.tolist(), spans.end_ns.tolist(), strict=True
    ):
        for what, tick in (("issue", start), ("callback", end)):
            lines.append(
                f"[2026-01-01T00:00:00+0000] [D] <workload>: {what},sys->id={rank}, tick={tick}, node->id={node}, "
                "node->name=x, node->type=4\n"
            )
    (folder / "log.log").write_text("".join(lines if complete else lines[1:]), encoding="utf-8")


def main(name: str) -> None:
    """Behave."""
    behaviour = os.environ.get("FAKE_ASTRA_SIM", "normal")
    arguments = dict(argument.removeprefix("--").partition("=")[::2] for argument in sys.argv[1:])
    if behaviour == "assertion":
        print("program: Link.cc:42: void send(): Assertion `id > 0' failed.", file=sys.stderr, flush=True)
        os.abort()
    if behaviour == "garbage":
        sys.stdout.buffer.write(bytes(range(256)) * 400 + b"\nsys[99999999999999] finished, -1 cycles\n")
        return
    if behaviour == "hang":
        print("[t] [system] [info] starting", flush=True)
        time.sleep(60)
    outcome, logs = simulated(arguments, aware="Unaware" not in name)
    if logs:
        log(outcome, Path(arguments["logging-folder"]), complete=behaviour != "rotated")
    if behaviour == "huge":
        for _ in range(20_000):
            print("x" * 100)
    for rank in outcome.finish_order:
        if behaviour in ("unfinished", "partial") and rank == 0:
            continue
        line = f"[t] [workload] [info] sys[{rank}] finished, {outcome.finish_ns[rank]} cycles, "
        line += f"exposed communication {outcome.statistics[rank].exposed_comm_ns} cycles."
        print(line, flush=True)
        if behaviour == "lost" and not Path("died").exists():
            Path("died").write_text("once", encoding="utf-8")
            os.abort()
    if behaviour == "partial":
        print("[t] [workload] [info] sys[0] finished, 12", end="", flush=True)
        os.abort()
    if behaviour == "unfinished":
        print("[t] [HardwareResource] [critical] !!!Hardware Resource sys.id=0 has unreleased nodes!!!")
    if behaviour == "teardown":
        sys.stdout.flush()
        os.abort()


if __name__ == "__main__":
    main(sys.argv.pop(1))
