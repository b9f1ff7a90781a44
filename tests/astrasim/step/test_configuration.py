"""Networks and system files: what is written, what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from versim import (
    Dimension,
    Fixed,
    GraphBuilder,
    Kind,
    Link,
    Mesh,
    SimulationRequest,
    System,
    UnsupportedGraphError,
    VersimError,
    pin,
)
from versim_astrasim.backend import AstraSimBackend
from versim_astrasim.engine.variant import Variant
from versim_astrasim.options import BackendOptions, TimingOptions
from versim_astrasim.step.configuration import (
    COLLECTIVE_STEMS,
    CollectiveUse,
    algorithms_of,
    check_program_has,
    command_line,
    network_of,
    system_mapping,
)

MakeSystem = Callable[..., System]
RECORDED_SYSTEM = {
    "scheduling-policy": "LIFO",
    "endpoint-delay": 10,
    "active-chunks-per-dimension": 1,
    "preferred-dataset-splits": 1,
    "all-reduce-implementation": ["ring"],
    "all-gather-implementation": ["ring"],
    "reduce-scatter-implementation": ["ring"],
    "all-to-all-implementation": ["ring"],
    "collective-optimization": "localBWAware",
    "local-mem-bw": 1600,
    "boost-mode": 0,
    "roofline-enabled": 0,
    "peak-perf": 900,
}
"""The system file of the bundled case (measured: golden/deepflow/bundled.json)."""


def test_defaults_are_the_recorded_files(system_of: MakeSystem) -> None:
    """A ring of 8 with DeepFlow's rounding gives its network and system files, key by key."""
    options = BackendOptions(link_decimals=6)
    network = network_of(system_of(("ring", 8)).dimensions, options)
    assert network.mapping() == {
        "topology": ["Ring"],
        "npus_count": [8],
        "bandwidth": [166.60458],
        "latency": [5000.0],
    }
    algorithms = {kind: algorithms_of(kind, None, network, options)[0] for kind in COLLECTIVE_STEMS}
    assert system_mapping(algorithms, options, roofline=False) == RECORDED_SYSTEM
    assert command_line(options) == []


def test_links_are_exact_unless_rounding_is_asked_for(system_of: MakeSystem) -> None:
    """5e-06 s is 5000 ns to the last bit, and bandwidths divide by a power of two."""
    network = network_of(system_of(("ring", 8)).dimensions, BackendOptions())
    assert network.bandwidth_gib_per_s[0] * 2**30 == 178890306122.44803
    assert network.latency_ns == (5000.0,)
    assert network.notes == ()


def test_a_congestion_aware_ring_of_two_is_fully_connected(system_of: MakeSystem) -> None:
    """The program aborts on it, so this is done as the original does it, and said."""
    dimensions = system_of(("ring", 2)).dimensions
    network = network_of(dimensions, BackendOptions())
    assert network.topology == ("FullyConnected",)
    assert "no ring of 2" in network.notes[0]
    assert network_of(dimensions, BackendOptions(congestion="unaware")).topology == ("Ring",)


def test_several_congestion_aware_dimensions_are_the_engines_own(system_of: MakeSystem) -> None:
    """The real program refuses them, which the report says. Dimensions of one rank do not count."""
    network = network_of(system_of(("ring", 4), ("switch", 1), ("switch", 2)).dimensions, BackendOptions())
    assert (network.topology, network.npus_count) == (("Ring", "Switch"), (4, 2))
    assert network.variant is Variant.EXTENDED
    (note,) = network.notes
    assert note.startswith("a congestion-aware network of 2 dimensions (4 × 2) is one that ASTRA-sim 518bd51 refuses")
    with pytest.raises(UnsupportedGraphError, match=r"has one dimension.*2 \(4 × 2\) or others; use engine: embedded"):
        check_program_has(network)
    network = network_of(system_of(("ring", 4), ("switch", 1)).dimensions, BackendOptions())
    assert (network.npus_count, network.variant, network.notes) == ((4,), Variant.ASTRA_SIM, ())
    check_program_has(network)


def test_a_shared_dimension_is_the_engines_own(system_of: MakeSystem) -> None:
    """Without congestion nothing is shared."""
    (dimension,) = system_of(("switch", 4)).dimensions
    shared = (attrs.evolve(dimension, oversubscription=2.0),)
    network = network_of(shared, BackendOptions())
    assert network.variant is Variant.EXTENDED
    assert "network with shared links is one that ASTRA-sim 518bd51 refuses" in network.notes[0]
    assert network_of(shared, BackendOptions(congestion="unaware")).variant is Variant.ASTRA_SIM


