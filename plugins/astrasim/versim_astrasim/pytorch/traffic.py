"""What takes two ranks to know: which way grouped messages go, and how large an uneven all-to-all is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from versim_astrasim.chakra.schema import schema
from versim_astrasim.pytorch.options import Uneven
from versim_astrasim.pytorch.rank_trace import Call, Recorded, is_group

MESSAGE_TYPES = frozenset({schema.COMM_SEND_NODE, schema.COMM_RECV_NODE})
COMMUNICATION = MESSAGE_TYPES | {schema.COMM_COLL_NODE}

_SENDS = frozenset({"send", "isend"})


@attrs.define
class RankFile:
    """A rank's nodes on their way to its file.

    Attributes:
        rank: The rank.
        trace: What PyTorch recorded.
        nodes: The nodes, changed in place.
        number: Numbers of groups by PyTorch's name.
        members: Ranks of groups by number; the world has none.
        notes: What was changed, for people.
        parted: The kernel that a node of its own was made from, by the node's id.
    """

    rank: int
    trace: Recorded
    nodes: list[Any]
    number: Mapping[str, int]
    members: Mapping[int, Sequence[int]]
    notes: list[str] = attrs.field(factory=list)
    parted: dict[int, int] = attrs.field(factory=dict)

    def queued(self, id_: int) -> tuple[int, float] | None:
        """Stream and start of a node on the device, None if it is not there."""
        return self.trace.queued.get(self.parted.get(id_, id_))

    def peer(self, call: Call | None) -> int | None:
        """The rank at a message's other end, None if that is not known."""
        if call is None or call.peer is None or call.peer < 0:
            return None
        group = self.number.get(call.group, None if call.group else 0)
        if not group:
            # Ranks of the world are what they are called.
            return call.peer if group == 0 or call.group == "0" else None
        ranks = self.members[group]
        return ranks[call.peer] if call.peer < len(ranks) else None

    def group_of(self, node: Any) -> int:
        """The number of a collective's group, 0 for the world."""
        named = next((attribute.string_val for attribute in node.attr if attribute.name == "pg_name"), "0")
        return int(named) if named.isdecimal() else 0


@attrs.define
class _Grouped:
    """A kernel that carries messages, and what stands around it on its rank."""

    file: RankFile
    node: Any
    peer: int
    size_bytes: int
    sends: bool | None = None


def attribute(node: Any, name: str) -> Any:
    """An attribute of a node, None if it has none of that name."""
    return next((each for each in node.attr if each.name == name), None)


def size_of(node: Any) -> int:
    """Bytes of a communication."""
    found = attribute(node, "comm_size")
    return int(found.int64_val) if found is not None else 0


def make_message(node: Any, rank: int, peer: int, size_bytes: int, *, sends: bool) -> None:
    """Turn a node into a send or receive."""
    kept = [each for each in node.attr if each.name not in ("comm_type", "comm_size", "pg_name")]
    del node.attr[:]
    node.attr.extend(kept)
    node.type = schema.COMM_SEND_NODE if sends else schema.COMM_RECV_NODE
    source, target = (rank, peer) if sends else (peer, rank)
    for name, value in (("comm_size", size_bytes), ("comm_src", source), ("comm_dst", target), ("comm_tag", 0)):
        node.attr.add(name=name, int64_val=value)


def part_groups(files: Sequence[RankFile]) -> None:
    """Turn kernels that carry grouped sends and receives into messages between the recorded peers."""
    undecided: list[_Grouped] = []
    alone: Counter[int] = Counter()
    for file in files:
        told = 0
        for node in list(file.nodes):
            call = file.trace.calls.get(node.id)
            if node.type not in COMMUNICATION or call is None or not is_group(call.collective):
                continue
            inner = file.trace.grouped.get(node.id, ())
            if inner and all(file.peer(each) is not None for each in inner):
                told += len(inner)
                _part(file, node, inner)
            elif (peer := file.peer(call)) is not None and peer != file.rank:
                size = call.size_bytes if call.size_bytes is not None else size_of(node)
                undecided.append(_Grouped(file, node, peer, size))
            else:
                alone[file.rank] += 1
        if told:
            file.notes.append(f"{told:,} sends and receives called in groups are messages of their own")
    _decide(undecided)
    for one in undecided:
        if one.sends is not None:
            make_message(one.node, one.file.rank, one.peer, one.size_bytes, sends=one.sends)
    for file in files:
        mine = [one for one in undecided if one.file is file]
        decided = sum(one.sends is not None for one in mine)
        if decided:
            file.notes.append(
                f"{decided:,} grouped messages are recorded with their peer and without a direction; it was taken from "
                "what computes before and after them on either side"
            )
        untold = len(mine) - decided + alone[file.rank]
        if untold:
            file.notes.append(
                f"{untold:,} grouped messages have no direction that could be told, and became "
                "all-to-alls; record with a PyTorch whose traces hold the sends and receives of a group"
            )


