"""Studies as jobs: what a jobs.toml says of them, how long they may take, their files."""

import asyncio
import contextlib
import json
import os
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from tests.runner.lab.small_lab import LAB
from tests.runner.lab.test_jobs import EMULATED, made, written
from tinybench.errors import (
    BenchError,
    OtherFolderError,
    RunFolderError,
    ToolMissingError,
    UsageError,
)
from tinybench.files import lock_file
from tinybench.runner.build import board as boards
from tinybench.runner.cli.study import job, taking
from tinybench.runner.desk.bench import Bench, find_bench, load_bench
from tinybench.runner.lab import child, estimate, jobs_file, order, places, store
from tinybench.runner.lab.job import Job
from tinybench.runner.lab.leader import ending, wishes
from tinybench.runner.lab.leader.state import Leader, Run
from tinybench.runner.lab.order import Order, Report
from tinybench.runner.lab.page import answer, files, studies
from tinybench.runner.lab.page.results import Measured
from tinybench.runner.lab.policy import fits

NOISE = '[[jobs]]\nname="a"\nstudy="noise"\ntask="kws"\n'
VARIED = '[[jobs]]\nname="a"\nstudy="sweep"\ntask="kws"\nwith.by="limit=1,2"\n'
SWEEP = '[[jobs]]\nname="a"\nstudy="sweep"\ntask="kws"\n'


@pytest.fixture
def leader(tmp_path: Path) -> Iterator[Leader]:
    """Return a leader without an engine, with a study that runs as job 1."""
    with contextlib.closing(store.open_store(tmp_path / "queue.sqlite")) as db:
        store.submit(db, [study()], {}, {}, "me")
        store.claim(db, 1, EMULATED.name, EMULATED.kind, 1.0, emulated=True)
        yield Leader(db, tmp_path, LAB, lambda *_, **__: None)


def study(**more: Any) -> Job:
    """Return a study of noise."""
    return Job(series="a", study="noise", words={"task": "kws", "trials": 2}, **more)


def test_parts_of_a_study_are_jobs_that_any_fitting_board_may_do(tmp_path: Path) -> None:
    """Each knows which it is; each task and each board has a study of its own."""
    more = 'parts=3\npriority=1\nwith={eta="0,.1", together_only=true}\n'
    told = jobs_file.read(written(tmp_path, f'{NOISE}board=["host","mps2-an386"]\n{more}'))
    jobs = made(told)
    assert told.count == len(jobs) == 6
    assert [(one.board, one.part, one.parts) for one in jobs[2:4]] == [
        ("host", 3, 3), ("mps2-an386", 1, 3),
    ]  # fmt: skip
    assert jobs[0].title == "noise kws part 1 of 3"
    assert jobs[0].words == {"task": "kws", "eta": "0,.1", "together_only": True}
    assert msgspec.json.decode(msgspec.json.encode(jobs[0]), type=Job) == jobs[0]
    (only,) = made(jobs_file.read(written(tmp_path, f'{NOISE}board="host"\nparts=3\npart=2\n')))
    assert (only.part, only.parts) == (2, 3)


