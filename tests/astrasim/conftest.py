"""Systems and graphs that several tests of the plugin use."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from versim import Device, Dimension, ExecutionGraph, Fixed, GraphBuilder, Inputs, Link, Mesh, System, pin

# Makes ``chakra_files``, which stands beside this file, importable.
sys.path.insert(0, str(Path(__file__).parent))

BUNDLED_LINK = Link(bandwidth_bytes_per_s=178890306122.44803, latency_s=5e-6)
"""The A100's link in DeepFlow's bundled case (measured: golden/deepflow/bundled.json)."""


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whether a machine has ASTRA-sim installed decides nothing here, and nothing is left behind on it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.getbasetemp()))
    monkeypatch.delenv("ASTRA_SIM_BIN", raising=False)
    monkeypatch.delenv("ASTRA_SIM_HOME", raising=False)


@pytest.fixture(scope="session")
def golden() -> Path:
    """Where the recorded tables are."""
    return Path(__file__).parent.parent / "golden"


@pytest.fixture(scope="session")
def system_of() -> Callable[..., System]:
    """Makes a system from (topology, size) pairs, innermost dimension first."""

    def make(*dimensions: tuple[str, int], link: Link = BUNDLED_LINK, **axis_links: Link) -> System:
        return System(
            dimensions=tuple(Dimension(topology=topology, size=size, link=link) for topology, size in dimensions),
            device=Device(name="test"),
            axis_links=axis_links,
        )

    return make


@pytest.fixture(scope="session")
def pinned() -> Callable[[ExecutionGraph], Inputs]:
    """Pins a graph of fixed durations."""

    def make(graph: ExecutionGraph) -> Inputs:
        system = System(dimensions=(Dimension(topology="ring", size=2, link=BUNDLED_LINK),), device=Device(name="test"))
        return pin(graph, system)

    return make


@pytest.fixture(scope="session")
def bundled_pipeline() -> ExecutionGraph:
    """The pipeline graph of DeepFlow's bundled case: dp 2 × pp 4, one layer per stage, 4 microbatches.

    Durations are the recorded ones, in seconds rounded to microseconds as its converter rounds them.
    """
    microbatches, stages, activation_bytes = 4, 4, 17179869184
    builder = GraphBuilder(Mesh.of(dp=2, pp=stages))
    on = [builder.place({"pp": stage}) for stage in range(stages)]

    def compute(name: str, stage: int, seconds: float, *after: int | None) -> int:
        waits = [row for row in after if row is not None]
        return builder.compute(name, [(Fixed(seconds), 1)], on=on[stage], after=waits)

    def reduce(name: str, stage: int, size_bytes: int, after: int) -> int:
        return builder.collective(name, "all_reduce", size_bytes, axes=["dp"], on=on[stage], after=[after])

    last: list[int | None] = [None] * stages
    for batch in range(microbatches):
        row = last[0] = compute(f"embedding {batch}", 0, 2.584156, last[0])
        for stage in range(stages):
            row = last[stage] = compute(f"forward {batch} {stage}", stage, 5.225480, row, last[stage])
            if stage < stages - 1:
                _, row = builder.transfer(
                    f"activation {batch} {stage}",
                    activation_bytes,
                    source=on[stage],
                    target=on[stage + 1],
                    after=[row],
                )
        last[-1] = compute(f"softmax {batch}", stages - 1, 21.854628, row)
    last[:-1] = [None] * (stages - 1)
    for batch in reversed(range(microbatches)):
        row = compute(f"softmax back {batch}", stages - 1, 36.473619, last[-1])
        reduce(f"softmax gradient {batch}", stages - 1, 13107200000, row)
        for stage in reversed(range(stages)):
            row = last[stage] = compute(f"backward {batch} {stage}", stage, 7.195854, row, last[stage])
            done = row
            if stage:
                _, row = builder.transfer(
                    f"gradient {batch} {stage}", activation_bytes, source=on[stage], target=on[stage - 1], after=[row]
                )
            reduced = reduce(f"layer gradient {batch} {stage}", stage, 1610612736, done)
            compute(f"apply {batch} {stage}", stage, 84e-6, reduced)
        row = last[0] = compute(f"embedding back {batch}", 0, 265e-6, row)
        reduce(f"embedding gradient {batch}", 0, 13174308864, row)
    return builder.build()
