"""Jobs that wait: on which boards they may, why they do, what they take, what is promised."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.runner.lab.small_lab import LAB, asleep
from tests.runner.lab.test_leader import worker
from tinybench.errors import UsageError
from tinybench.runner.build import board as boards
from tinybench.runner.desk.bench import Bench, DeskBoard
from tinybench.runner.lab import jobs_file, store
from tinybench.runner.lab.job import Job, insist
from tinybench.runner.lab.leader import attempts, loop, placing, reasons, wishes, workers
from tinybench.runner.lab.leader.state import WINDOW, Leader, Run
from tinybench.runner.lab.page import told
from tinybench.runner.lab.page.metrics import metrics
from tinybench.runner.lab.places import places
from tinybench.runner.lab.policy import Place, Want, fits

DESK = Bench(
    boards={
        "left": DeskBoard(board="nucleo-l4r5", port="/dev/left", monitor="lpm01a", tags=["radio"],
                          energy_port="/dev/energy"),
        "right": DeskBoard(board="nucleo-l4r5", port="/dev/right"),
        "unwired": DeskBoard(board="nucleo-l4r5", port="/dev/wire", monitor="lpm01a"),
    }
)  # fmt: skip
PLACES = places("desk", DESK, ["mps2-an386", "host"])
M4 = ["desk/left", "desk/right", "desk/unwired", "desk/mps2-an386"]


@pytest.fixture
def leader(tmp_path: Path) -> Iterator[Leader]:
    """Return a leader without an engine, to whom each job is thought to last a second."""
    with contextlib.closing(store.open_store(tmp_path / "queue.sqlite")) as db:
        yield Leader(db, tmp_path, LAB, lambda *_, **__: None, lambda *_: 1.0)


def here(leader: Leader, *found: Place) -> None:
    """Let a worker come with boards."""
    said = msgspec.to_builtins(list(found or PLACES.values()))
    workers.came(leader, "a", "desk", worker(places=said))


@pytest.mark.parametrize(
    ("job", "fitting"),
    [
        ({"core": "Cortex-M4F"}, M4),
        ({"board": "nucleo-l4r5", "words": {"emulate": True}}, ["desk/nucleo-l4r5.emulated"]),
        ({"board": "left", "words": {"emulate": True}}, []),
        ({"words": {"emulate": True}}, ["desk/mps2-an386", "desk/nucleo-l4r5.emulated"]),
        ({"words": {"mode": "energy"}}, ["desk/left", "desk/mps2-an386"]),
        ({"words": {"mode": "energy", "monitor": "lpm01a"}}, ["desk/left"]),
        ({"words": {"mode": "energy", "monitor": "ppk2"}}, []),
        ({"words": {"monitor": "modelled"}}, ["desk/mps2-an386"]),
        ({"board": "host", "words": {"mode": "energy"}}, []),
        ({"tags": ["emulated"]}, ["desk/mps2-an386"]),
    ],
)  # fmt: skip
def test_a_job_is_placed_only_where_it_can_be_done(job: dict[str, Any], fitting: list[str]) -> None:
    """Energy where it can be measured or is modelled; what is to be emulated on no real board."""
    words = {"task": "kws", **job.pop("words", {})}
    want = Job(series="a", words=words, **job).want
    assert sorted(one.name for one in PLACES.values() if fits(want, one)) == sorted(fitting)


def test_energy_beside_other_modes_is_refused_before_it_waits() -> None:
    """By a real monitor it is measured with a build of its own."""
    with pytest.raises(UsageError, match="mode = 'energy'"):
        insist(Job(series="a", words={"task": "kws", "monitor": "lpm01a"}))


@pytest.mark.parametrize(
    ("series", "words"),
    [
        ({"board": "nucleo-l4r"}, "did you mean 'nucleo-l4r5'?"),
        ({"board": "pico"}, "no worker of this lab has had a board pico"),
        ({"board": "desk/lefd"}, "did you mean 'desk/left'?"),
        ({"core": ["Cortex-M4F", "Cortex-M4"]}, "did you mean 'Cortex-M4F'?"),
        ({"tags": ["radios"]}, "did you mean 'radio'?"),
        ({"board": "right", "tags": ["radio"]}, "has all of it: board right, tags radio"),
        ({"board": "right", "mode": ["accuracy", "energy"]}, "monitors of this lab: lpm01a"),
        ({"board": "left", "emulate": True}, "emulates left, by its kind: valid: mps2-an386, nuc"),
    ],
)
def test_what_no_board_of_the_lab_ever_had_is_refused(series: dict[str, Any], words: str) -> None:
    """At once, with the nearest name or what is missing, and does not wait for ever."""
    told = jobs_file.Series(name="a", task="kws", **series)
    submission = jobs_file.Submission(series=[told], needs={}, models={})
    with pytest.raises(UsageError, match=r"^job 'a': ") as caught:
        wishes.insist(jobs_file.wants(submission), PLACES.values())
    assert words in str(caught.value)
    with pytest.raises(UsageError, match="has had no board yet"):
        wishes.insist(jobs_file.wants(submission), [])


def test_every_waiting_job_says_why(leader: Leader) -> None:
    """One that needs others, is behind another, has no board, whose board is absent, or is new."""
    left, right = PLACES["left"], PLACES["right"]
    here(leader, left, right)
    workers.see(leader, "a", {"right": "AA is not attached"})
    jobs = [asleep(1, board="left"), asleep(1, board="left"), asleep(1, board="right"),
            msgspec.structs.replace(asleep(1), series="b"), asleep(1, core="Cortex-M7"),
            asleep(1, board="gone")]  # fmt: skip
    store.submit(leader.db, jobs, {"b": ["a"]}, {}, "me")
    leader.left["desk/gone"] = replace(left, name="desk/gone"), 0.0
    placing.refill(leader)
    row = store.row(leader.db, 1)
    assert row is not None
    placing.forget(leader, 1)
    store.claim(leader.db, 1, left.name, left.kind, 1.0)
    leader.running[left.name] = Run(row, left, 1, "a", time.monotonic(), 1.0)
    store.submit(leader.db, [asleep(1)], {}, {}, "me")
    found = {row.id: reasons.why(leader, row) for row in store.rows(leader.db)}
    assert found == {
        1: None,
        2: "desk/left runs job 1",
        3: "desk/right: AA is not attached",
        4: "needs a to be done before",
        5: "no board of this lab has had the core 'Cortex-M7': did you mean 'Cortex-M4F'?",
        6: "desk/gone: its worker is gone since 1970-01-01 00:00 UTC",
        7: "a board is sought",
    }
    assert all(one["why"] for one in told.state(leader)["queue"])
    (absent,) = [one for one in told.state(leader)["boards"] if one["state"] == "absent"]
    assert (absent["name"], absent["why"]) == ("desk/right", "AA is not attached")


def test_jobs_for_other_boards_stand_before_nobody(
    leader: Leader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many wait for a board that is busy, or unplugged: a free one has its own at once."""
    monkeypatch.setattr(attempts, "_send", lambda *_: None)
    here(leader, PLACES["left"], PLACES["right"], PLACES["unwired"])
    workers.see(leader, "a", {"unwired": "AA is not attached"})
    store.submit(leader.db, [asleep(1, board="left")] * 5000, {}, {}, "me")
    store.submit(leader.db, [asleep(1, board="unwired")] * 5000, {}, {}, "me")
    placing.refill(leader)
    attempts.begin(leader)
    assert leader.running.keys() == {"desk/left"}
    store.submit(leader.db, [asleep(1, board="right")], {}, {}, "me")
    placing.refill(leader)
    attempts.begin(leader)
    assert leader.running["desk/right"].row.id == 10_001
    placing.refill(leader)
    assert len(leader.rows) == WINDOW
    last = store.row(leader.db, 5000)
    assert last is not None
    why = reasons.why(leader, last)
    assert why == "behind 1,000 jobs for the same boards, which are looked at first"


