"""What a lab that is served says in its terminal: how to use it, each job, how it was left."""

import shlex
from collections.abc import Callable
from typing import Any

from tinybench.plural import counted

from .. import store
from ..ask import lab_folder
from ..leader.state import Leader
from .words import span, verdict

DEFAULT = "http://127.0.0.1:8750"
"""Where the commands of a lab look for one, unless they are told."""
Say = Callable[[str], None]


def greet(leader: Leader, address: str, say: Say, *, workers: str, alone: bool) -> None:
    """Say where the lab is, and what to type next; `alone`: it has no boards of its own."""
    at = "" if address == DEFAULT else f" --at {address}"
    if leader.folder.resolve() != lab_folder(None).resolve():
        at += f" --lab {shlex.quote(str(leader.folder))}"
    counts = store.counts(leader.db)
    waits = counts[store.HELD] + counts[store.QUEUED] + counts[store.RUNNING]
    say(f"the lab is at {address} (open it in a browser)")
    if waits:
        say(f"{counted(waits, 'job')} of before go on")
    say(f"to submit jobs: that page, or: tinybench lab submit jobs.toml --watch{at}")
    for_all = "" if address.startswith("https://") else " to submit or cancel"
    say(f"the page asks for the token in {leader.folder / 'token'}{for_all}")
    who = "boards join" if alone else "boards of other computers join"
    theirs = " --tls DIR" if workers.startswith("tls://") else ""
    say(f"{who} by: tinybench lab worker --leader {workers}{theirs}")
    say("Ctrl-C ends the lab, and loses nothing")


def farewell(leader: Leader, say: Say) -> None:
    """Say what is left for the next time."""
    counts = store.counts(leader.db)
    ran, wait = counts[store.RUNNING], counts[store.HELD] + counts[store.QUEUED]
    left = [f"{counted(ran, 'job')} that ran"] * bool(ran) + [
        f"{counted(wait, 'job')} that waited"
    ] * bool(wait)
    kept = f"{' and '.join(left)} go on when it is served again" if left else "no job is left"
    say(f"the lab has ended: {kept}; results are in {leader.folder / 'runs'}")


def speak(leader: Leader, address: str, say: Say) -> None:
    """Say of each thing that happens a line, beside what the leader says of it already."""
    before = leader.say

    def also(what: str, **words: Any) -> None:
        before(what, **words)
        line = _line(leader, address, what, words)
        if line is not None:
            say(line)

    leader.say = also


def _line(leader: Leader, address: str, what: str, words: dict[str, Any]) -> str | None:
    """Return what is said of something that happened; None for nothing."""
    if what in ("worker", "worker gone", "silent", "refused", "board"):
        return _of_boards(leader, what, words)
    if what == "submitted":
        number, who = words["submission"], words.get("who")
        return f"submission {number}: {counted(words['jobs'], 'job')}" + (
            f" of {who}" if who else ""
        )
    if what == "trouble":
        return str(words["why"])
    if what == "fault":
        return f"a step of the leader failed, and is tried again: {words['why']}"
    row = store.row(leader.db, words["job"]) if "job" in words else None
    return None if row is None else _job(address, what, row, words)


def _of_boards(leader: Leader, what: str, words: dict[str, Any]) -> str:
    """Return what is said of a worker or of one of its boards."""
    if what == "worker":
        return _worker(leader, words)
    if what == "worker gone":
        return f"worker {words['name']} is gone; its jobs run elsewhere, or when it is back"
    if what == "silent":
        return f"worker {words['name']}: {words['why']}"
    if what == "refused":
        return f"a worker at {words['address']} gets no job: {words['why']}"
    why = words["absent"]
    return f"{words['place']} is " + ("back" if why is None else f"absent: {why}")


def _worker(leader: Leader, words: dict[str, Any]) -> str:
    if words.get("refused"):
        return f"worker {words['name']} gets no job: {words['refused']}"
    places = [
        f"{one.name} ({one.core}{', emulated' * one.emulated})"
        for seen in leader.workers.values()
        if seen.worker.name == words["name"]
        for one in seen.worker.places
    ]
    apart_s = words.get("clock_apart_s")
    off = "" if apart_s is None else f"; the clock of its computer is {apart_s:+.0f} s off"
    return f"worker {words['name']} brings {', '.join(places)}{off}"


def _job(address: str, what: str, row: store.Row, words: dict[str, Any]) -> str | None:
    named = f"job {row.id} ({row.job.title})"
    if words.get("again"):
        return f"{named} is tried again: {words.get('why')}"
    if what in store.ENDED:
        return f"{named} is {_end(address, what, row)}"
    about = "" if row.estimate is None else f", about {span(row.estimate)}"
    said = {
        "begun": f"begins on {row.place}{about}",
        "lost": f"waits again: the worker of {words.get('place')} is gone",
        "deadline cannot be promised": "may be done after its deadline",
    }
    return f"{named} {said[what]}" if what in said else None


def _end(address: str, state: str, row: store.Row) -> str:
    after = "" if row.run_s is None else f" after {span(row.run_s)}"
    if state == store.DONE:
        came = verdict(row.status, row.job.study)
        return f"done{after}, {came}: {address}/#job/{row.id}"
    return f"{state}{after}" + (f": {row.why}" if row.why and row.why != state else "")
