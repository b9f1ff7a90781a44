"""A record as a scenario file: the same step, timed and simulated the same way, to be explored with ``versim compare``.

What a scenario cannot say is said in its comments: what the run took, what a job measured of its network, the profile.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from versim.errors import UnknownNameError, VersimError
from versim.fabric import DATA_SHEETS, ClusterChoice
from versim.league.column import defaults
from versim.league.job_network import job_network_of
from versim.league.machine import Machine
from versim.league.reading import read_records
from versim.league.recipe import Recipe, recipe_of
from versim.league.record import RunRecord
from versim.terminal import printable, wrapped

_WIDTH = 116


def scenario_of_record(written: str) -> str:
    """The scenario of a record as YAML text.

    Args:
        written: ``FILE:ID``.

    Raises:
        VersimError: No such record, or it cannot be modelled.
    """
    file, colon, name = written.rpartition(":")
    if not colon or not file or not name:
        raise VersimError(f"{written!r} is not FILE:ID, such as runs.csv:kor-0002")
    runs = {run.id: run for run in read_records([Path(file)]).runs}
    if name not in runs:
        raise UnknownNameError("run", name, runs)
    run = runs[name]
    recipe = recipe_of(run, defaults())
    return "\n".join([*_lines(run, recipe), ""])


def _lines(run: RunRecord, recipe: Recipe) -> Iterator[str]:
    settings = defaults()
    column = settings.columns[0]
    yield f"name: {json.dumps(run.id)}"
    for remark in _remarks(run, recipe):
        yield from wrapped(printable(remark), _WIDTH, first="# ", rest="#   ")
    yield f"system: {_flow(_system(recipe.machine))}"
    yield "workloads:"
    yield f"  - label: {json.dumps(run.id)}"
    yield f"    producer: {settings.producer}"
    yield "    options:"
    for key, value in recipe.options.items():
        yield f"      {key}: {json.dumps(value, ensure_ascii=False)}"
    yield "pins:"
    yield f"  - {{label: league, compute: {_chain(column.compute)}, folded: {_chain(column.network)}}}"
    yield "backends:"
    yield f"  - {{label: {column.backend}, backend: {column.backend}, network: {_chain(column.network)}}}"


def _remarks(run: RunRecord, recipe: Recipe) -> Iterator[str]:
    if run.step_s is not None:
        who = " ".join(part for part in (run.framework, run.release) if part)
        yield f"Measured: {run.step_s:g} s per step" + (f" ({who})" if who else "")
    if run.source:
        yield f"Source: {run.source}"
    if run.note:
        yield f"Note: {run.note}"
    for caveat in recipe.caveats:
        yield f"Assumed: {caveat}"
    job = job_network_of(run)
    if job is not None:
        yield f"Not here: the job saw {1e6 * job.per_rank_s:.0f} µs per rank and collective, which the league adds."
    if recipe.attention is not None:
        yield f"Not here: the league times attention as {recipe.attention.name}, by its published speed."


def _system(machine: Machine) -> dict[str, Any]:
    """The cluster, and what its device has otherwise than the data sheet says."""
    chosen = {
        field.name: value
        for field in attrs.fields(ClusterChoice)
        if (value := getattr(machine.choice, field.name)) is not None and value != field.default
    }
    device, sheet = machine.system.device, DATA_SHEETS[machine.device].device
    figures = ("peak_flop_per_s", "memory_bandwidth_bytes_per_s", "memory_bytes")
    other = {name: getattr(device, name) for name in figures if getattr(device, name) != getattr(sheet, name)}
    return chosen | ({"device": other} if other else {})


def _flow(values: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {json.dumps(value)}" for key, value in values.items()) + "}"


def _chain(names: tuple[str, ...]) -> str:
    """Timings, with the league's own options where it has some."""
    options = defaults().timing_options
    links = [
        f"{{timing: {name}, options: {_flow(dict(options[name]))}}}" if name in options else name for name in names
    ]
    return f"[{', '.join(links)}]"