def test_rows_of_ones_own_are_sent_as_a_model_is(tmp_path: Path) -> None:
    """By their bytes; the job has what they are called."""
    (tmp_path / "mine.csv").write_text("1,2,a\n")
    text = '[[jobs]]\nname="a"\nstudy=["classic","compress"]\ncsv="mine.csv"\n'
    told = jobs_file.read(written(tmp_path, text))
    (sha256, data) = told.models["mine.csv"]
    assert data == b"1,2,a\n"
    assert [(one.study, one.csv, one.csv_name) for one in made(told)] == [
        ("classic", sha256, "mine.csv"), ("compress", sha256, "mine.csv"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f'{NOISE}mode="accuracy"\n', "study noise takes no 'mode'"),
        (f'{NOISE}scenario="server"\n', "study noise takes no 'scenario'"),
        (f'{NOISE}profile="quick"\n', "study noise takes no 'profile'"),
        (f'{NOISE}board="nucleo-l4r5"\nclock="80MHz"\n', "study noise takes no 'clock'"),
        (f"{NOISE}parts=2\n", "name it by board"),
        (f'{NOISE}board="host"\nparts=2\npart=3\n', "part 3 of 2"),
        (f"{NOISE}parts=65\n", "64 or less"),
        (f'{NOISE}csv="jobs.toml"\n', "study noise takes no csv"),
        (f"{NOISE}with={{ eta = 'x' }}\n", "give numbers of 0 or more"),
        (f"{NOISE}with={{ model = 'x' }}\n", "takes no 'model'"),
        (NOISE.replace("kws", "kwz"), "did you mean 'kws'?"),
        (NOISE.replace("kws", "sww"), "is studied on one computer"),
        (NOISE.replace("noise", "noize"), "did you mean 'noise'?"),
        ('[[jobs]]\nname="a"\nstudy="noise"\n', "study noise is of a task"),
        ('[[jobs]]\nname="a"\nstudy="sparsity"\nmodel="one.tflite"\n', "takes no model without a"),
        ('[[jobs]]\nname="a"\nstudy="classic"\n', "name a task, or rows by csv"),
        ('[[jobs]]\nname="a"\nstudy="classic"\ntask="kws"\ncsv="jobs.toml"\n', "one of both"),
        ('[[jobs]]\nname="a"\nstudy="compress"\nmodel="one.tflite"\n', "no model without a"),
        ('[[jobs]]\nname="a"\nstudy="classic"\ntask="kws"\nwith={regression=true}\n', "of a csv"),
        ('[[jobs]]\nname="a"\nstudy="compress"\nwith={embed="city"}\n', "embed are of a csv"),
        ('[[jobs]]\nname="a"\nstudy="compress"\ntask="kws"\nwith={tables=true}\n', "leave out"),
        (SWEEP, "study sweep varies something"),
        (f"{VARIED}board='host'\nparts=2\nwith.runs=3\n", "leave one of both out"),
        (f"{VARIED}board='host'\nparts=2\nwith.budget='1h'\n", "leave one of both out"),
        (f"{VARIED}with.budget='25h'\n", "a job of a lab runs 24 h at most"),
        (f"{SWEEP}with={{ by = 'board=host,mps2-an386' }}\n", "does not vary 'board'"),
        ('[[jobs]]\nname="a"\nstudy="sweep"\nwith={by="prune=true,false"}\n', "is of a task"),
        ('[[jobs]]\nname="a"\ntask="kws"\nparts=2\n', "parts and csv are of a study"),
        ('[[jobs]]\nname="a"\nmode="all"\n', "a run is of a task"),
        ('[[jobs]]\nname="a"\ntask="kws"\nwith={limit=["3"]}\n', "takes one limit, and no list"),
    ],
)  # fmt: skip
def test_a_study_that_is_wrong_is_told_before_anything_is_queued(
    tmp_path: Path, text: str, words: str
) -> None:
    """A key that means nothing for it, too; with what may be meant."""
    with pytest.raises(UsageError) as caught:
        jobs_file.read(written(tmp_path, text))
    assert words in str(caught.value)


def test_a_study_is_thought_to_take_what_studies_like_it_took(tmp_path: Path) -> None:
    """Else a time that its parts share; it tells nothing of runs, nor they of it."""
    run = Job(series="a", words={"task": "kws", "profile": "quick"})
    with contextlib.closing(store.open_store(tmp_path / "queue.sqlite")) as db:
        before_s = estimate.estimate_s(db, run, EMULATED)
        assert estimate.estimate_s(db, study(), EMULATED) > estimate.STUDY_S
        few_s = estimate.estimate_s(db, study(parts=4, board="host"), EMULATED)
        assert few_s < estimate.STUDY_S / 3
        store.submit(db, [study(), run], {}, {}, "me")
        for number, took_s in ((1, 4000.0), (2, 3.0)):
            store.claim(db, number, EMULATED.name, EMULATED.kind, 1.0, emulated=True)
            store.finish(db, number, 1, state=store.DONE, status=0, run_s=took_s)
            if number == 1:
                assert estimate.estimate_s(db, run, EMULATED) == before_s
        assert estimate.estimate_s(db, study(), EMULATED) == 4000.0
        assert estimate.estimate_s(db, run, EMULATED) == 3.0
        assert [one.id for one in store.studies(db, 9)] == [1]


