"""What people are told of a lab: why a job waits, who has a board, what is wrong with a form."""

import ast
import asyncio
import contextlib
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from starlette.types import ASGIApp

from tests import ROOT
from tests.runner.lab.small_lab import LAB, asleep
from tests.runner.lab.test_leader import worker
from tinybench.errors import UsageError
from tinybench.runner.cli.lab import lab as commands
from tinybench.runner.cli.lab import shown, watching
from tinybench.runner.cli.output import Voice
from tinybench.runner.lab import store
from tinybench.runner.lab.job import AXES, RUN_WORDS, Job
from tinybench.runner.lab.jobs_file import Series, Submission
from tinybench.runner.lab.leader import placing
from tinybench.runner.lab.leader.state import Leader, Run
from tinybench.runner.lab.leader.workers import came, gone, see
from tinybench.runner.lab.order import Told
from tinybench.runner.lab.page import door, journal, plain, plan, published, results, told
from tinybench.runner.lab.page import shown as shown_there
from tinybench.runner.lab.page.metrics import metrics
from tinybench.runner.lab.page.published import Published
from tinybench.runner.lab.page.words import span
from tinybench.runner.lab.policy import Place

KWS = {"name": "a", "task": "kws"}


@pytest.fixture
def leader(tmp_path: Path) -> Iterator[Leader]:
    """Return a leader with two boards of one quiet group, on which a job takes 60 s."""
    with contextlib.closing(store.open_store(tmp_path / "queue.sqlite")) as db:
        made = Leader(db, tmp_path, LAB, lambda *_, **__: None, lambda *_: 60.0)
        places = [Place(f"desk/{name}", "host", "host", quiet="desk/hub") for name in "ab"]
        came(made, "at", "desk", worker(places=msgspec.to_builtins(places)))
        for kind in ("nucleo-l4r5", "pico"):  # that it had
            made.left[f"far/{kind}"] = Place(f"far/{kind}", kind, "any"), 0.0
        yield made


def begun(leader: Leader, job: int, name: str, **said: Any) -> None:
    """Let a job run on a board since 20 s."""
    row, place = store.row(leader.db, job), leader.places[name]
    assert row is not None
    assert store.claim(leader.db, job, name, place.kind, 60.0) == 1
    placing.forget(leader, job)
    now = Told(id=job, attempt=1, **said)
    leader.running[name] = Run(row, place, 1, "at", time.monotonic() - 20, 60.0, now)


def by_id(leader: Leader) -> dict[int, dict[str, Any]]:
    """Return what is told of all jobs."""
    return {one["id"]: one for one in told.jobs(leader, store.rows(leader.db))}


def asked(app: ASGIApp, method: str, path: str, address: str) -> int:
    """Return the status that an application answers with, without a token."""
    scope = {
        "type": "http", "method": method, "path": path, "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:8750")], "client": (address, 40_000),
    }  # fmt: skip
    said = list[Any]()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"{}"}

    async def send(message: Any) -> None:
        said.append(message)

    async def whole() -> None:
        await app(scope, receive, send)

    asyncio.run(whole())
    return said[0]["status"]


