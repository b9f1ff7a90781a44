"""A sweep: every configuration of a space through every instance of its scenario, kept in a store.

Nothing is asked twice: what the store answers already costs a look, whoever asked it. Answers are kept as they arrive,
so a sweep that ends early, of whatever, is gone on with by asking for it again.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import attrs

from versim.components import Resembles
from versim.containment import held_responsible
from versim.errors import VersimError
from versim.registry import Registry, load_registry
from versim.run import provenance_of
from versim.scenario import Scenario, dump_scenario, load_scenario
from versim.scenario.presence import without_absent
from versim.storage.answers import Answered, MemberRow
from versim.storage.database import IN_MEMORY, Store
from versim.storage.listing import Listing
from versim.sweeps.axes import axes_of
from versim.sweeps.execution import (
    InlineExecutor,
    Plan,
    Told,
    answer_batch,
    answered_here,
    process_pool,
    processes_here,
)
from versim.sweeps.fingerprint import Fingerprints, digest_text
from versim.sweeps.space import Space, expand
from versim.sweeps.tasks import Manner, Question, Task, questions_of

FEW_TASKS = 4
"""Up to so many are not worth a process of their own."""


@attrs.define
class Standing:
    """How far a sweep is.

    Attributes:
        questions: Of all configurations.
        known: Of these, the store answered already.
        answered: Answered in this run.
        failed: Of these, refused, not completed, or with a failed check.
        began_s: On the clock.
    """

    questions: int
    known: int = 0
    answered: int = 0
    failed: int = 0
    began_s: float = attrs.field(factory=time.monotonic)

    @property
    def left(self) -> int:
        """Questions still open."""
        return self.questions - self.known - self.answered

    @property
    def rate_per_s(self) -> float:
        """Answers per second, so far."""
        return self.answered / max(time.monotonic() - self.began_s, 1e-9)

    @property
    def left_s(self) -> float | None:
        """Seconds until the end at this rate; None before the first answer."""
        return self.left / self.rate_per_s if self.answered else None


@attrs.define(eq=False, repr=False)
class Sweep:
    """A sweep that is being run: iterate over it, or let it run to its end.

    Attributes:
        scenario: What is varied.
        space: Its configurations.
        store: Where answers are kept.
        number: Of the sweep in its store.
        standing: How far it is.
    """

    scenario: Scenario
    space: Space
    store: Store
    number: int
    standing: Standing
    _tasks: list[Task]
    _plan: Plan

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The rows that are new, as they are answered and kept."""
        for answered in self.batches():
            for one in answered:
                yield _row(one)

    def batches(self) -> Iterator[list[Answered]]:
        """What is answered, once it is kept."""
        tasks, self._tasks = self._tasks, []
        for answered in self._plan.run(tasks):
            self.store.add(self.number, answered)
            self.standing.answered += len(answered)
            self.standing.failed += sum(_is_failed(one) for one in answered)
            yield answered

    def run(self, progress: Callable[[Standing], None] | None = None) -> Sweep:
        """Ask everything that is open; ``progress`` hears of every batch."""
        for _ in self.batches():
            if progress is not None:
                progress(self.standing)
        return self

    def close(self) -> None:
        """Close the store; what was asked without one is gone then."""
        self.store.close()

    def rows(self) -> Listing:
        """Every question of the sweep with its answer, open ones left out, in order."""
        return self.store.rows(self.number)

    def __repr__(self) -> str:
        standing = self.standing
        done = standing.known + standing.answered
        return f"<Sweep of {self.scenario.name!r}: {done} of {standing.questions} questions answered>"

    def _repr_html_(self) -> str:
        """How far it is, and the fastest configurations as bars, for a notebook."""
        from versim.sweeps.card import sweep_card  # noqa: PLC0415 - only in a notebook

        return sweep_card(repr(self).strip("<>"), self.rows())

    def to_dataframe(self) -> Any:
        """The rows as a pandas ``DataFrame``, a column per key.

        Raises:
            VersimError: pandas is not installed.
        """
        try:
            import pandas as pd  # noqa: PLC0415 - an extra
        except ImportError:
            raise VersimError("a data frame needs pandas: pip install 'versim[pandas]'") from None
        return pd.DataFrame(map(flat, self.rows()))


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with its settings as columns of their own."""
    return {**row["settings"], **{key: value for key, value in row.items() if key != "settings"}}


def sweep(
    scenario: str | Path | Scenario = "bundled",
    vary: Mapping[str, Any] | Sequence[str] | None = None,
    where: str | Sequence[str] = (),
    *,
    store: str | Path | Store | None = None,
    jobs: int | None = None,
    executor: Callable[[], Executor] | None = None,
    workers: int | None = None,
    sample: int | None = None,
    seed: int = 0,
    limit: int | None = None,
    time_limit_s: float | None = None,
    keep_spans: bool = False,
    registry: Registry | None = None,
    modules: Sequence[str] = (),
    command: str = "",
) -> Sweep:
    """A sweep, made ready; iterate over it or call its :meth:`Sweep.run`.

    Args:
        scenario: A file, the name of a shipped scenario, or a scenario made in Python.
        vary: Keys and their values, as lists, as texts such as ``1..64*2``, or as ``KEY=VALUES``; the scenario's
            ``search`` unless given.
        where: Conditions, see :mod:`versim.sweeps.expression`; added to those of the scenario's ``search``.
        store: A file, made if it is not there; None keeps answers only as long as the sweep.
        jobs: Processes; as many as there are processors unless given, 1 stays in this process.
        executor: Makes an executor that is used instead, such as a cluster's.
        workers: How many batches that executor answers at a time.
        sample: How many configurations are taken, at random; None takes all.
        seed: Of chance.
        limit: How many are taken at most, the first ones.
        time_limit_s: What each answer may take.
        keep_spans: True if it is kept when each node ran.
        registry: The plugins to use; the installed ones unless given.
        modules: Plugins that other processes have to load, too.
        command: What was typed.

    Raises:
        VersimError: The scenario is faulty, a key leads nowhere, a condition is none, or the store is none.
    """
    registry = load_registry(modules) if registry is None else registry
    if not isinstance(scenario, Scenario):
        scenario = load_scenario(scenario, registry)
    else:
        scenario = without_absent(scenario, registry)
    conditions = [where] if isinstance(where, str) else list(where)
    search = scenario.search
    if search is not None:
        conditions = [*search.where, *conditions]
        sample, seed = (search.sample, search.seed) if sample is None else (sample, seed)
    opened = store if isinstance(store, Store) else Store(IN_MEMORY if store is None else store, create=True)
    axes = axes_of(vary if vary is not None else search.vary if search is not None else {})
    fingerprints = Fingerprints(registry)
    space = expand(
        scenario,
        registry,
        axes,
        conditions,
        sample=sample,
        seed=seed,
        limit=limit,
        known=opened,
        fingerprints=fingerprints,
    )
    plain = attrs.evolve(scenario, search=None)
    number = opened.begin(
        key=digest_text([dump_scenario(plain), [attrs.astuple(axis) for axis in axes], conditions, sample, seed]),
        name=scenario.name,
        scenario=dump_scenario(plain),
        keys=space.keys,
        command=command,
        reference=scenario.reference or scenario.backends[0].label,
        provenance=provenance_of(registry, command),
    )
    tasks, members, total = _open_tasks(space, fingerprints, opened, again=keep_spans)
    tasks = _like_together(tasks, registry)
    if members:
        opened.add(
            number, [Answered(member=one, question=None, inputs=None, instance=None, answer=None) for one in members]
        )
    manner = Manner(time_limit_s=time_limit_s, keep_spans=keep_spans)
    return Sweep(
        scenario=scenario,
        space=space,
        store=opened,
        number=number,
        standing=Standing(questions=total, known=len(members)),
        tasks=tasks,
        plan=_plan(tasks, manner, registry, modules, opened, jobs, executor, workers),
    )


def _plan(
    tasks: Sequence[Task],
    manner: Manner,
    registry: Registry,
    modules: Sequence[str],
    store: Store,
    jobs: int | None,
    executor: Callable[[], Executor] | None,
    workers: int | None,
) -> Plan:
    fingerprints = sorted({question.fingerprint for task in tasks for question in task.questions})

    def told() -> Told:
        return Told({} if manner.keep_spans else store.told(fingerprints))

    if executor is not None:
        answer = functools.partial(answer_batch, manner=manner, modules=tuple(modules))
        return Plan(answer=answer, executor=executor, workers=workers or 1, told=told)
    count = min(processes_here() if jobs is None else jobs, len(tasks))
    if count <= 1 or (jobs is None and len(tasks) <= FEW_TASKS):
        here = functools.partial(answered_here, manner=manner, registry=registry, known=store)
        return Plan(answer=here, executor=InlineExecutor, workers=1, batch=1)
    return Plan(
        answer=functools.partial(answer_batch, manner=manner),
        executor=lambda: process_pool(
            count, registry, modules, None if store.path == IN_MEMORY else store.path.absolute()
        ),
        workers=count,
        told=told if store.path == IN_MEMORY else None,
    )


def _open_tasks(
    space: Space, fingerprints: Fingerprints, store: Store, *, again: bool
) -> tuple[list[Task], list[MemberRow], int]:
    """Configurations with the questions that the store does not answer; members of those it does; how many in all."""
    asked: list[tuple[int, Question]] = []
    for place, configuration in enumerate(space.configurations):
        scenario = configuration.scenario
        for workload, pin, instance in questions_of(scenario):
            asked.append(
                (
                    place,
                    Question(
                        workload=workload.label,
                        pin=pin.label,
                        instance=instance.label,
                        key=fingerprints.question(scenario, workload, pin, instance),
                        fingerprint=fingerprints.instance(instance),
                    ),
                )
            )
    known = set() if again else store.known(list({question.key for _, question in asked}))
    members: list[MemberRow] = []
    left: dict[int, list[Question]] = {}
    for place, question in asked:
        configuration = space.configurations[place]
        if question.key in known:
            members.append(
                MemberRow(
                    number=configuration.number,
                    settings=dict(configuration.settings),
                    workload=question.workload,
                    pin=question.pin,
                    instance=question.instance,
                    key=question.key,
                )
            )
        else:
            left.setdefault(place, []).append(question)
    tasks = [
        Task(
            number=space.configurations[place].number,
            settings=space.configurations[place].settings,
            scenario=attrs.evolve(space.configurations[place].scenario, search=None),
            questions=tuple(questions),
        )
        for place, questions in left.items()
    ]
    return tasks, members, len(asked)


def _like_together(tasks: Sequence[Task], registry: Registry) -> list[Task]:
    """The tasks, those behind one another whose steps have most in common."""
    groups: dict[str, list[Task]] = {}
    for task in tasks:
        like = "\n".join(_resemblances(task.scenario, registry))
        groups.setdefault(like, []).append(attrs.evolve(task, like=like))
    return [task for group in groups.values() for task in group]


def _resemblances(scenario: Scenario, registry: Registry) -> Iterator[str]:
    for workload in scenario.workloads:
        producer = registry.producer(workload.producer)
        if isinstance(producer, Resembles):
            given = scenario.producer_options(workload, scenario.pins_of(workload)[0])
            options = registry.resolve("producer", workload.producer, given).options
            with held_responsible("producer", workload.producer):
                yield producer.resemblance(options)


def _is_failed(one: Answered) -> bool:
    if one.answer is not None:
        return one.answer.status != "completed" or bool(one.answer.failed_checks)
    return bool(one.member.failure or (one.question is not None and one.question.refusal))


def _row(one: Answered) -> dict[str, Any]:
    answer, question = one.answer, one.question
    makespan_ps = None if answer is None else answer.makespan_ps
    return {
        **one.member.settings,
        "workload": one.member.workload,
        "pin": one.member.pin,
        "instance": one.member.instance,
        "status": answer.status if answer else "refused" if question and question.refusal else "failed",
        "makespan_s": None if makespan_ps is None else makespan_ps / 1e12,
        "mfu": None if question is None else question.mfu,
        "peak_bytes": None if question is None else question.peak_bytes,
        "fits": None if question is None else question.fits,
        "why": one.member.failure or ("" if question is None else question.refusal),
    }