@pytest.mark.parametrize(
    "files",
    [
        {"../a": b""}, {"a/../../b": b""}, {"/etc/a": b""}, {"a//b": b""}, {"a/": b""},
        {"a/b\x00": b""}, {"a\\b": b""}, {"a/" * 6 + "b": b""}, {"x" * 201: b""},
        {"a": b"", "a/b": b""}, {f"{n}": b"" for n in range(order.FILES_MOST + 1)},
    ],
    ids=lambda files: next(iter(files))[:12] + str(len(files)),
)  # fmt: skip
def test_files_that_no_folder_holds_fail_the_job_and_stop_no_lab(
    leader: Leader, files: dict[str, bytes]
) -> None:
    """By their names, by one that is a folder as well, by their number; nothing is written."""
    (row,) = store.rows(leader.db)
    ending.finish(leader, Run(row, EMULATED, 1, "a", 0.0, 1.0), Report(status=0, files=files))
    (now,) = store.rows(leader.db)
    assert (now.state, now.failures) == (store.QUEUED, 1)
    assert "a worker sent" in str(now.why)
    assert not (leader.folder / "runs").exists()


def test_a_study_is_kept_with_the_folders_in_it(leader: Leader, tmp_path: Path) -> None:
    """As the worker had them, but for links; its runs are none of the lab's."""
    own = tmp_path / "study"
    (own / "combinations" / "0001-0").mkdir(parents=True)
    (own / "study.json").write_text("{}")
    (own / "study.json.0a1b2c~").write_text("half")  # of a process that was killed
    (own / "combinations" / "0001-0" / "result.json").write_text("{}")
    (own / "passwd").symlink_to("/etc/passwd")
    (own / "etc").symlink_to("/etc")
    files = order.taken(own, deep=True)
    assert {*files} == {"study.json", "combinations/0001-0/result.json"}
    assert {*order.taken(own, deep=False)} == {"study.json"}
    (row,) = store.rows(leader.db)
    ending.finish(leader, Run(row, EMULATED, 1, "a", 0.0, 1.0), Report(status=0, files=files))
    runs = leader.folder / "runs"
    assert order.taken(runs / "1-1", deep=True) == files
    assert Measured(runs).rows() == []


