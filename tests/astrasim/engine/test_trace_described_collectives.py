"""Collectives described by traces: what is issued when, in which order, and where their files are found.

The machine is one byte per ns with 10 ns latency, so that times can be followed by hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from versim_astrasim.chakra.reader import read_trace
from versim_astrasim.chakra.writer import write_traces
from versim_astrasim.engine import (
    ConfigurationError,
    CustomFiles,
    NetworkConfig,
    Outcome,
    RankTrace,
    Status,
    SystemConfig,
    simulate,
)
from versim_astrasim.engine.custom_files import per_node_from_mapping
from versim_astrasim.engine.hash_set import OrderedHashSet
from versim_proof.astrasim.cases import run_case, verify_case

ONE_BYTE_PER_NS = 1e9 / 2**30


def send(node_id: int, target: int, size_bytes: int, *deps: int, tag: int = 0) -> dict[str, Any]:
    """A send node."""
    attributes = {"comm_dst": target, "comm_size": size_bytes, "comm_tag": tag}
    return {"id": node_id, "type": "COMM_SEND_NODE", "data_deps": list(deps), "attr": attributes}


def receive(node_id: int, source: int, size_bytes: int, *deps: int, tag: int = 0) -> dict[str, Any]:
    """A receive node."""
    attributes = {"comm_src": source, "comm_size": size_bytes, "comm_tag": tag}
    return {"id": node_id, "type": "COMM_RECV_NODE", "data_deps": list(deps), "attr": attributes}


def collective(node_id: int = 0, group: str = "", *deps: int) -> dict[str, Any]:
    """An all-reduce."""
    attributes = {"comm_type": "ALL_REDUCE", "comm_size": 1 << 20, "pg_name": group}
    return {"id": node_id, "type": "COMM_COLL_NODE", "ctrl_deps": list(deps), "attr": attributes}


def network(topology: str = "Switch", ranks: int = 4) -> NetworkConfig:
    """One byte per ns, 10 ns."""
    return NetworkConfig.from_mapping(
        {"topology": [topology], "npus_count": [ranks], "bandwidth": [ONE_BYTE_PER_NS], "latency": [10.0]}
    )


def run(described: list[list[dict[str, Any]]], **options: Any) -> Outcome:
    """All ranks run one all-reduce, described by one list of nodes per position."""
    programs = [RankTrace.from_nodes(nodes) for nodes in described]
    splits = options.pop("splits", 1)
    system = SystemConfig.from_mapping(
        {"all-reduce-implementation-custom": ["own"], "preferred-dataset-splits": splits, "endpoint-delay": 77}
    )
    machine = options.pop("machine", None) or network(ranks=len(described))
    traces = options.pop("traces", None) or [RankTrace.from_nodes([collective()])] * machine.rank_count
    return simulate(traces, machine, system, read_trace=lambda path: programs[int(path.split(".")[1])], **options)


def test_messages_enter_a_link_in_the_order_of_the_hash_set() -> None:
    """Ids 1, 2 and 14 in file order are issued as 1, 14, 2: 14 shares its bucket, of 13, with 1.

    Rank 0's uplink is busy with them in [0, 100), [100, 400) and [400, 600); they are at the switch 10 ns after their
    last byte, at 110, 410 and 610, and at their ranks another 110, 310 and 210 ns later.
    """
    outcome = run(
        [
            [send(1, 1, 100), send(2, 2, 200), send(14, 3, 300)],
            [receive(0, 0, 100)],
            [receive(0, 0, 200)],
            [receive(0, 0, 300)],
        ]
    )
    assert outcome.finish_ns == (820, 220, 820, 720)


def test_freed_successors_are_issued_in_the_order_of_their_set() -> None:
    """Successors 3 and 16 of node 0 share a bucket of 13: the set {3, 16} iterates as 16, 3, and so they enter ready.

    Ready then iterates 3, 16: a new element goes before the others of its bucket. The compute node takes 1 ns.
    """
    first = {"id": 0, "type": "COMP_NODE"}
    outcome = run(
        [[first, send(3, 1, 100, 0), send(16, 2, 200, 0)], [receive(0, 0, 100)], [receive(0, 0, 200)], [first]]
    )
    # The uplink is busy in [1, 101) with node 3 and in [101, 301) with node 16.
    assert outcome.finish_ns == (1 + 100 + 200 + 10 + 200 + 10, 1 + 2 * 110, 521, 1)


@pytest.mark.parametrize(
    ("keys", "order"),
    [
        ([1, 2, 14], [2, 14, 1]),  # growing from 1 to 13 buckets re-inserts 1; 14 goes before 1; 2 was at the front
        ([14, 2, 1], [2, 1, 14]),
        ([0, 13, 26, 5], [5, 26, 13, 0]),  # newest first within a bucket
        (list(range(13)), list(range(12, -1, -1))),
        # The 14th element makes 29 buckets: all are re-inserted from the front, which turns them round, then 13 comes.
        (list(range(14)), [13, *range(13)]),
    ],
)
def test_hash_sets_by_hand(keys: list[int], order: list[int]) -> None:
    """Bucket counts 1, 13, 29; front of the list, or before the first of the bucket."""
    assert list(OrderedHashSet(keys)) == order


def test_everything_ready_is_issued_at_once_without_endpoint_delay() -> None:
    """Two compute nodes run side by side; nobody waits for a slot, and the endpoint delay of 77 ns is not paid."""
    both = [{"id": 0, "type": "COMP_NODE", "duration_micros": 3}, {"id": 1, "type": "COMP_NODE", "duration_micros": 5}]
    assert run([both] * 4).finish_ns == (5000,) * 4


def test_a_node_of_another_type_is_taken_and_never_ends() -> None:
    """A memory node in a described collective hangs its rank, which has no other work."""
    outcome = run(
        [[{"id": 0, "type": "MEM_LOAD_NODE", "attr": {"tensor_size": 8}}], *[[{"id": 0, "type": "COMP_NODE"}]] * 3]
    )
    assert outcome.status is Status.UNFINISHED
    assert outcome.unfinished_ranks == (0,)


def test_more_than_one_split_never_completes_and_says_so() -> None:
    """It is one job, whatever is waited for."""
    outcome = run([[{"id": 0, "type": "COMP_NODE"}]] * 4, splits=4)
    assert outcome.unfinished_ranks == (0, 1, 2, 3)
    assert "a trace-described collective is one chunk, but it waits for 4; use one split" in outcome.diagnosis[0].text


def test_members_of_a_group_are_named_by_their_place_in_its_list() -> None:
    """Rank 1 is the first of the group [1, 3]: it runs the first file, in which target 1 is rank 3."""
    idle = RankTrace.from_nodes([{"id": 0, "type": "COMP_NODE", "duration_micros": 9}])
    member = RankTrace.from_nodes([collective(group="7")])
    outcome = run(
        [[send(0, 1, 100)], [receive(0, 0, 100)]],
        machine=network("FullyConnected"),
        traces=[idle, member, idle, member],
        groups={7: (1, 3)},
    )
    assert outcome.finish_ns == (9000, 110, 9000, 110)
    assert outcome.links.name == ("1->3",)


def test_a_group_that_is_not_in_ascending_order_sends_to_the_wrong_rank() -> None:
    """Files go by place in the sorted list, targets by place in the list as written: rank 1 now sends to itself."""
    idle = RankTrace.from_nodes([{"id": 0, "type": "COMP_NODE", "duration_micros": 9}])
    member = RankTrace.from_nodes([collective(group="7")])
    outcome = run(
        [[send(0, 1, 100)], [receive(0, 0, 100)]],
        machine=network("FullyConnected"),
        traces=[idle, member, idle, member],
        groups={7: (3, 1)},
    )
    assert outcome.status is Status.ABORTED
    assert "rank 1 sends a message to itself" in outcome.diagnosis[0].text


CASE: dict[str, Any] = {
    "name": "described",
    "network": {"topology": ["Switch"], "npus_count": [2], "bandwidth": [ONE_BYTE_PER_NS], "latency": [10.0]},
    "system": {
        "all-reduce-implementation": ["ring"],
        "all-reduce-implementation-custom": ["kind/own"],
        "per-node-custom-implementation": "nodes.yml",
        "preferred-dataset-splits": 1,
        "endpoint-delay": 10,
    },
    "workload": {"form": "explicit", "same_on_all_ranks": True, "ranks": [[collective(0), collective(5, "", 0)]]},
    # Node 0 by the files of its kind, 100 bytes over two links; node 5 by files of its own, 200 bytes.
    "expected": {"rank_ns": {"all": 220 + 420}, "comm_ns": {"all": 640}, "exposed_comm_ns": {"all": 640}},
}


@pytest.fixture
def files(tmp_path: Path) -> CustomFiles:
    """Files as the original finds them, written and read as real traces."""
    for name, size_bytes in (("kind/own", 100), ("mine", 200)):
        prefix = tmp_path / name
        prefix.parent.mkdir(exist_ok=True)
        nodes = [[send(0, 1 - rank, size_bytes, tag=1), receive(1, 1 - rank, size_bytes, tag=1)] for rank in range(2)]
        write_traces([RankTrace.from_nodes(own) for own in nodes], prefix)
    (tmp_path / "nodes.yml").write_text("5: mine\n", encoding="utf-8")
    return CustomFiles(tmp_path, read_trace)


def test_a_case_with_a_folder_runs_from_files(files: CustomFiles) -> None:
    """A node's own files come before those of its kind, and those before the native list."""
    result = verify_case(CASE, "auto", files)
    assert result.matched, result.details
    assert verify_case(CASE, "plain", files).matched
    without = {key: value for key, value in CASE["system"].items() if "custom" not in key}
    native = run_case(CASE | {"system": without})
    assert isinstance(native, Outcome)
    assert native.finish_ns[0] not in (None, 640)


