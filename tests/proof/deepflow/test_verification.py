"""That verification computes from a case's input, and looks at everything: figures, structure, traces, failures."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim import Mesh, SimulationRequest, TableResult, participants_of, pin
from versim_deepflow.backend import DeepFlow, DeepFlowOptions
from versim_deepflow.corrections import Corrections
from versim_deepflow.options import LlmOptions, step_of
from versim_deepflow.pipeline_graph import pipeline_graph
from versim_deepflow.product_nodes import LocalOps
from versim_deepflow.timing import DeepFlowComputeTiming, DeepFlowNetworkTiming
from versim_deepflow.transformer_graph import transformer_graph
from versim_proof.deepflow.conversion import converted, labelled
from versim_proof.deepflow.engine import graph_of
from versim_proof.deepflow.graphs import of_pipeline
from versim_proof.deepflow.numberings import numberings
from versim_proof.deepflow.structure import LabelledGraph, paired
from versim_proof.deepflow.tables import verify_table

GOLDEN = Path(__file__).parents[2] / "golden" / "deepflow"
Case = dict[str, Any]


def case_of(table: str, id_: str) -> tuple[dict[str, Any], Case]:
    """A golden table and a copy of one of its cases."""
    content: dict[str, Any] = json.loads((GOLDEN / table).read_text(encoding="utf-8"))
    return content, next(copy.deepcopy(case) for case in content["cases"] if case["id"] == id_)


def verified(table: dict[str, Any], case: Case) -> TableResult:
    """The answer to a table of one case."""
    return verify_table({**table, "cases": [case]})


def option(name: str, value: object) -> Callable[[Case], None]:
    """A change of one of a step's options."""
    return lambda case: case["input"]["options"].update({name: value})


def given_value(name: str, factor: float) -> Callable[[Case], None]:
    """A change of one of a function's arguments."""
    return lambda case: case["input"].update({name: type(case["input"][name])(case["input"][name] * factor)})


def table_hardware(case: Case) -> None:
    """A change of a device."""
    case["input"]["hardware"] = {"preset": "v100", "changes": {"core.utilization": 0.5}}


CHANGES: list[tuple[str, str, Callable[[Case], None]]] = [
    *(
        ("steps.json", "s_dp2_lp4_mb4", option(name, value))
        for name, value in (
            ("hidden", 2048), ("heads", 32), ("layers", 8), ("microbatches", 8), ("pp", 2), ("dp", 4), ("tp", 2),
            ("batch_size", 64), ("sequence_length", 256), ("vocabulary", 32001), ("ffn", 8192), ("element_bytes", 4),
            ("hardware", "h100-sxm5"), ("all_reduce", "the_end"), ("intra_derate", 2),
        )
    ),
    *(
        ("comparison.json", "t_a100_dp2_lp2_mb2", option(name, value))
        for name, value in (("hidden", 512), ("microbatches", 4), ("vocabulary", 2000), ("all_reduce", "the_end"))
    ),
    *(
        ("traces.json", "t_a100_dp2_lp2_mb2", option(name, value))
        for name, value in (("hidden", 512), ("microbatches", 1), ("vocabulary", 2000), ("dp", 1), ("ffn", 4096))
    ),
    ("comparison.json", "s_lp1_mb4", option("microbatches", 1)),
    ("comparison.json", "s_layers5_lp4_mb4", option("layers", 8)),
]  # fmt: skip


@pytest.mark.parametrize(("table", "id_", "change"), CHANGES, ids=lambda value: value if isinstance(value, str) else "")
def test_another_input_gives_another_answer(table: str, id_: str, change: Callable[[Case], None]) -> None:
    """The model runs on what is given, whatever the case expects; nothing is looked up."""
    content, case = case_of(table, id_)
    assert verified(content, case).matched == 1
    change(case)
    result = verified(content, case)
    assert (result.matched, result.total) == (0, 1)
    assert any(word in result.mismatches[0] for word in ("instead of", "but the program fails"))


@pytest.mark.parametrize(
    "table", ["gemm.json", "pointwise.json", "collectives.json", "dist_gemm.json", "hardware.json"]
)
def test_scaled_arguments_move_the_figures(table: str) -> None:
    """Most of every table: a few cases are too small to feel it, none may fail to run."""
    content: dict[str, Any] = json.loads((GOLDEN / table).read_text(encoding="utf-8"))
    moved = []
    for case in content["cases"][::7]:
        changed = copy.deepcopy(case)
        if table == "hardware.json":
            table_hardware(changed)
        else:
            for name in ("m", "k", "size_bytes", "Dim0", "batch", "batch_size", "hidden", "flop", "bytes"):
                if isinstance(changed["input"].get(name), (int, float)):
                    given_value(name, 3)(changed)
        result = verified(content, changed)
        assert result.total == 1
        moved.append(result.matched == 0)
    assert sum(moved) > 0.6 * len(moved)


