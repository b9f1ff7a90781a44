"""A pinned graph as tasks for the worker: computations, messages, and markers that join them.

Every rank is simulated, for links are shared by rank numbers. A part of a communication becomes two markers, its start
and its end; between them stand the messages of its collective's schedule. A message starts when both its ends have
come to its round.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
from versim import (
    NONE,
    Inputs,
    Instances,
    Kind,
    Op,
    RankClasses,
    Topology,
    UnsupportedGraphError,
    collective_rounds,
    instances_of,
)

from versim_simgrid.fabric import Fabric
from versim_simgrid.options import AUTO, SimGridOptions
from versim_simgrid.worker import COMPUTE, MARKER, MESSAGE


@attrs.define
class Tasks:
    """Tasks in columns, as the worker takes them.

    Attributes:
        kind: MARKER, COMPUTE or MESSAGE.
        amount: Nanoseconds of a computation, bytes of a message, 0 of a marker.
        place: Rank of a computation, route of a message, -1 of a marker.
        waits_for: Tasks that have to end first.
    """

    kind: list[int] = attrs.field(factory=list)
    amount: list[int] = attrs.field(factory=list)
    place: list[int] = attrs.field(factory=list)
    waits_for: list[list[int]] = attrs.field(factory=list)

    def add(self, kind: int, amount: int = 0, place: int = -1, waits_for: Sequence[int] = ()) -> int:
        """A further task; returns its number."""
        self.kind.append(kind)
        self.amount.append(amount)
        self.place.append(place)
        self.waits_for.append(list(waits_for))
        return len(self.kind) - 1


@attrs.frozen(kw_only=True)
class Translation:
    """A graph as tasks.

    Attributes:
        tasks: The tasks.
        fabric: The links and routes they use.
        instances: The graph with one row per node and rank.
        first: Per instance, the task that starts it.
        last: Per instance, the task that ends it; the same task for a computation.
    """

    tasks: Tasks
    fabric: Fabric
    instances: Instances
    first: list[int]
    last: list[int]


class Collectives:
    """Communications as messages between ranks.

    Args:
        fabric: What they travel over.
        options: Which algorithm.
        topologies: Of the network's dimensions that have more than one rank.
    """

    def __init__(self, fabric: Fabric, options: SimGridOptions, topologies: Sequence[Topology]) -> None:
        self._fabric = fabric
        self._options = options
        self._topologies = topologies

    def algorithm(self, kind: Kind, participants: int, asked: str) -> str:
        """The algorithm of a collective: what the graph asks for, what the options say, or what suits the network."""
        chosen = asked or self._options.algorithm
        if chosen != AUTO:
            return chosen
        if all(topology is Topology.FULLY_CONNECTED for topology in self._topologies):
            return "direct"
        if all(topology is Topology.SWITCH for topology in self._topologies):
            if kind is Kind.ALL_TO_ALL:
                return "direct"
            return "ring" if participants & (participants - 1) else "halving_doubling"
        return "ring"

    def add(
        self, tasks: Tasks, kind: Kind, size_bytes: int, ranks: Sequence[int], asked: str, begun: list[int]
    ) -> None:
        """Add the messages of one communication.

        Args:
            tasks: Where to.
            kind: What is done.
            size_bytes: The full tensor.
            ranks: The group in its order; sender and receiver of a message.
            asked: The algorithm the graph asks for, or "".
            begun: Per rank of the group, the task after which it takes part; afterwards, the one after which it is
                done.

        Raises:
            VersimError: The algorithm does not do this collective.
        """
        if kind is Kind.POINT_TO_POINT:
            route = self._fabric.route(ranks[0], ranks[1])
            message = tasks.add(MESSAGE, size_bytes, route, begun)
            begun[:] = [message, message]
            return
        algorithm = self.algorithm(kind, len(ranks), asked)
        window = self._options.window if algorithm == "direct" else 0
        for wave in collective_rounds(algorithm, kind, size_bytes, len(ranks), window=window):
            touched: dict[int, list[int]] = {}
            for transfer in wave:
                route = self._fabric.route(ranks[transfer.source], ranks[transfer.target])
                ends = (begun[transfer.source], begun[transfer.target])
                message = tasks.add(MESSAGE, transfer.size_bytes, route, ends)
                for member in (transfer.source, transfer.target):
                    touched.setdefault(member, []).append(message)
            for member, messages in touched.items():
                begun[member] = messages[0] if len(messages) == 1 else tasks.add(MARKER, waits_for=messages)


def collectives_on(fabric: Fabric, options: SimGridOptions, topologies: Sequence[tuple[Topology, int]]) -> Collectives:
    """Collectives on a network of (topology, size) dimensions; those of one rank do not count."""
    return Collectives(fabric, options, [topology for topology, size in topologies if size > 1])


def translate(pinned: Inputs, fabric: Fabric, collectives: Collectives) -> Translation:
    """The whole step as tasks; instances' tasks come first, in program order, so that ties are served in it.

    Raises:
        UnsupportedGraphError: A collective that its algorithm does not do; the message names it.
    """
    graph = pinned.graph
    instances = instances_of(graph, RankClasses.single(graph.mesh))
    tasks = Tasks()
    ranks = instances.rank_class.tolist()
    nodes = instances.node.tolist()
    meeting = instances.meeting.tolist()
    compute_ns = pinned.compute_ns.tolist()
    first: list[int] = []
    last: list[int] = []
    for row, node in enumerate(nodes):
        if meeting[row] == NONE:
            task = tasks.add(COMPUTE, compute_ns[node], ranks[row])
            first.append(task)
            last.append(task)
        else:
            first.append(tasks.add(MARKER))
            last.append(tasks.add(MARKER, waits_for=[first[row]]))
    start, dependency = instances.dependency_start.tolist(), instances.dependency.tolist()
    for row, task in enumerate(first):
        tasks.waits_for[task] = [last[on] for on in dependency[start[row] : start[row + 1]]]
    _add_communications(tasks, instances, collectives, first, last)
    return Translation(tasks=tasks, fabric=fabric, instances=instances, first=first, last=last)


def _add_communications(
    tasks: Tasks, instances: Instances, collectives: Collectives, first: list[int], last: list[int]
) -> None:
    graph = instances.graph
    part_start, parts = (column.tolist() for column in instances.parts())
    ranks, nodes = instances.rank_class.tolist(), instances.node.tolist()
    views = {match: graph.communication(match) for match in np.unique(instances.meeting_match).tolist()}
    for met, match in enumerate(instances.meeting_match.tolist()):
        view = views[match]
        members = parts[part_start[met] : part_start[met + 1]]
        if view.kind is Kind.POINT_TO_POINT:
            members.sort(key=lambda row: int(graph.op[nodes[row]]) != Op.SEND)
        else:
            place = {rank: position for position, rank in enumerate(_group(view.groups, ranks[members[0]]))}
            members.sort(key=lambda row: place[ranks[row]])
        begun = [first[row] for row in members]
        group = [ranks[row] for row in members]
        try:
            collectives.add(tasks, view.kind, view.size_bytes, group, view.algorithm, begun)
        except UnsupportedGraphError:
            raise
        except Exception as error:
            name = graph.node_name(nodes[members[0]])
            raise UnsupportedGraphError(f"node {nodes[members[0]]} ({name!r}): {error}") from error
        for row, done in zip(members, begun, strict=True):
            tasks.waits_for[last[row]].append(done)


def _group(groups: Sequence[tuple[int, ...]], rank: int) -> tuple[int, ...]:
    return next(group for group in groups if rank in group)
