"""How fast Chakra traces are read and made into a graph.

Run with ``python benchmarks/traces.py``; ``--bars`` fails if a promised time is not kept, ``--megabytes`` chooses the
size of the trace. Times are of the processor, which others do not disturb as much. The trace is made first: compute,
collectives and sends with the attributes and the text that PyTorch's converter writes for each node, in the proportions
of a training step.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

from chakra.schema.protobuf import et_def_pb2 as schema
from versim_astrasim.chakra.alike import read_alike
from versim_astrasim.chakra.framing import write_message
from versim_astrasim.chakra.reader import read_file
from versim_astrasim.importing.options import ImportOptions
from versim_astrasim.importing.producer import ChakraProducer

READ_BAR_S = 20.0
"""Promised for 100 MB, in time of the processor."""

SHARED_BAR = 4.0
"""How many times as fast ranks that share nearly everything are read together."""

_SHAPES = "[[[4096, 1024]], [[1024, 4096]], [], [], []]"
_TYPES = "['Tensor(c10::BFloat16)', 'Tensor(c10::BFloat16)', 'Int', 'Int', 'Bool']"


def write_ranks(folder: Path, megabytes: int, *, text: bool) -> None:
    """Two ranks, the first of the given size."""
    for rank in range(2):
        written, number = 0, 0
        with (folder / f"step.{rank}.et").open("wb") as stream:
            write_message(stream, schema.GlobalMetadata(version="0.0.4").SerializeToString())
            while written < megabytes * 1_000_000 / 2:
                node = schema.Node(id=number, name=f"layer {number % 64}", duration_micros=10 + number % 97)
                node.type = schema.COMM_COLL_NODE if number % 5 == 4 else schema.COMP_NODE
                if number:
                    node.ctrl_deps.append(number - 1)
                if text:
                    node.inputs.shapes = node.outputs.shapes = _SHAPES
                    node.inputs.types = node.outputs.types = _TYPES
                    node.inputs.values = node.outputs.values = (
                        f"[[{number}, {number}, 0, 4194304, 2, 'cuda:0'], '<None>']"
                    )
                node.attr.add(name="is_cpu_op", bool_val=False)
                if node.type == schema.COMM_COLL_NODE:
                    node.attr.add(name="comm_type", int64_val=schema.ALL_REDUCE)
                    node.attr.add(name="comm_size", int64_val=1 << 20)
                else:
                    node.attr.add(name="num_ops", int64_val=1_000_000 + number)
                    node.attr.add(name="tensor_size", int64_val=4096)
                content = node.SerializeToString()
                write_message(stream, content)
                written += len(content)
                number += 1


def main() -> int:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bars", action="store_true", help="fail if a promised time is not kept")
    parser.add_argument("--megabytes", type=int, default=100)
    options = parser.parse_args()
    kept = True
    for label, text in (("nodes with PyTorch's text", True), ("bare nodes", False)):
        with tempfile.TemporaryDirectory() as folder:
            write_ranks(Path(folder), options.megabytes, text=text)
            files = sorted(Path(folder).iterdir())
            megabytes = sum(file.stat().st_size for file in files) / 1e6
            begin = time.process_time()
            nodes = sum(len(read_file(file).trace) for file in files)
            read_s = time.process_time() - begin
            begin = time.process_time()
            ChakraProducer().produce(ImportOptions(path=folder))
            graph_s = time.process_time() - begin
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        kept &= read_s < READ_BAR_S * options.megabytes / 100
        print(
            f"{label}: {megabytes:.0f} MB, {nodes} nodes: read in {read_s:.1f} s, read and made a graph in "
            f"{graph_s:.1f} s; largest memory so far {memory:.0f} MiB"
        )
    kept &= _shared()
    return int(options.bars and not kept)


def _shared() -> bool:
    """Ranks that differ in one node of a thousand, read one by one and together; whether the promised ratio is kept."""
    with tempfile.TemporaryDirectory() as folder:
        for rank in range(64):
            with (Path(folder) / f"step.{rank}.et").open("wb") as stream:
                write_message(stream, schema.GlobalMetadata(version="0.0.4").SerializeToString())
                for number in range(1000):
                    node = schema.Node(id=number, name=f"layer {number % 64}", duration_micros=10 + number % 97)
                    node.type = schema.COMP_NODE
                    node.ctrl_deps.extend([number - 1] if number else [])
                    node.attr.add(name="is_cpu_op", bool_val=False)
                    node.attr.add(name="num_ops", int64_val=number or rank)
                    write_message(stream, node.SerializeToString())
        paths = sorted(Path(folder).iterdir())
        begin = time.process_time()
        for path in paths:
            read_file(path)
        alone_s = time.process_time() - begin
        begin = time.process_time()
        read_alike(paths)
        together_s = time.process_time() - begin
    print(
        f"64 ranks that differ in one node of 1000: read one by one {alone_s:.2f} s, together {together_s:.2f} s, "
        f"{alone_s / together_s:.1f} times as fast"
    )
    return alone_s > SHARED_BAR * together_s


if __name__ == "__main__":
    sys.exit(main())