def test_who_asks_too_much_waits(leader: Leader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of changes, sooner than of looks; and others do not."""
    now_s = 1000.0
    monkeypatch.setattr(door, "time", SimpleNamespace(monotonic=lambda: now_s))
    app = door.app(leader, "sesame", "127.0.0.1", 8750, Published())
    for method, path, welcome, most in (
        ("POST", "/api/jobs", 401, door.CHANGES_A_S * door.BURST),
        ("GET", "/metrics", 200, door.LOOKS_A_S * door.BURST),
    ):
        said = [asked(app, method, path, "127.0.0.1") for _ in range(int(most) + 2)]
        assert said == [welcome] * int(most) + [429] * 2
        assert asked(app, method, path, "127.0.0.2") == welcome
    now_s += 1 / door.CHANGES_A_S
    assert [asked(app, "POST", "/api/jobs", "127.0.0.1") for _ in range(2)] == [401, 429]


def test_a_board_says_who_holds_it_and_a_job_when_it_may_begin(leader: Leader) -> None:
    """By what is left of what runs, and all that is before it on its board."""
    store.submit(leader.db, [asleep(1)] * 5, {}, {}, "anna@desk")
    placing.refill(leader)
    begun(leader, 1, "desk/a", note="accuracy", done=4, total=10)
    first = told.state(leader)["boards"][0]
    assert (first["state"], first["runs"]["job"], first["runs"]["who"]) == ("busy", 1, "anna@desk")
    assert first["runs"]["left_s"] == pytest.approx(40, abs=1)
    assert first["runs"]["since"] == pytest.approx(time.time() - 20, abs=1)
    jobs = by_id(leader)
    assert [(n, jobs[n]["waits_for"], jobs[n]["turn"]) for n in (2, 3, 4, 5)] == [
        (2, "desk/b", 1), (3, "desk/a", 1), (4, "desk/b", 2), (5, "desk/a", 2),
    ]  # fmt: skip
    assert [jobs[n]["starts_s"] for n in (2, 4)] == [0.0, 60.0]
    assert [jobs[n]["starts_s"] for n in (3, 5)] == pytest.approx([40, 100], abs=1)
    why = shown.why({**jobs[5], "starts_s": 100})
    assert why == "1 before it, begins in about 2 min; desk/a runs job 1"


def test_workers_that_leave_together_are_all_gone(leader: Leader) -> None:
    """Also one that was refused, which is looked at anew with every worker that leaves."""
    came(leader, "b", "two", worker("two", version="0.0.1"))
    for address in [*leader.workers]:
        gone(leader, address)
    assert leader.workers == {}
    assert set(leader.left) >= {"desk/a", "desk/b"}


def test_a_board_that_is_unplugged_has_no_holder(leader: Leader) -> None:
    """Though what ran on it has not noticed yet; plugged in again, it is its holder still."""
    store.submit(leader.db, [asleep(1)], {}, {}, "me")
    placing.refill(leader)
    begun(leader, 1, "desk/a")
    for absent, holder in (({"a": "port is not attached"}, None), ({}, 1)):
        see(leader, "at", absent)
        first = told.state(leader)["boards"][0]
        assert (first["runs"] and first["runs"]["job"]) == holder
        assert f"boards_busy {holder or 0}\n" in metrics(leader)


def test_a_run_that_takes_longer_than_thought_is_told_by_what_it_has_done(leader: Leader) -> None:
    """A tenth is done after 20 s: nine times as long is left."""
    store.submit(leader.db, [asleep(1)], {}, {}, "me")
    placing.refill(leader)
    begun(leader, 1, "desk/a", done=1, total=10)
    run = leader.running["desk/a"]
    leader.running["desk/a"] = Run(run.row, run.place, 1, "at", run.since_s, 5.0, run.told)
    assert told.running(leader.running["desk/a"])["left_s"] == pytest.approx(180, abs=5)
    late = told.running(Run(run.row, run.place, 1, "at", run.since_s, 5.0))
    assert late["left_s"] is None
    assert shown.left(late) == "longer than thought"


def test_a_job_says_what_keeps_it_besides_its_turn(leader: Leader) -> None:
    """Needs, no board, a quiet group, an attempt that failed, a full disk; an ended one its end."""
    jobs = [asleep(1), asleep(1, board="pico"), asleep(1, quiet=True)]
    jobs.append(Job(series="late", words={"task": "kws"}))
    store.submit(leader.db, jobs, {"late": ["a"]}, {}, "me")
    placing.refill(leader)
    begun(leader, 3, "desk/a")
    said = {number: one["why"] for number, one in by_id(leader).items()}
    assert said[2] == "far/pico: its worker is gone since 1970-01-01 00:00 UTC"
    assert said[4] == "needs a to be done before"
    board = next(one for one in told.state(leader)["boards"] if one["name"] == "desk/b")
    assert board["state"] == "quiet"
    assert "job 3, a quiet one, runs on desk/a" in board["why"]
    store.give_back(leader.db, 3, 1, "no answer", failed=True)
    leader.running.clear()
    placing.refill(leader)
    why = by_id(leader)[3]["why"]
    assert why.endswith("; before: no answer")
    leader.trouble = "the disk is full"
    assert by_id(leader)[1]["why"].startswith("the disk is full")
    store.cancel(leader.db, 2)
    assert by_id(leader)[2]["why"] == "cancelled"


def test_boards_that_are_silent_or_gone_are_told(leader: Leader) -> None:
    """Of a worker that is not heard, or that left; one that is back is as before."""
    leader.workers["at"].silent_s = 6.0
    first = told.state(leader)["boards"][0]
    assert (first["state"], "6 s" in first["why"]) == ("silent", True)
    gone(leader, "at")
    assert [one["state"] for one in told.state(leader)["boards"]] == ["absent", "absent"]
    assert "boards_absent 2" in metrics(leader)
    came(leader, "at", "desk", worker())
    assert {one["name"]: one["state"] for one in told.state(leader)["boards"]} == {
        "desk/host": "free", "desk/a": "absent", "desk/b": "absent",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "blamed"),
    [
        ({"task": "kwz"}, {"task": "did you mean 'kws'"}),
        ({"with": {"limit": 0}}, {"with.limit": "no count of 1 or more"}),
        ({"mode": "performance", "with": {"limit": 3}}, {"with.limit": "means nothing in mode"}),
        ({"scenario": "server"}, {"scenario": "a server has a deadline"}),
        ({"priority": 99, "repeat": 0}, {"priority": "8 or less", "repeat": "1 or more"}),
        ({"deadline": "soon", "board": "pica"}, {"deadline": "no time", "board": "'pico'"}),
        ({"board": "nucleo-l4r5", "clock": "121MHz"}, {"clock": "the nearest that it can"}),
        ({"clock": "80MHz"}, {"clock": "name the board"}),
        ({"engine": "../mine", "with": {"porta": 1}},
         {"engine": "is a file", "with.porta": "a job takes no 'porta'"}),
        ({"board": "nucleo-l4r5", "clock": "80MHz", "scenario": "server",
          "with": {"deadline": 0.1}, "model": ["a.tflite"]}, {}),
        ({"with": []}, {"with": "words of a run"}),
        ({f"k{n}": n for n in range(3000)}, {"with": "at most 100"}),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_form_is_told_of_its_field(
    leader: Leader, said: dict[str, Any], blamed: dict[str, str]
) -> None:
    """Each field that is to blame, and no other."""
    found = plan.faults(leader, {**KWS, **said})
    assert found.keys() == blamed.keys(), found
    for name, words in blamed.items():
        assert words in found[name]


def test_how_long_jobs_would_take_is_told_before_they_are_queued(leader: Leader) -> None:
    """By their placing behind what waits; of very many, of some of them."""

    def estimated(**more: Any) -> dict[str, Any]:
        series = msgspec.convert({**KWS, **more}, Series)
        return plan.estimated(leader, Submission(series=[series], needs={}, models={}), {})

    assert estimated(repeat=4) == {
        "jobs": 4, "work_s": 240.0, "done_s": 120.0, "boards": 2, "nowhere": 0,
    }  # fmt: skip
    assert estimated(board=["pico", "host"])["nowhere"] == 1
    assert estimated(repeat=100_000)["work_s"] == 6_000_000
    store.submit(leader.db, [asleep(1)] * 2, {}, {}, "me")
    placing.refill(leader)
    assert estimated()["done_s"] == 120.0


def test_a_filter_that_is_none_is_refused_with_the_nearest() -> None:
    """What there is but has no result yet is only without results."""
    for column, value, near in (
        ("task", "kwz", "kws"), ("board", "pica", "pico"), ("core", "Cortex-M4G", "Cortex-M4"),
        ("mode", "acuracy", "accuracy"), ("profile", "quik", "quick"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=f"there is no {column} '{value}'.*{near}"):
            results.chosen([], {column: value})
        assert results.chosen([], {column: {"core": "Cortex-M7"}.get(column, near)}) == []


def test_every_key_of_a_jobs_file_is_in_the_docs() -> None:
    """Those of the table are those of the code, also which ones must be there, and all words."""
    text = (ROOT / "docs" / "lab.md").read_text("utf-8")
    table = text.partition("| key | values | meaning |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1:4] for line in table.splitlines()[2:]]
    keys = [key for row in rows for key in re.findall(r"`(\w+)`", row[0])]
    fields = msgspec.structs.fields(Series)
    assert sorted(keys) == sorted(field.encode_name for field in fields)
    required = {
        key for row in rows if "required" in row[1] for key in re.findall(r"`(\w+)`", row[0])
    }
    assert required == {field.encode_name for field in fields if field.required}
    (words,) = [row[2] for row in rows if "`with`" in row[0]]
    assert set(re.findall(r"`(\w+)`", words)) == {*RUN_WORDS} - {*AXES}


def test_messages_of_a_lab_name_options_that_there_are() -> None:
    """Each --option in a text of the code is one of its commands."""
    there = {
        name for one in commands.commands.values() for param in one.params for name in param.opts
    }
    for folder in ("runner/lab", "runner/cli/lab"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            texts = [
                one.value
                for one in ast.walk(ast.parse(path.read_text("utf-8")))
                if isinstance(one, ast.Constant) and isinstance(one.value, str)
            ]
            named = {
                name for text in texts for name in re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)
            }
            assert named <= {*there, "--help"}, path


def test_a_watch_says_each_thing_once_and_ends_with_figures(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Also what is left, and who goes on when the watching ends."""
    job = {"id": 5, "title": "kws\x1b[31m", "state": "queued", "attempt": 0, "why": "no board",
           "runs": None, "turn": None, "place": "desk/a", "run_s": None,
           "starts_s": None, "waits_for": None}  # fmt: skip
    turn = {**job, "waits_for": "desk/a", "why": "desk/a runs job 3"}
    runs = {"note": "accuracy", "done": 2, "total": 9, "left_s": 30.0}
    result = {"valid": False, "broken_rules": ["a"], "auc": None, "top1": 0.9, "scenario": None,
              "emulated": False, "latency_s": 0.1, "energy_per_inference_j": None,
              "estimated_latency_s": None}  # fmt: skip
    steps = [
        job, job, turn, {**turn, "why": "desk/a runs job 4"},
        {**job, "state": "running", "attempt": 1, "why": None, "runs": runs},
        {**job, "state": "done", "attempt": 1, "why": None, "run_s": 61.0, "result": result},
    ]  # fmt: skip
    answers = iter(
        {"jobs": [one], "counts": {**dict.fromkeys(store.STATES, 0), one["state"]: 1},
         "worst": 1 if one["state"] == "done" else None}
        for one in steps
    )  # fmt: skip
    lab: Any = SimpleNamespace(get=lambda *_, **__: next(answers))
    found = watching.ended(Voice(), lab, 2, 60.0, watched=True)
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(") ")[2] for line in lines] == [
        "waits: no board", "waits: desk/a runs job 3", "runs on desk/a, about 30 s left",
        "is done after 61 s: breaks 1 rule; top-1 90.0 %, 100 ms measured",
    ]  # fmt: skip
    assert "\x1b" not in "".join(lines)
    assert watching.summed_up(2, found) == "submission 2 has ended: 1 done; a rule is broken"

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watching.ended(Voice(), SimpleNamespace(get=interrupted), 2, 60.0, watched=True)  # type: ignore[arg-type]
    assert "goes on without you" in capsys.readouterr().err


