"""A scenario: which graphs, pinned how, on what system, are given to which simulators.

Values are plain and immutable; make them in Python as well as in YAML, and vary them with ``attrs.evolve``. Options
stay plain data here (names to values): the component they belong to says what is valid, see
:func:`versim.registry.structure_options`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import attrs

from versim.errors import FaultsError, UnknownNameError, VersimError
from versim.fabric import ClusterChoice, Degradation, Device, Dimension, Link, System, data_sheet
from versim.fabric.degradation import faults_of
from versim.fabric.network import endpoint_count
from versim.graph import SlowDevices

UNWRITTEN = {"written": False}
"""Marks what is found out about a scenario, and is no part of its written form."""

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


def _layout(layout: str | Iterable[str] | None) -> str | tuple[str, ...] | None:
    return layout if layout is None or isinstance(layout, str) else tuple(layout)


def _first(mine: Any, theirs: Any) -> Any:
    return theirs if mine is None else mine


_DEVICE_FIGURES = ("name", "kernel_launch_overhead_s", "memory_bandwidth_bytes_per_s", "memory_bytes")


def _as_a_device_has_it(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None:
        Device(name="", **{attribute.name: value})


def _as_a_cluster_has_it(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None:
        ClusterChoice(preset="", **{attribute.name: value})


@attrs.frozen(kw_only=True)
class TimingChoice:
    """A timing model and its options, and who is asked for what it declines.

    Attributes:
        timing: The timing model's name.
        options: Its options, as plain data.
        otherwise: The rest of the chain: asked for what this one declines. Written as a list, ``[silicon, roofline]``.
    """

    timing: str
    options: Mapping[str, Any] = attrs.field(factory=dict, converter=_plain)
    otherwise: TimingChoice | None = None

    def chain(self) -> tuple[TimingChoice, ...]:
        """The links of the chain, in the order in which they are asked."""
        return (self, *(self.otherwise.chain() if self.otherwise else ()))


@attrs.frozen(kw_only=True)
class DevicePart:
    """What a scenario says about the device; what it leaves out comes from the producer's proposal.

    Attributes:
        preset: A data sheet by name, see :mod:`versim.fabric.data_sheets`.
        name: For people.
        kernel_launch_overhead_s: Seconds between two dependent kernels.
        peak_flop_per_s: Dense FLOP/s by dtype; merged over the data sheet's, key by key.
        memory_bandwidth_bytes_per_s: Of device memory.
        memory_bytes: Of device memory.
        parameters: What a compute timing knows beyond that; merged over the proposal's, key by key.
    """

    preset: str | None = None
    name: str | None = None
    kernel_launch_overhead_s: float | None = attrs.field(default=None, validator=_as_a_device_has_it)
    peak_flop_per_s: Mapping[str, float] = attrs.field(factory=dict, converter=_plain, validator=_as_a_device_has_it)
    memory_bandwidth_bytes_per_s: float | None = attrs.field(default=None, validator=_as_a_device_has_it)
    memory_bytes: int | None = attrs.field(default=None, validator=_as_a_device_has_it)
    parameters: Mapping[str, Any] = attrs.field(factory=dict, converter=_plain)

    def merged_over(self, other: DevicePart) -> DevicePart:
        """What two parts say together; this one where both do."""
        said: dict[str, Any] = {
            name: _first(getattr(self, name), getattr(other, name)) for name in ("preset", *_DEVICE_FIGURES)
        }
        said |= {name: {**getattr(other, name), **getattr(self, name)} for name in ("peak_flop_per_s", "parameters")}
        return DevicePart(**said)

    def over(self, proposal: Device | None) -> Device:
        """The device: this part where it says something, else its data sheet, else the proposal.

        A data sheet does not know what a compute timing needs beyond it, so the proposal's parameters stay, and with
        them the launch overhead that belongs to them. Without any of these, the device has no name and no parameters,
        which is enough where nothing computes.
        """
        base = proposal or Device(name="unnamed")
        if self.preset is not None:
            base = on_data_sheet(data_sheet(self.preset).device, proposal)
        given = {name: getattr(self, name) for name in _DEVICE_FIGURES if getattr(self, name) is not None}
        return attrs.evolve(
            base,
            **given,
            peak_flop_per_s={**base.peak_flop_per_s, **self.peak_flop_per_s},
            parameters={**base.parameters, **self.parameters},
        )


def on_data_sheet(sheet: Device, proposal: Device | None) -> Device:
    """A data sheet's device with what a producer proposes beyond a data sheet."""
    if proposal is None:
        return sheet
    overhead_s = proposal.kernel_launch_overhead_s if proposal.parameters else sheet.kernel_launch_overhead_s
    return attrs.evolve(sheet, parameters=proposal.parameters, kernel_launch_overhead_s=overhead_s)


