"""What a lab has, in words and tables for a terminal: boards, jobs, results."""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tinybench.plural import counted

from ...lab.page.words import span

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

LATE = "longer than thought"
NOTE_MOST = 40
"""Characters of what a run says that it does; the page has all of them."""
Told = dict[str, Any]


def queued(answer: Told) -> str:
    """Return what became of a submission, and how long it may take."""
    said = f"submission {answer['submission']}: {counted(answer['jobs'], 'job')} queued"
    if answer["boards"]:
        said += f", about {span(answer['work_s'])} of work on {counted(answer['boards'], 'board')}"
        said += f", done in about {span(answer['done_s'])}"
    if answer["nowhere"]:
        said += (
            f"; no board that is here fits {counted(answer['nowhere'], 'job')}, which wait for one"
        )
    return said


def boards(found: Told) -> "Table":
    """Return the boards: who or what holds each, since when, until about when, and its queue."""
    rows = table("board", "is", "state", "holder", "since", "until", "how far", "queue")
    for one in found["boards"]:
        runs = one["runs"] or {}
        since = until = None
        if runs:
            left_s, since = runs["left_s"], at(runs["since"])
            until = LATE if left_s is None else f"about {at(time.time() + left_s)}"
        own = one["name"].rpartition("/")[2]
        kind = [one["kind"]] if one["kind"] != own else []
        waits = f"{counted(one['waiting'], 'job')}, {span(one['waiting_s'])}"
        add(
            rows, one["name"], ", ".join([*kind, one["core"], *one["tags"]]), state(one),
            holder(runs), since, until, how_far(runs), waits if one["waiting"] else None,
        )  # fmt: skip
    return rows


def state(one: Told) -> str:
    """Return the state of a board, and why it is in it."""
    return f"{one['state']}: {one['why']}" if one["why"] else one["state"]


def holder(runs: Told) -> str | None:
    """Return which job has a board, and whose it is."""
    if not runs:
        return None
    return f"job {runs['job']} ({runs['title']}) of {runs['who'] or 'somebody'}"


def left(runs: Told) -> str:
    """Return how long a run may still take."""
    return LATE if runs["left_s"] is None else f"about {span(runs['left_s'])} left"


def how_far(runs: Told) -> str | None:
    """Return how far a run is."""
    if not runs:
        return None
    note = str(runs["note"] or "begun")
    if runs["total"]:
        return f"{note} {runs['done']} of {runs['total']}"
    return note if len(note) <= NOTE_MOST else f"{note[: NOTE_MOST - 3].rstrip()}..."


def jobs(found: Sequence[Told]) -> "Group":
    """Return jobs: those that run and wait in the order in which they come, then the others."""
    from rich.console import Group

    order = {"running": 0, "queued": 1, "held": 2}
    open_ = sorted(
        (one for one in found if one["state"] in order),
        key=lambda one: (order[one["state"]], one["starts_s"] is None, one["starts_s"], one["id"]),
    )
    ended = [one for one in found if one["state"] not in order]
    return Group(*([_open(open_)] if open_ else []), *([_ended(ended)] if ended else []))


def _open(found: Sequence[Told]) -> "Table":
    rows = table("job", "what", "of", "state", "board", "priority", "takes", "why")
    for one in found:
        takes = None if one["estimate_s"] is None else f"about {span(one['estimate_s'])}"
        add(rows, one["id"], one["title"], one["who"], one["state"],
            one["place"] if one["runs"] else one["waits_for"] or f"({one['wants']})",
            one["priority"], takes, why(one))  # fmt: skip
    return rows


def why(one: Told) -> str | None:
    """Return why a job waits: its turn and when it may begin, or what else keeps it."""
    if one["runs"]:
        return f"{how_far(one['runs'])}, {left(one['runs'])}"
    said = []
    if one["turn"]:
        begins = span(one["starts_s"])
        place = "next" if one["turn"] == 1 else f"{one['turn'] - 1} before it"
        said.append(f"{place}, begins in about {begins}" if one["starts_s"] else f"{place}, begins")
    return "; ".join([*said, *filter(None, [one["why"]])]) or None


def _ended(found: Sequence[Told]) -> "Table":
    rows = table("job", "what", "of", "state", "board", "ended", "ran", "verdict", "why")
    for one in found:
        ran = None if one["run_s"] is None else span(one["run_s"])
        add(rows, one["id"], one["title"], one["who"], one["state"], one["place"], at(one["ended"]),
            ran, one["verdict"], one["why"])  # fmt: skip
    return rows


