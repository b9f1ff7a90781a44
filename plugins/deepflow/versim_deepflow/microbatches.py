"""Many microbatches from a few: a pipeline's passes differ in nothing but their microbatch, but for the first and last.

A pass is what a microbatch does in one direction on all stages. Its rows depend on rows of their own pass, of the pass
before it in program order, and, where backward begins, of the same microbatch's forward pass. A pass at either end has
fewer neighbours to wait for or to be waited for, and the one beside it another layout to refer to; all between are
alike. So the graph of ``FEW`` microbatches holds every kind of pass there is, and the graph of many is made of copies
of its passes, all columns at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import NONE, ExecutionGraph

FEW = 4
"""Microbatches of which one is first, one second, one like all that follow, and one last, in either direction."""

Column = NDArray[np.int64]


def repeated(graph: ExecutionGraph, starts: Sequence[int], microbatches: int) -> ExecutionGraph:
    """The same step with more microbatches.

    Args:
        graph: The step with ``FEW`` microbatches: their forward passes in order, then their backward passes, last
            microbatch first.
        starts: The row with which each pass begins.
        microbatches: How many there are to be, at least ``FEW``.
    """
    few, many = _Passes(FEW), _Passes(microbatches)
    copied = few.like(many)
    rows = _Pieces.of(np.append(starts, graph.node_count), copied)
    # Communications are numbered in the order of their first parts, so those of a pass follow one another.
    parts_start, parts = graph.parts()
    opened = np.searchsorted(rows.template, parts[parts_start[:-1]], side="right") - 1
    communications = _Pieces.of(np.searchsorted(opened, np.arange(2 * FEW + 1)), copied)
    row, at = rows.source, rows.piece
    counts = np.diff(graph.dependency_start)[row]
    start = np.zeros(len(row) + 1, dtype=np.int64)
    np.cumsum(counts, out=start[1:])
    entry = np.repeat(graph.dependency_start[row] - start[:-1], counts) + np.arange(start[-1])
    match = graph.match[row].astype(np.int64)
    met = np.flatnonzero(match != NONE)
    match[met] = communications.moved(match[met], at[met], many)
    microbatch = graph.microbatch[row] - few.microbatch[copied[at]] + many.microbatch[at]
    by_node = ("op", "placement", "name", "work", "phase", "layer")
    by_communication = ("kind", "size_bytes", "scope", "algorithm", "tag")
    return attrs.evolve(
        graph,
        **{name: getattr(graph, name)[row] for name in by_node},
        **{name: getattr(graph, name)[communications.source] for name in by_communication},
        microbatch=microbatch.astype(np.int32),
        match=match.astype(np.int32),
        dependency_start=start,
        dependency=rows.moved(graph.dependency[entry], np.repeat(at, counts), many).astype(np.int32),
        communication_attributes={
            name: column[communications.source] for name, column in graph.communication_attributes.items()
        },
    )


@attrs.frozen(eq=False)
class _Passes:
    """The passes of so many microbatches, in program order."""

    microbatches: int

    @property
    def microbatch(self) -> Column:
        """Of each pass; shape (passes,)."""
        forward = np.arange(self.microbatches)
        return np.concatenate([forward, forward[::-1]])

    def like(self, many: _Passes) -> Column:
        """For each pass of more microbatches, the one here that it is like."""
        place = np.arange(many.microbatches)
        kind = np.minimum(place, FEW - 2)
        kind[-1] = FEW - 1
        return np.concatenate([kind, FEW + kind])


@attrs.frozen(eq=False)
class _Pieces:
    """Runs of rows, one per pass, and their copies one after another.

    Attributes:
        template: Where each run begins, and where the last ends.
        copied: Of each copy its run.
        first: Where each copy begins.
        source: Of each row of the copies the row that it is a copy of.
        piece: Of each row of the copies its copy.
    """

    template: Column
    copied: Column
    first: Column
    source: Column
    piece: Column

    @classmethod
    def of(cls, template: Column, copied: Column) -> _Pieces:
        lengths = np.diff(template)[copied]
        first = np.cumsum(lengths) - lengths
        piece = np.repeat(np.arange(len(copied)), lengths)
        source = np.arange(len(piece)) + (template[copied] - first)[piece]
        return cls(template, copied, first, source, piece)

    def moved(self, row: NDArray[np.integer[Any]], piece: Column, many: _Passes) -> Column:
        """What the copies ``piece`` refer to, where their runs refer to ``row``."""
        run = self.copied[piece]
        of_row = np.searchsorted(self.template, row, side="right") - 1
        # Their own pass, the one before, or the forward pass of their microbatch, which has its number.
        to = np.where(of_row == run, piece, np.where(of_row == run - 1, piece - 1, many.microbatch[piece]))
        return np.asarray(row - self.template[of_row] + self.first[to])