def test_files_that_are_missing_or_broken_are_refused(files: CustomFiles) -> None:
    """The original exits when it comes to them, and dies on a map it cannot read when it starts."""
    (files.folder / "mine.0.et").write_bytes(b"\x05no")
    broken = run_case(CASE, files=files)
    assert isinstance(broken, Outcome)
    assert broken.status is Status.REFUSED
    assert "mine.0.et cannot be read" in broken.diagnosis[0].text
    (files.folder / "nodes.yml").write_text("5: nowhere\n", encoding="utf-8")
    missing = run_case(CASE, files=files)
    assert isinstance(missing, Outcome)
    assert "there is no file" in missing.diagnosis[0].text
    for text in ("[1, 2]", "a: b", "5: [x]", "5: {", ""):
        (files.folder / "nodes.yml").write_text(text, encoding="utf-8")
        refused = run_case(CASE, files=files)
        assert isinstance(refused, ConfigurationError)
        assert refused.original is Status.ABORTED


def test_a_map_of_nodes_is_checked_key_by_key() -> None:
    """All faults at once."""
    assert per_node_from_mapping({3: "a", -1: 5}) == {3: "a", -1: "5"}
    with pytest.raises(ConfigurationError) as caught:
        per_node_from_mapping({"x": "a", 2**31: "b", 7: None})
    assert len(caught.value.faults) == 3
    assert "node 7: None is not a path prefix" in caught.value.faults


def test_the_first_answer_of_a_group_is_kept(files: CustomFiles) -> None:
    """A group asks once per kind: its second all-reduce runs like the first, whatever the map says for its node."""
    case = CASE | {
        "network": CASE["network"] | {"npus_count": [3]},
        "comm_groups": {"1": [0, 1]},
        "workload": {
            "form": "explicit",
            "ranks": [[collective(0, "1"), collective(5, "1", 0)]] * 2 + [[{"id": 0, "type": "COMP_NODE"}]],
        },
    }
    outcome = run_case(case, files=files)
    assert isinstance(outcome, Outcome)
    assert outcome.finish_ns == (440, 440, 1)
