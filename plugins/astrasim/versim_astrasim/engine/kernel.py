"""The compiled engine: columns in, columns out, through a plain C interface.

``native/engine.cpp`` does entry by entry what the Python modules do. It works in slices, so that a run can be
interrupted and says how far it is; whatever goes wrong in a run is left to the Python engine, which says why.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, Self

import attrs
import numpy as np
import numpy.typing as npt
from versim import kernel_part

from versim_astrasim.engine.columns import KernelInput
from versim_astrasim.engine.event_queue import NOT_YET
from versim_astrasim.engine.failures import Failure
from versim_astrasim.engine.fold import Head
from versim_astrasim.engine.network_config import NetworkConfig
from versim_astrasim.engine.outcome import LinkUse
from versim_astrasim.engine.topologies import FULLY_CONNECTED, RING, SWITCH
from versim_astrasim.engine.units import BYTES_PER_GB, bandwidth_bytes_per_ns

Integers = npt.NDArray[np.int64]

ENTRIES_AT_ONCE = 1 << 18
"""Worked off before looking for an interrupt, some hundredths of a second's worth."""

MOST_NS = 2**63 - 1
"""Before which everything happens."""

Progress = Callable[[float], None]
"""Told now and then which share of all nodes has ended."""

AMBIGUOUS_ORDER, CONTACT = 7, 8
"""Numbers of the reasons that ranks for which one stands are not alike."""

REASONS = {
    1: "something that takes no time is ready at the start",
    2: "a time does not fit into 2^53 ns",
    3: "a message has no bytes",
    4: "a message goes to a rank that cannot be reached",
    5: "a rank communicates in a group it is not a member of",
    6: "there is not enough memory",
    AMBIGUOUS_ORDER: "a tie that ranks for which one stands see in different order",
    CONTACT: "a communication in which ranks for which one stands do not do the same",
}
"""Why a run was broken off, by number (``Reason`` in ``native/event_queue.hpp``)."""

_TOPOLOGIES = (RING, FULLY_CONNECTED, SWITCH)

_ARRAYS = (
    ("topology", np.int64),
    ("npus_count", np.int64),
    ("bytes_per_ns", np.float64),
    ("latency_ns", np.float64),
    ("ask_way", "callback"),
    ("world_size", None),
    ("folded_axes", None),
    ("representative", np.int64),
    ("stands_in", np.int64),
    ("member", np.int64),
    ("axis_size", np.int64),
    ("axis_stride", np.int64),
    ("begins_run", np.uint8),
    ("endpoint_delay_ns", None),
    ("lane_width", None),
    ("queues_per_dimension", None),
    ("local_mem_bytes_per_s", float),
    ("program_of_rank", np.int64),
    ("instance_start", np.int64),
    ("node_start", np.int64),
    ("action", np.uint8),
    ("slot", np.uint8),
    ("statistics_class", np.uint8),
    ("duration_ns", np.int64),
    ("peer", np.int64),
    ("tag", np.int64),
    ("size_bytes", np.int64),
    ("collective", np.int32),
    ("contact", np.uint8),
    ("predecessor_count", np.int32),
    ("successor_start", np.int64),
    ("successor", np.int32),
    ("group_count", None),
    ("member_start", np.int64),
    ("group_member", np.int32),
    ("first_job", np.int64),
    ("collective_count", None),
    ("job_count", np.int64),
    ("collective_group", np.int64),
    ("step_start", np.int64),
    ("step", np.int64),
    ("exchange", np.int64),
    ("ready_ns", np.int64),
    ("start_ns", np.int64),
    ("end_ns", np.int64),
    ("finish_ns", np.int64),
    ("finish_order", np.int64),
    ("finish_mark", np.int64),
    ("gpu_ns", np.int64),
    ("class_figures", np.int64),
    ("first_seen", np.int64),
)
"""Fields of ``Input`` in ``native/input.hpp`` behind its first three: arrays by type of element, numbers otherwise."""


class _WayAsked(ctypes.Structure):
    """``WayAsked`` in ``native/network.hpp``."""

    _fields_ = (
        ("source", ctypes.c_int64),
        ("destination", ctypes.c_int64),
        ("room", ctypes.c_int64),
        ("devices", ctypes.POINTER(ctypes.c_int64)),
        ("figures", ctypes.POINTER(ctypes.c_double)),
    )