def test_of_many_files_the_page_has_names_of_some_and_each_is_opened(
    leader: Leader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those outside of folders first; nothing that a link leads to, nor what is out of it."""
    run = leader.folder / "runs" / "1-1"
    (run / "a").mkdir(parents=True)
    for name in ("a/1.json", "a/2.json", "study.json"):
        (run / name).write_text(name)
    (run / "etc").symlink_to("/etc")
    monkeypatch.setattr(files, "SHOWN_MOST", 2)
    (row,) = store.rows(leader.db)
    door: Any = SimpleNamespace(leader=leader)
    assert files.listed(door, row) == {"files": [], "files_more": 0}
    row = msgspec.structs.replace(row, folder="1-1")
    told = files.listed(door, row)
    assert [one["name"] for one in told["files"]] == ["study.json", "a/1.json"]
    assert told["files_more"] == 1
    with files._opened(run, "a/2.json", deep=True) as file:
        assert file.read() == b"a/2.json"
    for name, deep in (
        ("etc/passwd", True),
        ("../../token", True),
        ("a/2.json", False),
        ("a", True),
    ):
        with pytest.raises((BenchError, OSError)):
            files._opened(run, name, deep=deep)


def test_a_submission_is_found_by_the_name_of_its_series(leader: Leader) -> None:
    """Whoever did not hear its number finds it so."""
    store.submit(leader.db, [msgspec.structs.replace(study(), series="noise-12")], {}, {}, "me")
    assert [one.id for one in store.rows(leader.db, series="noise-12", most=1)] == [2]
    assert store.rows(leader.db, series="noise-1") == []


def test_what_is_told_to_a_lab_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender that stops in the middle holds nothing for ever."""
    monkeypatch.setattr(answer, "BODY_S", 0.01)

    async def stream() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    request: Any = SimpleNamespace(stream=stream)
    with pytest.raises(answer.RefusedError, match="did not end"):
        asyncio.run(answer.body(request))


def test_too_much_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files, bytes, folders in each other."""
    deep = tmp_path / "/".join("abcde")
    deep.mkdir(parents=True)
    (deep / "x").write_bytes(b"1234")
    assert len(order.taken(tmp_path, deep=True)) == 1
    monkeypatch.setattr(order, "FILES_MOST_B", 3)
    with pytest.raises(OSError, match="more than 3 bytes"):
        order.taken(tmp_path, deep=True)
    monkeypatch.setattr(order, "FILES_MOST", 5)
    with pytest.raises(OSError, match="more than 5 files"):
        order.taken(tmp_path, deep=True)
    monkeypatch.setattr(order, "DEPTH_MOST", 2)
    with pytest.raises(OSError, match="more than 2 folders"):
        order.taken(tmp_path, deep=True)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"asked": {"study": "sweep"}}', '{"asked": {"study": ["noise"]}}',
        '{"asked": {"study": "../noise"}}', "[" * 100_000,
        '{"asked": {"study": "noise"}, "points": 1}',
    ],
)  # fmt: skip
def test_a_study_without_sense_is_told_and_hides_no_other(tmp_path: Path, text: str) -> None:
    """Neither its rows nor its text are shown."""
    own = tmp_path / "1-1"
    own.mkdir()
    (own / "study.json").write_text(text)
    found = studies.Studied(tmp_path).of("1-1")
    assert (found.rows, bool(found.why)) == ([], True)
    assert str(tmp_path) not in str(found.why)
    with pytest.raises(RunFolderError):
        studies.text_of(own)


def test_figures_that_do_not_belong_together_are_no_rows(tmp_path: Path) -> None:
    """Such as a count without end, in a document that is a sweep's by its form."""
    asked = {"study": "sweep", "task": "kws", "board": "host", "factors": {"a": ["1", "2"]},
             "objectives": ["flash"], "repeats": 1, "words": {}}  # fmt: skip
    run = {"combination": 0, "repeat": 0, "levels": ["1"], "took_s": 1, "why": "",
           "figures": {"flash_b": {"value": "X"}}}  # fmt: skip
    whole = {"asked": asked, "tinybench": "1", "possible": 2, "left": 1, "refused": [],
             "emulated": False, "fields": {"flash": "flash_b"}, "metric": "", "effects": [],
             "energy_modelled": False, "runs": [run],
             "combinations": [{"levels": ["1"], "runs": 1, "front": True,
                               "figures": {"flash": {"value": "X"}}}]}  # fmt: skip
    own = tmp_path / "1-1"
    own.mkdir()
    (own / "study.json").write_text(json.dumps(whole).replace('"X"', "1e999"))
    assert studies.Studied(tmp_path).of("1-1").rows == []
    (own / "study.json").write_text(json.dumps(whole).replace('"X"', "12"))
    assert [one.flash_b for one in studies.Studied(tmp_path).of("1-1").rows] == [12]


def test_a_board_of_a_desk_is_called_by_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the process of a study alone, with all that the bench file says of it."""
    bench = tmp_path / "bench.toml"
    bench.write_text(
        '[boards.left]\nboard = "nucleo-l4r5"\nport = "/dev/ttyACM0"\nprobe = "12"\n'
        '[boards.right]\nboard = "nucleo-l4r5"\nport = "/dev/ttyACM1"\ntags = ["radio"]\n'
    )
    monkeypatch.setenv("TINYBENCH_BENCH", str(bench))
    asked = Order(lab=LAB, id=1, attempt=1, board="right", job=study())
    task = child.Task(order=asked, board="right", folder=str(tmp_path / "own" / "run"))
    (tmp_path / "own").mkdir()
    assert job._words(task)[:2] == ["--board=nucleo-l4r5", "--wait=600"]
    (desk,) = load_bench(find_bench()).boards.items()
    assert (desk[0], desk[1].port, desk[1].tags) == ("nucleo-l4r5", "/dev/ttyACM1", ["radio"])
    assert os.environ["TINYBENCH_BENCH"] != str(bench)
    emulated = msgspec.structs.replace(task, board="nucleo-l4r5", emulate=True)
    assert job._words(emulated)[-1] == "--emulate"
    plain = msgspec.structs.replace(task, board="mps2-an386", emulate=True)
    assert "--emulate" not in job._words(plain)
    said = study(board="mps2-an386")
    said = msgspec.structs.replace(said, words={**said.words, "emulate": True})
    asked = msgspec.structs.replace(asked, job=said)
    assert "--emulate" in job._words(msgspec.structs.replace(plain, order=asked))


def test_a_monitor_keeps_the_name_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By which parts of several desks are of one study; it is the one of this desk."""
    bench = tmp_path / "bench.toml"
    bench.write_text(
        '[boards.nucleo-l4r5]\nboard = "nucleo-l4r5"\nport = "/dev/ttyACM0"\nmonitor = "mine"\n'
        '[monitors.mine]\ndriver = "lpm01a"\nport = "/dev/ttyACM7"\n'
    )
    monkeypatch.setenv("TINYBENCH_BENCH", str(bench))
    sweep = Job(series="a", study="sweep", words={"task": "kws", "monitor": "lpm01a"})
    asked = Order(lab=LAB, id=1, attempt=1, board="nucleo-l4r5", job=sweep)
    task = child.Task(
        order=asked, board="nucleo-l4r5", folder=str(tmp_path / "own" / "run"), own_monitor=True
    )
    (tmp_path / "own").mkdir()
    assert "--monitor=lpm01a" in job._words(task)
    here = load_bench(find_bench())
    assert here.boards["nucleo-l4r5"].monitor == "lpm01a"
    assert here.monitors["lpm01a"] == load_bench(bench).monitors["mine"]


def test_an_emulated_board_that_is_named_twice_is_one(tmp_path: Path) -> None:
    """One of the same name by a file is another, and no board of bench.toml is blamed."""
    once = places.places("w", Bench(), ["mps2-an386"])
    assert places.places("w", Bench(), ["mps2-an386"] * 2) == once
    file = tmp_path / "mine.toml"
    file.write_text(boards.names()["mps2-an386"].read_text())
    with pytest.raises(UsageError, match="two emulated boards are called mps2-an386"):
        places.places("w", Bench(), ["mps2-an386", str(file)])


def test_a_study_is_not_half_measured_and_half_emulated() -> None:
    """Where a board may be a real one, its emulator has studies that ask for it, and no others."""
    found = places.places("w", Bench(), ["nucleo-l4r5", "mps2-an386"]).values()
    l4r5 = study(board="nucleo-l4r5")
    asked = msgspec.structs.replace(l4r5, words={**l4r5.words, "emulate": True})
    run = msgspec.structs.replace(l4r5, study=None)
    fit = [[one.kind for one in found if fits(job.want, one)] for job in (l4r5, asked, run)]
    assert fit == [[], ["nucleo-l4r5"], ["nucleo-l4r5"]]
    assert any(fits(study(board="mps2-an386").want, one) for one in found)
    assert "ask for the emulator, by emulate" in wishes.refusal(l4r5.want, list(found))


def begun(folder: Path) -> child.Task:
    """Return a second attempt at a study, of which the first has kept something."""
    folder.mkdir()
    (folder / "asked.json").write_text("{}")
    (folder / "trials.jsonl").write_text("kept")
    asked = Order(lab=LAB, id=1, attempt=2, board="host", job=study())
    return child.Task(order=asked, board="host", folder=str(folder), emulate=True)


@pytest.mark.parametrize(
    ("error", "kept"),
    [(RunFolderError("cannot write: no space left"), True), (OtherFolderError("another"), False)],
)
def test_what_a_study_has_measured_is_removed_only_where_it_is_of_no_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: RunFolderError, kept: bool
) -> None:
    """A disk that is full for a while is no reason."""
    tries: list[bool] = []

    def done(*_: object) -> int:
        tries.append((tmp_path / "run" / "trials.jsonl").exists())
        if len(tries) == 1:
            raise error
        return 0

    monkeypatch.setattr(job, "_done", done)
    monkeypatch.setattr(child, "tell", lambda **_: None)
    status = child.ended(job.do, begun(tmp_path / "run"))
    assert (status, tries) == ((child.FAILED, [True]) if kept else (0, [True, False]))
    assert (tmp_path / "run" / "trials.jsonl").exists() is kept