def test_a_lab_says_what_happens_and_what_is_left(leader: Leader) -> None:
    """A line for each worker, submission and job; and at the end what goes on the next time."""
    lines: list[str] = []
    journal.speak(leader, "http://here", lines.append)
    came(leader, "b", "two", worker("two", version="0.0.1"))
    store.submit(leader.db, [asleep(1)] * 3, {}, {}, "me")
    leader.say("submitted", submission=1, jobs=3, who="anna")
    begun(leader, 1, "desk/a")
    leader.say("begun", job=1, place="desk/a")
    store.finish(leader.db, 1, 1, state=store.DONE, status=1, run_s=9.0)
    leader.say("done", job=1)
    begun(leader, 2, "desk/b")
    see(leader, "at", {"a": "port is not attached"})
    see(leader, "at", {})
    leader.say("silent", name="desk", why="nothing heard for 10 s")
    leader.say("refused", address="tcp://there", why="no name")
    journal.farewell(leader, lines.append)
    assert lines[0].startswith("worker two gets no job: it is tinybench 0.0.1")
    assert lines[1:4] == [
        "submission 1: 3 jobs of anna",
        "job 1 (kws) begins on desk/a, about 60 s",
        "job 1 (kws) is done after 9 s, a rule is broken: http://here/#job/1",
    ]
    assert lines[4:8] == [
        "desk/a is absent: port is not attached",
        "desk/a is back",
        "worker desk: nothing heard for 10 s",
        "a worker at tcp://there gets no job: no name",
    ]
    assert "1 job that ran and 1 job that waited go on when it is served again" in lines[8]


