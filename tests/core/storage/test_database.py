"""The store of answers: what it keeps, refuses and survives."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from pathlib import Path

import attrs
import pytest
from versim.storage import database, tables
from versim.storage.answers import Answered, AnswerRow, InputsRow, InstanceRow, MemberRow, QuestionRow
from versim.storage.database import APPLICATION, Store, StoreError, is_store
from versim.storage.listing import FIELDS, IDENTIFYING


def answered(number: int = 0, makespan_ps: int | None = 10**12) -> Answered:
    """One question with all that belongs to it."""
    return Answered(
        member=MemberRow(number=number, settings={"tp": number}, workload="w", pin="p", instance="i", key=f"k{number}"),
        question=QuestionRow(key=f"k{number}", digest=f"d{number}", fingerprint="f", mfu=0.5, fits=True),
        inputs=InputsRow(digest=f"d{number}", ranks=2, nodes=3, communications=1, mesh={"tp": 2}, system="ring 2"),
        instance=InstanceRow(fingerprint="f", backend="b", options={"x": 1}, network="", code="b 1"),
        answer=AnswerRow(
            digest=f"d{number}",
            fingerprint="f",
            status="completed" if makespan_ps else "aborted",
            makespan_ps=makespan_ps,
            wall_s=0.1,
            engine="e",
            groups=(("compute", "forward", 2, 5),),
            failed_checks=("inputs: no",) if number == 3 else (),
            diagnosis=() if makespan_ps else ("gave up",),
        ),
    )


def begun(store: Store, key: str = "one") -> int:
    """A sweep in a store."""
    return store.begin(key=key, name="n", scenario="name: n", keys=["tp"])


def test_what_was_added_is_there_again(tmp_path: Path) -> None:
    """After the file was closed; and none of it twice."""
    path = tmp_path / "answers.db"
    with Store(path, create=True) as store:
        number = begun(store)
        store.add(number, [answered(0), answered(1, None), answered(3)])
        store.add(number, [answered(0)])
        assert begun(store) == number
        assert begun(store, "another") == number + 1
    assert is_store(path)
    with Store(path) as store:
        rows = store.rows(number)
        assert [(row["number"], row["status"], row["makespan_s"]) for row in rows] == [
            (0, "completed", 1.0),
            (1, "aborted", None),
            (3, "check failed", 1.0),
        ]
        assert rows[0]["settings"] == {"tp": 0}
        assert (rows[0]["fits"], rows[0]["mfu"], rows[2]["failed_checks"]) == (True, 0.5, ("inputs: no",))
        assert rows[1]["diagnosis"] == ("gave up",)
        assert store.known(["k0", "k1", "k2"]) == {"k0", "k1"}
        assert store.answer("d0", "f") == answered(0).answer
        assert store.answer("d0", "g") is None
        assert store.sweeps()[0].keys == ("tp",)


def test_a_listing_of_some_fields_says_of_them_what_all_fields_do(tmp_path: Path) -> None:
    """Who looks at few fields reads few, and rows that are left out or turned round stay those rows."""
    with Store(tmp_path / "answers.db", create=True) as store:
        store.add(begun(store), [answered(0), answered(1, None), answered(3)])
        every, some = store.rows(), store.rows(fields=["mfu", "ranks", "simulator"])
    names = {*IDENTIFYING, "mfu", "ranks", "simulator"}
    assert [set(row) for row in some] == [names] * 3
    assert list(some) == [{name: row[name] for name in names} for row in every]
    assert set(every[0]) == set(FIELDS)
    turned = attrs.evolve(every, order=[2, 0])
    assert list(turned) == [every[2], every[0]] == [*turned[:1], turned[-1]]
    assert turned.column("number") == [3, 0]
    assert every[0]["settings"] is next(iter(every))["settings"]


def test_a_failure_is_asked_again_and_a_refusal_is_not(tmp_path: Path) -> None:
    """A process that died says nothing about its question; a producer that refuses does."""
    with Store(tmp_path / "answers.db", create=True) as store:
        number = begun(store)
        died = attrs.evolve(
            answered(0), member=attrs.evolve(answered(0).member, failure="died"), question=None, answer=None
        )
        refused = attrs.evolve(
            answered(1), question=QuestionRow(key="k1", digest="", fingerprint="f", refusal="no"), answer=None
        )
        store.add(number, [died, refused])
        assert store.known(["k0", "k1"]) == {"k1"}
        assert [(row["status"], row["why"]) for row in store.rows()] == [("failed", "died"), ("refused", "no")]


def test_what_one_sweep_asked_in_vain_another_may_have_answered(tmp_path: Path) -> None:
    """Answers belong to questions, not to the sweep that was there first."""
    with Store(tmp_path / "answers.db", create=True) as store:
        first, second = begun(store), begun(store, "two")
        given = answered(0)
        died = attrs.evolve(given, member=attrs.evolve(given.member, failure="died"), question=None, answer=None)
        store.add(first, [died])
        store.add(second, [given])
        assert [row["makespan_ps"] for row in store.rows(first)] == [10**12]


def test_two_processes_read_and_write_meanwhile(tmp_path: Path) -> None:
    """Two connections see each other's answers as soon as they are committed."""
    path = tmp_path / "answers.db"
    with Store(path, create=True) as one, Store(path) as other:
        number = begun(one)
        one.add(number, [answered(0)])
        other.add(number, [answered(1)])
        assert len(one.rows()) == len(other.rows()) == 2


