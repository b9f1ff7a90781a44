"""A sweep of Llama-3-70B on 512 GPUs: cold, and again from its store.

    python benchmarks/sweep.py [CONFIGURATIONS]

Through DeepFlow's event loop under roofline with alpha-beta and with NCCL's model, graphs by stages, on every
processor. Printed are wall and processor seconds (of all processes), what a configuration takes, how long listing all
answers does, and how many times faster the same is from the store.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from versim import Scenario, load_registry, load_scenario, sweep
from versim.storage.database import Store

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

VARY = {
    "tp": "1..8*2",
    "pp": "1..16*2",
    "vp": [1, 2, 4, 5],
    "cp": [1, 2, 4],
    "dp": "1..512*2",
    "mbs": [1, 2, 4],
    "recompute": ["none", "light", "selective", "full"],
}


def spent_s() -> float:
    """Processor seconds of this process and of those it has waited for."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def once(scenario: Scenario, path: Path, count: int) -> tuple[float, float, int, int]:
    """Wall seconds, processor seconds, configurations, and answers that were asked for."""
    began, before = time.perf_counter(), spent_s()
    swept = sweep(scenario, VARY, "tp * pp * cp * dp == 512 and fits", store=path, sample=count)
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


def main() -> None:
    """Print the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as folder:
        file, path = Path(folder) / "llama.yaml", Path(folder) / "answers.db"
        file.write_text(SCENARIO)
        scenario = load_scenario(file, load_registry())
        wall_s, cpu_s, configurations, answered = once(scenario, path, count)
        print(f"cold:  {wall_s:6.1f} s, {cpu_s:6.1f} processor seconds")
        print(f"       {configurations} configurations, {answered} answers")
        print(f"       {1e3 * cpu_s / configurations:.1f} ms of a processor per configuration")
        again_wall_s, again_cpu_s, _, asked = once(scenario, path, count)
        print(f"again: {again_wall_s:6.1f} s, {again_cpu_s:6.1f} processor seconds, {asked} answers")
        print(f"listing all: {listing_s(path):.2f} s")
        print(f"from the store: {cpu_s / again_cpu_s:.0f} times less")


if __name__ == "__main__":
    main()
