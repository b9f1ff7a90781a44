"""Collectives as messages between ranks: which algorithm, and what its rounds wait for."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from versim import Kind, Topology, collective_rounds

from versim_simgrid.fabric import Fabric
from versim_simgrid.options import AUTO, SimGridOptions
from versim_simgrid.tasks import MESSAGE, Tasks

Wave = tuple[tuple[int, int, int], ...]
"""The messages of a round: (source, target, bytes), ranks as places in the group."""


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
        self.rounds = functools.lru_cache(maxsize=64)(self._rounds)

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
        for wave in self.rounds(kind, size_bytes, len(ranks), asked):
            touched: dict[int, list[int]] = {}
            for source, target, message_bytes in wave:
                route = self._fabric.route(ranks[source], ranks[target])
                message = tasks.add(MESSAGE, message_bytes, route, (begun[source], begun[target]))
                for member in (source, target):
                    touched.setdefault(member, []).append(message)
            tasks.join(begun, touched)

    def _rounds(self, kind: Kind, size_bytes: int, participants: int, asked: str) -> tuple[Wave, ...]:
        """The rounds of one communication.

        Raises:
            VersimError: The algorithm does not do this collective.
        """
        if kind is Kind.POINT_TO_POINT:
            return (((0, 1, size_bytes),),)
        algorithm = self.algorithm(kind, participants, asked)
        window = self._options.window if algorithm == "direct" else 0
        return tuple(
            tuple((transfer.source, transfer.target, transfer.size_bytes) for transfer in wave)
            for wave in collective_rounds(algorithm, kind, size_bytes, participants, window=window)
        )


def collectives_on(fabric: Fabric, options: SimGridOptions, topologies: Sequence[tuple[Topology, int]]) -> Collectives:
    """Collectives on a network of (topology, size) dimensions; those of one rank do not count."""
    return Collectives(fabric, options, [topology for topology, size in topologies if size > 1])
