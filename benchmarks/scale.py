"""How far versim scales: message rates of the engine, whole comparisons of large steps, and growth from 8 ranks on.

Run with ``python benchmarks/scale.py``; ``--only`` takes one part. Figures are processor seconds (user and system) and
peak memory of processes of their own, because other work on the machine is none of theirs.

* ``rates``: messages per second of the compiled engine, message by message, and of the Python engine beside it. If
  ``ASTRA_SIM_BIN`` names the real program, it is run on the same traces, and the ratio is to its processor time.
* ``steps``: ``versim compare`` of the flattened 175B step on 64 and on 512 ranks, attribution included, and of GPT-1T
  on 3,072 ranks, which is refused where memory does not do.
* ``folded``: the same of GPT-1T on a network of two levels that knows no congestion, with attribution: by DeepFlow's
  graph and by the producer ``transformer`` with replicas outermost, where one rank stands for 48, and in Megatron-LM's
  layout, where an all-reduce over all ranks tells replicas apart, so that one stands for eight from there on.
* ``growth``: time and memory against replicas, tensor parallelism, stages, microbatches and layers; and one all-reduce
  on rings of up to 100,000 ranks. ``--save`` writes the table as CSV, of which ``benchmarks/growth_drawing.py`` makes a
  drawing.

``--bars`` fails if one of the promised figures is not kept.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# This script's own folder comes first on the path, and a script in it has the name of a package needed below.
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]

import attrs  # noqa: E402
from versim_astrasim.engine import NetworkConfig, RankTrace, SystemConfig, simulate  # noqa: E402
from versim_astrasim.options import SystemOptions  # noqa: E402
from versim_astrasim.program.export import arguments, write_input  # noqa: E402
from versim_astrasim.program.launch import BINARY_VARIABLE, find_program  # noqa: E402
from versim_astrasim.step.simulator_input import SimulatorInput  # noqa: E402

MIB = 1 << 20
KINDS = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all")
RUNS = 3
PYTHON_MESSAGES = 150_000
"""More are not worth the wait in Python."""

BARS_MESSAGES_PER_S = {"ring of 64, 50 all-reduces": 10e6, "ring of 1,024": 10e6}
BARS_STEP = {"g175, 64 ranks": (6.0, 1.0), "g175, 512 ranks": (12.0, 2.0)}
"""Processor seconds and GB promised."""

STEP = """
name: scale
workloads:
  - label: step
    producer: deepflow-llm
    options: {{granularity: flattened, hardware: a100-80gb, model: gpt3-175b, {options}}}
pins: [{{label: full, compute: deepflow}}]
backends: [{backends}]
reference: deepflow
"""

BOTH = ("{label: deepflow, backend: deepflow, network: deepflow}", "{label: astrasim, backend: astrasim}")
"""The two simulators that are compared."""

STEPS = {
    "g175, 64 ranks": "dp: 1, pp: 8, tp: 8, microbatches: 64, batch_size: 64",
    "g175, 512 ranks": "dp: 8, pp: 8, tp: 8, microbatches: 64, batch_size: 512",
    "GPT-1T, 3,072 ranks": "hidden: 25600, heads: 160, ffn: 102400, layers: 128, dp: 6, pp: 64, tp: 8, "
    "microbatches: 512, batch_size: 3072, all_reduce: the_end",
}

TRANSFORMER = """
name: scale
workloads:
  - label: step
    producer: transformer
    options: {granularity: operator, model: megatron-1t, seq_len: 2048, sequence_parallel: true,
      dp: 6, pp: 64, tp: 8, gbs: 3072}
pins: [{label: full, compute: roofline}]
backends: [%s]
reference: deepflow
"""
"""The same model as people train it, with 512 microbatches, too."""

TWO_LEVELS = """
    system:
      device: a100-80gb
      layout: %s
      dimensions:
        - {topology: switch, size: 8, bandwidth: 300 GB/s, latency: 500 ns}
        - {topology: switch, size: 384, bandwidth: 25 GB/s, latency: 2 us}