def test_wishes_for_boards_are_looked_at_in_turn(
    leader: Leader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there are more than a step looks at; and of each the first by priority."""
    monkeypatch.setattr(placing, "WISHES_A_STEP", 3)
    names = [f"b{n}" for n in range(8)]
    here(leader, *(replace(PLACES["left"], name=f"desk/{name}") for name in names))
    store.submit(leader.db, [asleep(1, board=name) for name in names * 2], {}, {}, "me")
    store.set_priority(leader.db, 9, 1)
    for seen in (6, 12, 16):
        placing.refill(leader)
        assert len(leader.rows) == seen
    assert [one.job for one in leader.queues["desk/b0"]] == [9, 1]
    placing.place_anew(leader)
    assert leader.held.total() == 16
    for job in [*leader.rows]:
        placing.forget(leader, job)
    assert not leader.held


def test_what_waiting_jobs_take_is_renewed_by_runs(leader: Leader) -> None:
    """As soon as there are some of their kind; when they must begin stays as it was promised."""
    here(leader, PLACES["left"])
    store.submit(leader.db, [asleep(1)] * 3, {}, {}, "me")
    placing.refill(leader)
    before = leader.queues["desk/left"]
    leader.estimate = lambda *_: 60.0
    placing.renew(leader)
    assert leader.queues["desk/left"] == before  # there is no newer run
    leader.stale.add(placing.thought_of(leader.rows[1].job, PLACES["left"]))
    placing.renew(leader)
    after = leader.queues["desk/left"]
    assert [one.estimate_s for one in after] == [60.0] * 3
    assert leader.work_s["desk/left"] == 180.0
    assert [one.start_by_s for one in after] == [one.start_by_s for one in before]


def test_a_deadline_that_cannot_be_promised_is_told(leader: Leader) -> None:
    """In the answer to who submits it, and of the job."""
    here(leader, PLACES["left"])
    jobs = [asleep(1, board="left", deadline_s=seconds) for seconds in (1.5, 1.5, 9.0)]
    number, _ = store.submit(leader.db, jobs, {}, {}, "me")
    (note,) = loop.promises(leader, number)
    assert "cannot be promised: 1;" in note
    rows = [told.job(row) for row in store.rows(leader.db)][::-1]
    assert [one["promised"] for one in rows] == [True, False, True]
    assert rows[0]["deadline"] == pytest.approx(rows[0]["submitted"] + 1.5)
    number, _ = store.submit(leader.db, [asleep(1, board="x", deadline_s=9.0)], {}, {}, "me")
    assert "before a board is found" in loop.promises(leader, number)[0]


def test_a_worker_is_gone_by_its_silence_alone(leader: Leader) -> None:
    """As the leader was awake: neither a clock that is set nor a leader held up makes one."""
    pytest.importorskip("distributed")
    here(leader, PLACES["left"])
    now_s = leader.looked_s
    for after_s, heard in (
        (0.2, 5e8),
        (3600.0, 5e8),  # the leader was held up
        (0.2, 1e9),  # the engine's clock was set ahead
        (0.2, 10.0),  # and back
        *[(0.25, 10.0)] * 40,
    ):
        now_s += after_s
        assert workers.silent(leader, {"a": heard}, now_s) == []
    assert workers.silent(leader, {"a": 10.0}, now_s + 0.25) == ["a"]


def test_metrics_are_what_prometheus_reads(leader: Leader) -> None:
    """Each sample stands below the help and the type of its metric; a wait has sum and count."""
    here(leader, replace(PLACES["left"], name='desk/a"b\\c'))
    leader.counted.begun, leader.counted.wait_s = 4, 2.5
    kinds: dict[str, str] = {}
    helped: list[str] = []
    for line in metrics(leader).splitlines():
        if line.startswith("# HELP "):
            helped.append(line.split()[2])
        elif line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            assert helped[-1] == name not in kinds
            kinds[name] = kind
        else:
            name, value = line.partition("{")[0].split()[0], line.rsplit(" ", 1)[1]
            assert name.removesuffix("_sum").removesuffix("_count") == helped[-1]
            assert float(value) >= 0
            assert name.endswith("_total") == (kinds[helped[-1]] == "counter")
    assert kinds["tinybench_lab_wait_seconds"] == "summary"
    assert "tinybench_lab_wait_seconds_sum 2.5\ntinybench_lab_wait_seconds_count 4\n" in metrics(
        leader
    )
    assert 'board="desk/a\\"b\\\\c"' in metrics(leader)


def test_a_board_that_can_be_emulated_is_offered_so_by_its_kind_alone() -> None:
    """Once, however many of it a desk has; a job that asks for none never gets it."""
    emulators = [one for one in PLACES.values() if one.on_demand]
    assert [one.name for one in emulators] == ["desk/nucleo-l4r5.emulated"]
    assert emulators[0].emulated
    assert boards.load_board(emulators[0].kind, emulate=True).emulated
    assert not fits(Want(), emulators[0])
