"""A step of many microbatches is made of copies of a few; nobody can tell."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from versim import ExecutionGraph, FaultsError
from versim_deepflow import pipeline_graph
from versim_deepflow.corrections import Corrections
from versim_deepflow.microbatches import FEW
from versim_deepflow.options import Granularity, LlmOptions
from versim_deepflow.pipeline_graph import AllReduce
from versim_deepflow.producer import DeepFlowLlm


def written(options: LlmOptions) -> ExecutionGraph:
    """The graph with every microbatch written row by row."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline_graph, "FEW", options.microbatches)
        return DeepFlowLlm().produce(options)


@given(
    granularity=st.sampled_from([Granularity.PIPELINE, Granularity.FLATTENED]),
    sizes=st.fixed_dictionaries(
        {
            "dp": st.integers(1, 2),
            "tp": st.integers(1, 2),
            "pp": st.integers(1, 4),
            "layers": st.integers(1, 6),
            "microbatches": st.integers(FEW + 1, FEW + 4),
        }
    ),
    all_reduce=st.sampled_from(AllReduce),
    corrections=st.lists(st.sampled_from(Corrections.names()), unique=True),
)
@settings(max_examples=60, deadline=None)
def test_copied_passes_are_what_would_have_been_written(
    granularity: Granularity, sizes: dict[str, int], all_reduce: AllReduce, corrections: list[str]
) -> None:
    """Uneven stages, signals between passes, replicas, and the passes at both ends included."""
    batch_size = sizes["dp"] * sizes["microbatches"]
    options = LlmOptions(
        hardware="a100-80gb",
        model="gpt3-175b",
        granularity=granularity,
        batch_size=batch_size,
        all_reduce=all_reduce,
        compat=",".join(corrections) or "deepflow",
        **sizes,  # type: ignore[arg-type] - mypy takes the values for those of any option
    )
    try:
        graph = DeepFlowLlm().produce(options)
    except FaultsError:
        return  # more stages than layers
    expected = written(options)
    for field in attrs.fields(ExecutionGraph):
        found, wanted = getattr(graph, field.name), getattr(expected, field.name)
        if isinstance(found, np.ndarray):
            assert found.dtype == wanted.dtype
            np.testing.assert_array_equal(found, wanted, err_msg=field.name)
        elif field.name.endswith("attributes"):
            assert {name: column.tolist() for name, column in found.items()} == {
                name: column.tolist() for name, column in wanted.items()
            }
        else:
            assert found == wanted, field.name
