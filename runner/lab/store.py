"""The queue and what became of it: SQLite, so that a leader that is restarted knows it all.

A job that runs is an attempt, by a number. A result counts only for the attempt that is running,
and ends it in the same transaction: whatever comes late, or twice, changes nothing.
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from tinybench.errors import UsageError

from .job import STUDY_KIND, Job
from .jobs_file import Submission
from .jobs_file import jobs as jobs_of

WISH = (
    "json_extract(job, '$.board', '$.core', '$.tags', '$.words.emulate', '$.words.mode', "
    "'$.words.monitor', '$.study')"
)
"""Which boards a job asks for, as a text: all that its `want` is made of."""
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS submissions (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, who TEXT NOT NULL, needs TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS models (sha256 TEXT PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY, submission INTEGER NOT NULL, series TEXT NOT NULL, job TEXT NOT NULL,
    kind TEXT NOT NULL, priority INTEGER NOT NULL, state TEXT NOT NULL, at REAL NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0,
    place TEXT, board TEXT, emulated INTEGER NOT NULL DEFAULT 0, start_by REAL, promised INTEGER,
    estimate REAL, started REAL, ended REAL, run_s REAL, status INTEGER, why TEXT, folder TEXT
);
CREATE TABLE IF NOT EXISTS places (name TEXT PRIMARY KEY, place TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS gone (name TEXT PRIMARY KEY, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS hooks (hook TEXT PRIMARY KEY, states TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY, hook TEXT NOT NULL, job INTEGER NOT NULL, event TEXT NOT NULL,
    at REAL NOT NULL, number TEXT NOT NULL, body BLOB, tries INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL
);
CREATE TRIGGER IF NOT EXISTS told AFTER UPDATE OF state ON jobs WHEN NEW.state != OLD.state BEGIN
    INSERT INTO deliveries (hook, job, event, at, number, due)
    SELECT hook, NEW.id, NEW.state, NEW.ended, lower(hex(randomblob(16))), NEW.ended
    FROM hooks WHERE instr(states, ' ' || NEW.state || ' ');
END;
CREATE INDEX IF NOT EXISTS by_wish ON jobs (state, {WISH}, priority DESC, id);
DROP INDEX IF EXISTS by_state;
CREATE INDEX IF NOT EXISTS by_submission ON jobs (submission, series, state);
CREATE INDEX IF NOT EXISTS by_series ON jobs (series, state);
CREATE INDEX IF NOT EXISTS by_kind ON jobs (kind, board, state);
CREATE INDEX IF NOT EXISTS by_age ON jobs (state);
CREATE INDEX IF NOT EXISTS by_age_in ON jobs (submission, state);
CREATE INDEX IF NOT EXISTS by_board ON jobs (board, state);
"""  # noqa: S608 - of constants alone
VERSION = 2
NEWER = (
    "ALTER TABLE jobs ADD COLUMN emulated INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE jobs ADD COLUMN promised INTEGER",
)
"""What a queue of version 1 lacks."""
HELD, QUEUED, RUNNING = "held", "queued", "running"
DONE, FAILED, CANCELLED, SKIPPED = "done", "failed", "cancelled", "skipped"
ENDED = (DONE, FAILED, CANCELLED, SKIPPED)
STATES = (HELD, QUEUED, RUNNING, *ENDED)
BUSY_S = 1.0
"""Whoever answers people waits no longer for a queue that somebody else writes ..."""
QUEUED_S = 120.0
"""... and a submission so long for another, which may be a million jobs."""
_COLUMNS = (
    "id, submission, series, job, priority, state, at, attempt, failures, place, board, start_by, "
    "promised, estimate, started, ended, run_s, status, why, folder"
)
_NAMES = (*_COLUMNS.split(", "), "wish")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A job and what became of it; times in seconds since 1970, of the leader's clock."""

    id: int
    submission: int
    job: Job
    state: str
    at: float
    """When it was submitted."""
    attempt: int = 0
    """How many times it was begun."""
    failures: int = 0
    """How many of these the bench failed."""
    place: str | None = None
    """The board that it runs on, or ran: "worker/board"."""
    board: str | None = None
    """... and its kind."""
    start_by: float | None = None
    promised: bool | None = None
    """Whether its deadline can be kept; None: it has none, or no board yet."""
    estimate: float | None = None
    started: float | None = None
    ended: float | None = None
    run_s: float | None = None
    """How long it ran, by the worker's clock that knows no date."""
    status: int | None = None
    """What `tinybench run` would have exited with."""
    why: str | None = None
    folder: str | None = None
    """Of its run, in the leader's runs/."""
    wish: str = ""
    """What boards it asks for: the same text, the same boards."""


