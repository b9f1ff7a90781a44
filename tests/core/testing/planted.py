"""A sound backend, and the same with faults that the conformance kit has to find."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import (
    NO_TIME,
    PS_PER_NS,
    PS_PER_S,
    Instances,
    Kind,
    Message,
    NoOptions,
    Prediction,
    Schedule,
    SimulationRequest,
    Status,
    System,
    Topology,
    UnsupportedGraphError,
    consumed_as_pinned,
    instances_of,
    messages_of,
    prediction_of,
    replay,
)
from versim.testing import AllToAll, Claims, Contention

CLAIMS = Claims(
    kinds=("all_reduce", "all_gather", "reduce_scatter", "all_to_all", "point_to_point"),
    topologies=("ring",),
    algorithms=("ring",),
    contention=Contention.NONE,
    all_to_all=AllToAll.PAIRWISE,
    dimensions=3,
)

ROUNDS: dict[Kind, Callable[[int], int]] = {
    Kind.ALL_REDUCE: lambda p: 2 * (p - 1),
    Kind.ALL_GATHER: lambda p: p - 1,
    Kind.REDUCE_SCATTER: lambda p: p - 1,
    Kind.ALL_TO_ALL: lambda p: p - 1,
}


@attrs.define
class Sound:
    """Closed forms of rings on an event-driven schedule; every method may be replaced by a faulty one."""

    name: str = "planted"
    options: type = NoOptions
    claims: Claims = CLAIMS

    def simulate(self, request: SimulationRequest) -> Prediction:
        """Predict when each node runs."""
        pinned = request.inputs
        instances = self.instances(request)
        seconds = np.array([self.message_s(message, request.inputs.system) for message in messages_of(pinned.graph)])
        communication_ps = np.rint(seconds * PS_PER_S).astype(np.int64)
        schedule = replay(instances, self.compute_ps(request), communication_ps[instances.meeting_match])
        return self.prediction(request, instances_of(pinned.graph), schedule)

    def instances(self, request: SimulationRequest) -> Instances:
        """The graph as it is."""
        return instances_of(request.inputs.graph)

    def compute_ps(self, request: SimulationRequest) -> NDArray[np.int64]:
        """The pinned nanoseconds."""
        return request.inputs.compute_ns * PS_PER_NS

    def prediction(self, request: SimulationRequest, instances: Instances, schedule: Schedule) -> Prediction:
        """What came of it."""
        return prediction_of(request.inputs, instances, schedule, simulator=self.name, engine="planted 1")

    def message_s(self, message: Message, system: System) -> float:
        """Rounds of a latency and a shard."""
        if message.algorithm not in ("", "ring"):
            raise UnsupportedGraphError(f"no algorithm {message.algorithm!r}; use ring")
        if message.kind is Kind.POINT_TO_POINT:
            return self.step_s(message.size_bytes, self.on(message, system))
        if message.kind not in ROUNDS:
            raise UnsupportedGraphError(f"no {message.kind.value}; leave it out")
        rounds = self.rounds(message.kind, message.participants)
        return rounds * self.step_s(self.shard(message), self.on(message, system))

    def rounds(self, kind: Kind, participants: int) -> int:
        """Of a ring."""
        return ROUNDS[kind](participants)

    def shard(self, message: Message) -> float:
        """What a round carries, in bytes."""
        return message.size_bytes / message.participants

    def on(self, message: Message, system: System) -> System:
        """The network as a message sees it: one dimension, of the links where its ranks lie."""
        seen = attrs.evolve(system.dimensions[0], link=system.link(message.axis, message.ranks))
        return attrs.evolve(system, dimensions=(seen,))

    def step_s(self, size_bytes: float, system: System) -> float:
        """A message to a neighbour."""
        link = system.dimensions[0].link
        return link.latency_s + size_bytes / link.bandwidth_bytes_per_s


def kept_of(whole: Instances, keep: Callable[[int, int], slice]) -> Instances:
    """Instances with only some of each one's dependencies."""
    starts = whole.dependency_start.tolist()
    kept = [keep(a, b) for a, b in itertools.pairwise(starts)]
    dependency = np.concatenate([whole.dependency[part] for part in kept])
    return attrs.evolve(
        whole, dependency=dependency, dependency_start=np.cumsum([0, *(part.stop - part.start for part in kept)])
    )


class WrongShard(Sound):
    """Takes an all-gather's size for the shard instead of the output."""

    def shard(self, message: Message) -> float:  # noqa: D102
        return message.size_bytes if message.kind is Kind.ALL_GATHER else super().shard(message)


class SilentMicroseconds(Sound):
    """Rounds compute to microseconds and says it did not."""

    def compute_ps(self, request: SimulationRequest) -> NDArray[np.int64]:  # noqa: D102
        return np.asarray(np.rint(request.inputs.compute_ns / 1000).astype(np.int64) * 1_000_000)


