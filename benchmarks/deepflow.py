"""How long the deepflow plugin takes, beside the program that it re-creates and the bars it has to stay under.

Run with ``python benchmarks/deepflow.py``; prints one line per measurement: seconds of the best of a few runs, the bar,
and the reference with the ratio to it. The reference is DeepFlow (llm-dev, 9c184bd) on one core: 1.3 s for a GEMM
search, 87 s for the bundled case. Exit status 1 if a bar is missed.

Nothing is remembered between the runs of a measurement; the peak of memory is that of the whole process so far.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
from versim import Inputs, SimulationRequest, System, load_registry, pin, structure_options
from versim_deepflow.backend import DeepFlow, DeepFlowOptions
from versim_deepflow.gemm import _search, gemm_time
from versim_deepflow.hardware import derive, load_preset
from versim_deepflow.options import Granularity, LlmOptions
from versim_deepflow.producer import DeepFlowLlm
from versim_deepflow.tiles import tile_list
from versim_deepflow.timing import DeepFlowTiming, DeepFlowTimingOptions

REFERENCE_SEARCH_S = 1.3
REFERENCE_BUNDLED_S = 87.54
BUNDLED = LlmOptions(model="deepflow-bundled", dp=2, pp=4, tp=4, microbatches=4)
FLATTENED_BUNDLED = attrs.evolve(BUNDLED, granularity=Granularity.FLATTENED)
FLATTENED_GPT = LlmOptions(granularity=Granularity.FLATTENED, model="gpt3-175b", pp=8, tp=8, microbatches=64)
MANY_REPLICAS = LlmOptions(model="gpt3-175b", dp=1024, pp=16, tp=8, microbatches=8, batch_size=8192)
SEARCHES = 150
LARGEST_GB = 1.5


def forget() -> None:
    """Empties what is remembered between searches and between derivations."""
    _search.cache_clear()
    tile_list.cache_clear()
    derive.cache_clear()


def best_s(run: Callable[[], object], repeats: int = 3) -> float:
    """Seconds of the fastest of a few runs, each of them the first of its kind."""
    times = []
    for _ in range(repeats):
        forget()
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return min(times)


def peak_gb() -> float:
    """The most memory that this process has held, in GB of 10^9 bytes."""
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kib / 1e6 if sys.platform == "darwin" else kib * 1024 / 1e9


def report(
    name: str, seconds: float, *, bar_s: float | None = None, reference_s: float | None = None, note: str = ""
) -> bool:
    """Prints one line; whether the bar holds."""
    bar = "" if bar_s is None else f"< {bar_s:g} s"
    reference = "" if reference_s is None else f"{reference_s:.4g} s, {reference_s / seconds:,.0f} times as long"
    print(f"{name:<48}{seconds:>9.4f} s  {bar:<9}{reference:<32}{note}")
    return bar_s is None or seconds < bar_s


def searches() -> None:
    """GEMM searches of distinct shapes."""
    device = derive(load_preset("h100-sxm5")).device
    shapes = np.random.default_rng(0).integers(64, 60_000, (SEARCHES, 3)).tolist()
    for m, k, n in shapes:
        gemm_time(m, k, n, 2, device)


def pinned(options: LlmOptions) -> tuple[Inputs, System]:
    """A graph from options to compute times."""
    producer, timing, chosen = DeepFlowLlm(), DeepFlowTiming(), DeepFlowTimingOptions()
    graph, system = producer.produce(options), producer.system(options)
    return pin(graph, system, timing.compute(chosen), timing.network(chosen)), system


def simulated(options: LlmOptions) -> int:
    """The makespan of a step in ps, from options on."""
    made, system = pinned(options)
    network = DeepFlowTiming().network(DeepFlowTimingOptions())
    request = SimulationRequest(inputs=made.on(system), options=DeepFlowOptions(), network=network)
    return DeepFlow().simulate(request).makespan_ps or 0


def in_astrasim(made: Inputs, system: System) -> int:
    """The makespan in ps that ASTRA-sim's embedded engine gives."""
    backend = load_registry().backend("astrasim")
    options = structure_options(backend, {"engine": "embedded"}, "$")
    return backend.simulate(SimulationRequest(inputs=made.on(system), options=options)).makespan_ps or 0


def main() -> int:
    """Every measurement."""
    # This folder is on the path of a script in it, and may hold one named like a package that a plugin imports.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]
    good = [
        report("bundled: graph, times, simulation", best_s(lambda: simulated(BUNDLED)), bar_s=0.5,
               reference_s=REFERENCE_BUNDLED_S, note=f"makespan {simulated(BUNDLED) / 1e12:.6f} s"),
        report(f"{SEARCHES} GEMM searches of distinct shapes", best_s(searches), bar_s=1.0,
               reference_s=SEARCHES * REFERENCE_SEARCH_S),
    ]  # fmt: skip
    seconds = best_s(lambda: pinned(FLATTENED_GPT))
    graph = pinned(FLATTENED_GPT)[0].graph
    memory = peak_gb()
    note = f"{graph.node_count} nodes; peak of memory {memory:.2f} GB (bar {LARGEST_GB} GB)"
    good += [report("flattened GPT-175B: graph, times", seconds, bar_s=10.0, note=note), memory < LARGEST_GB]
    made, system = pinned(FLATTENED_BUNDLED)
    note = f"makespan {in_astrasim(made, system) / 1e12:.6f} s"
    report("flattened bundled case: ASTRA-sim, embedded", best_s(lambda: in_astrasim(made, system)), note=note)
    report("1024 replicas of GPT-175B: graph to simulation", best_s(lambda: simulated(MANY_REPLICAS)))
    return 0 if all(good) else 1


if __name__ == "__main__":
    raise SystemExit(main())
