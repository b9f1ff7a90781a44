"""The network timing ``silicon``: NCCL as it was measured within one node, and nothing else.

Linear in size between measured sizes, by exact GPU, version of NCCL, kind and number of ranks. What was not measured is
declined: other numbers of ranks, groups that leave the innermost dimension, broadcasts and messages between two ranks,
a given algorithm, links that are not this GPU's, sizes outside of what was measured.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import Kind, Message, Origin, Source, System, VersimError

from versim_silicon.gpus import GPUS, gpu_of
from versim_silicon.store import tables_of
from versim_silicon.tables import Table

NAME = "silicon"

MEASURED_KINDS = (Kind.ALL_REDUCE, Kind.ALL_GATHER, Kind.REDUCE_SCATTER, Kind.ALL_TO_ALL)

OTHER_LINKS = 1.34
"""Links whose bandwidth is off the data sheet's by more than this factor are another machine's."""


@attrs.frozen
class MeasuredNetwork:
    """Seconds of NCCL's collectives within a node.

    Attributes:
        nccl_version: Whose measurements; "" for the newest of each GPU.
        collector: Whose file; NCCL's figures are the same in each.
        folder: Where imported measurements are; None for the bundled excerpt (of other collectors, the user's folder).
    """

    nccl_version: str
    collector: str
    folder: Path | None = None

    def times_s(self, messages: Sequence[Message], system: System) -> NDArray[np.float64]:
        """Seconds of each message, NaN where it was not measured; shape (messages,)."""
        return np.array([time_s for time_s, _ in self._answers(messages, system)], dtype=np.float64)

    def origins(self, messages: Sequence[Message], system: System) -> list[Origin]:
        """Where each message's seconds come from; of a declined one, why."""
        return [origin for _, origin in self._answers(messages, system)]

    def _answers(self, messages: Sequence[Message], system: System) -> list[tuple[float, Origin]]:
        gpu = gpu_of(system.device.name)
        if gpu is None:
            return [_declined(f"nothing was measured on {system.device.name}")] * len(messages)
        tables = tables_of(gpu, self.collector, self.folder)
        version = self.nccl_version or newest(tables)
        if f"collective/{version}/all_reduce" not in tables:
            raise VersimError(f"{gpu} was not measured with NCCL {version}; known: {', '.join(versions(tables))}")
        return [self._answer(gpu, version, tables, message, system) for message in messages]

    def _answer(
        self, gpu: str, version: str, tables: Mapping[str, Table], message: Message, system: System
    ) -> tuple[float, Origin]:
        why = _outside(gpu, message, system)
        table = tables.get(f"collective/{version}/{message.kind}")
        if why or table is None:
            return _declined(why or f"{message.kind} was not measured")
        ranks, sizes = table.axes["ranks"], table.axes["size_bytes"]
        row = np.flatnonzero(ranks == message.participants)
        if not len(row):
            counts = ", ".join(f"{count:g}" for count in ranks)
            return _declined(f"{message.participants} ranks were not measured on {gpu}, only {counts}")
        times_s = table.times_s[row[0]]
        size = float(message.size_bytes)
        if not sizes[0] <= size <= sizes[-1]:
            return _declined(f"sizes outside of {sizes[0]:g} to {sizes[-1]:g} bytes were not measured")
        time_s = float(np.interp(size, sizes, times_s))
        source = Source.MEASURED if size in sizes else Source.INTERPOLATED
        return time_s, Origin(source, NAME, f"{message.kind} of {message.participants} on {gpu}, NCCL {version}")


def versions(tables: Mapping[str, Table]) -> list[str]:
    """Versions of NCCL that were measured, the oldest first."""
    found = {name.split("/")[1] for name in tables if name.startswith("collective/")}
    return sorted(found, key=lambda version: [int(number) for number in re.findall(r"\d+", version)])


def newest(tables: Mapping[str, Table]) -> str:
    """The newest version of NCCL that was measured; "" if none was."""
    return ["", *versions(tables)][-1]


def _declined(why: str) -> tuple[float, Origin]:
    return float("nan"), Origin(Source.MODELLED, NAME, f"declined: {why}")


def _outside(gpu: str, message: Message, system: System) -> str:
    """Why a message is nothing that was measured; "" if it may be."""
    if message.kind not in MEASURED_KINDS:
        return f"{message.kind} was not measured"
    if message.algorithm:
        return f"NCCL chose the algorithm when it was measured, the graph asks for {message.algorithm}"
    node = system.dimensions[0]
    if message.ranks:
        levels = system.fabric.spread(message.ranks).levels
        if any(level.dimension for level in levels):
            return "groups that leave the node were not measured"
        if system.fabric.touched([message.ranks])[0]:
            return "degraded links were not measured"
    elif message.participants > node.size:
        return "groups that leave the node were not measured"
    rate, sheet = node.rate_bytes_per_s(max(1, node.size - 1)), GPUS[gpu].link_bytes_per_s
    if not sheet / OTHER_LINKS <= rate <= sheet * OTHER_LINKS:
        return f"it was measured with {sheet / 1e9:g} GB/s out of each GPU, here it is {rate / 1e9:g}"
    return ""