def open_store(path: Path) -> sqlite3.Connection:
    """Open the database, and make it where there is none.

    Raises UsageError for a file that is none of ours, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, BUSY_S, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA journal_mode = WAL")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if not 0 <= version <= VERSION:
            raise UsageError(
                f"{path}: written by another tinybench (version {version} of the queue, this one "
                f"knows {VERSION}); give --lab another folder"
            )
        for change in NEWER if version == 1 else ():
            db.execute(change)
        db.executescript(SCHEMA)
        db.execute(f"PRAGMA user_version = {VERSION}")
    except (sqlite3.Error, OSError) as error:
        raise UsageError(f"{path}: no queue can be kept there: {error}") from error
    return db


def is_busy(error: Exception) -> bool:
    """Return whether somebody else writes the queue: a large submission, for a while."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Do all that is in it, or nothing; what is done outlives a power cut.

    What is done outside of one, such as the beginning of a job, may be forgotten by such a cut.
    """
    db.execute("PRAGMA synchronous = FULL")
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # a full disk has rolled it back itself
            db.execute("ROLLBACK")
        raise
    else:
        db.execute("COMMIT")
    finally:
        db.execute("PRAGMA synchronous = NORMAL")


def submit(
    db: sqlite3.Connection,
    jobs: Iterable[Job],
    needs: dict[str, list[str]],
    models: dict[str, bytes],
    who: str,
) -> tuple[int, int]:
    """Queue jobs, all of them or none; return the number of the submission, and how many it has."""
    now = time.time()
    with transaction(db):
        for sha256, data in models.items():
            db.execute("INSERT OR IGNORE INTO models VALUES (?, ?)", (sha256, data))
        told = msgspec.json.encode(needs).decode()
        cursor = db.execute(
            "INSERT INTO submissions (at, who, needs) VALUES (?, ?, ?)", (now, who, told)
        )
        number = int(cursor.lastrowid or 0)
        before = db.total_changes
        db.executemany(
            "INSERT INTO jobs (submission, series, job, kind, priority, state, at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    number,
                    job.series,
                    msgspec.json.encode(job).decode(),
                    job.kind,
                    job.priority,
                    HELD if needs.get(job.series) else QUEUED,
                    now,
                )
                for job in jobs
            ),
        )
        return number, db.total_changes - before


def submit_apart(
    path: Path, submission: Submission, models: dict[str, str], who: str
) -> tuple[int, int]:
    """Queue a submission over a connection of its own, as a thread may; return as `submit`.

    The store is there already. Raises sqlite3.Error where the disk is full.
    """
    with contextlib.closing(sqlite3.connect(path, QUEUED_S, isolation_level=None)) as db:
        return submit(
            db,
            (job for one in submission.series for job in jobs_of(one, models)),
            submission.needs,
            dict(submission.models.values()),
            who,
        )


def recover(db: sqlite3.Connection) -> int:
    """Put back what ran when the last leader ended; return how many jobs that were."""
    return db.execute(
        "UPDATE jobs SET state = 'queued', why = 'the leader was restarted' WHERE state = 'running'"
    ).rowcount


def wishes(db: sqlite3.Connection, after: str, most: int) -> list[str]:
    """Return what jobs that wait ask for, each once, in the order of the texts, behind one."""
    next_ = f"SELECT MIN({WISH}) FROM jobs WHERE state = 'queued' AND {WISH} >"  # noqa: S608
    told = db.execute(
        f"WITH RECURSIVE found (wish) AS (SELECT ({next_} ?) UNION ALL "  # noqa: S608
        f"SELECT ({next_} found.wish) FROM found WHERE found.wish IS NOT NULL) "
        "SELECT wish FROM found WHERE wish IS NOT NULL LIMIT ?",
        (after, most),
    )
    return [str(one) for (one,) in told]


def waiting(db: sqlite3.Connection, wish: str, most: int) -> list[int]:
    """Return jobs that wait for such boards, of the highest priority and then the oldest first."""
    told = db.execute(
        f"SELECT id FROM jobs WHERE state = 'queued' AND {WISH} = ? "  # noqa: S608
        "ORDER BY priority DESC, id LIMIT ?",
        (wish, most),
    )
    return [int(one) for (one,) in told]


def rows(
    db: sqlite3.Connection,
    *,
    states: Iterable[str] = STATES,
    submission: int | None = None,
    series: str | None = None,
    most: int = 1000,
    before: int | None = None,
) -> list[Row]:
    """Return jobs in these states, the newest first, below an id."""
    ids: list[int] = []
    for state in set(states) & set(STATES):  # each by an index that has them in order
        where, words = "state = ?", [state]
        more = {"submission = ?": submission, "series = ?": series, "id < ?": before}
        for also, word in more.items():
            if word is not None:
                where, words = f"{where} AND {also}", [*words, word]
        told = db.execute(
            f"SELECT id FROM jobs WHERE {where} ORDER BY id DESC LIMIT ?",  # noqa: S608
            (*words, most),
        )
        ids += [int(one) for (one,) in told]
    newest = msgspec.json.encode(sorted(ids)[-most:] if most else []).decode()
    return _rows(db, "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id DESC", newest)


def studies(db: sqlite3.Connection, most: int) -> list[Row]:
    """Return the latest studies that were done."""
    where = "WHERE kind >= ? AND kind < ? AND state = 'done' ORDER BY id DESC LIMIT ?"
    return _rows(db, where, STUDY_KIND, f"{STUDY_KIND}\x7f", most)


def row(db: sqlite3.Connection, job: int) -> Row | None:
    """Return one job."""
    found = _rows(db, "WHERE id = ?", job)
    return found[0] if found else None


def counts(db: sqlite3.Connection, submission: int | None = None) -> dict[str, int]:
    """Return how many jobs are in each state."""
    where, words = ("", ()) if submission is None else ("WHERE submission = ?", (submission,))
    told = db.execute(f"SELECT state, COUNT(*) FROM jobs {where} GROUP BY state", words)  # noqa: S608
    return dict.fromkeys(STATES, 0) | {str(state): int(n) for state, n in told}


def submitted(db: sqlite3.Connection, submission: int) -> tuple[str, dict[str, list[str]]]:
    """Return who submitted something, as that was said, and what its series need."""
    found = db.execute("SELECT who, needs FROM submissions WHERE id = ?", (submission,)).fetchone()
    who, needs = found or ("", "{}")
    return str(who), msgspec.json.decode(needs, type=dict[str, list[str]])


def model(db: sqlite3.Connection, sha256: str) -> bytes | None:
    """Return the bytes of a model that was submitted."""
    found = db.execute("SELECT data FROM models WHERE sha256 = ?", (sha256,)).fetchone()
    return None if found is None else bytes(found[0])


def claim(
    db: sqlite3.Connection,
    job: int,
    place: str,
    board: str,
    estimate_s: float,
    *,
    emulated: bool = False,
) -> int | None:
    """Begin a job on a board; return the number of the attempt, None where it waits no more."""
    done = db.execute(
        "UPDATE jobs SET state = 'running', attempt = attempt + 1, place = ?, board = ?, "
        "emulated = ?, started = ?, estimate = ?, why = NULL WHERE id = ? AND state = 'queued' "
        "RETURNING attempt",
        (place, board, emulated, time.time(), estimate_s, job),
    ).fetchone()
    return None if done is None else int(done[0])


def promise(
    db: sqlite3.Connection, job: int, start_by: float, deadline: bool | None = None
) -> None:
    """Note when a job must have begun, and whether its deadline, if it has one, can be kept."""
    db.execute("UPDATE jobs SET start_by = ?, promised = ? WHERE id = ?", (start_by, deadline, job))


def unpromised(db: sqlite3.Connection, submission: int) -> tuple[int, int]:
    """Return of how many jobs of a submission the deadline cannot be kept, and is not known yet.

    Not known is that of a job without a board, or behind those that are looked at.
    """
    rows = db.execute(
        "SELECT promised, COUNT(*) FROM jobs WHERE submission = ? AND state IN ('held', 'queued') "
        "AND json_extract(job, '$.deadline_s') IS NOT NULL GROUP BY promised",
        (submission,),
    )
    found = dict(rows)
    return int(found.get(0, 0)), int(found.get(None, 0))


def give_back(db: sqlite3.Connection, job: int, attempt: int, why: str, *, failed: bool) -> bool:
    """Put a job that did not come to its end back into the queue, if it is this attempt's."""
    changed = db.execute(
        "UPDATE jobs SET state = 'queued', why = ?, failures = failures + ? "
        "WHERE id = ? AND attempt = ? AND state = 'running'",
        (why, int(failed), job, attempt),
    )
    return changed.rowcount > 0