def test_the_fork_has_topologies_and_faults_of_its_own(system_of: MakeSystem) -> None:
    """Named in its own words, in place of the system's; a switch is refused, on which its program dies."""
    dimensions = system_of(("ring", 9), ("ring", 2)).dimensions
    options = BackendOptions(program="rapid-llm", topology="Mesh2D+Ring", faulty_links="0-1:0.5, 3-4:0")
    network = network_of(dimensions, options)
    assert network.mapping()["topology"] == ["Mesh2D", "Ring"]
    assert network.mapping()["faulty_links"] == [[0, 1, 0.5], [3, 4, 0.0]]
    with pytest.raises(UnsupportedGraphError, match="dimension 0 is a switch, and rapid-llm's program dies"):
        network_of(system_of(("switch", 4)).dimensions, BackendOptions(program="rapid-llm"))
    with pytest.raises(UnsupportedGraphError, match="names 1 dimensions, the system has 2"):
        network_of(dimensions, BackendOptions(program="rapid-llm", topology="Mesh2D"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"topology": "Mesh"}, "topology belongs to the fork"),
        ({"all_reduce": "ring+mesh2d"}, "all_reduce: mesh2d belongs to the fork"),
        ({"program": "rapid-llm", "congestion": "unaware"}, "congestion: aware is re-created, but not unaware"),
        ({"program": "rapid-llm", "faulty_links": "0-1"}, "'0-1' is no link"),
    ],
)
def test_options_of_one_program_are_no_options_of_the_other(options: dict[str, Any], said: str) -> None:
    """Nothing that was asked for is left out in silence."""
    with pytest.raises(ValueError, match=said):
        BackendOptions(**options)


def test_one_rank_gets_an_idle_neighbour(system_of: MakeSystem) -> None:
    """The program refuses networks of one rank; the second one has nothing to do."""
    network = network_of(system_of(("ring", 1)).dimensions, BackendOptions())
    assert (network.topology, network.npus_count) == (("FullyConnected",), (2,))


def test_a_bandwidth_that_rounds_to_nothing_is_refused() -> None:
    """Rounding is the user's choice, and zero bandwidth would never end."""
    link = Link(bandwidth_bytes_per_s=100.0, latency_s=0.0)
    with pytest.raises(VersimError, match="more decimals"):
        network_of((Dimension(topology="ring", size=4, link=link),), BackendOptions(link_decimals=6))


@pytest.mark.parametrize(
    ("topology", "kind", "sizes", "size_bytes", "name"),
    [
        ("ring", Kind.ALL_TO_ALL, {8}, 64, "ring"),
        ("fully_connected", Kind.ALL_REDUCE, {8}, 64, "direct"),
        ("switch", Kind.ALL_REDUCE, {4}, 64, "halvingDoubling"),
        ("switch", Kind.ALL_REDUCE, {8}, 15, "ring"),
        ("switch", Kind.REDUCE_SCATTER, {8}, 15, "halvingDoubling"),
        ("switch", Kind.ALL_REDUCE, {6}, 64, "ring"),
        ("switch", Kind.ALL_TO_ALL, {8}, 64, "direct"),
    ],
)
def test_auto_suits_the_topology(
    system_of: MakeSystem, topology: str, kind: Kind, sizes: set[int], size_bytes: int, name: str
) -> None:
    """As the original chooses, except where its choice is not defined."""
    network = network_of(system_of((topology, 12)).dimensions, BackendOptions())
    use = CollectiveUse(node="node 0", smallest_bytes=dict.fromkeys(sizes, size_bytes))
    assert algorithms_of(kind, use, network, BackendOptions()) == ((name,), ())