_AskWay = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.POINTER(_WayAsked))
_CTYPES: dict[Any, Any] = {None: ctypes.c_int64, float: ctypes.c_double, "callback": _AskWay}


class _Input(ctypes.Structure):
    _fields_ = [
        ("rank_count", ctypes.c_int64),
        ("congestion_aware", ctypes.c_int64),
        ("dimension_count", ctypes.c_int64),
        *((name, _CTYPES.get(kind, ctypes.c_void_p)) for name, kind in _ARRAYS),
    ]


@attrs.frozen(kw_only=True, eq=False)
class KernelOutput:
    """What a run gives back.

    Attributes:
        broken_off: Why the run was broken off, 0 if it was not.
        broken_off_by: Rank and position of the node that was to blame, -1 where not known.
        message_count: Messages sent.
        unclaimed: Messages between nodes that arrived and that nobody received.
        now_ns: The last tick.
        ready_ns: int64 (instances,), when predecessors were finished, :data:`NOT_YET` if they never were.
        start_ns: int64 (instances,), when each node was issued.
        end_ns: int64 (instances,), when each node completed.
        finish_ns: int64 (ranks,).
        finish_order: int64 (finished ranks,).
        finish_mark: int64 (finished ranks, folded axes, 2), run and shift of each finish, see :class:`.fold.Fold`.
        began: Of shifts there that are not by so many members, by axis and number: int64 (members,), who began it.
        gpu_ns: int64 (ranks,), durations of compute issued.
        class_ns: int64 (ranks, 2), time during which any node of a class is open: compute, communication.
        class_nodes: int64 (ranks, 2), nodes issued.
        first_seen: int64 (collectives, 4): turn, rank and position of the first execution, and how many there were.
        links: What each link carried.
        unfolded_ns: Up to when fewer ranks were simulated, None if there was no such time.
    """

    broken_off: int
    broken_off_by: tuple[int, int]
    message_count: int
    unclaimed: int
    now_ns: int
    ready_ns: Integers
    start_ns: Integers
    end_ns: Integers
    finish_ns: Integers
    finish_order: Integers
    finish_mark: Integers
    began: Mapping[tuple[int, int], Integers]
    gpu_ns: Integers
    class_ns: Integers
    class_nodes: Integers
    first_seen: Integers
    links: LinkUse
    unfolded_ns: int | None = None

    @property
    def completed(self) -> bool:
        """Whether every rank finished and nothing is left over."""
        return not self.broken_off and len(self.finish_order) == len(self.finish_ns) and not self.unclaimed


def kernel_reason() -> str:
    """Why there is no compiled engine; "" if there is one."""
    return kernel_part("versim_engine", _SOURCES).reason


_SOURCES = Path(__file__).parent / "native"


def _library() -> ctypes.CDLL:
    library = kernel_part("versim_engine", _SOURCES).library
    if library is None:
        raise ValueError(f"the compiled engine is not there: {kernel_reason()}")
    library.versim_engine_new.restype = ctypes.c_void_p
    library.versim_engine_new.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    library.versim_engine_free.argtypes = [ctypes.c_void_p]
    library.versim_engine_free.restype = None
    library.versim_engine_run.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64]
    library.versim_engine_run.restype = ctypes.c_int64
    library.versim_engine_began.argtypes = [ctypes.c_void_p, *[ctypes.c_int64] * 3]
    library.versim_engine_began.restype = ctypes.c_int64
    for tells in (library.versim_engine_figures, library.versim_engine_links):
        tells.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        tells.restype = None
    return library


def run_kernel(given: KernelInput, progress: Progress | None = None, head: Head | None = None) -> KernelOutput:
    """Simulate; see :func:`versim_astrasim.engine.simulation.simulate`.

    With a head, fewer ranks are simulated up to its end, and those that are given from there on.

    Raises:
        ValueError: If there is no compiled engine.
    """
    library, raised = _library(), list[BaseException]()
    if head is not None:
        with _Run(library, _until(head, given), raised) as before:
            if before.advance(progress, before_ns=head.end_ns) > 0:
                with _Run(library, given, raised, before) as run:
                    if run.engine:
                        return attrs.evolve(run.to_the_end(progress), unfolded_ns=head.end_ns)
    with _Run(library, given, raised) as run:
        if not run.engine:
            raise MemoryError("the compiled engine has not enough memory for this step")
        return run.to_the_end(progress)


