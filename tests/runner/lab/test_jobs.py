"""jobs.toml, the queue on disk, and what a job is thought to take."""

import sqlite3
from pathlib import Path

import msgspec
import pytest

from tinybench.errors import DeclarationError, UsageError
from tinybench.runner.lab import estimate, jobs_file, store
from tinybench.runner.lab.job import Job, insist, request
from tinybench.runner.lab.leader import memory
from tinybench.runner.lab.policy import Place

M4 = Place("desk/left", "nucleo-l4r5", "Cortex-M4F")
EMULATED = Place("desk/mps2-an386", "mps2-an386", "Cortex-M4F", emulated=True, attached=False)
NIGHTLY = """
[[jobs]]
name = "nightly"
board = ["mps2-an386", "host"]
task = ["kws", "ic"]
profile = "quick"
model = ["one.tflite", "two.tflite"]
repeat = 3
priority = 2
deadline = "2h"
with = { limit = 20 }

[[jobs]]
name = "energy"
task = "kws"
core = "Cortex-M4F"
tags = ["radio"]
mode = "energy"
with = { monitor = "lpm01a" }
needs = ["nightly"]
"""


@pytest.fixture
def db(tmp_path: Path) -> sqlite3.Connection:
    """Return an empty queue."""
    return store.open_store(tmp_path / "lab" / "queue.sqlite")


def written(folder: Path, text: str) -> Path:
    """Return a jobs.toml beside two models."""
    for n, name in enumerate(("one", "two")):
        (folder / f"{name}.tflite").write_bytes(bytes([n] * 4) + b"TFL3")
    path = folder / "jobs.toml"
    path.write_text(text)
    return path


def made(submission: jobs_file.Submission) -> list[Job]:
    """Return all jobs of a submission."""
    hashes = {name: sha256 for name, (sha256, _) in submission.models.items()}
    return [job for one in submission.series for job in jobs_file.jobs(one, hashes)]


def test_a_few_lines_are_every_combination(tmp_path: Path) -> None:
    """Models x boards x tasks x repeats; each with what is said of all."""
    told = jobs_file.read(written(tmp_path, NIGHTLY))
    jobs = made(told)
    assert told.count == len(jobs) == 2 * 2 * 2 * 3 + 1
    assert [job.board for job in jobs[:2]] == ["mps2-an386", "host"]
    assert len({msgspec.json.encode(job) for job in jobs}) == 9
    first, last = jobs[0], jobs[-1]
    assert first.words == {"task": "kws", "profile": "quick", "limit": 20}
    assert (first.model_name, first.priority, first.deadline_s) == ("one.tflite", 2, 7200.0)
    assert (last.quiet, last.want.core, set(last.want.tags)) == (True, "Cortex-M4F", {"radio"})
    assert msgspec.json.decode(msgspec.json.encode(first), type=Job) == first


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[jobs]]\nname="a"\ntask="kws"\nneeds=["b"]\n[[jobs]]\nname="b"\ntask="kws"\nneeds=["a"]\n',
         "needs 'a'"),
        ('[[jobs]]\nname="a"\ntask="kws"\nneeds=["a"]\n', "could ever begin"),
        ('[[jobs]]\nname="a"\ntask="kws"\nneeds=["c"]\n', "needs 'c', which is none of them"),
        ('[[jobs]]\nname="a"\ntask="kws"\n[[jobs]]\nname="a"\ntask="ic"\n', "give each its own"),
        ('[[jobs]]\nname="a"\ntask="kwz"\n', "did you mean 'kws'?"),
        ('[[jobs]]\nname="a"\ntask="kws"\nprofil="quick"\n', "did you mean 'profile'?"),
        ('[[jobs]]\nname="a"\ntask="kws"\nprofile="/etc/x.toml"\n', "is a file, which other comp"),
        ('[[jobs]]\nname="a"\ntask="kws"\nwith={port="/dev/ttyACM0"}\n', "a job takes no 'port'"),
        ('[[jobs]]\nname="a"\ntask="kws"\nwith={out="x"}\n', "a job takes no 'out'"),
        ('[[jobs]]\nname="a"\ntask="kws"\nwith={limit=0}\n', "no count of 1 or more"),
        ('[[jobs]]\nname="a"\ntask="kws"\nscenario="server"\n', "a server has a deadline"),
        ('[[jobs]]\nname="a"\ntask="kws"\nmodel="none.tflite"\n', "No such file"),
        ('[[jobs]]\nname="a"\ntask="kws"\nmodel="jobs.toml"\n', "no .tflite"),
        ('[[jobs]]\nname="a"\ntask="kws"\ndeadline="soon"\n', "no time such as"),
        ('[[jobs]]\nname="a"\ntask="kws"\ndeadline="0"\n', "later than now"),
        ('[[jobs]]\nname="a"\ntask="kws"\nrepeat=1000000\nmode=["all","accuracy"]\n',
         "2,000,000 jobs"),
        ('[[jobs]]\nname="a"\ntask="kws"\nboard=["nucleo-l4r5","mps2-an386"]\nclock="80MHz"\n',
         "board mps2-an386 cannot run at 80 MHz; the nearest that it can is 25 MHz"),
        ('[[jobs]]\nname="a"\ntask="kws"\nboard="nucleo-l4r5"\nclock=["80MHz","121MHz"]\n',
         "the nearest that it can is 120 MHz"),
        ('[[jobs]]\nname="a"\ntask="kws"\ncore="Cortex-M4F"\nclock="80MHz"\n', "name the board"),
        ('[[jobs]]\nname="a"\ntask="kws"\nclock="fast"\n', "is no clock such as 80MHz"),
        ("", "missing key"),
        ("jobs = []\n", "key 'jobs'"),
        ("jobs = [[[", "not valid TOML"),
    ],
)  # fmt: skip
def test_a_jobs_file_that_is_wrong_is_told_before_anything_is_queued(
    tmp_path: Path, text: str, words: str
) -> None:
    """With the file, what is wrong, and what may be meant."""
    with pytest.raises(UsageError) as caught:
        jobs_file.read(written(tmp_path, text))
    assert words in str(caught.value)
    assert "jobs.toml" in str(caught.value) or ".tflite" in str(caught.value)


