"""A graph that would fill the memory is refused: where that is known before it is built, else while it is."""

from __future__ import annotations

import pytest
from versim import GraphBuilder, Mesh, VersimError
from versim.graph import builder, limits
from versim_basics.collective import CollectiveBenchmark, CollectiveOptions
from versim_deepflow.options import LlmOptions
from versim_deepflow.producer import DeepFlowLlm


def test_a_count_of_billions_is_refused_before_anything_is_built() -> None:
    """It ran to MemoryError, for an hour."""
    with pytest.raises(VersimError, match=r"1,000,000,000,000 nodes, more than the 20,000,000 that are built; ask for"):
        CollectiveBenchmark().produce(CollectiveOptions(count=10**12))
    with pytest.raises(VersimError, match=r"1,000,000,000,000 ranks, more than the 16,777,216"):
        CollectiveBenchmark().produce(CollectiveOptions(participants=10**12))


def test_microbatches_by_the_billion_are_refused_before_they_are_laid_out() -> None:
    """Each layer of each is a node."""
    options = LlmOptions(batch_size=2**36, microbatches=2**36, pp=2, dp=1, tp=1)
    with pytest.raises(VersimError, match=r"nodes, more than the 20,000,000 that are built"):
        DeepFlowLlm().produce(options)


def test_a_producer_that_says_nothing_is_stopped_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """The builder counts."""
    monkeypatch.setattr(builder, "MOST_NODES", 10)
    monkeypatch.setattr(limits, "MOST_NODES", 10)
    made = GraphBuilder(Mesh.of(rank=1))
    for number in range(10):
        made.compute(f"node {number}", [])
    with pytest.raises(VersimError, match="more than the 10 that are built"):
        made.compute("one more", [])
