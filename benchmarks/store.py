"""The store of sweeps: what keeping answers costs, and how long listing a hundred thousand of them takes.

    python benchmarks/store.py [ANSWERS]

Printed are processor milliseconds per answer kept, over the time an answer takes (a step of Llama-3-8B through
DeepFlow's event loop, asked in the same run), and processor seconds of every listing.
"""

from __future__ import annotations

import hashlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import attrs
from versim import load_registry, load_scenario, sweep
from versim.storage.answers import Answered
from versim.storage.database import Store

BATCH = 16
"""Answers that are kept together: those of eight configurations."""

SCENARIO = """
workloads:
  - label: llama
    producer: transformer
    options: {model: llama3-8b, seq_len: 8192, gbs: 256, sharding: zero1, granularity: stage, pp: 4, dp: 16}
system: {preset: dgx-h100, nodes: 8}
pins: [{label: h100, compute: roofline, folded: alpha-beta}]
backends:
  - {label: alpha-beta, backend: deepflow, network: alpha-beta}
  - {label: nccl, backend: deepflow, network: nccl}
"""


def spent_s(work: Callable[[], object]) -> float:
    """Processor seconds that something takes."""
    began = time.process_time()
    work()
    return time.process_time() - began


def answers(folder: Path) -> tuple[list[Answered], float]:
    """Answers of a few configurations, and processor seconds per answer."""
    file = folder / "llama.yaml"
    file.write_text(SCENARIO)
    swept = sweep(
        load_scenario(file, load_registry()),
        {"mbs": [1, 2, 4], "recompute": ["none", "light", "selective", "full"]},
        jobs=1,
    )
    found: list[Answered] = []
    took_s = spent_s(lambda: found.extend(one for batch in swept.batches() for one in batch))
    return found, took_s / len(found)


def copies(found: list[Answered], count: int) -> list[Answered]:
    """So many answers, each under keys of its own, which are as far apart as digests are, and with its own times."""
    made = []
    for number in range(count):
        one = found[number % len(found)]
        digest, key = (hashlib.sha256(f"{what}{number}".encode()).hexdigest() for what in ("inputs", "question"))
        if one.answer is None or one.question is None or one.inputs is None:
            raise ValueError(f"{one.member} was not answered")
        made.append(
            attrs.evolve(
                one,
                member=attrs.evolve(one.member, number=number, key=key),
                question=attrs.evolve(one.question, digest=digest, key=key),
                inputs=attrs.evolve(one.inputs, digest=digest),
                answer=attrs.evolve(
                    one.answer, digest=digest, makespan_ps=(one.answer.makespan_ps or 0) + 997 * number
                ),
            )
        )
    return made


def main() -> None:
    """Print the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found, answer_s = answers(folder)
        path = folder / "answers.db"
        made = copies(found, count)
        with Store(path, create=True) as store:
            number = store.begin(key="many", name="many", scenario="", keys=tuple(found[0].member.settings))
            some = min(count, 2000)
            began = time.process_time()
            for start in range(0, some, BATCH):
                store.add(number, made[start : start + BATCH])
            kept_s = time.process_time() - began
            store.add(number, made[some:])
        print(
            f"an answer: {1e3 * answer_s:.1f} ms; keeping it: {1e3 * kept_s / some:.3f} ms, "
            f"{100 * kept_s / some / answer_s:.1f} %"
        )
        for arguments in (
            ["results", str(path)],
            ["results", str(path), "--where", "mbs == 2 and instance == 'nccl'", "--sort", "mfu", "--descending"],
            ["results", str(path), "--sweeps"],
            ["results", str(path), "-f", "csv", "-o", str(folder / "all.csv")],
            ["results", str(path), "-f", "json", "-o", str(folder / "all.json")],
            ["decide", str(path)],
        ):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-m", "versim", *arguments], check=True, stdout=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            took_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            print(f"{took_s:6.2f} s  versim {' '.join(arguments).replace(str(folder) + '/', '')}")


if __name__ == "__main__":
    main()
