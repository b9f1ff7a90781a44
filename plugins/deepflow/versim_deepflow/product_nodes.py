"""Writing a split matrix product as nodes: the product, its collectives, and the local work after them."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable

import attrs
from versim import GraphBuilder, Mesh, Phase, Pointwise, Work

from versim_deepflow.operators import Collective, Product
from versim_deepflow.parallelism import Parallelism, TensorScheme


class LocalOps(enum.StrEnum):
    """What becomes of the local accesses after an all-gather."""

    EXPLICIT = "explicit"
    """They are nodes."""
    AS_RECORDED = "as_recorded"
    """They are left out, as DeepFlow's graph does although its own total counts them."""


def tensor_axes(split: Parallelism) -> dict[str, int]:
    """The mesh axes of a tensor-parallel group and their sizes."""
    if split.tensor is TensorScheme.ROW_COLUMN:
        return {"tp1": split.tp1, "tp2": split.tp2}
    return {"tp": split.tp1}


class ProductWriter:
    """Writes products one after the other, each waiting for the one before it.

    Args:
        mesh: The ranks.
        local_ops: What becomes of the local accesses after an all-gather.
    """

    def __init__(self, mesh: Mesh, local_ops: LocalOps = LocalOps.EXPLICIT) -> None:
        self.builder = GraphBuilder(mesh)
        self._local_ops = local_ops
        self._last: list[int] = []
        self._left_out = False

    def compute(self, name: str, work: Work, phase: Phase) -> None:
        """A compute node after all that was written before."""
        self._last = [self.builder.compute(name, work, after=self._last, phase=phase)]

    def collective(self, name: str, collective: Collective, phase: Phase) -> None:
        """A collective after all that was written before, and the local work after it."""
        self._last = [
            self.builder.collective(
                f"{name} {collective.kind}",
                collective.kind,
                collective.size_bytes,
                axes=(collective.axis,),
                after=self._last,
                phase=phase,
            )
        ]
        if not collective.local_bytes:
            return
        if self._local_ops is LocalOps.EXPLICIT:
            self.compute(f"{name} local", ((Pointwise(0, collective.local_bytes), 1.0),), phase)
        else:
            self._left_out = True

    def product(self, name: str, product: Product, phase: Phase) -> None:
        """A product, then its collectives, one per axis."""
        self.compute(f"{name} {phase}", product.compute, phase)
        for collective in joined_per_axis(product.collectives):
            self.collective(f"{name} {phase}", collective, phase)

    def note_split(self, split: Parallelism) -> None:
        """Says what a reader of the graph would otherwise miss."""
        if self._left_out:
            self.builder.note("local accesses after all-gathers are left out, as in DeepFlow's transformer graph")
        for note in split_notes(split):
            self.builder.note(note)


def split_notes(split: Parallelism) -> tuple[str, ...]:
    """What a reader of a graph under a tensor-parallel split would otherwise miss."""
    if split.tensor is TensorScheme.COLUMN_ROW and split.tp2 > 1:
        return (f"a column-row split takes no part in tp2={split.tp2}, as in DeepFlow",)
    return ()


def joined_per_axis(collectives: Iterable[Collective]) -> list[Collective]:
    """Collectives of one axis as one; DeepFlow's graph adds the shards of a row-column split's gathers, unhalved."""
    joint: dict[str, Collective] = {}
    for collective in collectives:
        before = joint.get(collective.axis)
        if before is None:
            joint[collective.axis] = attrs.evolve(collective, count=1.0)
            continue
        ranks = collective.participants
        shard = math.ceil(before.size_bytes / ranks) + math.ceil(collective.size_bytes / ranks)
        joint[collective.axis] = attrs.evolve(before, size_bytes=shard * ranks)
    return list(joint.values())
