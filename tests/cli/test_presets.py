"""``versim presets`` and ``versim graph --fabric``: a system shown, as text and as a picture."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from versim import (
    CLUSTERS,
    DATA_SHEETS,
    ClusterChoice,
    Degradation,
    Device,
    Dimension,
    Link,
    OffersPresets,
    System,
    load_registry,
)
from versim.cli.group import cli
from versim.fabric.picture import system_svg

SCENARIO = """
name: shown
workloads: [{label: it, producer: collective, options: {kind: all_reduce, participants: 16, size_bytes: [4096]}}]
system:
  preset: dgx-h100
  degraded: [{dimension: 1, ranks: [3], bandwidth_factor: 0.5}, {dimension: 0, node: 9, added_latency: 2 us}]
backends: [{label: a, backend: deepflow, network: alpha-beta}]
"""


def shown(*arguments: str) -> str:
    """What a command prints; it has to succeed."""
    result = CliRunner().invoke(cli, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


def test_every_preset_is_listed_with_its_source() -> None:
    """By the names that scenarios use."""
    listed = shown("presets")
    assert all(f"  {name} " in listed for name in (*CLUSTERS, *DATA_SHEETS))


def test_models_hardware_and_scenarios_are_listed_with_figures() -> None:
    """One command for everything that has a name: nobody looks through folders for what he may write."""
    listed = shown("presets")
    registry = load_registry()
    assert all(f"  {name} " in listed for name in registry.scenarios())
    offering = [component for component in registry.producers() if isinstance(component, OffersPresets)]
    assert {component.name for component in offering} >= {"transformer", "deepflow-llm"}
    assert all(preset.figures in listed for component in offering for preset in component.presets())
    assert "8.03 B parameters; 32 layers of 4096, 32 heads (8 kv)" in listed
    assert "h100            80 GiB at 3.35 TB/s; dense TFLOP/s: 989 bf16" in listed


def test_all_that_bears_a_name_is_shown_with_its_source() -> None:
    """A model and a scenario may be called alike."""
    text = shown("presets", "llama3-8b")
    assert "of the models of transformer" in text
    assert "meta-llama/Meta-Llama-3-8B" in text
    assert "a scenario of transformer (versim compare llama3-8b)" in text
    assert "configs/hardware-config/H100_SXM5_80GB.yaml" in shown("presets", "h100-sxm5")


def test_a_cluster_is_shown_as_it_was_understood() -> None:
    """Dimensions, totals, the way of a pair, and where that is from."""
    text = shown("presets", "dgx-h100", "--nodes", "4")
    assert "endpoints   32" in text
    assert "dimension 1 switch of 4: links of 50 GB/s and 1.35 µs; 800 GB/s between its halves" in text
    assert "0 to 31: 50 GB/s, 3.3 µs over " in text
    assert "source      NVIDIA DGX H100 data sheet" in text
    assert "bf16        989.4 TFLOP/s, dense" in shown("presets", "h100")


def test_a_part_of_a_name_lists_what_has_it() -> None:
    """Whoever knows the family finds its members with their figures, and nothing else."""
    *lines, last = shown("presets", "Llama").splitlines()
    names = [line.split()[0] for line in lines if line.startswith("  ")]
    assert {"llama2-7b", "llama3-8b", "llama3-405b"} <= set(names)
    assert all("llama" in name for name in names)
    assert "models (producer: transformer, options: {model: NAME}):" in lines
    assert not any(line.startswith("devices") for line in lines)
    assert "versim presets NAME" in last


def test_an_unknown_preset_is_met_with_known_ones() -> None:
    """Names are typed by people; the likely one is not buried under all of them."""
    result = CliRunner().invoke(cli, ["presets", "dgx-h1000"])
    assert result.exit_code == 1
    assert result.output.startswith("Error: no preset named 'dgx-h1000'; did you mean 'dgx-h100'? (")
    assert result.output.endswith(" more are known)\n")
    assert "mpt-7b" not in result.output


def test_a_scenarios_fabric_is_shown_with_what_parallelism_crosses(tmp_path: Path) -> None:
    """And with what is degraded, so that a user sees what was understood."""
    file = tmp_path / "shown.yaml"
    file.write_text(SCENARIO, encoding="utf-8")
    text = shown("graph", str(file), "--fabric")
    assert "degraded    links of ranks 3 in dimension 1: 0.5 of the bandwidth" in text
    assert "all links of node 9 in dimension 0: 2 µs later" in text
    assert "16 ranks cross dimension 0 (8 wide) and dimension 1 (2 wide): narrowest 375 GB/s, 8 | 8" in text
    picture = tmp_path / "shown.svg"
    shown("graph", str(file), "--fabric", "-f", "svg", "-o", str(picture))
    assert ET.parse(picture).getroot().tag.endswith("svg")
    assert CliRunner().invoke(cli, ["graph", str(file), "-f", "svg"]).exit_code == 2


@pytest.mark.parametrize("nodes", [1, 2, 40])
def test_a_picture_is_a_document_of_bounded_size(nodes: int) -> None:
    """Of many alike only some are drawn; what is degraded is drawn in red."""
    system = ClusterChoice(preset="gb200-nvl72", nodes=18 * nodes).system()
    whole = system_svg(system)
    ET.fromstring(whole)
    assert len(whole) < 200_000
    assert "#c0392b" not in whole
    faulty = System(
        dimensions=system.dimensions,
        device=system.device,
        degraded=[Degradation(dimension=0, ranks=[0], bandwidth_factor=0.1)],
    )
    assert "#c0392b" in system_svg(faulty)


def test_names_in_a_picture_are_escaped() -> None:
    """A device may be called anything."""
    link = Link(bandwidth_bytes_per_s=1e9, latency_s=0.0)
    system = System(dimensions=[Dimension(topology="ring", size=3, link=link)], device=Device(name="<b>&</b>"))
    root = ET.fromstring(system_svg(system))
    assert any("<b>&</b>" in (element.text or "") for element in root.iter())
