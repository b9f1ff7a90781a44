"""The graphs that backends are tried on: small, of fixed durations, with answers that can be worked out."""

from __future__ import annotations

from collections.abc import Sequence

from versim.graph import ExecutionGraph, GraphBuilder
from versim.mesh import Mesh
from versim.units import NS_PER_S
from versim.work import Fixed, Kind, Work

ODD_NS = (1_234_567, 89, 1_000_003, 7, 500_499)
"""Durations that no grid coarser than a nanosecond holds."""


LONG_NS = 300_000_019
"""Longer than any of the communications here."""


def work(duration_ns: int) -> Work:
    """Work of that many nanoseconds."""
    return ((Fixed(duration_ns / NS_PER_S), 1),)


def chain(durations_ns: Sequence[int] = ODD_NS) -> ExecutionGraph:
    """Computations one after the other on one of two ranks; the other one computes the first."""
    builder = GraphBuilder(Mesh.of(rank=2))
    builder.compute("beside", work(durations_ns[0]), on={"rank": 1})
    last: list[int] = []
    for number, duration_ns in enumerate(durations_ns):
        last = [builder.compute(f"link {number}", work(duration_ns), on={"rank": 0}, after=last)]
    return builder.build("chain")


def collective(kind: Kind, size_bytes: int, ranks: int, algorithm: str = "", times: int = 1) -> ExecutionGraph:
    """A collective of all ranks, ``times`` in a row."""
    builder = GraphBuilder(Mesh.of(rank=ranks))
    last: list[int] = []
    for number in range(times):
        name = f"{kind.value} {number}"
        last = [builder.collective(name, kind, size_bytes, axes=("rank",), algorithm=algorithm, after=last)]
    return builder.build(kind.value)


def messages(size_bytes: int, count: int = 1, ranks: int = 4) -> ExecutionGraph:
    """``count`` messages from rank 0 to rank 1, all at once."""
    builder = GraphBuilder(Mesh.of(rank=ranks))
    for number in range(count):
        builder.transfer(f"message {number}", size_bytes, source={"rank": 0}, target={"rank": 1})
    return builder.build("messages")


def pipeline(stages: int, microbatches: int, stage_ns: int, size_bytes: int) -> ExecutionGraph:
    """GPipe: all microbatches forward through the stages, then all backward; each pass takes ``stage_ns``."""
    builder = GraphBuilder(Mesh.of(pp=stages))
    arrived: dict[tuple[int, int], list[int]] = {}
    forward: dict[tuple[int, int], int] = {}
    for batch in range(microbatches):
        for stage in range(stages):
            after = arrived.get((stage, batch), [])
            row = builder.compute(f"forward {batch}", work(stage_ns), on={"pp": stage}, after=after, microbatch=batch)
            forward[stage, batch] = row
            if stage + 1 < stages:
                _, received = builder.transfer(
                    f"activation {batch}", size_bytes, source={"pp": stage}, target={"pp": stage + 1}, after=[row]
                )
                arrived[stage + 1, batch] = [received]
    back: dict[tuple[int, int], list[int]] = {}
    for batch in reversed(range(microbatches)):
        for stage in reversed(range(stages)):
            # A stage begins to go back when it has gone forward with every microbatch.
            after = [forward[stage, microbatches - 1], *back.get((stage, batch), [])]
            row = builder.compute(f"backward {batch}", work(stage_ns), on={"pp": stage}, after=after, microbatch=batch)
            if stage:
                _, received = builder.transfer(
                    f"gradient {batch}", size_bytes, source={"pp": stage}, target={"pp": stage - 1}, after=[row]
                )
                back[stage - 1, batch] = [received]
    return builder.build("pipeline")


def one_group_of_two(size_bytes: int) -> ExecutionGraph:
    """An all-reduce of ranks 0 to 3 of eight."""
    builder = GraphBuilder(Mesh.of(dp=2, tp=4))
    builder.collective("sum", Kind.ALL_REDUCE, size_bytes, axes=("tp",), on={"dp": 0}, algorithm="ring")
    return builder.build("one group")


def along(axis: str, size_bytes: int) -> ExecutionGraph:
    """All-reduces along ``tp`` (of ranks 0 to 3 and of ranks 4 to 7) or ``dp`` (of ranks r and r + 4), all at once."""
    builder = GraphBuilder(Mesh.of(dp=2, tp=4))
    builder.collective("sum", Kind.ALL_REDUCE, size_bytes, axes=(axis,), algorithm="ring")
    return builder.build(f"groups along {axis}")


def mixed(kinds: Sequence[Kind]) -> ExecutionGraph:
    """Computations on four ranks with whatever communication is given between them, diamonds and joins included."""
    builder = GraphBuilder(Mesh.of(rank=4))
    last = [builder.compute("begin", work(ODD_NS[0]))]
    for number, kind in enumerate(kinds):
        if kind is Kind.POINT_TO_POINT:
            ends = [
                builder.transfer(
                    f"halo {r}", 1_000_003 + r, source={"rank": r}, target={"rank": (r + 1) % 4}, after=last
                )
                for r in range(4)
            ]
            met = [row for pair in ends for row in pair]
        else:
            met = [builder.collective(kind.value, kind, 4_000_012 + 4 * number, axes=("rank",), after=last)]
        # Now communication decides, now the computation beside it, and each stands first in turn: whichever dependency
        # is forgotten, something starts too early.
        aside = builder.compute(f"aside {number}", work(ODD_NS[3] if number % 2 else LONG_NS), after=last)
        after = [*met, aside] if number % 4 < 2 else [aside, *met]
        last = [builder.compute(f"join {number}", work(ODD_NS[number % 5]), after=after)]
    builder.compute("end", work(ODD_NS[4]), on={"rank": (1, 3)}, after=last)
    return builder.build("mixed")


def deadlock() -> ExecutionGraph:
    """Two ranks that both receive before they send."""
    builder = GraphBuilder(Mesh.of(rank=2))
    for me, other in ((0, 1), (1, 0)):
        begun = builder.compute(f"begin {me}", work(1000), on={"rank": me})
        received = builder.recv(f"receive on {me}", 1000, match=("to", me), on={"rank": me}, after=[begun])
        builder.send(f"send from {me}", 1000, match=("to", other), on={"rank": me}, after=[received])
    return builder.build("deadlock")
