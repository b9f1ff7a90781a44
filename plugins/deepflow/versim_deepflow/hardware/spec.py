"""What a device is made of: the inputs of DeepFlow's hardware model, before anything is derived from them.

Both readers, :mod:`versim_deepflow.hardware.preset` and :mod:`versim_deepflow.hardware.deepflow_file`, end here. The
field names are those of our presets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs
from versim.plain import MisfitError, misfit, structured

from versim_deepflow.ranges import CONVERTER, Count, NotNegative, Positive, Share, ShareOrZero, Text

Dataflow = Literal["best", "none", "wst", "ast", "ost"]
"""What a systolic array keeps still: weights, activations, outputs, nothing, or whatever is reused most."""

SharedBy = Literal["unit", "bundle", "device"]
"""Who shares one instance of a memory level: a compute unit, a bundle of units, or the whole device."""


@attrs.frozen(kw_only=True)
class VoltageSpec:
    """How far a circuit's voltage may be scaled.

    Attributes:
        nominal_v: Voltage of the nominal figures, in volts.
        threshold_v: Voltage below which transistors do not switch.
        margin_v: Least distance above the threshold.
    """

    nominal_v: Positive
    threshold_v: NotNegative
    margin_v: NotNegative


@attrs.frozen(kw_only=True)
class CoreSpec:
    """The compute units of a device.

    Attributes:
        area_mm2: Area budget of all units.
        power_w: Power budget of all units.
        bundles: Bundles of units (an SM of an NVIDIA device); ``None`` derives them from the area.
        units_per_bundle: Units in a bundle (tensor cores per SM).
        unit_area_mm2: Area of one unit as built.
        nominal_unit_area_mm2: Area at which ``flop_per_cycle`` holds; ``None`` means as built.
        nominal_unit_power_w: Power of one unit at nominal voltage and frequency.
        flop_per_cycle: Floating-point operations one unit completes in a cycle.
        frequency_hz: Clock; ``None`` derives it from the power budget.
        nominal_frequency_hz: Clock at nominal voltage, needed where ``frequency_hz`` is not given.
        voltage: Limits of voltage scaling.
        array_rows: ``n`` of the n x m x n product a unit computes per cycle.
        array_depth: ``m`` of that product.
        dataflow: What the array keeps still, one of :data:`Dataflow`.
        utilization: Share of the peak that is reached.
    """

    area_mm2: Positive
    power_w: Positive
    bundles: Count | None = None
    units_per_bundle: Count
    unit_area_mm2: Positive
    nominal_unit_area_mm2: Positive | None = None
    nominal_unit_power_w: Positive
    flop_per_cycle: Positive
    frequency_hz: Positive | None = None
    nominal_frequency_hz: Positive | None = None
    voltage: VoltageSpec
    array_rows: Count
    array_depth: Count
    dataflow: Dataflow
    utilization: Share


@attrs.frozen(kw_only=True)
class SramSpec:
    """An on-chip memory: registers, shared memory or cache.

    Attributes:
        shared_by: Who shares one instance, one of :data:`SharedBy`.
        area_mm2: Area budget.
        power_w: Power budget.
        capacity_bytes: Capacity of all instances; ``None`` derives it from the area.
        bandwidth_bytes_per_s: Bandwidth of all instances; ``None`` derives it from the power.
        latency_s: Seconds per access.
        utilization: Share of the bandwidth that is reached.
        bank_bytes: Capacity of one bank.
        controller_area_mm2_per_link: Area of the controller of a bank, per bundle it serves.
        cell_overhead: Share of the cell area that circuitry takes.
        energy_j_per_bit: Energy of an access.
        static_w_per_bit: Leakage.
        area_mm2_per_bit: Cell area.
    """

    shared_by: SharedBy
    area_mm2: NotNegative
    power_w: NotNegative
    capacity_bytes: Positive | None = None
    bandwidth_bytes_per_s: Positive | None = None
    latency_s: NotNegative
    utilization: Share
    bank_bytes: Positive
    controller_area_mm2_per_link: NotNegative
    cell_overhead: ShareOrZero
    energy_j_per_bit: Positive
    static_w_per_bit: NotNegative
    area_mm2_per_bit: Positive


@attrs.frozen(kw_only=True)
class DramSpec:
    """The memory stacked beside the chip.

    Attributes:
        shared_by: Who shares it, one of :data:`SharedBy`.
        controller_budget_mm2: Area budget of the memory controllers.
        power_w: Power budget.
        perimeter_share: Share of the chip's perimeter its links may take.
        capacity_bytes: Capacity; ``None`` derives it from the number of stacks.
        bandwidth_bytes_per_s: Bandwidth; ``None`` derives it from links and frequency.
        stacks: Number of stacks; ``None`` derives it from the area.
        stack_bytes: Capacity of a stack.
        stack_area_mm2: Area of a stack.
        controller_area_mm2: Area of the controller of a stack.
        links_per_stack: Links of a stack.
        links_per_mm: Links per millimetre of perimeter.
        frequency_hz: Clock of a link; ``None`` derives it from the power budget.
        nominal_frequency_hz: Clock at nominal voltage; ``None`` means ``frequency_hz``.
        voltage: Limits of voltage scaling.
        max_v: Highest voltage.
        latency_s: Seconds per access.
        utilization: Share of the bandwidth that is reached.
        energy_j_per_bit: Energy of an access.
        static_w_per_bit: Power to keep a bit.
    """

    shared_by: SharedBy
    controller_budget_mm2: NotNegative
    power_w: NotNegative
    perimeter_share: ShareOrZero
    capacity_bytes: Positive | None = None
    bandwidth_bytes_per_s: Positive | None = None
    stacks: Count | None = None
    stack_bytes: Positive
    stack_area_mm2: Positive
    controller_area_mm2: Positive
    links_per_stack: Count
    links_per_mm: Positive
    frequency_hz: Positive | None = None
    nominal_frequency_hz: Positive | None = None
    voltage: VoltageSpec
    max_v: Positive
    latency_s: NotNegative
    utilization: Share
    energy_j_per_bit: Positive
    static_w_per_bit: NotNegative


MemorySpec = SramSpec | DramSpec
"""One level of memory; in plain data ``kind`` says which."""


def _memory(value: Any, _: Any) -> MemorySpec:
    kinds: dict[object, type[MemorySpec]] = {"sram": SramSpec, "dram": DramSpec}
    if not isinstance(value, Mapping):
        raise misfit("expected a mapping with the fields of a memory level")
    kind = kinds.get(value.get("kind")) if isinstance(value.get("kind"), str) else None
    if kind is None:
        raise MisfitError([(("kind",), "must be sram or dram" if "kind" in value else "is missing")])
    made: MemorySpec = structured(CONVERTER, {key: item for key, item in value.items() if key != "kind"}, kind)
    return made


CONVERTER.register_structure_hook_func(lambda type_: type_ == MemorySpec, _memory)


@attrs.frozen(kw_only=True)
class SubnetworkSpec:
    """The links of a device within its node, or those that leave the node.

    Attributes:
        area_mm2: Area budget; 0 where the device has no such links.
        power_w: Power budget.
        perimeter_share: Share of the chip's perimeter the links may take.
        latency_s: Seconds for a message to cross.
        nominal_frequency_hz: Clock at nominal voltage.
        voltage: Limits of voltage scaling.
        link_energy_j: Energy of a link per cycle at nominal voltage.
        link_area_mm2: Area of a link.
        links_per_mm: Links per millimetre of perimeter.
        utilization: Share of the bandwidth that is reached.
    """

    area_mm2: NotNegative
    power_w: NotNegative
    perimeter_share: ShareOrZero
    latency_s: NotNegative
    nominal_frequency_hz: Positive
    voltage: VoltageSpec
    link_energy_j: Positive
    link_area_mm2: Positive
    links_per_mm: Positive
    utilization: Share


@attrs.frozen(kw_only=True)
class HardwareSpec:
    """A device and its links.

    Attributes:
        name: For people.
        source: Where the figures are from.
        kernel_launch_overhead_s: Seconds per kernel launch.
        element_bytes: Bytes per element the figures are for.
        host_bandwidth_bytes_per_s: Bandwidth between host and device; ``None`` leaves such copies out.
        chip_area_mm2: Area of the processor chip.
        package_area_mm2: Area of chip and memory stacks.
        tdp_w: Power budget of the device.
        core: Compute units.
        memory: Memory levels, innermost first, exactly four.
        intra_node: Links within a node.
        inter_node: Links between nodes.
    """

    name: Text
    source: Text
    kernel_launch_overhead_s: NotNegative
    element_bytes: Positive
    host_bandwidth_bytes_per_s: Positive | None = None
    chip_area_mm2: Positive
    package_area_mm2: Positive
    tdp_w: Positive
    core: CoreSpec
    memory: tuple[MemorySpec, ...]
    intra_node: SubnetworkSpec
    inter_node: SubnetworkSpec
