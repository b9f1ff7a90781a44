"""Pinning: work becomes integer nanoseconds, and with graph and system the inputs that every simulator is given.

Folded communication is part of compute, so whoever times it changes the pin.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar
from weakref import WeakKeyDictionary

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.chains import ComputeChain, NetworkChain, held_to_rows
from versim.errors import FaultsError, VersimError
from versim.fabric import Message, System
from versim.graph import NONE, ExecutionGraph, distinct_communications
from versim.graph.columns import Op
from versim.graph.forms import of_form
from versim.immutable import unwritable
from versim.inputs import Inputs
from versim.mesh import Mesh, Placement
from versim.picoseconds import LONGEST_NS
from versim.sizes import StepSizes
from versim.timing import ComputeTiming, NetworkTiming, Origin, OriginShare, Source
from versim.units import NS_PER_S
from versim.work import DeviceTerm, Fixed, Folded, Term


def pin(
    graph: ExecutionGraph,
    system: System,
    compute: ComputeTiming | None = None,
    folded: NetworkTiming | None = None,
    *,
    durations_s: Mapping[int, float] | None = None,
    label: str = "",
    provenance: Mapping[str, str] | None = None,
    sizes: StepSizes | None = None,
    origins: bool = True,
) -> Inputs:
    """Turn work into nanoseconds.

    Args:
        graph: The step.
        system: Its device times compute; its links time folded communication.
        compute: Times GEMMs, pointwise work and host transfers; may be left out if the graph has none.
        folded: Times folded communication; may be left out if the graph has none.
        durations_s: Rows whose duration is given, e.g. by another simulation, instead of timed.
        label: The pin's name.
        provenance: Who timed what.
        sizes: What the step amounts to, for reports.
        origins: Ask where seconds come from, too; reports say it.

    Raises:
        VersimError: A timing is missing, or returned something that is not a duration.
        FaultsError: The terms of a node add up to something that is not a duration.
        ValueError: ``durations_s`` names a row that is no compute node.
    """
    for row in durations_s or {}:
        if not 0 <= row < graph.node_count or graph.op[row] != Op.COMPUTE:
            raise ValueError(f"durations_s names row {row}, which is no compute node of {graph}")
    given = durations_s or {}
    number, counts = of_form(graph, "pinning.alike", lambda: _alike(graph))
    timed = _counts_but_for(given, number, counts) if given else counts
    terms = None if given else _TERMS.get(graph)
    if terms is None:
        terms = _terms_of(graph, timed)
        if not given:
            _TERMS[graph] = terms
    times = _term_times(terms, system, compute, folded, origins=origins)
    # Times of pairs, times that are given, and one that serves communications, whose number is NONE (-1).
    distinct_s = np.array([*map(times.of_pair, counts), *given.values(), 0.0])
    if given:
        number = number.copy()
        number[list(given)] = np.arange(len(given)) + len(counts)
    compute_s = unwritable(distinct_s[number])
    sound = np.isfinite(distinct_s) & (distinct_s >= 0) & (distinct_s * NS_PER_S < LONGEST_NS)
    if not sound.all() and len(bad := np.flatnonzero(~sound[number])):
        raise FaultsError(
            f"pin {label!r}",
            [
                f"node {row} ({graph.node_name(row)!r}) takes {compute_s[row]} s; a duration has to be a finite "
                f"number from 0 to {LONGEST_NS / NS_PER_S:.0f} s"
                for row in bad[:20].tolist()
            ],
        )
    compute_ns = np.rint(np.where(sound, distinct_s, 0.0) * NS_PER_S).astype(np.int64)[number]
    # Sums over nodes are taken in int64.
    if compute_s.sum() >= 2**62 / NS_PER_S:
        longest = int(np.argmax(compute_ns))
        fault = (
            f"its nodes take {compute_s.sum():g} s in all, node {longest} ({graph.node_name(longest)!r}) alone "
            f"{compute_s[longest]:g} s; nanoseconds are counted up to {2**62 / NS_PER_S:g} s"
        )
        raise FaultsError(f"pin {label!r}", [fault])
    return Inputs(
        graph=graph,
        compute_s=compute_s,
        compute_ns=compute_ns,
        system=system,
        label=label,
        provenance=dict(provenance or {}),
        origins=_shares(graph, times, timed, given) if origins else (),
        sizes=sizes,
    )


_Timed = Term | Message
"""A term, or of a folded communication the message that it is where its node stands."""


def _alike(graph: ExecutionGraph) -> tuple[NDArray[np.int32], dict[tuple[int, int], int]]:
    """Pairs of a work and a placement: the number of each node's, NONE where it has none; and how many have each."""
    number = np.full(graph.node_count, NONE, dtype=np.int32)
    for place, rows in enumerate(graph.computing().values()):
        number[rows] = place
    return number, {pair: len(rows) for pair, rows in graph.computing().items()}


