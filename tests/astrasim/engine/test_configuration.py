"""The configuration files: what is read, what is refused, and that all faults are said at once."""

from __future__ import annotations

import pickle

import pytest
from versim import FaultsError
from versim_astrasim.engine import (
    CollectiveKind,
    ConfigurationError,
    NetworkConfig,
    RankTrace,
    RemoteMemoryConfig,
    Status,
    SystemConfig,
    groups_from_mapping,
)
from versim_proof.astrasim.command_line import command_line


def test_all_faults_of_a_network_are_reported_at_once() -> None:
    """Each by its key, with what is allowed and the closest known name."""
    with pytest.raises(FaultsError) as caught:
        NetworkConfig.from_mapping(
            {"topology": ["Rang"], "npus_count": [1], "bandwidth": [0], "latency": [-1.0, 2.0], "extra": 1}
        )
    message = str(caught.value)
    assert "did you mean 'Ring'" in message
    assert "npus_count[0]: 1 is not an integer larger than 1" in message
    assert "bandwidth[0]: 0 is not a number larger than 0" in message
    assert "latency[0]: -1.0 is not a number of at least 0" in message
    assert "latency 2" in message


@pytest.mark.parametrize(
    ("key", "entry", "status"),
    [
        ("npus_count", "4", None),
        ("npus_count", 4.0, Status.REFUSED),
        ("npus_count", True, Status.REFUSED),
        ("bandwidth", "1e3", None),
        ("bandwidth", "fast", Status.REFUSED),
        ("latency", [1], Status.REFUSED),
        ("topology", None, Status.REFUSED),
        ("topology", "", Status.ABORTED),
    ],
)
def test_entries_are_read_as_text(key: str, entry: object, status: Status | None) -> None:
    """As in YAML, where a quoted number is one and 4.0 is no integer; measured on ASTRA-sim 518bd51."""
    network = {"topology": ["Ring"], "npus_count": [4], "bandwidth": [1], "latency": [0]} | {key: [entry]}
    if status is None:
        assert NetworkConfig.from_mapping(network).rank_count == 4
        return
    with pytest.raises(ConfigurationError) as caught:
        NetworkConfig.from_mapping(network)
    assert caught.value.original is status


def test_two_dimensions_need_the_unaware_network() -> None:
    """The congestion-aware one has exactly one."""
    mapping = {"topology": ["Ring", "Switch"], "npus_count": [4, 2], "bandwidth": [1, 2], "latency": [0, 0.5]}
    with pytest.raises(ConfigurationError) as caught:
        NetworkConfig.from_mapping(mapping)
    assert caught.value.original is Status.REFUSED
    assert NetworkConfig.from_mapping(mapping, congestion_aware=False).rank_count == 8


def test_a_scalar_is_no_list() -> None:
    """The original reads it as an empty list: it refuses that beside others, and aborts without any (518bd51)."""
    network = {"topology": "Ring", "npus_count": [4], "bandwidth": [1], "latency": [0]}
    with pytest.raises(ConfigurationError) as caught:
        NetworkConfig.from_mapping(network)
    assert caught.value.original is Status.REFUSED
    with pytest.raises(ConfigurationError) as caught:
        NetworkConfig.from_mapping(dict.fromkeys(network, "Ring"))
    assert caught.value.original is Status.ABORTED
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.original) == (str(caught.value), caught.value.original)


def test_numbers_are_truncated_and_switches_are_peculiar() -> None:
    """JSON false is not the number 0, so it switches a feature on; that deserves a warning."""
    system = SystemConfig.from_mapping(
        {
            "endpoint-delay": 10.7,
            "active-chunks-per-dimension": 2.9,
            "preferred-dataset-splits": True,
            "replay-only": False,
            "roofline-enabled": 0,
        },
        injection_scale=0.33,
    )
    assert system.endpoint_delay_ns == 10
    assert system.effective_endpoint_delay_ns == 3
    assert system.active_chunks_per_dimension == 2
    assert system.preferred_dataset_splits == 1
    assert system.replay_only
    assert not system.roofline_enabled
    assert any("replay-only" in warning for warning in system.warnings)


