"""The network timing ``nccl``: what NCCL would choose, and what that takes."""
# Without `from __future__ import annotations`: the option classes' types are resolved when options are structured.

from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import (
    ComputeTiming,
    Kind,
    Message,
    NetworkTiming,
    Origin,
    Source,
    System,
    Topology,
    UnsupportedGraphError,
    option,
)

from versim_silicon.nccl.calibration import GPU_CONSTANTS, NIC_CONSTANTS, OWN_PART, GpuConstants, NicConstants, times_s
from versim_silicon.nccl.channels import Group, group_of, rings
from versim_silicon.nccl.constants import BASE_S, LL, NET_STEP_S, NVLINK_STEP_S, Algorithm
from versim_silicon.nccl.tuning import TUNED_KINDS, Way, ways

NAME = "nccl"

ALGORITHMS = {"ring": (Algorithm.RING,), "tree": (Algorithm.TREE, Algorithm.NVLS_TREE)}
"""Algorithms that a graph may ask for, as NCCL's."""

SENT = "sends and receives"
SENT_KINDS = (Kind.ALL_TO_ALL, Kind.POINT_TO_POINT)
"""What NCCL does by sends and receives, without a choice."""


@attrs.frozen(kw_only=True)
class NcclOptions:
    """Options of the timing model ``nccl``."""

    nic: str = option(
        "infiniband",
        validator=attrs.validators.in_(tuple(NIC_CONSTANTS)),
        help=f"kind of network card between nodes: {', '.join(NIC_CONSTANTS)}",
    )
    launch_s: float | None = option(
        None,
        validator=attrs.validators.optional(attrs.validators.gt(0)),
        help="seconds that a launch takes; the GPU generation's unless given",
    )
    achieved: float | None = option(
        None,
        validator=attrs.validators.optional(attrs.validators.gt(0)),
        help="bandwidth within a node over what NCCL reckons with; the GPU generation's unless given",
    )
    nic_slower: float | None = option(
        None,
        validator=attrs.validators.optional(attrs.validators.gt(0)),
        help="what a step between nodes takes over NCCL's figure; the card's unless given",
    )
    nic_achieved: float | None = option(
        None,
        validator=attrs.validators.optional(attrs.validators.gt(0)),
        help="bandwidth between nodes over what NCCL reckons with; the card's unless given",
    )


@attrs.frozen
class Answer:
    """What a collective takes, by size.

    Attributes:
        times_s: Shape (sizes,).
        chosen: What NCCL would use at each size, e.g. ``Ring LL128``.
    """

    times_s: NDArray[np.float64]
    chosen: list[str]


@attrs.frozen
class NcclNetwork:
    """Seconds that a communication takes alone, by NCCL's own choice of algorithm and protocol."""

    options: NcclOptions

    def times_s(self, messages: Sequence[Message], system: System) -> NDArray[np.float64]:
        """Seconds of each message; shape (messages,).

        Raises:
            UnsupportedGraphError: An algorithm that NCCL does not have.
        """
        times = np.full(len(messages), np.nan)
        for places, answer in self._answers(messages, system):
            times[places] = answer.times_s
        return times

    def origins(self, messages: Sequence[Message], system: System) -> list[Origin]:
        """All modelled; the detail names what NCCL chose."""
        found: list[Origin] = [Origin(Source.MODELLED, NAME)] * len(messages)
        for places, answer in self._answers(messages, system):
            for place, chosen in zip(places, answer.chosen, strict=True):
                found[place] = Origin(Source.MODELLED, NAME, f"{messages[place].kind} by {chosen}")
        return found

    def network_limits(self, messages: Sequence[Message], system: System) -> list[str]:
        """What NCCL's own model does not know of each message's network: links that are degraded, ways round a ring."""
        return [_limit(message, system) for message in messages]

    def _answers(self, messages: Sequence[Message], system: System) -> list[tuple[list[int], Answer]]:
        """Messages that differ in nothing but size are one question."""
        questions: dict[tuple[Kind, Group, str], list[int]] = {}
        groups: dict[tuple[tuple[int, ...], int], Group] = {}
        for place, message in enumerate(messages):
            members = message.ranks, message.participants
            if members not in groups:
                groups[members] = group_of(system, *members)
            group = groups[members]
            questions.setdefault((message.kind, group, message.algorithm), []).append(place)
        return [
            (places, self.ask(kind, group, np.array([float(messages[p].size_bytes) for p in places]), algorithm))
            for (kind, group, algorithm), places in questions.items()
        ]

    def ask(
        self, kind: Kind, group: Group, sizes_bytes: NDArray[np.float64], algorithm: str = "", own: float = OWN_PART
    ) -> Answer:
        """What NCCL would choose for a group, by size, and what it takes.

        Raises:
            UnsupportedGraphError: A kind or an algorithm that NCCL does not have.
        """
        gpu, nic = self._gpu(group), self._nic(group)
        if kind not in (*TUNED_KINDS, *SENT_KINDS):
            listed = ", ".join(str(known) for known in (*TUNED_KINDS, *SENT_KINDS))
            raise UnsupportedGraphError(f"nccl: {kind} is none of {listed}; name a timing that knows it")
        if kind is Kind.ALL_TO_ALL and algorithm not in ("", "direct"):
            raise UnsupportedGraphError(f"nccl: NCCL sends an all_to_all directly, and has none by {algorithm}")
        if kind in SENT_KINDS:
            return Answer(_sent_s(kind, group, sizes_bytes, gpu, nic, own), [SENT] * len(sizes_bytes))
        known = [way for way in ways(kind, group) if way.algorithm in _asked(algorithm)]
        if not known:
            raise UnsupportedGraphError(f"nccl: NCCL has no {kind} by {algorithm}; leave the choice to it, or use ring")
        parts = (2 if kind is Kind.ALL_REDUCE else 1) * (group.ranks - 1)
        choice = np.argmin([way.times_s(sizes_bytes) for way in known], axis=0)
        all_s = np.array([times_s(way, sizes_bytes, parts, gpu, nic, own) for way in known])
        return Answer(all_s[choice, np.arange(len(sizes_bytes))], [_spelt(known[number]) for number in choice.tolist()])

    def _gpu(self, group: Group) -> GpuConstants:
        found, given = GPU_CONSTANTS[group.generation], self.options
        return attrs.evolve(
            found,
            launch_s=found.launch_s if given.launch_s is None else given.launch_s,
            achieved=found.achieved if given.achieved is None else given.achieved,
        )

    def _nic(self, group: Group) -> NicConstants | None:
        if group.nodes == 1:
            return None
        found, given = NIC_CONSTANTS[self.options.nic], self.options
        return attrs.evolve(
            found,
            slower=found.slower if given.nic_slower is None else given.nic_slower,
            achieved=found.achieved if given.nic_achieved is None else given.nic_achieved,
        )


