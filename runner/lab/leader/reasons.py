"""Why a job waits, in words, of every job that does."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from tinybench.plural import counted

from .. import store
from ..policy import Place, Want, fits
from ..store import Row
from .state import Leader
from .wishes import refusal

SAID_MOST = 3
"""Of boards that would do, so many are named."""
GONE_MOST_S = 30 * 86400.0
"""A board whose worker is gone for longer is shown no more; jobs may still wish for it."""


def why(leader: Leader, row: Row) -> str | None:
    """Return why a job has not begun; None of one that has."""
    if row.state == store.HELD:
        _, needs = store.submitted(leader.db, row.submission)
        return f"needs {', '.join(needs.get(row.job.series, []))} to be done before"
    if row.state != store.QUEUED:
        return None
    said = leader.trouble or leader.unplaced.get(row.id) or _of_board(leader, row)
    return f"{said}; before: {row.why}" if row.why else said


def without_board(leader: Leader, want: Want) -> str:
    """Return why no board can have a job now, though one fits, or did."""
    able = [one for one in leader.known.values() if fits(want, one)]
    if not able:
        return refusal(want, leader.known.values())
    said = [f"{one.name}: {absence(leader, one.name)}" for one in able[:SAID_MOST]]
    return "; ".join([*said, *[f"{len(able) - SAID_MOST} more"] * (len(able) > SAID_MOST)])


def absent(leader: Leader) -> dict[str, Place]:
    """Return the boards that cannot be reached; not those whose worker is gone for very long."""
    long_ago = time.time() - GONE_MOST_S
    left = {name: one for name, (one, since) in leader.left.items() if since > long_ago}
    return {**left, **{name: one.place for name, one in leader.away.items()}}


def absence(leader: Leader, name: str) -> str:
    """Return why a board of the lab that is not here cannot be reached."""
    if name in leader.away:
        return leader.away[name].why
    since = datetime.fromtimestamp(leader.left[name][1], UTC)
    return f"its worker is gone since {since:%Y-%m-%d %H:%M} UTC"


def _of_board(leader: Leader, row: Row) -> str:
    name = leader.waits_for.get(row.id)
    ahead = leader.held[row.wish]
    if name is None and row.id not in leader.rows and ahead >= leader.share([row.wish]):
        return f"behind {counted(ahead, 'job')} for the same boards, which are looked at first"
    if name is None:
        return "a board is sought"
    run = leader.running.get(name)
    if run is not None:
        return f"{name} runs job {run.row.id}"
    place = leader.places.get(name)
    group = place and place.quiet
    if group is not None:
        beside = [run.row.id for run in leader.running.values() if run.place.quiet == group]
        if beside:
            return f"{name} is still while {_jobs(beside)} in the group {group}"
    return f"{name} begins soon"


def _jobs(ids: Sequence[int]) -> str:
    said = ", ".join(str(one) for one in sorted(ids)[:SAID_MOST])
    return f"job {said} runs" if len(ids) == 1 else f"jobs {said} run"
