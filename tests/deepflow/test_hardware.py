"""Hardware: the two structures of files, what is derived from them, and what is refused."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hardware_files import deepflow_file, leaves, put, take_away
from hypothesis import given
from hypothesis import strategies as st
from versim import FaultsError, UnknownNameError
from versim_deepflow.hardware import (
    Derived,
    DeviceModel,
    DramSpec,
    HardwareSpec,
    derive,
    load_preset,
    preset_content,
    preset_names,
    read_deepflow_hardware,
    read_spec,
)
from versim_deepflow.hardware.links import axis_links

HOSTILE = [None, "", "80 parsecs", -1, 0, math.nan, math.inf, -math.inf, 10**400, 1e-320, True, [], {}, [1], {"a": 1}]


def derived_figures(derived: Derived) -> list[float]:
    """Every figure that timing uses."""
    levels = [figure for level in derived.memory for figure in attrs.astuple(level.level)]
    links = [derived.intra_node.bandwidth_bytes_per_s, derived.inter_node.bandwidth_bytes_per_s]
    return [derived.core.throughput_flop_per_s, *levels, *links]


@pytest.mark.parametrize("name", preset_names())
def test_presets_derive_and_cite_their_source(name: str) -> None:
    """A preset that cannot be used, or whose figures come from nowhere, is of no use."""
    spec = load_preset(name)
    assert spec.name == name
    assert "DeepFlow" in spec.source
    assert all(math.isfinite(figure) and figure >= 0 for figure in derived_figures(derive(spec)))


def test_an_unknown_preset_is_answered_with_the_known_ones() -> None:
    """And the closest of them first."""
    with pytest.raises(UnknownNameError, match="did you mean 'a100-80gb'"):
        load_preset("a100-80g")


def test_amounts_are_whole_numbers_with_binary_prefixes() -> None:
    """``80 GB`` is 80 * 2**30 bytes, a small b means bits."""
    content = deepflow_file()
    content["tech_param"]["DRAM"] |= {"size": "16 GB", "stack_capacity": "32 Gb"}
    (dram,) = [
        level for level in read_deepflow_hardware(content, "file").hardware.memory if isinstance(level, DramSpec)
    ]
    assert dram.capacity_bytes == 16 * 2**30
    assert dram.stack_bytes == 4 * 2**30


@pytest.mark.parametrize("amount", ["12.5 GB", "80GB", "80 XB", "GB", "80 Gx"])
def test_amounts_that_deepflow_does_not_convert_are_faults(amount: str) -> None:
    """They would reach its arithmetic as texts."""
    content = deepflow_file()
    content["tech_param"]["DRAM"]["size"] = amount
    with pytest.raises(FaultsError, match=r"\$\.tech_param\.DRAM\.size"):
        read_deepflow_hardware(content, "file")


def test_all_faults_of_a_file_are_reported_at_once_by_path() -> None:
    """Mending a file must not take as many runs as it has faults."""
    content = deepflow_file()
    content["tech_param"]["core"]["FMA_d1"] = 0
    content["sw_param"]["precision"] = "two"
    content["area_breakdown"]["core"] = math.nan
    del content["power_breakdown"]["network"]
    del content["system_hierarchy"]["num_nodes"]
    with pytest.raises(FaultsError) as raised:
        read_deepflow_hardware(content, "file")
    paths = {fault.split(":")[0] for fault in raised.value.faults}
    assert paths == {
        "$.tech_param.core.FMA_d1",
        "$.sw_param.precision",
        "$.area_breakdown.core",
        "$.power_breakdown.network",
        "$.system_hierarchy.num_nodes",
    }


def test_a_misspelt_key_of_a_preset_is_answered_with_the_right_one() -> None:
    """Our own structure is strict, DeepFlow's files may hold more than the program reads."""
    content: Any = copy.deepcopy(preset_content("v100"))
    content["core"]["utilisation"] = content["core"].pop("utilization")
    with pytest.raises(FaultsError, match=r"\$\.core\.utilisation: no such key; did you mean 'utilization'"):
        read_spec(content, "file")