def _counts_but_for(
    given: Iterable[int], number: NDArray[np.int32], counts: Mapping[tuple[int, int], int]
) -> dict[tuple[int, int], int]:
    """The pairs of all nodes but those on some rows, and how many nodes have each."""
    less = np.bincount(number[list(given)], minlength=len(counts)).tolist()
    return {pair: left for (pair, nodes), gone in zip(counts.items(), less, strict=True) if (left := nodes - gone)}


Uses = Sequence[tuple[float, int]]
"""How often each of some terms is done, and their numbers."""


@attrs.frozen(eq=False)
class _Terms:
    """What is timed of a graph, the same for all pins of it.

    Attributes:
        timed: Every distinct term, or message that it is where its node stands, and its number.
        anywhere: Of a work, its terms that take as long wherever it is done.
        placed: Of a pair of a work and a placement, its folded communications.
    """

    timed: dict[_Timed, int] = attrs.field(factory=dict)
    anywhere: dict[int, Uses] = attrs.field(factory=dict)
    placed: dict[tuple[int, int], Uses] = attrs.field(factory=dict)


_TERMS: WeakKeyDictionary[ExecutionGraph, _Terms] = WeakKeyDictionary()
"""Of all compute nodes; goes with the graph, which never changes."""


def _terms_of(graph: ExecutionGraph, pairs: Iterable[tuple[int, int]]) -> _Terms:
    """The terms of pairs of a work and a placement."""
    found = _Terms()
    timed = found.timed
    folded: dict[int, Sequence[tuple[Folded, float]]] = {}
    messages: dict[tuple[Folded, int], Message] = {}
    for pair in pairs:
        work, placement = pair
        if work not in folded:
            terms = graph.works[work]
            folded[work] = [(term, count) for term, count in terms if isinstance(term, Folded)]
            others = ((term, count) for term, count in terms if not isinstance(term, Folded))
            found.anywhere[work] = [(count, timed.setdefault(term, len(timed))) for term, count in others]
        uses = []
        for term, count in folded[work]:
            if (term, placement) not in messages:
                messages[term, placement] = _folded_message(graph, term, placement)
            uses.append((count, timed.setdefault(messages[term, placement], len(timed))))
        found.placed[pair] = uses
    return found


@attrs.frozen(eq=False)
class _TermTimes:
    """Seconds of every distinct term that is in use, by its number, and where those of timed terms come from."""

    terms: _Terms
    seconds: list[float]
    origin: dict[int, tuple[str, Origin]] = attrs.field(factory=dict)
    _anywhere: dict[int, tuple[list[float], float]] = attrs.field(factory=dict)

    def of_pair(self, pair: tuple[int, int]) -> float:
        """Seconds of a node with this work on a placement; 0 for a pair that is not in use."""
        placed = self.terms.placed.get(pair)
        if placed is None:
            return 0.0
        work, seconds = pair[0], self.seconds
        if work not in self._anywhere:
            each = [count * seconds[number] for count, number in self.terms.anywhere[work]]
            self._anywhere[work] = each, math.fsum(each)
        others, whole = self._anywhere[work]
        return math.fsum([*others, *(count * seconds[number] for count, number in placed)]) if placed else whole

    def learn(self, role: str, numbers: Sequence[int], times_s: NDArray[np.float64], origins: Sequence[Origin]) -> None:
        """Take over what a timing said."""
        for number, time_s in zip(numbers, times_s.tolist(), strict=True):
            self.seconds[number] = time_s
        self.origin.update((row, (role, origin)) for row, origin in zip(numbers, origins, strict=bool(origins)))