def test_an_absent_endpoint_delay_is_ten_and_not_scaled() -> None:
    """The default is set after scaling would have happened."""
    assert SystemConfig.from_mapping({}, injection_scale=5.0).effective_endpoint_delay_ns == 10


def test_unknown_keys_warn_and_bad_values_fail() -> None:
    """Unknown keys are ignored by the original; unknown names and wrong types are not."""
    system = SystemConfig.from_mapping({"endpoint-dealy": 3, "boost-mode": 0})
    (warning,) = system.warnings
    assert "did you mean 'endpoint-delay'" in warning
    with pytest.raises(ConfigurationError) as caught:
        SystemConfig.from_mapping(
            {"scheduling-policy": "LIFOO", "local-mem-bw": "fast", "all-reduce-implementation": ["ring", "rung"]}
        )
    assert len(caught.value.faults) == 3
    assert "did you mean 'LIFO'" in str(caught.value)
    assert "did you mean 'ring'" in str(caught.value)
    assert caught.value.original is Status.REFUSED


def test_what_merely_hangs_is_accepted() -> None:
    """No chunks, no splits, windows of nothing: those are outcomes of a simulation."""
    system = SystemConfig.from_mapping(
        {"active-chunks-per-dimension": 0, "preferred-dataset-splits": -1, "all-reduce-implementation": ["direct0"]}
    )
    assert system.implementations[CollectiveKind.ALL_REDUCE] == ("direct0",)


def test_remote_memory() -> None:
    """Bandwidth is a whole number of bytes per ns."""
    memory = RemoteMemoryConfig.from_mapping({"memory-type": "MEMORY_POOL", "remote-mem-bw": 2.9})
    assert memory.bandwidth_bytes_per_ns == 2
    with pytest.raises(ConfigurationError, match="MEMORY_POOL"):
        RemoteMemoryConfig.from_mapping({"memory-type": "POOL"})


def test_groups() -> None:
    """Ids are the numbers the keys start with; lists keep their order."""
    assert groups_from_mapping({"3": [2, 0], "12x": [1]}) == {3: (2, 0), 12: (1,)}
    with pytest.raises(ConfigurationError) as caught:
        groups_from_mapping({"tp": [0], "1": "all"})
    assert len(caught.value.faults) == 2
    assert caught.value.original is Status.ABORTED


def test_faults_of_a_trace_are_reported_at_once() -> None:
    """Fields of nodes, unlike their attributes, must be right to be read at all."""
    with pytest.raises(FaultsError) as caught:
        RankTrace.from_nodes([{"id": -1, "type": "COMP"}, {"id": 1, "type": "COMP_NODE", "duration_micros": 1.5}])
    assert len(caught.value.faults) == 3


def test_columns_of_a_trace_must_fit() -> None:
    """A column of the wrong length is a mistake of the program that built it."""
    trace = RankTrace.from_nodes([{"id": 0, "type": "COMP_NODE"}])
    columns = {name: getattr(trace, name) for name in RankTrace.__annotations__}
    with pytest.raises(ValueError, match="comm_tag"):
        RankTrace(**{**columns, "comm_tag": [1, 2]})


def test_a_window_that_is_no_number_aborts() -> None:
    """While the system file is read, before names that come later are looked at."""
    with pytest.raises(ConfigurationError) as caught:
        SystemConfig.from_mapping({"all-reduce-implementation": ["directly"], "all-gather-implementation": ["no"]})
    assert caught.value.original is Status.ABORTED
    assert "all-reduce-implementation[0]: 'directly'" in str(caught.value)


