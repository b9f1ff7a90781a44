"""What can be listed of every question of a store: each field, and the table that it is read from.

A hundred thousand rows of thirty fields take longer to become Python objects than to be found, so who lists says which
fields it looks at, and looks at columns; rows are made of those that are shown.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Self, overload

import attrs

PS_PER_S = "1e12"
_PARTS = ("makespan", "compute", "communication", "exposed_communication", "idle")

FIELDS: dict[str, str] = {
    "sweep": "m.sweep",
    "number": "m.number",
    "settings": "m.settings",
    "workload": "m.workload",
    "pin": "m.pin",
    "instance": "m.instance",
    "key": "m.key",
    "simulator": "i.backend",
    "status": (
        "CASE WHEN m.failure <> '' THEN 'failed' WHEN q.refusal <> '' THEN 'refused' "
        "WHEN a.status = 'completed' AND a.failed_checks <> '[]' THEN 'check failed' "
        "ELSE coalesce(a.status, 'open') END"
    ),
    **{f"{part}_ps": f"a.{part}_ps" for part in _PARTS},
    **{f"{part}_s": f"a.{part}_ps / {PS_PER_S}" for part in _PARTS},
    "wall_s": "a.wall_s",
    "engine": "a.engine",
    "ranks": "p.ranks",
    "nodes": "p.nodes",
    "mesh": "p.mesh",
    "digest": "q.digest",
    "fingerprint": "q.fingerprint",
    "tokens": "q.tokens",
    "mfu": "q.mfu",
    "tokens_per_s_per_rank": "q.tokens_per_s_per_rank",
    "persistent_bytes": "q.persistent_bytes",
    "peak_bytes": "q.peak_bytes",
    "fits": "q.fits",
    "failed_checks": "nullif(a.failed_checks, '[]')",
    "diagnosis": "nullif(a.diagnosis, '[]')",
    "why": "CASE WHEN m.failure <> '' THEN m.failure ELSE coalesce(q.refusal, '') END",
}
"""Field ─▶ how it is read; times as the store has them, in picoseconds, and in seconds. Empty lists are NULL."""

IDENTIFYING = ("sweep", "number", "settings", "workload", "pin", "instance", "status")
"""Fields that every listing has."""

_MEANINGS: dict[str, Callable[[Any], Any]] = {
    "settings": json.loads,
    "mesh": lambda text: json.loads(text) if text else {},
    "failed_checks": lambda text: tuple(json.loads(text)) if text else (),
    "diagnosis": lambda text: tuple(json.loads(text)) if text else (),
    "fits": lambda number: None if number is None else bool(number),
}
"""Fields whose value is not what the file has."""

_JOINS = {
    "q": "LEFT JOIN questions q ON q.id = m.question",
    "a": "LEFT JOIN answers a ON a.id = q.answer",
    "p": "LEFT JOIN inputs p ON p.digest = q.digest",
    "i": "LEFT JOIN instances i ON i.fingerprint = q.fingerprint",
}


def query(fields: Collection[str] | None, *, of_one_sweep: bool) -> tuple[tuple[str, ...], str]:
    """The fields of each row in order, and the query that gives them; its parameter is the sweep's number."""
    names = tuple(name for name in FIELDS if fields is None or name in fields or name in IDENTIFYING)
    read = ", ".join(FIELDS[name] for name in names)
    joined = [join for table, join in _JOINS.items() if table in "qa" or f"{table}." in read]
    text = f"SELECT {read} FROM members m {' '.join(joined)}"  # noqa: S608 - texts of this module only
    if of_one_sweep:
        text += " WHERE m.sweep = ?"
    return names, f"{text} ORDER BY m.sweep, m.number, m.workload, m.pin, m.instance"


@attrs.frozen(eq=False, repr=False)
class Listing(Sequence[dict[str, Any]]):
    """Rows of a store: a sequence of flat mappings, each made when it is looked at.

    Attributes:
        columns: Field ─▶ its value in every row of the store; settings that say the same are one object.
        order: Which rows these are.
    """

    columns: Mapping[str, Sequence[Any]]
    order: Sequence[int]

    @classmethod
    def of(cls, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Self:
        """Rows as the file has them, of the fields ``names``."""
        columns = zip(*rows, strict=True) if rows else [()] * len(names)
        return cls({name: _meant(name, column) for name, column in zip(names, columns, strict=True)}, range(len(rows)))

    def column(self, name: str) -> Sequence[Any]:
        """One field of every row."""
        values = self.columns[name]
        return values if self.order == range(len(values)) else [*map(values.__getitem__, self.order)]

    def distinct(self, name: str) -> Collection[Any]:
        """The values that a field has in any row; of settings, one object of each."""
        # Who lists all in another order has the same values, and reads them where they lie.
        values = self.columns[name] if len(self.order) == len(self.columns[name]) else self.column(name)
        return dict(zip(map(id, values), values, strict=True)).values() if name == "settings" else set(values)

    def __len__(self) -> int:
        return len(self.order)

    @overload
    def __getitem__(self, at: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, at: slice) -> Self: ...
    def __getitem__(self, at: int | slice) -> dict[str, Any] | Self:
        if isinstance(at, slice):
            return attrs.evolve(self, order=self.order[at])
        row = self.order[at]
        return {name: values[row] for name, values in self.columns.items()}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        names = tuple(self.columns)
        for row in zip(*map(self.column, names), strict=True):
            yield dict(zip(names, row, strict=True))


def _meant(name: str, column: Sequence[Any]) -> Sequence[Any]:
    """A column of the file as what it stands for."""
    if name not in _MEANINGS:
        return column
    # Of a hundred thousand rows most say what others say.
    meaning = {written: _MEANINGS[name](written) for written in set(column)}
    return [meaning[written] for written in column]