def finish(
    db: sqlite3.Connection,
    job: int,
    attempt: int,
    *,
    state: str,
    status: int | None,
    why: str | None = None,
    run_s: float | None = None,
    folder: str | None = None,
) -> list[int] | None:
    """End a job, if it is this attempt that runs: exactly one result a job.

    What needs it begins to wait, or is skipped where it has failed: these are returned; None where
    another attempt runs, and nothing was changed.
    """
    skipped: list[int] | None = None
    with transaction(db):
        ended = db.execute(
            "UPDATE jobs SET state = ?, status = ?, why = ?, run_s = ?, folder = ?, ended = ?, "
            "failures = failures + ? WHERE id = ? AND attempt = ? AND state = 'running' "
            "RETURNING submission",
            (state, status, why, run_s, folder, time.time(), int(state == FAILED), job, attempt),
        ).fetchone()
        if ended is not None:
            skipped = _release(db, int(ended[0]))
    return skipped


def cancel(db: sqlite3.Connection, job: int) -> tuple[str | None, list[int]]:
    """Cancel a job that has not ended.

    Return the state it was in, None where there is none, and the jobs that are skipped for it.
    """
    skipped: list[int] = []
    with transaction(db):
        found = db.execute("SELECT state, submission FROM jobs WHERE id = ?", (job,)).fetchone()
        if found is None:
            return None, skipped
        state, submission = str(found[0]), int(found[1])
        if state not in ENDED:
            db.execute(
                "UPDATE jobs SET state = 'cancelled', why = 'cancelled', ended = ? WHERE id = ?",
                (time.time(), job),
            )
            skipped = _release(db, submission)
    return state, skipped