def test_the_first_fault_in_the_order_of_reading_decides_how_the_original_ends() -> None:
    """Reduce-scatter's names are read before all-gather's; measured on ASTRA-sim 518bd51."""
    with pytest.raises(ConfigurationError) as caught:
        SystemConfig.from_mapping({"all-gather-implementation": 3, "reduce-scatter-implementation": ["no"]})
    assert caught.value.original is Status.REFUSED


def test_bus_parameters_are_single_precision() -> None:
    """Of 2^24 + 1 a single keeps 2^24, truncated to whole ns; the gap per byte keeps its fraction."""
    system = SystemConfig.from_mapping({"L": 2**24 + 1, "o": 1.9, "G": 0.1})
    assert (system.bus_latency_ns, system.bus_overhead_ns) == (2**24, 1)
    assert system.bus_gap_ns_per_byte == 0.10000000149011612


@pytest.mark.parametrize(
    ("members", "ranks"),
    [([1.9, True], (1, 1)), (3, (3,)), (None, ()), ({"b": 1, "a": 0}, (0, 1)), ([], ())],
)
def test_groups_are_whatever_can_be_gone_through(members: object, ranks: tuple[int, ...]) -> None:
    """As the original reads JSON: numbers truncated, an object's values by key, a number as a list of itself."""
    assert groups_from_mapping({"1": members}) == {1: ranks}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("options", "read"),
    [
        ({}, (1, 1.0, False)),
        ({"num-queues-per-dim": "0x2", "injection-scale": "1.5x", "rendezvous-protocol": True}, (2, 1.5, True)),
        ({"num-queues-per-dim": 3, "injection-scale": ".5", "rendezvous-protocol": "F"}, (3, 0.5, False)),
        ({"num-queues-per-dim": 2.0}, None),
        ({"num-queues-per-dim": ""}, None),
        ({"injection-scale": "x"}, None),
        ({"comm-scale": True}, None),
        ({"rendezvous-protocol": "yes"}, None),
        ({"anything": "else"}, (1, 1.0, False)),
    ],
)
def test_command_line_options_are_text(options: dict[str, object], read: tuple[object, ...] | None) -> None:
    """What is read of them, or refused; measured on ASTRA-sim 518bd51."""
    if read is None:
        with pytest.raises(ConfigurationError) as caught:
            command_line(options)
        assert caught.value.original is Status.REFUSED
        return
    line = command_line(options)
    assert (line.num_queues_per_dim, line.injection_scale, line.rendezvous) == read


@pytest.mark.parametrize("key", ["peak-perf", "local-mem-bw"])
def test_a_truth_value_is_no_double(key: str) -> None:
    """Though it is a whole number and a single; measured on ASTRA-sim 518bd51."""
    with pytest.raises(ConfigurationError) as caught:
        SystemConfig.from_mapping({key: True})
    assert caught.value.original is Status.ABORTED
    assert SystemConfig.from_mapping({"endpoint-delay": True, "G": True}).endpoint_delay_ns == 1


def test_a_scaled_endpoint_delay_that_does_not_fit_is_the_smallest_number() -> None:
    """As the hardware converts doubles to 32 bits; a negative delay never comes."""
    system = SystemConfig.from_mapping({"endpoint-delay": 10}, injection_scale=1e9)
    assert system.effective_endpoint_delay_ns == -(2**31)


def test_remote_memory_numbers_are_unsigned_and_of_64_bits() -> None:
    """No truth value is one; the servers' numbers are looked at only where there are servers (518bd51)."""
    memory = {"memory-type": "MEMORY_POOL", "remote-mem-latency": 2**40, "num-nodes": "many"}
    assert RemoteMemoryConfig.from_mapping(memory).latency_ns == 2**40
    for wrong in ({"remote-mem-latency": True}, {"memory-type": "PER_NODE_MEMORY_EXPANSION"}):
        with pytest.raises(ConfigurationError) as caught:
            RemoteMemoryConfig.from_mapping(memory | wrong)
        assert caught.value.original is Status.ABORTED
    assert RemoteMemoryConfig.from_mapping({}).memory_type == "NO_MEMORY_EXPANSION"
