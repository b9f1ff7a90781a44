"""Runs programs of tasks in SimGrid: the only file that needs SimGrid, and all that runs in Debian's Python.

It reads documents from standard input until that ends, and answers each on standard output before it reads the next;
both are described in ``docs/simgrid.md``. Each is run in a copy of the process, which has loaded SimGrid, for a process
can have one engine only. ``--version`` answers with SimGrid's version alone. It uses nothing of versim. The exit status
is 3 if there is no module ``simgrid``, 4 if a document is not one it understands, else that of the copy that failed.
"""

from __future__ import annotations

import array
import collections
import heapq
import json
import os
import sys
import time

TYPE_CHECKING = False  # typing itself takes as long to load as SimGrid's own module
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, BinaryIO

FORMAT = "versim-simgrid"
VERSION = 2
NO_SIMGRID, NOT_UNDERSTOOD = 3, 4
MARKER, COMPUTE, MESSAGE = 0, 1, 2
NS_PER_S = 1e9
TOLD_EVERY_S = 0.2
TICK_S = 1e-12
"""One picosecond, the grid of the answer: what ends within one ends together."""

ASKED = {"kind": "b", "amount": "q", "place": "i", "dependency_start": "i", "dependency": "i"}
ANSWERED = {"start_s": "d", "end_s": "d", "order": "i"}
"""The columns of documents and answers, with their types as of Python's ``array``."""


def packed(head: Mapping[str, Any], columns: Mapping[str, str], values: Mapping[str, Any]) -> bytes:
    """A document: its head as a line of JSON, and behind it the columns that the head names, each with its length."""
    made = {name: array.array(code, values[name]) for name, code in columns.items()}
    line = json.dumps({**head, "columns": {name: [column.typecode, len(column)] for name, column in made.items()}})
    return b"".join([line.encode(), b"\n", *(column.tobytes() for column in made.values())])


def bytes_behind(head: Mapping[str, Any]) -> int:
    """How long the columns are that follow a head."""
    return sum(array.array(code).itemsize * count for code, count in head.get("columns", {}).values())


def unpacked(head: Mapping[str, Any], stream: BinaryIO) -> dict[str, Any]:
    """A head with its columns, which are read from a stream."""
    found: dict[str, Any] = dict(head)
    for name, (code, count) in found.pop("columns", {}).items():
        column = array.array(code)
        column.frombytes(stream.read(count * column.itemsize))
        found[name] = column.tolist()
    return found


class Program:
    """Tasks in SimGrid: what is ready starts, what ends makes others ready."""

    def __init__(self, simgrid: Any, document: dict[str, Any], tell: Callable[[float], None]) -> None:
        self.simgrid = simgrid
        self.tell = tell  # the share of tasks that have ended
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
            if time.monotonic() - self.told_s > TOLD_EVERY_S:
                self.told_s = time.monotonic()
                self.tell(len(self.order) / len(self.kind))
            ready = self._settle(self._advance())

    def _settle(self, ended: list[int]) -> list[int]:
        """Note what ended now; returns the tasks that became ready by it, in order."""
        became_ready = []
        now, kind, waits = self.now, self.kind, self.waits
        for task in ended:
            self.end[task] = now
            if kind[task] == COMPUTE:
                rank = self.place[task]
                if self.running[rank] == task:
                    self.running[rank] = None
                    self.touched.add(rank)
            for dependent in self.dependents[task]:
                waits[dependent] -= 1
                if not waits[dependent]:
                    became_ready.append(dependent)
        self.order += ended
        became_ready.sort()
        return became_ready

    def _begin(self, ready: list[int]) -> None:
        """Start what is ready and what that makes ready at once, in the order of the tasks."""
        kind, touched = self.kind, self.touched
        while ready or touched:
            instant = []
            for task in ready:
                if kind[task] == MESSAGE:
                    self._post(task)
                elif kind[task] == MARKER:
                    self.start[task] = self.now
                    instant.append(task)
                else:
                    rank = self.place[task]
                    self.queues[rank].append(task)
                    touched.add(rank)
            if touched:
                for rank in sorted(touched):
                    if self.running[rank] is None and self.queues[rank]:
                        instant += self._execute(rank, self.queues[rank].popleft())
                touched.clear()
            ready = self._settle(instant) if instant else []

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
        timers, flying = self.timers, self.flying
        if not flying:
            self.now = timers[0][0]
        else:
            if timers:
                self.simgrid.Comm.wait_any_for(flying, max(timers[0][0] - self.now, 0.0))
            else:
                self.simgrid.Comm.wait_any(flying)
            self.now = self.simgrid.Engine.clock
        ended = []
        due = self.now + TICK_S
        while timers and timers[0][0] <= due:
            task = heapq.heappop(timers)[1]
            if self.kind[task] == COMPUTE:
                ended.append(task)
            else:
                self._send(task)
        arrived = [at for at, message in enumerate(flying) if message.finish_time >= 0]
        for at in reversed(arrived):
            ended.append(self.flying_tasks.pop(at))
            flying.pop(at)
        ended.sort()
        return ended


