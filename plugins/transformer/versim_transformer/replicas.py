"""What data-parallel replicas tell one another: gradients, and parameters where each keeps a share."""

from __future__ import annotations

import math

import attrs
from versim import Kind

from versim_transformer.architecture import Parameters
from versim_transformer.pieces import Collective, collective
from versim_transformer.settings import Settings, Sharding


@attrs.frozen
class Held:
    """Parameters on one rank.

    Attributes:
        dense: Of everything but experts.
        experts: Of experts.
    """

    dense: float = 0.0
    experts: float = 0.0

    def __add__(self, other: Held) -> Held:
        return Held(self.dense + other.dense, self.experts + other.experts)

    @property
    def total(self) -> float:
        """All of them."""
        return self.dense + self.experts


def held(settings: Settings, parameters: Parameters) -> Held:
    """What one rank holds of some parameters, before replicas share it."""
    parallel = settings.parallelism
    dense = parameters.sharded / parallel.tp + parameters.replicated
    return Held(dense, parameters.experts / (parallel.ep * parallel.etp))


def reduced(settings: Settings, parameters: Held) -> tuple[Collective, ...]:
    """The reduction of gradients over the replicas: whole, or each its share."""
    whole = settings.sharding is Sharding.NONE or (settings.sharding is Sharding.ZERO1 and settings.reduce_whole)
    kind = Kind.ALL_REDUCE if whole else Kind.REDUCE_SCATTER
    return _over_replicas(settings, "gradients", kind, parameters, settings.reduce_bytes)


def gathered(settings: Settings, parameters: Held) -> tuple[Collective, ...]:
    """Parameters from the replicas that keep a share of them."""
    return _over_replicas(settings, "parameters", Kind.ALL_GATHER, parameters, settings.gather_bytes)


def _over_replicas(
    settings: Settings, what: str, kind: Kind, parameters: Held, element_bytes: float
) -> tuple[Collective, ...]:
    layout = settings.layout
    verb = "gather" if kind is Kind.ALL_GATHER else "reduce"
    found: list[Collective] = []
    for name, count, axes in (
        (f"{verb} {what}", parameters.dense, layout.dp),
        (f"{verb} {what} of experts", parameters.experts, layout.edp),
    ):
        if count > 0:
            found += collective(name, kind, math.ceil(count) * element_bytes, axes, layout.size(axes))
    return tuple(found)
