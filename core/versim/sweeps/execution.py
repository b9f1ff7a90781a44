"""Tasks over any executor: in this process, over processes of this machine, or over a cluster's.

Tasks travel in batches, so that little time goes into sending; a few batches per worker are under way at a time, so
that little is lost when one dies. A worker that dies takes its batch down: the batch is given to another, task by task
and then question by question, and a question that has taken down three is given up.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import attrs

from versim.children import death_signal
from versim.containment import end_in_time
from versim.registry import Registry, load_registry
from versim.storage.answers import Answered, AnswerRow
from versim.storage.database import Store
from versim.sweeps.tasks import Known, Manner, Task, answer_task, member_of

BATCH = 8
"""Tasks that travel together, at most."""

BATCH_S = 2.0
"""What the tasks of a batch take together, about: so often a worker's answers are kept."""

PER_WORKER = 2
"""Batches under way per worker: one being answered, one waiting."""

MOST_TRIES = 3

Batch = tuple[Task, ...]


class InlineExecutor(Executor):
    """Calls in this process, at once."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The finished call."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - the caller sees it where it takes the result
            future.set_exception(error)
        return future


@attrs.define
class _Worker:
    """What a process keeps between batches."""

    registry: Registry | None = None
    store: Path | None = None
    opened: Store | None = None


_WORKER = _Worker()


def processes_here() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def process_pool(count: int, registry: Registry, modules: Sequence[str], store: Path | None) -> ProcessPoolExecutor:
    """Processes of this machine; where a process can be copied, they start with the plugins loaded."""
    if "fork" in multiprocessing.get_all_start_methods():
        _WORKER.registry, _WORKER.store, _WORKER.opened = registry, store, None
        context = multiprocessing.get_context("fork")
        return ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=(None, None, os.getpid()))
    return ProcessPoolExecutor(count, initializer=_begin, initargs=(tuple(modules), store, os.getpid()))


def _begin(modules: tuple[str, ...] | None, store: Path | None, parent: int) -> None:
    # An interrupt is for the one who asked; and who asked and died wants no more answers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):
        death_signal(parent)()
    gc.freeze()
    end_in_time()
    if modules is not None:
        _WORKER.registry, _WORKER.store = load_registry(modules), store


@attrs.frozen
class Told:
    """Answers that a worker is told of that cannot look into the store, by inputs and instance."""

    answers: Mapping[tuple[str, str], AnswerRow]

    def answer(self, digest: str, fingerprint: str) -> AnswerRow | None:
        """The answer of an instance about inputs; None if there is none."""
        return self.answers.get((digest, fingerprint))


def answer_batch(
    batch: Batch, told: Told | None = None, *, manner: Manner, modules: tuple[str, ...] = ()
) -> list[Answered]:
    """What a worker does with a batch."""
    if _WORKER.registry is None:
        _WORKER.registry = load_registry(modules)
    if _WORKER.store is not None and _WORKER.opened is None:
        _WORKER.opened = Store(_WORKER.store)
    return answered_here(batch, manner, _WORKER.registry, _WORKER.opened if told is None else told)


def answered_here(batch: Batch, manner: Manner, registry: Registry, known: Known | None) -> list[Answered]:
    """What a batch brings."""
    with _few_collections():
        return [answered for task in batch for answered in answer_task(task, registry, manner, known)]


@contextlib.contextmanager
def _few_collections() -> Iterator[None]:
    """Collect rings of objects once per batch: graphs are tables and have none, and looking takes half of the time."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()
            gc.collect(1)  # what was made meanwhile is young


