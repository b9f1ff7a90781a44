"""What the sweep of collectives was asked, and what every model answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs

from versim.curves.collective_errors import ErrorTable, error_table
from versim.curves.communication_curves import SweptCommunication
from versim.curves.curve import Crossing, Curve
from versim.fabric import ClusterChoice, Device, Dimension, Link, System, Topology
from versim.terminal import chosen_time
from versim.units import GB
from versim.work import Kind


def _ascending(values: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(set(values)))


def _kinds(values: Iterable[Kind | str]) -> tuple[Kind, ...]:
    return tuple(dict.fromkeys(Kind(value) for value in values))


def _words(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _each_at_least(least: int) -> Callable[[object, attrs.Attribute[tuple[int, ...]], tuple[int, ...]], None]:
    def check(_: object, attribute: attrs.Attribute[tuple[int, ...]], values: tuple[int, ...]) -> None:
        if not values or values[0] < least:
            raise ValueError(f"{attribute.name} must be one or more whole numbers of at least {least}, got {values}")

    return check


@attrs.frozen(kw_only=True)
class SweepRange:
    """What is swept, and on what network.

    Attributes:
        kinds: What is done.
        sizes_bytes: Of the full tensor, see :mod:`versim.work`; kept ascending.
        ranks: Each number of ranks is a network of that many, kept ascending.
        algorithms: "" leaves a model the choice.
        topology: How the ranks are joined.
        link: Each link of it.
        device: Every rank's; some models charge local memory for a collective.
        cluster: The ranks are as many of this cluster's, with its network and device, instead.
    """

    kinds: tuple[Kind, ...] = attrs.field(converter=_kinds, validator=attrs.validators.min_len(1))
    sizes_bytes: tuple[int, ...] = attrs.field(converter=_ascending, validator=_each_at_least(1))
    ranks: tuple[int, ...] = attrs.field(converter=_ascending, validator=_each_at_least(2))
    algorithms: tuple[str, ...] = attrs.field(default=("",), converter=_words, validator=attrs.validators.min_len(1))
    topology: Topology = attrs.field(default=Topology.RING, converter=Topology)
    link: Link
    device: Device = attrs.field(factory=lambda: Device(name="none"))
    cluster: ClusterChoice | None = None

    def in_words(self) -> str:
        """What the collectives run on."""
        if self.cluster is not None:
            return f"Each collective alone on {self.cluster.preset}, on as many ranks as take part"
        rate = f"{self.link.bandwidth_bytes_per_s / GB:g} GB/s and {chosen_time(self.link.latency_s)} per link"
        return f"Each collective alone on a {self.topology.value} of its ranks: {rate}; device {self.device.name}"

    def system(self, ranks: int) -> System:
        """What so many ranks run on."""
        if self.cluster is not None:
            return self.cluster.system(ranks)
        network = Dimension(topology=self.topology, size=ranks, link=self.link)
        return System(dimensions=(network,), device=self.device)


@attrs.frozen(kw_only=True)
class CollectiveSweep:
    """What every model answered.

    Attributes:
        range: What was asked.
        models: Label ─▶ what it is, in the order asked.
        reference: The label that ratios refer to.
        curves: One per kind, number of ranks, algorithm and model, in that order.
        crossings: Where curves cross.
        measured_models: Labels of models whose times were measured.
        noise: Label ─▶ band ─▶ how far repeated measurements are apart, for measured models that know.
    """

    range: SweepRange
    models: dict[str, str]
    reference: str
    curves: tuple[Curve, ...]
    crossings: tuple[Crossing, ...]
    measured_models: frozenset[str] = frozenset()
    noise: Mapping[str, Mapping[str, float]] = attrs.field(factory=dict)

    def curve(self, model: str, kind: Kind, ranks: int, algorithm: str) -> Curve:
        """One curve; ``KeyError`` if it was not asked."""
        for curve in self.curves:
            if (curve.model, curve.kind, curve.ranks, curve.algorithm) == (model, kind, ranks, algorithm):
                return curve
        raise KeyError((model, kind, ranks, algorithm))

    def ratio(self, curve: Curve, size_bytes: int) -> float | None:
        """Time over that of the reference; None if either has none, or the reference takes none."""
        reference = self.curve(self.reference, curve.kind, curve.ranks, curve.algorithm)
        mine, theirs = curve.time_s(size_bytes), reference.time_s(size_bytes)
        return None if mine is None or not theirs else mine / theirs

    def measured(self, curve: Curve) -> Curve | None:
        """The reference curve beside a curve if the reference was measured, and is not the curve itself."""
        if self.reference not in self.measured_models or curve.model == self.reference:
            return None
        found = self.curve(self.reference, curve.kind, curve.ranks, curve.algorithm)
        return found if any(found.times_s) and any(curve.times_s) else None

    def errors(self, curves: Sequence[Curve]) -> ErrorTable | None:
        """Errors of curves of one kind, number of ranks and algorithm; None unless the reference was measured."""
        against = next((found for found in map(self.measured, curves) if found is not None), None)
        if against is None:
            return None
        others = [curve for curve in curves if self.measured(curve) is not None]
        return error_table(others, against, self.noise.get(self.reference, {}))

    def communications(self) -> tuple[SweptCommunication, ...]:
        """The same per kind and number of ranks, all algorithms together, as a report has a step's communications."""
        found: dict[tuple[Kind, int], list[Curve]] = {}
        for curve in self.curves:
            found.setdefault((curve.kind, curve.ranks), []).append(curve)
        return tuple(
            SweptCommunication(
                name=kind.value,
                kind=kind,
                ranks=tuple(range(ranks)),
                curves=tuple(sorted(curves, key=lambda curve: curve.model != self.reference)),
                crossings=tuple(c for c in self.crossings if (c.kind, c.ranks) == (kind, ranks)),
            )
            for (kind, ranks), curves in found.items()
        )
