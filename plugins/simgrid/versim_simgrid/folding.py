"""Ranks that behave alike, simulated once.

SimGrid's messages are flows: what they get of links is max-min fair, of which there is exactly one, and no flow is
served before another. So a step may be folded where ranks, messages and links have colours such that

- ranks of one colour run the same nodes, and take part in messages of the same colours, each in the same role;
- messages of one colour belong to one round of one communication, are of one size, go between ranks of the same
  colours, and cross links of the same colours, with the same latency;
- links of one colour have one bandwidth, and of each colour of messages the same number crosses each.

Then, by induction over time, what has one colour starts together, gets the same rate, and ends together: rates that are
max-min fair for one of each colour, given to all, are max-min fair for all. Beyond that no link may be crossed by two
messages of one colour, so that the links of the folded network are plain links. Colours are looked for that split the
rank classes of the graph no further, or else those with some axes written out; if there are none, every rank is
simulated.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence

import attrs
from versim import ExecutionGraph, Kind, RankClasses, VersimError

from versim_simgrid.collectives import Collectives
from versim_simgrid.communications import Communications
from versim_simgrid.fabric import Fabric, FabricLink

Colour = int


@attrs.frozen
class FoldedMessage:
    """All messages of one colour.

    Attributes:
        size_bytes: Of each.
        source: Class of the senders.
        target: Class of the receivers.
        route: In the folded network.
    """

    size_bytes: int
    source: int
    target: int
    route: int


class FoldedFabric:
    """One link for all links of a colour; see :class:`versim_simgrid.fabric.Fabric`.

    Hosts are the classes of ranks, and two for each route, which joins nothing else.

    Attributes:
        links: One of each colour.
        members: Names of the links of each colour.
        routes: As (source, target, links).
        hosts: How many.
    """

    def __init__(self, classes: int) -> None:
        self.links: list[FabricLink] = []
        self.members: list[tuple[str, ...]] = []
        self.routes: list[tuple[int, int, tuple[int, ...]]] = []
        self.hosts = classes
        self._latencies_s: list[float] = []
        self._numbers: dict[tuple[tuple[int, ...], float], int] = {}

    def add_route(self, links: tuple[int, ...], latency_s: float) -> int:
        """Number of the route over these links, of which each counts once."""
        key = (links, latency_s)
        if key not in self._numbers:
            self._numbers[key] = len(self.routes)
            self.routes.append((self.hosts, self.hosts + 1, links))
            self._latencies_s.append(latency_s)
            self.hosts += 2
        return self._numbers[key]

    def latency_s(self, route: int) -> float:
        """Seconds of all links that a message crosses, also of those that are one link here."""
        return self._latencies_s[route]

    def names(self, link: int) -> tuple[str, ...]:
        """The links of the network that one link here stands for."""
        return self.members[link]


@attrs.frozen
class Folding:
    """A step's communications by rank class.

    Attributes:
        classes: The rank classes.
        fabric: The network of one link per colour.
        rounds: Per exchange of :class:`Communications` and classes that meet, its rounds of messages.
    """

    classes: RankClasses
    fabric: FoldedFabric
    rounds: Mapping[tuple[int, Hashable], Sequence[Sequence[FoldedMessage]]]


@attrs.frozen
class _Message:
    """One message: of which exchange and group, in which round, and what it crosses."""

    exchange: int
    group: tuple[int, ...]
    round_: int
    size_bytes: int
    source: int
    target: int
    offset: int
    route: int


def meeting_of(kind: Kind, classes: Sequence[int]) -> Hashable:
    """What tells the meetings of one communication apart: sender and receiver, or the classes of a group."""
    return tuple(classes) if kind is Kind.POINT_TO_POINT else frozenset(classes)


def folding_of(
    graph: ExecutionGraph, fabric: Fabric, collectives: Collectives, communications: Communications
) -> Folding | None:
    """The coarsest folding that is found; None if each rank has to be simulated."""
    try:
        messages = list(_messages(fabric, collectives, communications))
    except VersimError:
        return None  # whoever writes every rank out says at which node
    for classes in _candidates(graph):
        found = _folded(classes, fabric, communications, messages)
        if found is not None:
            return found
    return None


def _candidates(graph: ExecutionGraph) -> Iterator[RankClasses]:
    """Rank classes of the graph, the coarsest first: these with ever more axes written out, but not all."""
    coarsest, single = RankClasses.of(graph), RankClasses.single(graph.mesh)
    axes = [axis for axis, count in enumerate(coarsest.sizes) if count < graph.mesh.sizes[axis]]
    written = [some for count in range(len(axes)) for some in itertools.combinations(axes, count)]
    found = []
    for some in written:
        parts = [(single if axis in some else coarsest) for axis in range(len(coarsest.sizes))]
        of_index = tuple(part.of_index[axis] for axis, part in enumerate(parts))
        first_index = tuple(part.first_index[axis] for axis, part in enumerate(parts))
        found.append(RankClasses(graph.mesh, of_index, first_index))
    yield from sorted(found, key=lambda classes: classes.count)


def _messages(fabric: Fabric, collectives: Collectives, communications: Communications) -> Iterator[_Message]:
    for number, exchange in enumerate(communications.exchanges):
        for group in exchange.groups:
            size = len(group)
            # In the direct algorithm a rank's messages of a round differ by how far they go round the group.
            direct = (
                exchange.kind is not Kind.POINT_TO_POINT
                and collectives.algorithm(exchange.kind, size, exchange.algorithm) == "direct"
            )
            for place, wave in enumerate(
                collectives.rounds(exchange.kind, exchange.size_bytes, size, exchange.algorithm)
            ):
                for source, target, size_bytes in wave:
                    yield _Message(
                        exchange=number,
                        group=group,
                        round_=place,
                        size_bytes=size_bytes,
                        source=group[source],
                        target=group[target],
                        offset=(target - source) % size if direct else 0,
                        route=fabric.route(group[source], group[target]),
                    )


def _folded(
    classes: RankClasses, fabric: Fabric, communications: Communications, messages: Sequence[_Message]
) -> Folding | None:
    of_rank = classes.of_rank().tolist()
    exchanges = communications.exchanges
    met = {
        (number, group): meeting_of(exchange.kind, [of_rank[rank] for rank in group])
        for number, exchange in enumerate(exchanges)
        for group in exchange.groups
    }
    keys = [
        (m.exchange, met[m.exchange, m.group], m.round_, m.size_bytes, of_rank[m.source], of_rank[m.target], m.offset)
        for m in messages
    ]
    colours, of_link = _refined(keys, [fabric.routes[m.route][2] for m in messages], fabric)
    if not (_alike(of_rank, messages, colours) and _once(fabric, messages, colours)):
        return None
    return _made(classes, fabric, keys, messages, colours, of_link)


def _refined(
    keys: Sequence[Hashable], routes: Sequence[tuple[int, ...]], fabric: Fabric
) -> tuple[list[Colour], list[Colour]]:
    """Colours of messages and links, split until messages of one colour cross links of the same colours and v.v."""
    links = _numbered([(link.bandwidth_bytes_per_s, link.latency_s) for link in fabric.links])
    messages = _numbered(keys)
    while True:
        counts = len(set(messages)), len(set(links))
        messages = _numbered(
            [(colour, *(links[link] for link in route)) for colour, route in zip(messages, routes, strict=True)]
        )
        crossing: list[Counter[Colour]] = [Counter() for _ in links]
        for colour, route in zip(messages, routes, strict=True):
            for link in route:
                crossing[link][colour] += 1
        links = _numbered([(colour, frozenset(crossing[link].items())) for link, colour in enumerate(links)])
        if (len(set(messages)), len(set(links))) == counts:
            return messages, links


def _numbered(keys: Sequence[Hashable]) -> list[Colour]:
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]


def _alike(of_rank: Sequence[int], messages: Sequence[_Message], colours: Sequence[Colour]) -> bool:
    """True if ranks of one class take part in messages of the same colours."""
    parts: list[Counter[tuple[Colour, bool]]] = [Counter() for _ in of_rank]
    for message, colour in zip(messages, colours, strict=True):
        parts[message.source][colour, True] += 1
        parts[message.target][colour, False] += 1
    first: dict[int, Counter[tuple[Colour, bool]]] = {}
    return all(first.setdefault(number, parts[rank]) == parts[rank] for rank, number in enumerate(of_rank))


def _once(fabric: Fabric, messages: Sequence[_Message], colours: Sequence[Colour]) -> bool:
    """True if no two messages of one colour cross one link."""
    crossed: set[tuple[int, Colour]] = set()
    for message, colour in zip(messages, colours, strict=True):
        for link in fabric.routes[message.route][2]:
            if (link, colour) in crossed:
                return False
            crossed.add((link, colour))
    return True


def _made(
    classes: RankClasses,
    fabric: Fabric,
    keys: Sequence[tuple[int, Hashable, int, int, int, int, int]],
    messages: Sequence[_Message],
    colours: Sequence[Colour],
    of_link: Sequence[Colour],
) -> Folding:
    folded = FoldedFabric(classes.count)
    names: dict[Colour, list[str]] = {}
    for link, colour in zip(fabric.links, of_link, strict=True):
        if colour not in names:
            folded.links.append(link)
        names.setdefault(colour, []).append(link.name)
    folded.members.extend(tuple(names[colour]) for colour in range(len(folded.links)))
    rounds: dict[tuple[int, Hashable], list[list[FoldedMessage]]] = {}
    seen: set[Colour] = set()
    for key, message, colour in zip(keys, messages, colours, strict=True):
        if colour in seen:
            continue
        seen.add(colour)
        number, met, place, size_bytes, source, target, _ = key
        waves = rounds.setdefault((number, met), [])
        waves.extend([] for _ in range(place + 1 - len(waves)))
        crossed = tuple(dict.fromkeys(of_link[link] for link in fabric.routes[message.route][2]))
        route = folded.add_route(crossed, fabric.latency_s(message.route))
        waves[place].append(FoldedMessage(size_bytes, source, target, route))
    return Folding(classes, folded, rounds)