def set_priority(db: sqlite3.Connection, job: int, priority: int) -> bool:
    """Change the priority of a job that waits."""
    changed = db.execute(
        "UPDATE jobs SET priority = ? WHERE id = ? AND state IN ('queued', 'held')",
        (priority, job),
    )
    return changed.rowcount > 0


def worst(db: sqlite3.Connection, submission: int) -> int | None:
    """Return the worst status of the jobs of a submission; None while one has not ended.

    A job without one, such as a cancelled one, counts as a bench that failed.
    """
    words = (submission,)
    left = "SELECT 1 FROM jobs WHERE submission = ? AND state IN ('held', 'queued', 'running')"
    if db.execute(f"{left} LIMIT 1", words).fetchone():
        return None
    (status,) = db.execute(
        "SELECT MAX(CASE WHEN state = 'done' THEN status ELSE COALESCE(status, 3) END) "
        "FROM jobs WHERE submission = ?",
        words,
    ).fetchone()
    return None if status is None else int(status)


def _release(db: sqlite3.Connection, submission: int) -> list[int]:
    """Let go, or skip, what waits for series of a submission that have ended; return the latter."""
    skipped: list[int] = []
    (told,) = db.execute("SELECT needs FROM submissions WHERE id = ?", (submission,)).fetchone()
    needs: dict[str, list[str]] = msgspec.json.decode(told, type=dict[str, list[str]])
    changed = bool(needs)
    while changed:
        changed = False
        for series, wanted in needs.items():
            marks = ", ".join("?" * len(wanted))
            told = db.execute(
                f"SELECT state, COUNT(*) FROM jobs WHERE submission = ? AND series IN ({marks}) "  # noqa: S608
                "GROUP BY state",
                (submission, *wanted),
            )
            states = {str(state) for state, _ in told}
            if not states <= {*ENDED}:
                continue
            good = states <= {DONE}
            moved = db.execute(
                "UPDATE jobs SET state = ?, why = ?, ended = ? WHERE submission = ? "
                "AND series = ? AND state = 'held' RETURNING id",
                (
                    QUEUED if good else SKIPPED,
                    None if good else f"what it needs did not end well: {', '.join(wanted)}",
                    None if good else time.time(),
                    submission,
                    series,
                ),
            ).fetchall()
            changed |= bool(moved)
            skipped += [] if good else [int(one) for (one,) in moved]
    return skipped


def _rows(db: sqlite3.Connection, where: str, *words: Any) -> list[Row]:
    found = []
    for one in db.execute(f"SELECT {_COLUMNS}, {WISH} FROM jobs {where}", words):  # noqa: S608
        said = dict(zip(_NAMES, one, strict=True))
        job = msgspec.json.decode(said.pop("job"), type=Job)
        del said["series"]
        said["promised"] = None if said["promised"] is None else bool(said["promised"])
        said["job"] = msgspec.structs.replace(job, priority=said.pop("priority"))
        found.append(Row(**said))
    return found
