"""Configuration files may hold anything JSON can: whatever it is, it is either read or refused by key and value."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from versim_astrasim.engine import (
    ConfigurationError,
    NetworkConfig,
    RankTrace,
    RemoteMemoryConfig,
    Status,
    SystemConfig,
    groups_from_mapping,
    simulate,
)
from versim_proof.astrasim.cases import case_inputs

HUGE = 10**5000
"""Neither a double nor, by default, printable."""

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.sampled_from([2**31, -(2**63), 10**400, -(10**400)]),
    st.floats(),
    st.sampled_from(["", "ring", "Ring", "Rnig", "LIFO", "direct", "1", "1.5", "NaN", "\x00", "ü" * 300]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=5,
)
KINDS = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all")
SYSTEM_KEYS = (
    *(f"{kind}-implementation" for kind in KINDS),
    *(f"{kind}-implementation-custom" for kind in KINDS),
    *("endpoint-delay", "active-chunks-per-dimension", "preferred-dataset-splits", "local-mem-bw", "peak-perf"),
    *("collective-optimization", "scheduling-policy", "roofline-enabled", "replay-only", "model-shared-bus"),
    *("L", "o", "g", "G", "local-reduction-delay", "per-node-custom-implementation"),
)
NETWORK_KEYS = ("topology", "npus_count", "bandwidth", "latency")
MEMORY_KEYS = ("memory-type", "remote-mem-latency", "remote-mem-bw", "num-nodes", "num-npus-per-node")
GOOD_NETWORK = {"topology": ["Ring"], "npus_count": [4], "bandwidth": [50.0], "latency": [500.0]}


def some_of(keys: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of the keys, whatever their values, and now and then a key nobody knows."""
    return st.dictionaries(st.one_of(st.sampled_from(keys), st.sampled_from(["Topology", "endpoint_delay"])), values)


def read_or_refused(read: Callable[[Any], Any], content: Any, keys: tuple[str, ...]) -> Any:
    """What was read, None if refused; each fault has to begin with a key and say what would be right."""
    try:
        return read(content)
    except ConfigurationError as caught:
        error = caught
    for fault in error.faults:
        assert fault.startswith((*keys, "the whole file", "group", "all lists")), fault
        assert any(words in fault for words in (" is not ", " is unknown", "lengths are")), fault
        assert len(fault) < 600
    assert error.original in (Status.REFUSED, Status.ABORTED)
    return None


@settings(max_examples=150)
@given(content=st.one_of(values, some_of(NETWORK_KEYS)), aware=st.booleans())
def test_network(content: Any, aware: bool) -> None:
    """Only lists of legal entries are read."""
    config = read_or_refused(
        lambda mapping: NetworkConfig.from_mapping(mapping, congestion_aware=aware), content, NETWORK_KEYS
    )
    if config is not None:
        assert all(count > 1 for count in config.npus_count)
        assert all(bandwidth > 0 and math.isfinite(bandwidth) for bandwidth in config.bandwidth_gib_per_s)


@settings(max_examples=150)
@given(entry=values, key=st.sampled_from(NETWORK_KEYS))
def test_an_entry_of_a_network(entry: Any, key: str) -> None:
    """One hostile entry in a good file: the fault names it by key and index."""
    try:
        NetworkConfig.from_mapping(GOOD_NETWORK | {key: [entry]})
    except ConfigurationError as error:
        (fault,) = error.faults
        assert fault.startswith((f"{key}[0]: ", f"{key}: "))


@settings(max_examples=200)
@given(content=st.one_of(values, some_of(SYSTEM_KEYS)), queues=st.integers(-1, 3), scale=st.floats())
def test_system(content: Any, queues: int, scale: float) -> None:
    """What is read can be used: its derived figures exist."""
    config = read_or_refused(
        lambda mapping: SystemConfig.from_mapping(mapping, num_queues_per_dim=queues, injection_scale=scale),
        content,
        (*SYSTEM_KEYS, "num-queues-per-dim", "injection-scale"),
    )
    if config is not None:
        assert isinstance(config.effective_endpoint_delay_ns, int)
        assert isinstance(config.lane_width, int)