@pytest.mark.parametrize(
    ("kind", "use", "options", "message"),
    [
        (Kind.ALL_REDUCE, {"algorithms": frozenset({"ring", "direct"})}, {}, "different algorithms"),
        (Kind.ALL_REDUCE, {"algorithms": frozenset({"bruck"})}, {}, "'bruck' is not an algorithm"),
        (Kind.ALL_REDUCE, {}, {"all_reduce": "ring+ring"}, "2 algorithms"),
        (Kind.ALL_TO_ALL, {}, {"all_to_all": "halving_doubling"}, "no all-to-all"),
        (Kind.ALL_REDUCE, {}, {"all_reduce": "halving_doubling"}, "hangs in halving-doubling on 6"),
        (Kind.ALL_GATHER, {}, {"all_gather": "double_binary_tree"}, "all-reduce only"),
        (Kind.ALL_REDUCE, {}, {"all_reduce": "double_binary_tree"}, "crashes .* on 6 ranks"),
    ],
)
def test_algorithms_that_hang_or_crash_the_program_are_refused(
    system_of: MakeSystem, kind: Kind, use: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    """The message names the node that asks and what to ask for instead."""
    chosen = BackendOptions(**options)
    network = network_of(system_of(("ring", 6)).dimensions, chosen)
    with pytest.raises(UnsupportedGraphError, match=message):
        algorithms_of(kind, CollectiveUse(node="node 3 ('x')", smallest_bytes={6: 1 << 20}, **use), network, chosen)


def test_an_all_gather_that_misses_shards_is_run_and_noted(system_of: MakeSystem) -> None:
    """The program ends it, so its figure can be had; that it is not of a whole all-gather has to be known."""
    chosen = BackendOptions(all_gather="halving_doubling")
    network = network_of(system_of(("switch", 6)).dimensions, chosen)
    use = CollectiveUse(node="node 3 ('x')", smallest_bytes={6: 1 << 20})
    names, notes = algorithms_of(Kind.ALL_GATHER, use, network, chosen)
    assert names == ("halvingDoubling",)
    assert "gathers 4 of 6 shards" in notes[0]


def test_the_graph_overrides_the_option_and_says_so(system_of: MakeSystem) -> None:
    """A node that asks for an algorithm by name gets it."""
    options = BackendOptions(all_reduce="direct")
    network = network_of(system_of(("ring", 4)).dimensions, options)
    use = CollectiveUse(node="node 0", algorithms=frozenset({"ring"}))
    names, notes = algorithms_of(Kind.ALL_REDUCE, use, network, options)
    assert names == ("ring",)
    assert "overrides" in notes[0]


def test_a_few_bytes_cannot_be_halved(system_of: MakeSystem) -> None:
    """The program aborts on a message of 0 bytes."""
    options = BackendOptions(all_reduce="halving_doubling")
    network = network_of(system_of(("switch", 8)).dimensions, options)
    use = CollectiveUse(node="node 3 ('x')", smallest_bytes={8: 15})
    with pytest.raises(UnsupportedGraphError, match=r"node 3 \('x'\).*below two bytes per rank"):
        algorithms_of(Kind.ALL_REDUCE, use, network, options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"all_reduce": "direct0"}, "all_reduce: 'direct0' is not an algorithm"),
        ({"preferred_dataset_splits": 0}, "preferred_dataset_splits must be a whole number from 1"),
        ({"local_memory_bytes_per_s": float("nan")}, "local_memory_bytes_per_s must be from 0.001 to 1e"),
        ({"local_memory_bytes_per_s": 1e-320}, "local_memory_bytes_per_s must be from 0.001 to 1e"),
        ({"endpoint_delay_ns": 10, "injection_scale": 0.05}, "below 1 ns"),
        ({"congestion": "some"}, "congestion"),
    ],
)
def test_options_are_checked_when_they_are_made(options: dict[str, Any], message: str) -> None:
    """Before anything is simulated, and by the name of the option."""
    with pytest.raises(ValueError, match=message):
        TimingOptions(**options)


def test_what_the_program_takes_on_its_command_line() -> None:
    """Queues, injection scale and rendezvous are not part of its files."""
    options = BackendOptions(num_queues_per_dim=2, injection_scale=0.5, rendezvous=True)
    assert command_line(options) == [
        "--num-queues-per-dim=2",
        "--injection-scale=0.5",
        "--rendezvous-protocol=true",
    ]


@pytest.mark.parametrize("options", [BackendOptions, TimingOptions])
def test_every_option_has_a_help_text(options: type) -> None:
    """``--help`` and the scenario schema are made of them."""
    assert all(field.metadata.get("help") for field in attrs.fields(options))


def test_the_shared_bus_is_written_only_where_it_is_on() -> None:
    """The file stays what DeepFlow's converter writes otherwise; the parameters are the program's own letters."""
    from versim_astrasim.options import SystemOptions  # noqa: PLC0415
    from versim_astrasim.step.configuration import COLLECTIVE_STEMS, system_mapping  # noqa: PLC0415 - this test only

    algorithms = dict.fromkeys(COLLECTIVE_STEMS, ("ring",))
    plain = system_mapping(algorithms, SystemOptions(), roofline=False)
    assert "model-shared-bus" not in plain
    options = SystemOptions(
        model_shared_bus=True, bus_latency_ns=1, bus_gap_ns_per_byte=0.5, scheduling_policy="EXPLICIT"
    )
    shared = system_mapping(algorithms, options, roofline=False)
    assert {key: shared[key] for key in ("model-shared-bus", "L", "o", "g", "G", "local-reduction-delay")} == {
        "model-shared-bus": 1,
        "L": 1,
        "o": 0,
        "g": 0,
        "G": 0.5,
        "local-reduction-delay": 1,
    }
    assert shared["scheduling-policy"] == "EXPLICIT"


