"""Every trace, network and system file that ASTRA-sim ships, in every combination: versim beside the real program.

Run with ``ASTRA_SIM_HOME=… python tests/fuzz/upstream.py`` (or ``make upstream``); the folder is ASTRA-sim's repository
with its built programs in it, or ``ASTRA_SIM_BIN`` names those. The files are read as they are, without an option:
what ``versim compare FOLDER --network … --system …`` reads. Equal has to be the finish of every rank, wherever the real
program finishes all of them. Without a program it says so, and stops with status 0.
"""

from __future__ import annotations

import collections
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from versim import SimulationRequest, Status, VersimError, load_registry, load_scenario, structure_options
from versim.asking.preparation import prepare_pin
from versim_astrasim.backend import AstraSimBackend
from versim_astrasim.program.launch import ProgramNotFoundError, find_program

LONGEST_S = 120.0
_FINISHED = re.compile(r"sys\[(\d+)\] finished, (\d+) cycles")


def combinations(home: Path) -> Iterator[tuple[Path, Path, Path]]:
    """Prefix of the traces, network and system file of every combination."""
    networks = [*sorted(home.glob("examples/network/analytical/*.yml")), *sorted(home.glob("inputs/network/*.yml"))]
    systems = [
        *sorted(home.glob("examples/system/*/*.json")),
        *sorted(home.glob("inputs/system/analytical/*.json")),
    ]
    for first in sorted(home.glob("examples/workload/**/*.0.et")):
        for network in networks:
            for system in systems:
                yield first.with_name(first.name.removesuffix(".0.et")), network, system


def of_the_program(home: Path, prefix: Path, network: Path, system: Path) -> dict[int, int] | None:
    """Finish of every rank in ns; None if it does not finish all of them."""
    several = sum(1 for _ in re.finditer(r"Ring|Switch|FullyConnected", topology_of(network))) > 1
    program = find_program(
        os.environ.get("ASTRA_SIM_BIN", "") or str(home), "unaware" if several else "aware", os.environ
    )
    memory = home / "examples/remote_memory/analytical/no_memory_expansion.json"
    command = [program, f"--workload-configuration={prefix}", f"--system-configuration={system}"]
    command += [f"--network-configuration={network}", f"--remote-memory-configuration={memory}"]
    command.append(f"--logging-folder={Path.cwd() / 'log'}")
    try:
        ran = subprocess.run(
            list(map(str, command)), cwd=home, capture_output=True, text=True, timeout=LONGEST_S, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    finished = {int(rank): int(ns) for rank, ns in _FINISHED.findall(ran.stdout + ran.stderr)}
    return finished if finished and set(finished) == set(range(ranks_of(network))) else None


def topology_of(network: Path) -> str:
    """The network file's line on topologies."""
    return next(line for line in network.read_text("utf-8").splitlines() if line.startswith("topology")).partition("#")[
        0
    ]


def ranks_of(network: Path) -> int:
    """The ranks of a network file."""
    line = next(line for line in network.read_text("utf-8").splitlines() if line.startswith("npus_count"))
    ranks = 1
    for size in re.findall(r"\d+", line.partition("#")[0]):
        ranks *= int(size)
    return ranks


def of_versim(prefix: Path, network: Path, system: Path) -> list[int] | None:
    """Finish of every rank in ns by the embedded engine; None if it does not finish all of them."""
    registry = load_registry()
    scenario = load_scenario(prefix, registry, {"--network": str(network), "--system": str(system)})
    prepared = prepare_pin(scenario, registry, scenario.workloads[0], scenario.pins[0])
    backend = AstraSimBackend()
    options = structure_options(backend, {**scenario.backends[0].options, "engine": "embedded"})
    prediction = backend.simulate(SimulationRequest(inputs=prepared.inputs, options=options))
    if prediction.status is not Status.COMPLETED:
        return None
    return [int(finish_ps) // 1000 for finish_ps in prediction.finish_ps]


def main() -> int:
    """Print how many combinations come out the same; 1 if one does not."""
    home = Path(os.environ.get("ASTRA_SIM_HOME", "")).expanduser().resolve()
    try:
        find_program("", "aware", os.environ)
    except ProgramNotFoundError as error:
        sys.stdout.write(f"skipped: {error}\n")
        return 0
    if not (home / "examples").is_dir():
        sys.stdout.write("skipped: ASTRA_SIM_HOME names no folder with ASTRA-sim's examples\n")
        return 0
    counts: collections.Counter[str] = collections.Counter()
    for prefix, network, system in combinations(home):
        real = of_the_program(home, prefix, network, system)
        if real is None:
            counts["the program does not finish"] += 1
            continue
        try:
            ours = of_versim(prefix, network, system)
        except VersimError as error:
            ours = None
            sys.stdout.write(f"{prefix} {network.name} {system.name}: {error}\n")
        same = ours is not None and ours == [real[rank] for rank in range(len(real))]
        counts["equal" if same else "different"] += 1
        if not same:
            sys.stdout.write(f"{prefix} {network.name} {system.name}: {max(real.values())} ns, versim {ours}\n")
    sys.stdout.write(", ".join(f"{count} {what}" for what, count in sorted(counts.items())) + "\n")
    return int(counts["different"] > 0 or not counts["equal"])


if __name__ == "__main__":
    sys.exit(main())
