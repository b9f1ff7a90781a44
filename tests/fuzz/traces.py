"""Damaged and hostile traces: no crash, no hang, no unbounded memory.

Run with ``python tests/fuzz/traces.py --inputs 20000 --seed 1``; the suite tries 500. Every input is read, made into a
graph together with a sound rank, and checked as by ``versim lint``. Whatever is wrong with it has to be said as an
error of versim, in bounded time. A failing input is written to the folder for temporary files, and its number printed.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

from chakra.schema.protobuf import et_def_pb2 as schema
from versim import VersimError
from versim_astrasim.chakra.elided_nodes import restored
from versim_astrasim.chakra.framing import varint
from versim_astrasim.chakra.reader import read_file
from versim_astrasim.engine import groups_from_mapping
from versim_astrasim.importing.build import Choices, build
from versim_astrasim.importing.communicators import Communicators
from versim_astrasim.importing.ranks import RankNodes
from versim_astrasim.lint.check import check
from versim_astrasim.lint.step import Step

LONGEST_S = 10.0
"""For one input, on a loaded machine; usual are milliseconds."""

MOST_MEMORY_MIB = 1500


def delimited(*contents: bytes) -> bytes:
    """Messages with their lengths."""
    return b"".join(varint(len(content)) + content for content in contents)


def listed() -> bytes:
    """A rank's trace of version 0.0.4 with a bit of everything."""
    nodes = [schema.Node(id=number, name=f"node {number}", duration_micros=number) for number in range(12)]
    kinds = [schema.COMP_NODE, schema.COMM_COLL_NODE, schema.COMP_NODE, schema.COMM_SEND_NODE]
    for number, node in enumerate(nodes):
        node.type = kinds[number % 4]
        if number:
            node.ctrl_deps.append(number - 1)
        node.attr.add(name="is_cpu_op", bool_val=False)
        if node.type == schema.COMM_COLL_NODE:
            node.attr.add(name="comm_type", int64_val=number % 3)
            node.attr.add(name="comm_size", uint64_val=1 << 20)
            node.attr.add(name="pg_name", string_val=str(number % 2))
            node.attr.add(name="involved_dim", bool_list=schema.BoolList(values=[True, False]))
        if node.type == schema.COMM_SEND_NODE:
            for name, value in (("comm_dst", 1), ("comm_tag", number), ("comm_size", 64)):
                node.attr.add(name=name, int32_val=value)
    start = schema.Node(id=99, name="## process_group:init ##", type=schema.METADATA_NODE)
    start.inputs.values = str([json.dumps([{"pg_name": "1", "ranks": [0, 1]}])])
    contents = [schema.GlobalMetadata(version="0.0.4"), start, *nodes]
    return delimited(*(content.SerializeToString() for content in contents))


def labelled() -> bytes:
    """A rank's trace of versim, with a node that was left out; without metadata."""
    nodes = [schema.Node(id=number, name="w", type=schema.COMP_NODE, duration_micros=3) for number in (1, 2, 5)]
    nodes[1].ctrl_deps.append(1)
    left_out = schema.Node(id=0, name="nothing", type=schema.COMP_NODE).SerializeToString()
    nodes[0].attr.add(name="versim.left_out", bytes_list=schema.BytesList(values=[left_out]))
    nodes[0].attr.add(name="versim.waits", uint64_list=schema.Uint64List(values=[0]))
    nodes[2].attr.add(name="versim.compute_ns", int64_val=3456)
    return delimited(*(node.SerializeToString() for node in nodes))


def fielded() -> bytes:
    """A rank's trace of version 0.0.1."""
    nodes = []
    for number in range(8):
        fields = {1: number, 3: 3 if number % 2 else 6, 4: max(number - 1, 0), 7: 5, 13: 1, 14: 1, 18: 1 << 20}
        nodes.append(b"".join(varint(field << 3) + varint(value) for field, value in fields.items()))
    return delimited(*nodes)


def damaged(source: random.Random, seeds: list[bytes]) -> bytes:
    """One input."""
    content = bytearray(source.choice(seeds))
    for _ in range(source.choice((1, 1, 2, 4, 16))):
        how, at = source.randrange(8), source.randrange(len(content) + 1)
        if how <= 2 and content:
            content[at % len(content)] ^= 1 << source.randrange(8)
        elif how == 3:
            del content[at:]
        elif how == 4:
            content[at:at] = source.randbytes(source.randrange(1, 20))
        elif how == 5:
            del content[at : at + source.randrange(1, 30)]
        elif how == 6:
            content[at:at] = varint(source.choice((2**60, 2**32, 2**31 - 1, 2**63, 2**64 - 1, 0)))
        else:
            other = source.choice(seeds)
            begin = source.randrange(len(other))
            content[at:at] = other[begin : begin + source.randrange(200)]
    return bytes(content) if source.random() > 0.02 else source.randbytes(source.randrange(400))


def tried(content: bytes) -> bool:
    """Everything a trace goes through; whether it was read at all. Raises what is no error of versim."""
    try:
        file = read_file(io.BytesIO(content), "fuzz")
    except VersimError as error:
        if not str(error):
            raise AssertionError("an error has to say something") from error
        return False
    sound = read_file(io.BytesIO(listed()))
    for ranks in ([file, sound], [sound, file]):
        try:
            nodes = [RankNodes(rank, restored(each, "fuzz"), "fuzz") for rank, each in enumerate(ranks)]
            build(nodes, Communicators(file.groups, (), 2), Choices(memory_nodes="recorded"), "fuzz")
        except VersimError:
            pass
        check(Step.of([each.trace for each in ranks], groups=groups_from_mapping({"1": [0, 1]})))
    return True


def run(inputs: int, seed: int) -> dict[str, float]:
    """Try inputs; figures about them.

    Raises:
        Exception: Whatever an input brought about, after it was written to a file.
    """
    source = random.Random(seed)
    seeds = [listed(), labelled(), fielded(), delimited(b"", *[b"\x08\x01"] * 3)]
    read = 0
    slowest_s = 0.0
    for number in range(inputs):
        content = damaged(source, seeds)
        begin = time.process_time()
        try:
            read += tried(content)
        except BaseException:
            path = Path(tempfile.gettempdir()) / f"fuzz-{seed}-{number}.et"
            path.write_bytes(content)
            sys.stderr.write(f"input {number} of seed {seed} is in {path}\n")
            raise
        lasted_s = time.process_time() - begin
        slowest_s = max(slowest_s, lasted_s)
        if lasted_s > LONGEST_S:
            raise AssertionError(f"input {number} of seed {seed} took {lasted_s:.1f} s")
    memory_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if memory_mib > MOST_MEMORY_MIB:
        raise AssertionError(f"memory grew to {memory_mib:.0f} MiB")
    return {"inputs": inputs, "read": read, "slowest_s": round(slowest_s, 3), "memory_mib": round(memory_mib)}


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    sys.stdout.write(f"{run(options.inputs, options.seed)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