DEGRADED = "NCCL's model knows one bandwidth within nodes and one between them, whatever is degraded"
RINGS = "NCCL's model takes a node's devices for joined by switches or by links to each, not by a ring"


def _limit(message: Message, system: System) -> str:
    if len(message.ranks) < 2:
        return ""
    crossed = [system.dimensions[level.dimension] for level in system.fabric.spread(message.ranks).levels]
    limits = [DEGRADED] if system.fabric.touched([message.ranks])[0] else []
    if any(one.topology is Topology.RING for one in crossed):
        limits.append(RINGS)
    return "; ".join(limits)


def _asked(algorithm: str) -> tuple[Algorithm, ...]:
    if not algorithm:
        return tuple(Algorithm)
    if algorithm not in ALGORITHMS:
        raise UnsupportedGraphError(
            f"nccl: NCCL has no algorithm {algorithm!r} that the graph asks for; it knows {', '.join(ALGORITHMS)}"
        )
    return ALGORITHMS[algorithm]


def _spelt(way: Way) -> str:
    return f"{way.algorithm} {way.protocol}"


def _sent_s(
    kind: Kind,
    group: Group,
    sizes_bytes: NDArray[np.float64],
    gpu: GpuConstants,
    nic: NicConstants | None,
    own: float,
) -> NDArray[np.float64]:
    """A message between two ranks, and an all-to-all, which is one to and from every other at once.

    NCCL chooses nothing here; a launch, a step, and bytes over the links that they cross, within and between nodes at
    once.
    """
    scale = gpu.launch_s / BASE_S[Algorithm.RING][LL]
    latency_s = scale * (BASE_S[Algorithm.RING][LL] + NVLINK_STEP_S[Algorithm.RING][LL])
    within = rings(attrs.evolve(group, nodes=1)).together_bytes_per_s * gpu.achieved
    if kind is Kind.ALL_TO_ALL:
        local = max(1.0, group.per_node)
        inside = ((local - 1) / group.ranks + 1 / (own * group.ranks)) / within
        outside = (group.ranks - local) / group.ranks
    else:
        inside, outside = (0.0, 1.0) if nic is not None else (1 / within, 0.0)
    if nic is None:
        return latency_s + sizes_bytes * inside
    latency_s += NET_STEP_S[Algorithm.RING][LL] * nic.slower
    return latency_s + sizes_bytes * max(inside, outside / (group.nic_bytes_per_s * nic.achieved))


@attrs.frozen
class Nccl:
    """The timing model ``nccl``; it times communication only."""

    name: str = NAME
    options: type[NcclOptions] = NcclOptions

    def compute(self, options: NcclOptions) -> ComputeTiming | None:  # noqa: ARG002 - the protocol's
        """None: what compute takes is another model's business."""
        return None

    def network(self, options: NcclOptions) -> NetworkTiming:
        """NCCL's choice and what it takes, with these options."""
        return NcclNetwork(options)
