"""Linked traces in the shape that PyTorch 2.13 and mlc-chakra's linker give them, with work on a GPU."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_TAIL = ("Int", "String", "GenericList[]", "GenericList[]", "Int", "Int", "Int", "Bool")
_NOTHING: Mapping[str, list[Any]] = {"values": [], "shapes": [], "types": []}
_PROCESS, _THREAD = 1, 2


class Linked:
    """One rank's linked trace, built call by call.

    Args:
        groups: Ranks of the process groups by name; none are all ranks.
    """

    def __init__(self, groups: Mapping[str, Sequence[int]] | None = None) -> None:
        self._nodes: list[dict[str, Any]] = []
        self._kernels: list[dict[str, Any]] = []
        self._time_us = 0.0
        self._node("[pytorch|profiler|execution_trace|process]", 1)
        self._node("[pytorch|profiler|execution_trace|thread]", _PROCESS)
        if groups is not None:
            described = [{"pg_name": name, "ranks": list(ranks)} for name, ranks in groups.items()]
            inputs = {"values": [json.dumps(described)], "shapes": [[]], "types": ["String"]}
            self._node("## process_group:init ##", _THREAD, inputs=inputs)

    def _node(self, name: str, parent: int, more: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        given = dict.fromkeys(("rf_id", "fw_parent", "seq_id", "scope", "tid", "fw_tid"), 0)
        attributes = {**given, "op_schema": "", **(more or {})}
        self._time_us += 10
        node = {
            "id": len(self._nodes) + 1,
            "name": name,
            "ctrl_deps": parent,
            "inputs": _NOTHING,
            "outputs": _NOTHING,
            "attrs": [{"name": key, "type": "", "value": value} for key, value in attributes.items()],
            **({} if name.startswith(("[", "##")) else {"inclusive_dur": 9, "exclusive_dur": 4, "ts": self._time_us}),
            **fields,
        }
        self._nodes.append(node)
        return node

    def call(
        self, name: str, kernel: str = "", *, stream: int = 7, us: float = 5, host_us: float = 4
    ) -> dict[str, Any]:
        """A call, and the kernel it launches; returns the call, or the kernel if there is one."""
        node = self._node(name, _THREAD, exclusive_dur=host_us)
        return self._launched(node, kernel, stream, us) if kernel else node

    def communication(
        self,
        name: str,
        kernel: str,
        *,
        elements: int = 0,
        group: str = "0",
        peer: int = 0,
        parts: Sequence[int] = (),
    ) -> dict[str, Any]:
        """A communication by NCCL as ``record_param_comms`` describes it; without a kernel's name, without a kernel."""
        above = self._node(f"c10d::{name}_", _THREAD)
        tensors = [[7, 7, 0, elements, 4, "cuda:0"]]
        values: list[Any] = [[1, False], [group, "a group"], peer, name, list(parts), [], 0, 1, 2, True]
        types = ["Tuple[Int,Bool]", "Tuple[String,String]", *_TAIL]
        if elements:
            values, types = [tensors, *values], ["GenericList[Tensor(float)]", *types]
        inputs = {"values": values, "shapes": [[]] * len(values), "types": types}
        node = self._node("record_param_comms", above["id"], {"collective_name": name, "pg_name": group}, inputs=inputs)
        return self._launched(node, f"ncclDevKernel_{kernel}(ncclDevKernelArgs)", 20, 40) if kernel else node

    def _launched(self, node: Mapping[str, Any], name: str, stream: int, us: float) -> dict[str, Any]:
        """The linker's kernel: a copy of the call under its own name, after all calls in the order of ids."""
        times = {"inclusive_dur": us, "exclusive_dur": us, "ts": self._time_us + 3}
        kernel = {**node, "ctrl_deps": node["id"], "name": name, "cat": "kernel", "stream": stream, **times}
        self._kernels.append(kernel)
        return kernel

    def content(self) -> dict[str, Any]:
        """The trace; ids of kernels are given here."""
        for place, kernel in enumerate(self._kernels):
            kernel["id"] = len(self._nodes) + 1 + place
        return {
            "schema": "1.1.1-chakra.0.0.4",
            "pid": 1,
            "time": "2026-01-01 00:00:00",
            "start_ts": 1,
            "finish_ts": 9,
            "nodes": [*self._nodes, *self._kernels],
        }


def written(folder: Path, ranks: Sequence[Linked]) -> list[Path]:
    """The files of some ranks."""
    paths = [folder / f"linked.{rank}.json" for rank in range(len(ranks))]
    for path, rank in zip(paths, ranks, strict=True):
        path.write_text(json.dumps(rank.content()), encoding="utf-8")
    return paths