@given(key=st.sampled_from(SYSTEM_KEYS), value=values)
def test_a_system_with_one_hostile_value_still_simulates_or_is_refused(key: str, value: Any) -> None:
    """What gets through ends in an outcome, never in an error of Python's."""
    mapping: dict[str, Any] = {f"{kind}-implementation": ["ring"] for kind in KINDS}
    mapping |= {"endpoint-delay": 10, "preferred-dataset-splits": 2, key: value}
    config = read_or_refused(SystemConfig.from_mapping, mapping, SYSTEM_KEYS)
    if config is None:
        return
    node = {"id": 0, "type": "COMM_COLL_NODE", "attr": {"comm_type": "ALL_REDUCE", "comm_size": 999}}
    traces = [RankTrace.from_nodes([node])] * 4
    outcome = simulate(traces, NetworkConfig.from_mapping(GOOD_NETWORK), config, max_ticks=20_000)
    assert isinstance(outcome.status, Status)
    assert outcome.status is Status.COMPLETED or outcome.diagnosis


@given(content=st.one_of(values, some_of(MEMORY_KEYS)))
def test_remote_memory(content: Any) -> None:
    """The type is one of four; numbers are unsigned."""
    config = read_or_refused(RemoteMemoryConfig.from_mapping, content, MEMORY_KEYS)
    if config is not None:
        assert config.latency_ns >= 0


@given(content=st.one_of(values, st.dictionaries(st.sampled_from(["1", "0", "-3", "tp", "²", "9" * 500]), values)))
def test_groups(content: Any) -> None:
    """Ids are numbers, members are lists of whole numbers."""
    groups = read_or_refused(groups_from_mapping, content, ())
    if groups is not None:
        assert all(isinstance(rank, int) for members in groups.values() for rank in members)


@given(
    options=st.dictionaries(st.sampled_from(["num-queues-per-dim", "injection-scale", "rendezvous-protocol"]), scalars)
)
def test_command_line_options_of_a_case(options: dict[str, Any]) -> None:
    """Options may be text; what is no number is refused by name."""
    workload = {"form": "generated", "comm_type": "ALL_REDUCE", "comm_size_bytes": 8, "count": 1}
    case = {"network": GOOD_NETWORK, "system": {}, "options": options, "workload": workload}
    read_or_refused(case_inputs, case, (*(f"--{name}" for name in options), "num-queues-per-dim"))


def test_keys_without_effect_are_warned_about_and_ride_along() -> None:
    """The original ignores them in silence; the warning suggests the key that may have been meant."""
    network = NetworkConfig.from_mapping(GOOD_NETWORK | {"bandwith": [1.0]})
    system = SystemConfig.from_mapping({"endpoint-dealy": 3})
    memory = RemoteMemoryConfig.from_mapping({"memory-type": "MEMORY_POOL", "remote-mem-bandwidth": 1})
    assert "did you mean 'bandwidth'" in network.warnings[0]
    assert "did you mean 'endpoint-delay'" in system.warnings[0]
    assert memory.warnings[0].startswith("remote-mem-bandwidth: unknown key, without effect")
    compute = RankTrace.from_nodes([{"id": 0, "type": "COMP_NODE"}])
    outcome = simulate([compute] * 4, network, system, memory=memory)
    assert [finding.text for finding in outcome.diagnosis] == [*network.warnings, *system.warnings, *memory.warnings]


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("endpoint-delay", "10", "endpoint-delay: '10' is not a number from -2147483648 to 2147483647"),
        ("local-mem-bw", [1], "local-mem-bw: [1] is not a finite number"),
        ("preferred-dataset-splits", math.nan, "preferred-dataset-splits: nan is not a number from"),
        ("all-reduce-implementation", "ring", "all-reduce-implementation: 'ring' is not a list of algorithm names"),
        ("all-reduce-implementation-custom", ["a", "b"], "all-reduce-implementation-custom: ['a', 'b'] is not a list"),
        ("scheduling-policy", 3, "scheduling-policy: 3 is not one of LIFO, FIFO, EXPLICIT"),
        ("scheduling-policy", "LIFOO", "scheduling-policy: 'LIFOO' is unknown; did you mean 'LIFO'?"),
        ("peak-perf", HUGE, "peak-perf: <a int too long to print> is not a finite number"),
    ],
    ids=range(8),  # one of the values cannot be printed
)
def test_a_fault_says_key_value_and_what_is_allowed(key: str, value: Any, fault: str) -> None:
    """In one line, for every kind of fault."""
    with pytest.raises(ConfigurationError) as caught:
        SystemConfig.from_mapping({key: value})
    assert caught.value.faults[0].startswith(fault)
