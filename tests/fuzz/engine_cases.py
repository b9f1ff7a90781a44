"""Random cases in the form of the reference tables, of every kind the tables have and of some they have not.

Most of a case is sound, so that runs get far; now and then something is odd. Left out is what the real program decides
by memory it never set: no ``collective-optimization`` or an ``involved_dim`` that is too short over several dimensions.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

Case = dict[str, Any]
Nodes = list[dict[str, Any]]

TYPES = ("ALL_REDUCE", "ALL_GATHER", "REDUCE_SCATTER", "ALL_TO_ALL")
KEYS = tuple(f"{name.lower().replace('_', '-')}-implementation" for name in TYPES)
TOPOLOGIES = ("Ring", "FullyConnected", "Switch")
MOST_RANKS = 64


def case(kind: str, source: random.Random) -> Case:
    """A case of a kind."""
    return KINDS[kind](source)


def _bytes(source: random.Random) -> int:
    return source.choice(
        [
            1 << source.randint(6, 22),
            source.choice([1, 2, 7, 100, 999, 65536, 777777, 1000003, 1048576]),
            source.randint(1, 1 << source.randint(6, 24)),
        ]
    )


def _network(source: random.Random, *npus: int) -> dict[str, Any]:
    return {
        "topology": [
            source.choice(TOPOLOGIES if count > 2 or len(npus) > 1 else TOPOLOGIES[1:])  # two ranks make no ring
            for count in npus
        ],
        "npus_count": list(npus),
        "bandwidth": [source.choice([50.0, 100.0, 12.5, 400.0, 37.3, 1, 0.1, 7.77, 1e4]) for _ in npus],
        "latency": [source.choice([500.0, 0, 1.5, 0.4, 123.7, 936.25, 1000, 10000]) for _ in npus],
    }


def _algorithm(source: random.Random, npus: int, name: str) -> str:
    power = not npus & (npus - 1)
    names = ["ring", "ring", "direct", "direct", "oneRing", "oneDirect", f"direct{source.randint(1, 9)}"]
    if power or source.random() < 0.02:
        names += ["doubleBinaryTree"] + (["halvingDoubling"] if not name.startswith("all-to-all") else [])
    return source.choice(names)


def _system(source: random.Random, *npus: int) -> dict[str, Any]:
    names = [_algorithm(source, count, "") for count in npus]
    system: dict[str, Any] = {
        "scheduling-policy": source.choice(["LIFO", "FIFO", "EXPLICIT"]),
        "endpoint-delay": source.choice([10, 10, 10, 1, 5, 17, 100, 1000]),
        "active-chunks-per-dimension": source.choice([1, 1, 1, 2, 2, 3, 4, 8]),
        "preferred-dataset-splits": source.choice([4, 4, 1, 2, 3, 5, 8, 16]),
        "collective-optimization": source.choice(["localBWAware", "baseline"]),
        "local-mem-bw": source.choice([1600, 1600, 50, 3.3, 12.5, 0, 100000]),
    }
    for key in KEYS:
        system[key] = [
            source.choice(["ring", "direct"]) if name == "halvingDoubling" and key.startswith("all-to-all") else name
            for name in (names if source.random() < 0.7 else [_algorithm(source, count, key) for count in npus])
        ]
    return system


def _case(source: random.Random, *npus: int, **parts: Any) -> Case:
    aware = len(npus) == 1 and source.random() < 0.7
    return {
        "simulator": "congestion_aware" if aware else "congestion_unaware",
        "network": _network(source, *npus),
        "system": _system(source, *npus),
        "comm_groups": None,
        **parts,
    }


def _generated(source: random.Random) -> dict[str, Any]:
    return {
        "form": "generated",
        "comm_type": source.choice(TYPES),
        "comm_size_bytes": _bytes(source),
        "count": source.choice([1, 1, 1, 2, 3]),
        "chained": source.random() < 0.5,
    }


def _queues(source: random.Random) -> dict[str, Any]:
    return {"num-queues-per-dim": source.randint(2, 6)} if source.random() < 0.25 else {}


def _collective(source: random.Random) -> Case:
    """One collective, or a few of the same, on one dimension."""
    return _case(
        source, source.choice([2, 3, 4, 4, 5, 6, 8, 8, 12, 16]), workload=_generated(source), options=_queues(source)
    )


def _dimensions(source: random.Random) -> Case:
    """The same on several dimensions, with lists and involved dimensions of all kinds."""
    npus = [source.choice([2, 2, 3, 4, 4, 5]) for _ in range(source.choice([2, 2, 3, 3, 4, 5]))]
    while math.prod(npus) > MOST_RANKS:
        npus.pop()
    workload = _generated(source)
    if len(npus) > 4 or source.random() < 0.3:
        workload["involved_dim"] = [source.random() < 0.7 for _ in range(len(npus) + source.choice([0, 0, 1]))]
    result = _case(source, *npus, workload=workload, options=_queues(source))
    if source.random() < 0.15:
        shorter = source.randint(1, len(npus))
        result["system"] |= {key: result["system"][key][:shorter] for key in KEYS}
    return result


class _Ranks:
    """Node lists of all ranks, filled operation by operation; what communicates is chained where orders must agree."""

    def __init__(self, source: random.Random, count: int, *, chained: bool = True, linked: float | None = None) -> None:
        self.source = source
        self.lists: list[Nodes] = [[] for _ in range(count)]
        self._last: dict[int, int] = {}
        self._chained = chained
        self._linked = source.random() if linked is None else linked
        self._gap = source.choice([1, 1, 5])

    def add(self, rank: int, node_type: str, attributes: dict[str, Any], micros: int = 0) -> None:
        """Add a node."""
        source, nodes = self.source, self.lists[rank]
        ids = [node["id"] for node in nodes]
        node: dict[str, Any] = {"id": max(ids, default=-1) + source.randint(1, self._gap), "type": node_type}
        deps = set(source.sample(ids, min(len(ids), source.randint(1, 2)))) if source.random() < self._linked else set()
        if self._chained and node_type not in ("COMP_NODE", "COMM_RECV_NODE"):
            if rank in self._last:
                deps.add(self._last[rank])
            self._last[rank] = node["id"]
        if deps:
            node[source.choice(["ctrl_deps", "ctrl_deps", "data_deps"])] = sorted(deps)
        if micros:
            node["duration_micros"] = micros
        nodes.append(node | {"attr": {"is_cpu_op": False} | attributes})

    def compute(self, rank: int, **attributes: Any) -> None:
        """Add recorded compute."""
        self.add(rank, "COMP_NODE", attributes, self.source.choice([0, 1, 2, 5, 10, self.source.randint(1, 200)]))

    def message(self, source_rank: int, rank: int, size_bytes: int, tag: int) -> None:
        """Add a message; now and then its receive is of another size."""
        attributes = {"comm_src": source_rank, "comm_dst": rank, "comm_size": size_bytes, "comm_tag": tag}
        self.add(source_rank, "COMM_SEND_NODE", attributes)
        other = size_bytes + (self.source.random() < 0.005)
        self.add(rank, "COMM_RECV_NODE", attributes | {"comm_size": other})

    def collective(self, ranks: list[int], group: str = "") -> None:
        """Add a collective of some ranks."""
        name = self.source.choice(TYPES)
        size_bytes = max(_bytes(self.source), 64 if name == "ALL_GATHER" else 1)
        attributes = {"comm_type": name, "comm_size": size_bytes} | ({"pg_name": group} if group else {})
        for rank in ranks:
            self.add(rank, "COMM_COLL_NODE", attributes)

    def workload(self) -> dict[str, Any]:
        """The lists, none of them empty."""
        for rank, nodes in enumerate(self.lists):
            if not nodes:
                self.compute(rank)
        return {"form": "explicit", "ranks": self.lists}


def _mixed(source: random.Random, ranks: _Ranks, count: int, groups: dict[str, list[int]]) -> None:
    world = list(range(len(ranks.lists)))
    whole = next((group for group, members in groups.items() if len(members) == len(world)), "")
    for _ in range(count):
        what = source.random()
        if what < 0.35:
            for rank in world if source.random() < 0.6 else source.sample(world, source.randint(1, len(world))):
                ranks.compute(rank, is_cpu_op=source.random() < 0.01)
        elif what < 0.6:
            ranks.message(*source.sample(world, 2), _bytes(source), source.randint(0, 3))
        elif groups and what < 0.9:
            group = source.choice(list(groups))
            ranks.collective(groups[group], group)
        else:
            ranks.collective(world, whole)


def _programs(source: random.Random) -> Case:
    """Random programs of compute, messages and collectives of all ranks."""
    count = source.choice([2, 3, 4, 4, 6, 8, 8, 16])
    ranks = _Ranks(source, count, chained=source.random() < 0.85)
    _mixed(source, ranks, source.randint(2, 18), {})
    return _case(source, count, workload=ranks.workload(), options=_queues(source))


def _groups(source: random.Random) -> Case:
    """The same with groups that overlap, unsorted ones and one of all ranks."""
    count = source.choice([3, 4, 4, 6, 8, 8, 9, 16])
    numbers = source.sample([*range(1, 12), 499, 500, 2147, 2148], source.randint(1, 4))
    groups = {str(number): source.sample(range(count), source.randint(2, count - 1)) for number in numbers}
    groups = {number: sorted(members) if source.random() < 0.7 else members for number, members in groups.items()}
    groups["77"] = list(range(count))
    ranks = _Ranks(source, count)
    _mixed(source, ranks, source.randint(2, 14), groups)
    return _case(source, count, workload=ranks.workload(), options=_queues(source), comm_groups=groups)


def _messages(source: random.Random) -> Case:
    """Messages over links that others use, to one rank, from one, and received late."""
    count = source.choice([2, 3, 4, 4, 6, 8, 16])
    ranks = _Ranks(source, count, chained=False)
    sizes = [_bytes(source) for _ in range(source.randint(1, 3))]
    hub = source.randrange(count) if source.random() < 0.4 else None
    for _ in range(source.randint(2, 30)):
        one, other = source.sample(range(count), 2)
        if source.random() < 0.3:
            ranks.compute(one)
        elif hub is not None and other != hub:
            ranks.message(*source.sample([other, hub], 2), source.choice(sizes), source.randint(0, 2))
        else:
            ranks.message(one, other, source.choice(sizes), source.randint(0, 2))
    return _case(source, count, workload=ranks.workload())


def _compute(source: random.Random) -> Case:
    """Recorded and roofline compute, CPU work, remote memory, nodes of no type."""
    ranks = _Ranks(source, 4)
    roofline, memory, odd = source.random() < 0.5, source.random() < 0.4, source.random() < 0.3
    for rank in range(4):
        for _ in range(source.randint(1, 8)):
            what = source.random()
            if odd and what < 0.1:
                ranks.add(rank, "INVALID_NODE", {})
            elif memory and what < 0.3:
                kind = source.choice(["MEM_LOAD_NODE", "MEM_STORE_NODE"])
                ranks.add(rank, kind, {"tensor_size": source.choice([0, 1, 1000, source.randint(1, 10**7)])})
            else:
                work = {"num_ops": source.randint(1, 10**10), "tensor_size": source.randint(not odd, 10**9)}
                ranks.compute(rank, is_cpu_op=odd and what > 0.9, **(work if roofline else {}))
    result = _case(source, 4, workload=ranks.workload())
    if roofline:
        result["system"] |= {"roofline-enabled": 1, "peak-perf": source.choice([100, 989.5, 0.1, 1e-6])}
    if memory:
        kinds = ("PER_NPU_MEMORY_EXPANSION", "PER_NODE_MEMORY_EXPANSION", "MEMORY_POOL")
        result["remote_memory"] = {"memory-type": source.choice(kinds), "num-nodes": 2, "num-npus-per-node": 2}
        result["remote_memory"] |= {"remote-mem-latency": source.choice([1, 100]), "remote-mem-bw": 25.6}
    return result


def _described(source: random.Random) -> Case:
    """Collectives described by traces, of all ranks or of groups, by kind or by node; hundreds of nodes at once."""
    count = source.choice([2, 3, 4, 6, 8])
    groups = {}
    if count > 3 and source.random() < 0.5:
        groups = {"1": list(range(count // 2)), "2": list(range(count // 2, count // 2 * 2))}
    ranks = _Ranks(source, count)
    for _ in range(source.randint(1, 4)):
        for group, members in groups.items() or [("", list(range(count)))]:
            ranks.collective(members, group)
    members = count // 2 if groups else count
    result = _case(source, count, workload=ranks.workload(), comm_groups=groups or None, files={})
    result["system"]["preferred-dataset-splits"] = 1
    many = source.random() < 0.1
    for key in source.sample(KEYS, 1 if many else source.randint(1, 4)):
        result["system"][f"{key}-custom"] = [key]
        result["files"] |= _description(source, key, members, many=many)
    if source.random() < 0.4:
        result["files"] |= {"nodes.yaml": {str(source.randint(0, 2)): "special"}}
        result["files"] |= _description(source, "special", members, many=False)
        result["system"]["per-node-custom-implementation"] = "nodes.yaml"
    return result


def _description(source: random.Random, prefix: str, members: int, *, many: bool) -> dict[str, Nodes]:
    ranks = _Ranks(source, members, chained=False, linked=0.1 if many else None)
    for _ in range(source.randint(120, 160) * members // 2 if many else source.randint(1, 20)):
        if source.random() < 0.25:
            ranks.compute(source.randrange(members))
        else:
            ranks.message(*source.sample(range(members), 2), 1000 + _bytes(source), source.randint(0, 20))
    # Which of the ids share a bucket decides the order.
    for nodes in ranks.workload()["ranks"]:
        ids = [node["id"] for node in nodes]
        names = dict(zip(ids, source.sample(range(5 * len(ids) + 20), len(ids)), strict=True))
        for node in nodes:
            node["id"] = names[node["id"]]
            for kind in ("ctrl_deps", "data_deps"):
                if kind in node:
                    node[kind] = [names[dependency] for dependency in node[kind]]
    return {f"{prefix}.{position}.et": nodes for position, nodes in enumerate(ranks.lists)}


def _bus(source: random.Random) -> Case:
    """Endpoint steps on a shared bus."""
    result = source.choice([_collective, _programs, _groups])(source)
    result["system"] |= {"model-shared-bus": 1, "local-reduction-delay": source.choice([0, 1, 3])}
    result["system"] |= {key: source.choice([0, 5, source.randint(0, 100)]) for key in ("L", "o", "g")}
    result["system"]["G"] = source.choice([0, 0.001, 0.0038, source.random() / 100])
    return result


def _handshakes(source: random.Random) -> Case:
    """The rendezvous protocol."""
    result = source.choice([_collective, _programs, _groups, _messages, _described])(source)
    return result | {"options": result.get("options", {}) | {"rendezvous-protocol": True}}


def _scales(source: random.Random) -> Case:
    """Endpoint delays that are absent, fractions, scaled or negative."""
    result = source.choice([_collective, _programs])(source)
    delay = source.choice([None, 1.9, 10.7, True, -1, -2048, source.randint(1, 50)])
    if delay is None:
        del result["system"]["endpoint-delay"]
    else:
        result["system"]["endpoint-delay"] = delay
    scale = {"injection-scale": source.choice([0.5, 2, 0.33, 10])} if source.random() < 0.5 else {}
    return result | {"options": result.get("options", {}) | scale}


def _step(source: random.Random) -> Case:
    """A training step: microbatches through stages, tensor groups in them, gradients over replicas."""
    tensor, stages, replicas = (source.choice(sizes) for sizes in ([1, 2, 4, 8], [1, 2, 4], [2, 4]))
    ranks = _Ranks(source, tensor * stages * replicas)
    members: dict[tuple[str, int], list[int]] = {}
    for rank in range(len(ranks.lists)):
        members.setdefault(("t", rank // tensor), []).append(rank)
        members.setdefault(("d", rank % (tensor * stages)), []).append(rank)
    groups = {name: str(number + 1) for number, name in enumerate(members)}
    size_bytes = _bytes(source)

    def everywhere(axis: str) -> None:
        for name, group in groups.items():
            if name[0] == axis and len(members[name]) > 1:
                ranks.collective(members[name], group)

    for forward in (True, False):
        for microbatch in range(source.choice([1, 2, 4])):
            for rank in range(len(ranks.lists)):
                stage = rank // tensor % stages
                ranks.compute(rank)
                if stage + 1 < stages:
                    pair = (rank, rank + tensor) if forward else (rank + tensor, rank)
                    ranks.message(*pair, size_bytes, microbatch if forward else 100 + microbatch)
            everywhere("t")
    everywhere("d")
    used = {group: members[name] for name, group in groups.items() if len(members[name]) > 1}
    return _case(source, len(ranks.lists), workload=ranks.workload(), comm_groups=used)


KINDS: dict[str, Callable[[random.Random], Case]] = {
    "collective": _collective,
    "dimensions": _dimensions,
    "programs": _programs,
    "groups": _groups,
    "messages": _messages,
    "compute": _compute,
    "described": _described,
    "bus": _bus,
    "handshakes": _handshakes,
    "scales": _scales,
    "step": _step,
}
"""What there is to ask for, and what makes it."""
