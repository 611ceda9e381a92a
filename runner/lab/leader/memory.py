"""How long the latest jobs of a lab took: what the next are thought to take."""

import sqlite3

import msgspec

from ..job import Job

RECENT = 9
"""Of runs of a kind, how many tell how long the next takes."""
LIKE_MOST = 100
"""Of the latest runs on a board, among how many those of a task are looked for."""


def durations_s(
    db: sqlite3.Connection, kind: str, board: str | None = None, *, emulated: bool = False
) -> list[float]:
    """Return how long the latest jobs of a kind ran, on a kind of board or on any.

    `emulated`: on emulated boards; else on others.
    """
    also, words = ("", ()) if board is None else (" AND board = ?", (board,))
    told = db.execute(
        f"SELECT run_s FROM jobs WHERE kind = ? AND emulated = ?{also} AND state = 'done' "  # noqa: S608
        f"AND run_s IS NOT NULL ORDER BY id DESC LIMIT {RECENT}",
        (kind, emulated, *words),
    )
    return [float(one) for (one,) in told]


def latest(db: sqlite3.Connection, board: str, *, emulated: bool) -> list[tuple[Job, float]]:
    """Return the latest jobs that were done on a kind of board, and how long each ran."""
    told = db.execute(
        "SELECT job, run_s FROM jobs WHERE board = ? AND state = 'done' AND emulated = ? "
        "AND run_s IS NOT NULL ORDER BY id DESC LIMIT ?",
        (board, emulated, LIKE_MOST),
    )
    return [(msgspec.json.decode(job, type=Job), float(run_s)) for job, run_s in told]
