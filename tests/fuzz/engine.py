"""Random cases on the embedded engine and on a real ASTRA-sim: every figure has to be equal, every failure of one kind.

Run with ``python tests/fuzz/engine.py --inputs 1000 --seed 1``; the real program is found as everywhere, by
``ASTRA_SIM_BIN`` or ``ASTRA_SIM_HOME``. Compared are the finish of every rank and the order they finish in, all printed
figures, and when every node was issued and called back; shortcuts on and off. ``--kind`` takes one kind of case;
``fork`` is for the fork of ASTRA-sim that RAPID-LLM drives, whose program then has to be found. ``--table FILE`` writes
the cases with the measured figures as a table for ``versim verify astrasim``. A case that
differs is written to the folder for temporary files.

What the real program does differently from run to run, and what ends in its own misuse of memory, is counted apart.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import engine_cases
import fork_cases
import measuring
import numpy as np
from versim import FaultsError, VersimError
from versim_astrasim.engine import Exactness, Outcome, Status
from versim_astrasim.engine.variant import Variant
from versim_proof.astrasim.cases import printed_figures, run_case, verify_case

FORK = "fork"
EXACTNESSES: tuple[Exactness, ...] = ("auto", "plain")
RUNS_THAT_AGREE = 3
UNSOUND = UNSTEADY, MISUSE = "different from run to run", "misuse of memory"
"""How cases come out that say nothing, and are not written to a table."""


def cases(inputs: int, seed: int, kind: str | None = None) -> Iterator[dict[str, Any]]:
    """Random cases without expectations, of one kind or of all in turn."""
    kinds = [kind] if kind else list(engine_cases.KINDS)
    for number in range(inputs):
        name = kinds[number % len(kinds)]
        source = random.Random(f"{name}-{seed}-{number}")
        case = fork_cases.case(source) if name == FORK else engine_cases.case(name, source)
        yield case | {"name": f"{name}-{seed}-{number}"}


def variant_of(case: Mapping[str, Any]) -> Variant:
    """The program a case is for."""
    return Variant.RAPID_LLM if case["name"].startswith(f"{FORK}-") else Variant.ASTRA_SIM


def shortcuts_differ(case: Mapping[str, Any]) -> str:
    """What the engine's shortcuts change, which they must not; nothing if nothing."""
    outcomes = [run_case(case, exactness, variant=variant_of(case)) for exactness in EXACTNESSES]
    first, second = outcomes
    if isinstance(first, FaultsError) or isinstance(second, FaultsError):
        return "" if str(first) == str(second) else f"refused: {first} / {second}"
    if first.status is not second.status:
        return f"status: {first.status.value} / {second.status.value}"
    if first.status not in (Status.COMPLETED, Status.UNFINISHED):
        return ""
    for what, pair in (
        ("finish_ns", (first.finish_ns, second.finish_ns)),
        ("finish_order", (first.finish_order, second.finish_order)),
        ("figures", (str(printed_figures(first)), str(printed_figures(second)))),  # as text, for nan is not itself
    ):
        if pair[0] != pair[1]:
            return f"{what}: {pair[0]} / {pair[1]}"
    return ""


def differences(case: Mapping[str, Any], measured: measuring.Measured) -> list[str]:
    """Where the engine is not what was measured."""
    found = []
    for exactness in EXACTNESSES:
        result = verify_case({**case, "expected": measured.expected}, exactness, variant=variant_of(case))
        found += [f"{exactness}: {detail}" for detail in result.details]
        outcome = run_case(case, exactness, variant=variant_of(case))
        if isinstance(outcome, FaultsError) or result.details:
            continue
        if outcome.status in (Status.COMPLETED, Status.UNFINISHED):
            if outcome.finish_order != measured.order:
                found.append(f"{exactness}: finish order: expected {measured.order}, got {outcome.finish_order}")
            found += [f"{exactness}: {text}" for text in _node_times_that_differ(outcome, measured)]
    return found


def _node_times_that_differ(outcome: Outcome, measured: measuring.Measured) -> Iterator[str]:
    spans = outcome.spans
    if spans is None or measured.times.rotated_away or not measured.times.found:
        return
    logged = measured.times
    ticks: dict[bool, dict[tuple[int, int], int]] = {False: {}, True: {}}
    columns = (logged.is_end, logged.rank, logged.node_id.view(np.uint64), logged.tick_ns)
    for is_end, rank, node, tick_ns in zip(*(column.tolist() for column in columns), strict=True):
        ticks[is_end][rank, node] = tick_ns
    keys = list(zip(spans.rank.tolist(), spans.node_id.tolist(), strict=True))
    starts = dict(zip(keys, spans.start_ns.tolist(), strict=True))
    ends = {key: end for key, end in zip(keys, spans.end_ns.tolist(), strict=True) if end >= 0}
    for what, got, wanted in (("issued", starts, ticks[False]), ("ended", ends, ticks[True])):
        for key in sorted(set(got) | set(wanted)):
            if got.get(key) != wanted.get(key):
                rank, node = key
                yield f"node {node} of rank {rank} {what}: expected {wanted.get(key)}, got {got.get(key)}"
                break


def compared(case: Mapping[str, Any]) -> tuple[str, list[str], measuring.Measured]:
    """How a case came out, in a word; the differences, if they are real ones; and what was measured."""
    measured = measuring.measure(case)
    found = differences(case, measured)
    ending = str(measured.expected.get("error", "completed")).split(" ")[0]
    if not found:
        return ending, [], measured
    again = [measuring.measure(case) for _ in range(RUNS_THAT_AGREE - 1)]
    if any((other.expected, other.order) != (measured.expected, measured.order) for other in again):
        return UNSTEADY, [], measured
    if measured.memory_broke:
        return MISUSE, [], measured
    return ending, found, measured


def run(inputs: int, seed: int, kind: str | None = None, table: Path | None = None) -> dict[str, int]:
    """Compare cases; how many came out how.

    Raises:
        AssertionError: If any differ.
        VersimError: If there is no real program.
    """
    endings: collections.Counter[str] = collections.Counter()
    written = []
    differing = 0
    for case in cases(inputs, seed, kind):
        ending, found, measured = compared(case)
        endings[ending] += 1
        if ending not in UNSOUND:
            written.append({**case, "expected": measured.expected})
        if found:
            differing += 1
            path = Path(tempfile.gettempdir()) / f"{case['name']}.json"
            path.write_text(json.dumps({"cases": [written[-1]]}), encoding="utf-8")
            sys.stderr.write(f"{path}: {'; '.join(found)}\n")
    if table is not None:
        program = {"program": fork_cases.PROGRAM} if kind == FORK else {}
        table.write_text(json.dumps({**program, "cases": written}), encoding="utf-8")
    if differing:
        raise AssertionError(f"{differing} of {inputs} cases of seed {seed} differ: {dict(endings)}")
    return dict(endings)


def main() -> int:
    """Print how many cases came out how."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=[*engine_cases.KINDS, FORK])
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    try:
        sys.stdout.write(f"{run(options.inputs, options.seed, options.kind, options.table)}\n")
    except VersimError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
