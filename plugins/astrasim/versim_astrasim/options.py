"""What a user may choose: the system layer's settings, and how a pinned graph becomes a trace.

Defaults are those of the system file that DeepFlow writes for ASTRA-sim (measured: golden/deepflow/bundled.json), so
that a comparison starts from the configuration the field already uses.
"""

from __future__ import annotations

import math
import re
from typing import Final, Literal

import attrs
from versim import GB, option

AUTO = "auto"
"""As an algorithm: what suits the topology, see :func:`versim_astrasim.step.configuration.algorithms_of`."""

ALGORITHM_NAMES = {
    "halving_doubling": "halvingDoubling",
    "double_binary_tree": "doubleBinaryTree",
}
"""The field's spelling ─▶ ASTRA-sim's, where they differ."""

_ALGORITHM = re.compile(
    r"ring|oneRing|halvingDoubling|oneHalvingDoubling|doubleBinaryTree|(?:direct|oneDirect)(?P<window>\d{0,5})"
)
_RAPID_LLM_ALGORITHMS = ("mesh", "hypercube", "torus2d", "mesh2d")
_FAULTY_LINK = re.compile(r"(\d{1,7})-(\d{1,7}):([0-9.eE+-]{1,20})")

ASTRA_SIM: Final = "astra-sim"
RAPID_LLM: Final = "rapid-llm"
"""The programs."""

SLOWEST, FASTEST = 1e-3, 1e30
"""Bytes per second of local memory: with less the roofline's nanoseconds cannot be counted."""

_INT32_MAX = 2**31 - 1
_TFLOP = 1e12

NO_MEMORY = "NO_MEMORY_EXPANSION"
MEMORY_TYPES = (NO_MEMORY, "PER_NPU_MEMORY_EXPANSION", "PER_NODE_MEMORY_EXPANSION", "MEMORY_POOL")


def native_algorithm(name: str, program: str = RAPID_LLM) -> str:
    """ASTRA-sim's spelling of an algorithm, or that of the fork, which has some of its own.

    Raises:
        ValueError: ASTRA-sim has none of that name.
    """
    native = ALGORITHM_NAMES.get(name, name)
    if native in _RAPID_LLM_ALGORITHMS and program == RAPID_LLM:
        return native
    found = _ALGORITHM.fullmatch(native)
    # A window of 0 never sends anything.
    if found is None or (found["window"] and int(found["window"]) == 0):
        raise ValueError(
            f"{name!r} is not an algorithm of ASTRA-sim; use ring, direct, directK (window K), halving_doubling, "
            "double_binary_tree, or oneRing, oneDirect, oneHalvingDoubling (one ring over all dimensions); with "
            "program: rapid-llm also mesh, hypercube, torus2d, mesh2d"
        )
    return native


ABSENT = "none"
"""At the end of a list of algorithms: dimensions that a kind of collective does not see."""


