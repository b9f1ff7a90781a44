"""One rank's trace as text: a list, counts, JSON, Graphviz text, or a drawing."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from versim import VersimError

from versim_astrasim.chakra.reader import TraceFile, read_file
from versim_astrasim.engine.trace import COLL, COMM_TYPES, INTEGER_ATTRIBUTES, MISSING, NODE_TYPES

_TYPES = {number: name for name, number in NODE_TYPES.items()}
_COLLECTIVES = {number: name for name, number in COMM_TYPES.items()}
_COLOURS = {"COMP_NODE": "lightblue", "COMM_SEND_NODE": "orange", "COMM_RECV_NODE": "gold", "COMM_COLL_NODE": "salmon"}
_DRAWING_LIMIT_S = 120


class DrawingError(VersimError):
    """Graphviz is not there, or does not draw."""


def shown(path: Path, form: str, limit: int) -> str:
    """A trace file as text.

    Args:
        path: The file.
        form: ``list``, ``count``, ``json``, ``dot`` or ``svg``.
        limit: Most nodes to list or draw; the rest is counted.

    Raises:
        TraceFormatError: The file is no trace.
        DrawingError: There is no ``dot``, or it fails.
    """
    if path.is_dir():
        raise VersimError(f"{path} is a folder; name the file of one rank in it, e.g. {path / 'NAME.0.et'}")
    file = read_file(path)
    if form == "count":
        return _counts(file)
    if form == "json":
        return json.dumps({"version": file.version, "nodes": list(_nodes(file, None))}, indent=1) + "\n"
    if form == "dot":
        return _graphviz(file, limit)
    if form == "svg":
        return _drawn(_graphviz(file, limit))
    return "".join(_lines(file, limit))


def _nodes(file: TraceFile, limit: int | None) -> Iterator[dict[str, Any]]:
    trace = file.trace
    for index in range(len(trace) if limit is None else min(limit, len(trace))):
        node: dict[str, Any] = {
            "id": int(trace.node_id[index]) % 2**64,
            "name": trace.names[index] if trace.names else "",
            "type": _TYPES[int(trace.node_type[index])],
            "ctrl_deps": _ids(trace.ctrl_deps[trace.ctrl_offsets[index] : trace.ctrl_offsets[index + 1]]),
            "data_deps": _ids(trace.data_deps[trace.data_offsets[index] : trace.data_offsets[index + 1]]),
            "duration_ns": int(file.duration_ns[index]),
            "is_cpu_op": bool(trace.is_cpu_op[index]),
        }
        for name in INTEGER_ATTRIBUTES:
            value = int(getattr(trace, name)[index])
            if value != MISSING:
                node[name] = _COLLECTIVES.get(value, value) if name == "comm_type" else value
        if index in trace.pg_name:
            node["pg_name"] = trace.pg_name[index]
        if index in trace.involved_dim:
            node["involved_dim"] = list(trace.involved_dim[index])
        yield node


def _ids(deps: Any) -> list[int]:
    return [dep % 2**64 for dep in deps.tolist()]


def _counts(file: TraceFile) -> str:
    trace = file.trace
    kinds = Counter(
        _TYPES[kind] if kind != COLL else f"{_TYPES[kind]} {_COLLECTIVES.get(which, '?')}"
        for kind, which in zip(trace.node_type.tolist(), trace.comm_type.tolist(), strict=True)
    )
    sizes = [size % 2**64 for size in trace.comm_size.tolist() if size != MISSING]
    rows = [
        ("schema version", file.version or f"not said, read as {file.generation.value}"),
        ("nodes", f"{len(trace):,}"),
        ("dependencies", f"{len(trace.ctrl_deps) + len(trace.data_deps):,}"),
        *((f"  {kind}", f"{count:,}") for kind, count in sorted(kinds.items())),
        ("on the CPU", f"{int((trace.is_cpu_op != 0).sum()):,}"),
        ("recorded time", f"{sum(file.duration_ns.tolist()) / 1e9:.6f} s"),
        ("communication", f"{sum(sizes):,} bytes in {len(sizes):,} nodes"),
        ("groups named", ", ".join(sorted(set(trace.pg_name.values()))[:20]) or "none"),
    ]
    return "".join(f"{label:<32} {value}\n" for label, value in rows)


def _lines(file: TraceFile, limit: int) -> Iterator[str]:
    for node in _nodes(file, limit):
        waits = [*node.pop("ctrl_deps"), *node.pop("data_deps")]
        head = f"{node.pop('id'):>8}  {node.pop('type'):<15} {_printable(node.pop('name'))}"
        duration, on_cpu = node.pop("duration_ns"), node.pop("is_cpu_op")
        rest = (
            [f"{duration} ns"] * bool(duration) + ["CPU"] * on_cpu + [f"{name}={value}" for name, value in node.items()]
        )
        after = f" after {', '.join(map(str, waits[:8]))}{' …' if len(waits) > 8 else ''}" if waits else ""
        yield f"{head} [{' '.join(_printable(part) for part in rest)}]{after}\n"
    if len(file.trace) > limit:
        yield f"… and {len(file.trace) - limit:,} more nodes; --limit shows more\n"


def _printable(text: str) -> str:
    """Names come from other people: no control characters reach a terminal."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _graphviz(file: TraceFile, limit: int) -> str:
    lines = ["digraph trace {", "  rankdir=LR;", '  node [shape=box, style=filled, fillcolor=white, fontname="sans"];']
    drawn: set[int] = set()
    edges: list[str] = []
    for node in _nodes(file, limit):
        drawn.add(node["id"])
        label = f"{node['id']} {node['name']}\n{node['type'].removesuffix('_NODE')}"
        label += f" {node['comm_type']}" if "comm_type" in node else ""
        label += f"\n{node['comm_size']} bytes" if "comm_size" in node else ""
        label += f"\n{node['duration_ns']} ns" if node["duration_ns"] else ""
        colour = _COLOURS.get(node["type"], "white")
        lines.append(f'  "{node["id"]}" [label={_quoted(label)}, fillcolor={colour}];')
        edges += [f'  "{dep}" -> "{node["id"]}";' for dep in node["ctrl_deps"]]
        edges += [f'  "{dep}" -> "{node["id"]}" [style=dashed];' for dep in node["data_deps"]]
    if len(file.trace) > limit:
        lines.append(f"  // {len(file.trace) - limit} more nodes are left out")
    return "\n".join([*lines, *edges, "}"]) + "\n"


def _quoted(label: str) -> str:
    safe = "\\n".join(_printable(line).replace("\\", "\\\\").replace('"', '\\"') for line in label.split("\n"))
    return f'"{safe}"'


def _drawn(text: str) -> str:
    dot = shutil.which("dot")
    if dot is None:
        raise DrawingError("a drawing needs Graphviz's program dot, which is not on the path; -f dot writes its input")
    try:
        done = subprocess.run(  # noqa: S603 - a list, no shell
            [dot, "-Tsvg"], input=text, capture_output=True, text=True, timeout=_DRAWING_LIMIT_S, check=True
        )
    except subprocess.TimeoutExpired as error:
        raise DrawingError(f"dot did not draw within {_DRAWING_LIMIT_S} s; use a smaller --limit") from error
    except (OSError, subprocess.CalledProcessError) as error:
        raise DrawingError(f"dot failed: {error}") from error
    return done.stdout
