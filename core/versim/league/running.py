"""Predicting many runs, on as many processes as there are cores.

Runs that share a model and a device are handed to one process after another, so that what timings answered is asked
once per process. The answers do not depend on how many processes there are.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

import attrs

from versim.containment import end_in_time
from versim.league.column import Column, Defaults, defaults
from versim.league.predicting import Predictor, Simulated
from versim.league.profile import Profile
from versim.league.recipe import NotModelledError
from versim.league.record import RunRecord
from versim.league.result import League, RunResult
from versim.registry import Registry, load_registry

_CHUNK = 12
_LARGE = 3000
"""Passes of a microbatch over a chunk, from which on a run goes to a process by itself."""


@attrs.frozen(kw_only=True)
class Workers:
    """How to make a predictor in another process.

    Attributes:
        modules: Plugins that are not installed, as ``-p`` names them.
        columns: Who predicts.
        settings: Producer and granularity.
        profiles: By framework.
    """

    modules: tuple[str, ...]
    columns: tuple[Column, ...]
    settings: Defaults
    profiles: Mapping[str, Profile]


_predictor: list[Predictor] = []
"""The one of this process, made when the pool starts it."""


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def league_of(
    runs: Sequence[RunRecord],
    columns: Sequence[Column],
    *,
    registry: Registry,
    modules: Sequence[str] = (),
    profiles: Mapping[str, Profile] | None = None,
    jobs: int = 1,
    remarks: Sequence[str] = (),
    structure: Mapping[str, Any] | None = None,
    explain: bool = True,
    progress: Callable[[str], None] | None = None,
) -> League:
    """Predict every run through every column.

    Args:
        runs: The records.
        columns: Who predicts; all of them installed.
        registry: The plugins.
        modules: Plugins that are not installed, for the other processes.
        profiles: By framework; none are applied where this is empty.
        jobs: Processes.
        remarks: What a reader should know beside what is found.
        structure: Options of the producer for every run, instead of what conventions say.
        explain: Also say what dominates each run.
        progress: Called with a sentence now and then.
    """
    settings = attrs.evolve(defaults(), structure=dict(structure or {}))
    workers = Workers(modules=tuple(modules), columns=tuple(columns), settings=settings, profiles=dict(profiles or {}))
    results: list[RunResult | None] = [None] * len(runs)
    answered = _mapped(functools.partial(_one_result, explain=explain), runs, workers, registry, jobs)
    for done, (position, result) in enumerate(answered, start=1):
        results[position] = result
        if progress is not None and done % 20 == 0:
            progress(f"{done} of {len(runs)} runs")
    return League(
        results=tuple(result for result in results if result is not None),
        columns=tuple(columns),
        profiles=dict(profiles or {}),
        remarks=tuple(remarks),
    )


def chains_of(
    runs: Sequence[RunRecord],
    column: Column,
    constants: Sequence[Mapping[str, float]],
    *,
    registry: Registry,
    modules: Sequence[str] = (),
    jobs: int = 1,
) -> list[Simulated | None]:
    """Every run along its deciding chain through one column, each under its own constants; None where not modelled."""
    workers = Workers(modules=tuple(modules), columns=(column,), settings=defaults(), profiles={})
    found: list[Simulated | None] = [None] * len(runs)
    pairs = list(zip(runs, constants, strict=True))
    for position, simulated in _mapped(_one_chain, pairs, workers, registry, jobs):
        found[position] = simulated
    return found


def _mapped(
    call: Callable[[Any], Any], items: Sequence[Any], workers: Workers, registry: Registry, jobs: int
) -> Iterator[tuple[int, Any]]:
    if jobs <= 1 or len(items) <= 2 * _CHUNK:
        _predictor[:] = [Predictor(registry, workers.columns, workers.settings, workers.profiles)]
        for position in sorted(range(len(items)), key=lambda position: _kin(items[position])):
            yield position, call(items[position])
        _predictor.clear()
        return
    with ProcessPoolExecutor(jobs, initializer=_start, initargs=(workers,)) as pool:
        asked = {
            pool.submit(_several, call, [items[position] for position in positions]): positions
            for positions in _portions(items)
        }
        for answered in as_completed(asked):
            yield from zip(asked[answered], answered.result(), strict=True)


def _portions(items: Sequence[Any]) -> list[list[int]]:
    """Positions that go to one process together: large runs first and alone, then kin by kin."""
    size = [_nodes(item) for item in items]
    large = sorted((position for position in range(len(items)) if size[position] > _LARGE), key=lambda p: -size[p])
    rest = sorted(
        (position for position in range(len(items)) if size[position] <= _LARGE), key=lambda p: _kin(items[p])
    )
    return [[position] for position in large] + [rest[first : first + _CHUNK] for first in range(0, len(rest), _CHUNK)]


def _several(call: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    return [call(item) for item in items]


def _run_of(item: Any) -> RunRecord:
    run: RunRecord = item[0] if isinstance(item, tuple) else item
    return run


def _nodes(item: Any) -> int:
    run = _run_of(item)
    return run.microbatches * run.pp * run.vp


def _kin(item: Any) -> tuple[str, ...]:
    run = _run_of(item)
    return run.framework, run.gpu, repr(run.architecture)


def _start(workers: Workers) -> None:
    end_in_time()
    registry = load_registry(workers.modules)
    _predictor[:] = [Predictor(registry, workers.columns, workers.settings, workers.profiles)]


def _one_result(run: RunRecord, *, explain: bool) -> RunResult:
    return _predictor[0].result(run, explain=explain)


def _one_chain(item: tuple[RunRecord, Mapping[str, float]]) -> Simulated | None:
    run, constants = item
    try:
        return _predictor[0].chain(run, _predictor[0].labels[0], constants)
    except NotModelledError:
        return None
