"""Workers that are kept from one question to the next: loading SimGrid takes longer than most of them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import attrs
from versim import SimulationRequest

from versim_simgrid.launch import Worker, python_of
from versim_simgrid.program import Translation


@attrs.frozen
class Begun:
    """What has been begun of a request.

    Attributes:
        translation: It as tasks.
        worker: Who simulates them.
        made_s: Seconds that it took to begin.
    """

    translation: Translation
    worker: Worker
    made_s: float


class Session:
    """The workers of a Python; in a session they are kept until its end, and have begun with some questions."""

    def __init__(self, python: str, *, kept: bool) -> None:
        self._python, self._kept, self._process = python, kept, os.getpid()
        self._idle: list[Worker] = []
        self._begun: list[tuple[SimulationRequest, Begun]] = []
        self._started = contextlib.ExitStack()

    def serves(self, environment: Mapping[str, str]) -> bool:
        """Whether its workers are this process's, and of the Python that is asked for."""
        return (python_of(environment), os.getpid()) == (self._python, self._process)

    def worker(self) -> Worker:
        """A worker that has nothing to do."""
        if self._idle:
            return self._idle.pop()
        started = Worker(self._python, kept=self._kept)
        self._started.callback(started.close)
        return started

    def spare(self, worker: Worker) -> None:
        """Give a worker back that has nothing to do."""
        self._idle.append(worker)

    def begin(self, request: SimulationRequest, begun: Begun) -> None:
        """Note what a worker answers already."""
        self._begun.append((request, begun))

    def taken(self, request: SimulationRequest) -> Begun | None:
        """What has been begun of a request, for whoever waits for the answer; None if nothing has."""
        for place, (known, begun) in enumerate(self._begun):
            if known == request:
                del self._begun[place]
                return begun
        return None

    def close(self) -> None:
        """End all workers."""
        self._started.close()


_OPEN: ContextVar[Session | None] = ContextVar("session", default=None)


@contextlib.contextmanager
def session(environment: Mapping[str, str]) -> Iterator[Session]:
    """Keep workers for the questions in this block; a session in another one is that."""
    with current(environment, kept=True) as made:
        before = _OPEN.set(made)
        try:
            yield made
        finally:
            _OPEN.reset(before)


@contextlib.contextmanager
def current(environment: Mapping[str, str], *, kept: bool = False) -> Iterator[Session]:
    """The session that is open, or one for the one question in this block."""
    found = _OPEN.get()
    if found is not None and found.serves(environment):
        yield found
        return
    made = Session(python_of(environment), kept=kept)
    with contextlib.closing(made):
        yield made


def run(document: bytes, environment: Mapping[str, str], time_limit_s: float) -> dict[str, Any]:
    """Have a program of tasks simulated.

    Args:
        document: What the worker reads, see ``docs/simgrid.md``.
        environment: Where the interpreter may be named.
        time_limit_s: Seconds after which the worker is stopped, with everything it started.

    Raises:
        SimGridNotFoundError: There is no SimGrid.
        TimeLimitError: It took too long.
        SimulationError: It failed; the message has its last lines.
    """
    with current(environment) as workers:
        worker = workers.worker()
        worker.ask(document, time_limit_s)
        answer = worker.answer(time_limit_s)
        workers.spare(worker)
    return answer
