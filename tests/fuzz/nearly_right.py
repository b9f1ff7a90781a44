"""Documents and traces that are legal, to the ends of what is legal, and the same with one thing wrong."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Iterator
from typing import Any

from chakra.schema.protobuf import et_def_pb2 as schema
from versim_astrasim.chakra.framing import varint

EXTREMES: tuple[Any, ...] = (
    *(0, 1, -1, 2, 3, 7, 2**31 - 1, 2**31, 2**53, 2**62, 2**63 - 1, 2**63, 2**64, 10**12, 10**30),
    *(0.0, -0.0, 0.5, 1e-12, 1e-300, 5e-324, 1e18, 1e300, 1.7e308, math.inf, -math.inf, math.nan),
    *(
        "",
        " ",
        "off",
        "1e9",
        "1 GB/s",
        "5 us",
        "x" * 300,
        "\x1b[31m",
        "a\nb",
        "../..",
        "ring",
        "all_reduce",
        "null",
        "é",
    ),
    *(None, True, False, [], {}, [1], ["a", "a"], {"a": 1}, [[1, 2], [3]], [None]),
)

FACTOR = 1000
"""What a figure becomes larger by: with a million, a legal step takes minutes."""


def ring(size: int, bandwidth_bytes_per_s: float = 5e10, latency_s: float = 1e-6) -> dict[str, Any]:
    """A dimension of a network."""
    return {
        "topology": "ring",
        "size": size,
        "bandwidth_bytes_per_s": bandwidth_bytes_per_s,
        "latency_s": latency_s,
    }


def scenario(source: random.Random) -> dict[str, Any]:
    """A legal scenario of a few milliseconds, sometimes at the ends of what is legal."""
    ranks = source.choice((2, 3, 4, 8))
    workloads: list[dict[str, Any]] = [
        {
            "label": "collective",
            "producer": "collective",
            "options": {
                "kind": source.choice(("all_reduce", "all_gather", "reduce_scatter", "all_to_all", "point_to_point")),
                "size_bytes": source.choice((1, 7, 1000, 10**6, [8, 4096], 2**40, 2**62, 2**63 - 1)),
                "participants": ranks,
                "count": source.choice((1, 1, 2, 5)),
                "chained": source.random() < 0.5,
            },
        }
    ]
    made: dict[str, Any] = {
        "name": "fuzz",
        "workloads": workloads,
        "system": {
            "dimensions": [
                ring(
                    ranks,
                    source.choice((5e10, 1.0, 1e-3, 1e18)) if source.random() < 0.3 else 5e10,
                    source.choice((1e-6, 0, 1e-9, 100.0)),
                )
            ]
        },
        "pins": [{"label": "given"}],
        "backends": [
            {"label": "alpha", "backend": "deepflow", "network": "alpha-beta"},
            {"label": "astra", "backend": "astrasim", "options": {"endpoint_delay_ns": source.choice((1, 10, 10**9))}},
        ],
        "reference": source.choice(("alpha", "astra")),
    }
    if source.random() < 0.35:
        dp, pp, tp = source.choice(((1, 1, 1), (2, 1, 1), (1, 2, 1), (1, 1, 2), (2, 2, 1)))
        workloads[0] = {
            "label": "step",
            "producer": "deepflow-llm",
            "options": {
                "granularity": source.choice(("pipeline", "transformer", "flattened")),
                "hardware": "a100-80gb-tp",
                "model": "deepflow-bundled",
                "dp": dp,
                "pp": pp,
                "tp": tp,
                "microbatches": source.choice((1, 2, 4)),
            },
        }
        made["pins"] = [{"label": "given", "compute": "deepflow", "folded": source.choice(("deepflow", "alpha-beta"))}]
        del made["system"]
    elif source.random() < 0.2:
        ranks = 4
        tp, pp, dp = source.choice(((2, 1, 2), (1, 2, 2), (1, 1, 4), (4, 1, 1)))
        options = {"model": "llama3-8b", "layers": 2, "tp": tp, "pp": pp, "dp": dp, "gbs": 4, "seq_len": 512}
        workloads[0] = {
            "label": "step",
            "producer": "transformer",
            "options": options | {"granularity": source.choice(("stage", "layer", "operator"))},
        }
        made["pins"] = [
            {"label": "given", "compute": source.choice((["silicon", "roofline"], "roofline")), "folded": "alpha-beta"}
        ]
        made["system"] = {"device": "h100", "dimensions": [ring(ranks)]}
    if source.random() < 0.2 and "system" in made:
        made["system"]["dimensions"][0]["topology"] = source.choice(("switch", "fully_connected"))
    if source.random() < 0.15 and "system" in made:
        made["system"]["degraded"] = [
            {"dimension": 0, "ranks": [0], "bandwidth_factor": source.choice((0.1, 0.999, 1e-6))}
        ]
    if source.random() < 0.15 and "system" in made:
        made["system"]["slow_devices"] = [{"ranks": [1], "factor": source.choice((1.0, 1.3, 1e6))}]
    if source.random() < 0.1 and workloads[0]["label"] == "step":
        # The same step again, with durations that the first one's simulation gives.
        lent = {"nodes": "*", "workload": "step", "backend": source.choice(("alpha", "astra")), "pin": "given"}
        workloads[0]["pins"] = ["given"]
        workloads.append({**copy.deepcopy(workloads[0]), "label": "borrower", "pins": ["borrowed"]})
        made["pins"].append({**made["pins"][0], "label": "borrowed", "durations": [lent]})
    return made


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place below a document."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def wrong(document: Any, source: random.Random) -> Any:
    """A document with one thing wrong."""
    changed = copy.deepcopy(document)
    *above, key = source.choice(list(places(changed)))
    holder = changed
    for step in above:
        holder = holder[step]
    how = source.randrange(6)
    if how == 0:
        del holder[key]
    elif how == 1 and isinstance(holder, dict):
        holder[f"{key}x"] = holder.pop(key)
    elif how == 2 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    elif how == 3 and type(holder[key]) in (int, float):
        holder[key] = source.choice((holder[key] * 2, -holder[key], holder[key] + 1, holder[key] * FACTOR))
    else:
        holder[key] = copy.deepcopy(source.choice(EXTREMES))
    return changed


def nodes_of(rank: int, ranks: int, source: random.Random) -> list[dict[str, Any]]:
    """A rank's nodes: computations, collectives of all and messages round the ring; as plain data."""
    made: list[dict[str, Any]] = []
    for number in range(source.randrange(1, 4)):
        before = [made[-1]["id"]] if made else []
        made.append(
            {"id": len(made), "name": f"work {number}", "type": "COMP_NODE", "micros": 5, "on": before, "attr": {}}
        )
        kind, size = (number * 7 + 1) % 3, 1 << (10 + number)
        attributes = {"comm_type": ("int64_val", (0, 2, 7)[kind]), "comm_size": ("int64_val", size)}
        made.append(
            {"id": len(made), "name": f"meet {number}", "type": "COMM_COLL_NODE", "micros": 0, "on": [len(made) - 1]}
            | {"attr": attributes}
        )
    if ranks > 1:
        for what, other in (("SEND", (rank + 1) % ranks), ("RECV", (rank - 1) % ranks)):
            end = {"comm_dst" if what == "SEND" else "comm_src": ("int32_val", other)}
            attributes = {**end, "comm_tag": ("int32_val", 5), "comm_size": ("int64_val", 4096)}
            made.append(
                {"id": len(made), "name": what.lower(), "type": f"COMM_{what}_NODE", "micros": 0}
                | {"on": [0] if what == "SEND" else [], "attr": attributes}
            )
    return made


