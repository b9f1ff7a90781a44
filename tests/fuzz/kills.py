"""``kill -9`` at random moments over compare, export, import and cache: nothing half-written, nobody left behind.

``python tests/fuzz/kills.py --kills 100`` prints a line per command. Files of another name than the result's are only
those that the next run removes; every result is whole; the next run succeeds; no process of the killed one is there
after five seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

VERSIM = [sys.executable, "-c", "from versim.cli import main; main()"]
MARK = "VERSIM_KILLED"


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
    """Whether a result is all there: JSON that parses, or a folder with its files."""
    if path.is_dir():
        return any(path.iterdir())
    text = path.read_text(encoding="utf-8")
    return text.endswith("}\n") and bool(json.loads(text))


def kill_once(command: list[str], result: Path | None, after_s: float, environment: dict[str, str]) -> list[str]:
    """Start, kill, look; what is wrong."""
    mark = f"{os.getpid()}-{time.monotonic_ns()}"
    process = subprocess.Popen(
        [*VERSIM, *command],
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
    if result is not None and result.exists() and not whole(result):
        wrong.append(f"{result.name} is half-written")
    deadline = time.monotonic() + 5
    while processes_marked(mark):
        if time.monotonic() > deadline:
            wrong.append(f"processes {processes_marked(mark)} are left")
            break
        time.sleep(0.02)
    return wrong


def commands(folder: Path, program: str) -> dict[str, tuple[list[str], Path | None]]:
    """Name ─▶ arguments and result."""
    scenario = folder / f"{'program' if program else 'embedded'}.yaml"
    real = f", options: {{engine: binary, binary: {program}}}" if program else ""
    scenario.write_text(
        "name: killed\nworkloads: [{label: w, producer: collective, options: {participants: 4, count: 3}}]\n"
        "system: {dimensions: [{topology: ring, size: 4, bandwidth: 1 GB/s, latency: 1 us}]}\n"
        f"backends: [{{label: a, backend: deepflow, network: alpha-beta}}, {{label: b, backend: astrasim{real}}}]\n"
    )
    return {
        "compare": (["compare", str(scenario), "-f", "json", "-o", str(folder / "out.json")], folder / "out.json"),
        "export": (["export", str(scenario), "--backend", "b", "-o", str(folder / "traces")], folder / "traces"),
        "html": (["compare", str(scenario), "-f", "csv", "-o", str(folder / "tables")], folder / "tables"),
        "cache": (["cache", "--clear"], None),
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
        for number in range(kills):
            what = list(asked)[number % len(asked)]
            command, result = asked[what]
            if result is not None and result.is_dir():
                subprocess.run(["rm", "-r", str(result)], check=True)
            found = kill_once(command, result, source.uniform(0.05, 2.0), environment)
            wrong += [f"{what}: {fault}" for fault in found]
        # The next run asks nobody who may hang.
        for what, (command, result) in commands(folder, "").items():
            if result is not None and result.is_dir():
                subprocess.run(["rm", "-r", str(result)], check=True)
            done = subprocess.run([*VERSIM, *command], capture_output=True, text=True, check=False, env=environment)
            if done.returncode:
                wrong.append(f"{what}: the next run fails: {done.stderr.strip()[-200:]}")
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
