"""What a device can do, derived from its areas, power budgets and technology.

The formulas are DeepFlow's (Ardalani, Pal, Gupta, "DeepFlow: A Cross-Stack Pathfinding Framework for Distributed AI
Systems", 2022; branch llm-dev, 9c184bd). Power at a voltage V goes as V (V - Vt)**2, which gives the voltage a budget
affords as the root of a cubic; frequency goes as (V - Vt)**2 / V; below threshold plus margin the frequency is scaled
down instead. Measured: golden/deepflow/hardware.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache

import attrs
import numpy as np
from versim import FaultsError

from versim_deepflow.hardware.device import DeviceModel, MemoryLevel
from versim_deepflow.hardware.spec import CoreSpec, DramSpec, HardwareSpec, SramSpec, SubnetworkSpec, VoltageSpec

BITS_PER_BYTE = 8
_IMAGINARY_NOISE = 1e-10
_INTRA_NODE_LINKS = 4
"""Devices of a node form a mesh, so the links of a device go four ways; between nodes they go one way."""


@attrs.frozen(kw_only=True)
class Core:
    """The compute units of a device.

    Attributes:
        throughput_flop_per_s: Floating-point operations per second that are reached.
        frequency_hz: Clock.
        voltage_v: Voltage that the power budget affords.
        bundles: Bundles of units.
        units: Units in total.
    """

    throughput_flop_per_s: float
    frequency_hz: float
    voltage_v: float
    bundles: int
    units: int


@attrs.frozen(kw_only=True)
class Memory:
    """A memory level with the figures behind its bandwidth.

    Attributes:
        level: What the timing model uses.
        peak_bytes_per_s: Bandwidth before utilization.
        dynamic_power_w: Power left for accesses.
        instances: How many instances share the capacity.
    """

    level: MemoryLevel
    peak_bytes_per_s: float
    dynamic_power_w: float
    instances: int


@attrs.frozen(kw_only=True)
class Subnetwork:
    """The links of a device to its neighbours, in one direction.

    Attributes:
        bandwidth_bytes_per_s: Bytes per second to one neighbour; 0 where there are no links.
        latency_s: Seconds for a message to cross.
        links: Links in total.
        frequency_hz: Clock of a link.
        voltage_v: Voltage that the power budget affords.
        powerless: True where there are links but no power for them: then the bandwidth is what rounding leaves in
            DeepFlow's arithmetic, a few bytes a day if any, and nothing can be sent.
    """

    bandwidth_bytes_per_s: float
    latency_s: float
    links: int
    frequency_hz: float
    voltage_v: float
    powerless: bool = False

    @property
    def usable(self) -> bool:
        """True if something can be sent."""
        return self.bandwidth_bytes_per_s > 0 and not self.powerless


@attrs.frozen(kw_only=True)
class Derived:
    """What a device can do.

    Attributes:
        core: Compute units.
        memory: Memory levels, innermost first.
        intra_node: Links within the node.
        inter_node: Links that leave it.
        device: The same as the timing model sees it.
    """

    core: Core
    memory: tuple[Memory, ...]
    intra_node: Subnetwork
    inter_node: Subnetwork
    device: DeviceModel


@lru_cache(maxsize=64)
def derive(spec: HardwareSpec) -> Derived:
    """Derives what a device can do.

    Raises:
        FaultsError: The figures leave a part without throughput or capacity, or lack what is needed to derive it.
    """
    faults: list[str] = []
    _check_voltages(spec, faults)
    if faults:
        raise FaultsError(f"hardware {spec.name}", faults)
    core = _core(spec.core, faults)
    perimeter_mm = 4 * math.sqrt(spec.chip_area_mm2)
    memory = tuple(
        _dram(level, spec, core, perimeter_mm, path, faults)
        if isinstance(level, DramSpec)
        else _sram(level, spec, core, path, faults)
        for path, level in ((f"$.memory[{index}]", level) for index, level in enumerate(spec.memory))
    )
    intra_node = _subnetwork(spec.intra_node, perimeter_mm, degree=_INTRA_NODE_LINKS)
    inter_node = _subnetwork(spec.inter_node, perimeter_mm, degree=1)
    if faults:
        raise FaultsError(f"hardware {spec.name}", faults)
    device = DeviceModel(
        name=spec.name,
        throughput_flop_per_s=core.throughput_flop_per_s,
        bundles=core.bundles,
        array_rows=spec.core.array_rows,
        array_depth=spec.core.array_depth,
        dataflow=spec.core.dataflow,
        kernel_launch_overhead_s=spec.kernel_launch_overhead_s,
        host_bandwidth_bytes_per_s=spec.host_bandwidth_bytes_per_s,
        memory=tuple(level.level for level in memory),
    )
    return Derived(core=core, memory=memory, intra_node=intra_node, inter_node=inter_node, device=device)


def refuse_disorder(derived: Derived) -> None:
    """Refuses memory levels of which one is faster than the level inside it; :class:`versim.FaultsError` with each."""
    speeds = [level.level.throughput_bytes_per_s for level in derived.memory]
    faults = [
        f"$.memory[{index}]: its {outer:g} bytes/s are more than the {inner:g} of the level inside it; levels stand "
        "innermost first"
        for index, (inner, outer) in enumerate(itertools.pairwise(speeds), start=1)
        if outer > inner
    ]
    if faults:
        raise FaultsError(f"hardware {derived.device.name}", faults)


def _check_voltages(spec: HardwareSpec, faults: list[str]) -> None:
    limits = {
        "$.core": spec.core.voltage,
        "$.intra_node": spec.intra_node.voltage,
        "$.inter_node": spec.inter_node.voltage,
    }
    limits |= {f"$.memory[{i}]": level.voltage for i, level in enumerate(spec.memory) if isinstance(level, DramSpec)}
    for path, voltage in limits.items():
        if voltage.nominal_v <= voltage.threshold_v:
            faults.append(
                f"{path}.voltage.nominal_v: {voltage.nominal_v} is not above {voltage.threshold_v}, the threshold"
            )


def _afforded_voltage(power_w: float, nominal_power_w: float, limits: VoltageSpec) -> float:
    """The voltage V with V (V - Vt)**2 / (Vn (Vn - Vt)**2) = power / nominal power.

    numpy's order decides which of three real roots is taken, as in DeepFlow.
    """
    threshold, nominal = limits.threshold_v, limits.nominal_v
    budget = power_w / nominal_power_w * nominal * (nominal - threshold) ** 2
    roots = np.roots([1, -2 * threshold, threshold**2, -budget])
    real = roots.real[np.abs(roots.imag) < _IMAGINARY_NOISE]
    return float(real[0]) if real.size else float(roots.real.max())


def _speed(voltage_v: float, limits: VoltageSpec) -> float:
    """Switching speed at a voltage, up to a constant."""
    if voltage_v <= 0:
        return 0.0
    return (voltage_v - limits.threshold_v) ** 2 / voltage_v


def _scaling(voltage_v: float, limits: VoltageSpec) -> tuple[float, float]:
    """The voltage that is used, and what frequency is multiplied by because it could not be lowered further."""
    lowest = limits.threshold_v + limits.margin_v
    if voltage_v < lowest:
        return lowest, (voltage_v / lowest) ** 2
    return voltage_v, 1.0


def _core(spec: CoreSpec, faults: list[str]) -> Core:
    if spec.bundles is not None:
        bundles, units = spec.bundles, spec.bundles * spec.units_per_bundle
    else:
        units = int(spec.area_mm2 // spec.unit_area_mm2)
        bundles = units // spec.units_per_bundle
    if bundles < 1:
        faults.append(f"$.core.area_mm2: {spec.area_mm2} has no room for a bundle of {spec.units_per_bundle} units")
        return Core(throughput_flop_per_s=1.0, frequency_hz=1.0, voltage_v=1.0, bundles=1, units=1)
    area_scaling = 1.0 if spec.nominal_unit_area_mm2 is None else spec.unit_area_mm2 / spec.nominal_unit_area_mm2
    afforded = _afforded_voltage(spec.power_w, spec.nominal_unit_power_w * units * area_scaling, spec.voltage)
    voltage, slow_down = _scaling(afforded, spec.voltage)
    if spec.frequency_hz is not None:
        frequency = spec.frequency_hz
    elif spec.nominal_frequency_hz is not None:
        nominal_speed = _speed(spec.voltage.nominal_v, spec.voltage)
        frequency = slow_down * (spec.nominal_frequency_hz * (_speed(voltage, spec.voltage) / nominal_speed))
    else:
        faults.append("$.core.frequency_hz: is missing, and so is nominal_frequency_hz to derive it from")
        frequency = 1.0
    throughput = spec.flop_per_cycle * area_scaling * frequency * units * spec.utilization
    return Core(
        throughput_flop_per_s=throughput, frequency_hz=frequency, voltage_v=voltage, bundles=bundles, units=units
    )


def _instances(shared_by: str, core: Core) -> int:
    return {"device": 1, "bundle": core.bundles, "unit": core.units}[shared_by]


def _level(spec: SramSpec | DramSpec, capacity: float, peak: float, instances: int) -> MemoryLevel:
    return MemoryLevel(
        throughput_bytes_per_s=peak * spec.utilization,
        latency_s=spec.latency_s,
        capacity_bytes=capacity,
        capacity_per_instance_bytes=capacity / instances,
    )


def _sram(spec: SramSpec, hardware: HardwareSpec, core: Core, path: str, faults: list[str]) -> Memory:
    # Budgets pass through a share of the device's, as in DeepFlow: the floor below is sensitive to the last bit.
    power_w = spec.power_w / hardware.tdp_w * hardware.tdp_w
    area_mm2 = spec.area_mm2 / hardware.chip_area_mm2 * hardware.chip_area_mm2
    cells = 1 - spec.cell_overhead
    bank_mm2 = spec.bank_bytes * (spec.area_mm2_per_bit * BITS_PER_BYTE)
    banks = int((cells * area_mm2) // (bank_mm2 + cells * core.bundles * spec.controller_area_mm2_per_link))
    if spec.capacity_bytes is None:
        capacity = banks * spec.bank_bytes
    else:
        capacity = spec.capacity_bytes
        banks = int(capacity // spec.bank_bytes)
    dynamic_w = max(0.0, power_w - spec.static_w_per_bit * BITS_PER_BYTE * capacity)
    if capacity <= 0:
        faults.append(f"{path}.area_mm2: {spec.area_mm2} has no room for a bank; give more, or capacity_bytes")
    peak = spec.bandwidth_bytes_per_s
    if peak is None:
        peak = dynamic_w / (spec.energy_j_per_bit * BITS_PER_BYTE)
        if capacity > 0 and banks < 1:
            faults.append(
                f"{path}.capacity_bytes: {capacity:g} is less than a bank of {spec.bank_bytes:g}, which has "
                "the ports; give more, or a bandwidth"
            )
        elif peak <= 0:
            faults.append(f"{path}.power_w: {spec.power_w} leaves no power for accesses; give more, or a bandwidth")
    instances = _instances(spec.shared_by, core)
    return Memory(
        level=_level(spec, capacity, peak, instances),
        peak_bytes_per_s=peak,
        dynamic_power_w=dynamic_w,
        instances=instances,
    )


def _dram(
    spec: DramSpec, hardware: HardwareSpec, core: Core, perimeter_mm: float, path: str, faults: list[str]
) -> Memory:
    stacks = spec.stacks
    if stacks is None:
        by_area = (hardware.package_area_mm2 - hardware.chip_area_mm2) // spec.stack_area_mm2
        stacks = int(min(by_area, spec.controller_budget_mm2 // spec.controller_area_mm2))
    links = min(int(perimeter_mm * spec.perimeter_share * spec.links_per_mm), spec.links_per_stack * stacks)
    if spec.capacity_bytes is None:
        capacity = stacks * spec.stack_bytes
    else:
        capacity = spec.capacity_bytes
        # A stated capacity decides the stacks and with them the links, past the bound of the perimeter.
        links = int(spec.links_per_stack * (capacity // spec.stack_bytes))
    if capacity <= 0:
        faults.append(f"{path}.stacks: the budgets have no room for a stack; give more, or capacity_bytes")
    dynamic_w = max(0.0, spec.power_w - spec.static_w_per_bit * BITS_PER_BYTE * capacity)
    peak = spec.bandwidth_bytes_per_s
    if peak is None:
        peak = links * _dram_frequency(spec, links, dynamic_w, path, faults) / BITS_PER_BYTE
        if capacity > 0 and links < 1:
            faults.append(f"{path}.{_without_links(spec)}; give more, or a bandwidth")
        elif peak <= 0:
            faults.append(f"{path}.power_w: {spec.power_w} leaves no power for accesses; give more, or a bandwidth")
    instances = _instances(spec.shared_by, core)
    return Memory(
        level=_level(spec, capacity, peak, instances),
        peak_bytes_per_s=peak,
        dynamic_power_w=dynamic_w,
        instances=instances,
    )


def _without_links(spec: DramSpec) -> str:
    """Which figure leaves the memory without a link, and why."""
    if spec.capacity_bytes is None:
        return f"perimeter_share: {spec.perimeter_share:g} has no room for a link"
    return f"capacity_bytes: {spec.capacity_bytes:g} is less than a stack of {spec.stack_bytes:g}, which has the links"


def _dram_frequency(spec: DramSpec, links: int, dynamic_w: float, path: str, faults: list[str]) -> float:
    if spec.nominal_frequency_hz is None and spec.frequency_hz is None:
        faults.append(f"{path}.frequency_hz: is missing, and so is nominal_frequency_hz to derive it from")
        return 1.0
    nominal = spec.frequency_hz if spec.nominal_frequency_hz is None else spec.nominal_frequency_hz
    if nominal is None or links < 1 or dynamic_w <= 0:
        return 0.0
    if spec.frequency_hz is not None:
        return spec.frequency_hz
    voltage = _afforded_voltage(dynamic_w, spec.energy_j_per_bit * links * nominal, spec.voltage)
    # DeepFlow means to cap the voltage here and fails on it; the cap is what its formula says.
    voltage, slow_down = _scaling(min(voltage, spec.max_v), spec.voltage)
    return slow_down * (nominal * (_speed(voltage, spec.voltage) / _speed(spec.voltage.nominal_v, spec.voltage)))


def _subnetwork(spec: SubnetworkSpec, perimeter_mm: float, *, degree: int) -> Subnetwork:
    links = int(min(spec.area_mm2 / spec.link_area_mm2, spec.perimeter_share * perimeter_mm * spec.links_per_mm))
    if links < 1:
        return Subnetwork(
            bandwidth_bytes_per_s=0.0,
            latency_s=spec.latency_s,
            links=links,
            frequency_hz=0.0,
            voltage_v=0.0,
        )
    nominal_w = spec.link_energy_j * links * spec.nominal_frequency_hz
    voltage = _afforded_voltage(spec.power_w, nominal_w, spec.voltage)
    # The frequency follows the voltage afforded, even below the lowest that is allowed, and is then scaled once more.
    _, slow_down = _scaling(voltage, spec.voltage)
    nominal_speed = _speed(spec.voltage.nominal_v, spec.voltage)
    frequency = slow_down * (spec.nominal_frequency_hz * (_speed(voltage, spec.voltage) / nominal_speed))
    return Subnetwork(
        bandwidth_bytes_per_s=links * frequency * spec.utilization / (BITS_PER_BYTE * degree),
        latency_s=spec.latency_s,
        links=links,
        frequency_hz=frequency,
        voltage_v=voltage,
        powerless=spec.power_w <= 0,
    )
