"""How fast the embedded ASTRA-sim engine is on networks of several dimensions with contention.

Run with ``python benchmarks/networks.py``. Two tables are printed, in CPU seconds of this process and its children:

* collectives over 8 nodes of 8, in the compiled engine and in Python, with the ratio of the two;
* Llama-3-8B on 64 H100 in 8 nodes (tp 8, pp 2, dp 4, 128 sequences), every operator: what ``versim compare`` takes as a
  whole. ``--bars`` fails if that is 10 s or more.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# This script's own folder comes first on the path, and a script in it has the name of a package needed below.
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]

from versim import ClusterChoice  # noqa: E402
from versim_astrasim.engine import NetworkConfig, Outcome, RankTrace, SystemConfig, simulate  # noqa: E402
from versim_astrasim.engine.simulation import Engine  # noqa: E402
from versim_astrasim.options import BackendOptions  # noqa: E402
from versim_astrasim.step.configuration import network_of  # noqa: E402

MIB = 1 << 20
RUNS = 3
BAR_S = 10.0
RANKS = 64
COLLECTIVES = (
    ("all-reduce, ring and ring", "ALL_REDUCE", "ring"),
    ("all-reduce, direct and direct", "ALL_REDUCE", "direct"),
    ("all-to-all, direct and direct", "ALL_TO_ALL", "direct"),
)
CHAIN = 10

LLAMA = """\
workloads:
  - label: step
    producer: transformer
    options: {model: llama3-8b, tp: 8, pp: 2, dp: 4, gbs: 128, granularity: operator}
    system: {preset: dgx-h100, nodes: 8}
pins:
  - {label: roofline, compute: roofline}
backends:
  - {label: astrasim, backend: astrasim}
"""


def collectives(comm_type: str, algorithm: str, engine: Engine) -> tuple[float, Outcome]:
    """Best CPU seconds of a chain of collectives of 64 MiB, and the outcome."""
    system = ClusterChoice(preset="dgx-h100", nodes=8).system()
    network = network_of(system.dimensions, BackendOptions())
    given = NetworkConfig.from_mapping(network.mapping(), variant=network.variant, ways=network.ways)
    config = SystemConfig.from_mapping(
        {
            **{
                f"{kind}-implementation": [algorithm] * 2
                for kind in ("all-reduce", "all-gather", "reduce-scatter", "all-to-all")
            },
            "preferred-dataset-splits": 4,
            "local-mem-bw": 1600,
            "collective-optimization": "localBWAware",
        }
    )
    attributes = {"comm_type": comm_type, "comm_size": 64 * MIB}
    nodes = [
        {"id": number, "type": "COMM_COLL_NODE", "attr": attributes, "ctrl_deps": [number - 1] if number else []}
        for number in range(CHAIN)
    ]
    trace = RankTrace.from_nodes(nodes)
    times = []
    for _ in range(RUNS):
        begin = time.process_time()
        outcome = simulate([trace] * RANKS, given, config, engine=engine, record_spans=False)
        times.append(time.process_time() - begin)
    return min(times), outcome


def step_s() -> float:
    """CPU seconds of comparing the step, start-up and report included."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "llama.yaml"
        path.write_text(LLAMA, encoding="utf-8")
        command = [str(Path(sys.executable).with_name("versim")), "compare", str(path), "-o", str(path) + ".txt"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=False, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if not Path(f"{path}.txt").is_file():
            raise SystemExit(f"{' '.join(command)} wrote no report")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bars", action="store_true", help="fail if the step takes too long")
    options = parser.parse_args()
    sys.stdout.write(f"| {CHAIN} in a row, 64 MiB, 8 nodes of 8 | messages | compiled | Python | ratio |\n")
    sys.stdout.write("|:--|--:|--:|--:|--:|\n")
    for label, comm_type, algorithm in COLLECTIVES:
        compiled_s, compiled = collectives(comm_type, algorithm, "kernel")
        python_s, readable = collectives(comm_type, algorithm, "python")
        if compiled.finish_ns != readable.finish_ns:
            raise SystemExit(f"{label}: the two engines differ")
        row = f"{compiled.message_count:,} | {compiled_s:.3f} s | {python_s:.2f} s | {python_s / compiled_s:.0f}"
        sys.stdout.write(f"| {label} | {row} |\n")
    seconds = step_s()
    sys.stdout.write(f"\n| step | CPU time | of {BAR_S:.0f} s |\n|:--|--:|--:|\n")
    sys.stdout.write(f"| Llama-3-8B, 64 H100 in 8 nodes, every operator | {seconds:.1f} s | {seconds / BAR_S:.0%} |\n")
    return int(options.bars and seconds >= BAR_S)


if __name__ == "__main__":
    sys.exit(main())
