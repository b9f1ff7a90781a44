"""Answers in one SQLite file, by what was asked: several processes may write and read it, and no death spoils it.

Write-ahead log: who is killed loses what it had not committed, and nothing else. A file says what it is
(``application_id``) and which form its tables have (``user_version``); older forms are brought up to date when they are
opened, in one transaction.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import attrs

from versim.errors import VersimError
from versim.storage import tables
from versim.storage.answers import Answered, AnswerRow
from versim.storage.listing import Listing, query

APPLICATION = 0x7665_7273
"""``vers``."""

IN_MEMORY = Path(":memory:")
"""A store that lasts as long as it is open."""

WAIT_S = 30.0
"""For another process that writes."""

_MOST_VARIABLES = 500


class StoreError(VersimError):
    """A store that cannot be opened, read or written.

    Attributes:
        path: The file.
        problem: What is wrong, and what to do.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(path, problem)
        self.path, self.problem = path, problem

    def said(self) -> str:
        """What, where and how."""
        return f"{self.path}: {self.problem}"


@attrs.frozen(kw_only=True)
class SweepRow:
    """A sweep in a store.

    Attributes:
        id: Its number.
        name: Of the scenario.
        scenario: As YAML.
        keys: What varies.
        command: What was typed.
        reference: Label of the instance that others are held against.
        started: When, in UTC.
    """

    id: int
    name: str
    scenario: str
    keys: tuple[str, ...]
    command: str
    reference: str
    started: str