def test_what_the_plain_page_shows_is_escaped(leader: Leader) -> None:
    """Whatever a job, a model or a person is called."""
    job = Job(series="a", words={"task": "kws"}, model="0" * 64, model_name="<img src=x>.tflite")
    store.submit(leader.db, [job], {}, {}, "<b>")
    placing.refill(leader)
    door: Any = SimpleNamespace(leader=leader, measured=SimpleNamespace(rows=list))
    text = bytes(asyncio.run(plain.page(door, None)).body).decode()  # type: ignore[arg-type]
    assert "&lt;img src=x&gt;.tflite" in text
    assert "<img" not in text


def test_a_length_of_time_is_told_as_people_do() -> None:
    """In the unit that has few digits."""
    wanted = {0: "0 s", 8.4: "8 s", 240: "4 min", 9000: "2.5 h", 3 * 86400: "3 days"}
    assert [span(seconds) for seconds in wanted] == [*wanted.values()]


def test_nothing_is_said_to_be_looked_at_only_where_all_verdicts_are_told(leader: Leader) -> None:
    """Neither before the table is read, nor where an audit ends while an answer is made."""

    class Ending(Published):
        def rows(self) -> list[dict[str, Any]]:
            rows = super().rows()
            self.doing = ""
            return rows

    known = Ending()
    said = [doing_of(leader, known) for _ in range(2)]
    assert said == ["reading the table", ""]
    asyncio.run(published.look(known, [], lambda *_, **__: None))
    assert known.doing == ""


def doing_of(leader: Leader, known: Published) -> str:
    """Return what a lab says that it still looks at."""
    behind: Any = SimpleNamespace(leader=leader, published=known)
    answer = asyncio.run(shown_there.published(behind, SimpleNamespace()))  # type: ignore[arg-type]
    return json.loads(bytes(answer.body))["doing"]
