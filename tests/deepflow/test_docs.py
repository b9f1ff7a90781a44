"""That the documentation says what the plugin does: every correction, and its effect on the bundled step."""

from __future__ import annotations

from pathlib import Path

import pytest
from versim import SimulationRequest, pin
from versim_deepflow.backend import DeepFlow, DeepFlowOptions
from versim_deepflow.corrections import CORRECTED, DEEPFLOW, Corrections
from versim_deepflow.options import LlmOptions
from versim_deepflow.pipeline_graph import AllReduce
from versim_deepflow.producer import DeepFlowLlm
from versim_deepflow.timing import DeepFlowTiming, DeepFlowTimingOptions

PAGE = Path(__file__).parents[2] / "docs" / "deepflow.md"


def table() -> dict[str, str]:
    """The last column of the table of corrections, by name."""
    text = PAGE.read_text(encoding="utf-8").split("<!-- corrections", 1)[1].split("<!-- end -->", 1)[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")
    ]
    return {row[0].strip("`"): row[-1] for row in rows}


def makespan_ps(compat: str) -> int:
    """The bundled step's makespan."""
    options = LlmOptions(model="deepflow-bundled", dp=2, pp=4, tp=4, microbatches=4, compat=compat)
    timing, chosen = DeepFlowTiming(), DeepFlowTimingOptions(compat=compat)
    graph, system = DeepFlowLlm().produce(options), DeepFlowLlm().system(options)
    network = timing.network(chosen)
    pinned = pin(graph, system, timing.compute(chosen), network)
    request = SimulationRequest(inputs=pinned.on(system), options=DeepFlowOptions(), network=network)
    return DeepFlow().simulate(request).makespan_ps or 0


def test_the_table_lists_every_correction_and_their_sum() -> None:
    """In the order in which the code has them."""
    assert list(table()) == [*Corrections.names(), CORRECTED]


@pytest.mark.parametrize("name", [*Corrections.names(), CORRECTED])
def test_the_effect_of_each_correction_is_what_the_page_says(name: str) -> None:
    """Measured against the program as it is; 0 with what would have to be otherwise for an effect."""
    base = makespan_ps(DEEPFLOW)
    change = makespan_ps(name) - base
    stated = table()[name]
    if change == 0:
        assert stated.startswith("0 (")
    else:
        assert stated == f"{100 * change / base:+.3f} %"


@pytest.mark.parametrize("compat", ["microbatch_size", "reachable_graph", "reduce_all_layers"])
def test_corrections_without_effect_on_the_bundled_step_have_one_elsewhere(compat: str) -> None:
    """Where there is one stage, or where gradients are reduced at the end."""
    graphs = [
        DeepFlowLlm().produce(
            LlmOptions(
                dp=2,
                pp=1 if compat != "reduce_all_layers" else 2,
                microbatches=4,
                all_reduce=AllReduce.THE_END,
                compat=c,
            )
        )
        for c in (DEEPFLOW, compat)
    ]
    first, second = (
        (graph.works, graph.dependency.tolist(), graph.size_bytes.tolist(), graph.notes) for graph in graphs
    )
    assert first != second
