"""Templates: the rows of one pass over a chunk of layers, written once and stamped for every microbatch.

A row depends on rows of its own template by their number, and on what went before its template by a code below zero,
see :class:`Outside`.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Hashable, Iterable, Sequence

import attrs
from versim import NONE, Codes, Folded, Kind, Op, Phase, Scope, Term, Work

from versim_transformer.pieces import Beside, Collective, Compute, Piece, merged
from versim_transformer.settings import Granularity


class Outside(enum.IntEnum, metaclass=Codes):
    """What a row may depend on outside its template; the row that stands for it is known when it is stamped."""

    PREVIOUS = -1
    """What the stage's previous task ends with."""
    PREVIOUS_BESIDE = -2
    """Communication that runs beside the end of the previous task."""
    PREVIOUS_SEND = -3
    """The previous task's message, where the stage waits for it."""
    BEFORE_PREVIOUS = -4
    """What the task before the previous one ends with."""
    CHAIN = -5
    """The stage's last communication between replicas."""


class Meeting(enum.IntEnum, metaclass=Codes):
    """Which parts a communication row meets."""

    ALONE = 0
    """None: it is its collective's only part."""
    NEXT = 1
    """The other end of the message from or to the stage before or behind."""
    STAGES = 2
    """The same row of every stage."""
    ENDS = 3
    """The same row of the first or last stage."""


@attrs.define
class Catalogue:
    """Names, works, scopes, phases and kinds in use, each once, in order of first use.

    Chunks share their pieces, so what these fold and merge into is remembered for the pieces themselves.
    """

    names: dict[str, int] = attrs.field(factory=dict)
    works: dict[Work, int] = attrs.field(factory=dict)
    scopes: dict[Scope, int] = attrs.field(factory=dict)
    phases: dict[Phase, int] = attrs.field(factory=dict)
    kinds: dict[Kind, int] = attrs.field(factory=dict)
    _folds: dict[int, tuple[object, bool]] = attrs.field(factory=dict)
    _folded: dict[int, tuple[object, Work]] = attrs.field(factory=dict)
    _merged: dict[tuple[tuple[int, float], ...], tuple[object, int]] = attrs.field(factory=dict)
    blocks: dict[Hashable, _Block] = attrs.field(factory=dict)

    def folded(self, pieces: Sequence[Piece] | Collective) -> Work:
        """All work of some pieces with their collectives folded into it."""
        # The pieces are kept with their work, so that no others get their number.
        if id(pieces) not in self._folded:
            work = _folded(pieces) if isinstance(pieces, Collective) else folded(pieces)
            self._folded[id(pieces)] = pieces, work
        return self._folded[id(pieces)][1]

    def folds(self, pieces: Sequence[Piece]) -> bool:
        """Whether pieces are all work that folds into one row."""
        if id(pieces) not in self._folds:
            self._folds[id(pieces)] = pieces, not any(isinstance(piece, Beside) for piece in pieces)
        return self._folds[id(pieces)][1]

    def merged(self, pending: Sequence[tuple[Work, float]]) -> int:
        """The number of the work that some works, each so many times, amount to; NONE for no work."""
        key = tuple((id(work), times) for work, times in pending)
        if key not in self._merged:
            work = merged((term, count * times) for terms, times in pending for term, count in terms)
            self._merged[key] = tuple(pending), self.works.setdefault(work, len(self.works)) if work else NONE
        return self._merged[key][1]


COLUMNS = ("op", "name", "work", "phase", "kind", "size_bytes", "scope", "meeting")
"""What a row of a template has, in this order: a :class:`versim.Op`, indices into the catalogue, the bytes of the full
tensor, and a :class:`Meeting`; NONE for what only communications have, and only computations."""

Row = tuple[int, int, int, int, int, int, int, int]


@attrs.define
class Template:
    """Rows, and those that others depend on, NONE where there are none.

    Attributes:
        rows: See :data:`COLUMNS`.
        layer: Of each row, counted from the chunk's first.
        dependencies: Of each row.
        end: What the next task waits for.
        beside: Communication beside the end.
        sent: Message that the next task waits for.
        chain: Last communication between replicas.
    """

    rows: list[Row] = attrs.field(factory=list)
    layer: list[int] = attrs.field(factory=list)
    dependencies: list[list[int]] = attrs.field(factory=list)
    end: int = NONE
    beside: int = NONE
    sent: int = NONE
    chain: int = NONE


