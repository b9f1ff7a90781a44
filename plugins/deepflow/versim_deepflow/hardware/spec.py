"""What a device is made of: the inputs of DeepFlow's hardware model, before anything is derived from them.

Both readers, :mod:`versim_deepflow.hardware.preset` and :mod:`versim_deepflow.hardware.deepflow_file`, end here. The
field names are those of our presets.
"""

from __future__ import annotations

import attrs

from versim_deepflow.documents import checked, count, not_negative, one_of, positive, share, share_or_zero, text

DATAFLOWS = ("best", "none", "wst", "ast", "ost")
"""What a systolic array keeps still: weights, activations, outputs, nothing, or whatever is reused most."""

SHARED_BY = ("unit", "bundle", "device")
"""Who shares one instance of a memory level: a compute unit, a bundle of units, or the whole device."""


@attrs.frozen(kw_only=True)
class VoltageSpec:
    """How far a circuit's voltage may be scaled.

    Attributes:
        nominal_v: Voltage of the nominal figures, in volts.
        threshold_v: Voltage below which transistors do not switch.
        margin_v: Least distance above the threshold.
    """

    nominal_v: float = checked(positive)
    threshold_v: float = checked(not_negative)
    margin_v: float = checked(not_negative)


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
        dataflow: What the array keeps still, one of :data:`DATAFLOWS`.
        utilization: Share of the peak that is reached.
    """

    area_mm2: float = checked(positive)
    power_w: float = checked(positive)
    bundles: int | None = checked(count, optional=True)
    units_per_bundle: int = checked(count)
    unit_area_mm2: float = checked(positive)
    nominal_unit_area_mm2: float | None = checked(positive, optional=True)
    nominal_unit_power_w: float = checked(positive)
    flop_per_cycle: float = checked(positive)
    frequency_hz: float | None = checked(positive, optional=True)
    nominal_frequency_hz: float | None = checked(positive, optional=True)
    voltage: VoltageSpec
    array_rows: int = checked(count)
    array_depth: int = checked(count)
    dataflow: str = checked(one_of(*DATAFLOWS))
    utilization: float = checked(share)


@attrs.frozen(kw_only=True)
class SramSpec:
    """An on-chip memory: registers, shared memory or cache.

    Attributes:
        shared_by: Who shares one instance, one of :data:`SHARED_BY`.
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

    shared_by: str = checked(one_of(*SHARED_BY))
    area_mm2: float = checked(not_negative)
    power_w: float = checked(not_negative)
    capacity_bytes: float | None = checked(positive, optional=True)
    bandwidth_bytes_per_s: float | None = checked(positive, optional=True)
    latency_s: float = checked(not_negative)
    utilization: float = checked(share)
    bank_bytes: float = checked(positive)
    controller_area_mm2_per_link: float = checked(not_negative)
    cell_overhead: float = checked(share_or_zero)
    energy_j_per_bit: float = checked(positive)
    static_w_per_bit: float = checked(not_negative)
    area_mm2_per_bit: float = checked(positive)


@attrs.frozen(kw_only=True)
class DramSpec:
    """The memory stacked beside the chip.

    Attributes:
        shared_by: Who shares it, one of :data:`SHARED_BY`.
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

    shared_by: str = checked(one_of(*SHARED_BY))
    controller_budget_mm2: float = checked(not_negative)
    power_w: float = checked(not_negative)
    perimeter_share: float = checked(share_or_zero)
    capacity_bytes: float | None = checked(positive, optional=True)
    bandwidth_bytes_per_s: float | None = checked(positive, optional=True)
    stacks: int | None = checked(count, optional=True)
    stack_bytes: float = checked(positive)
    stack_area_mm2: float = checked(positive)
    controller_area_mm2: float = checked(positive)
    links_per_stack: int = checked(count)
    links_per_mm: float = checked(positive)
    frequency_hz: float | None = checked(positive, optional=True)
    nominal_frequency_hz: float | None = checked(positive, optional=True)
    voltage: VoltageSpec
    max_v: float = checked(positive)
    latency_s: float = checked(not_negative)
    utilization: float = checked(share)
    energy_j_per_bit: float = checked(positive)
    static_w_per_bit: float = checked(not_negative)


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

    area_mm2: float = checked(not_negative)
    power_w: float = checked(not_negative)
    perimeter_share: float = checked(share_or_zero)
    latency_s: float = checked(not_negative)
    nominal_frequency_hz: float = checked(positive)
    voltage: VoltageSpec
    link_energy_j: float = checked(positive)
    link_area_mm2: float = checked(positive)
    links_per_mm: float = checked(positive)
    utilization: float = checked(share)


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

    name: str = checked(text)
    source: str = checked(text)
    kernel_launch_overhead_s: float = checked(not_negative)
    element_bytes: float = checked(positive)
    host_bandwidth_bytes_per_s: float | None = checked(positive, optional=True)
    chip_area_mm2: float = checked(positive)
    package_area_mm2: float = checked(positive)
    tdp_w: float = checked(positive)
    core: CoreSpec
    memory: tuple[SramSpec | DramSpec, ...]
    intra_node: SubnetworkSpec
    inter_node: SubnetworkSpec