def test_clocks_are_an_axis(tmp_path: Path) -> None:
    """Each board at each clock is a job, and says so."""
    text = '[[jobs]]\nname="a"\ntask="kws"\nboard=["nucleo-l4r5","nucleo-f446re"]\n'
    told = jobs_file.read(written(tmp_path, text + 'clock=["80MHz","40 MHz"]\n'))
    assert [(job.board, job.title) for job in made(told)] == [
        ("nucleo-l4r5", "kws 80MHz"), ("nucleo-f446re", "kws 80MHz"),
        ("nucleo-l4r5", "kws 40 MHz"), ("nucleo-f446re", "kws 40 MHz"),
    ]  # fmt: skip


def test_a_million_combinations_are_counted_and_not_made(tmp_path: Path) -> None:
    """The count is a product; the first of them comes at once."""
    lists = '["kws", "ic"]', '["all", "accuracy"]', '["quick", "rapid"]'
    text = '[[jobs]]\nname="sweep"\ntask={}\nmode={}\nprofile={}\nrepeat=125000\n'
    told = jobs_file.read(written(tmp_path, text.format(*lists)))
    assert told.count == 1_000_000 >= jobs_file.ASKED_FROM
    assert next(jobs_file.jobs(told.series[0], {})).words["task"] == "kws"


def test_a_job_names_nothing_of_one_computer() -> None:
    """Whoever sends it: a worker checks it again."""
    for words in (
        {"task": "kws", "engine": "../mine"},
        {"task": "a/task.toml"},
        {"task": "kws", "model": "x.tflite"},
        {"task": "kws", "data": "x"},
        {"task": "kws", "mode": ["all"]},
        {"task": "auto"},
        {"task": "all"},
    ):
        with pytest.raises((UsageError, msgspec.ValidationError)):
            insist(msgspec.convert({"series": "a", "words": words}, Job))
    asked = request(Job(series="a", words={"task": "kws", "limit": 5}), "host", wait=60)
    assert (asked.board, asked.limit, asked.wait_s) == ("host", 5, 60.0)


