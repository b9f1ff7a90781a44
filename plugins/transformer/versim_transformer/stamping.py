"""Stamping: templates become a graph, one copy per task of every stage, all columns at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from itertools import chain
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import NONE, ExecutionGraph, FaultsError, Mesh, Op, checked, unwritable

from versim_transformer.templates import COLUMNS, Catalogue, Meeting, Outside, Template

Column = NDArray[np.int64]

LARGEST_ROWS = 40_000_000
"""About 170 bytes each at their peak, 7 GB in all."""


@attrs.frozen(eq=False, kw_only=True)
class Tasks:
    """What all stages do, stage by stage and each in its order; all columns are int64 (tasks,).

    Attributes:
        template: Index of the template that is stamped.
        stage: Where.
        virtual: The chunk's place among all chunks of the model, in the order of its layers.
        microbatch: NONE where there is none.
        backward: 1 in a backward pass, 0 otherwise.
        first_layer: Number of the chunk's first layer.
    """

    template: Column
    stage: Column
    virtual: Column
    microbatch: Column
    backward: Column
    first_layer: Column


@attrs.frozen(eq=False)
class _Rows:
    """Templates one after another: each column of all of them, and where each begins."""

    start: Column
    columns: dict[str, Column]
    dependency_start: Column
    dependency: Column
    ends: dict[str, Column]

    @property
    def form(self) -> bytes:
        """What tells templates apart, but for sizes."""
        columns = [column for name, column in self.columns.items() if name != "size_bytes"]
        told = (self.start, *columns, self.dependency_start, self.dependency, *self.ends.values())
        return b"".join(column.tobytes() for column in told)


@attrs.frozen(eq=False, kw_only=True)
class Stamped:
    """What steps have in common whose templates and tasks have the same form: all columns but the sizes.

    Attributes:
        columns: Of the graph, by name.
        described: int64 (communications,), the row of the templates that describes each.
        graph: The first of these steps, once it is made.
    """

    columns: dict[str, Any]
    described: Column
    graph: list[ExecutionGraph] = attrs.field(factory=list)


_RECENT: OrderedDict[Any, Stamped] = OrderedDict()

MOST_RECENT = 2_000_000
"""Rows that are remembered in all, of about 60 bytes each."""


def stamped(
    templates: Sequence[Template],
    tasks: Callable[[], Tasks],
    form: Hashable,
    catalogue: Catalogue,
    mesh: Mesh,
    notes: tuple[str, ...] = (),
) -> ExecutionGraph:
    """The graph of all tasks.

    Steps of one form share their columns: of a thousand configurations most differ in sizes and work only.

    Args:
        templates: What is stamped.
        tasks: Gives what is done.
        form: What the tasks follow from.
        catalogue: What the templates' numbers mean.
        mesh: The ranks.
        notes: For the graph.

    Raises:
        FaultsError: It has more rows than fit, or something is wrong with it.
    """
    rows = _rows_of(templates)
    key = (form, mesh.names, *(tuple(table) for table in (catalogue.scopes, catalogue.phases, catalogue.kinds)))
    key += (tuple(catalogue.names), len(catalogue.works), rows.form)
    known = _RECENT.pop(key, None)
    made = _stamped(rows, tasks()) if known is None else known
    pipeline = mesh.axis("pp")
    graph = ExecutionGraph(
        mesh=mesh,
        size_bytes=unwritable(rows.columns["size_bytes"][made.described]),
        placements=tuple(mesh.placement({"pp": stage}) for stage in range(mesh.sizes[pipeline])),
        names=tuple(catalogue.names),
        works=tuple(catalogue.works),
        scopes=tuple(catalogue.scopes),
        algorithms=("",),
        phases=tuple(catalogue.phases),
        kinds=tuple(catalogue.kinds),
        notes=notes,
        **made.columns,
    )
    checked(graph, "training step", like=next(iter(made.graph), None))
    if graph.node_count <= MOST_RECENT // 2:
        made.graph[:] = [graph]
        _RECENT[key] = made
        while sum(len(one.columns["op"]) for one in _RECENT.values()) > MOST_RECENT:
            _RECENT.popitem(last=False)
    return graph


def _stamped(rows: _Rows, tasks: Tasks) -> Stamped:
    lengths = np.diff(rows.start)[tasks.template]
    total = int(lengths.sum())
    if total > LARGEST_ROWS:
        fault = (
            f"$.granularity: {total:,} nodes are more than the {LARGEST_ROWS:,} that fit into memory; choose a coarser"
        )
        raise FaultsError("training step", [f"{fault} one, or fewer microbatches"])
    first = np.cumsum(lengths) - lengths
    task = np.repeat(np.arange(len(lengths)), lengths)
    source = np.arange(total) + np.repeat(rows.start[tasks.template] - first, lengths)
    outside = _outside(rows, tasks, first)
    start, dependency = _dependencies(rows, tasks, source, first, outside)
    match, communications = _matches(rows, tasks, task, source)
    columns = rows.columns
    layer = columns["layer"][source]
    made: dict[str, Any] = {
        "op": columns["op"][source].astype(np.int8),
        "placement": tasks.stage[task].astype(np.int32),
        "name": columns["name"][source].astype(np.int32),
        "work": columns["work"][source].astype(np.int32),
        "phase": columns["phase"][source].astype(np.int32),
        "layer": np.where(layer == NONE, NONE, layer + tasks.first_layer[task]).astype(np.int32),
        "microbatch": tasks.microbatch[task].astype(np.int32),
        "match": match.astype(np.int32),
        "dependency_start": start,
        "dependency": dependency.astype(np.int32),
        "kind": columns["kind"][communications].astype(np.int32),
        "scope": columns["scope"][communications].astype(np.int32),
        "algorithm": np.zeros(len(communications), dtype=np.int32),
        "tag": np.full(len(communications), NONE, dtype=np.int64),
    }
    if total <= MOST_RECENT // 2:
        # Steps share them, so nobody may write to them.
        made = {name: unwritable(column) for name, column in made.items()}
    return Stamped(columns=made, described=communications)


def _rows_of(templates: Sequence[Template]) -> _Rows:
    lengths = [len(template.rows) for template in templates]
    values = chain.from_iterable(chain.from_iterable(template.rows for template in templates))
    table = np.fromiter(values, dtype=np.int64, count=sum(lengths) * len(COLUMNS)).reshape(-1, len(COLUMNS))
    columns = {name: np.ascontiguousarray(column) for name, column in zip(COLUMNS, table.T, strict=True)}
    columns["layer"] = np.array([layer for template in templates for layer in template.layer], dtype=np.int64)
    counts = [len(after) for template in templates for after in template.dependencies]
    listed = [row for template in templates for after in template.dependencies for row in after]
    ends = {
        name: np.array([getattr(template, name) for template in templates], dtype=np.int64)
        for name in ("end", "beside", "sent", "chain")
    }
    return _Rows(_starts(lengths), columns, _starts(counts), np.array(listed, dtype=np.int64), ends)


def _starts(counts: Sequence[int] | Column) -> Column:
    start = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=start[1:])
    return start


def _outside(rows: _Rows, tasks: Tasks, first: Column) -> Column:
    """The row that each code stands for, per task: column −code − 1 of (tasks, codes); NONE where there is none."""
    found = np.full((len(first), len(Outside)), NONE, dtype=np.int64)
    if not len(first):
        return found

    def ending(name: str) -> Column:
        local = rows.ends[name][tasks.template]
        return np.where(local == NONE, NONE, local + first)

    def earlier(column: Column, by: int) -> Column:
        """The entry of the task ``by`` places before on the same stage."""
        moved = np.full_like(column, NONE)
        moved[by:] = np.where(tasks.stage[by:] == tasks.stage[:-by], column[:-by], NONE)
        return moved

    ends = ending("end")
    found[:, -Outside.PREVIOUS - 1] = earlier(ends, 1)
    found[:, -Outside.PREVIOUS_BESIDE - 1] = earlier(ending("beside"), 1)
    found[:, -Outside.PREVIOUS_SEND - 1] = earlier(ending("sent"), 1)
    found[:, -Outside.BEFORE_PREVIOUS - 1] = earlier(ends, 2)
    chain = ending("chain")
    # Rows grow along a stage and from stage to stage: the latest is the highest, if it is of this stage.
    latest = np.maximum.accumulate(chain)
    stage_first = first[np.searchsorted(tasks.stage, tasks.stage)]
    found[:, -Outside.CHAIN - 1] = earlier(np.where(latest >= stage_first, latest, NONE), 1)
    return found


def _dependencies(rows: _Rows, tasks: Tasks, source: Column, first: Column, outside: Column) -> tuple[Column, Column]:
    # The entries of a template stand one after another, and so do those of a task.
    begin = rows.dependency_start[rows.start]
    counts = np.diff(begin)[tasks.template]
    starts = _starts(counts)
    shift = begin[tasks.template] - starts[:-1]
    total = int(starts[-1])
    local = rows.dependency[np.arange(total) + np.repeat(shift, counts)]
    row = local + np.repeat(first, counts)
    elsewhere = np.flatnonzero(local < 0)
    of_task = np.searchsorted(starts, elsewhere, side="right") - 1
    row[elsewhere] = outside[of_task, -local[elsewhere] - 1]
    start = np.append(rows.dependency_start[source] - np.repeat(shift, np.diff(rows.start)[tasks.template]), total)
    kept = row != NONE
    return _starts(kept)[start], row[kept]


def _matches(rows: _Rows, tasks: Tasks, task: Column, source: Column) -> tuple[Column, Column]:
    """The communication of every row, and for each communication a template row that describes it."""
    meeting = rows.columns["meeting"][source]
    here = np.flatnonzero(meeting != NONE)
    match = np.full(len(source), NONE, dtype=np.int64)
    if not len(here):
        return match, here
    # Most are alone; the others are known by a number that their parts have in common.
    shared = np.flatnonzero(meeting[here] > Meeting.ALONE)
    keys = _meeting_keys(tasks, task[here[shared]], meeting[here[shared]], rows.columns["op"][source[here[shared]]])
    first = np.zeros(int(keys.max(initial=0)) + 1, dtype=np.int64)
    first[keys[::-1]] = np.arange(len(keys))[::-1]  # the last assignment stays
    opener = shared[first[keys]]
    opens = np.ones(len(here), dtype=bool)
    opens[shared] = opener == shared
    match[here] = np.cumsum(opens) - 1
    match[here[shared]] = match[here[opener]]
    return match, source[here[opens]]


def _meeting_keys(tasks: Tasks, task: Column, meeting: Column, op: Column) -> Column:
    """A number that the parts of one communication have in common; of those that are not alone."""
    microbatches = int(tasks.microbatch.max()) + 1
    chunks = int(tasks.virtual.max()) + 2
    # A message is known by the chunk that it is for: forward the next one, backward the one before.
    step = np.where(tasks.backward[task] == 1, -1, 1)
    target = tasks.virtual[task] + np.where(op == Op.SEND, step, 0)
    message = (tasks.backward[task] * chunks + target) * microbatches + tasks.microbatch[task]
    return np.where(meeting == Meeting.NEXT, message, 2 * chunks * microbatches + meeting)
