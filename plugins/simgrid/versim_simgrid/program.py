"""A pinned graph as tasks for the worker: computations, messages, and markers that join them.

A part of a communication becomes two markers, its start and its end; between them stand the messages of its
collective's schedule. A message starts when both its ends have come to its round. Every rank is written out, or ranks
that behave alike once: see :mod:`versim_simgrid.folding`.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
from versim import NONE, Inputs, Instances, Kind, Op, RankClasses, UnsupportedGraphError, instances_of

from versim_simgrid.collectives import Collectives
from versim_simgrid.communications import Communications, Exchange
from versim_simgrid.fabric import Fabric
from versim_simgrid.folding import FoldedFabric, Folding, meeting_of
from versim_simgrid.tasks import COMPUTE, MARKER, MESSAGE, Tasks


@attrs.frozen(kw_only=True)
class Translation:
    """A graph as tasks.

    Attributes:
        tasks: The tasks.
        fabric: The links and routes they use.
        instances: The graph with one row per node and rank, or per node and rank class.
        first: Per instance, the task that starts it.
        last: Per instance, the task that ends it; the same task for a computation.
    """

    tasks: Tasks
    fabric: Fabric | FoldedFabric
    instances: Instances
    first: list[int]
    last: list[int]


Meet = Callable[[Tasks, int, list[int], list[int]], None]
"""Adds the messages of an exchange between members, in order, and notes after which task each has begun or is done."""


def translate(
    pinned: Inputs, fabric: Fabric, collectives: Collectives, communications: Communications, folding: Folding | None
) -> Translation:
    """The whole step as tasks; instances' tasks come first, in program order, so that ties are served in it.

    Raises:
        UnsupportedGraphError: A collective that its algorithm does not do; the message names it.
    """
    graph = pinned.graph
    instances = instances_of(graph, RankClasses.single(graph.mesh) if folding is None else folding.classes)
    tasks = Tasks()
    members = instances.rank_class.tolist()
    nodes = instances.node.tolist()
    meeting = instances.meeting.tolist()
    compute_ns = pinned.compute_ns.tolist()
    first: list[int] = []
    last: list[int] = []
    for row, node in enumerate(nodes):
        if meeting[row] == NONE:
            task = tasks.add(COMPUTE, compute_ns[node], members[row])
            first.append(task)
            last.append(task)
        else:
            first.append(tasks.add(MARKER))
            last.append(tasks.add(MARKER, waits_for=[first[row]]))
    start, dependency = instances.dependency_start.tolist(), instances.dependency.tolist()
    for row, task in enumerate(first):
        tasks.waits_for[task] = [last[on] for on in dependency[start[row] : start[row + 1]]]
    meet = _of_ranks(collectives, communications) if folding is None else _of_classes(folding, communications)
    _add_communications(tasks, instances, communications, meet, first, last)
    return Translation(
        tasks=tasks, fabric=folding.fabric if folding else fabric, instances=instances, first=first, last=last
    )


def _of_ranks(collectives: Collectives, communications: Communications) -> Meet:
    def meet(tasks: Tasks, number: int, ranks: list[int], begun: list[int]) -> None:
        exchange = communications.exchanges[number]
        collectives.add(tasks, exchange.kind, exchange.size_bytes, ranks, exchange.algorithm, begun)

    return meet


def _of_classes(folding: Folding, communications: Communications) -> Meet:
    def meet(tasks: Tasks, number: int, classes: list[int], begun: list[int]) -> None:
        kind = communications.exchanges[number].kind
        for wave in folding.rounds[number, meeting_of(kind, classes)]:
            touched: dict[int, list[int]] = {}
            for message in wave:
                ends = (0, 1) if kind is Kind.POINT_TO_POINT else _places(classes, message.source, message.target)
                task = tasks.add(MESSAGE, message.size_bytes, message.route, [begun[end] for end in ends])
                for end in sorted(set(ends)):
                    touched.setdefault(end, []).append(task)
            tasks.join(begun, touched)

    return meet


def _places(classes: list[int], source: int, target: int) -> tuple[int, int]:
    return classes.index(source), classes.index(target)


def _add_communications(
    tasks: Tasks, instances: Instances, communications: Communications, meet: Meet, first: list[int], last: list[int]
) -> None:
    graph = instances.graph
    part_start, parts = (column.tolist() for column in instances.parts())
    ranks, nodes = instances.rank_class.tolist(), instances.node.tolist()
    written_out = instances.classes.count == graph.mesh.world_size
    places = [_places_in_groups(exchange) for exchange in communications.exchanges]
    for met, match in enumerate(instances.meeting_match.tolist()):
        number = communications.of_match[match]
        members = parts[part_start[met] : part_start[met + 1]]
        if communications.exchanges[number].kind is Kind.POINT_TO_POINT:
            members.sort(key=lambda row: int(graph.op[nodes[row]]) != Op.SEND)
        elif written_out:
            place = places[number]
            members.sort(key=lambda row: place[ranks[row]])
        begun = [first[row] for row in members]
        try:
            meet(tasks, number, [ranks[row] for row in members], begun)
        except UnsupportedGraphError:
            raise
        except Exception as error:
            name = graph.node_name(nodes[members[0]])
            raise UnsupportedGraphError(f"node {nodes[members[0]]} ({name!r}): {error}") from error
        for row, done in zip(members, begun, strict=True):
            tasks.waits_for[last[row]].append(done)


def _places_in_groups(exchange: Exchange) -> dict[int, int]:
    """Rank ─▶ its place in its group."""
    return {rank: place for group in exchange.groups for place, rank in enumerate(group)}