@attrs.define
class Plan:
    """Tasks, and how they are given out.

    Attributes:
        answer: A batch ─▶ what it brings; has to be a function that an executor can send.
        executor: Makes the executor; called again where one is broken.
        workers: How many batches are answered at a time.
        batch: Tasks that travel together, at most.
        told: What is known when a batch leaves, which is sent along; None where workers see for themselves.
        clock: Seconds, from anywhere.
    """

    answer: Callable[..., list[Answered]]
    executor: Callable[[], Executor]
    workers: int = 1
    batch: int = BATCH
    told: Callable[[], Told] | None = None
    clock: Callable[[], float] = time.monotonic

    def _batches(self, tasks: Sequence[Task], most: Callable[[], int]) -> Iterator[Batch]:
        """Tasks in order, in batches that are smaller at the end, so that all workers end at about the same time.

        A batch ends before tasks that are alike, rather than between them: what they have in common is made once then.
        It has ``most`` tasks at most, which is asked when it is made.
        """
        start = 0
        while start < len(tasks):
            size = max(1, min(self.batch, most(), (len(tasks) - start) // (self.workers * PER_WORKER)))
            end = min(start + size, len(tasks))
            if end < len(tasks):
                torn = end
                while torn > start and tasks[torn - 1].like == tasks[end].like:
                    torn -= 1
                end = torn if torn > start else end
            yield tuple(tasks[start:end])
            start = end

    def run(self, tasks: Sequence[Task]) -> Iterator[list[Answered]]:
        """What each batch brings, as it arrives; every task is answered, or given up with a failure."""
        pace = _Pace(self.workers, self.clock, self.clock())
        batches = self._batches(tasks, pace.tasks_per_batch)
        waiting: deque[tuple[Batch, int]] = deque()
        executor = self.executor()
        under_way: dict[Future[list[Answered]], tuple[Batch, int]] = {}

        def may_leave() -> bool:
            if not waiting:
                waiting.extend((batch, 1) for batch in itertools.islice(batches, 1))
            return bool(waiting) and len(under_way) < self._most_under_way(waiting[0][1], under_way.values())

        try:
            while True:
                broken = False
                while may_leave():
                    batch, tries = waiting.popleft()
                    try:
                        along = () if self.told is None else (self.told(),)
                        under_way[executor.submit(self.answer, batch, *along)] = batch, tries
                    except BrokenProcessPool:
                        waiting.appendleft((batch, tries))
                        broken = True
                        break
                    if isinstance(executor, InlineExecutor):
                        break
                if not under_way and not broken:
                    return
                done, _ = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    batch, tries = under_way.pop(future)
                    try:
                        answered = future.result()
                    except Exception as error:
                        if not _lost(error):
                            raise
                        broken = broken or isinstance(error, BrokenProcessPool)
                        if tries >= MOST_TRIES:
                            yield [failed for task in batch for failed in _given_up(task, error)]
                        else:
                            waiting.extendleft(((part,), tries + 1) for part in reversed(_parts(batch)))
                    else:
                        pace.answered += len(batch)
                        yield answered
                if broken:
                    for batch, tries in under_way.values():
                        waiting.appendleft((batch, tries))
                    under_way.clear()
                    executor.shutdown(wait=False, cancel_futures=True)
                    executor = self.executor()
        finally:
            # Not every executor cancels when it is shut down.
            for future in under_way:
                future.cancel()
            executor.shutdown(wait=not under_way)

    def _most_under_way(self, tries: int, others: Iterable[tuple[Batch, int]]) -> int:
        """How many batches may be under way beside one that is given out for that time.

        What was lost once is under way alone: its loss then is its own, and takes nothing else along.
        """
        return 1 if tries > 1 or any(before > 1 for _, before in others) else self.workers * PER_WORKER


@attrs.define
class _Pace:
    """How long tasks take: as many travel together as are answered in about :data:`BATCH_S`.

    Attributes:
        workers: That answer at a time.
        clock: Seconds.
        began_s: On the clock.
        answered: Tasks so far.
    """

    workers: int
    clock: Callable[[], float]
    began_s: float
    answered: int = 0

    def tasks_per_batch(self) -> int:
        """How many; one at a time until something is known."""
        worked_s = (self.clock() - self.began_s) * self.workers
        return int(BATCH_S * self.answered / max(worked_s, 1e-9))


def _parts(batch: Batch) -> Sequence[Task]:
    """What was lost together, apart: first task by task, then question by question."""
    if len(batch) > 1:
        return batch
    return [attrs.evolve(batch[0], questions=(question,)) for question in batch[0].questions]


def _lost(error: Exception) -> bool:
    """Whether a worker went away, whoever says so."""
    return isinstance(error, BrokenProcessPool) or type(error).__name__ in _SAID_OF_LOST


_SAID_OF_LOST = frozenset({"KilledWorker", "CancelledError", "FutureCancelledError", "CommClosedError"})


def _given_up(task: Task, error: Exception) -> list[Answered]:
    said = f"the processes that were to answer it died, {MOST_TRIES} of them: {error}"
    return [
        Answered(member=member_of(task, question, said), question=None, inputs=None, instance=None, answer=None)
        for question in task.questions
    ]
