"""The boards that a lab has had, on disk: what each is, and since when its worker is gone."""

import sqlite3
from collections.abc import Iterable

import msgspec

from ..policy import Place
from ..store import transaction


def came(db: sqlite3.Connection, places: Iterable[Place]) -> None:
    """Note boards that are there: what a lab has had, a job may wish for."""
    found = [(one.name, msgspec.json.encode(one, order="sorted").decode()) for one in places]
    with transaction(db):
        db.executemany(
            "INSERT INTO places VALUES (?, ?) ON CONFLICT DO UPDATE SET place = excluded.place "
            "WHERE place != excluded.place",
            found,
        )
        db.executemany("DELETE FROM gone WHERE name = ?", ((name,) for name, _ in found))


def left(db: sqlite3.Connection, names: Iterable[str], at: float) -> None:
    """Note since when the worker of boards is gone (seconds since 1970)."""
    with transaction(db):
        db.executemany("INSERT OR REPLACE INTO gone VALUES (?, ?)", ((one, at) for one in names))


def all_left(db: sqlite3.Connection, at: float) -> dict[str, tuple[Place, float]]:
    """Return every board that the lab has had, and since when its worker is gone.

    A leader that begins has none yet: those that were there when the last one ended are gone since.
    """
    with transaction(db):
        db.execute("INSERT OR IGNORE INTO gone SELECT name, ? FROM places", (at,))
    told = db.execute("SELECT name, place, at FROM places JOIN gone USING (name)")
    return {
        str(name): (msgspec.json.decode(place, type=Place), float(since))
        for name, place, since in told
    }