def _until(head: Head, given: KernelInput) -> KernelInput:
    """The same run of the ranks that stand for all until then."""
    rows = head.fold.representative if given.fold is None else given.fold.stands_in[head.fold.representative]
    programs = attrs.evolve(given.programs, of_rank=given.programs.of_rank[rows])
    return attrs.evolve(given, programs=programs, fold=head.fold)


class _Run:
    """A run of the compiled engine, and the columns it reads and fills in.

    Attributes:
        engine: Its handle; None without memory, or if the run before cannot be gone on with.
    """

    def __init__(
        self, library: ctypes.CDLL, given: KernelInput, raised: list[BaseException], before: _Run | None = None
    ) -> None:
        self._library, self._given, self._raised = library, given, raised
        self._columns = _columns(given, raised)
        structure = _Input(
            rank_count=len(given.programs.of_rank),
            congestion_aware=given.network.congestion_aware,
            dimension_count=len(given.network.npus_count),
        )
        for name, kind in _ARRAYS:
            value = self._columns[name]
            if kind not in _CTYPES and value is not None:
                value = self._columns[name] = np.ascontiguousarray(value, dtype=kind)
                value = value.ctypes.data
            setattr(structure, name, value)
        handle = None if before is None else before.engine
        self.engine: int | None = library.versim_engine_new(ctypes.byref(structure), handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._library.versim_engine_free(self.engine)

    def advance(self, progress: Progress | None, before_ns: int = MOST_NS) -> int:
        """Work off what is due before some time; 1 if nothing is left, negative a reason to break off."""
        instances = len(self._columns["ready_ns"])
        while not (state := self._library.versim_engine_run(self.engine, ENTRIES_AT_ONCE, before_ns)):
            if progress is not None:
                progress(int(self._figures()[1]) / instances)
        if self._raised:
            raise self._raised[0]
        return int(state)

    def to_the_end(self, progress: Progress | None) -> KernelOutput:
        """Work off everything."""
        state = self.advance(progress)
        figures, columns = self._figures(), self._columns
        links = np.zeros((int(figures[4]), 6), dtype=np.int64)
        if len(links):
            self._library.versim_engine_links(self.engine, links.ctypes.data)
        classes = columns["class_figures"]
        filled = ("ready_ns", "start_ns", "end_ns", "finish_ns", "gpu_ns", "first_seen")
        return KernelOutput(
            broken_off=max(0, -state),
            broken_off_by=(int(figures[6]), int(figures[7])),
            message_count=int(figures[0]),
            unclaimed=int(figures[5]),
            now_ns=int(figures[3]),
            finish_order=columns["finish_order"][: int(figures[2])],
            finish_mark=columns["finish_mark"][: int(figures[2])],
            began=self._began(columns["finish_mark"][: int(figures[2]), :, 1]),
            class_ns=classes[:, 0],
            class_nodes=classes[:, 1],
            links=_link_use(links, self._given),
            **{name: columns[name] for name in filled},
        )

    def _figures(self) -> Integers:
        figures = np.zeros(8, dtype=np.int64)
        self._library.versim_engine_figures(self.engine, figures.ctypes.data)
        return figures

    def _began(self, shifts: Integers) -> dict[tuple[int, int], Integers]:
        began = self._library.versim_engine_began
        return {
            (axis, shift): np.array([began(self.engine, axis, shift, member) for member in range(size)])
            for axis, size in enumerate(self._columns["axis_size"].tolist())
            for shift in np.unique(shifts[:, axis]).tolist()
            if shift >= size
        }


def _columns(given: KernelInput, raised: list[BaseException]) -> dict[str, Any]:
    programs, collectives, network, system = given.programs, given.collectives, given.network, given.system
    ranks, starts = len(programs.of_rank), programs.instance_start
    fold = given.fold
    axes = 0 if fold is None else len(fold.sizes)
    nothing = np.zeros(0, dtype=np.int64)
    instances, distinct = int(starts[-1]), len(collectives.job_count)
    return {
        "topology": np.array([_TOPOLOGIES.index(name) for name in network.topology]),
        "npus_count": np.array(network.npus_count),
        "bytes_per_ns": np.array([bandwidth_bytes_per_ns(gib_per_s) for gib_per_s in network.bandwidth_gib_per_s]),
        "latency_ns": np.array(network.latency_ns),
        "ask_way": _ways_of(network, raised),
        "world_size": network.rank_count,
        "folded_axes": axes,
        "representative": nothing if fold is None else fold.representative,
        "stands_in": nothing if fold is None else fold.stands_in,
        "member": nothing if fold is None else fold.member,
        "axis_size": nothing if fold is None else np.array(fold.sizes),
        "axis_stride": nothing if fold is None else np.array(fold.strides),
        "begins_run": nothing if fold is None else fold.begins_run,
        "endpoint_delay_ns": system.effective_endpoint_delay_ns,
        "lane_width": system.lane_width,
        "queues_per_dimension": system.num_queues_per_dim,
        "local_mem_bytes_per_s": system.local_mem_bw_gb_per_s * BYTES_PER_GB,
        "program_of_rank": programs.of_rank,
        "instance_start": starts,
        "node_start": programs.start,
        "action": given.action,
        "slot": given.slot,
        "statistics_class": given.statistics_class,
        "duration_ns": programs.duration_ns,
        "peer": programs.peer,
        "tag": programs.tag,
        "size_bytes": programs.size_bytes,
        "collective": given.collective,
        "contact": programs.contact,
        "predecessor_count": programs.predecessor_count,
        "successor_start": programs.successor_start,
        "successor": programs.successor,
        "group_count": len(collectives.first_job),
        "member_start": collectives.member_start,
        "group_member": collectives.member,
        "first_job": collectives.first_job,
        "collective_count": distinct,
        "job_count": collectives.job_count,
        "collective_group": collectives.group,
        "step_start": collectives.step_start,
        "step": collectives.step,
        "exchange": collectives.exchange,
        "ready_ns": np.full(instances, NOT_YET, dtype=np.int64),
        "start_ns": np.full(instances, NOT_YET, dtype=np.int64),
        "end_ns": np.full(instances, NOT_YET, dtype=np.int64),
        "finish_ns": np.full(ranks, NOT_YET, dtype=np.int64),
        "finish_order": np.zeros(ranks, dtype=np.int64),
        "finish_mark": np.zeros((ranks, axes, 2), dtype=np.int64),
        "gpu_ns": np.zeros(ranks, dtype=np.int64),
        "class_figures": np.zeros((ranks, 2, 2), dtype=np.int64),
        "first_seen": np.zeros((distinct, 4), dtype=np.int64),
    }


def _ways_of(network: NetworkConfig, raised: list[BaseException]) -> Any:
    """Answers which wires lie between two ranks of a network of several dimensions; null for ASTRA-sim's own.

    What goes wrong meanwhile is added to ``raised``, and breaks the run off.
    """
    wiring = network.ways
    if wiring is None:
        return _AskWay()

    def wires_of(asked: Any) -> int:
        try:
            wires = list(wiring.wires(asked.source, asked.destination))
        except Failure:
            return -1  # the Python engine will say why
        if len(wires) > asked.room:
            return -1
        for hop, (here, there, wire) in enumerate(wires):
            asked.devices[2 * hop], asked.devices[2 * hop + 1] = here, there
            asked.figures[2 * hop] = bandwidth_bytes_per_ns(wire.bandwidth_gib_per_s)
            asked.figures[2 * hop + 1] = wire.latency_ns
        return len(wires)

    def answers() -> Generator[int, Any, None]:
        answer = -1
        while True:
            try:
                while True:
                    asked = yield answer
                    answer = wires_of(asked.contents)
            except GeneratorExit:
                return
            except BaseException as error:  # noqa: BLE001 - what leaves a callback is lost, an interrupt included
                raised.append(error)
                answer = -1

    # A signal that came meanwhile is raised where Python goes on: of a function that would be before its first line,
    # where nobody catches it; a generator goes on where it is caught.
    answering = answers()
    next(answering)
    return _AskWay(answering.send)


def _link_use(links: Integers, given: KernelInput) -> LinkUse:
    if not len(links):
        return LinkUse()
    ways = given.network.ways
    if given.network.topology[0] == FULLY_CONNECTED or ways is not None:
        links = links[np.lexsort((links[:, 1], links[:, 0]))]
    ends = links[:, :2].tolist()
    return LinkUse(
        name=tuple([f"{here}->{there}" if ways is None else ways.name(here, there) for here, there in ends]),
        bytes_carried=links[:, 2],
        busy_ns=links[:, 3],
        queueing_ns=links[:, 4],
        messages=links[:, 5],
    )