class OpenMicroseconds(SilentMicroseconds):
    """Rounds compute to microseconds and says so."""

    def prediction(self, request: SimulationRequest, instances: Instances, schedule: Schedule) -> Prediction:  # noqa: D102
        made = super().prediction(request, instances, schedule)
        rounded = attrs.evolve(consumed_as_pinned(request.inputs), compute_ns=self.compute_ps(request) // PS_PER_NS)
        return attrs.evolve(made, consumed=rounded)


class DroppedDependency(Sound):
    """Forgets what a node waits for besides the first thing."""

    def instances(self, request: SimulationRequest) -> Instances:  # noqa: D102
        return kept_of(super().instances(request), lambda a, b: slice(a, min(a + 1, b)))


class DroppedFirst(Sound):
    """Forgets the first of several things that a node waits for."""

    def instances(self, request: SimulationRequest) -> Instances:  # noqa: D102
        return kept_of(super().instances(request), lambda a, b: slice(a + (b - a > 1), b))


class OneStepMore(Sound):
    """Counts p rounds where there are p − 1."""

    def rounds(self, kind: Kind, participants: int) -> int:  # noqa: D102
        return super().rounds(kind, participants) + (kind is Kind.REDUCE_SCATTER)


class OneStepLess(Sound):
    """Counts 2 p − 3 rounds where there are 2 p − 2."""

    def rounds(self, kind: Kind, participants: int) -> int:  # noqa: D102
        return super().rounds(kind, participants) - (kind is Kind.ALL_REDUCE)


class SilentDeadlock(Sound):
    """Says that what it could not run has completed."""

    def prediction(self, request: SimulationRequest, instances: Instances, schedule: Schedule) -> Prediction:  # noqa: D102
        made = super().prediction(request, instances, schedule)
        finish = np.where(made.finish_ps == NO_TIME, schedule.makespan_ps, made.finish_ps)
        return attrs.evolve(
            made,
            status=Status.COMPLETED,
            makespan_ps=schedule.makespan_ps,
            finish_ps=finish,
            diagnosis=(),
            waiting=(),
        )


class ConstantAnswer(Sound):
    """Says a second, whatever the question."""

    def prediction(self, request: SimulationRequest, instances: Instances, schedule: Schedule) -> Prediction:  # noqa: D102
        made = super().prediction(request, instances, schedule)
        return attrs.evolve(made, makespan_ps=PS_PER_S) if made.completed else made


class ReplacesAlgorithms(Sound):
    """Takes the ring for whatever algorithm is asked for."""

    def message_s(self, message: Message, system: System) -> float:  # noqa: D102
        return super().message_s(attrs.evolve(message, algorithm=""), system)


class NoLatency(Sound):
    """Forgets latencies."""

    def step_s(self, size_bytes: float, system: System) -> float:  # noqa: D102
        return size_bytes / system.dimensions[0].link.bandwidth_bytes_per_s


class Gibibytes(Sound):
    """Takes 10^9 bytes for 2^30."""

    def step_s(self, size_bytes: float, system: System) -> float:  # noqa: D102
        return super().step_s(size_bytes * 1e9 / 2**30, system)


class InnermostLink(Sound):
    """Takes the innermost dimension's link for every group."""

    def on(self, message: Message, system: System) -> System:  # noqa: D102
        return super().on(attrs.evolve(message, ranks=()), system)


class FirstGroup(Sound):
    """Takes the ranks from 0 upwards for every group."""

    def on(self, message: Message, system: System) -> System:  # noqa: D102
        return super().on(attrs.evolve(message, ranks=tuple(range(message.participants))), system)


@attrs.define
class HiddenContention(Sound):
    """Says that messages share links, and lets them pass through each other."""

    claims: Claims = attrs.field(factory=lambda: attrs.evolve(CLAIMS, contention=Contention.SHARE))


@attrs.define
class ClaimsTooMuch(Sound):
    """Claims switches, and refuses them."""

    claims: Claims = attrs.field(factory=lambda: attrs.evolve(CLAIMS, topologies=("ring", "switch")))

    def step_s(self, size_bytes: float, system: System) -> float:
        """Only on a ring."""
        if system.dimensions[0].topology is not Topology.RING:
            raise UnsupportedGraphError("only rings")
        return super().step_s(size_bytes, system)


@attrs.define
class TooFast(Sound):
    """Does all-reduces by halving and doubling as if they were for free."""

    claims: Claims = attrs.field(
        factory=lambda: attrs.evolve(
            CLAIMS, topologies=("ring", "fully_connected"), algorithms=("ring", "halving_doubling")
        )
    )

    def message_s(self, message: Message, system: System) -> float:
        """Nothing at all."""
        return 0.0 if message.algorithm == "halving_doubling" else super().message_s(message, system)


class InnerGroups(Sound):
    """Takes every group for one of the inner dimension."""

    def rounds(self, kind: Kind, participants: int) -> int:  # noqa: D102
        return super().rounds(kind, 4 if participants == 2 else participants)


@attrs.define
class Restless(Sound):
    """Answers differently every time."""

    asked: int = 0

    def compute_ps(self, request: SimulationRequest) -> NDArray[np.int64]:
        """A picosecond more every time."""
        self.asked += 1
        return np.where(request.inputs.compute_ns > 0, super().compute_ps(request) + self.asked, 0)


class Talkative(Sound):
    """Prints."""

    def compute_ps(self, request: SimulationRequest) -> NDArray[np.int64]:  # noqa: D102
        print("computing")  # noqa: T201
        return super().compute_ps(request)


class Meddler(Sound):
    """Changes the graph that the next backend is given."""

    def compute_ps(self, request: SimulationRequest) -> NDArray[np.int64]:  # noqa: D102
        request.inputs.compute_ns[:1] += 1
        return super().compute_ps(request)


class Unlocks(Sound):
    """Halves the compute that the next backend is given, and unlocks the arrays for it: it lives on others' trouble."""

    def compute_ps(self, request: SimulationRequest) -> NDArray[np.int64]:  # noqa: D102
        made = super().compute_ps(request)
        request.inputs.compute_ns.flags.writeable = True
        request.inputs.compute_ns[:] //= 2
        return made


class RebuildsTheSystem(Sound):
    """Writes to the device that the next backend is given."""

    def compute_ps(self, request: SimulationRequest) -> NDArray[np.int64]:  # noqa: D102
        parameters = request.inputs.system.device.parameters
        assert isinstance(parameters, dict)
        parameters["tuned"] = True
        return super().compute_ps(request)


class ChangesItsOptions(Sound):
    """Writes to the options that the next instance of it is given."""

    def compute_ps(self, request: SimulationRequest) -> NDArray[np.int64]:  # noqa: D102
        object.__setattr__(request, "options", None)
        return super().compute_ps(request)


@attrs.define
class ReusesItsBuffer(Sound):
    """Answers out of arrays that it uses again for the next question."""

    kept: list[Prediction] = attrs.field(factory=list)

    def prediction(self, request: SimulationRequest, instances: Instances, schedule: Schedule) -> Prediction:
        """Over the one before."""
        made = super().prediction(request, instances, schedule)
        for earlier in self.kept:
            earlier.spans.end_ps.flags.writeable = True
            earlier.spans.end_ps[:] = 0
        self.kept.append(made)
        return made


@attrs.define
class AnswersInOrder(Sound):
    """In a session, answers with whatever it began with first, whoever asks."""

    begun: list[Prediction] = attrs.field(factory=list)

    @contextlib.contextmanager
    def session(self, requests: Sequence[SimulationRequest]) -> Iterator[None]:
        """Begins at once."""
        self.begun += [super(AnswersInOrder, self).simulate(request) for request in requests]
        yield

    def simulate(self, request: SimulationRequest) -> Prediction:
        """What was begun first."""
        return self.begun.pop(0) if self.begun else super().simulate(request)


class SomebodyElse(Sound):
    """Answers about another graph."""

    def prediction(self, request: SimulationRequest, instances: Instances, schedule: Schedule) -> Prediction:  # noqa: D102
        return attrs.evolve(super().prediction(request, instances, schedule), digest="0" * 64)


class Raises(Sound):
    """Fails on what it does not know with a bug's error."""

    def message_s(self, message: Message, system: System) -> float:  # noqa: D102
        if message.algorithm not in ("", "ring"):
            raise KeyError(message.algorithm)
        return super().message_s(message, system)


class Exits(Sound):
    """Ends the process on what it does not know."""

    def message_s(self, message: Message, system: System) -> float:  # noqa: D102
        if message.algorithm not in ("", "ring"):
            raise SystemExit(3)
        return super().message_s(message, system)


FAULTS: dict[type[Sound], str] = {
    WrongShard: "ring all-gather",
    SilentMicroseconds: "consumed is true",
    OpenMicroseconds: "consumed is pinned",
    DroppedDependency: "sound schedule",
    DroppedFirst: "sound schedule",
    OneStepMore: "ring reduce-scatter",
    OneStepLess: "ring all-reduce",
    SilentDeadlock: "deadlock",
    ConstantAnswer: "doubled compute",
    ReplacesAlgorithms: "unknown algorithm",
    NoLatency: "doubled latency",
    Gibibytes: "point-to-point",
    HiddenContention: "contention",
    ClaimsTooMuch: "every topology",
    TooFast: "every algorithm",
    InnerGroups: "several dimensions",
    InnermostLink: "the wires",
    FirstGroup: "the wires",
    Restless: "deterministic",
    Talkative: "nothing is printed",
    Meddler: "input is left alone",
    Unlocks: "input is left alone",
    RebuildsTheSystem: "input is left alone",
    ChangesItsOptions: "options are left alone",
    ReusesItsBuffer: "answers are kept",
    AnswersInOrder: "sessions",
    SomebodyElse: "its own input",
    Raises: "unknown algorithm",
    Exits: "unknown algorithm",
}
"""Each fault and a check that has to find it."""
