"""A device as the timing model sees it: throughputs, latencies and capacities, however they were arrived at.

This is what :attr:`versim.Device.parameters` carries as plain data, so that a scenario may also state the figures of a
device directly instead of deriving them from areas and power budgets.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import attrs
from versim import Device, FaultsError
from versim.plain import Fault, MisfitError, place, structured

from versim_deepflow.hardware.spec import Dataflow
from versim_deepflow.ranges import CONVERTER, Count, NotNegative, Positive, Text

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

    throughput_bytes_per_s: Positive
    latency_s: NotNegative
    capacity_bytes: Positive
    capacity_per_instance_bytes: Positive


_RECENT: deque[tuple[Device, DeviceModel]] = deque(maxlen=8)
"""Devices that were read last: every question about a step asks for its one."""


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

    name: Text
    throughput_flop_per_s: Positive
    bundles: Count
    array_rows: Count
    array_depth: Count
    dataflow: Dataflow
    kernel_launch_overhead_s: NotNegative
    host_bandwidth_bytes_per_s: Positive | None = None
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
        for known, model in _RECENT:
            if known is device:
                return model
        model = cls.read(
            device.parameters.get("deepflow"),
            f"device {device.name}: parameters.deepflow",
            name=device.name,
            kernel_launch_overhead_s=device.kernel_launch_overhead_s,
        )
        _RECENT.append((device, model))
        return model

    @classmethod
    def read(cls, content: Mapping[str, Any] | object, subject: str, **given: Any) -> DeviceModel:
        """A device model from plain data; :class:`versim.FaultsError` with everything wrong with it."""
        faults: list[Fault] = []
        if isinstance(content, Mapping):
            levels = content.get("memory")
            if not isinstance(levels, (list, tuple)) or len(levels) != LEVELS:
                faults.append((("memory",), f"must be a list of {LEVELS} levels, innermost first"))
            faults += [((key,), "stands beside, not in here") for key in given if key in content]
            content = {**content, **given, **({"memory": ()} if faults else {})}
        try:
            model: DeviceModel = structured(CONVERTER, content, cls)
        except MisfitError as error:
            faults += error.faults
        if faults:
            raise FaultsError(subject, [place("$", *fault) for fault in faults])
        return model
