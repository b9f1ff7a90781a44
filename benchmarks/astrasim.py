"""How fast the embedded ASTRA-sim engine is, beside the real program.

Run with ``python benchmarks/astrasim.py``. Four tables are printed:

* the workloads whose run time on the real program is on record (``tests/golden/astrasim/scaling.json``; its machine is
  described there), with the ratio of the two times: above 1 the engine is faster. If ``ASTRA_SIM_BIN`` names the real
  program or the folder it is in, it is run here too, and the ratio is to that run. Both sides read nothing from
  elsewhere: the engine's time is that of ``simulate`` on traces in memory, the program's that of its process.
* the message rate of message-by-message simulation, per algorithm and network;
* the same kind of workloads with shortcuts and without, where collectives repeat or formulas are known;
* with ``--memory``, the peak memory of message-by-message simulation per message in flight.

``--bars`` fails if one of the promised figures is not kept. Times are the best of several runs, in CPU seconds of this
process (wall seconds for the real program), because other work on the machine is none of the engine's.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# This script's own folder comes first on the path, and a script in it has the name of a package needed below.
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]

import attrs  # noqa: E402
from versim_astrasim.engine import Outcome, simulate  # noqa: E402
from versim_astrasim.options import SystemOptions  # noqa: E402
from versim_astrasim.program.export import arguments, write_input  # noqa: E402
from versim_astrasim.program.launch import BINARY_VARIABLE, find_program, run  # noqa: E402
from versim_astrasim.program.parse import parse  # noqa: E402
from versim_astrasim.step.simulator_input import SimulatorInput  # noqa: E402
from versim_proof.astrasim.cases import CaseInputs, case_inputs  # noqa: E402

SCALING = Path(__file__).parents[1] / "tests" / "golden" / "astrasim" / "scaling.json"

BARS_S: Mapping[str, float] = {"ar64M-ring-n1024": 0.5, "ar64M-ring-n16": 0.02, "chain50-ar1M-ring-n64": 0.2}
"""Promised times with shortcuts, in seconds, by case of the table."""

PLAIN_MESSAGES_PER_S = 150_000
"""Promised for message-by-message simulation where a message crosses one link (or a switch)."""

MOST_PLAIN_MESSAGES = 200_000
"""Message by message, larger workloads are not worth the wait."""

KINDS = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all")
MIB = 1 << 20
RUNS = 5
TIME_LIMIT_S = 600.0


@attrs.frozen(kw_only=True)
class Rate:
    """A collective whose messages are simulated one by one.

    Attributes:
        label: For people.
        topology: Of the one dimension.
        algorithm: The collective algorithm.
        ranks: Number of ranks.
        comm_type: The collective.
        size_bytes: Its size.
        chain: How many follow one another.
        active_chunks: Chunks worked on at once.
        promised: Whether the promised rate holds for it.
    """

    label: str
    topology: str
    algorithm: str
    ranks: int = 64
    comm_type: str = "ALL_REDUCE"
    size_bytes: int = 64 * MIB
    chain: int = 1
    active_chunks: int = 1
    promised: bool = True

    def inputs(self) -> CaseInputs:
        """What to simulate."""
        system: dict[str, Any] = {f"{kind}-implementation": [self.algorithm] for kind in KINDS}
        system |= {
            "endpoint-delay": 10,
            "active-chunks-per-dimension": self.active_chunks,
            "preferred-dataset-splits": 4,
            "local-mem-bw": 1600,
        }
        return case_inputs(
            {
                "network": {
                    "topology": [self.topology],
                    "npus_count": [self.ranks],
                    "bandwidth": [50.0],
                    "latency": [500.0],
                },
                "system": system,
                "workload": {
                    "form": "generated",
                    "comm_type": self.comm_type,
                    "comm_size_bytes": self.size_bytes,
                    "count": self.chain,
                    "chained": True,
                },
            }
        )


RATES = (
    Rate(label="ring all-reduce, ring", topology="Ring", algorithm="ring"),
    Rate(label="ring all-reduce, ring, 4 chunks at once", topology="Ring", algorithm="ring", active_chunks=4),
    Rate(label="ring all-reduce, switch", topology="Switch", algorithm="ring"),
    Rate(label="direct all-reduce, fully connected", topology="FullyConnected", algorithm="direct"),
    Rate(
        label="direct all-to-all, fully connected",
        topology="FullyConnected",
        algorithm="direct",
        comm_type="ALL_TO_ALL",
    ),
    Rate(label="halving-doubling, fully connected", topology="FullyConnected", algorithm="halvingDoubling", chain=8),
    Rate(label="halving-doubling, switch", topology="Switch", algorithm="halvingDoubling", chain=8),
    Rate(label="double binary tree, fully connected", topology="FullyConnected", algorithm="doubleBinaryTree", chain=8),
    Rate(label="direct all-reduce, switch", topology="Switch", algorithm="direct"),
    Rate(
        label="direct all-to-all, ring (up to 32 links)",
        topology="Ring",
        algorithm="direct",
        comm_type="ALL_TO_ALL",
        size_bytes=16 * MIB,
        promised=False,
    ),
)


REPEATING = (
    Rate(label="direct all-reduce, fully connected, once", topology="FullyConnected", algorithm="direct"),
    Rate(label="halving-doubling, switch, once", topology="Switch", algorithm="halvingDoubling"),
    Rate(label="direct all-to-all, switch, once", topology="Switch", algorithm="direct", comm_type="ALL_TO_ALL"),
    Rate(
        label="direct all-to-all, switch, 20 in a row",
        topology="Switch",
        algorithm="direct",
        comm_type="ALL_TO_ALL",
        chain=20,
    ),
    Rate(label="direct all-reduce, switch, once", topology="Switch", algorithm="direct"),
    Rate(label="direct all-reduce, switch, 20 in a row", topology="Switch", algorithm="direct", chain=20),
    Rate(
        label="direct all-to-all, ring, 8 in a row",
        topology="Ring",
        algorithm="direct",
        comm_type="ALL_TO_ALL",
        size_bytes=16 * MIB,
        chain=8,
    ),
    Rate(
        label="direct all-reduce, fully connected, 8 in a row",
        topology="FullyConnected",
        algorithm="direct",
        chain=8,
    ),
    Rate(label="halving-doubling, switch, 20 in a row", topology="Switch", algorithm="halvingDoubling", chain=20),
    Rate(label="ring, ring, 4 chunks at once, once", topology="Ring", algorithm="ring", active_chunks=4),
    Rate(
        label="ring, ring, 4 chunks at once, 10 in a row", topology="Ring", algorithm="ring", active_chunks=4, chain=10
    ),
)
"""Collectives no wave stands for: known by formula, or repeating a chunk or the whole collective."""


def simulated(given: CaseInputs, exactness: Any) -> Outcome:
    """One run."""
    return simulate(
        given.traces, given.network, given.system, groups=given.groups, memory=given.memory, exactness=exactness
    )


def best(given: CaseInputs, exactness: Any) -> tuple[float, Outcome]:
    """Best time in CPU seconds, and the outcome."""
    times = []
    for _ in range(RUNS):
        begin = time.process_time()
        outcome = simulated(given, exactness)
        times.append(time.process_time() - begin)
        if times[-1] > 1:
            break
    return max(min(times), 1e-9), outcome


def real_s(case: Mapping[str, Any], given: CaseInputs) -> float:
    """Best time of the real program in wall seconds.

    Raises:
        SystemExit: If its figures are not the case's.
    """
    options = SystemOptions(congestion="aware" if given.network.congestion_aware else "unaware")
    program = find_program("", options.congestion, os.environ)
    files = SimulatorInput(
        traces=given.traces,
        network=case["network"],
        system=case["system"],
        memory={"memory-type": "NO_MEMORY_EXPANSION"},
        groups=given.groups,
        options=options,
    )
    times = []
    with tempfile.TemporaryDirectory(prefix="versim-benchmark-") as name:
        folder = Path(name)
        write_input(files, folder)
        for _ in range(RUNS):
            ended = run([program, *arguments(files)], folder, TIME_LIMIT_S)
            times.append(ended.wall_s)
            if times[-1] > 1:
                break
    finished = [rank.finish_ns for rank in parse(ended.output).ranks.values()]
    wanted = case["expected"]["rank_ns"]
    expected = [wanted["all"]] * len(given.traces) if isinstance(wanted, Mapping) else wanted
    if finished != expected:
        raise SystemExit(f"{case['name']}: {program} ended with other figures than are on record ({ended.ending})")
    return min(times)


def compare_with_the_real_program(*, plain: bool) -> list[str]:
    """Print the first table; what misses its bar."""
    missed = []
    here = bool(os.environ.get(BINARY_VARIABLE))
    source = "here" if here else "on record"
    print(
        f"{'real program ' + source:28} {'messages':>9} {'real ms':>9} {'auto ms':>8} {'ratio':>7} {'plain ms':>9}",
        end="",
    )
    print(f" {'ratio':>7}")
    for case in json.loads(SCALING.read_text(encoding="utf-8"))["cases"]:
        given = case_inputs(case)
        auto_s, outcome = best(given, "auto")
        theirs_s = real_s(case, given) if here else case["real_wall_s"]
        line = f"{case['name']:28} {outcome.message_count:>9} {theirs_s * 1e3:>9.1f} {auto_s * 1e3:>8.1f}"
        line += f" {theirs_s / auto_s:>7.1f}"
        if plain and outcome.message_count <= MOST_PLAIN_MESSAGES:
            plain_s, _ = best(given, "plain")
            line += f" {plain_s * 1e3:>9.1f} {theirs_s / plain_s:>7.2f}"
        print(line, flush=True)
        bar_s = BARS_S.get(case["name"])
        if bar_s is not None and auto_s > bar_s:
            missed.append(f"{case['name']}: {auto_s:.3f} s, promised {bar_s} s")
    return missed


def print_rates() -> list[str]:
    """Print the second table; what misses the bar."""
    missed = []
    print(
        f"\n{'message by message, 64 ranks':42} {'messages':>9} {'ms':>9} {'1000 messages/s':>16} {'1000 links/s':>13}"
    )
    for rate in RATES:
        seconds, outcome = best(rate.inputs(), "plain")
        messages_per_s = outcome.message_count / seconds
        crossed = int(outcome.links.messages.sum()) / seconds
        print(
            f"{rate.label:42} {outcome.message_count:>9} {seconds * 1e3:>9.1f} {messages_per_s / 1e3:>16.0f} "
            f"{crossed / 1e3:>13.0f}",
            flush=True,
        )
        if rate.promised and messages_per_s < PLAIN_MESSAGES_PER_S:
            missed.append(f"{rate.label}: {messages_per_s:.0f} messages/s, promised {PLAIN_MESSAGES_PER_S}")
    return missed


def print_repeating() -> None:
    """Print the third table: what shortcuts save."""
    print(f"\n{'with shortcuts and without, 64 ranks':48} {'messages':>9} {'auto ms':>9} {'plain ms':>9} {'ratio':>6}")
    for rate in REPEATING:
        given = rate.inputs()
        auto_s, outcome = best(given, "auto")
        plain_s, plainly = best(given, "plain")
        if (outcome.finish_ns, outcome.finish_order) != (plainly.finish_ns, plainly.finish_order):
            raise SystemExit(f"{rate.label}: the shortcut gives other figures")
        print(
            f"{rate.label:48} {outcome.message_count:>9} {auto_s * 1e3:>9.1f} {plain_s * 1e3:>9.1f} "
            f"{plain_s / auto_s:>6.1f}",
            flush=True,
        )


def print_memory() -> None:
    """Print the fourth table: more collectives in a row cost nothing, more ranks cost what is in flight at once."""
    print(f"\n{'peak memory, direct all-to-all on a switch':42} {'in flight':>9} {'MB':>7} {'bytes/message':>14}")
    for ranks, chain in ((16, 8), (32, 8), (64, 8), (64, 1)):
        given = Rate(label="", topology="Switch", algorithm="direct", comm_type="ALL_TO_ALL", ranks=ranks, chain=chain)
        inputs = given.inputs()
        tracemalloc.start()
        simulated(inputs, "plain")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        in_flight = ranks * (ranks - 1)
        label = f"{ranks} ranks, {chain} in a row"
        print(f"{label:42} {in_flight:>9} {peak / 1e6:>7.2f} {peak / in_flight:>14.0f}", flush=True)


def main() -> int:
    """Time everything and print the tables; 1 if bars were asked for and missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-plain", action="store_true", help="leave message-by-message simulation out")
    parser.add_argument("--memory", action="store_true", help="measure memory too")
    parser.add_argument("--bars", action="store_true", help="fail if a promised figure is not kept")
    chosen = parser.parse_args()
    missed = compare_with_the_real_program(plain=not chosen.no_plain)
    if not chosen.no_plain:
        missed += print_rates()
        print_repeating()
    if chosen.memory:
        print_memory()
    for line in missed:
        print(line)
    return 1 if chosen.bars and missed else 0


if __name__ == "__main__":
    sys.exit(main())