_CLUSTER_KEYS = tuple(field.name for field in attrs.fields(ClusterChoice))


@attrs.frozen(kw_only=True)
class SystemPart:
    """What a scenario says about the system; what it leaves out comes from the producer's proposal.

    The network is given by a ``preset`` and what is different about it, or by ``dimensions``, or proposed.

    Attributes:
        preset: A cluster by name, see :mod:`versim.fabric.clusters`; it brings its device's data sheet along.
        nodes: Nodes of it; None is as many as the step has ranks for.
        gpus_per_node: Devices used of each node; None is all.
        nvlink_domain: Devices that one NVLink network joins, where it spans nodes.
        nic_bytes_per_s: What one network card carries in one direction; None is the preset's.
        nics_per_node: Network cards of a node; None is the preset's.
        oversubscription: What nodes may send into their network over what it carries; None is 1.
        dimensions: Network dimensions, innermost first; all of them or none.
        endpoints: How many there are of the places that the dimensions span, where the last block is partly filled;
            None is a place each. It belongs to ``dimensions``.
        layout: The order in which mesh axes are laid over endpoints: a name, or axes, fastest first; None is the
            producer's.
        device: Parts of the device.
        axis_links: Links of single axes of parallelism; merged over the proposal's, axis by axis. Where dimensions or
            a preset are given, the proposal's are dropped: they belong to the network it proposed, and a timing that
            knows links per axis would go on simulating that one.
        degraded: Links that are slower than their dimension's, or down; they replace those of a part below.
        slow_devices: Ranks whose compute takes longer; likewise.
    """

    preset: str | None = None
    nodes: int | None = attrs.field(default=None, validator=_as_a_cluster_has_it)
    gpus_per_node: int | None = attrs.field(default=None, validator=_as_a_cluster_has_it)
    nvlink_domain: int | None = attrs.field(default=None, validator=_as_a_cluster_has_it)
    nic_bytes_per_s: float | None = attrs.field(default=None, validator=_as_a_cluster_has_it)
    nics_per_node: int | None = attrs.field(default=None, validator=_as_a_cluster_has_it)
    oversubscription: float | None = attrs.field(default=None, validator=_as_a_cluster_has_it)
    dimensions: tuple[Dimension, ...] | None = attrs.field(
        default=None, converter=_tuple_or_none, validator=attrs.validators.optional(attrs.validators.min_len(1))
    )
    endpoints: int | None = None
    layout: str | tuple[str, ...] | None = attrs.field(default=None, converter=_layout)
    device: DevicePart | None = None
    axis_links: Mapping[str, Link] = attrs.field(factory=dict, converter=_links)
    degraded: tuple[Degradation, ...] = attrs.field(default=(), converter=_tuple)
    slow_devices: tuple[SlowDevices, ...] = attrs.field(default=(), converter=_tuple)

    def merged_over(self, other: SystemPart) -> SystemPart:
        """What two parts say together; this one where both do, and of two networks this one's."""
        device = self.device
        if device is not None and other.device is not None:
            device = device.merged_over(other.device)
        theirs = {name: getattr(other, name) for name in (*_CLUSTER_KEYS, "dimensions", "endpoints")}
        if self.dimensions is not None or self.preset not in (None, other.preset):
            theirs = dict.fromkeys(theirs)
        return SystemPart(
            **{name: _first(getattr(self, name), value) for name, value in theirs.items()},
            layout=_first(self.layout, other.layout),
            device=device or other.device,
            axis_links={**other.axis_links, **self.axis_links},
            degraded=self.degraded or other.degraded,
            slow_devices=self.slow_devices or other.slow_devices,
        )

    def cluster(self) -> ClusterChoice | None:
        """The cluster it names, with what is different about it."""
        if self.preset is None:
            return None
        given = {name: getattr(self, name) for name in _CLUSTER_KEYS if getattr(self, name) is not None}
        return ClusterChoice(**given)

    def over(self, proposal: System | None, world_size: int | None = None) -> System:
        """The system: this part where it says something, else the proposal.

        Args:
            proposal: The producer's.
            world_size: Ranks of the step; needed for a preset without a number of nodes.

        Raises:
            FaultsError: Neither gives the network's dimensions, or the preset and the ranks do not go together.
        """
        proposed = proposal.device if proposal else None
        dimensions = self.dimensions or (proposal.dimensions if proposal else ())
        endpoints = self.endpoints if self.dimensions or not proposal else proposal.endpoints
        cluster = self.cluster()
        if cluster is not None:
            try:
                named = cluster.system(world_size)
            except VersimError as error:
                raise FaultsError("system", [f"$.system: {error}"]) from None
            dimensions, endpoints = named.dimensions, named.endpoints
            proposed = on_data_sheet(named.device, proposed)
        if not dimensions:
            raise FaultsError(
                "system",
                ["$.system.dimensions: is missing, and the workload's producer proposes none; or name a preset"],
            )
        own_network = bool(self.dimensions or cluster)
        try:
            endpoint_count(dimensions, endpoints)
        except ValueError as error:
            raise FaultsError("system", [f"$.system.endpoints: {error}"]) from None
        broken = faults_of(self.degraded, dimensions, endpoints)
        faults = [f"$.system.degraded[{place}]: {fault}" for place, fault in broken]
        if faults:
            raise FaultsError("system", faults)
        return System(
            dimensions=dimensions,
            device=(self.device or DevicePart()).over(proposed),
            axis_links={**(proposal.axis_links if proposal and not own_network else {}), **self.axis_links},
            degraded=self.degraded or (proposal.degraded if proposal and not own_network else ()),
            endpoints=endpoints,
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
        declares: Deviations that are meant: name of a check ─▶ why. Such a check reads "as declared", not FAILED.
        if_installed: Leave it out where its plugin, or the program that it runs, is not there; loading a scenario
            does, and what is left is not optional any more.
    """

    label: str
    backend: str
    options: Mapping[str, Any] = attrs.field(factory=dict, converter=_plain)
    network: TimingChoice | None = None
    declares: Mapping[str, str] = attrs.field(factory=dict, converter=_plain)
    if_installed: bool = False


DEFAULT_PINS = (Pin(label="as given"),)
"""The pins of a scenario that names none: for graphs whose work already is time."""


def _texts(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


@attrs.frozen(kw_only=True)
class Search:
    """What ``versim sweep`` varies in a scenario, unless its command line says otherwise.

    Attributes:
        vary: Key ─▶ its values, as a list or as a text such as ``1..64*2``; ``"a,b"`` are two keys in step.
        where: Conditions that a configuration has to meet.
        sample: How many configurations are taken, at random; None takes all.
        seed: Of chance.
    """

    vary: Mapping[str, Any] = attrs.field(factory=dict, converter=_plain)
    where: str | tuple[str, ...] = attrs.field(default=(), converter=_texts)
    sample: int | None = attrs.field(default=None, validator=attrs.validators.optional(attrs.validators.ge(1)))
    seed: int = 0


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
        search: What `versim sweep` varies; nothing else looks at it.
        left_out: Labels of the optional instances that are not installed here, each with why; found by loading, never
            written.
    """

    name: str
    description: str = ""
    workloads: tuple[Workload, ...] = attrs.field(converter=_tuple, validator=attrs.validators.min_len(1))
    pins: tuple[Pin, ...] = attrs.field(default=DEFAULT_PINS, converter=_pins)
    system: SystemPart | None = None
    backends: tuple[Instance, ...] = attrs.field(converter=_tuple, validator=attrs.validators.min_len(1))
    reference: str | None = None
    search: Search | None = None
    left_out: Mapping[str, str] = attrs.field(factory=dict, converter=_plain, metadata=UNWRITTEN)

    def __repr__(self) -> str:
        workloads, backends = (", ".join(one.label for one in some) for some in (self.workloads, self.backends))
        return f"<Scenario {self.name!r}: {workloads} through {backends}>"

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

    def system_part(self, workload: Workload) -> SystemPart:
        """What is said about a workload's system: its own part over the scenario's."""
        part = self.system or SystemPart()
        return part if workload.system is None else workload.system.merged_over(part)

    def system_of(self, workload: Workload, proposal: System | None, world_size: int | None = None) -> System:
        """What a workload runs on: its own part over the scenario's over its producer's proposal.

        Args:
            workload: The workload.
            proposal: The producer's.
            world_size: Ranks of its graph.

        Raises:
            FaultsError: None of them gives the network's dimensions.
        """
        return self.system_part(workload).over(proposal, world_size)


def _labelled(kind: str, label: str, items: Sequence[Labelled]) -> Labelled:
    for item in items:
        if item.label == label:
            return item
    raise UnknownNameError(kind, label, (item.label for item in items))
