"""A sweep of Llama-3-70B on 512 GPUs: cold, again from its store, its best layer by layer, and over a cluster.

    python benchmarks/sweep.py [CONFIGURATIONS] [--only cluster]

* Cold, through DeepFlow's event loop under roofline with alpha-beta and with NCCL's model, graphs by stages, on every
  processor. Printed are wall and processor seconds (of all processes), what a configuration takes, how long listing all
  answers does, and how many times faster the same is from the store.
* The fifty that are fastest under NCCL's model, through ASTRA-sim's embedded engine, graphs by layers.
* Answers per second of local Dask clusters of one and of two workers, by turns, and of as many processes without Dask.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from versim import Scenario, load_registry, load_scenario, sweep
from versim.storage.database import Store
from versim.sweeps.cluster import LOCAL, cluster
from versim.sweeps.results import select

SCENARIO = """
name: llama3-70b on 512 GPUs
workloads:
  - label: llama
    producer: transformer
    options: {model: llama3-70b, seq_len: 8192, gbs: 1024, sequence_parallel: true, sharding: zero1, granularity: stage}
system: {preset: dgx-h100, nodes: 64}
pins:
  - {label: alpha-beta, compute: roofline, folded: alpha-beta, backends: [alpha-beta]}
  - {label: nccl, compute: roofline, folded: nccl, backends: [nccl]}
backends:
  - {label: alpha-beta, backend: deepflow, network: alpha-beta}
  - {label: nccl, backend: deepflow, network: nccl}
reference: nccl
"""

LAYERS = """
name: llama3-70b on 512 GPUs, layer by layer
workloads:
  - label: llama
    producer: transformer
    options: {model: llama3-70b, seq_len: 8192, gbs: 1024, sequence_parallel: true, sharding: zero1, granularity: layer}
system: {preset: dgx-h100, nodes: 64}
pins: [{label: nccl, compute: roofline, folded: nccl}]
backends: [{label: astrasim, backend: astrasim, options: {engine: embedded}}]
"""

BEST = 50
"""Asked of ASTRA-sim."""

TURNS = 3
"""Of each number of workers; the median counts, for others use the machine, too."""

VARY = {
    "tp": "1..8*2",
    "pp": "1..16*2",
    "vp": [1, 2, 4, 5],
    "cp": [1, 2, 4],
    "dp": "1..512*2",
    "mbs": [1, 2, 4],
    "recompute": ["none", "light", "selective", "full"],
}

WHERE = "tp * pp * cp * dp == 512 and fits"


def spent_s() -> float:
    """Processor seconds of this process and of those it has waited for."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def once(scenario: Scenario, path: Path, count: int) -> tuple[float, float, int, int]:
    """Wall seconds, processor seconds, configurations, and answers that were asked for."""
    began, before = time.perf_counter(), spent_s()
    swept = sweep(scenario, VARY, WHERE, store=path, sample=count)
    swept.run()
    swept.close()
    # Processes are counted once they have ended.
    return time.perf_counter() - began, spent_s() - before, len(swept.space.configurations), swept.standing.answered


def listing_s(path: Path) -> float:
    """Processor seconds in which every answer of a store is listed."""
    began = time.process_time()
    with Store(path) as store:
        store.rows()
    return time.process_time() - began


def of_the_best(folder: Path, path: Path) -> tuple[float, float, float, int]:
    """Wall and processor seconds of the best of a store, layer by layer, wall seconds to the first, and how many."""
    with Store(path) as store:
        best = select(store.rows(), ["instance == 'nccl'"], "makespan_s")[:BEST]
    file = folder / "layers.yaml"
    file.write_text(LAYERS)
    began, before, first_s, done = time.perf_counter(), spent_s(), 0.0, 0
    in_step = {",".join(VARY): [[row["settings"][key] for key in VARY] for row in best]}
    swept = sweep(load_scenario(file, load_registry()), in_step, store=folder / "layers.db")
    for batch in swept.batches():
        first_s = first_s or time.perf_counter() - began
        done += sum(one.answer is not None and one.answer.status == "completed" for one in batch)
    swept.close()
    return time.perf_counter() - began, spent_s() - before, first_s, done


def answers_per_s(scenario: Scenario, count: int, **executor: Any) -> float:
    """Of a sweep that is told where to run, once everything there is loaded."""
    sweep(scenario, VARY, WHERE, sample=16, seed=1, **executor).run()
    swept = sweep(scenario, VARY, WHERE, sample=count, **executor)
    began = time.perf_counter()
    swept.run()
    return swept.standing.answered / (time.perf_counter() - began)


def over_a_cluster(scenario: Scenario, count: int) -> None:
    """Print the rates of one worker and of two."""
    rates: dict[tuple[str, int], list[float]] = {}
    for turn in range(TURNS):
        for workers in (1, 2) if turn % 2 else (2, 1):
            with cluster(LOCAL, workers) as there:
                rate = answers_per_s(scenario, count, executor=there.make, workers=there.workers)
                rates.setdefault(("Dask workers", workers), []).append(rate)
            rates.setdefault(("processes", workers), []).append(answers_per_s(scenario, count, jobs=workers))
    for (what, workers), found in sorted(rates.items()):
        one, mine = statistics.median(rates[what, 1]), statistics.median(found)
        print(f"{workers} {what}: {mine:.1f} answers per second, {mine / one:.2f} times one's")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configurations", type=int, nargs="?", default=1000)
    parser.add_argument("--only", choices=["cluster"])
    chosen = parser.parse_args()
    count = chosen.configurations
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file, path = folder / "llama.yaml", folder / "answers.db"
        file.write_text(SCENARIO)
        scenario = load_scenario(file, load_registry())
        if chosen.only:
            over_a_cluster(scenario, count // 4)
            return
        wall_s, cpu_s, configurations, answered = once(scenario, path, count)
        print(f"cold:  {wall_s:6.1f} s, {cpu_s:6.1f} processor seconds")
        print(f"       {configurations} configurations, {answered} answers")
        print(f"       {1e3 * cpu_s / configurations:.1f} ms of a processor per configuration")
        again_wall_s, again_cpu_s, _, asked = once(scenario, path, count)
        print(f"again: {again_wall_s:6.1f} s, {again_cpu_s:6.1f} processor seconds, {asked} answers")
        print(f"listing all: {listing_s(path):.2f} s")
        print(f"from the store: {cpu_s / again_cpu_s:.0f} times less")
        wall_s, cpu_s, first_s, done = of_the_best(folder, path)
        print(
            f"best:  {wall_s:6.1f} s, {cpu_s:6.1f} processor seconds, the first after {first_s:.1f} s; {done} completed"
        )
        over_a_cluster(scenario, count // 4)


if __name__ == "__main__":
    main()