def test_a_job_has_exactly_one_result(db: sqlite3.Connection) -> None:
    """Whatever comes late or twice: of another attempt, of a job given back, cancelled or done."""
    job = Job(series="a", words={"task": "kws"})
    store.submit(db, [job, job], {}, {}, "me")
    assert store.claim(db, 1, "desk/left", "nucleo-l4r5", 60.0) == 1
    assert store.claim(db, 1, "desk/left", "nucleo-l4r5", 60.0) is None
    assert store.give_back(db, 1, 1, "the worker is gone", failed=False)
    assert not store.give_back(db, 1, 1, "twice", failed=False)
    assert None is store.finish(db, 1, 1, state=store.DONE, status=0)
    assert store.claim(db, 1, "desk/right", "host", 60.0) == 2
    assert None is store.finish(db, 1, 1, state=store.DONE, status=0)
    assert store.finish(db, 1, 2, state=store.DONE, status=1, run_s=2.0, folder="1") == []
    assert None is store.finish(db, 1, 2, state=store.FAILED, status=3)
    assert store.cancel(db, 1) == (store.DONE, [])
    assert store.claim(db, 2, "desk/left", "host", 1.0) == 1
    assert store.cancel(db, 2) == (store.RUNNING, [])
    assert None is store.finish(db, 2, 1, state=store.DONE, status=0)
    assert store.cancel(db, 3) == (None, [])
    assert [(one.state, one.attempt, one.status) for one in store.rows(db)] == [
        (store.CANCELLED, 1, None),
        (store.DONE, 2, 1),
    ]


def test_the_queue_outlives_a_leader(tmp_path: Path) -> None:
    """What waits, waits; what ran, waits again; what is done stays done."""
    path = tmp_path / "queue.sqlite"
    db = store.open_store(path)
    job = Job(series="a", words={"task": "kws"})
    store.submit(db, [job] * 3, {}, {}, "me")
    for number in (1, 2):
        store.claim(db, number, "desk/left", "host", 1.0)
    store.finish(db, 1, 1, state=store.DONE, status=0)
    again = store.open_store(path)  # the first was never closed, as after a kill
    assert store.recover(again) == 1
    assert [one.state for one in store.rows(again)] == [store.QUEUED, store.QUEUED, store.DONE]
    assert store.claim(again, 2, "desk/left", "host", 1.0) == 2


def test_a_submission_is_queued_whole_or_not_at_all(db: sqlite3.Connection) -> None:
    """What breaks in the middle, as a full disk does, leaves nothing."""

    def broken():
        yield Job(series="a", words={"task": "kws"})
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        store.submit(db, broken(), {}, {}, "me")
    assert sum(store.counts(db).values()) == 0
    assert store.submit(db, [], {}, {}, "me") == (1, 0)


def test_a_job_waits_for_what_it_needs_and_is_skipped_where_that_failed(
    db: sqlite3.Connection,
) -> None:
    """Also over several steps."""
    jobs = [Job(series=name, words={"task": "kws"}) for name in "aabc"]
    needs = {"b": ["a"], "c": ["b"]}
    store.submit(db, jobs, needs, {}, "me")
    store.submit(db, jobs, needs, {}, "me")
    for number in (1, 2):
        assert store.counts(db, 1)[store.HELD] == 2
        store.claim(db, number, "desk/left", "host", 1.0)
        store.finish(db, number, 1, state=store.DONE, status=0)
    assert [one.state for one in store.rows(db, submission=1)] == ["held", "queued", "done", "done"]
    store.cancel(db, 5)
    store.claim(db, 6, "desk/left", "host", 1.0)
    store.finish(db, 6, 1, state=store.DONE, status=0)
    assert [one.state for one in store.rows(db, submission=2)] == [
        "skipped", "skipped", "done", "cancelled",
    ]  # fmt: skip


def test_priority_is_first_in_the_window_and_may_change(db: sqlite3.Connection) -> None:
    """Of a queue that is longer than what is looked at."""
    store.submit(db, [Job(series="a", words={"task": "kws"})] * 5, {}, {}, "me")
    assert store.set_priority(db, 4, 3)
    assert store.waiting(db, 2) == [4, 1]
    assert [one.job.priority for one in store.rows(db, most=2)] == [0, 3]
    assert not store.set_priority(db, 9, 3)


