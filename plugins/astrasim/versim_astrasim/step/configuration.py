"""A system and the options ─▶ the network YAML, system JSON and remote-memory JSON, as plain mappings.

ASTRA-sim's network "GB/s" are 2^30 bytes per second, its latencies nanoseconds; its memory "GB/s" are 10^9.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import attrs
from versim import (
    GIB,
    Degradation,
    Dimension,
    Fabric,
    Kind,
    Link,
    Topology,
    UnsupportedGraphError,
    VersimError,
    shard_bytes,
)

from versim_astrasim.engine import CollectiveKind
from versim_astrasim.engine.algorithms.halving_doubling import pairs_up
from versim_astrasim.engine.variant import Variant
from versim_astrasim.engine.ways import FabricWays
from versim_astrasim.engine.wiring import Wire, Wiring
from versim_astrasim.options import ABSENT, AUTO, RAPID_LLM, BackendOptions, SystemOptions, native_algorithm

RECREATED = "ASTRA-sim 518bd51"
"""The version of the real program whose figures the engine reproduces."""

RECREATED_FORK = "RAPID-LLM's ASTRA-sim, gkarfakis19 32bec13"
"""The version of the fork whose figures it reproduces."""

TOPOLOGY_NAMES = {
    Topology.RING: "Ring",
    Topology.FULLY_CONNECTED: "FullyConnected",
    Topology.SWITCH: "Switch",
}

COLLECTIVE_STEMS = {
    Kind.ALL_REDUCE: "all-reduce",
    Kind.ALL_GATHER: "all-gather",
    Kind.REDUCE_SCATTER: "reduce-scatter",
    Kind.ALL_TO_ALL: "all-to-all",
}
"""The collectives ASTRA-sim carries out, and the stem of their keys in the system file."""


def given_bytes(kind: Kind, size_bytes: int, participants: int) -> int:
    """The size ASTRA-sim takes for a communication of a full tensor: an all-gather's shard, else the tensor itself."""
    return shard_bytes(kind, size_bytes, participants) if kind is Kind.ALL_GATHER else size_bytes


REMOTE_MEMORY: Mapping[str, Any] = {"memory-type": "NO_MEMORY_EXPANSION"}
"""The remote-memory JSON's content where nobody asked for another."""

ROOFLINE_PEAK_TFLOP_PER_S = 1
"""With which one operation takes one picosecond, see :mod:`versim_astrasim.step.encoding`."""

_FEWER_LATENCY_DECIMALS = 3


