"""Which ranks of a step one may stand for, and the groups that all of them communicate in.

Axes of the mesh can be folded along which every node stands on all ranks, if a shift of all their indices by one, with
the last becoming the first, changes nothing that a simulation sees: who is shifted sends to the shifted of whom it sent
to, over a way that takes as long (where messages wait on links: over links that are shifted, too). What is left to tell
ranks apart are numbers of groups, where messages could be taken for those of others, and ties; the engine looks out
for both (:mod:`versim_astrasim.engine.alike_tags`, :mod:`versim_astrasim.engine.fold`). Where a shift changes something
in some communications only, the axes can be folded until one of these begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Self

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import HOST, ExecutionGraph, Instances, Kind, RankClasses, distinct_communications

from versim_astrasim.engine.algorithms.names import Algorithm, AlgorithmChoice, parse
from versim_astrasim.engine.failures import Failure
from versim_astrasim.engine.fold import MOST_AXES, Fold
from versim_astrasim.engine.kernel import kernel_reason
from versim_astrasim.engine.topologies import RING, SWITCH
from versim_astrasim.engine.variant import Variant
from versim_astrasim.options import NO_MEMORY, BackendOptions
from versim_astrasim.step.configuration import COLLECTIVE_STEMS, Network
from versim_astrasim.step.custom_collectives import kinds_of, per_node_of
from versim_astrasim.step.origin import Origin

Integers = NDArray[np.int64]

MOST_COMPARED = 50_000_000
"""Pairs of ranks whose ways are compared; beyond, looking costs more than it saves."""

_SHIFTING = (Algorithm.RING, Algorithm.DIRECT)
"""Algorithms in which every member does the same, relative to its own place."""


@attrs.frozen(kw_only=True, eq=False)
class Groups:
    """Communicator groups of all ranks.

    Attributes:
        members: Groups by id, from 1 in order of their ranks; the world last, and only beside smaller ones.
        of_communication: int64 (communications,), row of ``of_rank``; -1 for a message.
        of_rank: int32 (rows, world), the id of each rank's group, 0 for the world and where a rank takes no part.
    """

    members: Mapping[int, tuple[int, ...]]
    of_communication: Integers
    of_rank: NDArray[np.int32]

    def of_meetings(self, instances: Instances) -> Integers:
        """The group of every meeting, as the lowest ranks of their classes meet; 0 for messages and the world."""
        start, parts = instances.parts()
        return self.of(instances.meeting_match, instances.ranks[parts[start[:-1]]])

    def of(self, communications: NDArray[np.int32], ranks: Integers) -> Integers:
        """The group that each of these ranks is in, in that communication; 0 for messages and the world."""
        groups = np.zeros(len(ranks), dtype=np.int64)
        row = self.of_communication[communications]
        collective = np.flatnonzero(row >= 0)
        groups[collective] = self.of_rank[row[collective], ranks[collective]]
        return groups


@attrs.frozen(kw_only=True, eq=False)
class Folding:
    """How a step is folded.

    Attributes:
        classes: The ranks that are told apart.
        fold: The same for the engine.
        groups: Communicator groups of all ranks.
        contacts: bool (communications,), in which ranks of one class part; None if they never do.
    """

    classes: RankClasses
    fold: Fold
    groups: Groups
    contacts: NDArray[np.bool_] | None = None


@attrs.frozen(kw_only=True, eq=False)
class Foldable:
    """A step of which axes may be folded.

    Attributes:
        asked: Kinds of communications.
        asked_by: int64 (communications,), the kind of each.
        axes: Of the mesh, along which every node stands on all ranks.
    """

    graph: ExecutionGraph
    network: Network
    system: Mapping[str, Any]
    unaware: bool
    groups: Groups
    asked: Sequence[_Asked]
    asked_by: Integers
    axes: Sequence[int]

    @classmethod
    def of(
        cls,
        graph: ExecutionGraph,
        network: Network,
        system: Mapping[str, Any],
        options: BackendOptions,
        origin: Origin,
    ) -> Self | None:
        """What is foldable of a step; None where every rank is simulated."""
        coarsest = RankClasses.of(graph)
        axes = [axis for axis, size in enumerate(graph.mesh.sizes) if coarsest.sizes[axis] == 1 < size]
        if not axes or not _is_plain(graph, network, options, origin):
            return None
        found = _groups(graph)
        if found is None:
            return None
        groups, asked, asked_by = found
        unaware = options.congestion == "unaware"
        return cls(
            graph=graph,
            network=network,
            system=system,
            unaware=unaware,
            groups=groups,
            asked=asked,
            asked_by=asked_by,
            axes=axes,
        )

    def to_the_end(self, most_members: int | None = None) -> Folding | None:
        """The coarsest folding in which ranks never part; None where each is simulated.

        Ties are left to the engine; after one that told ranks apart, fewer may be folded (``most_members``).
        """
        for chosen, fold in self._candidates():
            if most_members is not None and fold.members > most_members:
                continue
            if not self.unaware and not _links_shift(self.network, self.graph.mesh.sizes, chosen):
                continue
            charged = self.network if self.unaware else None
            if all(self._is_shifted(one, fold, charged) for one in self.asked):
                return self._folding(chosen, fold)
        return None

    def until_contact(self, last: Folding | None) -> Folding | None:
        """The folding that goes beyond the last one and is worth most before ranks part; None where none is.

        Of where they do only what part of all communications it concerns is known.
        """
        asked = np.bincount(self.asked_by, minlength=len(self.asked))
        collective = np.array([one.kind in COLLECTIVE_STEMS for one in self.asked], dtype=bool)
        most, found = 0.0, None
        for chosen, fold in self._candidates():
            if not fold.goes_beyond(None if last is None else last.fold):
                continue
            parts = np.array([not self._is_shifted(one, fold, self.network) for one in self.asked], dtype=bool)
            if parts[~collective].any():
                continue  # messages of ranks that one stands for are named after the one
            alike = int(asked[~parts].sum()) / max(1, len(self.asked_by))
            worth = alike * (1 - (1 if last is None else last.fold.members) / fold.members)
            if worth > most:
                most, found = worth, attrs.evolve(self._folding(chosen, fold), contacts=parts[self.asked_by])
        return found

    def _candidates(self) -> Iterator[tuple[Sequence[int], Fold]]:
        """Choices of axes, those with most members first."""
        sizes = self.graph.mesh.sizes
        choices = [chosen for count in range(1, len(self.axes) + 1) for chosen in combinations(self.axes, count)]
        for chosen in sorted(choices, key=lambda axes: (-int(np.prod([sizes[axis] for axis in axes])), axes)):
            if len(chosen) <= MOST_AXES:
                yield chosen, Fold.of(sizes, tuple(axis in chosen for axis in range(len(sizes))))

    def _is_shifted(self, one: _Asked, fold: Fold, charged: Network | None) -> bool:
        return all(_is_shifted(each, fold, charged) for each in _patterns(one, self.network, self.system))

    def _folding(self, chosen: Sequence[int], fold: Fold) -> Folding:
        names = [self.graph.mesh.names[axis] for axis in chosen]
        return Folding(classes=RankClasses.along(self.graph.mesh, names), fold=fold, groups=self.groups)


def _is_plain(graph: ExecutionGraph, network: Network, options: BackendOptions, origin: Origin) -> bool:
    """Whether nothing is there that the compiled engine leaves to Python, or that tells ranks apart."""
    return (
        options.exactness == "auto"
        and options.node_order == "program"
        and not options.replay_only
        and not options.rendezvous
        and not options.model_shared_bus
        and options.remote_memory == NO_MEMORY
        and not kinds_of(options)
        and not per_node_of(options)
        and network.variant is not Variant.RAPID_LLM
        and network.rank_count == graph.mesh.world_size
        and (origin.node_id is None and origin.group is None and origin.memory is None)
        and not (HOST in graph.node_attributes and graph.node_attributes[HOST].any())
        and not any(scope.ranks for scope in graph.scopes)
        and not kernel_reason()
    )


@attrs.frozen(kw_only=True, eq=False)
class _Asked:
    """One kind of communication and all who meet in it: int64 (groups, members)."""

    kind: Kind
    groups: Integers


def _groups(graph: ExecutionGraph) -> tuple[Groups, list[_Asked], Integers] | None:
    """All groups, numbered as in traces of every rank, what is asked of them, and which of it by each communication.

    None if groups of one communication differ in size.
    """
    world = graph.mesh.world_size
    first, inverse = distinct_communications(graph)
    asked: list[_Asked] = []
    known: dict[tuple[object, ...], int] = {}
    asked_by, row_of = np.full((2, len(first)), -1, dtype=np.int64)
    row_of_asked: list[int] = []
    rows: list[Integers] = []
    start, parts = graph.parts()
    for number, match in enumerate(first.tolist()):
        places = graph.placement[parts[start[match] : start[match + 1]]].tobytes()
        kind = graph.kind_of(match)
        key = (kind, int(graph.scope[match]), places)
        if key not in known:
            members = [
                sorted(group) if kind in COLLECTIVE_STEMS else group for group in graph.communication(match).groups
            ]
            if len({len(group) for group in members}) != 1:
                return None
            known[key] = len(asked)
            asked.append(_Asked(kind=kind, groups=np.array(members, dtype=np.int64)))
            row_of_asked.append(len(rows) if kind in COLLECTIVE_STEMS else -1)
            if kind in COLLECTIVE_STEMS:
                rows.append(asked[-1].groups)
        asked_by[number] = known[key]
        row_of[number] = row_of_asked[known[key]]
    everybody = tuple(range(world))
    named = {tuple(group) for row in rows for group in row.tolist()}
    smaller = sorted(named - {everybody})
    numbers = {group: number for number, group in enumerate(smaller, start=1)}
    if smaller and everybody in named:
        numbers[everybody] = len(numbers) + 1
    of_rank = np.zeros((len(rows), world), dtype=np.int32)
    for row, members_of in enumerate(rows):
        ids = [numbers.get(tuple(group), 0) for group in members_of.tolist()]
        of_rank[row, members_of] = np.array(ids, dtype=np.int32)[:, None]
    groups = Groups(
        members={number: group for group, number in numbers.items()},
        of_communication=row_of[inverse],
        of_rank=of_rank,
    )
    return groups, asked, asked_by[inverse]


@attrs.frozen(kw_only=True, eq=False)
class _Pattern:
    """Who sends to whom: each member of a ring of places to those so many places on, int64 (rings, places).

    Attributes:
        rings: The members of each.
        distances: How many places on.
        shifts: Whether that may be other members of a class.
        exchanges: Whether those are meant whose places differ in the bits of the distance.
    """

    rings: Integers
    distances: Sequence[int]
    shifts: bool
    exchanges: bool = False


def _patterns(one: _Asked, network: Network, system: Mapping[str, Any]) -> Iterator[_Pattern]:
    """What communications of one kind make ranks do."""
    if one.kind not in COLLECTIVE_STEMS:
        # A message ends its sender's node, too, so both ends have to be one member's.
        yield _Pattern(rings=one.groups, distances=(1,), shifts=False)
        return
    choices = _choices(one.kind, system)
    if one.groups.shape[1] < network.rank_count:
        choice = AlgorithmChoice(Algorithm.RING) if len(choices) > 1 else choices[0]
        yield _pattern(choice, one.groups)
        return
    ranks = np.arange(network.rank_count, dtype=np.int64)
    stride = 1
    for choice, size in zip(choices, network.npus_count, strict=False):
        if choice.spans_all_ranks:
            yield _pattern(choice, ranks[None, :])
            break
        lowest = ranks[ranks // stride % size == 0]
        yield _pattern(choice, lowest[:, None] + stride * np.arange(size)[None, :])
        stride *= size


def _pattern(choice: AlgorithmChoice, rings: Integers) -> _Pattern:
    places = rings.shape[1]
    if choice.algorithm is Algorithm.HALVING_DOUBLING and places & (places - 1) == 0:
        partners = [1 << bit for bit in range(places.bit_length() - 1)]
        return _Pattern(rings=rings, distances=partners, shifts=True, exchanges=True)
    distances = (1,) if choice.algorithm is Algorithm.RING else range(1, places // 2 + 1)
    return _Pattern(rings=rings, distances=distances, shifts=choice.algorithm in _SHIFTING)


def _choices(kind: Kind, system: Mapping[str, Any]) -> list[AlgorithmChoice]:
    names = system[f"{COLLECTIVE_STEMS[kind]}-implementation"]
    try:
        return [parse(name) for name in names]
    except Failure:
        return [AlgorithmChoice(Algorithm.DOUBLE_BINARY_TREE)]


def _links_shift(network: Network, sizes: Sequence[int], chosen: Sequence[int]) -> bool:
    """Whether a shift along these axes may map links onto links; the engine holds every way it uses to it.

    Each axis has to lie within one dimension; a ring turns only as a whole, by what is outermost on it.
    """
    turned = set()
    for axis in chosen:
        stride = int(np.prod(sizes[axis + 1 :], dtype=np.int64))
        below = 1
        for dimension, (topology, size) in enumerate(zip(network.topology, network.npus_count, strict=True)):
            if below <= stride < below * size:
                if stride * sizes[axis] > below * size:
                    return False
                if topology == RING and (stride * sizes[axis] < below * size or dimension in turned):
                    return False
                turned.add(dimension)
            below *= size
    return True


def _is_shifted(pattern: _Pattern, fold: Fold, network: Network | None) -> bool:
    """Whether members of a class send to members of a class, as far away and over ways that take as long.

    What a way takes is not looked at without a network.
    """
    rings = pattern.rings
    if rings.size * len(pattern.distances) > MOST_COMPARED:
        return False
    if rings.shape[1] < 2:
        return True
    for distance in pattern.distances:
        if pattern.exchanges:
            there = rings[:, np.arange(rings.shape[1]) ^ distance]
            away = fold.member[there] ^ fold.member[rings]
            if any(size & (size - 1) for size in np.array(fold.sizes)[away.any(axis=(0, 1))].tolist()):
                return False
        else:
            there = np.roll(rings, -distance, axis=1)
            away = (fold.member[there] - fold.member[rings]) % np.array(fold.sizes)
        if not pattern.shifts and away.any():
            return False
        seen = np.concatenate(
            [
                fold.stands_in[there][..., None],
                away,
                (np.zeros_like(rings) if network is None else _ways(rings, there, network))[..., None],
            ],
            axis=2,
        ).reshape(rings.size, -1)
        here = fold.stands_in[rings].ravel()
        order = np.argsort(here, kind="stable")
        same = here[order][1:] == here[order][:-1]
        if (seen[order][1:] != seen[order][:-1])[same].any():
            return False
    return True


def _ways(here: Integers, there: Integers, network: Network) -> Integers:
    """A number for what a message between two ranks is charged where nothing is shared: dimension and hops."""
    charged = np.zeros(here.shape, dtype=np.int64)
    stride = 1
    for dimension, (topology, size) in enumerate(zip(network.topology, network.npus_count, strict=True)):
        apart = (there // stride - here // stride) % size
        hops = np.minimum(apart, size - apart) if topology == RING else np.where(apart > 0, 1 + (topology == SWITCH), 0)
        charged = np.where((charged == 0) & (apart > 0), (dimension + 1) * network.rank_count + hops, charged)
        stride *= size
    return charged
