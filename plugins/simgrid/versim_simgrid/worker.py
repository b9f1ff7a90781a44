"""Runs one program of tasks in SimGrid: the only file that needs SimGrid, and all that runs in Debian's Python.

It reads one JSON document from standard input and writes one to standard output; both are described in
``docs/simgrid.md``. ``--version`` answers with SimGrid's version alone; ``--progress FD`` writes the share of tasks
that have ended to that descriptor, now and then, a line each. It uses nothing of versim. The exit status is 3 if there
is no module ``simgrid``, 4 if the document is not one it understands.
"""

import collections
import heapq
import json
import os
import sys
import time
from typing import Any

FORMAT = "versim-simgrid"
VERSION = 1
NO_SIMGRID, NOT_UNDERSTOOD = 3, 4
MARKER, COMPUTE, MESSAGE = 0, 1, 2
NS_PER_S = 1e9
TOLD_EVERY_S = 0.2
TICK_S = 1e-12
"""One picosecond, the grid of the answer: what ends within one ends together."""


class Program:
    """Tasks in SimGrid: what is ready starts, what ends makes others ready."""

    def __init__(self, simgrid: Any, document: dict[str, Any], told: Any = None) -> None:
        self.simgrid = simgrid
        self.told = told  # a stream for the share of tasks that have ended
        self.told_s = time.monotonic()
        self.kind, self.amount, self.place = document["kind"], document["amount"], document["place"]
        self.waits = [0] * len(self.kind)
        self.dependents: list[list[int]] = [[] for _ in self.kind]
        starts, dependency = document["dependency_start"], document["dependency"]
        for task in range(len(self.kind)):
            for on in dependency[starts[task] : starts[task + 1]]:
                self.dependents[on].append(task)
            self.waits[task] = starts[task + 1] - starts[task]
        self.now = 0.0
        self.start = [-1.0] * len(self.kind)
        self.end = [-1.0] * len(self.kind)
        self.order: list[int] = []
        self.latency_s = document["latency_s"]
        self.routes = document["routes"]
        self.hosts = self._platform(document)
        self.queues: list[collections.deque[int]] = [collections.deque() for _ in self.hosts]
        self.running: list[int | None] = [None] * len(self.hosts)
        self.touched: set[int] = set()  # ranks whose queue or device changed
        self.timers: list[tuple[float, int]] = []  # ends of latencies and computations, a heap
        self.flying: list[Any] = []
        self.flying_tasks: list[int] = []

    def _platform(self, document: dict[str, Any]) -> list[Any]:
        simgrid = self.simgrid
        zone = simgrid.NetZone.create_full_zone("world")
        hosts = [zone.create_host(str(rank), 1.0).seal() for rank in range(document["ranks"])]
        links = []
        for number, (bandwidth_bytes_per_s, latency_s) in enumerate(document["links"]):
            link = zone.create_link(f"l{number}", bandwidth_bytes_per_s)
            link.set_latency(latency_s)
            link.seal()
            links.append(simgrid.LinkInRoute(link))
        for source, target, crossed in self.routes:
            ends = hosts[source].netpoint, hosts[target].netpoint
            zone.add_route(*ends, None, None, [links[link] for link in crossed], False)
        zone.seal()
        return hosts

    def drive(self) -> None:
        """Run until nothing is under way; what then has not ended waits for ever."""
        ready = [task for task, waits in enumerate(self.waits) if not waits]
        while True:
            self._begin(ready)
            if not self.flying and not self.timers:
                return
            if self.told is not None and time.monotonic() - self.told_s > TOLD_EVERY_S:
                self.told_s = time.monotonic()
                self.told.write(f"{len(self.order) / len(self.kind)}\n")
                self.told.flush()
            ready = self._settle(self._advance())

    def _settle(self, ended: list[int]) -> list[int]:
        """Note what ended now; returns the tasks that became ready by it, in order."""
        became_ready = []
        for task in ended:
            self.end[task] = self.now
            self.order.append(task)
            if self.kind[task] == COMPUTE and self.running[self.place[task]] == task:
                self.running[self.place[task]] = None
                self.touched.add(self.place[task])
            for dependent in self.dependents[task]:
                self.waits[dependent] -= 1
                if not self.waits[dependent]:
                    became_ready.append(dependent)
        return sorted(became_ready)

    def _begin(self, ready: list[int]) -> None:
        """Start what is ready and what that makes ready at once, in the order of the tasks."""
        while ready or self.touched:
            instant = []
            for task in ready:
                if self.kind[task] == COMPUTE:
                    self.queues[self.place[task]].append(task)
                    self.touched.add(self.place[task])
                elif self.kind[task] == MARKER:
                    self.start[task] = self.now
                    instant.append(task)
                else:
                    self._post(task)
            for rank in sorted(self.touched):
                if self.running[rank] is None and self.queues[rank]:
                    instant += self._execute(rank, self.queues[rank].popleft())
            self.touched.clear()
            ready = self._settle(instant)

    def _execute(self, rank: int, task: int) -> list[int]:
        """Start a computation; returns it if it has ended already, for it has no length."""
        self.start[task] = self.now
        self.running[rank] = task
        if self.amount[task] == 0:
            return [task]
        heapq.heappush(self.timers, (self.now + self.amount[task] / NS_PER_S, task))
        return []

    def _post(self, task: int) -> None:
        """Start a message; a latency that is not SimGrid's to model passes first."""
        self.start[task] = self.now
        latency_s = self.latency_s[self.place[task]]
        if latency_s > 0:
            heapq.heappush(self.timers, (self.now + latency_s, task))
        else:
            self._send(task)

    def _send(self, task: int) -> None:
        if not self.flying and self.simgrid.Engine.clock < self.now:
            self.simgrid.this_actor.sleep_until(self.now)
        source, target, _ = self.routes[self.place[task]]
        message = self.simgrid.Comm.sendto_async(self.hosts[source], self.hosts[target], self.amount[task])
        self.flying.append(message)
        self.flying_tasks.append(task)

    def _advance(self) -> list[int]:
        """Let time pass to the next end; returns what ended, in the order of the tasks.

        While no message is under way nothing is SimGrid's to say: its clock follows when the next one is sent.
        """
        if not self.flying:
            self.now = self.timers[0][0]
        else:
            if self.timers:
                self.simgrid.Comm.wait_any_for(self.flying, max(self.timers[0][0] - self.now, 0.0))
            else:
                self.simgrid.Comm.wait_any(self.flying)
            self.now = self.simgrid.Engine.clock
        ended = []
        due = self.now + TICK_S
        while self.timers and self.timers[0][0] <= due:
            task = heapq.heappop(self.timers)[1]
            if self.kind[task] == COMPUTE:
                ended.append(task)
            else:
                self._send(task)
        still, still_tasks = [], []
        for message, task in zip(self.flying, self.flying_tasks, strict=True):
            if message.finish_time >= 0:
                ended.append(task)
            else:
                still.append(message)
                still_tasks.append(task)
        self.flying, self.flying_tasks = still, still_tasks
        return sorted(ended)


