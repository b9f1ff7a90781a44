"""A scenario: which graphs, pinned how, on what system, are given to which simulators.

Values are plain and immutable; make them in Python as well as in YAML, and vary them with ``attrs.evolve``. Options
stay plain data here (names to values): the component they belong to says what is valid, see
:func:`versim.registry.structure_options`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import attrs

from versim.errors import FaultsError, UnknownNameError
from versim.fabric import Device, Dimension, Link, System

Labelled = TypeVar("Labelled", "Workload", "Pin", "Instance")


def _plain(value: Any) -> Any:
    """A copy that nobody else can change under a scenario: mappings to dicts, sequences to lists."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _tuple(items: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(items)


def _tuple_or_none(items: Iterable[Any] | None) -> tuple[Any, ...] | None:
    return None if items is None else tuple(items)


def _pins(pins: Iterable[Pin]) -> tuple[Pin, ...]:
    return tuple(pins) or DEFAULT_PINS


def _links(links: Mapping[str, Link]) -> dict[str, Link]:
    return dict(links)


def _overhead_if_given(_: object, __: attrs.Attribute[Any], value: float | None) -> None:
    if value is not None:
        Device(name="", kernel_launch_overhead_s=value)


@attrs.frozen(kw_only=True)
class TimingChoice:
    """A timing model and its options.

    Attributes:
        timing: The timing model's name.
        options: Its options, as plain data.
    """

    timing: str
    options: Mapping[str, Any] = attrs.field(factory=dict, converter=_plain)


@attrs.frozen(kw_only=True)
class DevicePart:
    """What a scenario says about the device; what it leaves out comes from the producer's proposal.

    Attributes:
        name: For people.
        kernel_launch_overhead_s: Seconds between two dependent kernels.
        parameters: What a compute timing knows beyond that; merged over the proposal's, key by key.
    """

    name: str | None = None
    kernel_launch_overhead_s: float | None = attrs.field(default=None, validator=_overhead_if_given)
    parameters: Mapping[str, Any] = attrs.field(factory=dict, converter=_plain)

    def merged_over(self, other: DevicePart) -> DevicePart:
        """What two parts say together; this one where both do."""
        overhead_s = self.kernel_launch_overhead_s
        return DevicePart(
            name=other.name if self.name is None else self.name,
            kernel_launch_overhead_s=other.kernel_launch_overhead_s if overhead_s is None else overhead_s,
            parameters={**other.parameters, **self.parameters},
        )

    def over(self, proposal: Device | None) -> Device:
        """The device: this part where it says something, else the proposal.

        Without either, the device has no name and no parameters, which is enough where nothing computes.
        """
        base = proposal or Device(name="unnamed")
        overhead_s = self.kernel_launch_overhead_s
        return Device(
            name=base.name if self.name is None else self.name,
            kernel_launch_overhead_s=base.kernel_launch_overhead_s if overhead_s is None else overhead_s,
            parameters={**base.parameters, **self.parameters},
        )


@attrs.frozen(kw_only=True)
class SystemPart:
    """What a scenario says about the system; what it leaves out comes from the producer's proposal.

    Attributes:
        dimensions: Network dimensions, innermost first; all of them or none.
        device: Parts of the device.
        axis_links: Links of single axes of parallelism; merged over the proposal's, axis by axis. Where dimensions are
            given, the proposal's are dropped: they belong to the network it proposed, and a timing that knows links
            per axis would go on simulating that one.
    """

    dimensions: tuple[Dimension, ...] | None = attrs.field(
        default=None, converter=_tuple_or_none, validator=attrs.validators.optional(attrs.validators.min_len(1))
    )
    device: DevicePart | None = None
    axis_links: Mapping[str, Link] = attrs.field(factory=dict, converter=_links)

    def merged_over(self, other: SystemPart) -> SystemPart:
        """What two parts say together; this one where both do."""
        device = self.device
        if device is not None and other.device is not None:
            device = device.merged_over(other.device)
        return SystemPart(
            dimensions=self.dimensions or other.dimensions,
            device=device or other.device,
            axis_links={**other.axis_links, **self.axis_links},
        )

    def over(self, proposal: System | None) -> System:
        """The system: this part where it says something, else the proposal.

        Raises:
            FaultsError: Neither gives the network's dimensions.
        """
        dimensions = self.dimensions or (proposal.dimensions if proposal else ())
        if not dimensions:
            raise FaultsError("system", ["$.system.dimensions: is missing, and the workload's producer proposes none"])
        proposed_links = proposal.axis_links if proposal and not self.dimensions else {}
        return System(
            dimensions=dimensions,
            device=(self.device or DevicePart()).over(proposal.device if proposal else None),
            axis_links={**proposed_links, **self.axis_links},
        )


