"""A program that is called like ASTRA-sim, prints and logs as it does, and misbehaves as it has been seen to.

It reads the files it is given and lets the embedded engine find the figures; a step that deadlocks ends with status 0
and the nodes that were still running. Behaviour is chosen by the variable ``FAKE_ASTRA_SIM``:

* ``normal``; ``fork`` (that RAPID-LLM drives); ``hang``; ``garbage``; ``huge`` (output);
* ``unfinished`` and ``partial``: rank 0 prints nothing, or half its line;
* ``assertion``, ``memory`` (no more to be had), ``heap`` (damaged, again and again): it dies with what it prints then;
* ``teardown``: it dies after everything was printed; ``lost``: before, but not the second time;
* ``older``: it knows no logging configuration, so that its log rotates; ``rotated``: and has;
* ``lacking`` (the log lacks a line), ``doubled`` (has one twice), ``full`` (the disk: half the log is written).
"""

# ruff: noqa: T201 - a program prints

from __future__ import annotations

import json
import os
import sys
import time
import tomllib
from pathlib import Path

import yaml
from versim_astrasim.chakra.reader import read_traces
from versim_astrasim.engine import NetworkConfig, Outcome, SystemConfig, groups_from_mapping, simulate
from versim_astrasim.engine.outcome import RankStatistics
from versim_astrasim.engine.variant import Variant

STAMP = "[2026-01-01 00:00:00.000]"


def simulated(arguments: dict[str, str], *, aware: bool, forked: bool) -> tuple[Outcome, bool]:
    """The outcome, and whether nodes are to be logged."""
    mapping = yaml.safe_load(Path(arguments["network-configuration"]).read_text(encoding="utf-8"))
    if aware and not forked and len(mapping["topology"]) > 1:
        print("[Error] (network/analytical/congestion_aware) only support 1-dim topology", file=sys.stderr)
        sys.exit(255)
    variant = Variant.RAPID_LLM if forked else Variant.ASTRA_SIM
    network = NetworkConfig.from_mapping(mapping, congestion_aware=aware, variant=variant)
    system = json.loads(Path(arguments["system-configuration"]).read_text(encoding="utf-8"))
    groups = arguments.get("comm-group-configuration", "empty")
    members = {} if "empty" in groups else groups_from_mapping(json.loads(Path(groups).read_text(encoding="utf-8")))
    traces = read_traces(Path(arguments["workload-configuration"]), network.rank_count)
    for rank in range(network.rank_count):
        print(f"{STAMP} [system::topology::RingTopology] [info] ring of node 0, id: {rank} dimension: local")
    outcome = simulate(
        traces,
        network,
        SystemConfig.from_mapping(
            system,
            num_queues_per_dim=int(arguments.get("num-queues-per-dim", 1)),
            injection_scale=float(arguments.get("injection-scale", 1)),
            rendezvous="rendezvous-protocol" in arguments,
            variant=variant,
        ),
        groups=members,
    )
    return outcome, bool(system.get("trace-enabled"))


def log_lines(outcome: Outcome) -> list[str]:
    """What is logged of nodes, and beside it of the roofline."""
    spans = outcome.spans
    assert spans is not None
    lines = []
    for rank, node, start, end in zip(
        spans.rank.tolist(), spans.node_id.tolist(), spans.start_ns.tolist(), spans.end_ns.tolist(), strict=True
    ):
        for what, tick in (("issue", start), ("callback", end)):
            if tick < 0:
                continue
            lines.append(
                f"[2026-01-01T00:00:00+00:00] [D] <workload>: {what},sys->id={rank}, tick={tick}, node->id={node}, "
                "node->name=a callback,sys->id=0, tick=1, node->id=0, node->type=4\n"
            )
            lines.append(
                "[2026-01-01T00:00:00+00:00] [D] <workload>: operation_intensity=1234500, perf=1000000000000\n"
            )
    return lines