pins:"""
"""Eight GPUs in a node, 384 nodes."""

BAR_FOLDED = (60.0, 8.0)
"""Seconds of wall time on two cores, which are no more than processor seconds, and GB promised."""

BASE = {"dp": 1, "pp": 2, "tp": 4, "microbatches": 4, "layers": 8}
GROWTH = {
    "dp": (1, 4, 16, 64),
    "tp": (2, 4, 8, 16, 32),
    "pp": (1, 2, 4, 8),
    "microbatches": (4, 16, 64, 256),
    "layers": (8, 32, 128),
    "dp, deepflow alone": (1, 8, 64, 512, 4096, 8192),
}
RINGS = (8, 64, 512, 4096, 16384, 65536, 100_000)


@attrs.frozen(kw_only=True)
class Workload:
    """Traces and what they run on."""

    label: str
    traces: tuple[RankTrace, ...]
    network: Mapping[str, Any]
    system: Mapping[str, Any]
    aware: bool = True

    def configurations(self) -> tuple[NetworkConfig, SystemConfig]:
        """As the engine takes them."""
        network = NetworkConfig.from_mapping(self.network, congestion_aware=self.aware)
        return network, SystemConfig.from_mapping(self.system)


def workload(
    label: str,
    topology: tuple[str, ...],
    sizes: tuple[int, ...],
    algorithm: str = "ring",
    comm_type: str = "ALL_REDUCE",
    size_bytes: int = 64 * MIB,
    chain: int = 1,
    active_chunks: int = 1,
    traces: tuple[RankTrace, ...] = (),
    *,
    aware: bool = True,
) -> Workload:
    """A chain of collectives on all ranks, or the traces that are given."""
    ranks = 1
    for size in sizes:
        ranks *= size
    nodes = [
        {
            "id": number,
            "type": "COMM_COLL_NODE",
            "ctrl_deps": [number - 1] if number else [],
            "attr": {"comm_type": comm_type, "comm_size": size_bytes},
        }
        for number in range(chain)
    ]
    return Workload(
        label=label,
        traces=traces or (RankTrace.from_nodes(nodes),) * ranks,
        network={
            "topology": list(topology),
            "npus_count": list(sizes),
            "bandwidth": [50.0] * len(sizes),
            "latency": [500.0] * len(sizes),
        },
        system={f"{kind}-implementation": [algorithm] * len(sizes) for kind in KINDS}
        | {
            "endpoint-delay": 10,
            "scheduling-policy": "LIFO",  # the real program reads an uninitialised one where none is given
            "active-chunks-per-dimension": active_chunks,
            "preferred-dataset-splits": 4,
            "local-mem-bw": 1600,
            "collective-optimization": "localBWAware",
        },
        aware=aware,
    )


def messages_at_random(ranks: int, count: int) -> tuple[RankTrace, ...]:
    """A graph of messages between random ranks, with compute between them; sends wait for what came before."""
    source = random.Random(1)  # noqa: S311 - the same traces tomorrow
    nodes: list[list[dict[str, Any]]] = [[] for _ in range(ranks)]

    def add(rank: int, node_type: str, attributes: dict[str, Any]) -> None:
        node_id = len(nodes[rank])
        deps = [source.randrange(max(0, node_id - 8), node_id)] if node_id else []
        nodes[rank].append({"id": node_id, "type": node_type, "ctrl_deps": deps, "attr": attributes})

    for number in range(count):
        one, other = source.sample(range(ranks), 2)
        sent = {"comm_src": one, "comm_dst": other, "comm_size": source.choice((4096, 65536, MIB)), "comm_tag": number}
        add(one, "COMM_SEND_NODE", sent)
        add(other, "COMM_RECV_NODE", sent)
    return tuple(RankTrace.from_nodes(each) for each in nodes)


def workloads() -> Iterator[Workload]:
    """What rates are measured on."""
    yield workload("ring of 64, 50 all-reduces", ("Ring",), (64,), size_bytes=MIB, chain=50)
    yield workload("ring of 1,024", ("Ring",), (1024,))
    yield workload("ring of 128, four active chunks", ("Ring",), (128,), chain=4, active_chunks=4)
    yield workload("direct all-reduce, fully connected 64", ("FullyConnected",), (64,), "direct", chain=4)
    yield workload("halving-doubling, switch 64", ("Switch",), (64,), "halvingDoubling", chain=8)
    yield workload("double binary tree, switch 64", ("Switch",), (64,), "doubleBinaryTree", chain=8)
    yield workload("direct all-to-all, switch 64", ("Switch",), (64,), "direct", "ALL_TO_ALL", chain=4)
    yield workload("direct all-to-all, ring of 256", ("Ring",), (256,), "direct", "ALL_TO_ALL", 16 * MIB)
    yield workload("8 x 8 x 8, unaware", ("Ring",) * 3, (8, 8, 8), chain=4, aware=False)
    traces = messages_at_random(64, 200_000)
    yield workload("200,000 messages at random, ring of 64", ("Ring",), (64,), traces=traces)
    yield workload("200,000 messages at random, switch 64", ("Switch",), (64,), traces=traces)


def best_s(given: Workload, engine: Any) -> tuple[float, int]:
    """Processor seconds of the fastest run, and messages."""
    best, messages = float("inf"), 0
    network, system = given.configurations()
    for _ in range(RUNS):
        began = time.process_time()
        outcome = simulate(
            given.traces, network, system, exactness="plain", engine=engine, record_spans=False, statistics=False
        )
        best, messages = min(best, time.process_time() - began), outcome.message_count
        if best > 1:
            break
    return best, messages


def real_s(given: Workload) -> float | None:
    """Processor seconds of the real program on the same traces, None where there is none."""
    if not os.environ.get(BINARY_VARIABLE):
        return None
    options = SystemOptions(congestion="aware" if given.aware else "unaware")
    program = find_program("", options.congestion, os.environ)
    files = SimulatorInput(
        traces=given.traces,
        network=given.network,
        system=given.system,
        memory={"memory-type": "NO_MEMORY_EXPANSION"},
        groups={},
        options=options,
    )
    with tempfile.TemporaryDirectory(prefix="versim-benchmark-") as name:
        write_input(files, Path(name))
        return processor_s([str(program), *arguments(files)], Path(name))[0]


def processor_s(command: list[str], folder: Path, *, incomplete: bool = True) -> tuple[float, float]:
    """User and system seconds of a process, and its peak memory in GB; ``incomplete``: a step may be refused."""
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 4 if incomplete else 0):  # 4: a simulation did not complete, a report says
        raise SystemExit(f"{' '.join(command)} ends with status {process.returncode}")
    kib = 1024 if sys.platform != "darwin" else 1
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * kib / 1e9


def print_rates() -> list[str]:
    """Message rates; what misses its bar."""
    missed = []
    print(
        f"{'message by message':40} {'messages':>10} {'kernel s':>9} {'M/s':>6} {'Python s':>9} {'real s':>8} "
        f"{'ratio':>6}"
    )
    for given in workloads():
        seconds, messages = best_s(given, "kernel")
        python_s = best_s(given, "python")[0] if messages <= PYTHON_MESSAGES else None
        theirs_s = real_s(given)
        shown = [f"{value:.3f}" if value is not None else "–" for value in (python_s, theirs_s)]
        ratio = f"{theirs_s / seconds:.1f}" if theirs_s is not None else "–"
        line = f"{given.label:40} {messages:>10,} {seconds:>9.3f} {messages / seconds / 1e6:>6.2f}"
        print(f"{line} {shown[0]:>9} {shown[1]:>8} {ratio:>6}", flush=True)
        bar = BARS_MESSAGES_PER_S.get(given.label)
        if bar is not None and messages / seconds < bar:
            missed.append(f"{given.label}: {messages / seconds / 1e6:.1f} M messages/s, promised {bar / 1e6:.0f}")
    return missed


def compared(options: str, backends: tuple[str, ...] = BOTH) -> tuple[float, float]:
    """Processor seconds and GB of ``versim compare`` of a step."""
    return compared_text(STEP.format(options=options, backends=", ".join(backends)))


def compared_text(text: str, *, incomplete: bool = True) -> tuple[float, float]:
    """The same of a scenario."""
    with tempfile.TemporaryDirectory(prefix="versim-benchmark-") as name:
        scenario = Path(name) / "scale.yaml"
        scenario.write_text(text, encoding="utf-8")
        command = Path(sysconfig.get_path("scripts")) / "versim"
        return processor_s([str(command), "compare", str(scenario)], Path(name), incomplete=incomplete)


def print_steps() -> list[str]:
    """Whole comparisons; what misses its bar."""
    missed = []
    print(f"\n{'versim compare, with attribution':40} {'processor s':>11} {'GB':>6}")
    for label, options in STEPS.items():
        seconds, gigabytes = compared(options)
        print(f"{label:40} {seconds:>11.1f} {gigabytes:>6.2f}", flush=True)
        bar = BARS_STEP.get(label)
        if bar is not None and (seconds > bar[0] or gigabytes > bar[1]):
            missed.append(
                f"{label}: {seconds:.1f} s and {gigabytes:.2f} GB, promised {bar[0]:.0f} s and {bar[1]:.0f} GB"
            )
    return missed


def print_folded() -> list[str]:
    """GPT-1T where replicas and tensor-parallel ranks run alike; what misses its bar."""
    missed = []
    ours, theirs = (
        STEP.format(options=STEPS["GPT-1T, 3,072 ranks"], backends=", ".join(BOTH)),
        TRANSFORMER % ", ".join(BOTH),
    )
    steps = {
        "deepflow-llm": (ours, "deepflow"),
        "transformer": (theirs, "deepflow"),
        "transformer, Megatron-LM's layout": (theirs, "megatron"),
    }
    print(f"\n{'GPT-1T, two levels, congestion-unaware':40} {'processor s':>11} {'GB':>6}")
    for label, (step, layout) in steps.items():
        text = step.replace("\npins:", TWO_LEVELS % layout)
        text = text.replace("backend: astrasim}", "backend: astrasim, options: {congestion: unaware}}")
        seconds, gigabytes = compared_text(text, incomplete=False)
        print(f"{label:40} {seconds:>11.1f} {gigabytes:>6.2f}", flush=True)
        if seconds > BAR_FOLDED[0] or gigabytes > BAR_FOLDED[1]:
            missed.append(f"GPT-1T by {label}: {seconds:.1f} s and {gigabytes:.2f} GB, promised {BAR_FOLDED}")
    return missed


def print_growth(save: Path | None) -> None:
    """Time and memory against each kind of parallelism, and rings; written as CSV, too, if asked for."""
    rows: list[tuple[str, int, int, float, float]] = []

    def add(*row: Any) -> None:
        rows.append(row)
        name, value, ranks, seconds, gigabytes = row
        print(f"{name:24} {value:>7,} {ranks:>7,} {seconds:>12.2f} {gigabytes:>6.3f}", flush=True)
        if save is not None:
            lines = (f'"{n}",{v},{r},{s:.3f},{g:.4f}' for n, v, r, s, g in rows)
            save.write_text("\n".join(("axis,value,ranks,processor_s,gb", *lines, "")), encoding="utf-8")

    print(f"\ngrowth of {BASE}\n{'':24} {'':>7} {'ranks':>7} {'processor s':>12} {'GB':>6}")
    for name, values in GROWTH.items():
        axis, _, alone = name.partition(", ")
        for value in values:
            chosen = {**BASE, axis: value}
            batch = chosen["dp"] * chosen["microbatches"]
            options = ", ".join(f"{k}: {v}" for k, v in chosen.items()) + f", batch_size: {batch}"
            figures = compared(options, BOTH[:1] if alone else BOTH)
            add(name, value, chosen["dp"] * chosen["pp"] * chosen["tp"], *figures)
    for ranks in RINGS:
        command = [sys.executable, str(Path(__file__).resolve()), "--ring", str(ranks)]
        add("ring", ranks, ranks, *processor_s(command, Path.cwd()))


def run_ring(ranks: int) -> None:
    """One all-reduce of 64 MiB on a ring, in this process."""
    given = workload(str(ranks), ("Ring",), (ranks,))
    network, system = given.configurations()
    simulate(given.traces, network, system)


def main() -> int:
    """Measure and print; 1 if bars were asked for and missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("rates", "steps", "folded", "growth"))
    parser.add_argument("--bars", action="store_true", help="fail if a promised figure is not kept")
    parser.add_argument("--save", type=Path, help="write the table of growth to this CSV file")
    parser.add_argument("--ring", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.ring:
        run_ring(chosen.ring)
        return 0
    missed = []
    if chosen.only in (None, "rates"):
        missed += print_rates()
    if chosen.only in (None, "steps"):
        missed += print_steps()
    if chosen.only in (None, "folded"):
        missed += print_folded()
    if chosen.only in (None, "growth"):
        print_growth(chosen.save)
    for line in missed:
        print(line)
    return 1 if chosen.bars and missed else 0


if __name__ == "__main__":
    sys.exit(main())
