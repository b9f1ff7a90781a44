"""How long the deepflow plugin takes: GEMM searches, graphs, pins and simulations.

Run with ``python benchmarks/deepflow.py``; prints one line per measurement, the best of a few runs. For comparison,
DeepFlow (llm-dev, 9c184bd) takes 1.3 s for a GEMM search and 75 to 88 s for the bundled case.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from versim import SimulationRequest, pin
from versim_deepflow.backend import DeepFlow, DeepFlowOptions
from versim_deepflow.gemm import _search, gemm_time
from versim_deepflow.hardware import derive, load_preset
from versim_deepflow.options import LlmOptions
from versim_deepflow.producer import DeepFlowLlm
from versim_deepflow.tiles import tile_list
from versim_deepflow.timing import DeepFlowTiming, DeepFlowTimingOptions

BUNDLED = LlmOptions(model="deepflow-bundled", dp=2, pp=4, tp=4, microbatches=4)
LARGE = LlmOptions(model="gpt3-175b", dp=8, pp=16, tp=8, microbatches=96)
MANY_REPLICAS = LlmOptions(model="gpt3-175b", dp=1024, pp=16, tp=8, microbatches=8, batch_size=8192)


def best_s(run: Callable[[], object], repeats: int = 3, before: Callable[[], object] = lambda: None) -> float:
    """Seconds of the fastest of a few runs."""
    times = []
    for _ in range(repeats):
        before()
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return min(times)


def forget() -> None:
    """Empties what is remembered between searches."""
    _search.cache_clear()
    tile_list.cache_clear()


def report(name: str, seconds: float, note: str = "") -> None:
    """One line."""
    print(f"{name:<44}{seconds * 1e3:>12.2f} ms  {note}")


def measure_search() -> None:
    """150 distinct shapes, none of them remembered."""
    device = derive(load_preset("h100-sxm5")).device
    draw = np.random.default_rng(0)
    shapes = draw.integers(64, 60_000, (150, 3)).tolist()
    seconds = best_s(lambda: [gemm_time(m, k, n, 2, device) for m, k, n in shapes], before=forget)
    report("150 GEMM searches", seconds, f"{seconds / 150 * 1e6:.0f} us each")


def measure_step(name: str, options: LlmOptions) -> None:
    """One training step from options to prediction."""
    producer, timing, chosen = DeepFlowLlm(), DeepFlowTiming(), DeepFlowTimingOptions()
    compute, network = timing.compute(chosen), timing.network(chosen)
    graph, system = producer.produce(options), producer.system(options)
    pinned = pin(graph, system, compute, network)
    request = SimulationRequest(pinned=pinned, system=system, options=DeepFlowOptions(), network=network)
    prediction = DeepFlow().simulate(request)
    makespan = (prediction.makespan_ps or 0) / 1e12
    report(f"{name}: graph", best_s(lambda: producer.produce(options)), f"{graph.node_count} nodes, {graph.mesh}")
    report(f"{name}: pin", best_s(lambda: pin(graph, system, compute, network), before=forget), "searches included")
    report(f"{name}: simulate", best_s(lambda: DeepFlow().simulate(request)), f"makespan {makespan:.6f} s")


def main() -> None:
    """Every measurement."""
    measure_search()
    measure_step("bundled", BUNDLED)
    measure_step("gpt3-175b", LARGE)
    measure_step("1024 replicas", MANY_REPLICAS)


if __name__ == "__main__":
    main()
