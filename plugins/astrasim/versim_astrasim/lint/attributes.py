"""Attributes of single nodes: missing, of the wrong type, or such that the program does something else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from versim import Finding

from versim_astrasim.engine.trace import (
    COLL,
    COMM_TYPES,
    COMP,
    MEM_LOAD,
    MEM_STORE,
    METADATA,
    MISSING,
    RECV,
    SEND,
)
from versim_astrasim.lint.messages import HUGE
from versim_astrasim.lint.rules import finding
from versim_astrasim.lint.step import CARRIED_OUT, COMM_TYPE_NAMES, Program, Step, any_of

_COMMUNICATION = (COLL, SEND, RECV)
_MEMORY = (MEM_LOAD, MEM_STORE)
_READ = {
    COLL: {"comm_type", "comm_size", "comm_priority", "pg_name", "involved_dim"},
    SEND: {"comm_size", "comm_tag", "comm_dst", "comm_src"},
    RECV: {"comm_size", "comm_tag", "comm_dst", "comm_src"},
    MEM_LOAD: {"tensor_size"},
    MEM_STORE: {"tensor_size"},
    COMP: {"num_ops", "tensor_size"},
}
_NEEDED = {
    COLL: ("comm_type", "comm_size"),
    SEND: ("comm_dst", "comm_tag", "comm_size"),
    RECV: ("comm_src", "comm_tag", "comm_size"),
    MEM_LOAD: ("tensor_size",),
    MEM_STORE: ("tensor_size",),
}
_MOST_TAG = 500_000_000
_NS_PER_MICRO = 1000
_MOST_MICROS = (2**64 - 1) // _NS_PER_MICRO
"""Longer durations wrap around in nanoseconds."""


def check(step: Step) -> Iterator[Finding]:
    """Findings of every distinct program."""
    roofline = step.system is not None and step.system.roofline_enabled
    replays = step.system is not None and step.system.replay_only
    untimed = step.system is not None and not roofline and not replays
    for rank, program in step.distinct():
        malformed = _malformed(program)
        for position in _suspects(program, malformed, roofline=roofline, replays=replays):
            kind, node = program.types[position], program.ids[position]
            for rule, message in _of(
                program,
                position,
                kind,
                malformed.get(position, {}),
                roofline=roofline,
                replays=replays,
                said_untimed=untimed,
            ):
                yield finding(rule, f"{program.name(position)} {message}", rank, node)
        yield from _classes(step, rank, program, untimed=untimed)


def _malformed(program: Program) -> dict[int, dict[str, str]]:
    """Attributes of the wrong type by position and name."""
    found: dict[int, dict[str, str]] = {}
    position_of = {row: position for position, row in enumerate(program.row)} if program.trace.malformed else {}
    for (index, name), reason in program.trace.malformed.items():
        if index in position_of:
            found.setdefault(position_of[index], {})[name] = reason
    return found


def _suspects(program: Program, malformed: Mapping[int, object], *, roofline: bool, replays: bool) -> Iterable[int]:
    """Positions that a rule may apply to, out of possibly millions."""
    kind, on_cpu = program.column("node_type"), program.column("is_cpu_op") != 0
    suspect = kind == METADATA
    suspect[list(malformed)] = True
    suspect |= _overflows(program)
    if not replays:
        timed = (kind == COMP) & ~on_cpu & roofline
        suspect |= (kind == COMP) & ~timed & (program.column("duration_micros") == 0)
        suspect |= any_of(kind, _COMMUNICATION) & on_cpu
        for needing, names in ((timed, ("num_ops", "tensor_size")), *((kind == k, _NEEDED[k]) for k in _NEEDED)):
            for name in names:
                suspect |= needing & (program.column(name) == MISSING)
        # A size of 2^63 or more is negative here, and so are tags beyond it.
        suspect |= any_of(kind, _COMMUNICATION) & (program.column("comm_size") <= 0)
        suspect |= any_of(kind, _MEMORY) & (program.column("tensor_size") < 0)
        suspect |= timed & ((program.column("num_ops") <= 0) | (program.column("tensor_size") < 0))
        tag = program.column("comm_tag")
        suspect |= any_of(kind, (SEND, RECV)) & ((tag < 0) | (tag >= _MOST_TAG))
        suspect |= (kind == COLL) & ~any_of(program.column("comm_type"), CARRIED_OUT)
        odd = {name for name in set(program.trace.pg_name.values()) if not _plain(name)}
        if odd:
            named = np.zeros(len(program.trace), dtype=bool)
            named[[index for index, name in program.trace.pg_name.items() if name in odd]] = True
            suspect |= (kind == COLL) & named[program.row]
    positions: list[int] = np.flatnonzero(suspect).tolist()
    return positions


def _of(
    program: Program,
    position: int,
    kind: int,
    malformed: Mapping[str, str],
    *,
    roofline: bool,
    replays: bool,
    said_untimed: bool,
) -> Iterator[tuple[str, str]]:
    on_cpu = program.on_cpu(position)
    if kind == METADATA:
        yield "metadata-node", "makes the program abort"
        return
    if "is_cpu_op" in malformed:
        yield "attribute-type", f"has the wrong type of attribute: {malformed['is_cpu_op']}"
    timed = kind == COMP and roofline and not on_cpu
    broadcast = kind == COLL and program.value("comm_type", position) == COMM_TYPES["BROADCAST"]
    if replays or broadcast or (kind == COMP and not timed):
        micros = program.value("duration_micros", position) % 2**64
        if micros > _MOST_MICROS:
            wrapped = micros * _NS_PER_MICRO % 2**64
            yield (
                "duration-overflow",
                f"has a duration of {micros} µs, whose nanoseconds wrap around 2^64: the program runs it for "
                f"{wrapped} ns" + ("" if wrapped else ", and aborts if that is at the very start"),
            )
    if replays:
        return
    if kind in _COMMUNICATION and on_cpu:
        yield "cpu-communication", "is communication with is_cpu_op, an error in the program"
        return
    if kind == COMP and not timed:
        if program.value("duration_micros", position) == 0 and not (said_untimed and _has_work(program, position)):
            yield "zero-duration", "has no duration; it runs for 1 ns"
        return
    read = _READ.get(kind, set())
    for name, reason in malformed.items():
        if name in read:
            yield "attribute-type", f"has the wrong type of attribute: {reason}"
    for name in ("num_ops", "tensor_size") if timed else _NEEDED.get(kind, ()):
        if program.value(name, position) == MISSING and name not in malformed:
            yield "missing-attribute", f"has no {name}"
    if timed:
        yield from _work(program, position)
    elif kind in _MEMORY:
        size = program.unsigned("tensor_size", position)
        if size is not None and size >= HUGE:
            yield "huge-value", f"has a tensor_size of {_spelt(size)} bytes"
    elif kind == COLL:
        yield from _collective(program, position)
    elif kind in (SEND, RECV):
        size, tag = program.unsigned("comm_size", position), program.unsigned("comm_tag", position)
        if size == 0:
            yield "zero-size", "has a comm_size of 0, on which the program aborts"
        elif size is not None and size >= HUGE:
            yield "huge-value", f"has a comm_size of {_spelt(size)} bytes"
        if tag is not None and tag >= _MOST_TAG:
            yield "tag-range", f"has tag {tag}, which the program takes modulo {_MOST_TAG}"


def _plain(name: str) -> bool:
    """Whether a group's name is a number as one writes it."""
    return len(name) < 11 and name.isascii() and name.isdecimal() and str(int(name)) == name


