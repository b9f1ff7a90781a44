"""The producer ``collective``: communication and nothing else, to see how simulators time it."""

# ruff: noqa: RUF009 - option() is attrs.field() with a help text
from __future__ import annotations

from typing import Any

import attrs
from versim import ExecutionGraph, GraphBuilder, Kind, Mesh, did_you_mean, option

_LARGEST = 2**63 - 1


def _at_least(least: int) -> Any:
    return [attrs.validators.instance_of(int), attrs.validators.ge(least)]


def _sizes(_: object, attribute: attrs.Attribute[Any], value: int | tuple[int, ...]) -> None:
    sizes = value if isinstance(value, tuple) else (value,)
    if not sizes:
        raise ValueError(f"{attribute.name} must hold at least one size")
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, int) or not 0 < size <= _LARGEST:
            raise ValueError(f"{attribute.name} must be a whole number above 0 and below 2^63, got {size!r}")


def _known_kind(_: object, attribute: attrs.Attribute[Kind], kind: Kind) -> None:
    if kind not in Kind.known:
        known = did_you_mean(kind, Kind.known)
        raise ValueError(f"{attribute.name} {kind.value!r} is none that simulators know{known}")


@attrs.frozen(kw_only=True)
class CollectiveOptions:
    """Options of the producer ``collective``."""

    kind: Kind = option(
        Kind.ALL_REDUCE,
        converter=Kind,
        validator=_known_kind,
        help="all_reduce, all_gather, reduce_scatter, all_to_all, broadcast or point_to_point",
    )
    size_bytes: int | tuple[int, ...] = option(
        1 << 20,
        validator=_sizes,
        help="bytes of the full tensor (all-gather: its output, reduce-scatter: its input); several make a sweep",
    )
    participants: int = option(8, validator=_at_least(2), help="ranks, all of which take part")
    count: int = option(1, validator=_at_least(1), help="how often each size is done")
    chained: bool = option(
        True,
        validator=attrs.validators.instance_of(bool),
        help="each starts when the one before has ended; false: all at once",
    )
    algorithm: str = option("", help="asked of the simulator, e.g. ring or direct; empty leaves it the choice")

    def __attrs_post_init__(self) -> None:
        if self.algorithm and self.kind is Kind.POINT_TO_POINT:
            raise ValueError("a point_to_point message has no algorithm; leave algorithm out")


@attrs.frozen
class CollectiveBenchmark:
    """The producer ``collective``: the same communication again and again, on the mesh (rank=p)."""

    name: str = "collective"
    options: type[CollectiveOptions] = CollectiveOptions

    def produce(self, options: CollectiveOptions) -> ExecutionGraph:
        """Size after size, each ``count`` times.

        Messages between two ranks go round the ring of all ranks, so that a chain of them between two is a ping-pong.
        """
        sizes = options.size_bytes if isinstance(options.size_bytes, tuple) else (options.size_bytes,)
        each = 2 if options.kind is Kind.POINT_TO_POINT else 1
        builder = GraphBuilder(Mesh.of(rank=options.participants), expecting=each * len(sizes) * options.count)
        after: tuple[int, ...] = ()
        for number, size_bytes in enumerate(size for size in sizes for _ in range(options.count)):
            name = f"{options.kind.value} of {size_bytes} bytes"
            if options.kind is Kind.POINT_TO_POINT:
                source = number % options.participants
                target = (number + 1) % options.participants
                last = builder.transfer(
                    name, size_bytes, source={"rank": source}, target={"rank": target}, after=after
                )[1]
            else:
                last = builder.collective(
                    name, options.kind, size_bytes, axes=("rank",), algorithm=options.algorithm, after=after
                )
            if options.chained:
                after = (last,)
        return builder.build("collective")