class Store:
    """One store, open."""

    def __init__(self, path: str | Path, *, create: bool = False) -> None:
        """Open a store.

        Args:
            path: The file.
            create: Make it if it is not there.

        Raises:
            StoreError: It is not there, no store, of a later version, or locked for long.
        """
        self.path = Path(path)
        if self.path.is_dir():
            raise StoreError(self.path, "it is a folder; name a file in it")
        if not create and not self.path.is_file():
            raise StoreError(self.path, "there is no such file; `versim sweep --store` makes one")
        if not self.path.absolute().parent.is_dir():
            raise StoreError(self.path, f"the folder {self.path.parent} does not exist; make it first")
        with self._told():
            # Garbage is collected in whatever thread runs then, and has to be closed there.
            self._connection = sqlite3.connect(self.path, timeout=WAIT_S, isolation_level=None, check_same_thread=False)
        # Who keeps a store and forgets it leaves no file open; Python warns of such from 3.13 on.
        weakref.finalize(self, self._connection.close)
        try:
            with self._told():
                self._made_ready(create=create)
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _made_ready(self, *, create: bool) -> None:
        application, version = self._pragma("application_id"), self._pragma("user_version")
        empty = not self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if application != APPLICATION and not (create and empty):
            raise StoreError(self.path, "it is a database, but none of versim's; name another file")
        if version > tables.VERSION:
            raise StoreError(
                self.path, f"its tables have version {version}, this versim reads up to {tables.VERSION}; update versim"
            )
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        if version < tables.VERSION or application != APPLICATION:
            self._migrate()

    def _migrate(self) -> None:
        with self._writing():
            # Another process may have done it while this one waited.
            for script in tables.MIGRATIONS[self._pragma("user_version") :]:
                for statement in filter(str.strip, script.split(";")):
                    self._connection.execute(statement)
            self._connection.execute(f"PRAGMA application_id = {APPLICATION}")
            self._connection.execute(f"PRAGMA user_version = {tables.VERSION}")

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """All or nothing of what the block writes."""
        with self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise StoreError(self.path, _problem(error)) from error
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise StoreError(self.path, _DAMAGED) from error

    def begin(
        self,
        *,
        key: str,
        name: str,
        scenario: str,
        keys: Sequence[str],
        command: str = "",
        reference: str = "",
        provenance: Mapping[str, str] | None = None,
    ) -> int:
        """The number of a sweep; of the one with this ``key`` if there is one, which then goes on."""
        with self._writing():
            self._connection.execute(
                "INSERT INTO sweeps (key, name, scenario, keys, command, reference, provenance) "
                "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
                (key, name, scenario, json.dumps(list(keys)), command, reference, json.dumps(dict(provenance or {}))),
            )
            (number,) = self._connection.execute("SELECT id FROM sweeps WHERE key = ?", (key,)).fetchone()
        return int(number)

    def sweeps(self) -> tuple[SweepRow, ...]:
        """Every sweep, in the order in which they were begun."""
        with self._told():
            rows = self._connection.execute(
                "SELECT id, name, scenario, keys, command, reference, started FROM sweeps ORDER BY id"
            ).fetchall()
            return tuple(
                SweepRow(
                    id=row[0],
                    name=row[1],
                    scenario=row[2],
                    keys=tuple(json.loads(row[3])),
                    command=row[4],
                    reference=row[5],
                    started=row[6],
                )
                for row in rows
            )

    def known(self, keys: Sequence[str]) -> set[str]:
        """Which of some questions have an answer or a refusal."""
        found: set[str] = set()
        with self._told():
            for start in range(0, len(keys), _MOST_VARIABLES):
                some = keys[start : start + _MOST_VARIABLES]
                marks = ", ".join("?" * len(some))
                rows = self._connection.execute(
                    f"SELECT key FROM questions WHERE key IN ({marks}) AND (answer IS NOT NULL OR refusal <> '')",  # noqa: S608 - marks only
                    some,
                )
                found.update(row[0] for row in rows)
        return found

    def answer(self, digest: str, fingerprint: str) -> AnswerRow | None:
        """What an instance answered about inputs, without spans; None if it was not asked."""
        with self._told():
            row = self._connection.execute(
                "SELECT status, makespan_ps, wall_s, engine, compute_ps, communication_ps, exposed_communication_ps, "
                "idle_ps, groups, failed_checks, diagnosis FROM answers WHERE digest = ? AND fingerprint = ?",
                (digest, fingerprint),
            ).fetchone()
            if row is None:
                return None
            return AnswerRow(
                digest=digest,
                fingerprint=fingerprint,
                status=row[0],
                makespan_ps=row[1],
                wall_s=row[2],
                engine=row[3],
                compute_ps=row[4],
                communication_ps=row[5],
                exposed_communication_ps=row[6],
                idle_ps=row[7],
                groups=tuple(tuple(group) for group in json.loads(row[8])),
                failed_checks=tuple(json.loads(row[9])),
                diagnosis=tuple(json.loads(row[10])),
            )

    def spans(self, digest: str, fingerprint: str) -> bytes | None:
        """When each node of an answer ran; None where that was not kept."""
        with self._told():
            row = self._connection.execute(
                "SELECT spans FROM answers WHERE digest = ? AND fingerprint = ?", (digest, fingerprint)
            ).fetchone()
        return None if row is None else row[0]

    def told(self, fingerprints: Sequence[str]) -> dict[tuple[str, str], AnswerRow]:
        """What some instances answered, by digest and fingerprint: how it ended and when, and what it failed."""
        found: dict[tuple[str, str], AnswerRow] = {}
        with self._told():
            for fingerprint in fingerprints:
                for digest, status, makespan_ps, engine, failed in self._connection.execute(
                    "SELECT digest, status, makespan_ps, engine, failed_checks FROM answers WHERE fingerprint = ?",
                    (fingerprint,),
                ):
                    found[digest, fingerprint] = AnswerRow(
                        digest=digest,
                        fingerprint=fingerprint,
                        status=status,
                        makespan_ps=makespan_ps,
                        wall_s=None,
                        engine=engine,
                        failed_checks=tuple(json.loads(failed)),
                    )
        return found

    def sized(self, keys: Sequence[str]) -> dict[str, Any]:
        """What is known of steps without a simulation: key ─▶ plain data."""
        found: dict[str, Any] = {}
        with self._told():
            for start in range(0, len(keys), _MOST_VARIABLES):
                some = keys[start : start + _MOST_VARIABLES]
                marks = ", ".join("?" * len(some))
                rows = self._connection.execute(f"SELECT key, content FROM sized WHERE key IN ({marks})", some)  # noqa: S608 - marks only
                found.update((key, json.loads(content)) for key, content in rows)
        return found

    def keep_sized(self, found: Mapping[str, Any]) -> None:
        """Keep what was found out about steps."""
        with self._writing():
            self._connection.executemany(
                "INSERT OR IGNORE INTO sized VALUES (?, ?)", [(key, json.dumps(value)) for key, value in found.items()]
            )

    def add(self, sweep: int, answered: Iterable[Answered]) -> None:
        """Add what questions brought, all of it or nothing; what is there already stays as it is."""
        found = list(answered)
        with self._writing():
            run = self._connection.executemany
            run(
                "INSERT OR IGNORE INTO inputs VALUES (?, ?, ?, ?, ?, ?)",
                {
                    one.inputs.digest: (
                        one.inputs.digest,
                        one.inputs.ranks,
                        one.inputs.nodes,
                        one.inputs.communications,
                        json.dumps(one.inputs.mesh),
                        one.inputs.system,
                    )
                    for one in found
                    if one.inputs
                }.values(),
            )
            run(
                "INSERT OR IGNORE INTO instances VALUES (?, ?, ?, ?, ?)",
                {
                    one.instance.fingerprint: (
                        one.instance.fingerprint,
                        one.instance.backend,
                        json.dumps(one.instance.options, default=str),
                        one.instance.network,
                        one.instance.code,
                    )
                    for one in found
                    if one.instance
                }.values(),
            )
            run(
                "INSERT INTO answers VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "spans = coalesce(spans, excluded.spans)",
                [_of_answer(one.answer) for one in found if one.answer],
            )
            run(
                "INSERT OR IGNORE INTO questions VALUES (NULL, :key, "
                "(SELECT id FROM answers WHERE digest = :digest AND fingerprint = :fingerprint), :digest, "
                ":fingerprint, :refusal, :tokens, :mfu, :tokens_per_s_per_rank, :persistent_bytes, :peak_bytes, :fits)",
                [attrs.asdict(one.question) for one in found if one.question],
            )
            # What an earlier sweep asked in vain may be answered now.
            run(
                "UPDATE members SET question = (SELECT id FROM questions WHERE key = members.key) "
                "WHERE question IS NULL AND key = ?",
                [(one.question.key,) for one in found if one.question],
            )
            run(
                "INSERT OR REPLACE INTO members (sweep, number, settings, workload, pin, instance, key, failure, "
                "question) VALUES (?, ?, ?, ?, ?, ?, ?, ?, (SELECT id FROM questions WHERE key = ?))",
                [
                    (
                        sweep,
                        one.member.number,
                        json.dumps(one.member.settings, default=str),
                        one.member.workload,
                        one.member.pin,
                        one.member.instance,
                        one.member.key,
                        one.member.failure,
                        one.member.key,
                    )
                    for one in found
                ],
            )

    def rows(self, sweep: int | None = None, fields: Collection[str] | None = None) -> Listing:
        """What was asked and answered, a row per question, of one sweep or of all.

        Settings stand under ``settings``; figures that are not known are None. The status is how the answer ended, or
        ``failed``, ``refused``, ``check failed`` and, of what nobody answered, ``open``.

        Args:
            sweep: Its number.
            fields: Of :data:`versim.storage.listing.FIELDS`; all of them unless given. What identifies a question is
                always there.
        """
        names, text = query(fields, of_one_sweep=sweep is not None)
        with self._told():
            return Listing.of(names, self._connection.execute(text, () if sweep is None else (sweep,)).fetchall())


