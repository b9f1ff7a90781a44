"""How the program cuts collectives into chunks, and what that makes of their sizes."""

from __future__ import annotations

from collections.abc import Iterator

from versim import Finding

from versim_astrasim.engine.trace import COMM_TYPES
from versim_astrasim.lint.rules import finding
from versim_astrasim.lint.step import COMM_TYPE_NAMES, Program, Step

_ALL_GATHER = COMM_TYPES["ALL_GATHER"]


def jobs_of(step: Step, program: Program, position: int) -> int:
    """Chunks of a collective; 1 where the number of splits is not known or not usable."""
    size = program.unsigned("comm_size", position) or 0
    splits = step.system.preferred_dataset_splits if step.system is not None else 0
    if splits < 1:
        return 1
    chunk = size // splits
    if program.value("comm_type", position) == _ALL_GATHER:
        return -(-size // chunk) if chunk else 1
    if chunk < step.world_size:
        return splits
    return -(-size // chunk)


def check(step: Step) -> Iterator[Finding]:
    """Sizes that are changed; needs a system file."""
    if step.system is None or step.system.replay_only or step.system.preferred_dataset_splits < 1:
        return
    splits, ranks = step.system.preferred_dataset_splits, step.world_size
    for rank, program in step.distinct():
        for position in program.collectives:
            size = program.unsigned("comm_size", position)
            if not size:
                continue
            node, kind = program.ids[position], program.value("comm_type", position)
            chunk = size // splits
            if kind == _ALL_GATHER and chunk == 0:
                yield finding(
                    "endless-all-gather",
                    f"an all-gather of {size} bytes cannot be cut into {splits} chunks; the program cuts for ever",
                    rank,
                    node,
                )
            elif kind != _ALL_GATHER and chunk < ranks:
                yield finding(
                    "inflated-size",
                    f"{COMM_TYPE_NAMES[kind]} of {size} bytes runs as one of {splits * ranks}: {splits} chunks of a "
                    f"byte for each of {ranks} ranks",
                    rank,
                    node,
                )
            elif size % chunk:
                count = -(-size // chunk)
                yield finding(
                    "remainder-chunk",
                    f"{COMM_TYPE_NAMES[kind]} of {size} bytes runs as {count} chunks of {chunk}, {count * chunk} bytes",
                    rank,
                    node,
                )
