"""``kill -9`` at random moments over compare, export, import, sweep and cache: nothing half-written, nobody left.

``python tests/fuzz/kills.py --kills 100`` prints a line per fault. Files of another name than the result's are only
those that the next run removes; every result is whole; the next run succeeds; no process of the killed one is there
after five seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import attrs
from versim import VersimError
from versim_astrasim.chakra.reader import read_file

VERSIM = [sys.executable, "-c", "from versim.cli import main; main()"]
MARK = "VERSIM_KILLED"
LONGEST_S = 20.0
"""What a run may take that is not killed earlier."""
RECORDED = Path(__file__).parents[1] / "astrasim" / "recorded"


def processes_marked(mark: str) -> list[int]:
    """Processes whose environment holds the mark of one run: it and everything it started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def whole(path: Path) -> bool:
    """Whether a result is all there: JSON that parses, a store that opens, a folder of files that do."""
    if path.is_dir():
        return all(whole(file) for file in path.iterdir() if not file.name.startswith("."))
    try:
        match path.suffix:
            case ".et":
                return len(read_file(path).offset) > 0
            case ".versim":
                with contextlib.closing(sqlite3.connect(path)) as store:
                    return bool(store.execute("pragma integrity_check").fetchone() == ("ok",))
            case ".json":
                return json.loads(path.read_text(encoding="utf-8")) is not None
    except (ValueError, VersimError, sqlite3.DatabaseError):
        return False
    return path.stat().st_size > 0


@attrs.frozen
class Command:
    """What is started and killed.

    Attributes:
        arguments: Of versim.
        result: The file or folder that it writes; None if it writes none.
        anew: Whether the result has to be gone before it is written again.
    """

    arguments: list[str]
    result: Path | None = None
    anew: bool = False

    def make_room(self) -> None:
        """Remove a result that would be in the way."""
        if self.anew and self.result is not None and self.result.exists():
            shutil.rmtree(self.result)


def kill_once(command: Command, after_s: float, environment: dict[str, str]) -> list[str]:
    """Start, kill, look; what is wrong."""
    command.make_room()
    mark = f"{os.getpid()}-{time.monotonic_ns()}"
    process = subprocess.Popen(
        [*VERSIM, *command.arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**environment, MARK: mark},
        start_new_session=True,
    )
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    wrong = []
    if command.result is not None and command.result.exists() and not whole(command.result):
        wrong.append(f"{command.result.name} is half-written")
    deadline = time.monotonic() + 5
    while processes_marked(mark):
        if time.monotonic() > deadline:
            wrong.append(f"processes {processes_marked(mark)} are left")
            break
        time.sleep(0.02)
    return wrong


def commands(folder: Path, program: str) -> dict[str, Command]:
    """What is killed, by name."""
    scenario = folder / f"{'program' if program else 'embedded'}.yaml"
    real = f", options: {{engine: binary, binary: {program}}}" if program else ""
    scenario.write_text(
        "name: killed\nworkloads: [{label: w, producer: collective, options: {participants: 4, count: 3}}]\n"
        "system: {dimensions: [{topology: ring, size: 4, bandwidth: 1 GB/s, latency: 1 us}]}\n"
        f"backends: [{{label: a, backend: deepflow, network: alpha-beta}}, {{label: b, backend: astrasim{real}}}]\n"
    )
    made = {name: folder / name for name in ("out.json", "traces", "tables", "imported", "store.versim")}
    made["imported"].mkdir(exist_ok=True)
    recorded = [str(RECORDED / f"pipeline.{rank}.json.gz") for rank in range(3)]
    return {
        "compare": Command(["compare", str(scenario), "-f", "json", "-o", str(made["out.json"])], made["out.json"]),
        "export": Command(
            ["export", str(scenario), "--backend", "b", "-o", str(made["traces"])], made["traces"], anew=True
        ),
        "tables": Command(
            ["compare", str(scenario), "-f", "csv", "-o", str(made["tables"])], made["tables"], anew=True
        ),
        "import": Command(["import", "pytorch", *recorded, "-o", str(made["imported"] / "out")], made["imported"]),
        "sweep": Command(
            ["sweep", str(scenario), "--vary", "count=1,2,3,4", "-j", "2", "--store", str(made["store.versim"])],
            made["store.versim"],
        ),
        "cache": Command(["cache", "--clear"]),
    }


def main(kills: int, seed: int, program: str = "", say: Callable[[str], None] = print) -> int:
    """How many kills showed something wrong."""
    source = random.Random(seed)
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="versim-kills-") as name:
        folder = Path(name)
        (folder / "tmp").mkdir()
        environment = {**os.environ, "TMPDIR": str(folder / "tmp"), "VERSIM_CACHE_DIR": str(folder / "cache")}
        asked = commands(folder, program)
        lasting_s: dict[str, float] = {}
        for number in range(kills):
            what = list(asked)[number % len(asked)]
            if what not in lasting_s:
                # Undisturbed, so that kills fall on all of a run, however fast the machine is.
                began = time.monotonic()
                wrong += [f"{what}: {fault}" for fault in kill_once(asked[what], LONGEST_S, environment)]
                lasting_s[what] = time.monotonic() - began
            found = kill_once(asked[what], source.uniform(0.0, lasting_s[what]), environment)
            wrong += [f"{what}: {fault}" for fault in found]
        # The next run asks nobody who may hang.
        for what, command in commands(folder, "").items():
            command.make_room()
            done = subprocess.run(
                [*VERSIM, *command.arguments], capture_output=True, text=True, check=False, env=environment
            )
            if done.returncode:
                wrong.append(f"{what}: the next run fails: {done.stderr.strip()[-200:]}")
            elif command.result is not None and not whole(command.result):
                wrong.append(f"{what}: the next run leaves {command.result.name} half-written")
        left = [str(path.relative_to(folder)) for path in folder.rglob("*.partial")]
        left += [str(path.relative_to(folder)) for path in (folder / "tmp").glob("versim-*")]
        if left:
            wrong.append(f"left behind: {', '.join(left)}")
    for line in wrong:
        say(line)
    say(f"{kills} kills, {len(wrong)} faults")
    return len(wrong)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--program", default="", help="the real ASTRA-sim, or what stands for it")
    given = parser.parse_args()
    sys.exit(1 if main(given.kills, given.seed, given.program) else 0)