def contexts() -> str:
    """How SimGrid's only actor and SimGrid itself take turns.

    Its Python module chooses threads, for several actors must not share one; a thread's turn takes longer than all the
    rest. One alone may run on a stack of its own, where Python does not hold stacks against the bounds of the thread's.
    """
    if sys.version_info >= (3, 14):
        return "thread"
    return "raw" if os.uname().machine == "x86_64" else "ucontext"


def run(simgrid: Any, head: Mapping[str, Any], document: dict[str, Any], answer: BinaryIO) -> None:
    """Run one program and write its answer."""
    settings = [f"contexts/factory:{contexts()}", *document["settings"]]
    engine = simgrid.Engine(["worker", "--log=root.thres:critical", *(f"--cfg={setting}" for setting in settings)])

    def tell(share: float) -> None:
        answer.write(packed({**head, "share": share}, {}, {}))
        answer.flush()

    began = time.monotonic()
    program = Program(simgrid, document, tell)
    simgrid.Actor.create("driver", program.hosts[0], program.drive)
    engine.run()
    columns = {"start_s": program.start, "end_s": program.end, "order": program.order}
    answer.write(packed({**head, "wall_s": time.monotonic() - began}, ANSWERED, columns))
    answer.flush()


def main() -> int:
    """Read, run, write, until there is nothing more to read."""
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what SimGrid prints must not get into the answer
    try:
        import simgrid  # noqa: PLC0415 - it may be missing, and that is told
    except ImportError as error:
        sys.stderr.write(f"no module simgrid in {sys.executable}: {error}\n")
        return NO_SIMGRID
    head = {"format": FORMAT, "version": VERSION, "simgrid": simgrid.simgrid_version}
    if sys.argv[1:] == ["--version"]:
        answer.write(packed(head, {}, {}))
        answer.close()
        return 0
    while line := sys.stdin.buffer.readline():
        asked = json.loads(line)
        if asked.get("format") != FORMAT or asked.get("version") != VERSION:
            found = f"{asked.get('format')} version {asked.get('version')}"
            sys.stderr.write(f"expected {FORMAT} version {VERSION}, got {found}\n")
            return NOT_UNDERSTOOD
        document = unpacked(asked, sys.stdin.buffer)
        copy = os.fork()
        if not copy:
            run(simgrid, head, document, answer)
            os._exit(0)
        del document  # the copy's memory is enough
        _, status = os.waitpid(copy, 0)
        if os.WIFSIGNALED(status):
            os.kill(os.getpid(), os.WTERMSIG(status))
        if status:
            return os.waitstatus_to_exitcode(status)
    return 0


if __name__ == "__main__":
    STATUS = main()
    sys.stderr.flush()
    # SimGrid's own tear-down at exit is of no use to anybody and takes as long as the simulation.
    os._exit(STATUS)
