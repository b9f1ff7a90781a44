"""``kill -9`` at random moments over sweeps that go on: nothing lost, nothing asked twice but what was in flight.

``python tests/fuzz/sweep_kills.py --kills 50`` prints a line per fault. A backend writes down every question it is
asked, before it answers. After each kill every answer that was said to be kept is in the store, and what was asked of
the run before and is in the store is not asked by the next; in the end everything is answered, and what was asked more
often than once was in flight when a run was killed.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from versim.sweeps.execution import BATCH, PER_WORKER

PLUGIN = """
import os
from pathlib import Path
import attrs
from versim import GraphBuilder, Fixed, Mesh, NoOptions, hookimpl, instances_of, option, prediction_of, replay
import numpy as np

VERSIM_API_VERSION = 1
ASKED = Path(os.environ["VERSIM_ASKED"])

@attrs.frozen
class Options:
    number: int = option(1, help="which")

@attrs.frozen
class Producer:
    name: str = "numbered"
    options: type = Options
    def produce(self, options):
        builder = GraphBuilder(Mesh.of(dp=1))
        builder.compute("work", [(Fixed(options.number * 1e-3), 1)])
        return builder.build()

@attrs.frozen
class Backend:
    name: str = "writes-down"
    options: type = NoOptions
    def simulate(self, request):
        inputs = request.inputs
        with open(ASKED, "a") as out:
            out.write(f"{inputs.digest}\\n")
        instances = instances_of(inputs.graph)
        ran = replay(instances, inputs.compute_ns * 1000, np.zeros(0, dtype=np.int64))
        return prediction_of(inputs, instances, ran, simulator=self.name, engine="test")

@hookimpl
def versim_graph_producers():
    return [Producer()]

@hookimpl
def versim_backends():
    return [Backend()]
"""

SCENARIO = """
name: killed
workloads: [{label: w, producer: numbered}]
system: {dimensions: [{topology: ring, size: 1, bandwidth: 1 GB/s, latency: 1 us}]}
backends: [{label: a, backend: writes-down}]
"""

RUN = """
import sys
from versim import load_registry, load_scenario, sweep
registry = load_registry(["plugin.py"])
swept = sweep(load_scenario("killed.yaml", registry), {{"number": list(range(1, {count} + 1))}},
              registry=registry, store="answers.db", jobs={jobs}, modules=["plugin.py"])
print("known", swept.standing.known, flush=True)
for batch in swept.batches():
    for one in batch:
        print(one.answer.digest, flush=True)
print("done", flush=True)
"""


def kept(path: Path) -> set[str]:
    """Digests that a store answers; whole, or the test ends here."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise SystemExit("the store is spoilt")
        return {row[0] for row in connection.execute("SELECT digest FROM answers")}


def main(kills: int, seed: int, count: int = 0, say: Callable[[str], None] = print) -> int:
    """How many faults there were."""
    source = random.Random(seed)
    count = count or 40 * kills
    wrong: list[str] = []
    done = 0
    with tempfile.TemporaryDirectory(prefix="versim-sweep-kills-") as name:
        folder = Path(name)
        (folder / "plugin.py").write_text(PLUGIN)
        (folder / "killed.yaml").write_text(SCENARIO)
        log, store = folder / "asked", folder / "answers.db"
        log.touch()
        environment = {**os.environ, "VERSIM_ASKED": str(log)}
        before: set[str] = set()
        ended = False
        while not ended:
            jobs = 1 + done % 2
            killing = done < kills
            asked_before = len(log.read_text().split())
            child = subprocess.Popen(
                [sys.executable, "-c", RUN.format(count=count, jobs=jobs)],
                cwd=folder,
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            assert child.stdout is not None
            first = child.stdout.readline()
            if killing:
                # Of what a few answers take: every run begins some, and few end.
                time.sleep(source.uniform(0.0, 0.5))
                child.send_signal(signal.SIGKILL)
            said = {line.strip() for line in child.stdout if len(line.strip()) == 64}
            child.wait()
            child.stdout.close()
            ended = not killing
            done += killing
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline and _left(child.pid):
                time.sleep(0.01)
            asked = log.read_text().split()[asked_before:]
            now = kept(store)
            if not before <= now:
                wrong.append(f"kill {done}: {len(before - now)} answers are lost")
            if not said <= now:
                wrong.append(f"kill {done}: {len(said - now)} answers that were said to be kept are not")
            if first.startswith("known") and int(first.split()[1]) != len(before):
                wrong.append(f"kill {done}: the next run knew {first.strip()} of {len(before)}")
            again = before & set(asked)
            if again:
                wrong.append(f"kill {done}: {len(again)} that were kept were asked again")
            in_flight = len(set(asked) - now)
            most = BATCH * (PER_WORKER * jobs + 1) if jobs > 1 else 1
            if in_flight > most:
                wrong.append(f"kill {done}: {in_flight} answers were lost in flight, of {most} at most")
            before = now
        if len(before) != count:
            wrong.append(f"in the end {len(before)} of {count} are answered")
        times = collections.Counter(log.read_text().split())
        more = sum(number - 1 for number in times.values())
    for line in wrong:
        say(line)
    say(f"{kills} kills, {count} answers, {more} asked more than once, {len(wrong)} faults")
    return len(wrong)


def _left(session: int) -> bool:
    """Whether a process of a session is still there."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            return True
    return False


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sys.exit(1 if main(given.kills, given.seed) else 0)
