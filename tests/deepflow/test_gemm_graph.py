"""The graph of a single product, DeepFlow's GEMM mode."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from test_model import deepflow_gemm, deepflow_model
from versim import ExecutionGraph, FaultsError, Kind, Op, pin
from versim_deepflow.backend import durations_s, schedule
from versim_deepflow.options import GemmOptions
from versim_deepflow.producer import DeepFlowGemm
from versim_deepflow.timing import DeepFlowTiming, DeepFlowTimingOptions

GOLDEN = Path(__file__).parents[1] / "golden" / "deepflow-laws" / "gemm_mode.json"
CASES: list[dict[str, Any]] = json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"]
FS_PER_S = 10**15


def total_s(options: GemmOptions) -> float:
    """Seconds of the graph, on unrounded durations."""
    producer, timing, chosen = DeepFlowGemm(), DeepFlowTiming(), DeepFlowTimingOptions()
    graph, system = producer.produce(options), producer.system(options)
    network = timing.network(chosen)
    compute_s = pin(graph, system, timing.compute(chosen), network).compute_s
    columns = [compute_s, durations_s(graph, system, network)]
    compute, communication = (np.rint(column * FS_PER_S).astype(np.int64) for column in columns)
    _, ran = schedule(graph, compute, communication)
    return ran.makespan_ps / FS_PER_S


def graph_of(**options: Any) -> ExecutionGraph:
    """The graph of a product of moderate size."""
    return DeepFlowGemm().produce(GemmOptions(**{"m": 2048, "k": 4096, "n": 1024, **options}))


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_it_takes_what_deepflow_says(case: dict[str, Any]) -> None:
    """Forward, gradients, and their reduction."""
    assert total_s(GemmOptions(**case["input"]["options"], folded=True)) == pytest.approx(
        case["output"]["total"], rel=1e-9
    )


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_collectives_as_nodes_take_as_long_but_where_deepflow_halves_them(case: dict[str, Any]) -> None:
    """In DeepFlow's sum two of a row-column split's gathers count half; as nodes the two of an axis are one."""
    options = case["input"]["options"]
    total = total_s(GemmOptions(**options))
    if options.get("tensor") == "row_column":
        assert total != pytest.approx(case["output"]["total"], rel=1e-3)
    else:
        assert total == pytest.approx(case["output"]["total"], rel=1e-9)


def test_forward_alone_is_the_default() -> None:
    """As in DeepFlow's model files."""
    graph = graph_of(tp=4)
    assert [graph.node_name(row) for row in range(graph.node_count)] == ["gemm forward", "gemm forward reduce_scatter"]


def test_gradients_are_reduced_over_the_replicas() -> None:
    """And gathered along the first dimension of a row-column split."""
    graph = graph_of(dp=2, tensor="row_column", tp1=2, tp2=2, backward=True)
    assert graph.mesh.names == ("dp", "tp1", "tp2")
    assert graph.op[-1] == Op.COMPUTE
    kinds = [graph.communication(match).kind for match in range(graph.communication_count)]
    assert kinds.count(Kind.ALL_REDUCE) == 1
    assert graph.communication(kinds.index(Kind.ALL_REDUCE)).axes == ("dp",)


def test_the_cell_of_another_model_is_left_out_where_corrected() -> None:
    """A product is a product."""
    assert graph_of().node_count == 2
    assert graph_of(compat="lone_product").node_count == 1


def test_sizes_come_from_a_model_file_of_deepflow(tmp_path: Path) -> None:
    """Or from options, which take precedence."""
    path = tmp_path / "model.yaml"
    path.write_text(yaml.safe_dump(deepflow_gemm()), encoding="utf-8")
    graph = DeepFlowGemm().produce(GemmOptions(model=str(path), n=64))
    assert "Gemm(m=4, k=5, n=64" in str(graph.works[0])


@pytest.mark.parametrize(
    ("options", "complaint"),
    [({"m": 4}, r"\$\.k: is missing"), ({"tp": 64, "k": 32}, "nothing to compute"), ({"tp1": 2}, "tensor: none")],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], complaint: str) -> None:
    """With what is wrong."""
    whole = {"m": None, "k": None, "n": None} if "k" not in options and "tp1" not in options else {}
    with pytest.raises(FaultsError, match=complaint):
        graph_of(**{**whole, **options})


def test_a_transformer_is_no_single_product(tmp_path: Path) -> None:
    """Its producer is another one."""
    path = tmp_path / "model.yaml"
    path.write_text(yaml.safe_dump(deepflow_model()), encoding="utf-8")
    with pytest.raises(FaultsError, match="must be GEMM"):
        DeepFlowGemm().produce(GemmOptions(model=str(path)))