@attrs.frozen(kw_only=True)
class Workload:
    """One execution graph and where it runs.

    Attributes:
        label: Its name in this scenario.
        producer: The graph producer's name.
        options: The producer's options, as plain data.
        system: What is special about its system; merged over the scenario's, and that over the producer's proposal.
        pins: Labels of the pins that apply to it; None is all.
        backends: Labels of the instances that simulate it; None is all.
    """

    label: str
    producer: str
    options: Mapping[str, Any] = attrs.field(factory=dict, converter=_plain)
    system: SystemPart | None = None
    pins: tuple[str, ...] | None = attrs.field(default=None, converter=_tuple_or_none)
    backends: tuple[str, ...] | None = attrs.field(default=None, converter=_tuple_or_none)


@attrs.frozen(kw_only=True)
class DurationSource:
    """Durations of some nodes, taken from the simulation of another workload (hierarchical mode).

    A node of a phase takes the span of that phase in the other simulation.

    Attributes:
        nodes: Names of the nodes whose duration is replaced: a name, or a pattern with ``*``, ``?`` and ``[…]``.
        workload: Label of the workload that is simulated for it.
        backend: Label of the instance whose prediction is taken.
        pin: Label of the pin it is simulated under; None is the only one that applies to it.
    """

    nodes: str
    workload: str
    backend: str
    pin: str | None = None


@attrs.frozen(kw_only=True)
class Pin:
    """How work becomes time.

    Attributes:
        label: Its name in this scenario.
        compute: Times GEMMs, pointwise work and host transfers; None if no graph has any.
        folded: Times folded communication; None if no graph has any.
        options: Overrides of the producer's options under this pin.
        backends: Labels of the instances that simulate under it; None is all.
        durations: Durations taken from other simulations; the first that names a node decides.
    """

    label: str
    compute: TimingChoice | None = None
    folded: TimingChoice | None = None
    options: Mapping[str, Any] = attrs.field(factory=dict, converter=_plain)
    backends: tuple[str, ...] | None = attrs.field(default=None, converter=_tuple_or_none)
    durations: tuple[DurationSource, ...] = attrs.field(default=(), converter=_tuple)


@attrs.frozen(kw_only=True)
class Instance:
    """A simulator backend with its options; one backend may appear several times.

    Attributes:
        label: Its name in this scenario.
        backend: The backend's name.
        options: The backend's options, as plain data.
        network: The network timing that drives it; None is the backend's own choice.
    """

    label: str
    backend: str
    options: Mapping[str, Any] = attrs.field(factory=dict, converter=_plain)
    network: TimingChoice | None = None


DEFAULT_PINS = (Pin(label="as given"),)
"""The pins of a scenario that names none: for graphs whose work already is time."""


@attrs.frozen(kw_only=True)
class Scenario:
    """Everything one comparison needs.

    Attributes:
        name: For people.
        description: For people.
        workloads: The graphs; at least one.
        pins: The ways in which their work becomes time; at least one.
        system: What they run on, as far as the scenario says.
        backends: The simulators; at least one.
        reference: Label of the instance that the others are held against; None is the first that simulates.
    """

    name: str
    description: str = ""
    workloads: tuple[Workload, ...] = attrs.field(converter=_tuple, validator=attrs.validators.min_len(1))
    pins: tuple[Pin, ...] = attrs.field(default=DEFAULT_PINS, converter=_pins)
    system: SystemPart | None = None
    backends: tuple[Instance, ...] = attrs.field(converter=_tuple, validator=attrs.validators.min_len(1))
    reference: str | None = None

    def workload(self, label: str) -> Workload:
        """The workload of that label."""
        return _labelled("workload", label, self.workloads)

    def pin(self, label: str) -> Pin:
        """The pin of that label."""
        return _labelled("pin", label, self.pins)

    def instance(self, label: str) -> Instance:
        """The backend instance of that label."""
        return _labelled("backend instance", label, self.backends)

    def pins_of(self, workload: Workload) -> tuple[Pin, ...]:
        """The pins that apply to a workload, in the scenario's order."""
        return tuple(pin for pin in self.pins if workload.pins is None or pin.label in workload.pins)

    def instances_of(self, workload: Workload, pin: Pin) -> tuple[Instance, ...]:
        """The instances that simulate a workload under a pin, in the scenario's order."""
        return tuple(
            instance
            for instance in self.backends
            if all(labels is None or instance.label in labels for labels in (workload.backends, pin.backends))
        )

    def producer_options(self, workload: Workload, pin: Pin) -> dict[str, Any]:
        """The producer's options of a workload under a pin, as plain data."""
        return {**workload.options, **pin.options}

    def reference_of(self, instances: Sequence[Instance]) -> Instance:
        """Which of some instances is the reference: the one named, else the first."""
        return next((instance for instance in instances if instance.label == self.reference), instances[0])

    def system_of(self, workload: Workload, proposal: System | None) -> System:
        """What a workload runs on: its own part over the scenario's over its producer's proposal.

        Raises:
            FaultsError: None of them gives the network's dimensions.
        """
        part = self.system or SystemPart()
        if workload.system is not None:
            part = workload.system.merged_over(part)
        return part.over(proposal)


def _labelled(kind: str, label: str, items: Sequence[Labelled]) -> Labelled:
    for item in items:
        if item.label == label:
            return item
    raise UnknownNameError(kind, label, (item.label for item in items))
