"""Counterfactuals asked of whoever answered: why does this communication take longer here than there?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import attrs
import numpy as np

from versim.asking.isolation import alone, times_alone
from versim.asking.simulation import request_for
from versim.comparison import Comparison, Result
from versim.comparison.attribution.model import Term, TermKind
from versim.comparison.causes import Asked, TermCauses, causes_of
from versim.comparison.groups import node_keys
from versim.components import SimulationRequest
from versim.fabric import Dimension, Link, Message, System
from versim.graph import NONE
from versim.mesh import Mesh
from versim.pinning import messages_of
from versim.registry import Registry
from versim.scenario import Instance
from versim.units import PS_PER_S

MOST_TERMS = 3
"""Terms of an attribution that are asked about: those of most effect."""

MOST_MESSAGES = 2
"""Communications of a term that are asked about: those that move most bytes in all."""


def with_causes(comparison: Comparison, instances: Mapping[str, Instance], registry: Registry) -> Comparison:
    """A comparison whose largest terms say what they are made of.

    A simulator that cannot answer about a communication leaves the term without causes.
    """
    questions = _Questions(comparison, instances, registry)
    results = tuple(attrs.evolve(result, causes=questions.of(result)) for result in comparison.results)
    return attrs.evolve(comparison, results=results)


class _Questions:
    """What has been asked of the simulators of a comparison."""

    def __init__(self, comparison: Comparison, instances: Mapping[str, Instance], registry: Registry) -> None:
        self._inputs = comparison.inputs
        self._reference = comparison.reference
        self._instances = instances
        self._registry = registry
        self._requests: dict[str, SimulationRequest] = {}
        self._answers: dict[tuple[str, Message], Asked | None] = {}
        self._members: dict[tuple[str, str], Counter[Message]] | None = None

    def of(self, result: Result) -> tuple[TermCauses, ...]:
        """The causes of a result's largest terms of communication."""
        if result.attribution is None or {result.label, self._reference} - set(self._instances):
            return ()
        terms = [term for term in result.attribution.terms if term.kind is TermKind.COMMUNICATION and term.effect_ps]
        largest = sorted(terms, key=lambda term: -abs(term.effect_ps))[:MOST_TERMS]
        found = [self._of_term(term, result.label) for term in largest]
        return tuple(causes for causes in found if causes is not None)

    def _of_term(self, term: Term, label: str) -> TermCauses | None:
        messages = self._messages(term)
        heaviest = sorted(messages.items(), key=lambda pair: -pair[0].size_bytes * pair[1])[:MOST_MESSAGES]
        asked = []
        for message, count in heaviest:
            reference, other = (self._asked(who, message) for who in (self._reference, label))
            if reference is None or other is None:
                return None
            asked.append((message, count, reference, other))
        if not asked:
            return None
        return causes_of(term.name, term.effect_ps, term.contention_ps, asked, self._hops(heaviest[0][0]))

    def _messages(self, term: Term) -> Counter[Message]:
        """The communications of a term, and how often each is done."""
        if self._members is None:
            graph = self._inputs.graph
            key, labels = node_keys(graph)
            members: dict[tuple[str, str], Counter[Message]] = {}
            parts = np.flatnonzero(graph.match != NONE)
            # A communication is of the phase of its first part.
            _, first = np.unique(graph.match[parts], return_index=True)
            messages = messages_of(graph)
            for row in parts[first].tolist():
                place = labels[int(key[row])], graph.phase_of(row).value
                members.setdefault(place, Counter())[messages[int(graph.match[row])]] += 1
            self._members = members
        found = self._members.get((term.key, term.phase), Counter())
        return Counter({message: count for message, count in found.items() if len(message.ranks) > 1})

    def _hops(self, message: Message) -> int:
        fabric, ranks = self._inputs.system.fabric, message.ranks
        return max(len(fabric.path(one, two)) for one, two in zip(ranks, (*ranks[1:], ranks[0]), strict=True))

    def _asked(self, label: str, message: Message) -> Asked | None:
        key = label, message
        if key not in self._answers:
            self._answers[key] = self._ask(label, message)
        return self._answers[key]

    def _ask(self, label: str, message: Message) -> Asked | None:
        system = self._inputs.system
        near = _of_members(system, message)
        times_ps = []
        for where, asked in (
            (system, message),
            (near, _first_ranks(message)),
            (_instant(system), message),
            (_instant(near), _first_ranks(message)),
        ):
            mesh = self._inputs.graph.mesh if asked is message else Mesh.of(rank=where.world_size)
            request = attrs.evolve(self._request(label), inputs=alone([asked], mesh, where))
            seconds, _ = times_alone(self._registry.backend(self._instances[label].backend), [asked], request)[asked]
            if seconds is None:
                return None
            times_ps.append(round(seconds * PS_PER_S))
        alone_ps, near_ps, instant_ps, bare_ps = times_ps
        return Asked(alone_ps=alone_ps, near_ps=near_ps, instant_ps=instant_ps, bare_ps=bare_ps)

    def _request(self, label: str) -> SimulationRequest:
        if label not in self._requests:
            self._requests[label], _ = request_for(self._inputs, self._instances[label], self._registry, label)
        return self._requests[label]


def _first_ranks(message: Message) -> Message:
    """The same among the first ranks of a network of its own."""
    return attrs.evolve(message, ranks=tuple(range(message.participants)), axis="rank")


def _of_members(system: System, message: Message) -> System:
    """A network of a group's members alone: its dimensions with as many ranks as the group has along each.

    A group that is no grid, or a pair that differs in several dimensions, has the outermost one to itself.
    """
    spread = system.fabric.spread(message.ranks)
    levels: Sequence[tuple[int, int]] = [(level.dimension, level.size) for level in spread.levels]
    if not spread.regular:
        levels = [(spread.outermost, message.participants)]
    dimensions = tuple(
        Dimension(topology=system.dimensions[number].topology, size=size, link=_link(system, message, number))
        for number, size in levels
    )
    return attrs.evolve(system, dimensions=dimensions, axis_links={}, degraded=())


def _link(system: System, message: Message, dimension: int) -> Link:
    return system.axis_links.get(message.axis, system.dimensions[dimension].link)


def _instant(system: System) -> System:
    """The same network without latency."""

    def link(given: Link) -> Link:
        return attrs.evolve(given, latency_s=0.0)

    return attrs.evolve(
        system,
        dimensions=tuple(attrs.evolve(d, link=link(d.link)) for d in system.dimensions),
        axis_links={axis: link(given) for axis, given in system.axis_links.items()},
    )