def test_a_queue_of_an_older_lab_is_gone_on_with(tmp_path: Path) -> None:
    """What it lacks is added; its jobs are there."""
    path = tmp_path / "queue.sqlite"
    db = store.open_store(path)
    store.submit(db, [Job(series="a", words={"task": "kws"})], {}, {}, "me")
    for column in ("emulated", "promised"):
        db.execute(f"ALTER TABLE jobs DROP COLUMN {column}")
    for table in ("places", "hooks", "deliveries"):
        db.execute(f"DROP TABLE {table}")
    db.execute("DROP TRIGGER told")
    db.execute("PRAGMA user_version = 1")
    again = store.open_store(path)
    assert store.claim(again, 1, "desk/left", "host", 1.0, emulated=True) == 1
    assert store.finish(again, 1, 1, state=store.DONE, status=0) == []
    assert memory.remembered(again) == {}


def test_a_foreign_or_newer_file_is_no_queue(tmp_path: Path) -> None:
    """And it is left as it is."""
    (tmp_path / "a").write_bytes(b"no database" * 100)
    with pytest.raises(UsageError, match="no queue can be kept"):
        store.open_store(tmp_path / "a")
    with sqlite3.connect(tmp_path / "b") as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(UsageError, match="another tinybench"):
        store.open_store(tmp_path / "b")
    with pytest.raises(UsageError, match="no queue can be kept"):
        store.open_store(tmp_path / "a" / "under-a-file")


def test_a_job_is_thought_to_take_what_jobs_like_it_took(db: sqlite3.Connection) -> None:
    """On this kind of board, else as others of its task took there, else on any, else computed.

    An emulated board tells nothing of a real one, whatever its kind is called.
    """
    job = Job(series="a", words={"task": "kws", "profile": "quick"})
    computed_s = estimate.estimate_s(db, job, M4)
    assert computed_s > 128 * 490 * 2 * 10 / 115_200
    assert estimate.estimate_s(db, job, EMULATED) < computed_s
    more = Job(series="a", words={"task": "kws", "profile": "quick", "limit": 5})
    assert estimate.estimate_s(db, more, M4) < computed_s
    store.submit(db, [job] * 3, {}, {}, "me")
    ran = (("mps3-an547", 4.0, True), ("host", 20.0, False), ("nucleo-l4r5", 80.0, False))
    few_s = estimate.computed_s(more, M4)
    for number, (board, took_s, emulated) in enumerate(ran):
        store.claim(db, number + 1, "desk/x", board, 1.0, emulated=emulated)
        store.finish(db, number + 1, 1, state=store.DONE, status=0, run_s=took_s)
    assert estimate.estimate_s(db, job, M4) == 80.0
    assert estimate.estimate_s(db, job, EMULATED) == 4.0
    assert estimate.estimate_s(db, more, M4) == pytest.approx(few_s * 80.0 / computed_s)
    other = Place("desk/g0", "nucleo-g0b1", "Cortex-M0+")
    assert estimate.estimate_s(db, job, other) == 50.0
    assert estimate.estimate_s(db, more, EMULATED) < estimate.computed_s(job, EMULATED)


def test_an_emulated_board_is_thought_to_take_its_instructions(db: sqlite3.Connection) -> None:
    """Longer windows, more inputs and a smaller unit of time are more of them."""

    def thought_s(kind: str = "mps2-an386", **words: str | int) -> float:
        place = Place("desk/e", kind, "Cortex-M4F", emulated=True, attached=False)
        return estimate.estimate_s(db, Job(series="a", words={"task": "kws", **words}), place)

    assert thought_s(profile="rapid") < thought_s(profile="quick") < thought_s()
    assert thought_s(mode="accuracy", limit=5) < thought_s(mode="accuracy", limit=500)


def test_a_circle_is_a_fault_of_the_file(tmp_path: Path) -> None:
    """And so is one over three."""
    text = "".join(
        f'[[jobs]]\nname="{a}"\ntask="kws"\nneeds=["{b}"]\n' for a, b in ("ab", "bc", "ca")
    )
    with pytest.raises(DeclarationError, match="needs"):
        jobs_file.read(written(tmp_path, text))