def set_output(value: object, *path: Any) -> Callable[[Case], None]:
    """Changes one recorded value."""

    def change(case: Case) -> None:
        here = case["output"]
        for key in path[:-1]:
            here = here[key]
        here[path[-1]] = value

    return change


NODES = ("pipeline", "graph", "nodes")
ASTRA = ("analytical", "pipeline", "astra")
RECORDS: list[tuple[str, str, Callable[[Case], None], str]] = [
    ("steps.json", "s_dp1_lp1", set_output(1, *NODES, 4, "hw_id"), "pipeline graph"),
    ("steps.json", "s_dp1_lp1", set_output(1e-3, *NODES, 4, "duration"), "transformer 4"),
    ("steps.json", "s_dp1_lp1", set_output(1e-3, *NODES, 4, "finish_time"), "end of transformer"),
    ("steps.json", "s_dp2_lp1", set_output(7, *NODES, -1, "comm_size_bytes"), "pipeline graph"),
    ("steps.json", "t_v100_lp2_mb2", set_output("linear_softmax", *NODES, 2, "name"), "pipeline graph"),
    ("steps.json", "s_dp2_lp4_mb4", set_output({"pipeline": 1}, "pipeline", "graph", "comm_edges"), "messages"),
    ("comparison.json", "t_a100_dp2_lp2_mb2", set_output([1.0] * 4, *ASTRA, "per_rank_seconds"), "a rank finishes"),
    ("comparison.json", "t_a100_dp2_lp2_mb2", set_output(255, *ASTRA, "return_code"), "ending"),
    ("comparison.json", "s_layers5_lp4_mb4", set_output(0, *ASTRA, "return_code"), "ending"),
    (
        "comparison.json",
        "t_a100_rc2x2",
        set_output([1e-3], "hybrid", "transformer", "astra", "per_rank_seconds"),
        "end",
    ),
    ("comparison.json", "t_a100_cr2", set_output(1e-3, "hybrid", "deepflow_transformer_time"), "hybrid transformer"),
    ("comparison.json", "t_a100_cr2", set_output(5, "analytical", "transformer", "et", 0, "deps"), "traces"),
    ("traces.json", "t_a100_cr2", set_output([], "transformer", 0, "nodes", 3, "ctrl_deps"), "recorded transformer"),
    ("traces.json", "t_a100_cr2", set_output(8, "pipeline", 0, "nodes", 3, "duration_micros"), "recorded pipeline"),
]


@pytest.mark.parametrize(("table", "id_", "change", "complaint"), RECORDS)
def test_every_recorded_figure_counts(table: str, id_: str, change: Callable[[Case], None], complaint: str) -> None:
    """A verification that overlooks something proves less than it says."""
    content, case = case_of(table, id_)
    change(case)
    result = verified(content, case)
    assert result.matched == 0
    assert complaint in result.mismatches[0]


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        ({"hardware": "a10"}, "no hardware of the table named 'a10'; did you mean 'a100'?"),
        ({"hardware": []}, "the case is malformed (TypeError"),
        ({"input": {"m": 0, "k": 1, "n": 1}}, "m must be a finite number above 0, got 0"),
        ({"input": {}}, "the case lacks 'm'"),
        ({"output": {"tile": [], "time": "soon"}}, "the case is malformed (ValueError"),
    ],
)
def test_a_malformed_case_ends_nothing(broken: Case, complaint: str) -> None:
    """It is a mismatch that says why, and the others are still compared."""
    content: dict[str, Any] = json.loads((GOLDEN / "gemm.json").read_text(encoding="utf-8"))
    case = next(case for case in content["cases"] if case["hardware"] == "a100")
    result = verify_table({**content, "cases": [{**case, **broken}, 5, case]})
    assert (result.matched, result.total) == (1, 3)
    assert complaint in result.mismatches[0]
    assert result.mismatches[1] == "5: a case has to be a mapping"


def test_cases_of_unknown_kind_are_mismatches() -> None:
    """Nothing is left out in silence."""
    content, case = case_of(
        "gemm.json", json.loads((GOLDEN / "gemm.json").read_text(encoding="utf-8"))["cases"][0]["id"]
    )
    result = verify_table({**content, "cases": [case, {"id": "odd", "input": {}, "output": {}}]})
    assert (result.matched, result.total) == (1, 2)
    assert result.mismatches[0].startswith("odd: ")


