"""How a step is spread over ranks: degrees, the mesh they make, and the communicators on it."""

from __future__ import annotations

import itertools
import math
import operator
from collections import Counter
from collections.abc import Sequence

import attrs
from versim import Mesh


@attrs.frozen(kw_only=True)
class Parallelism:
    """Degrees of parallelism, named as Megatron-LM names them.

    Dense parts are spread over tp · cp · dp ranks of a stage, experts over etp · ep · edp of the same ranks. Both count
    their first-named axis fastest, so that a tensor-parallel group is a run of neighbouring ranks; pipeline stages are
    outermost.

    Attributes:
        tp: Tensor-parallel ranks.
        cp: Context-parallel ranks.
        dp: Data-parallel replicas.
        pp: Pipeline stages.
        vp: Virtual stages (chunks of layers) per stage.
        ep: Expert-parallel ranks.
        etp: Tensor-parallel ranks of an expert.
    """

    tp: int = 1
    cp: int = 1
    dp: int = 1
    pp: int = 1
    vp: int = 1
    ep: int = 1
    etp: int = 1

    @property
    def world_size(self) -> int:
        """Ranks in all."""
        return self.tp * self.cp * self.dp * self.pp

    @property
    def expert_dp(self) -> int:
        """Replicas of an expert."""
        return self.tp * self.cp * self.dp // (self.etp * self.ep)

    def faults(self) -> list[str]:
        """What keeps the two ways of counting a stage's ranks from fitting one another."""
        ranks, experts = self.tp * self.cp * self.dp, self.etp * self.ep
        if ranks % experts:
            return [f"$.ep: etp · ep = {experts} has to divide tp · cp · dp = {ranks}; use one of its divisors"]
        cuts = sorted({self.tp, self.tp * self.cp, ranks, self.etp, experts})
        for low, high in itertools.pairwise(cuts):
            if high % low:
                fault = f"$.ep: groups of experts and of the rest end after {low} and {high} ranks, so neither holds "
                return [f"{fault}whole groups of the other; choose degrees of which each divides the next"]
        return []


@attrs.frozen(kw_only=True)
class Layout:
    """The mesh of a step and the axes of each communicator, in mesh order.

    Where experts cut an axis of the dense part in two, its pieces are axes of their own: dp = edp × ep becomes the axes
    ``edp`` and ``ep``, and a gradient is reduced along both.

    Attributes:
        mesh: The ranks: pp outermost, tp innermost.
        tp: Axes of a tensor-parallel group; empty where it has one rank, as for the others.
        cp: Axes of a context-parallel group.
        dp: Axes along which dense gradients are reduced: dp and cp.
        ep: Axes of an expert-parallel group.
        etp: Axes of an expert's tensor-parallel group.
        edp: Axes along which the gradients of experts are reduced.
        replicas: Axes of data parallelism alone, without context parallelism.
    """

    mesh: Mesh
    tp: tuple[str, ...]
    cp: tuple[str, ...]
    dp: tuple[str, ...]
    ep: tuple[str, ...]
    etp: tuple[str, ...]
    edp: tuple[str, ...]
    replicas: tuple[str, ...]

    def size(self, axes: Sequence[str]) -> int:
        """Ranks of a group along some axes."""
        return math.prod(self.mesh.size(axis) for axis in axes)


def layout_of(parallelism: Parallelism) -> Layout:
    """The layout of degrees without faults."""
    pieces = _pieces(parallelism)
    names = [name for name, _, _, _ in pieces]
    sizes = [size for _, size, _, _ in pieces]
    mesh = Mesh(("pp", *reversed(names)), (parallelism.pp, *reversed(sizes)))

    def axes(*parts: str) -> tuple[str, ...]:
        found = [name for name, size, *owners in reversed(pieces) if size > 1 and set(owners) & set(parts)]
        return tuple(found)

    return Layout(
        mesh=mesh,
        tp=axes("tp"),
        cp=axes("cp"),
        dp=axes("dp", "cp"),
        ep=axes("ep"),
        etp=axes("etp"),
        edp=axes("edp"),
        replicas=axes("dp"),
    )


def _pieces(parallelism: Parallelism) -> list[tuple[str, int, str, str]]:
    """Name, size, dense axis and expert axis of each piece of a stage's ranks, innermost first."""
    dense = (("tp", parallelism.tp), ("cp", parallelism.cp), ("dp", parallelism.dp))
    if parallelism.ep == parallelism.etp == 1:
        return [(name, size, name, "edp") for name, size in dense]
    experts = (("etp", parallelism.etp), ("ep", parallelism.ep), ("edp", parallelism.expert_dp))
    cuts = sorted({1, *_ends(dense), *_ends(experts)})
    owners = [(_owner(dense, low), _owner(experts, low), high // low) for low, high in itertools.pairwise(cuts)]
    counted = Counter(name for mine, theirs, _ in owners for name in (mine, theirs))
    pieces = []
    for axis, degree in dense:
        if degree == 1:
            pieces.append((axis, 1, axis, ""))
        for mine, theirs, size in owners:
            if mine == axis:
                name = f"{mine}_{theirs}"
                if counted[mine] == 1:
                    name = mine
                elif mine == "dp" and theirs != "etp" and counted[theirs] == 1:
                    # A piece of dp that is the whole of ep or edp bears that name alone.
                    name = theirs
                pieces.append((name, size, mine, theirs))
    return pieces


def _ends(axes: Sequence[tuple[str, int]]) -> list[int]:
    """After how many ranks each axis, innermost first, begins anew."""
    return list(itertools.accumulate((degree for _, degree in axes), operator.mul))


def _owner(axes: Sequence[tuple[str, int]], rank: int) -> str:
    """The axis along which the run of ranks that begins at ``rank`` lies."""
    return next(name for (name, _), end in zip(axes, _ends(axes), strict=True) if rank < end)
