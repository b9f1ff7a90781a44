"""Of every rule of lint a faulty trace and a sound near-miss, as nodes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from chakra_files import Node, coll, comp, recv, send, written
from versim import Finding
from versim_astrasim.lint.loading import Given, lint

NETWORK = {"topology": ["Switch"], "npus_count": [4], "bandwidth": [50.0], "latency": [500.0]}
SYSTEM: dict[str, Any] = {
    "endpoint-delay": 10,
    "active-chunks-per-dimension": 1,
    "preferred-dataset-splits": 4,
    "local-mem-bw": 1600,
    "collective-optimization": "localBWAware",
    **{f"{kind}-implementation": ["ring"] for kind in ("all-reduce", "all-gather", "reduce-scatter", "all-to-all")},
}
GROUPS = {"1": [0, 1], "2": [2, 3], "3": [0, 1, 2, 3]}


@attrs.frozen(kw_only=True)
class Trace:
    """Files of one trace; ``ranks`` shorter than four repeat their last."""

    ranks: Sequence[Sequence[Node]]
    network: Mapping[str, Any] | None = None
    system: Mapping[str, Any] | None = None
    groups: Mapping[str, Any] | None = None
    count: int = 4
    congestion: str = "aware"

    def findings(self, folder: Path) -> list[Finding]:
        """What is found in it."""
        ranks = [*self.ranks, *[self.ranks[-1]] * (self.count - len(self.ranks))]
        prefix = written(folder, ranks)
        files = {}
        for name, content in (("network", self.network), ("system", self.system), ("comm_groups", self.groups)):
            if content is not None:
                files[name] = folder / f"{name}.json"
                files[name].write_text(json.dumps(content), encoding="utf-8")
        return lint(Given(where=prefix, congestion=self.congestion, **files))


def step(*ranks: Sequence[Node], **files: Any) -> Trace:
    """A trace with all of the simulator's files, each of which may be changed or (None) left out."""
    network = files.pop("network", {})
    system = files.pop("system", {})
    return Trace(
        ranks=ranks,
        network=None if network is None else {**NETWORK, **network},
        system=None if system is None else {**SYSTEM, **system},
        groups=files.pop("groups", GROUPS),
        **files,
    )


def node(id_: int, kind: str, *deps: int, **attributes: Any) -> Node:
    """Any node."""
    return {"id": id_, "name": kind.lower(), "type": kind, "ctrl_deps": list(deps), "attr": attributes}


def without(*keys: str) -> dict[str, Any]:
    """A system file that lacks keys."""
    return {key: value for key, value in SYSTEM.items() if key not in keys}


def named(id_: int, name: str, *deps: int) -> Node:
    """A collective of some name."""
    return {**coll(id_, *deps), "name": name}


ROOFLINE = {"roofline-enabled": 1, "peak-perf": 900}
TWO = {"npus_count": [2]}
PLANE = {"topology": ["Ring", "Ring"], "npus_count": [2, 2], "bandwidth": [50.0, 50.0], "latency": [500.0, 500.0]}
IDLE = [comp(0)]