def _algorithms(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if value == AUTO:
        return
    try:
        names = value.split("+")
        while len(names) > 1 and names[-1] == ABSENT:
            names.pop()
        for name in names:
            native_algorithm(name)
    except ValueError as error:
        raise ValueError(f"{attribute.name}: {error}; name one per dimension joined by '+', or 'auto'") from None


def _faulty_link(text: str) -> list[float]:
    found = _FAULTY_LINK.fullmatch(text.strip())
    try:
        return [int((found or [])[1]), int((found or [])[2]), float((found or [])[3])]
    except (IndexError, ValueError):
        raise ValueError(
            f"faulty_links: {text!r} is no link; name two devices and what is left of their bandwidth, as 0-1:0.5"
        ) from None


def _finite(lowest: float, *, above: bool = False) -> object:
    def check(_: object, attribute: attrs.Attribute[float], value: float) -> None:
        good = math.isfinite(value) and (value > lowest if above else value >= lowest)
        if isinstance(value, bool) or not good:
            bound = "above" if above else "of at least"
            raise ValueError(f"{attribute.name} must be a finite number {bound} {lowest}, got {value!r}")

    return check


def _rate(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if isinstance(value, bool) or not SLOWEST <= value <= FASTEST:
        raise ValueError(f"{attribute.name} must be from {SLOWEST:g} to {FASTEST:g}, got {value!r}")


def _whole(lowest: int) -> object:
    def check(_: object, attribute: attrs.Attribute[int], value: int) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= _INT32_MAX:
            raise ValueError(f"{attribute.name} must be a whole number from {lowest} to {_INT32_MAX}, got {value!r}")

    return check


def _file_name(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,99}", value, re.ASCII):
        raise ValueError(f"{attribute.name} must be a plain file name without folders, got {value!r}")


def _one_of(*allowed: str) -> object:
    return attrs.validators.in_(allowed)


@attrs.frozen(kw_only=True)
class SystemOptions:
    """ASTRA-sim's network and system layer.

    Attributes:
        program: Which program's network and system layer: ASTRA-sim 518bd51, or the fork of it that RAPID-LLM drives.
        congestion: Which of the two analytical back-ends: messages wait for one another on links (``aware``), or never
            do (``unaware``). ASTRA-sim itself knows the former in one network dimension; the embedded engine in any.
        topology: With ``rapid-llm``, its names of the dimensions, joined by ``+``, in place of the system's.
        faulty_links: With ``rapid-llm``, pairs of devices and what is left of their link's bandwidth, 0 for a broken
            one: ``0-1:0.5,4-5:0``.
        link_decimals: Round bandwidths in GiB/s to that many decimals and latencies in ns to three fewer, as DeepFlow's
            converter does with 6; None rounds nothing.
        all_reduce: Algorithm, one per dimension joined by ``+``, or ``auto``. ``none`` at the end stands for dimensions
            that the collective does not cross, as with a system file that lists fewer.
        all_gather: As ``all_reduce``.
        reduce_scatter: As ``all_reduce``.
        all_to_all: As ``all_reduce``.
        endpoint_delay_ns: Paid before a message may leave; groups smaller than the world always pay 10 ns.
        injection_scale: Multiplies the endpoint delay.
        active_chunks_per_dimension: Chunks worked on at once in a dimension.
        preferred_dataset_splits: Chunks a collective is cut into.
        num_queues_per_dim: Queues that share a dimension's active chunks.
        local_memory_bytes_per_s: Local memory bandwidth; reductions pay for it.
        peak_flop_per_s: Peak performance of the timing's roofline. The backend writes it where durations are recorded,
            without effect on those; the roofline that encodes exact nanoseconds has a peak of its own.
        collective_optimization: With several dimensions, ``localBWAware`` scatters inwards and gathers outwards,
            ``baseline`` all-reduces in each.
        scheduling_policy: Priority among waiting chunks; without observable effect in the version re-created.
        rendezvous: Precede every message by a handshake.
        model_shared_bus: Pay endpoint steps on a bus that a rank's chunks share, with the LogGP parameters below.
        bus_latency_ns: Its ``L``.
        bus_overhead_ns: Its ``o``.
        bus_gap_ns: Its ``g``.
        bus_gap_ns_per_byte: Its ``G``.
        local_reduction_delay_ns: Per 100 bytes reduced on the bus.
    """

    program: Literal["astra-sim", "rapid-llm"] = option(
        "astra-sim", help="ASTRA-sim, or the fork that RAPID-LLM drives", validator=_one_of(ASTRA_SIM, RAPID_LLM)
    )
    congestion: Literal["aware", "unaware"] = option(
        "aware", help="messages wait for one another on links, or never do", validator=_one_of("aware", "unaware")
    )
    topology: str = option("", help="rapid-llm: its topologies, joined by +, in place of the system's")
    faulty_links: str = option("", help="rapid-llm: links and what is left of them, as 0-1:0.5,4-5:0")
    link_decimals: int | None = option(
        None,
        help="round GiB/s to that many decimals and ns to three fewer (DeepFlow's converter: 6); none: exact",
        validator=attrs.validators.optional(_whole(3)),  # type: ignore[arg-type]
    )
    all_reduce: str = option(AUTO, help="algorithm of all-reduces (per dimension: joined by +)", validator=_algorithms)
    all_gather: str = option(AUTO, help="algorithm of all-gathers", validator=_algorithms)
    reduce_scatter: str = option(AUTO, help="algorithm of reduce-scatters", validator=_algorithms)
    all_to_all: str = option(AUTO, help="algorithm of all-to-alls", validator=_algorithms)
    endpoint_delay_ns: int = option(10, help="ns before a message may leave", validator=_whole(1))
    injection_scale: float = option(1.0, help="multiplies the endpoint delay", validator=_finite(0.0, above=True))
    active_chunks_per_dimension: int = option(1, help="chunks worked on at once", validator=_whole(1))
    preferred_dataset_splits: int = option(1, help="chunks a collective is cut into", validator=_whole(1))
    num_queues_per_dim: int = option(1, help="queues per network dimension", validator=_whole(1))
    local_memory_bytes_per_s: float = option(1600.0 * GB, help="local memory bandwidth in bytes/s", validator=_rate)
    peak_flop_per_s: float = option(
        900e12,
        help="peak performance of compute that the timing times; no effect in the backend",
        validator=_finite(0.0, above=True),
    )
    collective_optimization: Literal["localBWAware", "baseline"] = option(
        "localBWAware", help="order of dimensions in an all-reduce", validator=_one_of("localBWAware", "baseline")
    )
    scheduling_policy: Literal["LIFO", "FIFO", "EXPLICIT"] = option(
        "LIFO", help="priority among waiting chunks", validator=_one_of("LIFO", "FIFO", "EXPLICIT")
    )
    rendezvous: bool = option(False, help="precede every message by a handshake")
    model_shared_bus: bool = option(False, help="pay endpoint steps on a shared bus")
    bus_latency_ns: int = option(0, help="the bus's L in ns", validator=_whole(0))
    bus_overhead_ns: int = option(0, help="the bus's o in ns", validator=_whole(0))
    bus_gap_ns: int = option(0, help="the bus's g in ns", validator=_whole(0))
    bus_gap_ns_per_byte: float = option(0.0, help="the bus's G in ns per byte", validator=_finite(0.0))
    local_reduction_delay_ns: int = option(1, help="ns per 100 bytes reduced on the bus", validator=_whole(0))

    @property
    def local_mem_bw_gb_per_s(self) -> float:
        """Local memory bandwidth in ASTRA-sim's unit, 10^9 bytes/s."""
        return self.local_memory_bytes_per_s / GB

    @property
    def peak_perf_tflop_per_s(self) -> float:
        """Peak performance in ASTRA-sim's unit."""
        return self.peak_flop_per_s / _TFLOP

    @property
    def parsed_faulty_links(self) -> list[list[float]]:
        """``faulty_links`` as the network file has them."""
        return [_faulty_link(entry) for entry in self.faulty_links.split(",") if self.faulty_links]

    def _check_program(self) -> None:
        """Refuse what belongs to the other program."""
        if self.program == RAPID_LLM:
            if self.congestion != "aware":
                raise ValueError("program is rapid-llm, of which congestion: aware is re-created, but not unaware")
            self.parsed_faulty_links  # noqa: B018 - reads every entry
            return
        own = [name for name in ("topology", "faulty_links") if getattr(self, name)]
        own += [
            f"{kind}: {name}"
            for kind in ("all_reduce", "all_gather", "reduce_scatter", "all_to_all")
            for name in getattr(self, kind).split("+")
            if name in _RAPID_LLM_ALGORITHMS
        ]
        if own:
            raise ValueError(f"{', '.join(own)} belongs to the fork of ASTRA-sim; set program: rapid-llm")

    def __attrs_post_init__(self) -> None:
        self._check_program()
        if int(self.endpoint_delay_ns * self.injection_scale) < 1:
            # ASTRA-sim aborts when anything is scheduled for the very start.
            raise ValueError(
                f"endpoint_delay_ns {self.endpoint_delay_ns} times injection_scale {self.injection_scale} is below "
                "1 ns, with which ASTRA-sim aborts"
            )


@attrs.frozen(kw_only=True)
class ProgramOptions(SystemOptions):
    """The system layer, and what the real program may take where it is the one that runs.

    Attributes:
        binary: The real program, or a folder it is in; "" looks at ``ASTRA_SIM_BIN``, then ``ASTRA_SIM_HOME``.
        time_limit_s: Stops the real program.
        memory_limit_gib: Address space the real program may take, in GiB; none is 80 % of the machine's memory, and 0
            sets no limit.
    """

    binary: str = option("", help="path of the real program or of a folder it is in")
    time_limit_s: float = option(600.0, help="seconds for the real program", validator=_finite(0.0, above=True))
    memory_limit_gib: float | None = option(
        None,
        help="memory the real program may take, in GiB; none: 80 % of the machine's, 0: no limit",
        validator=attrs.validators.optional(_finite(0.0)),  # type: ignore[arg-type]
    )


@attrs.frozen(kw_only=True)
class BackendOptions(ProgramOptions):
    """The backend: system layer, conversion, and which program runs.

    Attributes:
        engine: ``embedded`` is versim's own, ``binary`` the real program, ``auto`` the real program if it is named by
            ``binary`` or ``ASTRA_SIM_BIN`` and the embedded engine otherwise.
        compute_encoding: ``roofline`` makes compute last exactly its nanoseconds; ``micros`` writes whole
            microseconds, as DeepFlow's converter does.
        node_order: Which node gets the lower id, and so the right of way: ``program`` order, or that of ``creation``
            in DeepFlow's converter (compute and collectives breadth first, then messages).
        exactness: ``auto`` lets the engine simulate ranks that it proves equal once; ``plain`` simulates each.
        trace: Let the real program log when each node starts and ends.
        keep: Keep the real program's working folder; after a failure it is kept anyway.
        all_reduce_custom: Traces that say who sends what to whom in all-reduces, by the path of their files without
            ``.0.et``, instead of an algorithm; "" has none. Needs ``preferred_dataset_splits`` of 1.
        all_gather_custom: As ``all_reduce_custom``.
        reduce_scatter_custom: As ``all_reduce_custom``.
        all_to_all_custom: As ``all_reduce_custom``.
        per_node_custom: YAML file that maps ids of trace nodes to such paths, relative to its own folder.
        replay_only: Let every node last as long as its trace says, communications 1 ns, without a network.
        track_local_mem: Let the real program track local memory; without effect on times. Nodes of versim have no
            tensors, so that there is nothing to see.
        local_mem_trace_filename: Where it writes what it tracked, in its working folder.
        remote_memory: Kind of remote memory, by ASTRA-sim's name; memory nodes of an imported trace load from it and
            store to it.
        remote_memory_latency_ns: Paid by every access.
        remote_memory_bytes_per_ns: Its bandwidth, a whole number (10^9 bytes/s).
        remote_memory_nodes: Memory servers of ``PER_NODE_MEMORY_EXPANSION``.
        remote_memory_npus_per_node: Ranks that share one of them.
    """

    engine: Literal["auto", "embedded", "binary"] = option(
        "auto",
        help="versim's own engine or the real program (auto: the latter if ASTRA_SIM_BIN is set)",
        validator=_one_of("auto", "embedded", "binary"),
    )
    compute_encoding: Literal["roofline", "micros"] = option(
        "roofline", help="exact nanoseconds, or whole microseconds", validator=_one_of("roofline", "micros")
    )
    node_order: Literal["program", "creation"] = option(
        "program", help="which node has the right of way", validator=_one_of("program", "creation")
    )
    exactness: Literal["auto", "plain"] = option(
        "auto", help="simulate ranks that are proven equal once, or each", validator=_one_of("auto", "plain")
    )
    trace: bool = option(True, help="let the real program log the times of each node")
    keep: bool = option(False, help="keep the real program's working folder", flag="--keep")
    all_reduce_custom: str = option("", path=True, help="traces of all-reduces instead of an algorithm: PATH.0.et …")
    all_gather_custom: str = option("", path=True, help="traces of all-gathers instead of an algorithm")
    reduce_scatter_custom: str = option("", path=True, help="traces of reduce-scatters instead of an algorithm")
    all_to_all_custom: str = option("", path=True, help="traces of all-to-alls instead of an algorithm")
    per_node_custom: str = option("", path=True, help="YAML map of trace nodes to traces of collectives")
    replay_only: bool = option(False, help="every node lasts as recorded, communications 1 ns")
    track_local_mem: bool = option(False, help="the real program tracks local memory; no effect on times")
    local_mem_trace_filename: str = option("local_mem_trace", help="where it does, in its folder", validator=_file_name)
    remote_memory: Literal[
        "NO_MEMORY_EXPANSION", "PER_NPU_MEMORY_EXPANSION", "PER_NODE_MEMORY_EXPANSION", "MEMORY_POOL"
    ] = option(
        "NO_MEMORY_EXPANSION",
        help="remote memory, which memory nodes of traces load from and store to",
        validator=_one_of(*MEMORY_TYPES),
    )
    remote_memory_latency_ns: int = option(0, help="ns per access of it", validator=_whole(0))
    remote_memory_bytes_per_ns: int = option(0, help="its bandwidth in 10^9 bytes/s", validator=_whole(0))
    remote_memory_nodes: int = option(0, help="its servers, of PER_NODE_MEMORY_EXPANSION", validator=_whole(0))
    remote_memory_npus_per_node: int = option(0, help="ranks per server", validator=_whole(0))

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        described = self.per_node_custom or any(
            getattr(self, f"{kind}_custom") for kind in ("all_reduce", "all_gather", "reduce_scatter", "all_to_all")
        )
        if described and self.preferred_dataset_splits != 1:
            raise ValueError(
                f"preferred_dataset_splits is {self.preferred_dataset_splits}, but a collective described by traces "
                "is one chunk, and ASTRA-sim hangs waiting for more; set it to 1"
            )
        if self.remote_memory == "PER_NODE_MEMORY_EXPANSION" and not self.remote_memory_npus_per_node:
            raise ValueError(
                "remote_memory is PER_NODE_MEMORY_EXPANSION, for which ASTRA-sim divides ranks by "
                "remote_memory_npus_per_node; set that to at least 1"
            )
        if self.replay_only and self.compute_encoding != "micros":
            raise ValueError(
                "replay_only takes recorded durations, which are whole microseconds; set compute_encoding to micros"
            )


@attrs.frozen(kw_only=True)
class TimingOptions(ProgramOptions):
    """The network timing.

    Attributes:
        network: ``isolated`` times each communication on a network of its own participants with the scenario's
            link (fully connected where a ring would have two ranks), as DeepFlow's hybrid mode does; ``scenario``
            times it on the scenario's network between the ranks that take part.
        engine: ``embedded`` is versim's own, ``binary`` the real program.
    """

    network: Literal["isolated", "scenario"] = option(
        "isolated",
        help="a network of the participants only, or the scenario's",
        validator=_one_of("isolated", "scenario"),
    )
    engine: Literal["embedded", "binary"] = option(
        "embedded",
        help="versim's own engine or the real program, whose answers are remembered on disk (versim cache)",
        validator=_one_of("embedded", "binary"),
    )
