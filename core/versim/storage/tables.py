"""Tables of a store, as the steps that lead from each version of them to the next."""

from __future__ import annotations

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE sweeps (
      id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL, scenario TEXT NOT NULL,
      keys TEXT NOT NULL, command TEXT NOT NULL, reference TEXT NOT NULL, provenance TEXT NOT NULL,
      started TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
    );
    CREATE TABLE inputs (
      digest TEXT PRIMARY KEY, ranks INTEGER NOT NULL, nodes INTEGER NOT NULL, communications INTEGER NOT NULL,
      mesh TEXT NOT NULL, system TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE instances (
      fingerprint TEXT PRIMARY KEY, backend TEXT NOT NULL, options TEXT NOT NULL, network TEXT NOT NULL,
      code TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE answers (
      digest TEXT NOT NULL, fingerprint TEXT NOT NULL, status TEXT NOT NULL, makespan_ps INTEGER, wall_s REAL,
      engine TEXT NOT NULL, compute_ps INTEGER, communication_ps INTEGER, exposed_communication_ps INTEGER,
      idle_ps INTEGER, groups TEXT NOT NULL, failed_checks TEXT NOT NULL, diagnosis TEXT NOT NULL, spans BLOB,
      PRIMARY KEY (digest, fingerprint)
    );
    CREATE TABLE questions (
      key TEXT PRIMARY KEY, digest TEXT NOT NULL, fingerprint TEXT NOT NULL, refusal TEXT NOT NULL, tokens INTEGER,
      mfu REAL, tokens_per_s_per_rank REAL, persistent_bytes REAL, peak_bytes REAL, fits INTEGER
    ) WITHOUT ROWID;
    CREATE TABLE members (
      sweep INTEGER NOT NULL REFERENCES sweeps (id), number INTEGER NOT NULL, workload TEXT NOT NULL,
      pin TEXT NOT NULL, instance TEXT NOT NULL, settings TEXT NOT NULL, key TEXT NOT NULL, failure TEXT NOT NULL,
      PRIMARY KEY (sweep, number, workload, pin, instance)
    ) WITHOUT ROWID;
    CREATE TABLE sized (key TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID;
    """,
    # Rows that belong together are found by number: a look for digests of 64 letters takes several times as long. What
    # is long stands last, so that who reads the rest does not pass it.
    """
    CREATE TABLE numbered_answers (
      id INTEGER PRIMARY KEY, digest TEXT NOT NULL, fingerprint TEXT NOT NULL, status TEXT NOT NULL,
      makespan_ps INTEGER, wall_s REAL, engine TEXT NOT NULL, compute_ps INTEGER, communication_ps INTEGER,
      exposed_communication_ps INTEGER, idle_ps INTEGER, failed_checks TEXT NOT NULL, diagnosis TEXT NOT NULL,
      groups TEXT NOT NULL, spans BLOB, UNIQUE (digest, fingerprint)
    );
    INSERT INTO numbered_answers
      SELECT rowid, digest, fingerprint, status, makespan_ps, wall_s, engine, compute_ps, communication_ps,
        exposed_communication_ps, idle_ps, failed_checks, diagnosis, groups, spans FROM answers;
    CREATE TABLE numbered_questions (
      id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, answer INTEGER REFERENCES answers (id), digest TEXT NOT NULL,
      fingerprint TEXT NOT NULL, refusal TEXT NOT NULL, tokens INTEGER, mfu REAL, tokens_per_s_per_rank REAL,
      persistent_bytes REAL, peak_bytes REAL, fits INTEGER
    );
    INSERT INTO numbered_questions
      SELECT NULL, q.key, a.rowid, q.digest, q.fingerprint, q.refusal, q.tokens, q.mfu, q.tokens_per_s_per_rank,
        q.persistent_bytes, q.peak_bytes, q.fits
      FROM questions q LEFT JOIN answers a USING (digest, fingerprint) ORDER BY a.rowid;
    ALTER TABLE members ADD COLUMN question INTEGER REFERENCES questions (id);
    UPDATE members SET question = (SELECT id FROM numbered_questions WHERE key = members.key);
    DROP TABLE questions;
    DROP TABLE answers;
    ALTER TABLE numbered_questions RENAME TO questions;
    ALTER TABLE numbered_answers RENAME TO answers;
    CREATE INDEX unanswered_members ON members (key) WHERE question IS NULL;
    """,
)
"""What brings each version to the next; never changed, only added to."""

VERSION = len(MIGRATIONS)
