"""What a simulation gives back."""

from __future__ import annotations

from enum import StrEnum

import attrs
import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


class Status(StrEnum):
    """How a simulation ended."""

    COMPLETED = "completed"
    UNFINISHED = "unfinished"
    ABORTED = "aborted"
    REFUSED = "refused"
    LOOPS = "loops"


@attrs.frozen
class Finding:
    """Something worth telling about a run.

    Attributes:
        rank: The rank concerned, None where none is.
        node_id: The trace node concerned, None where none is.
        text: What it waits for, or what was dropped, in a sentence.
    """

    rank: int | None
    node_id: int | None
    text: str


@attrs.frozen(kw_only=True)
class RankStatistics:
    """What the original prints when a rank finishes. All None if it does not get to print.

    Attributes:
        exposed_comm_ns: Finish minus the sum of all GPU compute; not the time in which only communication runs.
        wall_ns: Latest end of any node.
        comm_ns: Time during which at least one communication node is open; None if the rank has none.
        gpu_ns: The same for GPU nodes.
        cpu_ns: The same for CPU nodes; the original never gets to print it.
        remote_mem_ns: The same for memory nodes.
        overlap_ns: GPU and communication time beyond the wall time, an unsigned 64-bit difference.
        roofline: Percentages and intensity, where the roofline is on.
        statistics_failed: The rank finished but its statistics broke off.
    """

    exposed_comm_ns: int | None = None
    wall_ns: int | None = None
    comm_ns: int | None = None
    gpu_ns: int | None = None
    cpu_ns: int | None = None
    remote_mem_ns: int | None = None
    overlap_ns: int | None = None
    roofline: RooflineAverages | None = None
    statistics_failed: bool = False


@attrs.frozen(kw_only=True)
class RooflineAverages:
    """Averages over compute nodes, weighted by duration.

    Attributes:
        compute_bound_pct: Share of time at peak performance.
        compute_utilization_pct: Of the peak performance.
        memory_utilization_pct: Of the memory bandwidth.
        intensity_flop_per_byte: Operations per byte.
    """

    compute_bound_pct: float
    compute_utilization_pct: float
    memory_utilization_pct: float
    intensity_flop_per_byte: float


@attrs.frozen(kw_only=True, eq=False)
class Spans:
    """When each node ran: one row per node that was issued, by rank and then by id.

    Attributes:
        rank: The rank.
        node_id: The trace node.
        ready_ns: When all its predecessors were finished.
        start_ns: When it was issued.
        end_ns: When it completed, -1 if it never did.
    """

    rank: Integers
    node_id: npt.NDArray[np.uint64]
    ready_ns: Integers
    start_ns: Integers
    end_ns: Integers

    def __len__(self) -> int:
        return len(self.rank)


@attrs.frozen(kw_only=True, eq=False)
class LinkUse:
    """What each link carried, in columns; empty for the congestion-unaware network.

    Attributes:
        name: Source and destination device, e.g. ``"0->1"``.
        bytes_carried: Bytes sent over the link.
        busy_ns: Time spent serializing.
        queueing_ns: Sum of the times messages waited for the link.
        messages: Messages sent over the link.
    """

    name: tuple[str, ...] = ()
    bytes_carried: Integers = attrs.field(factory=lambda: np.zeros(0, dtype=np.int64))
    busy_ns: Integers = attrs.field(factory=lambda: np.zeros(0, dtype=np.int64))
    queueing_ns: Integers = attrs.field(factory=lambda: np.zeros(0, dtype=np.int64))
    messages: Integers = attrs.field(factory=lambda: np.zeros(0, dtype=np.int64))


@attrs.frozen(kw_only=True, eq=False)
class Outcome:
    """The end of a simulation.

    Attributes:
        status: How it ended.
        finish_ns: When each rank finished, None where it did not.
        finish_order: Ranks in the order they finished.
        statistics: What is printed per rank; empty if not asked for.
        spans: When each node ran; None if not recorded.
        links: What each link carried.
        message_count: Messages sent, those of collectives and handshakes included. Where a run aborts, messages of
            collectives under way may be left out here and in ``links``.
        diagnosis: Why ranks are unfinished, what ended the run, what was dropped or inflated.
        engine: What ran: ``kernel``, compiled, or ``python``.
        unfolded_ns: Up to when one rank stood for more than afterwards, None if it did not.
    """

    status: Status
    finish_ns: tuple[int | None, ...]
    finish_order: tuple[int, ...]
    statistics: tuple[RankStatistics, ...]
    spans: Spans | None
    links: LinkUse
    message_count: int
    diagnosis: tuple[Finding, ...]
    engine: str = "python"
    unfolded_ns: int | None = None

    @property
    def unfinished_ranks(self) -> tuple[int, ...]:
        """Ranks that did not finish."""
        return tuple(rank for rank, finish in enumerate(self.finish_ns) if finish is None)

    @property
    def makespan_ns(self) -> int | None:
        """Latest finish, None unless every rank finished."""
        finishes = [finish for finish in self.finish_ns if finish is not None]
        return max(finishes) if len(finishes) == len(self.finish_ns) and finishes else None