def _folded_message(graph: ExecutionGraph, term: Folded, placement: int) -> Message:
    """A folded communication as a network timing sees it: between ranks where its axes are the mesh's."""
    first = _first_group(graph.mesh, graph.placements[placement], term.axis)
    # Where the parallelism inside the node is another than the mesh's, its place is not known.
    ranks = first if len(first) == term.participants else ()
    return Message(term.kind, term.size_bytes, term.participants, term.axis, ranks)


@functools.lru_cache(maxsize=1024)
def _first_group(mesh: Mesh, place: Placement, axis: str) -> tuple[int, ...]:
    axes = axis.split("+")
    return mesh.first_group(place, axes) if set(axes) <= set(mesh.names) else ()


def folded_messages(graph: ExecutionGraph) -> tuple[Message, ...]:
    """Every distinct folded communication of a graph as the timing that a pin names for them sees it."""
    found: dict[Message, None] = {}
    used = np.flatnonzero(graph.work != NONE)
    pairs = np.unique(np.stack([graph.work[used], graph.placement[used]], axis=1), axis=0)
    for work, placement in pairs.tolist():
        for term, _ in graph.works[work]:
            if isinstance(term, Folded):
                found[_folded_message(graph, term, placement)] = None
    return tuple(found)


def _term_times(
    terms: _Terms,
    system: System,
    compute: ComputeTiming | None,
    folded: NetworkTiming | None,
    *,
    origins: bool,
) -> _TermTimes:
    times = _TermTimes(terms, [term.duration_s if isinstance(term, Fixed) else 0.0 for term in terms.timed])
    device: dict[DeviceTerm, int] = {}
    inside: dict[Message, int] = {}
    for row, number in terms.timed.items():
        if isinstance(row, Message):
            inside[row] = number
        elif not isinstance(row, Fixed | Folded):
            device[row] = number
    if device:
        rows = tuple(device)
        if compute is None:
            raise VersimError(f"{rows[0]} has to be timed; name a compute timing in the pin (compute: …)")
        chain = compute if isinstance(compute, ComputeChain) else ComputeChain((_name(compute),), (compute,))
        times_s, said = chain.answers(rows, system.device, origins=origins)
        seconds = _durations(
            times_s, rows, "compute", chain.names, lambda term: chain.why_declined(term, system.device)
        )
        times.learn("compute", tuple(device.values()), seconds, said)
    if inside:
        messages = tuple(inside)
        if folded is None:
            raise VersimError(f"{messages[0]} has to be timed; name a network timing in the pin (folded: …)")
        network = folded if isinstance(folded, NetworkChain) else NetworkChain((_name(folded),), (folded,))
        times_s, said = network.answers(messages, system, origins=origins)
        seconds = _durations(times_s, messages, "folded", network.names, lambda row: network.why_declined(row, system))
        times.learn("folded", tuple(inside.values()), seconds, said)
    return times


def _name(timing: ComputeTiming | NetworkTiming) -> str:
    return type(timing).__name__


_Asked = TypeVar("_Asked", DeviceTerm, Message)


def _durations(
    times_s: NDArray[np.float64],
    rows: Sequence[_Asked],
    role: str,
    names: tuple[str, ...],
    why_declined: Callable[[_Asked], str],
) -> NDArray[np.float64]:
    """What timings said, none of it declined."""
    declined = np.flatnonzero(np.isnan(times_s))
    if len(declined):
        asked, first = ", ".join(names), rows[declined[0]]
        why = why_declined(first)
        raise VersimError(
            f"the {role} timing {asked} declines {first}{_and_more(declined)}{f' ({why})' if why else ''}; "
            f"name a timing after it that answers ({role}: [{asked}, …])"
        )
    return times_s


def _and_more(rows: NDArray[np.int64]) -> str:
    return f" and {len(rows) - 1} more" if len(rows) > 1 else ""