def main() -> int:
    """Read, run, write."""
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what SimGrid prints must not get into the answer
    try:
        import simgrid  # noqa: PLC0415 - it may be missing, and that is told
    except ImportError as error:
        sys.stderr.write(f"no module simgrid in {sys.executable}: {error}\n")
        return NO_SIMGRID
    head = {"format": FORMAT, "version": VERSION, "simgrid": simgrid.simgrid_version}
    if sys.argv[1:] == ["--version"]:
        json.dump(head, answer)
        answer.close()
        return 0
    document = json.load(sys.stdin)
    if document.get("format") != FORMAT or document.get("version") != VERSION:
        found = f"{document.get('format')} version {document.get('version')}"
        sys.stderr.write(f"expected {FORMAT} version {VERSION}, got {found}\n")
        return NOT_UNDERSTOOD
    settings = ["worker", "--log=root.thres:critical", *(f"--cfg={setting}" for setting in document["settings"])]
    engine = simgrid.Engine(settings)
    told = os.fdopen(int(sys.argv[2]), "w") if sys.argv[1:2] == ["--progress"] else None
    program = Program(simgrid, document, told)
    simgrid.Actor.create("driver", program.hosts[0], program.drive)
    engine.run()
    json.dump({**head, "start_s": program.start, "end_s": program.end, "order": program.order}, answer)
    answer.close()
    return 0


if __name__ == "__main__":
    STATUS = main()
    sys.stderr.flush()
    # SimGrid's own tear-down at exit is of no use to anybody and takes as long as the simulation.
    os._exit(STATUS)