def outcome(read: Callable[[], HardwareSpec]) -> tuple[tuple[str, ...], list[float]]:
    """The faults of a hardware file, or the figures derived from it."""
    try:
        return (), derived_figures(derive(read()))
    except FaultsError as error:
        return error.faults, []


def assert_sound(faults: tuple[str, ...], figures: list[float]) -> None:
    """Every fault says where, every figure is a finite number."""
    assert faults or figures
    assert all(fault.startswith("$") for fault in faults)
    assert all(math.isfinite(figure) and figure >= 0 for figure in figures)


@given(st.data())
def test_no_value_of_a_deepflow_file_breaks_the_reader(data: st.DataObject) -> None:
    """Whatever stands in a field, the answer is a list of faults or figures that are finite."""
    content = deepflow_file()
    for path in data.draw(st.lists(st.sampled_from(leaves(content)), min_size=1, max_size=2, unique=True)):
        put(content, path, data.draw(st.sampled_from(HOSTILE)))
    assert_sound(*outcome(lambda: read_deepflow_hardware(content, "file").hardware))


@given(st.sampled_from(leaves(preset_content("v100"))), st.sampled_from(HOSTILE))
def test_no_value_of_a_preset_breaks_the_reader(path: tuple[Any, ...], value: object) -> None:
    """The same for our own structure."""
    content = copy.deepcopy(preset_content("v100"))
    put(content, path, value)
    assert_sound(*outcome(lambda: read_spec(content, "file")))


@pytest.mark.parametrize("path", leaves(preset_content("v100")))
def test_every_field_of_a_preset_is_needed_or_derived(path: tuple[Any, ...]) -> None:
    """A missing field is a fault at its path, or one that is derived; none is silently zero."""
    content = copy.deepcopy(preset_content("v100"))
    take_away(content, path)
    faults, _ = outcome(lambda: read_spec(content, "file"))
    optional = {"host_bandwidth_bytes_per_s", "nominal_unit_area_mm2"}
    assert any(str(path[-1]) in fault for fault in faults) or path[-1] in optional


def test_memory_levels_must_be_four() -> None:
    """The GEMM model is written for four."""
    content: Any = copy.deepcopy(preset_content("v100"))
    del content["memory"][0]
    with pytest.raises(FaultsError, match=r"\$\.memory: must be a list of 4 levels"):
        read_spec(content, "file")


def spec_with(**changes: Any) -> HardwareSpec:
    """The invented device, changed."""
    return attrs.evolve(read_deepflow_hardware(deepflow_file(), "file").hardware, **changes)


def test_a_budget_without_room_is_a_fault_not_a_zero() -> None:
    """A device without compute units, capacity or bandwidth cannot be timed."""
    spec = spec_with()
    small = attrs.evolve(spec.core, area_mm2=0.1)
    dry = attrs.evolve(spec.memory[0], power_w=0.0, bandwidth_bytes_per_s=None)
    with pytest.raises(FaultsError) as raised:
        derive(attrs.evolve(spec, core=small, memory=(dry, *spec.memory[1:])))
    assert [fault.split(":")[0] for fault in raised.value.faults] == ["$.core.area_mm2", "$.memory[0].power_w"]


def memory_faults(level: int, **changes: Any) -> tuple[str, ...]:
    """The faults of the invented device with one memory level changed."""
    spec = spec_with()
    memory = list(spec.memory)
    memory[level] = attrs.evolve(memory[level], **changes)
    with pytest.raises(FaultsError) as raised:
        derive(attrs.evolve(spec, memory=tuple(memory)))
    return raised.value.faults


@pytest.mark.parametrize(
    ("level", "changes", "field"),
    [
        (0, {"capacity_bytes": 100.0, "bandwidth_bytes_per_s": None}, "capacity_bytes"),
        (2, {"capacity_bytes": 16383.0, "bandwidth_bytes_per_s": None}, "capacity_bytes"),
        (3, {"capacity_bytes": 3.0 * 2**30, "bandwidth_bytes_per_s": None}, "capacity_bytes"),
        (3, {"capacity_bytes": None, "bandwidth_bytes_per_s": None, "perimeter_share": 0.0}, "perimeter_share"),
    ],
)
def test_a_memory_smaller_than_its_parts_is_named_by_its_size(level: int, changes: dict[str, Any], field: str) -> None:
    """Banks and stacks have the ports: DeepFlow derives no bandwidth without one, whatever the power is.

    Measured: DeepFlow 9c184bd.
    """
    (fault,) = memory_faults(level, **changes)
    assert fault.startswith(f"$.memory[{level}].{field}: ")
    assert "or a bandwidth" in fault