def outcomes(found: Sequence[Told]) -> "Table":
    """Return jobs that have ended, each with its verdict and its figures."""
    rows = table("job", "what", "board", "state", "ran", "verdict", "figures")
    for one in found:
        ran = None if one["run_s"] is None else span(one["run_s"])
        result = one.get("result")
        came = (
            (verdict(result), figures(result))
            if result
            else (one["why"] or one["verdict"], rows_of(one))
        )
        add(rows, one["id"], one["title"], one["place"] or one["wants"], one["state"], ran, *came)
    return rows


def rows_of(one: Told) -> str | None:
    """Return how much a study has found."""
    return counted(one["rows"], "row") if one.get("rows") else None


def studies(found: Sequence[Told]) -> "Table":
    """Return the rows of studies."""
    rows = table("job", "study", "of", "board", "what", "score", "figures are", "of the", "time",
                 "instructions", "est. cycles", "weights B", "flash B", "RAM B")  # fmt: skip
    for study in found:
        for one in study["rows"]:
            score = None if one["score"] is None else f"{one['metric']} {one['score']:.4f}"
            latency = None if one["latency_s"] is None else f"{one['latency_s'] * 1e3:.4g} ms"
            counts = [
                None if one[name] is None else f"{one[name]:,}"
                for name in ("instructions", "cycles", "weights_b", "flash_b", "ram_b")
            ]
            add(rows, study["job"], one["study"], one["of"], one["board"], one["name"], score,
                one["kind"], one.get("scope", ""), latency, *counts)  # fmt: skip
        if study["why"]:
            add(rows, study["job"], study["title"], None, study["place"], study["why"])
    return rows


def results(found: Sequence[Told]) -> "Table":
    """Return results."""
    rows = table("job", "task", "board", "core", "profile", "verdict", "figures", "began")
    for one in found:
        began = datetime.fromisoformat(one["started_at"]).timestamp()
        add(rows, one["job"], one["task"], one["board"], one["core"], one["profile"], verdict(one),
            figures(one), at(began))  # fmt: skip
    return rows


def verdict(one: Told) -> str:
    """Return whether a result keeps the rules."""
    if one["valid"]:
        return "valid" if one["mlperf"] else f"valid under {one['profile']}"
    return f"breaks {counted(len(one['broken_rules']), 'rule')}"


def figures(one: Told) -> str:
    """Return what a result comes to, each figure with its kind: quality, time, energy."""
    said = []
    if one["auc"] is not None:
        said.append(f"AUC {one['auc']:.3f}")
    elif one["top1"] is not None:
        said.append(f"top-1 {one['top1'] * 100:.1f} %")
    elif one["f1"] is not None:
        said.append(f"F1 {one['f1']:.3f}")
    if one["scenario"]:
        said += (
            [] if one["rate_per_s"] is None else [f"{one['rate_per_s']:.4g} /s {one['scenario']}"]
        )
    elif one["emulated"] and one["estimated_latency_s"] is not None:
        said.append(f"{one['estimated_latency_s'] * 1e3:.4g} ms estimated")
    elif one["latency_s"] is not None:
        kind = "emulated" if one["emulated"] else "measured"
        said.append(f"{one['latency_s'] * 1e3:.4g} ms {kind}")
    if one["energy_per_inference_j"] is not None:
        kind = "modelled" if one["energy_modelled"] else "measured"
        said.append(f"{one['energy_per_inference_j'] * 1e6:.4g} uJ {kind}")
    return ", ".join(said)


def at(seconds: float) -> str:
    """Return a moment as a clock here shows it, with the day where that is not today."""
    moment = datetime.fromtimestamp(seconds)  # in the reader's own zone
    today = datetime.now().date() == moment.date()
    return moment.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M")


def table(*columns: str) -> "Table":
    """Return an empty table."""
    from rich.table import Table

    rows = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        rows.add_column(column, overflow="fold")
    return rows


def add(rows: "Table", *cells: object) -> None:
    """Add a row; what is nothing is a dash, and no name steers the terminal."""
    from rich.text import Text

    from tinybench.printable import one_line

    rows.add_row(*(Text(one_line("-" if cell in (None, "") else str(cell))) for cell in cells))