PAIRS: dict[str, tuple[Trace, Trace]] = {
    "missing-rank": (step([coll(0)], count=3), step([coll(0)])),
    "extra-rank": (step(IDLE, network={"npus_count": [3]}), step(IDLE)),
    "configuration": (step(IDLE, system={"collective-optimization": "none"}), step(IDLE)),
    "empty-trace": (step(IDLE, []), step(IDLE)),
    "no-root": (step([comp(0, 1), comp(1, 0)]), step([comp(0), comp(1, 0)])),
    "dangling-dependency": (step([comp(0), comp(1, 7)]), step([comp(0), comp(7), comp(1, 7)])),
    "dependency-cycle": (
        step([comp(0), comp(1, 3), comp(2, 1), comp(3, 2)]),
        step([comp(0), comp(1, 0), comp(2, 1), comp(3, 2, 1)]),
    ),
    "duplicate-id": (step([comp(0), comp(5, 0), comp(5, 0)]), step([comp(0), comp(5, 0), comp(6, 0)])),
    "metadata-node": (step([node(0, "METADATA_NODE"), comp(1, 0)]), step([comp(0), comp(1, 0)])),
    "invalid-node": (
        step([node(0, "INVALID_NODE"), comp(1, 0), comp(2)]),
        step([comp(0, micros=0), comp(1, 0), comp(2)]),
    ),
    "invalid-strands": (
        step([node(0, "INVALID_NODE"), comp(1, 0)]),
        step([node(0, "INVALID_NODE"), comp(1, 0), comp(2)]),
    ),
    "missing-attribute": (step([coll(0, size=None)]), step([coll(0)])),
    "attribute-type": (step([coll(0, size=1.5)]), step([coll(0, size=2)])),
    "group-name": (step([coll(0, pg_name="tp")]), step([coll(0, pg_name="3")])),
    "unsupported-collective": (step([coll(0, kind="BARRIER")]), step([coll(0)])),
    "broadcast": (step([coll(0, kind="BROADCAST")]), step([coll(0, kind="ALL_GATHER")])),
    "cpu-communication": (step([coll(0, is_cpu_op=True)]), step([coll(0, is_cpu_op=False)])),
    "cpu-statistics": (step([comp(0, attr={"is_cpu_op": True}), coll(1, 0)]), step([comp(0), coll(1, 0)])),
    "memory-node": (step([node(0, "MEM_LOAD_NODE", tensor_size=9)]), step([comp(0)])),
    "zero-size": (step([coll(0, kind="ALL_GATHER", size=0)]), step([coll(0, kind="ALL_GATHER", size=4)])),
    "zero-size-collective": (step([coll(0, size=0)]), step([coll(0, size=16)])),
    "zero-duration": (step([comp(0, micros=0)]), step([comp(0, micros=1)])),
    "huge-value": (step([coll(0, size=2**63 + 1)]), step([coll(0, size=2**40)])),
    "duration-overflow": (step([comp(0, micros=2**61)]), step([comp(0, micros=2**40)])),
    "untimed-work": (
        step([comp(0, micros=0, attr={"num_ops": 10**12, "tensor_size": 1})]),
        step([comp(0, micros=5, attr={"num_ops": 10**12, "tensor_size": 1})]),
    ),
    "no-operations": (
        step([comp(0, attr={"num_ops": 0, "tensor_size": 1})], system=ROOFLINE),
        step([comp(0, attr={"num_ops": 10**9, "tensor_size": 1})], system=ROOFLINE),
    ),
    "self-message": (
        step([comp(0), send(1, 0, to=0), recv(2, of=0)], IDLE, network={"topology": ["Ring"]}),
        step([comp(0), send(1, 0, to=0), recv(2, of=0)], IDLE),
    ),
    "self-message-switch": (
        step([comp(0), send(1, 0, to=0), recv(2, of=0)], IDLE),
        step([comp(0), send(1, 0, to=1)], [recv(2, of=0)], IDLE),
    ),
    "peer-outside": (step([send(0, to=4)], IDLE), step([send(0, to=3)], IDLE, IDLE, [recv(0, of=0)])),
    "wrong-end": (
        step([send(0, to=1, comm_src=3)], [recv(0, of=0)], IDLE),
        step([send(0, to=1, comm_src=0)], [recv(0, of=0)], IDLE),
    ),
    "unmatched-send": (step([send(0, to=1)], IDLE), step([send(0, to=1)], [recv(0, of=0)], IDLE)),
    "unmatched-recv": (
        step([comp(0)], [recv(0, of=0)], IDLE),
        step([comp(0), send(1, 0, to=1)], [recv(0, of=0)], IDLE),
    ),
    "message-size": (
        step([send(0, to=1, size=4096)], [recv(0, of=0, size=4095)], IDLE),
        step([send(0, to=1, size=4096), send(1, to=1, size=64)], [recv(0, of=0, size=64), recv(1, of=0)], IDLE),
    ),
    "message-tag": (
        step([send(0, to=1, tag=1)], [recv(0, of=0, tag=2)], IDLE),
        step([send(0, to=1, tag=1), send(1, to=1, tag=2)], [recv(0, of=0, tag=2), recv(1, of=0, tag=1)], IDLE),
    ),
    "tag-range": (
        step([send(0, to=1, tag=500_000_001)], [recv(0, of=0, tag=500_000_001)], IDLE),
        step([send(0, to=1, tag=499_999_999)], [recv(0, of=0, tag=499_999_999)], IDLE),
    ),
    "no-group-file": (step([coll(0, pg_name="3")], groups=None), step([coll(0)], groups=None)),
    "unknown-group": (step([coll(0, pg_name="9")]), step([coll(0, pg_name="3")])),
    "group-of-one": (step([coll(0, pg_name="4")], IDLE, groups={"4": [0]}), step([coll(0)], groups={"4": [0]})),
    "group-rank-outside": (step([coll(0, pg_name="4")], groups={"4": [0, 1, 2, 4]}), step([coll(0, pg_name="3")])),
    "group-duplicate": (
        step([coll(0, pg_name="1")], [coll(0, pg_name="1")], IDLE, groups={"1": [0, 1, 0]}),
        step([coll(0, pg_name="1")], [coll(0, pg_name="1")], IDLE),
    ),
    "not-a-member": (
        step([coll(0, pg_name="1")], [coll(0, pg_name="1")], [coll(0, pg_name="1")], IDLE),
        step([coll(0, pg_name="1")], [coll(0, pg_name="1")], [coll(0, pg_name="2")]),
    ),
    "group-id": (
        step([coll(0, pg_name="-1")], groups={"-1": [0, 1, 2, 3]}),
        step([coll(0, pg_name="3000")], groups={"3000": [0, 1, 2, 3]}),
    ),
    "group-name-read": (step([coll(0, pg_name="3_tp")]), step([coll(0, pg_name="3")])),
    "groups-unused": (step([coll(0)]), step([coll(0, pg_name="3")])),
    "group-id-clash": (
        step(
            [coll(0, pg_name="1"), coll(1, 0, pg_name="501")],
            [coll(0, pg_name="1"), coll(1, 0, pg_name="501")],
            IDLE,
            groups={"1": [0, 1], "501": [0, 1]},
        ),
        step(
            [coll(0, pg_name="1")],
            [coll(0, pg_name="1"), coll(1, 0, pg_name="501")],
            [coll(0, pg_name="501")],
            IDLE,
            groups={"1": [0, 1], "501": [1, 2]},
        ),
    ),
    "collective-partner": (step([coll(0), coll(1, 0)], [coll(0)]), step([coll(0), coll(1, 0)], [coll(0), coll(9, 0)])),
    "collective-kind": (
        step([coll(0), coll(1, 0, kind="ALL_GATHER")], [coll(0, kind="ALL_GATHER"), coll(1, 0)]),
        step([coll(0), coll(1, 0, kind="ALL_GATHER")]),
    ),
    "collective-unordered": (
        step(
            [comp(0), comp(1), coll(2, 0), coll(3, 1, kind="ALL_GATHER")],
            [comp(0), comp(1), coll(2, 0, kind="ALL_GATHER"), coll(3, 1)],
        ),
        step([coll(0), coll(1, 0, kind="ALL_GATHER")], [coll(5), coll(1, 5, kind="ALL_GATHER")]),
    ),
    "collective-size": (step([coll(0, size=4096)], [coll(0, size=8192)]), step([coll(0, size=4096)])),
    "collective-dimensions": (
        step([coll(0, involved_dim=[True, False])], [coll(0, involved_dim=[True, True])], network=PLANE),
        step([coll(0, involved_dim=[True, False])], network=PLANE),
    ),
    "collective-names": (
        step([named(0, "a"), named(1, "b", 0)], [named(0, "b"), named(1, "a", 0)], [named(0, "a"), named(1, "b", 0)]),
        step([named(0, "a0"), named(1, "b0", 0)], [named(0, "b1"), named(1, "a1", 0)]),
    ),
    "collective-order": (step([coll(0), coll(1)]), step([coll(0), comp(1, 0), coll(2, 1)])),
    "unbalanced-world": (
        step([coll(0, pg_name="1"), coll(1, 0)], [coll(0, pg_name="1"), coll(1, 0)], [comp(0), coll(1, 0)]),
        step(
            [coll(0, pg_name="1"), coll(1, 0)], [coll(0, pg_name="1"), coll(1, 0)], [coll(0, pg_name="2"), coll(1, 0)]
        ),
    ),
    "unbalanced-world-unordered": (
        step([coll(0, pg_name="1"), coll(1)], [coll(0, pg_name="1"), coll(1)], [comp(0), coll(1)]),
        step(
            [coll(0, pg_name="1"), coll(1, pg_name="3")],
            [coll(0, pg_name="1"), coll(1, pg_name="3")],
            [comp(0), coll(1, pg_name="3")],
        ),
    ),
    "inflated-size": (step([coll(0, size=15)]), step([coll(0, size=16)])),
    "remainder-chunk": (step([coll(0, size=1_000_003)]), step([coll(0, size=1_000_000)])),
    "endless-all-gather": (step([coll(0, kind="ALL_GATHER", size=3)]), step([coll(0, kind="ALL_GATHER", size=4)])),
    "splits": (
        step([coll(0)], system={"preferred-dataset-splits": 0}),
        step([comp(0)], system={"preferred-dataset-splits": 0}),
    ),
    "active-chunks": (step([coll(0)], system={"active-chunks-per-dimension": 0}), step([coll(0)])),
    "no-algorithm": (
        step([coll(0)], system={"all-reduce-implementation": []}),
        step([coll(0)], system={"all-gather-implementation": []}),
    ),
    "algorithm-count": (step([coll(0)], system={"all-reduce-implementation": ["ring", "ring"]}), step([coll(0)])),
    "algorithm-power-of-two": (
        step(
            [coll(0)],
            network={"npus_count": [3]},
            count=3,
            groups={},
            system={"all-reduce-implementation": ["halvingDoubling"]},
        ),
        step([coll(0)], system={"all-reduce-implementation": ["halvingDoubling"]}),
    ),
    "algorithm-kind": (
        step([coll(0, kind="ALL_TO_ALL")], system={"all-to-all-implementation": ["halvingDoubling"]}),
        step([coll(0, kind="ALL_GATHER")], system={"all-gather-implementation": ["halvingDoubling"]}),
    ),
    "tree-kind": (
        step([coll(0, kind="ALL_GATHER")], system={"all-gather-implementation": ["doubleBinaryTree"]}),
        step([coll(0)], system={"all-reduce-implementation": ["doubleBinaryTree"]}),
    ),
    "window": (
        step([coll(0)], system={"all-reduce-implementation": ["direct0"]}),
        step([coll(0)], system={"all-reduce-implementation": ["direct2"]}),
    ),
    "halved-away": (
        step(
            [coll(0, size=4)],
            system={"all-reduce-implementation": ["halvingDoubling"], "preferred-dataset-splits": 1},
        ),
        step(
            [coll(0, size=8)],
            system={"all-reduce-implementation": ["halvingDoubling"], "preferred-dataset-splits": 1},
        ),
    ),
    "custom-splits": (
        step([coll(0)], system={"all-reduce-implementation-custom": ["ring/all_reduce"]}),
        step(
            [coll(0)], system={"all-reduce-implementation-custom": ["ring/all_reduce"], "preferred-dataset-splits": 1}
        ),
    ),
    "ring-of-two": (
        step([coll(0)], network={**TWO, "topology": ["Ring"]}, count=2, groups={}),
        step([coll(0)], network={**TWO, "topology": ["FullyConnected"]}, count=2, groups={}),
    ),
    "no-dimension": (
        step([coll(0, involved_dim=[False, False])], network=PLANE),
        step(
            [coll(0, involved_dim=[False, True])], network=PLANE, system={"all-reduce-implementation": ["ring", "ring"]}
        ),
    ),
    "ignored-dimensions": (
        step([coll(0, pg_name="3", involved_dim=[False, True])], network=PLANE),
        step([coll(0, pg_name="3", involved_dim=[True, True])], network=PLANE),
    ),
    "optimization-unset": (
        Trace(
            ranks=[[coll(0)]],
            network=PLANE,
            system={**without("collective-optimization"), "all-reduce-implementation": ["ring", "ring"]},
        ),
        step([coll(0)], network=PLANE, system={"all-reduce-implementation": ["ring", "ring"]}),
    ),
    "false-enables": (step([coll(0)], system={"replay-only": False}), step([coll(0)], system={"replay-only": 0})),
    "ignored-key": (step([coll(0)], system={"endpoint_delay": 5}), step([coll(0)], system={"boost-mode": 0})),
    "endpoint-delay": (
        step([coll(0)], system={"endpoint-delay": 0}),
        step([comp(0), coll(1, 0)], system={"endpoint-delay": 0}),
    ),
    "instant-start": (
        step([send(0, to=1, size=8)], [recv(0, of=0, size=8)], IDLE),
        step([comp(0), send(1, 0, to=1, size=8)], [recv(0, of=0, size=8)], IDLE),
    ),
    "issue-deadlock": (
        step([coll(0, pg_name="1"), send(1, to=1)], [recv(0, of=0), coll(1, 0, pg_name="1")], IDLE),
        step([send(0, to=1), coll(1, pg_name="1")], [recv(0, of=0), coll(1, 0, pg_name="1")], IDLE),
    ),
}
FILES_ONLY = {
    "unreadable-trace",
    "old-schema",
    "no-metadata",
    "memory-refused",
    "run-fails",
    "not-simulated",
    "repeated-attribute",
    "group-attribute",
    "untracked-tensors",
}
"""Rules whose faults cannot be written as nodes; each has a test of its own."""
