"""The lab as one page without a script: what is now, the queue, what ended; to look at alone."""

import asyncio
import html
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from tinybench.plural import counted

from .. import store
from . import results, told
from .answer import Door
from .words import span

ROWS_MOST = 100
HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>tinybench lab</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
</head>
<body>
<main>
<h1>tinybench lab</h1>
<p>As it was when this page was loaded; <a href="/plain">look again</a>. To submit, to cancel and to
compare takes <a href="/">the page with a script</a>, or <code>tinybench lab --help</code>.</p>
"""


async def page(door: Door, _: Request) -> Response:
    """Answer with the page."""
    now = told.state(door.leader)
    ended = told.jobs(door.leader, store.rows(door.leader.db, states=store.ENDED, most=ROWS_MOST))
    measured = (await asyncio.to_thread(door.measured.rows))[:ROWS_MOST]
    text = HEAD + (f"<p>{html.escape(now['trouble'])}</p>" if now["trouble"] else "")
    for title, heads, rows in (
        ("Boards", "board, kind, state, runs, waits", map(_board, now["boards"])),
        ("Queue", "job, what, waits for, begins in, why", map(_queued, now["queue"])),
        ("Jobs that ended", "job, what, board, state, ended", map(_ended, ended)),
        ("Results", "job, task, board, profile, verdict, top-1 or AUC",
         (_result(results.told(one, brief=True)) for one in measured)),
    ):  # fmt: skip
        text += _table(title, heads.split(", "), rows)
    text += "</main></body></html>\n"
    return Response(text, media_type="text/html")


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; every cell is escaped, and a number of a job is a link to its report."""
    lines = "".join("<tr>" + "".join(map(_cell, row, heads)) + "</tr>\n" for row in rows)
    if not lines:
        return f"<h2>{title}</h2>\n<p>None.</p>\n"
    head = "".join(f'<th scope="col">{one}' for one in heads)
    return (
        f'<h2>{title}</h2>\n<div class="wide"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{lines}</tbody></table></div>\n"
    )


class _Job(int):
    """The number of a job that has a report."""


def _cell(what: object, head: str) -> str:
    if what in (None, ""):
        return '<td class="empty">-</td>'
    shown = html.escape(str(what))
    if isinstance(what, _Job):
        shown = f'<a href="/api/jobs/{what}/report">{shown}</a>'
    return f'<td data-label="{html.escape(head)}">{shown}</td>'


def _board(one: dict[str, Any]) -> Sequence[object]:
    runs = one["runs"]
    doing = runs and f"job {runs['job']}: {runs['title']}"
    if runs and runs["left_s"] is not None:
        doing += f", about {span(runs['left_s'])} left"
    waits = f"{counted(one['waiting'], 'job')}, {span(one['waiting_s'])}" if one["waiting"] else ""
    return one["name"], f"{one['kind']}, {one['core']}", one["why"] or one["state"], doing, waits


def _queued(one: dict[str, Any]) -> Sequence[object]:
    begins = None if one["starts_s"] is None else f"about {span(one['starts_s'])}"
    return one["id"], one["title"], one["waits_for"] or one["wants"], begins, one["why"]


def _ended(one: dict[str, Any]) -> Sequence[object]:
    at = datetime.fromtimestamp(one["ended"] or 0, UTC).strftime("%Y-%m-%d %H:%M UTC")
    number = _Job(one["id"]) if one["state"] == store.DONE else one["id"]
    why = one["why"] not in (None, "", one["state"])
    state = f"{one['state']}: {one['why']}" if why else one["state"]
    return number, one["title"], one["place"], state, at


def _result(one: dict[str, Any]) -> Sequence[object]:
    verdict = "valid" if one["valid"] else f"breaks {counted(len(one['broken_rules']), 'rule')}"
    quality = one["auc"] if one["auc"] is not None else one["top1"]
    shown = None if quality is None else f"{quality:.3f}"
    return _Job(one["job"]), one["task"], one["board"], one["profile"], verdict, shown
