"""Configurations share what their graphs have in common, and answers are those of a comparison that shares nothing."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from versim import Registry, compare, load_registry, load_scenario, sweep
from versim.sweeps.execution import BATCH, InlineExecutor, Plan

SCENARIO = """
name: shared
workloads:
  - label: step
    producer: transformer
    options:
      model: llama3-8b
      seq_len: 1024
      gbs: 16
      sequence_parallel: true
      sharding: zero1
      granularity: stage
system: {preset: dgx-h100, nodes: 1}
pins:
  - {label: plain, compute: roofline, folded: alpha-beta}
backends:
  - {label: alpha-beta, backend: deepflow, network: alpha-beta}
  - {label: nccl, backend: deepflow, network: nccl}
"""
VARY = {"tp,dp": [[1, 4], [2, 2], [4, 1]], "pp": [2], "vp": [1, 2], "mbs": [1, 2], "recompute": ["none", "full"]}


@pytest.fixture(scope="module")
def registry() -> Registry:
    """The installed plugins."""
    return load_registry()


def test_a_sweep_answers_to_the_bit_what_comparisons_answer(registry: Registry, tmp_path: Path) -> None:
    """Steps of one form follow one another, with other sizes and work, on meshes of other shapes, and back again."""
    path = tmp_path / "shared.yaml"
    path.write_text(SCENARIO)
    scenario = load_scenario(path, registry)
    swept = sweep(scenario, VARY, registry=registry, jobs=1).run()
    answered = {(row["number"], row["instance"]): row for row in swept.rows()}
    assert len(answered) == 2 * len(swept.space.configurations) == 48
    for configuration in swept.space.configurations[::-3]:
        report = compare(configuration.scenario, registry=registry)
        for _, comparison, result in report.results():
            row = answered[configuration.number, result.label]
            assert row["digest"] == comparison.inputs.digest
            assert row["makespan_ps"] == result.prediction.makespan_ps
            assert row["exposed_communication_ps"] == result.totals.exposed_communication_ps
            assert not row["failed_checks"]
            kept = swept.store.answer(row["digest"], row["fingerprint"])
            assert kept is not None
            assert kept.groups == tuple((one.key, one.phase, one.count, one.total_ps) for one in result.groups)


def test_steps_that_are_alike_travel_together(registry: Registry, tmp_path: Path) -> None:
    """A batch that would tear them apart ends before them; more than fit into one are cut, and none is lost."""
    path = tmp_path / "shared.yaml"
    path.write_text(SCENARIO)
    (task,) = sweep(load_scenario(path, registry), {"mbs": [1]}, registry=registry)._tasks
    likes = [*"aaa", *"bbb", *"cccc", *("d" * 20), *"eee"] + [f"{number}" for number in range(40)]
    tasks = [attrs.evolve(task, number=number, like=like) for number, like in enumerate(likes)]
    batches = list(Plan(answer=lambda _: [], executor=InlineExecutor)._batches(tasks, lambda: BATCH))
    assert [one for batch in batches for one in batch] == tasks
    assert ["".join(one.like for one in batch) for batch in batches[:5]] == [
        "aaabbb",
        "cccc",
        "d" * BATCH,
        "d" * BATCH,
        "d" * 4 + "eee0",
    ]