def log(lines: list[str], arguments: dict[str, str], behaviour: str) -> None:
    """Write the log: to the file that the logging configuration names, unless the program is too old to know it."""
    folder = Path(arguments["logging-folder"])
    configuration = tomllib.loads(Path(arguments["logging-configuration"]).read_text(encoding="utf-8"))
    (sink,) = (sink for sink in configuration["sink"] if sink["type"] == "basic_file_sink_st")
    if behaviour == "lacking":
        lines = lines[2:]
    if behaviour == "doubled":
        lines = [*lines, lines[0]]
    if behaviour == "full":
        print(f"[*** LOG ERROR #0001 ***] {STAMP} [workload] Failed writing to file {sink['filename']}: No space left")
        lines = lines[: len(lines) // 2]
    if behaviour == "rotated":
        for number in range(1, 11):
            (folder / f"log.{number}.log").write_text("".join(lines[2:]) if number == 1 else "", encoding="utf-8")
        lines = []
    older = behaviour in ("older", "rotated")
    (folder / "log.log" if older else Path(sink["filename"])).write_text("".join(lines), encoding="utf-8")


def print_rank(rank: int, finish_ns: int, figures: RankStatistics) -> None:
    """What is printed when a rank finishes."""
    print(
        f"{STAMP} [workload] [info] sys[{rank}] finished, {finish_ns} cycles, exposed communication "
        f"{figures.exposed_comm_ns} cycles.",
        flush=True,
    )
    lines = [f"sys[{rank}]. Post statistics processing start.", f"sys[{rank}]. Post statistics processing end."]
    named = {"Wall": figures.wall_ns, "GPU": figures.gpu_ns, "Comm": figures.comm_ns}
    lines += [f"sys[{rank}], {name} time: {value}" for name, value in named.items() if value is not None]
    if figures.overlap_ns is not None:
        lines.append(f"sys[{rank}], Total compute-communication overlap: {figures.overlap_ns}")
    if figures.roofline is not None:
        lines.append(f"sys[{rank}], Compute bound percentage: {figures.roofline.compute_bound_pct:.3f}%")
        lines.append(f"sys[{rank}], Average operation intensity: {figures.roofline.intensity_flop_per_byte:.3f}")
    for line in lines:
        print(f"{STAMP} [statistics] [info] {line}")


def print_running(outcome: Outcome) -> None:
    """What is printed at the end of nodes that never ended."""
    spans = outcome.spans
    assert spans is not None
    for rank, node, start, end in zip(
        spans.rank.tolist(), spans.node_id.tolist(), spans.start_ns.tolist(), spans.end_ns.tolist(), strict=True
    ):
        if start >= 0 and end < 0:
            print(f"{STAMP} [HardwareResource] [critical] !!!Hardware Resource sys.id={rank} has unreleased nodes!!!")
            print(f"{STAMP} [HardwareResource] [critical] GPU comm node id: {node}")


def die(said: str) -> None:
    """End as an assertion or the C library does."""
    print(said, file=sys.stderr, flush=True)
    os.abort()


def main(name: str) -> None:
    """Behave."""
    behaviour = os.environ.get("FAKE_ASTRA_SIM", "normal")
    arguments = dict(argument.removeprefix("--").partition("=")[::2] for argument in sys.argv[1:])
    if behaviour == "assertion":
        die("program: Link.cc:42: void send(): Assertion `id > 0' failed.")
    if behaviour == "memory":
        die("terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc")
    if behaviour == "heap":
        die("malloc(): mismatching next->prev_size (unsorted)")
    if behaviour == "garbage":
        sys.stdout.buffer.write(bytes(range(256)) * 400 + b"\nsys[99999999999999] finished, -1 cycles\n")
        return
    if behaviour == "hang":
        print(f"{STAMP} [system] [info] starting", flush=True)
        time.sleep(60)
    outcome, logs = simulated(arguments, forked=behaviour == "fork", aware="Unaware" not in name)
    if logs:
        log(log_lines(outcome), arguments, behaviour)
    if behaviour == "huge":
        for _ in range(20_000):
            print("x" * 100)
    for rank in outcome.finish_order:
        finish_ns = outcome.finish_ns[rank]
        assert finish_ns is not None
        if behaviour in ("unfinished", "partial") and rank == 0:
            continue
        print_rank(rank, finish_ns, outcome.statistics[rank])
        if behaviour == "lost" and not Path("died").exists():
            Path("died").write_text("once", encoding="utf-8")
            die("free(): invalid pointer")
    if behaviour == "partial":
        print(f"{STAMP} [workload] [info] sys[0] finished, 12", end="", flush=True)
        os.abort()
    if behaviour == "unfinished":
        print(f"{STAMP} [HardwareResource] [critical] !!!Hardware Resource sys.id=0 has unreleased nodes!!!")
    print_running(outcome)
    print(f"{STAMP} [system] [warning] Exiting", flush=True)
    if behaviour == "teardown":
        die("double free or corruption (!prev)")


if __name__ == "__main__":
    main(sys.argv.pop(1))
