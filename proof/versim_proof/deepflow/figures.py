"""Comparing figures of one case, and what a case's hardware is."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
from versim import DeviceTerm, Dimension, Folded, Link, Message, System, Topology, VersimError, Work
from versim.plain import structured
from versim_deepflow.corrections import Corrections
from versim_deepflow.hardware import (
    ClusterSpec,
    DeviceModel,
    HardwareSpec,
    derive,
    preset_content,
    read_deepflow_hardware,
    read_spec,
)
from versim_deepflow.parallelism import Parallelism
from versim_deepflow.ranges import CONVERTER
from versim_deepflow.timing import DeepFlowComputeTiming, DeepFlowNetworkTiming

TOLERANCE = 1e-12
"""Relative, of a single figure."""

STEP_TOLERANCE = 1e-9
"""Relative, of a whole step."""


class Figures:
    """What one case's figures come to.

    Attributes:
        faults: Every figure that is off, with both values.
        worst: The largest relative error.
    """

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.worst = 0.0

    def near(self, name: str, ours: float, measured: Any, tolerance: float = TOLERANCE) -> None:
        """Holds a number against the measured one, within a relative tolerance; the text ``inf`` is infinity."""
        expected = float(measured)
        error = 0.0
        if ours != expected:
            error = abs(ours - expected) / abs(expected) if expected and math.isfinite(expected) else math.inf
            if math.isfinite(error):
                self.worst = max(self.worst, error)
        if not error <= tolerance:
            self.faults.append(f"{name}: {ours!r} instead of {measured!r}")

    def answered(self, answer: Callable[[], float], output: Mapping[str, Any]) -> None:
        """Holds seconds against the measured ones; what the program fails on has to be refused, or take for ever."""
        try:
            ours = answer()
        except VersimError as refusal:
            if "error" not in output:
                self.faults.append(str(refusal))
            return
        if "error" not in output:
            self.near("time", ours, output["time"])
        elif math.isfinite(ours):
            self.faults.append(f"{ours!r}, but the program fails: {output['error']}")

    def refused(self, answer: Callable[[], object], why: str) -> None:
        """Holds against what the program cannot answer: it has to be refused."""
        try:
            answer()
        except VersimError:
            return
        self.faults.append(f"accepted, but {why}")

    def same(self, name: str, ours: object, measured: object) -> None:
        """Holds a value against the measured one, exactly."""
        if ours != measured:
            self.faults.append(f"{name}: {ours!r} instead of {measured!r}")


@attrs.frozen
class CaseHardware:
    """The hardware of a case.

    Attributes:
        spec: The device.
        cluster: How devices are joined, where the case says.
        parallelism: How the model is spread, where the case says.
    """

    spec: HardwareSpec
    cluster: ClusterSpec | None = None
    parallelism: Parallelism | None = None

    @property
    def device(self) -> DeviceModel:
        """The device as the timing model sees it."""
        return derive(self.spec).device


def case_hardware(content: Mapping[str, Any], subject: str) -> CaseHardware:
    """The hardware that a case names: a hardware file of DeepFlow as plain data, or one of our presets with changes.

    ``{"preset": "v100", "changes": {"core.bundles": 80, "memory.2.utilization": 1}}``; ``null`` takes a field away,
    and ``cluster`` may hold the fields of a :class:`~versim_deepflow.hardware.ClusterSpec`.

    Raises:
        VersimError: It is neither, or faulty.
    """
    if "preset" not in content:
        file = read_deepflow_hardware(content, subject)
        return CaseHardware(file.hardware, file.cluster, file.parallelism)
    changed = copy.deepcopy(preset_content(content["preset"]))
    for path, value in content.get("changes", {}).items():
        _change(changed, path.split("."), value)
    cluster = structured(CONVERTER, content["cluster"], ClusterSpec) if "cluster" in content else None
    return CaseHardware(read_spec(changed, subject), cluster)


def _change(content: Any, path: list[str], value: object) -> None:
    for key in path[:-1]:
        content = content[int(key) if isinstance(content, list) else key]
    if value is None:
        content.pop(path[-1], None)
    else:
        content[path[-1]] = value


class Clock:
    """Times work as the timing model ``deepflow`` does.

    Args:
        device: The device.
        links: Bandwidth in bytes per second and latency in seconds per axis; without any, a communication takes for
            ever.
    """

    def __init__(self, device: DeviceModel, links: Mapping[str, tuple[float, float]] | None = None) -> None:
        ring = Dimension(topology=Topology.RING, size=1, link=Link(bandwidth_bytes_per_s=1.0, latency_s=0.0))
        self.system = System(
            dimensions=(ring,),
            device=device.as_device(),
            axis_links={
                axis: Link(bandwidth_bytes_per_s=bandwidth, latency_s=latency)
                for axis, (bandwidth, latency) in (links or {}).items()
                if bandwidth > 0
            },
        )
        self._unlinked = {axis for axis, (bandwidth, _) in (links or {}).items() if bandwidth <= 0}
        self._compute = DeepFlowComputeTiming(Corrections())
        self._network = DeepFlowNetworkTiming(Corrections())

    def seconds(self, work: Work) -> float:
        """Seconds of some work."""
        return math.fsum(count * self._term_s(term) for term, count in work)

    def message_s(self, message: Message) -> float:
        """Seconds of a communication alone on the network."""
        if message.axis in self._unlinked and message.participants > 1 and message.size_bytes > 0:
            return math.inf
        return float(self._network.times_s((message,), self.system)[0])

    def _term_s(self, term: Any) -> float:
        if isinstance(term, Folded):
            return self.message_s(Message(term.kind, term.size_bytes, term.participants, term.axis))
        device_term: DeviceTerm = term
        return float(np.asarray(self._compute.times_s((device_term,), self.system.device))[0])


class UnknownTableError(VersimError):
    """A table that is not one of DeepFlow's."""
