"""Seconds of terms and messages for one column, each asked once for all runs of a session.

A column's timings are chains: what the first declines, the next is asked. Thousands of runs share devices and shapes,
so answers are remembered by device and term, and by system and message.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from versim.chains import ComputeChain, NetworkChain
from versim.errors import UnsupportedGraphError, VersimError
from versim.fabric import Device, Message, System
from versim.graph import ExecutionGraph
from versim.league.attention_kernel import AttentionKernel
from versim.league.column import Column
from versim.league.constants import Scaling
from versim.league.ingredients import PricedWorks, priced
from versim.league.job_network import JobNetwork
from versim.registry import Registry
from versim.timing import ComputeTiming, NetworkTiming, Source
from versim.work import Attention, DeviceTerm, Folded, Kind


class Pricer:
    """The timings of one column, with what they have answered."""

    def __init__(
        self, column: Column, registry: Registry, options: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        self.column = column
        given = options or {}
        self._compute = ComputeChain(column.compute, _timings(registry, column.compute, given, "compute"))
        self._network = NetworkChain(column.network, _timings(registry, column.network, given, "network"))
        self._terms: dict[Device, dict[DeviceTerm, tuple[float, str]]] = {}
        self._messages: dict[Hashable, dict[Message, float]] = {}

    def compute_s(self, terms: Sequence[DeviceTerm], device: Device) -> list[tuple[float, str]]:
        """Seconds of device terms, NaN where every timing declines, with the source of each."""
        known = self._terms.setdefault(device, {})
        new = [term for term in terms if term not in known]
        if new:
            seconds, origins = self._compute.answers(new, device)
            sources = [origin.source.value for origin in origins]
            known.update(zip(new, zip(seconds.tolist(), sources, strict=True), strict=True))
        return [known[term] for term in terms]

    def network_s(self, messages: Sequence[Message], system: System) -> list[float]:
        """Seconds of messages alone; NaN where every timing declines."""
        # A network timing may ask the device, too: DeepFlow's adds up what is reduced.
        which = (system.dimensions, system.device, system.endpoints, *sorted(system.axis_links.items()))
        known = self._messages.setdefault(which, {})
        new = [message for message in dict.fromkeys(messages) if message not in known]
        if new:
            known.update(zip(new, self._network.times_s(new, system).tolist(), strict=True))
        return [known[message] for message in messages]

    def works(
        self,
        graph: ExecutionGraph,
        system: System,
        job: JobNetwork | None = None,
        attention: AttentionKernel | None = None,
    ) -> PricedWorks:
        """The works of a graph in seconds by ingredient.

        Args:
            graph: The step.
            system: What it runs on.
            job: What the job measured of its network.
            attention: The framework's own attention kernel, if its speed is known.
        """

        def compute_s(terms: Sequence[DeviceTerm]) -> list[tuple[float, str]]:
            answers = self.compute_s(terms, system.device)
            if attention is None:
                return answers
            return [
                (published_s, Source.MODELLED.value)
                if isinstance(term, Attention) and (published_s := attention.time_s(term, system.device)) is not None
                else answer
                for term, answer in zip(terms, answers, strict=True)
            ]

        def folded_s(rows: Sequence[Folded]) -> list[float]:
            return self.network_s([message_of(row, graph) for row in rows], system)

        def late_s(row: Folded) -> float:
            return 0.0 if job is None else job.latency_s(message_of(row, graph))

        return priced(graph, compute_s, folded_s, late_s)

    def forget_systems(self) -> None:
        """Drop answers about messages: systems differ from run to run, and groups of ranks are long."""
        if len(self._messages) > 8:
            self._messages.clear()


class PricedNetwork:
    """A network timing that asks a pricer, and lets a run's own network and profile have their say."""

    def __init__(self, pricer: Pricer, scaling: Scaling, job: JobNetwork | None) -> None:
        self._pricer, self._scaling, self._job = pricer, scaling, job

    def times_s(self, messages: Sequence[Message], system: System) -> NDArray[np.float64]:
        """Seconds of each message; shape (messages,).

        Raises:
            UnsupportedGraphError: No timing of the column times one of them.
        """
        alone_s = self.alone_s(messages, system)
        factors = np.array([self._scaling.along(message.axis, message.kind) for message in messages])
        seconds: NDArray[np.float64] = alone_s * factors + self._scaling.latency_factor * self.late_s(messages)
        if self._scaling.stage_message_s:
            seconds += self._scaling.stage_message_s * between_nodes(messages, system)
        return seconds

    def alone_s(self, messages: Sequence[Message], system: System) -> NDArray[np.float64]:
        """Seconds of each as the column times it, whatever job and profile say; shape (messages,).

        Raises:
            UnsupportedGraphError: No timing of the column times one of them.
        """
        seconds = self._pricer.network_s(messages, system)
        for message, taken in zip(messages, seconds, strict=True):
            if taken != taken:  # noqa: PLR0124 - NaN
                raise UnsupportedGraphError(f"nobody times a {message.kind.value} among {message.participants} ranks")
        return np.array(seconds, dtype=np.float64)

    def late_s(self, messages: Sequence[Message]) -> NDArray[np.float64]:
        """What the job's own measurements add to each; shape (messages,)."""
        return np.array([0.0 if self._job is None else self._job.latency_s(message) for message in messages])


def between_nodes(messages: Sequence[Message], system: System) -> NDArray[np.bool_]:
    """Which messages go from one rank to another and leave its fast domain; shape (messages,)."""
    inner = system.dimensions[0].size
    return np.array(
        [
            message.kind is Kind.POINT_TO_POINT and len({rank // inner for rank in message.ranks}) > 1
            for message in messages
        ],
        dtype=bool,
    )


def message_of(folded: Folded, graph: ExecutionGraph) -> Message:
    """A folded communication as a network timing sees it: its group is the one of rank 0."""
    axes = folded.axis.split("+")
    ranks: tuple[int, ...] = ()
    if all(axis in graph.mesh.names for axis in axes):
        group = np.zeros(1, dtype=np.int64)
        stride = graph.mesh.world_size
        for name, size in zip(graph.mesh.names, graph.mesh.sizes, strict=True):
            stride //= size
            if name in axes:
                group = (group[:, None] + stride * np.arange(size)[None, :]).ravel()
        if len(group) == folded.participants:
            ranks = tuple(group.tolist())
    return Message(
        kind=folded.kind, size_bytes=folded.size_bytes, participants=folded.participants, axis=folded.axis, ranks=ranks
    )


def _timings(
    registry: Registry, names: Sequence[str], options: Mapping[str, Mapping[str, Any]], role: str
) -> tuple[Any, ...]:
    found = []
    for name in names:
        resolved = registry.resolve("timing", name, options.get(name, {}))
        model, chosen = resolved.component, resolved.options
        timing: ComputeTiming | NetworkTiming | None = (
            model.compute(chosen) if role == "compute" else model.network(chosen)
        )
        if timing is None:
            raise VersimError(f"timing {name!r} does not time {role}")
        found.append(timing)
    return tuple(found)
