"""Sends and receives: each needs its counterpart of the same tag, size and peers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from versim import Finding

from versim_astrasim.engine.trace import RECV, SEND
from versim_astrasim.lint.rules import finding
from versim_astrasim.lint.step import Step

_NATIVE_TAGS = 500_000_000
_UINT32 = 2**32

HUGE = 2**63
"""Sizes from here on are negative numbers that the program reads as unsigned ones."""

Key = tuple[int, int, int, int]
"""Source, destination, tag, size."""


def check(step: Step) -> Iterator[Finding]:
    """Findings of the whole step."""
    if step.system is not None and step.system.replay_only:
        return
    sends: dict[Key, list[tuple[int, int]]] = defaultdict(list)
    recvs: dict[Key, list[tuple[int, int]]] = defaultdict(list)
    loops = step.network is not None and step.network.congestion_aware and step.network.topology == ("Switch",)
    for rank, program in enumerate(step.ranks):
        for position, kind in enumerate(program.types):
            if kind not in (SEND, RECV) or program.on_cpu(position) or position in program.never_run:
                continue
            own, peer = ("comm_src", "comm_dst") if kind == SEND else ("comm_dst", "comm_src")
            size, tag = program.unsigned("comm_size", position), program.unsigned("comm_tag", position)
            other, said = program.unsigned(peer, position), program.unsigned(own, position)
            node, name = program.ids[position], program.name(position)
            if said is not None and said % _UINT32 != rank:
                yield finding("wrong-end", f"{name} has {own} {said}, but stands on rank {rank}", rank, node)
            if other is None or tag is None or size is None:
                continue
            other %= _UINT32
            if other == rank:
                rule, what = ("self-message-switch", ", up to the switch and back") if loops else ("self-message", "")
                yield finding(rule, f"{name} is a message of rank {rank} to itself{what}", rank, node)
            if other == rank and not loops:
                continue
            if other >= step.world_size:
                yield finding("peer-outside", f"{name} names rank {other} of {step.world_size} ranks", rank, node)
                continue
            if size == 0 or size >= HUGE:
                continue
            source, target = (rank, other) if kind == SEND else (other, rank)
            (sends if kind == SEND else recvs)[source, target, tag % _UINT32 % _NATIVE_TAGS, size].append((rank, node))
    yield from _unmatched(sends, recvs)


def _unmatched(sends: dict[Key, list[tuple[int, int]]], recvs: dict[Key, list[tuple[int, int]]]) -> Iterator[Finding]:
    spare_sends = {key: places[len(recvs.get(key, ())) :] for key, places in sends.items()}
    spare_recvs = {key: places[len(sends.get(key, ())) :] for key, places in recvs.items()}
    # A send and a receive left over between the same ranks are most likely meant for one another.
    by_ends: dict[tuple[int, int], list[tuple[Key, int, int]]] = defaultdict(list)
    for key, places in spare_recvs.items():
        by_ends[key[0], key[1]] += [(key, rank, node) for rank, node in places]
    for key, places in spare_sends.items():
        source, target, tag, size = key
        for rank, node in places:
            candidates = by_ends[source, target]
            same = Counter(
                {index: (other[2] == tag) * 2 + (other[3] == size) for index, (other, _, _) in enumerate(candidates)}
            )
            best = same.most_common(1)
            if not best or not best[0][1]:
                yield finding(
                    "unmatched-send",
                    f"{size} bytes with tag {tag} go to rank {target}, which does not receive them",
                    rank,
                    node,
                )
                continue
            other, _, other_node = candidates.pop(best[0][0])
            if other[2] == tag:
                yield finding(
                    "message-size",
                    f"sends {size} bytes with tag {tag} to rank {target}, whose node {other_node} expects {other[3]}; "
                    "messages of different size never match, and the receive hangs",
                    rank,
                    node,
                )
            else:
                yield finding(
                    "message-tag",
                    f"sends {size} bytes with tag {tag} to rank {target}, whose node {other_node} expects tag "
                    f"{other[2]}; messages of different tag never match, and the receive hangs",
                    rank,
                    node,
                )
    for candidates in by_ends.values():
        for (source, _, tag, size), rank, node in candidates:
            yield finding(
                "unmatched-recv",
                f"waits for {size} bytes with tag {tag} from rank {source}, which does not send them: the rank hangs",
                rank,
                node,
            )