def test_a_study_waits_until_its_folder_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process of an attempt before closes its board first."""
    task, waits = begun(tmp_path / "run"), list[float]()
    with (tmp_path / "run" / "trials.jsonl").open("rb") as file:
        lock_file(file.fileno())

        def sleep(s: float) -> None:
            waits.append(s)
            file.close()

        monkeypatch.setattr(job.time, "sleep", sleep)
        monkeypatch.setattr(job, "_done", lambda *_: len(waits))
        assert child.ended(job.do, task) == 1


def test_a_study_that_cannot_be_as_asked_fails_for_good_in_the_words_of_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No board and no other worker could do it."""
    said = msgspec.structs.replace(study(), words={"task": "kws", "noise": "levels", "levels": "1"})
    order = Order(lab=LAB, id=1, attempt=1, board="host", job=said)
    told = list[dict[str, object]]()
    monkeypatch.setattr(child, "tell", lambda **words: told.append(words))
    task = child.Task(order=order, board="host", folder=str(tmp_path / "run"), emulate=True)
    assert child.ended(job.do, task) == 2
    assert "--levels 1: a cell has 2 to 65536" in str(told[-1]["error"])


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("odd"), 3), (ToolMissingError("no qemu"), 3), (RunFolderError("full"), 3),
        (UsageError("never"), 2), (KeyboardInterrupt(), 130),
    ],
    ids=lambda one: type(one).__name__,
)  # fmt: skip
def test_how_a_job_ends_says_whose_fault_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int
) -> None:
    """What another computer may not have is tried there; no fault counts as a board's answer."""

    def do(_: child.Task) -> int:
        raise error

    told = list[object]()
    monkeypatch.setattr(child, "tell", lambda **words: told.append(words["error"]))
    assert child.ended(do, begun(tmp_path / "run")) == status
    assert told == [str(error) or "interrupted"] or "ValueError: odd" in str(told)


@pytest.mark.parametrize(
    "entries",
    [
        {"job-2/asked.json": b"{}"}, {"job-1/../../a": b""}, {"/etc/a": b""}, {"job-1/": b""},
        {"job-1/a": b"", "job-1/a/b": b""}, None,
    ],
)  # fmt: skip
def test_an_archive_of_a_lab_stays_in_its_folder(
    tmp_path: Path, entries: dict[str, bytes] | None
) -> None:
    """Whatever is in it, and whether it is one."""
    archive = tmp_path / "a.zip"
    archive.write_bytes(b"no archive")
    if entries is not None:
        with zipfile.ZipFile(archive, "w") as into:
            for name, data in entries.items():
                into.writestr(name, data)
    with pytest.raises(BenchError):
        taking.unpacked(archive, tmp_path / "into", 1)
    assert [one.name for one in tmp_path.iterdir()] == ["a.zip"]