@attrs.frozen(kw_only=True)
class Network:
    """The simulated network.

    Attributes:
        topology: ASTRA-sim's names, innermost dimension first.
        npus_count: Ranks along each dimension.
        bandwidth_gib_per_s: Of each link.
        latency_ns: Of each link.
        variant: Whose network it is.
        ways: The ways between ranks, of a network that ASTRA-sim does not have.
        faulty_links: Of the fork: two devices, and what is left of their link.
        notes: Where it differs from the system that was given.
    """

    topology: tuple[str, ...]
    npus_count: tuple[int, ...]
    bandwidth_gib_per_s: tuple[float, ...]
    latency_ns: tuple[float, ...]
    variant: Variant = Variant.ASTRA_SIM
    ways: Wiring | None = attrs.field(default=None, eq=False, repr=False)
    faulty_links: tuple[tuple[float, ...], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def rank_count(self) -> int:
        """Simulated ranks."""
        return math.prod(self.npus_count)

    def mapping(self) -> dict[str, Any]:
        """The network YAML's content."""
        faulty_links = {"faulty_links": [list(link) for link in self.faulty_links]} if self.faulty_links else {}
        return {
            "topology": list(self.topology),
            "npus_count": list(self.npus_count),
            "bandwidth": list(self.bandwidth_gib_per_s),
            "latency": list(self.latency_ns),
            **faulty_links,
        }


def network_of(
    dimensions: Sequence[Dimension],
    options: SystemOptions,
    degraded: Sequence[Degradation] = (),
    endpoints: int | None = None,
) -> Network:
    """The network for the given dimensions, some links of which may be degraded or down.

    Several congestion-aware dimensions, and links that are shared, degraded or down, are a network that ASTRA-sim
    refuses and the embedded engine has; the notes say so. Dimensions of one rank are left out; a network of one rank
    gets an idle second one, and one whose last block is partly filled (``endpoints``) idle ranks at the empty places.
    ASTRA-sim's congestion-aware ring of two becomes fully connected, because the program aborts on it (so does
    DeepFlow's converter).

    Raises:
        UnsupportedGraphError: The program that was chosen has no such network.
    """
    used = [dimension for dimension in dimensions if dimension.size > 1]
    notes = []
    if not used:
        used = [attrs.evolve(dimensions[0], topology=Topology.FULLY_CONNECTED, size=2)]
        notes.append("ASTRA-sim needs two ranks; an idle second one was added")
    links = [_link(dimension.link, options.link_decimals) for dimension in used]
    if options.link_decimals is not None:
        for number, (dimension, rounded) in enumerate(zip(used, links, strict=True)):
            if rounded != _link(dimension.link, None):
                notes.append(f"dimension {number}: link rounded to {rounded[0]} GiB/s and {rounded[1]} ns")
    if endpoints is not None:
        places = math.prod(dimension.size for dimension in used)
        notes.append(
            f"ASTRA-sim's networks are filled: the {places - endpoints} places without an endpoint have idle ranks, "
            "and a collective of all endpoints is one of a group"
        )
    network = Network(
        topology=tuple(TOPOLOGY_NAMES[dimension.topology] for dimension in used),
        npus_count=tuple(dimension.size for dimension in used),
        bandwidth_gib_per_s=tuple(bandwidth for bandwidth, _ in links),
        latency_ns=tuple(latency for _, latency in links),
        notes=tuple(notes),
    )
    if options.program == RAPID_LLM:
        return _of_rapid_llm(network, options)
    shared = any(dimension.oversubscription != 1 for dimension in used)
    if options.congestion == "aware" and (len(used) > 1 or shared or degraded):
        return _extended(network, Fabric(dimensions, degraded, endpoints), options)
    ring, pair = TOPOLOGY_NAMES[Topology.RING], TOPOLOGY_NAMES[Topology.FULLY_CONNECTED]
    if options.congestion == "aware" and network.topology == (ring,) and network.npus_count == (2,):
        note = "dimension 0: ASTRA-sim has no ring of 2; simulated as fully connected"
        return attrs.evolve(network, topology=(pair,), notes=(*network.notes, note))
    return network


def _extended(network: Network, fabric: Fabric, options: SystemOptions) -> Network:
    what = [f"of {len(network.topology)} dimensions ({_sizes(network)})"] if len(network.topology) > 1 else []
    what += ["with shared links"] if any(one.oversubscription != 1 for one in fabric.dimensions) else []
    what += ["with degraded links"] if fabric.degraded else []
    note = (
        f"a congestion-aware network {' '.join(what)} is one that {RECREATED} refuses: the embedded engine has it "
        "under ASTRA-sim's system layer"
    )
    ways = FabricWays(fabric, lambda link: Wire(*_link(link, options.link_decimals)))
    return attrs.evolve(network, variant=Variant.EXTENDED, ways=ways, notes=(*network.notes, note))


def _sizes(network: Network) -> str:
    return " × ".join(map(str, network.npus_count))


def _of_rapid_llm(network: Network, options: SystemOptions) -> Network:
    topology = network.topology
    if options.topology:
        topology = tuple(options.topology.split("+"))
        if len(topology) != len(network.npus_count):
            raise UnsupportedGraphError(
                f"topology: {options.topology} names {len(topology)} dimensions, the system has "
                f"{len(network.npus_count)}"
            )
    if TOPOLOGY_NAMES[Topology.SWITCH] in topology:
        raise UnsupportedGraphError(
            f"dimension {topology.index(TOPOLOGY_NAMES[Topology.SWITCH])} is a switch, and rapid-llm's program dies of "
            "every switch; use ring or fully_connected, name its own topology with topology:, or program: astra-sim"
        )
    note = (
        "rapid-llm: messages of ring and direct all-reduces and all-gathers are half as large as ASTRA-sim's, those of "
        "all-to-alls are whole chunks"
    )
    return attrs.evolve(
        network,
        topology=topology,
        variant=Variant.RAPID_LLM,
        faulty_links=tuple(map(tuple, options.parsed_faulty_links)),
        notes=(*network.notes, note),
    )


def check_program_has(network: Network) -> None:
    """Refuse to give the real program a network it does not have.

    Raises:
        UnsupportedGraphError: Only the embedded engine has it.
    """
    if network.variant is Variant.EXTENDED:
        raise UnsupportedGraphError(
            f"{RECREATED}'s congestion-aware program has one dimension, all links of which are equal and whole; the "
            f"system has {len(network.npus_count)} ({_sizes(network)}) or others; use engine: embedded, congestion: "
            "unaware, or describe the network as one dimension"
        )


def _link(link: Link, decimals: int | None) -> tuple[float, float]:
    """GiB/s and ns."""
    bandwidth = link.bandwidth_bytes_per_s / GIB
    # Through decimal, so that 5e-06 s is 5000 ns and not the nearest double of a product.
    latency = float(Decimal(repr(float(link.latency_s))).scaleb(9))
    if decimals is None:
        return bandwidth, latency
    rounded = round(bandwidth, decimals)
    if rounded <= 0:
        raise VersimError(f"link_decimals: {decimals} rounds a bandwidth of {bandwidth} GiB/s to 0; use more decimals")
    return rounded, round(latency, decimals - _FEWER_LATENCY_DECIMALS)


@attrs.frozen(kw_only=True)
class CollectiveUse:
    """How a graph uses one kind of collective.

    Attributes:
        node: A node that does, for messages.
        algorithms: Algorithms the graph asks for, without the empty name.
        smallest_bytes: For each number of participants, the smallest size, as ASTRA-sim takes it.
    """

    node: str
    algorithms: frozenset[str] = frozenset()
    smallest_bytes: Mapping[int, int] = attrs.field(factory=dict)

    def in_groups(self, world_size: int) -> bool:
        """Whether it runs in groups smaller than the world."""
        return any(participants < world_size for participants in self.smallest_bytes)

    def ring_sizes(self, network: Network) -> frozenset[int]:
        """Every number of ranks that an algorithm is run on."""
        groups = frozenset(count for count in self.smallest_bytes if count < network.rank_count)
        return groups | frozenset(network.npus_count if network.rank_count in self.smallest_bytes else ())

    def has_odd_rings(self, network: Network) -> bool:
        """Whether some number of ranks is no power of two."""
        return any(size & (size - 1) for size in self.ring_sizes(network))

    def too_small_to_halve(self, kind: Kind, network: Network, options: SystemOptions) -> bool:
        """Whether halving an all-reduce would come to messages of 0 bytes, on which the program aborts."""
        if kind is not Kind.ALL_REDUCE:
            return False
        return any(
            max(size_bytes // options.preferred_dataset_splits, network.rank_count) < 2 * participants
            for participants, size_bytes in self.smallest_bytes.items()
        )


def algorithms_of(
    kind: Kind, use: CollectiveUse | None, network: Network, options: SystemOptions
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """ASTRA-sim's algorithm names of one kind of collective, one per dimension, and notes.

    ``auto`` takes ring on rings, direct on fully connected and halving-doubling on switched dimensions, as DeepFlow's
    converter does; on a switch where halving-doubling is not defined (all-to-all, groups that are not powers of two,
    all-reduces of a few bytes), direct for all-to-all and ring for the rest.

    Raises:
        UnsupportedGraphError: The graph asks for several algorithms, or for one that ASTRA-sim would hang on.
    """
    chosen = getattr(options, kind.value)
    notes = []
    if use is not None and use.algorithms:
        if len(use.algorithms) > 1:
            raise UnsupportedGraphError(
                f"{use.node} and others ask for different algorithms of {kind.value} "
                f"({', '.join(sorted(use.algorithms))}); ASTRA-sim has one per kind, so ask for one or leave it free"
            )
        asked = next(iter(use.algorithms))
        if chosen not in (AUTO, asked):
            notes.append(f"{kind.value}: the graph asks for {asked}, which overrides the option {chosen}")
        chosen = asked
    if chosen == AUTO:
        return tuple(_suited(kind, use, topology, network, options) for topology in network.topology), tuple(notes)
    listed = chosen.split("+")
    absent = 0
    while len(listed) > 1 and listed[-1] == ABSENT:
        listed.pop()
        absent += 1
    try:
        names = tuple(native_algorithm(name, options.program) for name in listed)
    except ValueError as error:
        raise UnsupportedGraphError(f"{use.node if use else kind.value}: {error}") from None
    dimensions = len(network.npus_count)
    # A ring over all dimensions ends the list.
    over_all = names[0].startswith("one")
    if len(names) == 1 and not over_all and not absent:
        names *= dimensions
    if len(names) + absent != dimensions and not over_all:
        raise UnsupportedGraphError(
            f"{kind.value}: {len(names)} algorithms ({chosen}) for {dimensions} dimensions; name one, or one for each"
        )
    if absent:
        notes.append(f"{kind.value}: dimensions {len(names)} to {dimensions - 1} are not crossed, as was asked for")
    if use is not None:
        notes.extend(_checked(kind, use, names, network, options))
        if len(names) > 1 and set(names) != {"ring"} and use.in_groups(network.rank_count):
            taken = f"{names[0]}, the first of the list" if options.program == RAPID_LLM else "ring"
            notes.append(f"{kind.value}: groups smaller than the world use {taken}, whatever is asked for")
    return names, tuple(notes)


def _suited(kind: Kind, use: CollectiveUse | None, topology: str, network: Network, options: SystemOptions) -> str:
    if topology == TOPOLOGY_NAMES[Topology.FULLY_CONNECTED]:
        return "direct"
    if topology != TOPOLOGY_NAMES[Topology.SWITCH]:
        return "ring"
    if kind is Kind.ALL_TO_ALL:
        return "direct"
    undefined = use is not None and (use.has_odd_rings(network) or use.too_small_to_halve(kind, network, options))
    return "ring" if undefined else "halvingDoubling"


def _runs(
    use: CollectiveUse, names: Sequence[str], network: Network, options: SystemOptions
) -> frozenset[tuple[str, int]]:
    """What is run on how many ranks: a dimension's algorithm on the dimension, and one on groups."""
    world = network.rank_count
    in_groups = names[0] if len(names) == 1 or options.program == RAPID_LLM else "ring"
    found = {(in_groups, count) for count in use.smallest_bytes if count < world}
    if world in use.smallest_bytes:
        over_all = names[0].startswith("one")
        sizes = (world,) if over_all else network.npus_count
        found |= {(name, size) for name, size in zip(names, sizes, strict=False) if size > 1}
    return frozenset(found)


def _is_odd(size: int) -> bool:
    """Whether a number is no power of two."""
    return size & (size - 1) != 0


def _checked(
    kind: Kind, use: CollectiveUse, names: Sequence[str], network: Network, options: SystemOptions
) -> Iterator[str]:
    """Refuse what the program is known to hang or crash on, and note what it silently does instead."""
    runs = _runs(use, names, network, options)
    halved = sorted(size for name, size in runs if name in ("halvingDoubling", "oneHalvingDoubling"))
    if halved:
        if kind is Kind.ALL_TO_ALL:
            raise UnsupportedGraphError(
                f"{use.node}: halving-doubling has no all-to-all; use all_to_all: direct or ring"
            )
        for size in filter(_is_odd, halved):
            if not pairs_up(CollectiveKind(COLLECTIVE_STEMS[kind]), size):
                raise UnsupportedGraphError(
                    f"{use.node}: ASTRA-sim hangs in halving-doubling on {size} ranks, which is no power of two; use "
                    "ring"
                )
            yield (
                f"{kind.value}: halving-doubling on {size} ranks, which is no power of two, gathers "
                f"{1 << size.bit_length() - 1} of {size} shards; use ring"
            )
        # On one dimension of several it depends on what the others leave, which the simulator itself finds out.
        whole = attrs.evolve(
            use, smallest_bytes={count: least for count, least in use.smallest_bytes.items() if count in halved}
        )
        if whole.too_small_to_halve(kind, network, options):
            raise UnsupportedGraphError(
                f"{use.node}: ASTRA-sim aborts in halving-doubling on all-reduces below two bytes per rank and chunk; "
                "use ring"
            )
    trees = sorted(size for name, size in runs if name == "doubleBinaryTree")
    if trees:
        if kind is not Kind.ALL_REDUCE:
            raise UnsupportedGraphError(f"{use.node}: the double binary tree does all-reduce only, not {kind.value}")
        odd = list(filter(_is_odd, trees))
        if odd or (len(names) == 1 and use.in_groups(network.rank_count)):
            where = f"{odd[0]} ranks" if odd else "a group smaller than the world"
            raise UnsupportedGraphError(f"{use.node}: ASTRA-sim crashes in the double binary tree on {where}; use ring")


def system_mapping(
    algorithms: Mapping[Kind, Sequence[str]], options: SystemOptions, *, roofline: bool
) -> dict[str, Any]:
    """The system JSON's content, in the order DeepFlow's converter writes it."""
    return {
        "scheduling-policy": options.scheduling_policy,
        "endpoint-delay": options.endpoint_delay_ns,
        "active-chunks-per-dimension": options.active_chunks_per_dimension,
        "preferred-dataset-splits": options.preferred_dataset_splits,
        **{f"{stem}-implementation": list(algorithms[kind]) for kind, stem in COLLECTIVE_STEMS.items()},
        "collective-optimization": options.collective_optimization,
        "local-mem-bw": _number(options.local_mem_bw_gb_per_s),
        "boost-mode": 0,
        "roofline-enabled": int(roofline),
        "peak-perf": ROOFLINE_PEAK_TFLOP_PER_S if roofline else _number(options.peak_perf_tflop_per_s),
        **(_bus_mapping(options) if options.model_shared_bus else {}),
    }


def memory_mapping(options: BackendOptions) -> dict[str, Any]:
    """The remote-memory JSON's content."""
    keys = {
        "remote-mem-latency": options.remote_memory_latency_ns,
        "remote-mem-bw": options.remote_memory_bytes_per_ns,
        "num-nodes": options.remote_memory_nodes,
        "num-npus-per-node": options.remote_memory_npus_per_node,
    }
    return {"memory-type": options.remote_memory, **{key: value for key, value in keys.items() if value}}


def _bus_mapping(options: SystemOptions) -> dict[str, Any]:
    return {
        "model-shared-bus": 1,
        "L": options.bus_latency_ns,
        "o": options.bus_overhead_ns,
        "g": options.bus_gap_ns,
        "G": options.bus_gap_ns_per_byte,
        "local-reduction-delay": options.local_reduction_delay_ns,
    }


def _number(value: float) -> float:
    """A whole number without its ``.0``, for people."""
    return int(value) if value == int(value) else value


def command_line(options: SystemOptions) -> list[str]:
    """The settings that the real program takes as options instead of from the system JSON, where they matter."""
    arguments = []
    if options.num_queues_per_dim != 1:
        arguments.append(f"--num-queues-per-dim={options.num_queues_per_dim}")
    if options.injection_scale != 1.0:
        arguments.append(f"--injection-scale={options.injection_scale!r}")
    if options.rendezvous:
        arguments.append("--rendezvous-protocol=true")
    return arguments