@given(st.floats(0.5, 20.0))
def test_more_network_power_never_slows_a_link(power_w: float) -> None:
    """Frequency follows the voltage a budget affords."""
    spec = spec_with()
    less = derive(attrs.evolve(spec, intra_node=attrs.evolve(spec.intra_node, power_w=power_w)))
    more = derive(attrs.evolve(spec, intra_node=attrs.evolve(spec.intra_node, power_w=2 * power_w)))
    assert more.intra_node.bandwidth_bytes_per_s >= less.intra_node.bandwidth_bytes_per_s


def test_links_without_power_have_deepflows_figure_and_carry_nothing() -> None:
    """DeepFlow solves for a voltage whose root is off by a rounding error; a step that relies on it would take years.

    Measured: DeepFlow 9c184bd, 3.0063254328261928e-05 bytes/s for a variant of this device.
    """
    spec = spec_with()
    voltage = attrs.evolve(spec.inter_node.voltage, nominal_v=1.2, threshold_v=0.35, margin_v=0.5)
    dry = derive(attrs.evolve(spec, inter_node=attrs.evolve(spec.inter_node, power_w=0.0, voltage=voltage)))
    assert 0 < dry.inter_node.bandwidth_bytes_per_s < 1
    file = read_deepflow_hardware(deepflow_file(), "file")
    between = attrs.evolve(
        file.cluster, nodes=2, devices_per_node=2, dp_crosses_nodes=True, pp_crosses_nodes=False, intra_derate=1.0
    )
    with pytest.raises(FaultsError, match=r"dp_crosses_nodes: the links between nodes have no power"):
        axis_links(dry, between, {"dp": 2})
    assert axis_links(dry, between, {"pp": 2})["pp"].bandwidth_bytes_per_s > 1e9
    inside = derive(attrs.evolve(spec, intra_node=attrs.evolve(spec.intra_node, power_w=0.0)))
    with pytest.raises(FaultsError, match=r"traffic between nodes passes the links within them, which have no power"):
        axis_links(inside, between, {"dp": 2})
    with pytest.raises(FaultsError, match=r"\$\.pp: 2 ranks, and the links within the node have no power"):
        axis_links(inside, between, {"pp": 2})


def test_a_device_survives_being_plain_data() -> None:
    """What a scenario prints can be given back to it."""
    device = derive(load_preset("h100-sxm5")).device
    assert DeviceModel.of(device.as_device()) == device


def test_a_device_that_says_nothing_for_deepflow_is_refused() -> None:
    """With the path of what is missing."""
    device = attrs.evolve(derive(load_preset("v100")).device.as_device(), parameters={})
    with pytest.raises(FaultsError, match=r"parameters\.deepflow"):
        DeviceModel.of(device)


def test_traffic_that_leaves_the_only_node_is_a_fault() -> None:
    """DeepFlow answers with infinite times."""
    file = read_deepflow_hardware(deepflow_file(), "file")
    cluster = attrs.evolve(file.cluster, dp_crosses_nodes=True)
    with pytest.raises(FaultsError, match=r"\$\.dp_crosses_nodes"):
        axis_links(derive(file.hardware), cluster, {"dp": 2})


def test_traffic_between_nodes_is_bounded_by_the_links_within() -> None:
    """It passes both."""
    file = read_deepflow_hardware(deepflow_file(), "file")
    derived = derive(file.hardware)
    slow_inside = attrs.evolve(file.cluster, nodes=2, intra_derate=1000.0, dp_crosses_nodes=True)
    links = axis_links(derived, slow_inside, {"dp": 2})
    assert links["dp"].bandwidth_bytes_per_s == derived.intra_node.bandwidth_bytes_per_s / 1000