def _shares(
    graph: ExecutionGraph,
    times: _TermTimes,
    alike: Mapping[tuple[int, int], int],
    given: Mapping[int, float],
) -> tuple[OriginShare, ...]:
    """Seconds of compute by origin, over nodes and the ranks they stand on; the most first."""
    ranks = [graph.mesh.rank_count(place) for place in graph.placements]
    found: dict[tuple[str, Origin], float] = {}
    for pair, nodes in alike.items():
        work, placement = pair
        copies = nodes * ranks[placement]
        for count, number in (*times.terms.anywhere[work], *times.terms.placed[pair]):
            if number in times.origin:
                known = times.origin[number]
                found[known] = found.get(known, 0.0) + copies * count * times.seconds[number]
    for row, seconds in given.items():
        borrowed = "borrowed", Origin(Source.MODELLED, "another simulation")
        found[borrowed] = found.get(borrowed, 0.0) + ranks[graph.placement[row]] * seconds
    most_first = sorted(found.items(), key=lambda item: -item[1])
    return tuple(OriginShare(role, origin, seconds) for (role, origin), seconds in most_first)


def messages_of(graph: ExecutionGraph) -> tuple[Message, ...]:
    """Every communication of a graph as a network timing sees it, in order; equal rows are one object."""
    unique, numbers = distinct_messages(graph)
    return tuple(unique[number] for number in numbers.tolist())


def distinct_messages(graph: ExecutionGraph) -> tuple[tuple[Message, ...], NDArray[np.int64]]:
    """The messages of a graph, each once in order of appearance, and which of them each communication is."""
    known = _MESSAGES.get(graph)
    if known is None:
        known = _MESSAGES[graph] = _distinct_messages(graph)
    return known


_MESSAGES: WeakKeyDictionary[ExecutionGraph, tuple[tuple[Message, ...], NDArray[np.int64]]] = WeakKeyDictionary()
"""Asked for by everybody who times or checks a network; goes with the graph, which never changes."""


def _distinct_messages(graph: ExecutionGraph) -> tuple[tuple[Message, ...], NDArray[np.int64]]:
    first, inverse = distinct_communications(graph)
    start, rows = graph.parts()
    begin, end = start[first], start[first + 1]
    # The parts of these only, one communication after another.
    counts = end - begin
    listed = rows[np.repeat(begin - np.cumsum(counts) + counts, counts) + np.arange(int(counts.sum()))]
    parts = list(zip(graph.placement[listed].tolist(), graph.op[listed].tolist(), strict=True))
    columns = (graph.kind, graph.scope, graph.size_bytes, graph.algorithm)
    groups: dict[Hashable, tuple[int, ...]] = {}
    made: dict[Message, int] = {}
    numbers = np.empty(len(first), dtype=np.int64)
    last = 0
    for place, (match, count, kind, scope, size_bytes, algorithm) in enumerate(
        zip(first.tolist(), counts.tolist(), *(column[first].tolist() for column in columns), strict=True)
    ):
        key = kind, scope, *parts[last : last + count]
        last += count
        if key not in groups:
            groups[key] = graph.first_group(match)
        ranks = groups[key]
        message = Message(
            kind=graph.kinds[kind],
            size_bytes=size_bytes,
            participants=len(ranks),
            axis="+".join(graph.scopes[scope].axes),
            ranks=ranks,
            algorithm=graph.algorithms[algorithm],
        )
        # Sets of communications on other ranks may have one first group.
        numbers[place] = made.setdefault(message, len(made))
    return tuple(made), numbers[inverse]


def communication_s(graph: ExecutionGraph, system: System, network: NetworkTiming) -> NDArray[np.float64]:
    """Seconds that each communication takes in isolation; shape (communications,), each distinct row timed once."""
    unique, numbers = distinct_messages(graph)
    return np.asarray(_network_s(network, unique, system), dtype=np.float64)[numbers]


def _network_s(network: NetworkTiming, rows: tuple[Message, ...], system: System) -> NDArray[np.float64]:
    chain = network if isinstance(network, NetworkChain) else NetworkChain((_name(network),), (network,))
    times_s = held_to_rows(chain.times_s(rows, system), rows, ", ".join(chain.names))
    return _durations(times_s, rows, "network", chain.names, lambda row: chain.why_declined(row, system))
