"""A prediction: what one simulator answers for one pinned graph.

Times are integer picoseconds since the start of the step, so that sums are exact. A simulation that did not complete
has a status, a diagnosis and no makespan.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Mapping
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.codes import Codes
from versim.errors import legible
from versim.units import PS_PER_S

NO_TIME = -1
"""In a time column: this did not happen, or is not modelled."""


def _kept(column: Any) -> Any:
    """An array that nobody can write to any more; a copy, if somebody else's memory lies under it.

    A backend that answers out of a buffer it uses again would change its earlier answers, and a reader one answer for
    all other readers.
    """
    if not isinstance(column, np.ndarray):
        return column  # told with its name where an answer is held to its form
    if column.base is not None and column.flags.writeable:
        column = column.copy()
    column.flags.writeable = False
    return column


class Status(enum.StrEnum):
    """How a simulation ended."""

    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    """It ended, but part of the graph never ran."""
    DEADLOCK = "deadlock"
    """Ranks wait for one another for ever."""
    ABORTED = "aborted"
    """The simulator gave up or refused."""
    TIMED_OUT = "timed_out"
    """It was stopped at its time limit."""


class Resource(enum.IntEnum, metaclass=Codes):
    """What a span occupies on its rank."""

    COMPUTE = 0
    COMMUNICATION = 1


@attrs.frozen(eq=False, kw_only=True)
class Spans:
    """When each node ran, one row per node and rank that the backend told apart.

    Attributes:
        node: int32 (spans,), row of the graph.
        rank: int64 (spans,), a representative rank, see ``Prediction.representative``.
        ready_ps: int64 (spans,), when its dependencies had finished; NO_TIME where not known.
        start_ps: int64 (spans,), when it began to occupy its resource (a receive: when it was posted).
        end_ps: int64 (spans,).
        resource: int8 (spans,), see :class:`Resource`.
    """

    node: NDArray[np.int32] = attrs.field(converter=_kept)
    rank: NDArray[np.int64] = attrs.field(converter=_kept)
    ready_ps: NDArray[np.int64] = attrs.field(converter=_kept)
    start_ps: NDArray[np.int64] = attrs.field(converter=_kept)
    end_ps: NDArray[np.int64] = attrs.field(converter=_kept)
    resource: NDArray[np.int8] = attrs.field(converter=_kept)

    @classmethod
    def none(cls) -> Spans:
        """Of a prediction that does not say when anything ran."""
        nothing = np.empty(0, dtype=np.int64)
        return cls(
            node=nothing.astype(np.int32),
            rank=nothing,
            ready_ps=nothing,
            start_ps=nothing,
            end_ps=nothing,
            resource=nothing.astype(np.int8),
        )

    @property
    def count(self) -> int:
        """Number of spans."""
        return len(self.node)


@attrs.frozen(eq=False, kw_only=True)
class Consumed:
    """What a backend really used, after its own rounding and conversion.

    Attributes:
        compute_ns: int64 (nodes,), nanoseconds per compute node; NO_TIME where the node was not represented.
        size_bytes: int64 (communications,), bytes of the full tensor that were moved; NO_TIME where not represented.
        notes: What was lost and why, for people.
    """

    compute_ns: NDArray[np.int64] = attrs.field(converter=_kept)
    size_bytes: NDArray[np.int64] = attrs.field(converter=_kept)
    notes: tuple[str, ...] = ()


@attrs.frozen(eq=False, kw_only=True)
class LinkLoads:
    """What the links of the simulated network carried, one row per directed link.

    Attributes:
        name: Which link, e.g. ``0->1``; distinct.
        carried_bytes: int64 (links,), bytes that were sent over it.
        messages: int64 (links,), in how many messages.
        busy_ps: int64 (links,), how long it takes to send these bytes at the link's full rate.
        queueing_ps: int64 (links,), sum of the times messages waited for the link; NO_TIME where messages share a link
            instead of waiting for it.

    Raises:
        ValueError: Columns do not fit one another, or hold something below 0.
    """

    name: tuple[str, ...]
    carried_bytes: NDArray[np.int64] = attrs.field(converter=_kept)
    messages: NDArray[np.int64] = attrs.field(converter=_kept)
    busy_ps: NDArray[np.int64] = attrs.field(converter=_kept)
    queueing_ps: NDArray[np.int64] = attrs.field(converter=_kept)

    def __attrs_post_init__(self) -> None:
        if len(set(self.name)) != len(self.name):
            raise ValueError("links: two links have one name")
        for column, lowest in (("carried_bytes", 0), ("messages", 0), ("busy_ps", 0), ("queueing_ps", NO_TIME)):
            values = getattr(self, column)
            if not isinstance(values, np.ndarray) or values.shape != (len(self.name),) or values.dtype != np.int64:
                raise ValueError(f"links: {column} has to be int64 of shape ({len(self.name)},)")
            if len(values) and values.min() < lowest:
                raise ValueError(f"links: {column} has {values.min()}, less than {lowest}")

    @property
    def count(self) -> int:
        """Number of links."""
        return len(self.name)

    def utilization(self, makespan_ps: int | None) -> NDArray[np.float64]:
        """busy_ps / makespan of each link, shape (links,); NaN without a makespan."""
        return self.busy_ps / makespan_ps if makespan_ps else np.full(self.count, np.nan)


def _text(_: object, attribute: attrs.Attribute[str], value: object) -> None:
    if not isinstance(value, str):
        raise ValueError(f"{attribute.name} has to be a text, got {value!r:.60}")  # noqa: TRY004 - one kind of error


def _texts(values: Iterable[object]) -> tuple[str, ...]:
    if isinstance(values, str):
        raise ValueError(f"diagnosis has to be a list of texts, got the text {values!r:.60}")  # noqa: TRY004
    return tuple(legible(str(value)) for value in values)


def _spelt(values: Mapping[Any, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in values.items()}


def _whole(value: object) -> int | None:
    """A whole number of Python from one of Python or numpy."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if not isinstance(value, np.integer):
        raise ValueError(f"a time in picoseconds is a whole number, got {value!r:.60}")  # noqa: TRY004
    return int(value)


