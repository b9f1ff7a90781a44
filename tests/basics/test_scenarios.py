"""A micro-benchmark through several simulators, as a user runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from versim import Report, compare

SCENARIO = """
name: sweep
workloads:
  - label: sweep
    producer: collective
    options: {{kind: {kind}, participants: 4, size_bytes: [4096, 1048576], count: 2, algorithm: {algorithm}}}
system: {{dimensions: [{{topology: fully_connected, size: 4, bandwidth: 100 GB/s, latency: 1 us}}]}}
backends:
  - {{label: closed form, backend: deepflow, network: alpha-beta}}
  - {{label: slower, backend: deepflow, network: {{timing: alpha-beta, options: {{bandwidth: 1 GB/s}}}}}}
  - {{label: simulated, backend: astrasim}}
"""


def _compared(folder: Path, kind: str, algorithm: str) -> Report:
    file = folder / "sweep.yaml"
    file.write_text(SCENARIO.format(kind=kind, algorithm=algorithm), encoding="utf-8")
    return compare(file)


def test_a_chain_takes_the_sum_of_its_closed_forms(tmp_path: Path) -> None:
    """4 all-reduces of 6 rounds each: α per round, and three quarters of the tensor there and back."""
    (_, _, result), (_, _, slower), (_, _, simulated) = _compared(tmp_path, "all_reduce", "ring").results()
    tensors = 2 * (4096 + 1048576)
    assert result.prediction.makespan_ps == pytest.approx(4 * 6 * 1_000_000 + 1.5 * tensors * 10, abs=4)
    assert slower.prediction.makespan_ps == pytest.approx(4 * 6 * 1_000_000 + 1.5 * tensors * 1000, abs=4)
    assert simulated.prediction.completed


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [("all_reduce", "ring"), ("all_gather", "direct"), ("reduce_scatter", "ring"), ("all_to_all", "direct")],
)
def test_every_simulator_passes_every_check(tmp_path: Path, kind: str, algorithm: str) -> None:
    """The graph of a benchmark is one that all of them can express."""
    for _, _, result in _compared(tmp_path, kind, algorithm).results():
        assert result.prediction.completed, result.prediction.diagnosis
        failed = [check for check in result.checks if check.passed is not True]
        if result.label == "slower":
            (network,) = failed
            assert network.declared == "a bandwidth of 1 GB/s was given, wherever a message goes"
        else:
            assert failed == []
