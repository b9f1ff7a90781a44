"""A plugin whose producer, timing, options and reporter never come back: ``-p endless.py``."""

from __future__ import annotations

import time
from typing import Any

import attrs
from versim import (
    Device,
    Dimension,
    GraphBuilder,
    HostTransfer,
    Link,
    Mesh,
    NoOptions,
    Rendering,
    System,
    Topology,
    hookimpl,
    option,
)


def _slept(value: float) -> float:
    time.sleep(600 if value else 0)
    return value


@attrs.frozen
class HangingOptions:
    """Options that hang where they are checked."""

    nap: float = option(0.0, converter=_slept, help="seconds, but all of ten minutes")


class Hanging:
    """A producer and a reporter that hang."""

    name = "hanging"
    options = HangingOptions

    def produce(self, _: HangingOptions) -> Any:  # noqa: D102
        time.sleep(600)

    def render(self, *_: Any) -> Rendering:  # noqa: D102
        time.sleep(600)
        return Rendering("")


class Transferring:
    """A producer whose node has to be timed."""

    name = "transferring"
    options = NoOptions

    def produce(self, _: NoOptions) -> Any:  # noqa: D102
        builder = GraphBuilder(Mesh(("rank",), (1,)))
        builder.compute("copy", [(HostTransfer(1), 1)])
        return builder.build()

    def system(self, _: NoOptions) -> System:  # noqa: D102
        link = Link(bandwidth_bytes_per_s=1e9, latency_s=1e-6)
        ring = Dimension(topology=Topology.RING, size=1, link=link)
        return System(dimensions=(ring,), device=Device(name="any"))


class HangingTiming:
    """A timing that hangs, of compute where it is asked and of communication where it is made."""

    name = "hanging"
    options = NoOptions

    def compute(self, _: NoOptions) -> HangingTiming:  # noqa: D102
        return self

    def network(self, _: NoOptions) -> HangingTiming:  # noqa: D102
        time.sleep(600)
        return self

    def times_s(self, *_: Any) -> list[float]:  # noqa: D102
        time.sleep(600)
        return []


@hookimpl
def versim_graph_producers() -> list[Any]:  # noqa: D103
    return [Hanging(), Transferring()]


@hookimpl
def versim_timing_models() -> list[Any]:  # noqa: D103
    return [HangingTiming()]


@hookimpl
def versim_reporters() -> list[Any]:  # noqa: D103
    return [Hanging()]
