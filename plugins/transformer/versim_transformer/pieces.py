"""What a pass over a layer is made of: computations, collectives, and collectives beside computations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TypeAlias

import attrs
from versim import Kind, Term, Work


@attrs.frozen
class Compute:
    """One operator on the device.

    Attributes:
        name: What it is.
        work: Its terms with their counts.
        weights: True if it computes weight gradients, which nothing else in the backward pass waits for.
        cheap: True if its output takes more memory than it is worth to keep: what ``recompute: light`` computes again.
    """

    name: str
    work: Work
    weights: bool = False
    cheap: bool = False


@attrs.frozen
class Collective:
    """One communication between the ranks that share a layer.

    Attributes:
        name: What it is.
        kind: What is done.
        size_bytes: The full tensor, see :mod:`versim.work`.
        axes: Axes of its group, in mesh order.
        participants: Ranks of its group.
        weights: True if only weight gradients wait for it.
    """

    name: str
    kind: Kind
    size_bytes: int
    axes: tuple[str, ...]
    participants: int
    weights: bool = False


@attrs.frozen
class Beside:
    """Computations with collectives beside them; what follows waits for both.

    Attributes:
        computes: Run one after another.
        collectives: Run one after another.
    """

    computes: tuple[Compute, ...]
    collectives: tuple[Collective, ...]


Piece: TypeAlias = Compute | Collective | Beside


@attrs.frozen
class Module:
    """A part of a layer.

    Attributes:
        forward: Pieces of its forward pass, in order.
        backward: Pieces of its backward pass, in order.
    """

    forward: tuple[Piece, ...]
    backward: tuple[Piece, ...]


def joined(modules: Iterable[Module]) -> Module:
    """Modules one after another; backward passes run through them the other way."""
    listed = tuple(modules)
    return Module(
        forward=tuple(piece for module in listed for piece in module.forward),
        backward=tuple(piece for module in reversed(listed) for piece in module.backward),
    )


def collective(
    name: str, kind: Kind, size_bytes: float, axes: tuple[str, ...], participants: int, *, weights: bool = False
) -> tuple[Collective, ...]:
    """A collective, or nothing where its group is one rank."""
    if participants < 2:
        return ()
    return (Collective(name, kind, max(1, math.ceil(size_bytes)), axes, participants, weights),)


def computes_of(pieces: Iterable[Piece]) -> Iterator[Compute]:
    """Every computation, in order."""
    for piece in pieces:
        if isinstance(piece, Compute):
            yield piece
        elif isinstance(piece, Beside):
            yield from piece.computes


def collectives_of(pieces: Iterable[Piece]) -> Iterator[Collective]:
    """Every collective, in order."""
    for piece in pieces:
        if isinstance(piece, Collective):
            yield piece
        elif isinstance(piece, Beside):
            yield from piece.collectives


def split_weights(pieces: Iterable[Piece]) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """A backward pass as what the layer before waits for, and what only the optimizer waits for."""
    first: list[Piece] = []
    later: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, Beside):
            members: tuple[Compute | Collective, ...] = (*piece.computes, *piece.collectives)
            halves = [
                Beside(
                    tuple(c for c in piece.computes if c.weights is weights),
                    tuple(c for c in piece.collectives if c.weights is weights),
                )
                for weights in (False, True)
            ]
            if len({member.weights for member in members}) == 1:
                (later if members[0].weights else first).append(piece)
                continue
            for half, target in zip(halves, (first, later), strict=True):
                target.extend(half.computes)
                target.extend(half.collectives)
        else:
            (later if piece.weights else first).append(piece)
    return tuple(first), tuple(later)


def merged(pairs: Iterable[tuple[Term, float]]) -> Work:
    """Terms with equal ones counted together, in order of their first."""
    counts: dict[Term, float] = {}
    for term, count in pairs:
        counts[term] = counts.get(term, 0) + count
    return tuple(counts.items())
