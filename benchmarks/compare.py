"""Wall time of whole ``versim`` processes beside the recorded time of the programs they stand for.

Run with the interpreter of the environment versim is installed in::

    python benchmarks/compare.py
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import time
from pathlib import Path

RUNS = 5
ORIGINAL_S = 88.0
"""DeepFlow and ASTRA-sim on the bundled case, one process (measured: golden/deepflow/llm.json, real_program_runs)."""


def best_of(*arguments: str) -> float:
    """Seconds of the fastest of several runs of a command, from start to exit."""
    command = Path(sysconfig.get_path("scripts")) / "versim"
    best = float("inf")
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run([str(command), *arguments], check=True, stdout=subprocess.DEVNULL)
        best = min(best, time.perf_counter() - began)
    return best


def bare_interpreter_s() -> float:
    """Seconds that starting Python takes, the floor of everything here."""
    best = float("inf")
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", ""], check=True)
        best = min(best, time.perf_counter() - began)
    return best


def main() -> None:
    """Print each figure with its ratio to a reference."""
    floor_s = bare_interpreter_s()
    help_s = best_of("--help")
    compare_s = best_of("compare", "bundled")
    print(f"python -c ''            {floor_s:8.3f} s")
    print(f"versim --help           {help_s:8.3f} s   {help_s / floor_s:5.1f} × a bare interpreter")
    print(f"versim compare bundled  {compare_s:8.3f} s   {ORIGINAL_S / compare_s:.0f} × faster than the originals")


if __name__ == "__main__":
    main()
