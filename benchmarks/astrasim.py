"""How fast the embedded ASTRA-sim engine is.

Run with ``python benchmarks/astrasim.py``; ``--plain`` times message-by-message simulation only, ``--bars`` fails if
one of the promised times is not kept. Times are the best of three runs, traces and configuration already read.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import attrs
from versim_astrasim.engine import NetworkConfig, RankTrace, SystemConfig, simulate

KINDS = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all")
MIB = 1 << 20
RUNS = 3
PLAIN_MESSAGES_PER_S = 150_000


@attrs.frozen(kw_only=True)
class Benchmark:
    """One collective, or a chain of them, on all ranks.

    Attributes:
        label: For people.
        topology: Of the one dimension.
        ranks: Number of ranks.
        algorithm: The collective algorithm.
        comm_type: The collective.
        size_bytes: Its size.
        chain: How many follow one another.
        active_chunks: Chunks worked on at once.
        plain: Whether message by message is quick enough to be worth timing.
        bar_s: Promised time with shortcuts, None if nothing is promised.
        rate_bar: Whether the promised message rate holds for it message by message.
    """

    label: str
    topology: str
    ranks: int
    algorithm: str = "ring"
    comm_type: str = "ALL_REDUCE"
    size_bytes: int = 64 * MIB
    chain: int = 1
    active_chunks: int = 1
    plain: bool = True
    bar_s: float | None = None
    rate_bar: bool = False

    def inputs(self) -> tuple[list[RankTrace], NetworkConfig, SystemConfig]:
        """What to simulate."""
        attributes = {"comm_type": self.comm_type, "comm_size": self.size_bytes}
        trace = RankTrace.from_nodes(
            [
                {
                    "id": node_id,
                    "type": "COMM_COLL_NODE",
                    "ctrl_deps": [node_id - 1] if node_id else [],
                    "attr": attributes,
                }
                for node_id in range(self.chain)
            ]
        )
        network = NetworkConfig.from_mapping(
            {"topology": [self.topology], "npus_count": [self.ranks], "bandwidth": [50.0], "latency": [500.0]}
        )
        mapping: dict[str, Any] = {f"{kind}-implementation": [self.algorithm] for kind in KINDS}
        mapping |= {
            "endpoint-delay": 10,
            "active-chunks-per-dimension": self.active_chunks,
            "preferred-dataset-splits": 4,
            "local-mem-bw": 1600,
        }
        return [trace] * self.ranks, network, SystemConfig.from_mapping(mapping)


BENCHMARKS = (
    Benchmark(label="all-reduce 64 MiB, ring of 16", topology="Ring", ranks=16, bar_s=0.02),
    Benchmark(label="all-reduce 64 MiB, ring of 64", topology="Ring", ranks=64, rate_bar=True),
    Benchmark(label="all-reduce 64 MiB, ring of 1,024", topology="Ring", ranks=1024, plain=False, bar_s=0.5),
    Benchmark(
        label="50 all-reduces of 1 MiB, ring of 64",
        topology="Ring",
        ranks=64,
        size_bytes=MIB,
        chain=50,
        plain=False,
        bar_s=0.2,
    ),
    Benchmark(label="the same, 4 chunks at once", topology="Ring", ranks=64, active_chunks=4, rate_bar=True),
    Benchmark(label="all-reduce 64 MiB, switch of 64", topology="Switch", ranks=64, rate_bar=True),
    Benchmark(label="direct all-reduce, 64 fully connected", topology="FullyConnected", ranks=64, algorithm="direct"),
    Benchmark(
        label="halving-doubling all-reduce, 64 fully connected",
        topology="FullyConnected",
        ranks=64,
        algorithm="halvingDoubling",
    ),
    Benchmark(
        label="direct all-to-all, ring of 64",
        topology="Ring",
        ranks=64,
        algorithm="direct",
        comm_type="ALL_TO_ALL",
        size_bytes=16 * MIB,
    ),
)


def best(benchmark: Benchmark, exactness: Any) -> tuple[float, int]:
    """Best time in seconds, and messages simulated."""
    traces, network, system = benchmark.inputs()
    times = []
    messages = 0
    for _ in range(RUNS):
        begin = time.perf_counter()
        messages = simulate(traces, network, system, exactness=exactness).message_count
        times.append(time.perf_counter() - begin)
    return min(times), messages


def main() -> int:
    """Time everything and print a table; 1 if a bar was asked for and missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plain", action="store_true", help="message by message only")
    parser.add_argument("--bars", action="store_true", help="fail if a promised time is not kept")
    arguments = parser.parse_args()
    missed = []
    print(f"{'':50} {'messages':>10} {'mode':>6} {'ms':>9} {'1000/s':>9}")
    for benchmark in BENCHMARKS:
        for exactness in ("plain",) if arguments.plain else ("auto", "plain"):
            if exactness == "plain" and not benchmark.plain:
                continue
            seconds, messages = best(benchmark, exactness)
            rate = messages / seconds
            print(f"{benchmark.label:50} {messages:>10} {exactness:>6} {seconds * 1e3:>9.1f} {rate / 1e3:>9.0f}")
            if exactness == "auto" and benchmark.bar_s is not None and seconds > benchmark.bar_s:
                missed.append(f"{benchmark.label}: {seconds:.3f} s, promised {benchmark.bar_s} s")
            if exactness == "plain" and benchmark.rate_bar and rate < PLAIN_MESSAGES_PER_S:
                missed.append(f"{benchmark.label}: {rate:.0f} messages/s, promised {PLAIN_MESSAGES_PER_S}")
    for line in missed:
        print(line)
    return 1 if arguments.bars and missed else 0


if __name__ == "__main__":
    sys.exit(main())