chains = st.lists(st.sampled_from("abc"), min_size=2, max_size=8)


@given(chains, st.randoms(use_true_random=False))
def test_graphs_are_compared_whatever_their_numbering(labels: list[str], random: Any) -> None:
    """And every node is paired with one of the same label."""
    waits_for = [[before for before in range(node) if random.random() < 0.5] for node in range(len(labels))]
    order = random.sample(range(len(labels)), len(labels))
    place = {node: number for number, node in enumerate(order)}
    shuffled = LabelledGraph.of(
        [labels[node] for node in order], [[place[before] for before in waits_for[node]] for node in order]
    )
    pairs, difference = paired(LabelledGraph.of(labels, waits_for), shuffled)
    assert difference == ""
    assert sorted(mine for mine, _ in pairs) == list(range(len(labels)))
    assert all(labels[mine] == shuffled.labels[other] for mine, other in pairs)


def test_a_missing_dependency_and_a_wrong_label_are_found() -> None:
    """In a chain, where counts of nodes alone would not tell."""
    chain = LabelledGraph.of("abc", [[], [0], [1]])
    assert paired(chain, LabelledGraph.of("abc", [[], [0], [0]]))[1]
    assert paired(chain, LabelledGraph.of("abd", [[], [0], [1]]))[1]
    assert not paired(chain, LabelledGraph.of("bac", [[1], [], [0]]))[1]


def test_contraction_joins_what_stood_around() -> None:
    """Also through several unlabelled nodes in a row."""
    graph, kept = LabelledGraph.of(["a", None, None, "b"], [[], [0], [1], [2, 0]]).contracted()
    assert (graph.labels, graph.waits_for, kept) == (("a", "b"), (frozenset(), frozenset({0})), [0, 3])


def test_a_drawn_numbering_is_the_same_step() -> None:
    """Only rows move: DeepFlow's loop, which does not look at numbers, ends at the same time."""
    options = LlmOptions(dp=2, pp=4, microbatches=4)
    step = step_of(options)
    graph = pipeline_graph(step)
    network = DeepFlowNetworkTiming(Corrections())
    system = step.system(graph.mesh)
    pinned = pin(graph, system, DeepFlowComputeTiming(Corrections()), network)
    ends = set()
    for numbered in itertools.islice(numberings(pinned), 5):
        request = SimulationRequest(inputs=numbered.on(system), options=DeepFlowOptions(), network=network)
        ends.add(DeepFlow().simulate(request).makespan_ps)
        assert not paired(of_pipeline(graph).graph, of_pipeline(numbered.graph).graph)[1]
    assert len(ends) == 1


def test_collectives_without_a_group_are_joined_by_their_place() -> None:
    """Where a column-row split leaves a dimension unused, DeepFlow names those of each split apart.

    ASTRA-sim does not look at names and joins all ranks (measured: DeepFlow 9c184bd with kp1 = kp2 = 2).
    """
    step = step_of(LlmOptions(tensor="column_row", tp1=2, tp2=2))
    graph = transformer_graph(step, local_ops=LocalOps.AS_RECORDED)
    traces = converted(graph, [1e-6] * graph.node_count, copies=2)
    assert len(traces.ranks) == 4
    renamed = [
        [{**node, "name": f"{node['name']} of split {rank // 2}"} for node in nodes]
        for rank, nodes in enumerate(traces.ranks)
    ]
    joined = graph_of(attrs.evolve(traces, ranks=renamed))
    assert joined.communication_count == graph.communication_count
    assert set(participants_of(joined).tolist()) == {4}


@given(st.integers(1, 3), st.sampled_from([1, 2, 4]), st.integers(1, 3))
def test_traces_hold_what_the_graph_holds(dp: int, pp: int, microbatches: int) -> None:
    """A node per row and rank, every dependency, and a receive for every send."""
    if pp == 1:
        microbatches = 1
    step = step_of(LlmOptions(dp=dp, pp=pp, microbatches=microbatches, batch_size=dp * microbatches))
    graph = pipeline_graph(step)
    traces = converted(graph, [0.0] * graph.node_count, replicas=dp)
    assert len(traces.ranks) == Mesh.of(dp=dp, pp=pp).world_size
    assert sum(map(len, traces.ranks)) == dp * graph.node_count
    counts = traces.counts()
    assert sum(count["deps"] for count in counts) == dp * len(graph.dependency)
    assert sum(count["zero_size_p2p"] for count in counts) == 0
    assert labelled(traces).edge_count == dp * of_pipeline(graph).graph.edge_count + dp * int((graph.op == 1).sum())