def _part(file: RankFile, node: Any, calls: Sequence[Call]) -> None:
    """A kernel that carries several messages becomes as many nodes, one after the other; the last keeps its id."""
    following = max(each.id for each in file.nodes) + 1
    place = file.nodes.index(node)
    before = list(node.ctrl_deps), list(node.data_deps)
    # Sends first: a receive may wait for what the peer sends in answer.
    made = [(call, schema.Node()) for call in sorted(calls, key=lambda call: call.collective not in _SENDS)]
    for number, (call, message) in enumerate(made):
        last = number == len(made) - 1
        message.CopyFrom(node)
        peer = file.peer(call)
        size = call.size_bytes or 0
        make_message(message, file.rank, peer if peer is not None else file.rank, size, sends=call.collective in _SENDS)
        message.id = node.id if last else following + number
        file.parted[message.id] = node.id
        del message.ctrl_deps[:]
        del message.data_deps[:]
        if number:
            message.data_deps.append(made[number - 1][1].id)
        else:
            message.ctrl_deps.extend(before[0])
            message.data_deps.extend(before[1])
    file.nodes[place : place + 1] = [message for _, message in made]


def _decide(kernels: Sequence[_Grouped]) -> None:
    """Which of two peers sends, pairing kernels in the order in which each rank launched them."""
    sides: dict[tuple[int, int], list[_Grouped]] = defaultdict(list)
    for file_kernels in _in_order(kernels):
        for one in file_kernels:
            sides[one.file.rank, one.peer].append(one)
    for (rank, peer), mine in sides.items():
        theirs = sides.get((peer, rank), [])
        if rank > peer or len(mine) != len(theirs):
            continue
        if any(one.size_bytes != other.size_bytes for one, other in zip(mine, theirs, strict=True)):
            continue
        forth = [_vote(one, other) for one, other in zip(mine, theirs, strict=True)]
        known = {vote for vote in forth if vote is not None}
        # One-sided traffic is most likely one-sided throughout.
        otherwise = known.pop() if len(known) == 1 else None
        for one, other, vote in zip(mine, theirs, forth, strict=True):
            sends = otherwise if vote is None else vote
            if sends is not None:
                one.sends, other.sends = sends, not sends


def _in_order(kernels: Sequence[_Grouped]) -> Iterator[list[_Grouped]]:
    by_rank: dict[int, list[_Grouped]] = defaultdict(list)
    for one in kernels:
        by_rank[one.file.rank].append(one)
    for mine in by_rank.values():
        yield sorted(mine, key=lambda one: _start(one.file, one.node))


def _start(file: RankFile, node: Any) -> tuple[float, int]:
    return (file.queued(node.id) or (0, 0.0))[1], node.id


def _vote(one: _Grouped, other: _Grouped) -> bool | None:
    """Whether the first sends, None if neither side tells or they disagree."""
    mine, theirs = _role(one), _role(other)
    if mine is not None and theirs is not None and mine == theirs:
        return None
    return mine if mine is not None else None if theirs is None else not theirs


def _role(one: _Grouped) -> bool | None:
    """Whether a kernel sends: what is computed before it goes out, what comes in is computed on after it.

    Of its neighbours in the order of launching, compute only before it makes it a send, only behind it a receive.
    """
    file = one.file
    kernels = sorted((node for node in file.nodes if node.id in file.trace.queued), key=lambda node: _start(file, node))
    place = next(number for number, node in enumerate(kernels) if node.id == one.node.id)
    before = place > 0 and kernels[place - 1].type not in COMMUNICATION
    behind = place + 1 < len(kernels) and kernels[place + 1].type not in COMMUNICATION
    return before if before != behind else None


