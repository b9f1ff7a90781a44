"""Traces in the shapes of public ones are read as mlc-chakra's own jsonizer reads them: nothing is lost."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chakra.schema.protobuf import et_def_pb2 as schema
from chakra.src.jsonizer import jsonizer
from chakra_files import delimited
from google.protobuf.json_format import ParseDict
from versim_astrasim.commands.listing import shown

Node = Any
INTEGERS = ("comm_size", "comm_src", "comm_dst", "comm_tag", "num_ops", "tensor_size")


def microbenchmark() -> Iterator[Node]:
    """One collective, as generators of microbenchmarks write it."""
    node = schema.Node(id=1, name="All-Reduce", type=schema.COMM_COLL_NODE)
    node.attr.add(name="is_cpu_op", bool_val=False)
    node.attr.add(name="comm_type", int64_val=schema.ALL_REDUCE)
    node.attr.add(name="comm_size", int64_val=1 << 20)
    yield node


def layers() -> Iterator[Node]:
    """Layers of a perceptron, as the text converter writes them: unsigned sizes, dimensions, data dependencies."""
    for number in range(0, 60, 2):
        compute = schema.Node(
            id=number, name=f"COMP_NODE_fc{number}", type=schema.COMP_NODE, duration_micros=number * 7
        )
        if number:
            compute.data_deps.append(number - 1)
        compute.attr.add(name="is_cpu_op", bool_val=False)
        yield compute
        sums = schema.Node(id=number + 1, name=f"COMM_COLL_NODE_fc{number}", type=schema.COMM_COLL_NODE)
        sums.data_deps.append(number)
        sums.attr.add(name="comm_type", int64_val=(schema.ALL_GATHER, schema.REDUCE_SCATTER)[number % 4 // 2])
        sums.attr.add(name="comm_size", uint64_val=(1 << 33) + number)
        sums.attr.add(name="involved_dim", bool_list=schema.BoolList(values=[True, False, True]))
        yield sums


def exchange() -> Iterator[Node]:
    """A ring of sends and receives, as collectives are described: 32-bit tags and peers."""
    for number in range(0, 40, 2):
        for offset, kind, peer in ((0, schema.COMM_SEND_NODE, "comm_dst"), (1, schema.COMM_RECV_NODE, "comm_src")):
            node = schema.Node(id=number + offset, name=f"step {number}", type=kind, data_deps=range(number)[-2:])
            node.attr.add(name="comm_size", uint64_val=131072)
            node.attr.add(name="comm_tag", uint32_val=number)
            node.attr.add(name=peer, uint32_val=(number + offset) % 8)
            yield node


def framework() -> Iterator[Node]:
    """Calls and kernels, as PyTorch's converter writes them: text about tensors, both kinds of dependencies."""
    start = schema.Node(id=1, name="## process_group:init ##", type=schema.METADATA_NODE)
    start.inputs.values = '["[{\\"pg_name\\": \\"0\\", \\"ranks\\": [0, 1], \\"group_size\\": 2}]"]'
    yield start
    for number in range(2, 80, 2):
        call = schema.Node(
            id=number, name="aten::mm", type=schema.COMP_NODE, ctrl_deps=[1], data_deps=[max(1, number - 2)]
        )
        call.start_time_micros, call.duration_micros = 1711054463000000 + number, 5
        call.inputs.values, call.inputs.shapes = "[[23, 6, 0, 64, 4, 'cuda:0']]", "[[4, 16]]"
        call.attr.add(name="rf_id", int64_val=number)
        call.attr.add(name="fw_parent", int64_val=0)
        call.attr.add(name="op_schema", string_val="aten::mm(Tensor self, Tensor mat2) -> Tensor")
        call.attr.add(name="is_cpu_op", bool_val=True)
        yield call
        kernel = schema.Node(id=number + 1, name="ncclKernel", type=schema.COMM_COLL_NODE, data_deps=[number])
        kernel.duration_micros = number
        kernel.attr.add(name="is_cpu_op", bool_val=False)
        kernel.attr.add(name="stream", int64_val=7)
        kernel.attr.add(name="comm_type", int64_val=schema.ALL_REDUCE)
        kernel.attr.add(name="comm_size", int64_val=number << 12)
        kernel.attr.add(name="pg_name", string_val="0")
        yield kernel


def jsonized(path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Node]:
    """What mlc-chakra's jsonizer makes of a file."""
    output = path.with_suffix(".json")
    monkeypatch.setattr(
        sys, "argv", ["chakra_jsonizer", "--input_filename", str(path), "--output_filename", str(output)]
    )
    jsonizer.main()
    text, place, found = output.read_text(encoding="utf-8"), 0, []
    while place < len(text):
        content, place = json.JSONDecoder().raw_decode(text, place)
        found.append(content)
    return [ParseDict(content, schema.Node()) for content in found[1:]]


def attributes(node: Node) -> dict[str, Any]:
    """A node's attributes by name."""
    return {attribute.name: getattr(attribute, attribute.WhichOneof("value")) for attribute in node.attr}


@pytest.mark.parametrize("shape", [microbenchmark, layers, exchange, framework])
@pytest.mark.parametrize("version", ["0.0.4", "1.0.2-chakra.0.0.4", ""])
def test_nodes_edges_sizes_and_durations_are_those_of_the_jsonizer(
    shape: Callable[[], Iterator[Node]], version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Public traces of these shapes were compared alike: 303 files of three projects, in both generations."""
    metadata = schema.GlobalMetadata()
    if "chakra" in version:
        metadata.attr.add(name="schema", string_val=version)
    else:
        metadata.version = version
    path = tmp_path / "t.0.et"
    path.write_bytes(delimited(*(message.SerializeToString() for message in (metadata, *shape()))))
    theirs = jsonized(path, monkeypatch)
    ours = json.loads(shown(path, "json", 1))["nodes"]
    assert len(ours) == len(theirs) > 0
    for mine, node in zip(ours, theirs, strict=True):
        said = attributes(node)
        assert (mine["id"], mine["name"], mine["type"]) == (node.id, node.name, schema.NodeType.Name(node.type))
        assert (mine["ctrl_deps"], mine["data_deps"]) == (list(node.ctrl_deps), list(node.data_deps))
        assert mine["duration_ns"] == node.duration_micros * 1000
        assert {name: mine.get(name) for name in INTEGERS} == {name: said.get(name) for name in INTEGERS}
        assert mine.get("pg_name") == said.get("pg_name")
        assert mine["is_cpu_op"] == said.get("is_cpu_op", False)
        kind = said.get("comm_type")
        assert mine.get("comm_type") == (None if kind is None else schema.CollectiveCommType.Name(kind))