class _Block:
    """Rows of a template that can be written again further down, where what they begin with is the same.

    Args:
        template: Where they stand.
        start: Where they begin; they are the last.
        tail: What follows waits for.
        pending: Work that has no row yet.
        held: What must not be forgotten, for it is known by its place in memory.
    """

    def __init__(
        self, template: Template, start: int, tail: list[int], pending: list[tuple[Work, float]], held: object
    ) -> None:
        self._rows = template.rows[start:]
        # Counted from where they begin, and apart from codes of what is outside, which are below zero, too.
        self._dependencies = [_counted(after, start) for after in template.dependencies[start:]]
        self._tail = _counted(tail, start)
        self._pending, self._held = tuple(pending), held

    def written(self, template: Template, layer: int) -> tuple[list[int], list[tuple[Work, float]]]:
        """Write them again, for a layer; gives tail and pending."""
        start = len(template.rows)
        template.rows += self._rows
        template.layer += [layer] * len(self._rows)
        template.dependencies.extend(
            [[row + start if inside else row for row, inside in after] for after in self._dependencies]
        )
        return [row + start if inside else row for row, inside in self._tail], list(self._pending)


def _counted(rows: Iterable[int], start: int) -> list[tuple[int, bool]]:
    return [(row - start, True) if row >= 0 else (row, False) for row in rows]