def even_out(files: Sequence[RankFile], how: Uneven) -> None:
    """Make all-to-alls of different sizes equal, or messages of each pair of ranks."""
    members_of: dict[int, list[int]] = {0: list(range(len(files)))}
    for file in files:
        members_of.update({group: list(ranks) for group, ranks in file.members.items()})
    for group, ranks in members_of.items():
        if any(rank >= len(files) for rank in ranks):
            continue
        sequences = [_collectives(files[rank], group) for rank in ranks]
        if len({len(sequence) for sequence in sequences}) != 1:
            continue  # lint says what is missing
        pairs = 0
        sizes_said: Counter[str] = Counter()
        for number, together in enumerate(zip(*sequences, strict=True)):
            if any(_kind(node) != schema.ALL_TO_ALL for node in together):
                continue
            sizes = [size_of(node) for node in together]
            if len(set(sizes)) == 1 and not (how == "pairs" and _uneven_parts(files, ranks, together)):
                continue
            if how == "pairs":
                pairs += 1
                _as_pairs([files[rank] for rank in ranks], together, sizes, number)
                continue
            size = max(sizes) if how == "largest" else -(-sum(sizes) // len(sizes))
            sizes_said[f"{', '.join(map(str, sizes[:8]))}{' …' if len(sizes) > 8 else ''} bytes as {size}"] += 1
            for node in together:
                attribute(node, "comm_size").int64_val = size
        for rank in ranks if pairs or sizes_said else ():
            if pairs:
                files[rank].notes.append(f"{pairs:,} uneven all-to-alls are messages between their pairs of ranks")
            else:
                files[rank].notes.append(
                    f"{sizes_said.total():,} all-to-alls to which ranks bring different sizes are all as large as the "
                    f"{how} ({next(iter(sizes_said))}); --uneven largest|mean|pairs chooses"
                )


def _kind(node: Any) -> int | None:
    found = attribute(node, "comm_type")
    return None if found is None else int(found.int64_val)


def _collectives(file: RankFile, group: int) -> list[Any]:
    """The collectives of a group on a rank, in the order of launching."""
    mine = [node for node in file.nodes if node.type == schema.COMM_COLL_NODE and file.group_of(node) == group]
    return sorted(mine, key=lambda node: _start(file, node))


def _parts(file: RankFile, node: Any, size: int, count: int) -> list[int]:
    """What a rank sends to each member, itself among them."""
    call = file.trace.calls.get(node.id)
    if call is not None and len(call.parts_bytes) == count:
        return list(call.parts_bytes)
    # Not recorded: an even cut, what is left over goes to the first.
    return [size // count + (place < size % count) for place in range(count)]


def _uneven_parts(files: Sequence[RankFile], ranks: Sequence[int], together: Sequence[Any]) -> bool:
    for rank, node in zip(ranks, together, strict=True):
        call = files[rank].trace.calls.get(node.id)
        if call is not None and len(set(call.parts_bytes)) > 1:
            return True
    return False


def _as_pairs(files: Sequence[RankFile], together: Sequence[Any], sizes: Sequence[int], number: int) -> None:
    count = len(files)
    parts = [_parts(file, node, size, count) for file, node, size in zip(files, together, sizes, strict=True)]
    for place, (file, node) in enumerate(zip(files, together, strict=True)):
        # Whom to send to first differs by rank, so that not everybody sends to one.
        others = [(place + shift) % count for shift in range(1, count)]
        wanted = [(True, other, parts[place][other]) for other in others]
        wanted += [(False, other, parts[other][place]) for other in others]
        _replace(file, node, [(sends, files[other].rank, size) for sends, other, size in wanted if size], number)


def _replace(file: RankFile, node: Any, messages: Sequence[tuple[bool, int, int]], number: int) -> None:
    """Put messages in a collective's place: all wait for what it waited for, and what waited for it waits for all."""
    place = file.nodes.index(node)
    if not messages:
        # Nothing to move: what waited for it waits for what it waited for.
        for other in file.nodes:
            for deps in (other.ctrl_deps, other.data_deps):
                if node.id in deps:
                    kept = [dep for dep in deps if dep != node.id]
                    deps[:] = [*dict.fromkeys([*kept, *node.ctrl_deps, *node.data_deps])]
        del file.nodes[place]
        return
    following = max(each.id for each in file.nodes) + 1
    made = []
    for index, (sends, peer, size) in enumerate(messages):
        message = schema.Node()
        message.CopyFrom(node)
        make_message(message, file.rank, peer, size, sends=sends)
        attribute(message, "comm_tag").int64_val = number + 1
        message.id = node.id if index == 0 else following + index
        file.parted[message.id] = node.id
        made.append(message)
    more = [message.id for message in made[1:]]
    for other in file.nodes:
        for deps in (other.ctrl_deps, other.data_deps):
            if node.id in deps:
                deps.extend(more)
    file.nodes[place : place + 1] = made