EVERY_KEY = [
    ({"endpoint_delay_ns": 25}, "system.json", {"endpoint-delay": 25}),
    ({"active_chunks_per_dimension": 3}, "system.json", {"active-chunks-per-dimension": 3}),
    ({"preferred_dataset_splits": 2}, "system.json", {"preferred-dataset-splits": 2}),
    ({"all_reduce": "halving_doubling"}, "system.json", {"all-reduce-implementation": ["halvingDoubling"]}),
    ({"all_gather": "direct2"}, "system.json", {"all-gather-implementation": ["direct2"]}),
    ({"reduce_scatter": "oneRing"}, "system.json", {"reduce-scatter-implementation": ["oneRing"]}),
    ({"all_to_all": "direct"}, "system.json", {"all-to-all-implementation": ["direct"]}),
    ({"collective_optimization": "baseline"}, "system.json", {"collective-optimization": "baseline"}),
    ({"scheduling_policy": "EXPLICIT"}, "system.json", {"scheduling-policy": "EXPLICIT"}),
    ({"local_memory_bytes_per_s": 3.35e12}, "system.json", {"local-mem-bw": 3350}),
    ({"local_memory_bytes_per_s": 7.5e9}, "system.json", {"local-mem-bw": 7.5}),
    ({}, "system.json", {"roofline-enabled": 1, "peak-perf": 1}),
    (
        {"compute_encoding": "micros", "peak_flop_per_s": 989.5e12},
        "system.json",
        {"roofline-enabled": 0, "peak-perf": 989.5},
    ),
    ({"compute_encoding": "micros", "replay_only": True}, "system.json", {"replay-only": 1}),
    (
        {"track_local_mem": True, "local_mem_trace_filename": "memory.trace"},
        "system.json",
        {"track-local-mem": 1, "local-mem-trace-filename": "memory.trace"},
    ),
    (
        {
            "model_shared_bus": True,
            "bus_latency_ns": 3,
            "bus_overhead_ns": 2,
            "bus_gap_ns": 1,
            "bus_gap_ns_per_byte": 0.25,
            "local_reduction_delay_ns": 7,
        },
        "system.json",
        {"model-shared-bus": 1, "L": 3, "o": 2, "g": 1, "G": 0.25, "local-reduction-delay": 7},
    ),
    ({}, "memory.json", {"memory-type": "NO_MEMORY_EXPANSION"}),
    (
        {
            "remote_memory": "PER_NODE_MEMORY_EXPANSION",
            "remote_memory_latency_ns": 100,
            "remote_memory_bytes_per_ns": 25,
            "remote_memory_nodes": 2,
            "remote_memory_npus_per_node": 4,
        },
        "memory.json",
        {
            "memory-type": "PER_NODE_MEMORY_EXPANSION",
            "remote-mem-latency": 100,
            "remote-mem-bw": 25,
            "num-nodes": 2,
            "num-npus-per-node": 4,
        },
    ),
    ({}, "comm_groups.json", {"1": [0, 1], "2": [2, 3], "3": [4, 5], "4": [6, 7]}),
]
"""Options, and what stands in the real program's files because of them."""


@pytest.mark.parametrize(("options", "file", "content"), EVERY_KEY)
def test_every_key_of_the_program_is_an_option(
    system_of: MakeSystem, tmp_path: Path, options: dict[str, Any], file: str, content: dict[str, Any]
) -> None:
    """With its value and its JSON type: the program reads a `false` as true, and aborts on a string for a number."""
    builder = GraphBuilder(Mesh.of(dp=4, tp=2))
    row = builder.compute("work", [(Fixed(1e-6), 1)])
    builder.collective("reduce", "all_reduce", 1 << 20, axes=["tp"], after=[row])
    system = system_of(("ring", 8))
    request = SimulationRequest(inputs=pin(builder.build(), system), options=BackendOptions(**options))
    AstraSimBackend().export(request, tmp_path)
    written = json.loads((tmp_path / file).read_text(encoding="utf-8"))
    for key, value in content.items():
        assert (written[key], type(written[key])) == (value, type(value)), key
    assert not any(isinstance(value, bool) for value in written.values())


def test_a_memory_server_for_no_rank_is_refused() -> None:
    """The program divides by it."""
    with pytest.raises(ValueError, match="set that to at least 1"):
        BackendOptions(remote_memory="PER_NODE_MEMORY_EXPANSION")
    with pytest.raises(ValueError, match="plain file name"):
        BackendOptions(local_mem_trace_filename="../elsewhere")
