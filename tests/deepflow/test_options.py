"""From options to a training step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hardware_files import deepflow_file
from test_model import deepflow_gemm, deepflow_model
from versim import FaultsError, Topology, UnknownNameError, VersimError
from versim_deepflow.corrections import Corrections
from versim_deepflow.options import LlmOptions, step_of
from versim_deepflow.parallelism import TensorScheme
from versim_deepflow.pipeline_graph import pipeline_mesh
from versim_deepflow.producer import DeepFlowLlm
from versim_deepflow.transformer_graph import transformer_mesh


@pytest.fixture
def hardware(tmp_path: Path) -> str:
    """A hardware file of DeepFlow for four devices: two replicas of two stages."""
    path = tmp_path / "hardware.yaml"
    path.write_text(yaml.safe_dump(deepflow_file()), encoding="utf-8")
    return str(path)


def test_a_hardware_file_of_deepflow_says_how_the_model_is_spread(hardware: str) -> None:
    """Device, cluster and degrees all come from it."""
    step = step_of(LlmOptions(hardware=hardware, model="small"))
    assert (step.parallelism.dp, step.parallelism.pp, step.parallelism.microbatches) == (2, 2, 2)
    assert step.cluster.world_size == 4
    assert step.batch == 4


def test_options_override_what_files_say(hardware: str) -> None:
    """The number of devices follows the degrees that were chosen."""
    step = step_of(LlmOptions(hardware=hardware, dp=4, pp=1, layers=7, element_bytes=4))
    assert (step.parallelism.dp, step.parallelism.pp, step.cluster.devices_per_node) == (4, 1, 4)
    assert (step.model.layers, step.element_bytes) == (7, 4)


def test_a_file_whose_devices_do_not_match_its_degrees_is_refused(tmp_path: Path) -> None:
    """As DeepFlow refuses it."""
    content = deepflow_file()
    content["system_hierarchy"]["num_devices_per_node"] = 5
    path = tmp_path / "hardware.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(FaultsError, match="not the number of devices, 5"):
        step_of(LlmOptions(hardware=str(path)))


def test_tp_is_a_column_row_split() -> None:
    """The short spelling of the common case."""
    step = step_of(LlmOptions(tp=4))
    assert (step.parallelism.tensor, step.parallelism.tp1) == (TensorScheme.COLUMN_ROW, 4)
    assert set(step.system(transformer_mesh(step)).axis_links) == {"tp"}


def test_a_row_column_split_has_a_link_per_axis() -> None:
    """Either may leave the node."""
    step = step_of(LlmOptions(tensor=TensorScheme.ROW_COLUMN, tp1=2, tp2=2, nodes=2, crosses_nodes=("tp2",)))
    links = step.system(transformer_mesh(step)).axis_links
    assert links["tp1"].bandwidth_bytes_per_s > links["tp2"].bandwidth_bytes_per_s


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"tp": 2, "tensor": "row_column"}, "contradicts tensor"),
        ({"tp": 2, "tp1": 4}, "contradicts tp1"),
        ({"tp1": 2}, "tensor: none"),
        ({"dp": 3}, "not divisible by dp=3"),
        ({"dp": 4, "nodes": 3}, "dealt evenly to 3 nodes"),
        ({"dp": 2, "crosses_nodes": ("dp",)}, "no link between nodes"),
        ({"heads": 7}, "not divisible by 7 heads"),
        ({"hardware": "no/such/file.yaml"}, "no such file"),
        ({"pp": 8, "microbatches": 2, "compat": "corrected"}, "stages without one"),
    ],
)
def test_what_does_not_fit_together_is_refused(options: dict[str, Any], complaint: str) -> None:
    """With the option that is wrong."""
    with pytest.raises(VersimError, match=complaint):
        DeepFlowLlm().system(LlmOptions(**options))


@pytest.mark.parametrize("options", [{"hardware": "a1000"}, {"model": "gpt5"}])
def test_an_unknown_preset_is_refused(options: dict[str, Any]) -> None:
    """With the known ones."""
    with pytest.raises(UnknownNameError, match="known:"):
        step_of(LlmOptions(**options))


@pytest.mark.parametrize(
    "options",
    [{"dp": 0}, {"dp": 1.5}, {"layers": True}, {"compat": "correct"}, {"tensor": "diagonal"}, {"element_bytes": 0}],
)
def test_values_that_make_no_sense_are_refused_where_options_are_made(options: dict[str, Any]) -> None:
    """Core turns these into faults by path."""
    with pytest.raises(ValueError, match=r".+"):
        LlmOptions(**options)


def test_a_single_product_is_no_training_step(tmp_path: Path) -> None:
    """This producer writes transformers."""
    path = tmp_path / "model.yaml"
    path.write_text(yaml.safe_dump(deepflow_gemm()), encoding="utf-8")
    with pytest.raises(FaultsError, match="must be LLM"):
        step_of(LlmOptions(model=str(path)))


def test_a_model_file_of_deepflow_is_read(tmp_path: Path) -> None:
    """The same option takes a preset or a path."""
    path = tmp_path / "model.yaml"
    path.write_text(yaml.safe_dump(deepflow_model()), encoding="utf-8")
    assert step_of(LlmOptions(model=str(path))).model.vocabulary == 9000


def test_topology_is_that_of_the_file(tmp_path: Path) -> None:
    """What DeepFlow does not know it takes as fully connected."""
    content = deepflow_file()
    content["network_topology"]["intra_node"] = "hypercube"
    path = tmp_path / "hardware.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    step = step_of(LlmOptions(hardware=str(path)))
    assert step.system(pipeline_mesh(step)).dimensions[0].topology is Topology.FULLY_CONNECTED


def test_corrections_are_named_one_by_one_or_all_together() -> None:
    """``deepflow`` is none of them."""
    assert Corrections.parse("deepflow") == Corrections()
    assert Corrections.parse("reduce_once, microbatch_size") == Corrections(reduce_once=True, microbatch_size=True)
    assert all(getattr(Corrections.parse("corrected"), name) for name in Corrections.names())
    with pytest.raises(UnknownNameError, match="did you mean 'reduce_once'"):
        Corrections.parse("reduce_onse")


def test_every_correction_gives_its_reason() -> None:
    """A model is not changed without saying why."""
    assert Corrections.__doc__ is not None
    assert all(f"{name}: " in Corrections.__doc__ for name in Corrections.names())


def test_a_file_that_options_override_is_noted_in_the_graph(hardware: str) -> None:
    """A scenario that fixes degrees must not silence the file that somebody hands it."""
    producer = DeepFlowLlm()
    as_it_is = producer.produce(LlmOptions(hardware=hardware))
    assert not any("instead of" in note for note in as_it_is.notes)
    graph = producer.produce(LlmOptions(hardware=hardware, dp=4, layers=8))
    notes = [note for note in graph.notes if "instead of" in note]
    assert any(note.startswith("option dp: 4 instead of ") and note.endswith(hardware) for note in notes)
    assert not any("layers" in note for note in notes), "a preset of the model is not a file of the user's"
