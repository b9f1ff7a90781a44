"""Trace files in both generations of the format, written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chakra.schema.protobuf import et_def_pb2 as schema
from versim_astrasim.chakra.framing import varint
from versim_astrasim.chakra.writer import write_traces
from versim_astrasim.engine import RankTrace

Node = dict[str, Any]


def comp(id_: int, *deps: int, micros: int = 5, **more: Any) -> Node:
    """A compute node."""
    attributes = more.pop("attr", {})
    return {
        "id": id_,
        "name": f"compute {id_}",
        "type": "COMP_NODE",
        "ctrl_deps": list(deps),
        "duration_micros": micros,
        "attr": attributes,
        **more,
    }


def coll(id_: int, *deps: int, kind: Any = "ALL_REDUCE", size: Any = 1 << 20, **attributes: Any) -> Node:
    """A collective; an attribute given as None is left out."""
    given = {"comm_type": kind, "comm_size": size, **attributes}
    return {
        "id": id_,
        "name": f"collective {id_}",
        "type": "COMM_COLL_NODE",
        "ctrl_deps": list(deps),
        "attr": {name: value for name, value in given.items() if value is not None},
    }


def send(id_: int, *deps: int, to: Any, size: Any = 4096, tag: Any = 0, **attributes: Any) -> Node:
    """A send."""
    given = {"comm_dst": to, "comm_size": size, "comm_tag": tag, **attributes}
    return {
        "id": id_,
        "name": f"send {id_}",
        "type": "COMM_SEND_NODE",
        "ctrl_deps": list(deps),
        "attr": {name: value for name, value in given.items() if value is not None},
    }


def recv(id_: int, *deps: int, of: Any, size: Any = 4096, tag: Any = 0, **attributes: Any) -> Node:
    """A receive."""
    given = {"comm_src": of, "comm_size": size, "comm_tag": tag, **attributes}
    return {
        "id": id_,
        "name": f"recv {id_}",
        "type": "COMM_RECV_NODE",
        "ctrl_deps": list(deps),
        "attr": {name: value for name, value in given.items() if value is not None},
    }


def written(folder: Path, ranks: Sequence[Sequence[Mapping[str, Any]]], name: str = "trace") -> Path:
    """Files of version 0.0.4, one per rank; returns their prefix. Malformed attributes are written as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    for rank, nodes in enumerate(ranks):
        trace = RankTrace.from_nodes(nodes)
        if not trace.malformed:
            write_traces([trace], folder / f"{name}.part")
            (folder / f"{name}.part.0.et").rename(folder / f"{name}.{rank}.et")
        else:
            (folder / f"{name}.{rank}.et").write_bytes(listed(nodes))
    return folder / name


def delimited(*contents: bytes) -> bytes:
    """Messages with their lengths."""
    return b"".join(varint(len(content)) + content for content in contents)


def listed(nodes: Sequence[Mapping[str, Any]], version: str = "0.0.4") -> bytes:
    """A file of version 0.0.4 through the official schema; values keep their Python type."""
    contents = [schema.GlobalMetadata(version=version).SerializeToString()]
    for node in nodes:
        message = schema.Node(
            id=node["id"],
            name=node.get("name", ""),
            type=schema.NodeType.Value(node["type"]),
            ctrl_deps=node.get("ctrl_deps", ()),
            data_deps=node.get("data_deps", ()),
            duration_micros=node.get("duration_micros", 0),
        )
        for name, value in node.get("attr", {}).items():
            if name == "comm_type" and isinstance(value, str) and value in schema.CollectiveCommType.keys():  # noqa: SIM118
                message.attr.add(name=name, int64_val=schema.CollectiveCommType.Value(value))
            elif isinstance(value, bool):
                message.attr.add(name=name, bool_val=value)
            elif isinstance(value, int):
                message.attr.add(name=name, int64_val=value)
            elif isinstance(value, float):
                message.attr.add(name=name, double_val=value)
            elif isinstance(value, list):
                message.attr.add(name=name, bool_list=schema.BoolList(values=value))
            else:
                message.attr.add(name=name, string_val=value)
        contents.append(message.SerializeToString())
    return delimited(*contents)


FIELDED_NUMBERS = {
    "id": 1,
    "node_type": 3,
    "parent": 4,
    "tensor_size": 6,
    "simulated_run_time": 7,
    "num_ops": 12,
    "comm_type": 13,
    "involved_dim": 14,
    "communicator_id": 15,
    "comm_src": 16,
    "comm_dst": 17,
    "comm_size": 18,
    "comm_tag": 19,
}
"""Fields of a node of version 0.0.1 (mlcommons/chakra, eg_def.proto as of June 2023)."""


def fielded_node(name: str = "", **fields: int | Sequence[int]) -> bytes:
    """A node of version 0.0.1; all its fields but the name are varints."""
    content = b""
    for field, number in FIELDED_NUMBERS.items():
        given = fields.get(field, ())
        for value in [given] if isinstance(given, int) else given:
            content += varint(number << 3) + varint(value)
        if field == "id":
            content += varint(2 << 3 | 2) + varint(len(name)) + name.encode()
    return content