def _overflows(program: Program) -> NDArray[np.bool_]:
    micros = program.column("duration_micros").view(np.uint64)
    return np.asarray(micros > np.uint64(_MOST_MICROS))


def _spelt(size: int) -> str:
    return f"{size} ({size - 2**64}, read as unsigned)"


def _has_work(program: Program, position: int) -> bool:
    return program.value("num_ops", position) > 0


def _work(program: Program, position: int) -> Iterator[tuple[str, str]]:
    """Compute that the roofline times."""
    num_ops, size = program.unsigned("num_ops", position), program.unsigned("tensor_size", position)
    for name, value in (("num_ops", num_ops), ("tensor_size", size)):
        if value is not None and value >= HUGE:
            yield "huge-value", f"has a {name} of {_spelt(value)}"
    if num_ops == 0 and size:
        yield (
            "no-operations",
            f"has no operations on {size} bytes; the program runs it for 2^63 ns, and the rank never finishes",
        )


def _collective(program: Program, position: int) -> Iterator[tuple[str, str]]:
    kind, size = program.value("comm_type", position), program.unsigned("comm_size", position)
    if program.group(position) is None and (program.row[position], "pg_name") not in program.trace.malformed:
        name = program.trace.pg_name[program.row[position]]
        yield "group-name", f"names group {name!r}, which is no whole number"
    elif (name := program.trace.pg_name.get(program.row[position], "")) and name != str(program.group(position)):
        yield "group-name-read", f"names group {name!r}, which the program reads as {program.group(position)}"
    if kind == MISSING:
        return
    if kind == COMM_TYPES["BROADCAST"]:
        micros = program.value("duration_micros", position)
        lasts = f"{micros} µs, its recorded duration" if micros else "1 ns"
        yield "broadcast", f"moves no data: it takes {lasts}, on every rank for itself"
        return
    if kind not in CARRIED_OUT:
        yield "unsupported-collective", f"is a {COMM_TYPE_NAMES.get(kind, kind)}, which the program does not carry out"
        return
    if size == 0:
        if kind == COMM_TYPES["ALL_GATHER"]:
            yield "zero-size", "gathers 0 bytes, which never completes"
        else:
            yield "zero-size-collective", "has a comm_size of 0; the program sends one byte per rank and chunk"
    elif size is not None and size >= HUGE:
        yield "huge-value", f"has a comm_size of {_spelt(size)} bytes"


def _classes(step: Step, rank: int, program: Program, *, untimed: bool) -> Iterator[Finding]:
    """Nodes beside accelerator and communication break the statistics that a rank prints when it finishes."""
    kind = program.column("node_type")
    on_cpu = np.flatnonzero((program.column("is_cpu_op") != 0) & ~any_of(kind, _COMMUNICATION)).tolist()
    if on_cpu:
        yield finding(
            "cpu-statistics",
            f"{len(on_cpu)} CPU nodes: the rank prints no statistics, and the program aborts if the rank's last "
            "completion is a send or receive",
            rank,
            program.ids[on_cpu[0]],
        )
    if untimed:
        work = (kind == COMP) & (program.column("num_ops") > 0) & (program.column("duration_micros") == 0)
        work &= program.column("is_cpu_op") == 0
        positions = np.flatnonzero(work).tolist()
        if positions:
            yield finding(
                "untimed-work",
                f"{len(positions)} compute nodes have num_ops and no duration, and roofline-enabled is 0: each lasts "
                "1 ns",
                rank,
                program.ids[positions[0]],
            )
    memory = np.flatnonzero(any_of(kind, _MEMORY)).tolist()
    has_memory = step.memory is not None and step.memory.memory_type != "NO_MEMORY_EXPANSION"
    if memory and not has_memory:
        yield finding(
            "memory-refused" if step.memory is not None else "memory-node",
            f"{len(memory)} memory nodes: the program ends when one starts without remote memory"
            + (", and no remote-memory file is given" if step.memory is None else ""),
            rank,
            program.ids[memory[0]],
        )
