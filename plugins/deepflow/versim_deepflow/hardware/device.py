"""A device as the timing model sees it: throughputs, latencies and capacities, however they were arrived at.

This is what :attr:`versim.Device.parameters` carries as plain data, so that a scenario may also state the figures of a
device directly instead of deriving them from areas and power budgets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from versim import Device

from versim_deepflow.documents import Document, checked, count, not_negative, one_of, positive, text
from versim_deepflow.hardware.spec import DATAFLOWS

LEVELS = 4
"""Memory levels of the GEMM model: registers, shared memory, cache, DRAM."""


@attrs.frozen(kw_only=True)
class MemoryLevel:
    """One level of the memory hierarchy.

    Attributes:
        throughput_bytes_per_s: Bandwidth of all its instances that is reached.
        latency_s: Seconds per access.
        capacity_bytes: Capacity of all its instances.
        capacity_per_instance_bytes: Capacity of one instance, which is what a tile has to fit into.
    """

    throughput_bytes_per_s: float = checked(positive)
    latency_s: float = checked(not_negative)
    capacity_bytes: float = checked(positive)
    capacity_per_instance_bytes: float = checked(positive)


@attrs.frozen(kw_only=True)
class DeviceModel:
    """A device as the timing model sees it.

    Attributes:
        name: For people.
        throughput_flop_per_s: Floating-point operations per second that are reached.
        bundles: Bundles of compute units that work on different tiles.
        array_rows: ``n`` of the n x m x n product a unit computes per cycle.
        array_depth: ``m`` of that product.
        dataflow: What the array keeps still.
        kernel_launch_overhead_s: Seconds per kernel launch.
        host_bandwidth_bytes_per_s: Bandwidth between host and device; ``None`` leaves such copies out.
        memory: Four levels, innermost first.
    """

    name: str = checked(text)
    throughput_flop_per_s: float = checked(positive)
    bundles: int = checked(count)
    array_rows: int = checked(count)
    array_depth: int = checked(count)
    dataflow: str = checked(one_of(*DATAFLOWS))
    kernel_launch_overhead_s: float = checked(not_negative)
    host_bandwidth_bytes_per_s: float | None = checked(positive, optional=True)
    memory: tuple[MemoryLevel, ...]

    def as_device(self) -> Device:
        """This device as versim's :class:`~versim.Device`, its figures as plain data."""
        parameters: dict[str, Any] = attrs.asdict(self, filter=attrs.filters.exclude("name"))
        del parameters["kernel_launch_overhead_s"]
        parameters["memory"] = [attrs.asdict(level) for level in self.memory]
        return Device(
            name=self.name, kernel_launch_overhead_s=self.kernel_launch_overhead_s, parameters={"deepflow": parameters}
        )

    @classmethod
    def of(cls, device: Device) -> DeviceModel:
        """The device model in the parameters of a :class:`~versim.Device`.

        Raises:
            FaultsError: The device says nothing for DeepFlow under ``deepflow``, or something faulty.
        """
        content = device.parameters.get("deepflow")
        return cls.read(
            content,
            f"device {device.name}: parameters.deepflow",
            name=device.name,
            kernel_launch_overhead_s=device.kernel_launch_overhead_s,
        )

    @classmethod
    def read(cls, content: Mapping[str, Any] | object, subject: str, **given: Any) -> DeviceModel:
        """A device model from plain data; :class:`versim.FaultsError` with everything wrong with it."""
        document = Document(content, subject)
        levels = document.get(("memory",))
        if not isinstance(levels, (list, tuple)) or len(levels) != LEVELS:
            document.fault(("memory",), f"must be a list of {LEVELS} levels, innermost first")
            levels = ()
        memory = tuple(document.structure(MemoryLevel, ("memory", level)) for level in range(len(levels)))
        model = document.structure(cls, memory=memory, **given)
        document.report_unknown()
        document.raise_faults()
        return model
