"""Whether the algorithms of the system file are defined for the collectives they are to carry out."""

from __future__ import annotations

from collections.abc import Iterator

from versim import Finding

from versim_astrasim.engine import CollectiveKind, NetworkConfig, SystemConfig
from versim_astrasim.engine.algorithms.halving_doubling import pairs_up
from versim_astrasim.engine.algorithms.names import Algorithm, AlgorithmChoice, parse
from versim_astrasim.engine.failures import Failure
from versim_astrasim.engine.trace import COMM_TYPES
from versim_astrasim.lint.rules import finding
from versim_astrasim.lint.step import WORLD, Program, Step

_KINDS = {
    COMM_TYPES["ALL_REDUCE"]: CollectiveKind.ALL_REDUCE,
    COMM_TYPES["ALL_GATHER"]: CollectiveKind.ALL_GATHER,
    COMM_TYPES["REDUCE_SCATTER"]: CollectiveKind.REDUCE_SCATTER,
    COMM_TYPES["ALL_TO_ALL"]: CollectiveKind.ALL_TO_ALL,
}
_EVERY = (True, True, True, True)
"""What a collective that names no dimensions involves: the first four."""


def check(step: Step) -> Iterator[Finding]:
    """Findings per rule, kind and group, each at the first node it concerns."""
    if step.system is None or step.system.replay_only:
        return
    said: set[tuple[object, ...]] = set()
    seen: set[tuple[object, ...]] = set()
    for rank, program in step.distinct():
        for position in program.collectives:
            number = program.value("comm_type", position)
            alike = (number, program.value("comm_size", position), program.group(position), program.involved(position))
            if alike in seen:
                continue
            seen.add(alike)
            kind = _KINDS[number]
            for rule, message, key in _of(step, step.system, program, position, kind):
                if (rule, kind, key) not in said:
                    said.add((rule, kind, key))
                    yield finding(rule, f"{kind.value}: {message}", rank, program.ids[position])


def _of(
    step: Step, system: SystemConfig, program: Program, position: int, kind: CollectiveKind
) -> Iterator[tuple[str, str, object]]:
    if system.per_node_custom_path is not None:
        return
    if kind in system.custom_implementations:
        if system.preferred_dataset_splits > 1:
            splits = system.preferred_dataset_splits
            yield "custom-splits", f"a trace-described algorithm is one chunk, but {splits} are waited for", None
        return
    names = system.implementations.get(kind, ())
    if not names:
        yield "no-algorithm", f"the system file has no {kind.value}-implementation", None
        return
    try:
        choices = [parse(name, system.variant) for name in names]
    except Failure as failure:
        yield "window", str(failure), None
        return
    network = step.network
    if network is not None and len(names) > len(network.npus_count):
        yield (
            "algorithm-count",
            f"{len(names)} algorithms for {len(network.npus_count)} dimensions: the program aborts",
            None,
        )
        return
    if any(choice.window == 0 for choice in choices):
        yield "window", "a window of 0 messages never sends anything", None
    for choice, size, in_group in _rings(step, program, position, choices):
        yield from _fits(system, program, position, kind, choice, size, in_group=in_group, world=step.world_size)
    yield from _dimensions(program, position, network)


def _rings(
    step: Step, program: Program, position: int, choices: list[AlgorithmChoice]
) -> Iterator[tuple[AlgorithmChoice, int, bool]]:
    """Every algorithm that is run with the number of ranks it is run on, and whether in a group below the world."""
    group = program.group(position)
    if group is None:
        return
    members = step.members(group)
    if members is not None and len(members) < step.world_size:
        # With several lists of algorithms a group takes ring, whatever they say.
        if len(choices) == 1:
            yield choices[0], len(members), True
        return
    if step.network is None or members is None:
        return
    if choices[0].spans_all_ranks:
        yield choices[0], step.world_size, False
        return
    involved = _EVERY if group != WORLD else program.involved(position) or _EVERY
    for dimension, (choice, size) in enumerate(zip(choices, step.network.npus_count, strict=False)):
        if size > 1 and dimension < len(involved) and involved[dimension]:
            yield choice, size, False


def _fits(
    system: SystemConfig,
    program: Program,
    position: int,
    kind: CollectiveKind,
    choice: AlgorithmChoice,
    size: int,
    *,
    in_group: bool,
    world: int,
) -> Iterator[tuple[str, str, object]]:
    odd = size & (size - 1) != 0
    if choice.algorithm is Algorithm.HALVING_DOUBLING:
        if kind is CollectiveKind.ALL_TO_ALL:
            yield "algorithm-kind", "halving-doubling has no all-to-all; the program ends there", None
            return
        if odd:
            what = f"gathers {1 << size.bit_length() - 1} of {size} shards"
            if not pairs_up(kind, size):
                what = "mis-pairs them and hangs"
            yield "algorithm-power-of-two", f"halving-doubling on {size} ranks {what}", size
        given = program.unsigned("comm_size", position)
        if kind is CollectiveKind.ALL_REDUCE and given is not None and system.preferred_dataset_splits > 0:
            # The last message back is twice the half of the smallest.
            chunk = max(given // system.preferred_dataset_splits, world)
            if chunk < 2 * size:
                yield "halved-away", f"chunks of {chunk} bytes halve to nothing on {size} ranks", (size, given)
    if choice.algorithm is Algorithm.DOUBLE_BINARY_TREE:
        if odd or in_group:
            where = f"{size} ranks" if odd else "a group smaller than the world"
            yield "algorithm-power-of-two", f"the double binary tree crashes on {where}", (size, in_group)
        elif kind is not CollectiveKind.ALL_REDUCE:
            yield "tree-kind", "the double binary tree carries out an all-reduce, whatever is asked for", None


def _dimensions(program: Program, position: int, network: NetworkConfig | None) -> Iterator[tuple[str, str, object]]:
    involved = program.involved(position)
    if network is None or involved is None:
        return
    group = program.group(position)
    if group is not None and group != WORLD:
        if not all(involved[: len(network.npus_count)]):
            yield (
                "ignored-dimensions",
                f"involved_dim {list(involved)} is ignored, because the node names a group",
                group,
            )
        return
    if not any(here and size > 1 for here, size in zip(involved, network.npus_count, strict=False)):
        yield "no-dimension", f"involved_dim {list(involved)} leaves no dimension; it never completes", involved
