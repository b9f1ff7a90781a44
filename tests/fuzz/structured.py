"""Inputs that are nearly right: scenarios, traces, reports and records with one thing wrong, and legal extremes.

Damaged bytes are refused by the first reader they meet; these get past it. Each is read, simulated, compared and
reported in every form, within limits of time and memory. What is wrong has to be said as an error of versim; what is
accepted has to make sense: nothing negative, no NaN, no share above a whole.

``python tests/fuzz/structured.py --inputs 20000 --seed 1``; the suite tries 500. The number of a
failing input is printed; ``--only`` tries that one and keeps its files.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import math
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import yaml
from nearly_right import encoded, nodes_of, ring, scenario, spoil, wrong
from versim import Destination, Report, VersimError, document_text, load_registry, load_report, report_document
from versim.run import run as run_scenario
from versim.scenario import load_scenario

LONGEST_S = 20
MOST_MEMORY_MIB = 2000
REGISTRY = load_registry()
REPORTERS = [REGISTRY.reporter(name) for name in ("table", "markdown", "csv", "json")]
"""JSON last: its document is read again."""


class TooLongError(Exception):
    """An input took longer than it may."""


class LegalRefusedError(Exception):
    """An input with nothing wrong was refused: the generator is, or versim."""


def held(report: Report) -> None:
    """Refuse nonsense that was accepted."""
    for workload, comparison, result in report.results():
        where = f"{workload.label} / {result.label}"
        prediction = result.prediction
        if any("ran out of memory" in line for line in prediction.diagnosis):
            raise AssertionError(f"{where}: {prediction.diagnosis}")
        if any("is a fault of the plugin" in line for line in prediction.diagnosis):
            raise AssertionError(f"{where}: {prediction.diagnosis}")
        figures: list[float] = [prediction.makespan_ps or 0, *(row.total_ps for row in result.groups)]
        if result.totals is not None:
            parts = result.totals
            figures += [parts.compute_ps, parts.communication_ps, parts.exposed_communication_ps, parts.idle_ps]
        if result.slack_ps is not None:
            figures.append(int(result.slack_ps.min(initial=0)))
        if prediction.links is not None:
            figures += [
                int(prediction.links.busy_ps.min(initial=0)),
                int(prediction.links.carried_bytes.min(initial=0)),
            ]
        if min(figures) < 0:
            raise AssertionError(f"{where}: something negative: {figures}")
        shares = [result.shared_path_percent or 0.0]
        if result.path_change is not None:
            shares.append(100 * result.path_change.agreement)
        if not all(0 <= share <= 100 + 1e-9 for share in shares):
            raise AssertionError(f"{where}: a share of {shares} %")
        if result.difference_percent is not None and math.isnan(result.difference_percent):
            raise AssertionError(f"{where}: a difference of NaN")
        if not comparison.inputs.unchanged():
            raise AssertionError(f"{where}: the inputs were changed")


def reported(report: Report) -> None:
    """Every form of a report."""
    held(report)
    rendered = [reporter.render(report, reporter.options(), Destination(to_file=True)) for reporter in REPORTERS]
    json.loads(str(rendered[-1].content), parse_constant=_no_constant)


def _no_constant(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} in a document")


def compared(folder: Path, document: Any) -> None:
    """From a scenario to its reports."""
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")
    loaded = load_scenario(path, REGISTRY)
    reported(run_scenario(loaded, REGISTRY))


@contextlib.contextmanager
def expected(legal: bool) -> Iterator[None]:
    """What is legal may not be refused."""
    try:
        yield
    except VersimError as error:
        if legal:
            raise LegalRefusedError(str(error)) from error
        raise


def try_scenario(source: random.Random, folder: Path) -> str:
    """One scenario, legal or with one thing wrong."""
    document = scenario(source)
    legal = source.random() < 0.25
    with expected(legal):
        compared(folder, document if legal else wrong(document, source))
    return "legal" if legal else "wrong"


def try_trace(source: random.Random, folder: Path) -> str:
    """Traces of two to four ranks, one attribute of which may be wrong, simulated by everybody."""
    ranks, seed = source.choice((2, 3, 4)), source.random()
    traces = [nodes_of(rank, ranks, random.Random(seed)) for rank in range(ranks)]
    legal = source.random() < 0.25
    if not legal:
        spoil(traces, source)
    for rank, nodes in enumerate(traces):
        (folder / f"t.{rank}.et").write_bytes(encoded(nodes))
    for left in range(ranks, 4):
        (folder / f"t.{left}.et").unlink(missing_ok=True)
    with expected(legal):
        compared(
            folder,
            {
                "name": "trace",
                "workloads": [{"label": "trace", "producer": "chakra", "options": {"path": str(folder / "t")}}],
                "system": {"dimensions": [ring(ranks)]},
                "backends": [
                    {"label": "astra", "backend": "astrasim"},
                    {"label": "alpha", "backend": "deepflow", "network": "alpha-beta"},
                ],
            },
        )
    return "legal" if legal else "wrong"


def _saved(folder: Path) -> dict[str, Any]:
    """A report that was saved once."""
    document: dict[str, Any] | None = _SAVED.get("report")
    if document is None:
        path = folder / "base.yaml"
        path.write_text(yaml.safe_dump(scenario(random.Random(3))), encoding="utf-8")
        report = run_scenario(load_scenario(path, REGISTRY), REGISTRY)
        _SAVED["report"] = document = json.loads(document_text(report_document(report)[0]))
    return document


_SAVED: dict[str, Any] = {}


def try_report(source: random.Random, folder: Path) -> str:
    """A saved report, one value of which may be another."""
    document = _saved(folder)
    legal = source.random() < 0.1
    path = folder / "report.json"
    path.write_text(json.dumps(document if legal else wrong(document, source)), encoding="utf-8")
    with expected(legal):
        reported(load_report(path))
    return "legal" if legal else "wrong"


def try_record(source: random.Random, folder: Path) -> str:
    """A record of measurements beside a simulator, as YAML or CSV, one cell of which may be wrong."""
    rows: list[dict[str, Any]] = [
        {"case": case, "recompute": "off", "measured_s": source.choice((0.01, 1, 5e-324, 9e6))} for case in ("a", "b")
    ]
    document: Any = {"source": "made up", "rows": rows}
    legal = source.random() < 0.25
    if not legal:
        document = wrong(document, source)
    path = folder / source.choice(("record.yaml", "record.csv"))
    if path.suffix == ".yaml":
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
    else:
        text = io.StringIO()
        text.write("# made up\n")
        lines = document["rows"] if isinstance(document, dict) and isinstance(document.get("rows"), list) else rows
        writer = csv.writer(text)
        for number, row in enumerate(line for line in lines if isinstance(line, dict)):
            if not number:
                writer.writerow(row)
            writer.writerow(row.values())
        path.write_text(text.getvalue(), encoding="utf-8")
    asked = scenario(random.Random(5))
    where = {"case": "a", "recompute": "off"}
    asked["backends"] = [
        {"label": "measured", "backend": "measurement", "options": {"file": str(path), "where": where}},
        asked["backends"][0],
    ]
    asked["reference"] = "measured"
    with expected(legal):
        compared(folder, asked)
    return "legal" if legal else "wrong"


KINDS: dict[str, Callable[[random.Random, Path], str]] = {
    "scenario": try_scenario,
    "trace": try_trace,
    "report": try_report,
    "record": try_record,
}


def _stop(_: int, __: FrameType | None) -> NoReturn:
    raise TooLongError(f"longer than {LONGEST_S} s")


def run(inputs: int, seed: int, kinds: tuple[str, ...] = tuple(KINDS)) -> dict[str, Any]:
    """Try inputs; figures about them.

    Raises:
        AssertionError: Every sort of failure, with the first input that shows it.
    """
    counts: Counter[str] = Counter()
    failures: dict[str, str] = {}
    slowest_s, slowest = 0.0, ""
    # Processor time: a loaded machine is no fault of the input's.
    signal.signal(signal.SIGPROF, _stop)
    with tempfile.TemporaryDirectory(prefix="versim-fuzz-") as name:
        for number in range(inputs):
            kind = kinds[number % len(kinds)]
            source = random.Random(f"{seed} {number}")
            began = time.process_time()
            signal.setitimer(signal.ITIMER_PROF, LONGEST_S)
            try:
                counts[f"{kind} {KINDS[kind](source, Path(name))}, accepted"] += 1
            except VersimError as error:
                if not str(error).strip():
                    failures["silent"] = (
                        f"{kind}, input {number} of seed {seed}: an error has to say something ({error!r})"
                    )
                counts[f"{kind}, refused"] += 1
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # noqa: BLE001 - that is what it looks for
                where = traceback.extract_tb(error.__traceback__)[-1]
                sort = f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}: {str(error)[:300]}"
                failures.setdefault(
                    sort.partition(": ")[0] + sort[-40:], f"{kind}, input {number} of seed {seed}: {sort}"
                )
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
            lasted_s = time.process_time() - began
            if lasted_s > LONGEST_S:
                # Whoever contains what plugins raise may have contained the alarm.
                failures[f"slow {kind}"] = f"{kind}, input {number} of seed {seed}: took {lasted_s:.0f} s"
            if lasted_s > slowest_s:
                slowest_s, slowest = lasted_s, f"{kind} {number}"
    if failures:
        raise AssertionError(f"{len(failures)} sorts of failure:\n" + "\n".join(failures.values()))
    memory_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if memory_mib > MOST_MEMORY_MIB:
        raise AssertionError(f"memory grew to {memory_mib:.0f} MiB")
    return {
        **sorted_counts(counts),
        "slowest_s": round(slowest_s, 2),
        "slowest": slowest,
        "memory_mib": round(memory_mib),
    }


def sorted_counts(counts: Counter[str]) -> dict[str, int]:
    """By name."""
    return {name: counts[name] for name in sorted(counts)}


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=list(KINDS))
    parser.add_argument("--only", type=int, help="this input alone, to look at it")
    options = parser.parse_args()
    if options.only is not None:
        kind = options.kind or list(KINDS)[options.only % len(KINDS)]
        folder = Path(tempfile.mkdtemp(prefix="versim-fuzz-"))
        sys.stdout.write(f"{folder}\n{KINDS[kind](random.Random(f'{options.seed} {options.only}'), folder)}\n")
        return 0
    kinds = (options.kind,) if options.kind else tuple(KINDS)
    sys.stdout.write(f"{json.dumps(run(options.inputs, options.seed, kinds), indent=2)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