def _real(value: object) -> float | None:
    """A float of Python from any number."""
    if value is None:
        return None
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise ValueError(f"a time in seconds is a number, got {value!r:.60}")  # noqa: TRY004
    return float(value)


def _lasting(value: object) -> float | None:
    """Seconds that something took."""
    found = _real(value)
    if found is not None and not 0 <= found < math.inf:
        raise ValueError(f"wall_s is a finite number of at least 0, got {found!r}")
    return found


def _pairs(values: Iterable[Iterable[object]]) -> tuple[tuple[int, int], ...]:
    pairs = tuple(tuple(_whole(number) for number in pair) for pair in values)
    if any(len(pair) != 2 or None in pair for pair in pairs):
        raise ValueError("waiting has to hold pairs of a rank and a row")
    return pairs  # type: ignore[return-value] # just held to it


@attrs.frozen(eq=False, kw_only=True)
class Prediction:
    """One simulator's answer.

    Numbers of numpy are taken as numbers of Python, once and here.

    Attributes:
        simulator: The backend's name, e.g. ``astrasim``.
        engine: What really ran, with its version, e.g. ``embedded 0.1``.
        digest: Digest of the pinned graph that was given.
        status: How it ended.
        makespan_ps: First start to last end over all ranks; None unless completed.
        finish_ps: int64 (world size,), when each rank finished; NO_TIME for a rank that did not.
        representative: int64 (world size,), for each rank the rank that stands for it in ``spans``.
        spans: When each node ran; what is not listed did not run.
        consumed: What the backend really used.
        diagnosis: Why it did not complete, or what surprised on the way; names ranks and nodes.
        waiting: If not completed: (rank, row) pairs of nodes that never finished, as far as known.
        reported_s: What the original program would have printed, where that differs from a sound answer.
        wall_s: Seconds the simulation itself took.
        label: The instance's name in the scenario.
        provenance: Options, versions and files, for people.
        links: What each link carried; None where the simulator does not model links or does not say.
        measured: True if a machine took these times: the others' differences to it are errors.

    Raises:
        ValueError: A field holds something of another kind, or a makespan contradicts the status.
    """

    simulator: str = attrs.field(validator=_text)
    engine: str = attrs.field(validator=_text)
    digest: str = attrs.field(validator=_text)
    status: Status = attrs.field(converter=Status)
    makespan_ps: int | None = attrs.field(converter=_whole)
    finish_ps: NDArray[np.int64] = attrs.field(converter=_kept)
    representative: NDArray[np.int64] = attrs.field(converter=_kept)
    spans: Spans
    consumed: Consumed
    diagnosis: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    waiting: tuple[tuple[int, int], ...] = attrs.field(default=(), converter=_pairs)
    reported_s: float | None = attrs.field(default=None, converter=_real)
    wall_s: float | None = attrs.field(default=None, converter=_lasting)
    label: str = attrs.field(default="", validator=_text)
    provenance: Mapping[str, str] = attrs.field(factory=dict, converter=_spelt)
    links: LinkLoads | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.instance_of(LinkLoads))
    )
    measured: bool = attrs.field(default=False, converter=bool)

    def __attrs_post_init__(self) -> None:
        for name, kind in (("spans", Spans), ("consumed", Consumed)):
            if not isinstance(getattr(self, name), kind):
                found = type(getattr(self, name)).__name__
                raise ValueError(f"{name} has to be {kind.__name__}, got {found}")  # noqa: TRY004
        if (self.makespan_ps is None) == (self.status is Status.COMPLETED):
            raise ValueError(f"{self.simulator}: a makespan is given if and only if the simulation completed")

    def __repr__(self) -> str:
        said = self.status.value if self.makespan_ps is None else f"{self.makespan_ps / PS_PER_S:.6g} s"
        return f"<Prediction by {self.simulator!r}: {said}>"

    @property
    def completed(self) -> bool:
        """True if every node ran to its end."""
        return self.status is Status.COMPLETED
