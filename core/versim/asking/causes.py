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
from versim.mesh import Mesh
from versim.pinning import distinct_messages
from versim.registry import Registry
from versim.scenario import Instance
from versim.units import PS_PER_S

MOST_TERMS = 3
"""Terms of an attribution that are asked about: those of most effect."""

MOST_MESSAGES = 2
"""Communications of a term that are asked about: those that move most bytes in all."""


Answers = dict[tuple[int, str, Message], Asked | None]
"""What is known by system (its identity), label and communication; None where a simulator cannot say."""


def with_causes(
    comparison: Comparison, instances: Mapping[str, Instance], registry: Registry, known: Answers
) -> Comparison:
    """A comparison whose largest terms say what they are made of.

    A simulator that cannot answer about a communication leaves the term without causes.

    Args:
        comparison: The comparison.
        instances: Who simulated, by label.
        registry: The plugins there are.
        known: What these instances have answered so far, of pins that leave the network alone; added to.
    """
    questions = _Questions(comparison, instances, registry, known)
    results = tuple(attrs.evolve(result, causes=questions.of(result)) for result in comparison.results)
    return attrs.evolve(comparison, results=results)


class _Questions:
    """What has been asked of the simulators of a comparison."""

    def __init__(
        self, comparison: Comparison, instances: Mapping[str, Instance], registry: Registry, known: Answers
    ) -> None:
        self._inputs = comparison.inputs
        self._reference = comparison.reference
        self._instances = instances
        self._registry = registry
        self._requests: dict[str, SimulationRequest] = {}
        self._known, self._system = known, id(comparison.inputs.system)
        self._members: dict[tuple[str, str], Counter[Message]] | None = None

    def of(self, result: Result) -> tuple[TermCauses, ...]:
        """The causes of a result's largest terms of communication."""
        if result.attribution is None or {result.label, self._reference} - set(self._instances):
            return ()
        terms = [term for term in result.attribution.terms if term.kind is TermKind.COMMUNICATION and term.effect_ps]
        largest = sorted(terms, key=lambda term: -abs(term.effect_ps))[:MOST_TERMS]
        # What is a hundredth of the largest term is no reason for anything.
        telling = [term for term in largest if 100 * abs(term.effect_ps) >= abs(largest[0].effect_ps)]
        asked = [(term, self._heaviest(term)) for term in telling]
        messages = tuple(dict.fromkeys(message for _, heaviest in asked for message, _ in heaviest))
        for label in (self._reference, result.label):
            self._ask(label, messages)
        found = [self._of_term(term, heaviest, result.label) for term, heaviest in asked]
        return tuple(causes for causes in found if causes is not None)

    def _heaviest(self, term: Term) -> list[tuple[Message, int]]:
        """The communications of a term that move most bytes, and how often each is done.

        Of those that degraded links lie in the way of, if there are any, one is among them: others wait for it.
        """
        ranked = sorted(self._messages(term).items(), key=lambda pair: -pair[0].size_bytes * pair[1])
        hit = [pair for pair in ranked if self._is_hit(pair[0])][:1] if self._inputs.system.degraded else []
        return [*hit, *(pair for pair in ranked if pair not in hit)][:MOST_MESSAGES]

    def _is_hit(self, message: Message) -> bool:
        """Whether two of its peers in a row would have another way, or a faster one, with all links whole."""
        system, ranks = self._inputs.system, message.ranks
        given, whole = system.fabric, attrs.evolve(system, degraded=()).fabric
        return any(
            given.path(one, two) != whole.path(one, two) for one, two in zip(ranks, (*ranks[1:], ranks[0]), strict=True)
        )

    def _of_term(self, term: Term, heaviest: Sequence[tuple[Message, int]], label: str) -> TermCauses | None:
        asked = []
        for message, count in heaviest:
            reference, other = (self._known[self._system, who, message] for who in (self._reference, label))
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
            start, rows = graph.parts()
            # A communication is of the phase of its first part.
            first = rows[start[:-1]]
            messages, numbers = distinct_messages(graph)
            codes = (key[first] * len(graph.phases) + graph.phase[first]) * len(messages) + numbers
            distinct, at, counts = np.unique(codes, return_index=True, return_counts=True)
            for each in np.argsort(at).tolist():
                of_place, number = divmod(int(distinct[each]), len(messages))
                of_key, of_phase = divmod(of_place, len(graph.phases))
                place = labels[of_key], graph.phases[of_phase].value
                members.setdefault(place, Counter())[messages[number]] += int(counts[each])
            self._members = members
        found = self._members.get((term.key, term.phase), Counter())
        return Counter({message: count for message, count in found.items() if len(message.ranks) > 1})

    def _hops(self, message: Message) -> int:
        fabric, ranks = self._inputs.system.fabric, message.ranks
        return max(len(fabric.path(one, two)) for one, two in zip(ranks, (*ranks[1:], ranks[0]), strict=True))

    def _ask(self, label: str, messages: Sequence[Message]) -> None:
        """Ask a simulator about communications, all that lie on one network in one go."""
        messages = [message for message in messages if (self._system, label, message) not in self._known]
        if not messages:
            return
        system = self._inputs.system
        whole = attrs.evolve(system, degraded=())
        near = {message: _of_members(system, message) for message in messages}
        alone_ps = self._times(label, dict.fromkeys(messages, system))
        instant_ps = self._times(label, {message: _instant(whole) for message in messages})
        near_ps = self._times(label, near, moved=True)
        whole_ps = self._times(label, dict.fromkeys(messages, whole)) if system.degraded else {}
        bare_ps = self._times(label, {message: _instant(there) for message, there in near.items()}, moved=True)
        for message in messages:
            answers = [alone_ps, near_ps, instant_ps, bare_ps, *([whole_ps] if system.degraded else [])]
            times_ps = [times[message] for times in answers if message in times]
            self._known[self._system, label, message] = Asked(*times_ps) if len(times_ps) == len(answers) else None

    def _times(self, label: str, places: Mapping[Message, System], *, moved: bool = False) -> dict[Message, int]:
        """Picoseconds of communications, each alone on its system; ``moved`` onto the first ranks of it."""
        together: list[tuple[System, list[Message]]] = []
        for message, where in places.items():
            here = next((found for known, found in together if known == where), None)
            if here is None:
                together.append((where, [message]))
            else:
                here.append(message)
        backend = self._registry.backend(self._instances[label].backend)
        found: dict[Message, int] = {}
        for where, messages in together:
            asked = [_first_ranks(message) if moved else message for message in messages]
            mesh = Mesh.of(rank=where.world_size) if moved else self._inputs.graph.mesh
            request = attrs.evolve(self._request(label), inputs=alone(asked, mesh, where))
            answers = times_alone(backend, tuple(dict.fromkeys(asked)), request)
            for message, question in zip(messages, asked, strict=True):
                seconds, _ = answers[question]
                if seconds is not None:
                    found[message] = round(seconds * PS_PER_S)
        return found

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
    return attrs.evolve(system, dimensions=dimensions, axis_links={}, degraded=(), endpoints=None)


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