def _of_answer(answer: AnswerRow) -> tuple[Any, ...]:
    return (
        answer.digest,
        answer.fingerprint,
        answer.status,
        answer.makespan_ps,
        answer.wall_s,
        answer.engine,
        answer.compute_ps,
        answer.communication_ps,
        answer.exposed_communication_ps,
        answer.idle_ps,
        json.dumps(answer.failed_checks),
        json.dumps(answer.diagnosis),
        json.dumps(answer.groups),
        answer.spans,
    )


_DAMAGED = "it is no store of versim, or a damaged one; name another file"


def _problem(error: sqlite3.DatabaseError) -> str:
    said = str(error)
    if "not a database" in said or "malformed" in said or "decode" in said:
        return _DAMAGED
    if "locked" in said or "busy" in said:
        return f"another process has kept it locked for {WAIT_S:g} s; end that one, or try again"
    if "full" in said:
        return "the disk is full; make room and run the same again: what was stored is kept"
    if "readonly" in said or "unable to open" in said:
        return f"it cannot be written ({said}); see to its permissions"
    return said


def is_store(path: Path) -> bool:
    """Whether a file says that it is a store."""
    try:
        with path.open("rb") as stream:
            head = stream.read(72)
    except OSError:
        return False
    return head[:16] == b"SQLite format 3\0" and int.from_bytes(head[68:72], "big") == APPLICATION