class TemplateWriter:
    """Writes one template, merging pieces as the granularity asks.

    Args:
        catalogue: Where names, works and scopes go.
        granularity: What a compute row stands for.
        phase: Label of the rows.
        label: What a row that stands for a whole pass is called.
    """

    def __init__(self, catalogue: Catalogue, granularity: Granularity, phase: Phase, label: str) -> None:
        self._catalogue = catalogue
        self._granularity = granularity
        self._phase = catalogue.phases.setdefault(phase, len(catalogue.phases))
        self._label = label
        self._template = Template()
        self._tail: list[int] = [Outside.PREVIOUS, Outside.PREVIOUS_BESIDE, Outside.PREVIOUS_SEND]
        self._pending: list[tuple[Work, float]] = []
        self._layer = NONE
        self._name = label
        self._chain: int = Outside.CHAIN

    def receive(self, size_bytes: int, *, waits: bool, serial: bool = False) -> None:
        """A message that the pass needs; posted once the previous task has ended, or one task ahead.

        Args:
            size_bytes: Of the message.
            waits: False posts it ahead.
            serial: Wait until the previous task's message has arrived, too.
        """
        after: list[int] = [Outside.PREVIOUS if waits else Outside.BEFORE_PREVIOUS]
        if waits and serial:
            after.append(Outside.PREVIOUS_SEND)
        row = self._communication(Op.RECV, "receive", Kind.POINT_TO_POINT, size_bytes, ("pp",), Meeting.NEXT, after)
        self._tail.append(row)

    def send(self, size_bytes: int, *, waits: bool) -> None:
        """The message that the pass ends with."""
        self.flush()
        row = self._communication(Op.SEND, "send", Kind.POINT_TO_POINT, size_bytes, ("pp",), Meeting.NEXT, self._tail)
        if waits:
            self._template.sent = row

    def section(self, name: str, pieces: Sequence[Piece], layer: int = NONE, times: int = 1) -> None:
        """The pieces of one layer, or of ``times`` equal ones if nothing has to be told apart.

        Args:
            name: What rows that stand for more than an operator are called at layer granularity.
            pieces: In order.
            layer: Counted from the chunk's first.
            times: Above 1 only at stage granularity.
        """
        if self._granularity is Granularity.STAGE:
            if self._catalogue.folds(pieces):
                self._pending.append((self._catalogue.folded(pieces), times))
                return
            for _ in range(times):
                self._pieces_again(pieces)
            return
        if times != 1:
            raise ValueError("equal layers are one row at stage granularity only")
        self._layer, self._name = layer, f"{name} {self._label}"
        self._pieces_again(pieces)
        self.flush()
        self._layer, self._name = NONE, self._label

    def _pieces_again(self, pieces: Sequence[Piece]) -> None:
        """Rows of pieces: those of equal layers that begin alike are copies of one another."""
        start, blocks = len(self._template.rows), self._catalogue.blocks
        pending = tuple((id(work), times) for work, times in self._pending)
        # Rows before count from here.
        tail = tuple(row - start if row >= 0 else (row,) for row in self._tail)
        key = id(pieces), self._name, self._phase, tail, pending
        block = blocks.get(key)
        if block is None:
            held = tuple(work for work, _ in self._pending)
            self._pieces(pieces)
            blocks[key] = _Block(self._template, start, self._tail, self._pending, (pieces, held))
        else:
            self._tail, self._pending = block.written(self._template, self._layer)

    def _pieces(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            if isinstance(piece, Compute):
                self._compute(piece)
            elif isinstance(piece, Collective):
                if self._granularity is Granularity.STAGE:
                    self._pending.append((self._catalogue.folded(piece), 1))
                else:
                    self.flush()
                    self._tail = [self._collective(piece, self._tail)]
            else:
                self._beside(piece)

    def _compute(self, piece: Compute) -> None:
        if self._granularity is Granularity.OPERATOR:
            self._tail = [self._row(Op.COMPUTE, piece.name, self._tail, self._catalogue.merged([(piece.work, 1)]))]
        else:
            self._pending.append((piece.work, 1))

    def _beside(self, piece: Beside) -> None:
        self.flush()
        start = communication = self._tail
        for collective in piece.collectives:
            communication = [self._collective(collective, communication)]
        self._tail = start
        for compute in piece.computes:
            self._compute(compute)
        self.flush()
        self._tail = [*self._tail, *(row for row in communication if row not in start)]

    def flush(self) -> None:
        """Writes the compute row that is being gathered."""
        work = self._catalogue.merged(self._pending)
        self._pending.clear()
        if work != NONE:
            self._tail = [self._row(Op.COMPUTE, self._name, self._tail, work)]

    def slowed(self, collectives: Iterable[Collective], share: float) -> None:
        """Communication that runs beside what comes next takes so much of the device from it.

        Args:
            collectives: What runs beside it.
            share: Of the device, while they last.
        """
        if share:
            work = tuple((term, count * share) for piece in collectives for term, count in _folded(piece))
            self._pending += [(work, 1)] if work else []

    def computed(self, name: str, work: Work) -> None:
        """A compute row of its own."""
        if work:
            self.flush()
            self._tail = [self._row(Op.COMPUTE, name, self._tail, self._catalogue.merged([(work, 1)]))]

    def met(self, collective: Collective, meeting: Meeting) -> None:
        """A collective that everything behind it waits for."""
        self.flush()
        self._tail = [self._collective(collective, self._tail, meeting)]

    def chained(self, collectives: Iterable[Collective], *, now: bool = True, phase: Phase | None = None) -> int:
        """Communication between replicas, beside what follows and behind what replicas have communicated so far.

        Returns the last row, or that of the chain so far; see :meth:`wait_for`.

        Args:
            collectives: One after another.
            now: True if they begin no earlier than what comes next; otherwise when their turn has come.
            phase: Label, if it is another than the template's.
        """
        for collective in collectives:
            if now:
                self.flush()
            after = [*self._tail, self._chain] if now else [self._chain]
            row = self._collective(collective, list(dict.fromkeys(after)), phase=phase)
            self._chain = self._template.chain = row
        return self._chain

    def wait_for(self, row: int) -> None:
        """What follows waits for a row, too."""
        self.flush()
        if row not in self._tail:
            self._tail.append(row)

    def finished(self) -> Template:
        """The template."""
        self.flush()
        inside = [row for row in self._tail if row >= 0]
        computed = [row for row in inside if self._template.rows[row][0] == Op.COMPUTE]
        self._template.end = computed[0] if computed else (inside[0] if inside else NONE)
        others = [row for row in inside if row != self._template.end]
        if len(others) > 1:
            raise ValueError("a pass ends with a computation and one communication beside it")
        self._template.beside = others[0] if others else NONE
        return self._template

    def _collective(
        self,
        piece: Collective,
        after: Sequence[int],
        meeting: Meeting = Meeting.ALONE,
        phase: Phase | None = None,
    ) -> int:
        about = (piece.name, piece.kind, piece.size_bytes, piece.axes)
        return self._communication(Op.COLLECTIVE, *about, meeting, after, phase)

    def _communication(
        self,
        op: Op,
        name: str,
        kind: Kind,
        size_bytes: int,
        axes: tuple[str, ...],
        meeting: Meeting,
        after: Sequence[int],
        phase: Phase | None = None,
    ) -> int:
        catalogue = self._catalogue
        names, kinds, scopes, phases = catalogue.names, catalogue.kinds, catalogue.scopes, catalogue.phases
        row = (
            int(op),
            names.setdefault(name, len(names)),
            NONE,
            self._phase if phase is None else phases.setdefault(phase, len(phases)),
            kinds.setdefault(kind, len(kinds)),
            size_bytes,
            scopes.setdefault(_scope(axes), len(scopes)),
            int(meeting),
        )
        return self._written(row, after)

    def _row(self, op: Op, name: str, after: Sequence[int], work: int = NONE) -> int:
        names = self._catalogue.names
        number = names.setdefault(name, len(names))
        return self._written((int(op), number, work, self._phase, NONE, NONE, NONE, NONE), after)

    def _written(self, row: Row, after: Sequence[int]) -> int:
        template = self._template
        template.rows.append(row)
        template.layer.append(self._layer)
        template.dependencies.append(list(after))
        return len(template.rows) - 1


@functools.cache
def _scope(axes: tuple[str, ...]) -> Scope:
    """One object for equal scopes, which are looked up for every row."""
    return Scope(axes=axes)


def folded(pieces: Iterable[Piece]) -> Work:
    """All work of some pieces with their collectives folded into it."""
    pairs: list[tuple[Term, float]] = []
    for piece in pieces:
        if isinstance(piece, Compute):
            pairs.extend(piece.work)
        elif isinstance(piece, Collective):
            pairs.extend(_folded(piece))
    return merged(pairs)


def _folded(piece: Collective) -> Work:
    return ((Folded(piece.kind, piece.size_bytes, "+".join(piece.axes), piece.participants), 1),)
