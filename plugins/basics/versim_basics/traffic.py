"""The producer ``traffic``: patterns in which messages meet on links, to see what simulators make of contention."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
from versim import ExecutionGraph, GraphBuilder, Kind, Mesh, option

Place = tuple[int, int]
"""Node and place in it."""

Pairs = Iterator[tuple[Place, Place]]
"""Who sends to whom."""

_LARGEST = 2**62


def _everybody(nodes: int, places: int) -> Iterator[Place]:
    return ((node, place) for node in range(nodes) for place in range(places))


def _shift(nodes: int, places: int) -> Pairs:
    for node, place in _everybody(nodes, places):
        yield (node, place), ((node + 1) % nodes, place)


def _turn(nodes: int, places: int) -> Pairs:
    for node, place in _everybody(nodes, places):
        yield (node, place), ((node + nodes // 2) % nodes, place)


def _crossed(nodes: int, places: int) -> Pairs:
    for node, place in _everybody(nodes, places):
        yield (node, place), ((node + 1) % nodes, (place + 1) % places)


def _neighbours(nodes: int, places: int) -> Pairs:
    for node, place in _everybody(nodes, places):
        yield (node, place), divmod((node * places + place + 1) % (nodes * places), places)


def _transpose(nodes: int, places: int) -> Pairs:
    for node, place in _everybody(nodes, places):
        target = divmod(place * nodes + node, places)
        if target != (node, place):
            yield (node, place), target


def _incast(nodes: int, places: int) -> Pairs:
    for sender in _everybody(nodes, places):
        if sender != (0, 0):
            yield sender, (0, 0)


def _incast_across(nodes: int, places: int) -> Pairs:  # noqa: ARG001 - one place of each node
    for node in range(1, nodes):
        yield (node, 0), (0, 0)


def _drain(nodes: int, places: int) -> Pairs:
    for node, place in _everybody(nodes, places):
        if node:
            yield (node, place), (0, place)


MESSAGES: Mapping[str, Callable[[int, int], Pairs]] = {
    "shift": _shift,
    "turn": _turn,
    "neighbours": _neighbours,
    "crossed": _crossed,
    "transpose": _transpose,
    "incast": _incast,
    "incast_across": _incast_across,
    "drain": _drain,
}
"""Patterns of messages that all leave at once."""

COLLECTIVES: Mapping[str, tuple[Kind, tuple[str, ...], str]] = {
    "reduce_across": (Kind.ALL_REDUCE, ("node",), "ring"),
    "exchange": (Kind.ALL_TO_ALL, ("node", "place"), "direct"),
}
"""Patterns of collectives: what is done along which axes by which algorithm."""

PATTERNS = (*COLLECTIVES, *MESSAGES)


def _at_least(least: int) -> Any:
    return [attrs.validators.instance_of(int), attrs.validators.ge(least), attrs.validators.le(_LARGEST)]


@attrs.frozen(kw_only=True)
class TrafficOptions:
    """Options of the producer ``traffic``."""

    pattern: str = option(
        "shift",
        validator=attrs.validators.in_(PATTERNS),
        help="shift: to the same place of the next node; turn: of the node halfway round; neighbours: to the next "
        "rank; crossed: next node and next place; transpose: rows to columns; incast: all to rank 0; incast_across: "
        "the first of each node to rank 0; drain: all to their place in node 0; reduce_across: each place's all-reduce "
        "over all nodes; exchange: an all-to-all of all ranks",
    )
    nodes: int = option(4, validator=_at_least(2), help="nodes")
    places: int = option(8, validator=_at_least(2), help="ranks of each node")
    size_bytes: int = option(1 << 26, validator=_at_least(1), help="bytes of each message, or of the full tensor")


@attrs.frozen
class Traffic:
    """The producer ``traffic``: one pattern on the mesh (node, place), everybody at once."""

    name: str = "traffic"
    options: type[TrafficOptions] = TrafficOptions

    def produce(self, options: TrafficOptions) -> ExecutionGraph:
        """The pattern's messages, none of which waits for another, or its collectives."""
        builder = GraphBuilder(Mesh.of(node=options.nodes, place=options.places))
        name = options.pattern
        if name in COLLECTIVES:
            kind, axes, algorithm = COLLECTIVES[name]
            builder.collective(name, kind, options.size_bytes, axes=axes, algorithm=algorithm)
            return builder.build("traffic")
        for (node, place), (to_node, to_place) in MESSAGES[name](options.nodes, options.places):
            builder.transfer(
                f"{name} from node {node}, place {place}",
                options.size_bytes,
                source={"node": node, "place": place},
                target={"node": to_node, "place": to_place},
            )
        return builder.build("traffic")