def encoded(nodes: list[dict[str, Any]]) -> bytes:
    """Nodes as a trace of version 0.0.4."""
    messages = [schema.GlobalMetadata(version="0.0.4")]
    for given in nodes:
        node = schema.Node(id=given["id"], name=given["name"], type=getattr(schema, given["type"]))
        node.duration_micros = given["micros"]
        node.ctrl_deps.extend(given["on"])
        node.attr.add(name="is_cpu_op", bool_val=False)
        for name, (field, value) in given["attr"].items():
            node.attr.add(name=name, **{field: value})
        messages.append(node)
    contents = [message.SerializeToString() for message in messages]
    return b"".join(varint(len(content)) + content for content in contents)


FIELDS = ("int64_val", "int32_val", "uint64_val", "string_val", "bool_val", "double_val")


def spoil(traces: list[list[dict[str, Any]]], source: random.Random) -> None:
    """Make one thing wrong in the traces of all ranks."""
    node = source.choice(source.choice(traces))
    how = source.randrange(7)
    if how == 0:
        node["on"] = [source.choice((node["id"], 99, 0, 2**63, len(traces[0]) - 1))]
    elif how == 1:
        node["id"] = source.choice((0, 1, 2**31, 2**63, 2**64 - 1))
    elif how == 2:
        node["type"] = source.choice(
            ("COMP_NODE", "COMM_COLL_NODE", "COMM_SEND_NODE", "MEM_LOAD_NODE", "METADATA_NODE")
        )
    elif how == 3:
        node["micros"] = source.choice((0, 2**31, 2**40, 2**50, 2**63, 2**64 - 1))
    elif how == 4 and node["attr"]:
        del node["attr"][source.choice(list(node["attr"]))]
    elif how == 5:
        traces[0].remove(node) if node in traces[0] else traces[-1].pop()
    elif node["attr"]:
        name, field = source.choice(list(node["attr"])), source.choice(FIELDS)
        value: Any = source.choice((0, 1, 3, 99, 2**31 - 1, -1, 2**62))
        if field == "string_val":
            value = str(value)
        elif field == "bool_val":
            value = bool(value)
        elif field == "double_val":
            value = float(value)
        elif field == "uint64_val":
            value = abs(value)
        elif field == "int32_val":
            value = min(value, 2**31 - 1)
        node["attr"][name] = (field, value)
