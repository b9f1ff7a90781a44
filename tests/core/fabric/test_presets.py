"""Devices and clusters by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from versim import CLUSTERS, DATA_SHEETS, ClusterChoice, Device, UnknownNameError, VersimError, data_sheet

GB = 1e9


def shape(preset: str, world_size: int | None = None, **changes: Any) -> list[tuple[int, float, float]]:
    """(size, GB/s, oversubscription) of each dimension."""
    system = ClusterChoice(preset=preset, **changes).system(world_size)
    return [(d.size, d.link.bandwidth_bytes_per_s / GB, d.oversubscription) for d in system.dimensions]


@pytest.mark.parametrize("name", DATA_SHEETS)
def test_a_data_sheet_is_whole_and_has_a_source(name: str) -> None:
    """A roofline needs the peak of half precision, the bandwidth and the launch overhead of each."""
    sheet = data_sheet(name)
    device = sheet.device
    assert device.peak("fp16")
    assert device.memory_bandwidth_bytes_per_s
    assert device.memory_bytes
    assert device.kernel_launch_overhead_s > 0
    assert len(sheet.source) > 20
    # What half precision brings over single is a factor of tensor cores, not of a typing error.
    assert 5 < (device.peak("fp16") or 0) / (device.peak("fp32") or 1) < 40


def test_peaks_are_dense() -> None:
    """Makers print figures with sparsity beside them or instead of them; a step has none."""
    assert data_sheet("h100").device.peak("bf16") == pytest.approx(989e12, rel=1e-3)
    assert data_sheet("a100-80gb").device.peak("bf16") == 312e12
    assert data_sheet("v100").device.peak("bf16") is None


def test_block_scaled_formats_run_on_the_same_units() -> None:
    """Scaling factors change what a number means, not how fast it is multiplied."""
    device = Device(name="any", peak_flop_per_s={"fp8": 2.0, "fp4": 4.0})
    assert (device.peak("mxfp8"), device.peak("nvfp4"), device.peak("bf16")) == (2.0, 4.0, None)


@pytest.mark.parametrize("name", CLUSTERS)
def test_any_number_of_nodes_of_a_cluster_is_a_system(name: str) -> None:
    """No number of nodes is special; one node is one dimension, and rack-scale machines have racks."""
    cluster = CLUSTERS[name]
    assert cluster.device in DATA_SHEETS
    assert len(cluster.source) > 20
    for nodes in (1, 2, 3, 5, 7, 18, 19, 23, 36, 37):
        system = ClusterChoice(preset=name, nodes=nodes).system()
        assert system.world_size == nodes * cluster.gpus_per_node
        assert len(system.dimensions) == (1 if nodes * cluster.gpus_per_node <= cluster.domain else 2)
        assert system.device.name == data_sheet(cluster.device).device.name


@pytest.mark.parametrize(
    ("preset", "changes", "expected"),
    [
        ("dgx-h100", {"nodes": 8}, [(8, 450, 1), (8, 50, 1)]),
        ("dgx-a100", {"nodes": 2}, [(8, 300, 1), (2, 25, 1)]),
        ("hgx-b300", {"nodes": 3}, [(8, 900, 1), (3, 100, 1)]),
        ("gb200-nvl72", {"nodes": 18}, [(72, 900, 1)]),
        ("gb200-nvl72", {"nodes": 36}, [(72, 900, 1), (2, 50, 1)]),
        ("gb200-nvl72", {"nodes": 32, "nvlink_domain": 64}, [(64, 900, 1), (2, 50, 1)]),
        # Twenty trays do not fill racks: two halves.
        ("gb300-nvl72", {"nodes": 20}, [(40, 900, 1), (2, 100, 1)]),
        ("hgx-h100", {"nodes": 2, "nic_bytes_per_s": 25 * GB}, [(8, 450, 1), (2, 25, 1)]),
        # Two cards of a node serve eight devices; one device alone has a whole card.
        ("hgx-h100", {"nodes": 2, "nics_per_node": 2}, [(8, 450, 1), (2, 50, 4)]),
        ("hgx-h100", {"nodes": 2, "nics_per_node": 32, "nic_bytes_per_s": 12.5 * GB}, [(8, 450, 1), (2, 50, 1)]),
        ("dgx-h100", {"nodes": 4, "gpus_per_node": 4}, [(4, 450, 1), (4, 50, 1)]),
        ("dgx-h100", {"nodes": 4, "gpus_per_node": 1}, [(4, 50, 1)]),
        ("dgx-h100", {"nodes": 4, "oversubscription": 3.0}, [(8, 450, 1), (4, 50, 3)]),
    ],
)
def test_what_a_cluster_is_made_of(
    preset: str, changes: dict[str, Any], expected: list[tuple[int, float, float]]
) -> None:
    """Size, bandwidth of a device, and what the devices of a node share."""
    assert shape(preset, **changes) == expected


@pytest.mark.parametrize(("trays", "domains"), [(1, [4]), (7, [28]), (18, [72]), (19, [72, 4]), (23, [72, 20])])
def test_the_last_rack_may_be_partly_filled(trays: int, domains: list[int]) -> None:
    """No number of trays is special: every one is in a domain, all of which but the last are full."""
    system = ClusterChoice(preset="gb200-nvl72", nodes=trays).system()
    places = np.arange(system.world_size) // 72
    assert np.bincount(places).tolist() == domains
    for members in (range(72 * place, 72 * place + size) for place, size in enumerate(domains)):
        assert {level.dimension for level in system.fabric.spread(members).levels} == {0}
    if len(domains) > 1:
        cut = system.fabric.narrowest_cut(range(system.world_size))
        slower = min(domains[-1] * 50, 950)  # what the last rack's cards carry, or all of one endpoint's links
        assert cut.bandwidth_bytes_per_s == slower * GB
    assert ClusterChoice(preset="gb200-nvl72", nodes=37, nvlink_domain=64).system().endpoints == 148


def test_a_cluster_without_a_number_of_nodes_fits_the_step() -> None:
    """A sweep over parallelism should not have to count nodes."""
    assert shape("dgx-h100", 64) == [(8, 450, 1), (8, 50, 1)]
    assert shape("dgx-h100", 4) == [(4, 450, 1)]
    assert shape("gb200-nvl72", 144) == [(72, 900, 1), (2, 50, 1)]


@pytest.mark.parametrize(
    ("preset", "world_size", "changes", "message"),
    [
        ("dgx-h100", None, {}, "say how many nodes"),
        ("dgx-h100", 12, {}, "do not fill whole nodes of dgx-h100 with 8 devices each"),
        ("dgx-h100", None, {"nodes": 2, "gpus_per_node": 9}, "has 8 devices, not 9"),
        ("dgx-h100", None, {"nodes": 2, "nvlink_domain": 8}, "does not span nodes"),
        ("gb200-nvl72", None, {"nodes": 32, "nvlink_domain": 66}, "not a number of whole nodes"),
    ],
)
def test_what_no_cluster_can_be_says_what_to_do(
    preset: str, world_size: int | None, changes: dict[str, Any], message: str
) -> None:
    """A guess would be another network than the one meant."""
    with pytest.raises(VersimError, match=message):
        ClusterChoice(preset=preset, **changes).system(world_size)


def test_an_unknown_name_is_met_with_the_known_ones() -> None:
    """Names are typed by people."""
    with pytest.raises(UnknownNameError, match=r"no system preset named 'dgx-h10'.*dgx-h100"):
        ClusterChoice(preset="dgx-h10", nodes=1).system()
    with pytest.raises(UnknownNameError, match="no device preset named 'h10'"):
        data_sheet("h10")


@pytest.mark.parametrize("named", [CLUSTERS, DATA_SHEETS], ids=["clusters", "devices"])
def test_the_page_names_where_the_figures_of_each_preset_are_from(named: Mapping[str, Any]) -> None:
    """A figure without a document cannot be checked; one without a year may be of another revision."""
    page = (Path(__file__).parents[3] / "docs" / "systems.md").read_text(encoding="utf-8")
    for name, preset in named.items():
        assert f"| `{name}` | {preset.source} |" in page
        assert re.search(r"\b20[12]\d\b", preset.source), name