def test_a_foreign_file_is_left_alone(tmp_path: Path) -> None:
    """Text, another program's database, a folder, nothing at all."""
    text, foreign = tmp_path / "notes.txt", tmp_path / "theirs.db"
    text.write_text("dear diary " * 100)
    with contextlib.closing(sqlite3.connect(foreign)) as connection, connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    before = foreign.read_bytes()
    for path, said in (
        (text, "no store of versim"),
        (foreign, "none of versim's"),
        (tmp_path, "is a folder"),
        (tmp_path / "no" / "where.db", "does not exist"),
    ):
        with pytest.raises(StoreError, match=said):
            Store(path, create=True)
    for path, said in ((tmp_path / "missing.db", "there is no such file"), (tmp_path, "is a folder")):
        with pytest.raises(StoreError, match=said):
            Store(path)
    assert text.read_text().startswith("dear diary")
    assert foreign.read_bytes() == before
    assert not is_store(text)
    assert not is_store(foreign)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE members SET settings = '{\"tp\"'",
        "UPDATE members SET instance = CAST(x'ff' AS TEXT)",
        "UPDATE answers SET failed_checks = '[1'",
    ],
)
def test_a_store_whose_content_is_damaged_is_told(tmp_path: Path, damage: str) -> None:
    """Where the tables are whole: what cannot be read ended in a traceback."""
    path = tmp_path / "answers.db"
    with Store(path, create=True) as store:
        store.add(begun(store), [answered(0)])
        store._connection.execute(damage)
        with pytest.raises(StoreError, match="damaged"):
            store.rows()


def test_older_tables_are_brought_up_to_date_and_later_ones_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one transaction, with what was in them."""
    path = tmp_path / "answers.db"
    with Store(path, create=True) as store:
        store.add(begun(store), [answered(0)])
    later = (
        *tables.MIGRATIONS,
        "ALTER TABLE answers ADD COLUMN note TEXT NOT NULL DEFAULT ''; CREATE TABLE more (x)",
    )
    with monkeypatch.context() as patched:
        patched.setattr(tables, "MIGRATIONS", later)
        patched.setattr(tables, "VERSION", len(later))
        with Store(path) as store:
            assert len(store.rows()) == 1
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute("SELECT note FROM answers").fetchall() == [("",)]
        assert connection.execute("PRAGMA user_version").fetchone() == (len(later),)
    connection.close()
    with pytest.raises(StoreError, match="update versim"):
        Store(path)


def test_a_store_of_the_first_version_says_the_same_as_ever(tmp_path: Path) -> None:
    """Answers, refusals, failures and what is known of them, with rows found by digests that are numbered since."""
    path = tmp_path / "answers.db"
    old = sqlite3.connect(path)
    with contextlib.closing(old), old:
        old.executescript(tables.MIGRATIONS[0])
        old.execute(f"PRAGMA application_id = {APPLICATION}")
        old.execute("PRAGMA user_version = 1")
        old.execute("INSERT INTO sweeps VALUES (1, 'one', 'n', 'name: n', '[\"tp\"]', '', '', '{}', 'now')")
        for digest, makespan_ps in (("d1", 10**12), ("d0", 2 * 10**12)):
            figures = "completed", makespan_ps, 0.1, "e", 1, 2, 3, 4
            row = digest, "f", *figures, '[["compute", "", 2, 5]]', "[]", "[]", None
            old.execute(f"INSERT INTO answers VALUES ({', '.join('?' * 14)})", row)
        for key, digest, refusal in (("k0", "d0", ""), ("k1", "d1", ""), ("k2", "", "no")):
            old.execute("INSERT INTO questions VALUES (?, ?, 'f', ?, 7, 0.5, 1, 2, 3, 1)", (key, digest, refusal))
        for number, failure in enumerate(["", "", "", "died"]):
            member = 1, number, "w", "p", "i", f'{{"tp": {number}}}', f"k{number}", failure
            old.execute("INSERT INTO members VALUES (?, ?, ?, ?, ?, ?, ?, ?)", member)
    with Store(path) as store:
        assert [(row["status"], row["makespan_s"], row["mfu"], row["why"]) for row in store.rows()] == [
            ("completed", 2.0, 0.5, ""),
            ("completed", 1.0, 0.5, ""),
            ("refused", None, 0.5, "no"),
            ("failed", None, None, "died"),
        ]
        assert store.known(["k0", "k1", "k2", "k3"]) == {"k0", "k1", "k2"}
        known = store.answer("d1", "f")
        assert known is not None
        assert (known.makespan_ps, known.groups) == (10**12, (("compute", "", 2, 5),))
        store.add(1, [answered(3), answered(0)])
        assert [row["makespan_s"] for row in store.rows()] == [2.0, 1.0, None, 1.0]


def test_a_store_that_is_forgotten_is_closed_in_whatever_thread_garbage_is_collected(tmp_path: Path) -> None:
    """Its connection belonged to the thread that made it, refused to be closed by another, and stayed open."""
    forgotten = [Store(tmp_path / "answers.db", create=True)]
    connection = forgotten[0]._connection
    collector = threading.Thread(target=forgotten.clear)
    collector.start()
    collector.join()
    with pytest.raises(sqlite3.ProgrammingError, match="closed database"):
        connection.execute("SELECT 1")


def test_a_lock_that_stays_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing of what waited is half-written."""
    monkeypatch.setattr(database, "WAIT_S", 0.05)
    path = tmp_path / "answers.db"
    with Store(path, create=True) as store:
        number = begun(store)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="locked"):
                store.add(number, [answered(0)])
            holder.execute("ROLLBACK")
        assert not store.rows()
        store.add(number, [answered(0)])


def test_a_full_disk_is_told_and_costs_nothing_stored(tmp_path: Path) -> None:
    """The batch that did not fit is gone, what was there stays."""
    path = tmp_path / "answers.db"
    with Store(path, create=True) as store:
        number = begun(store)
        store.add(number, [answered(0)])
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreError, match="disk is full"):
            store.add(number, [answered(n) for n in range(1, 500)])
        assert len(store.rows()) == 1
