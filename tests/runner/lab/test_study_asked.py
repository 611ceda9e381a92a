"""A study that a lab is asked for: what is kept of it, gone on with, asked for anew, refused."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import click
import msgspec
import pytest

from tinybench.errors import BenchError, RunFolderError, UsageError
from tinybench.runner import cli
from tinybench.runner.cli.output import Voice
from tinybench.runner.cli.study import in_lab, study, through_lab
from tinybench.runner.cli.tree import TYPED, Command
from tinybench.runner.lab import ask
from tinybench.runner.lab.job import Job

WORDS = ["--task=kws", "--eta=0,.1", "--together-only"]


class Lab:
    """A lab that says of each job what it is told to say, and of those it is asked for anew."""

    def __init__(self) -> None:
        self.jobs: dict[int, dict[str, Any]] = {}
        self.asked: list[list[int]] = []
        self.states: dict[int, str] = {}
        self.lost: BaseException | None = None
        """What comes in place of the answer to what it is asked for next."""

    def get(self, path: str, **words: Any) -> Any:
        """Say what there is."""
        if path == "/api/state":
            board = {"kind": "mps2-an386", "name": "a/x", "state": "free", "emulated": True,
                     "core": "Cortex-M4F"}  # fmt: skip
            more = ({"kind": "host"}, {"on_demand": True}, {"state": "absent"}, {"name": "b/x"})
            return {"boards": [board, *({**board, **one} for one in more)]}
        if path == "/api/jobs":
            key = "series" if "series" in words else "submission"
            jobs = [one for one in self.jobs.values() if one[key] == words[key]]
            counts = dict.fromkeys(("held", "queued", "running"), 0)
            return {"jobs": jobs, "counts": {**counts, "done": len(jobs)}, "worst": 0}
        number = int(path.rpartition("/")[2])
        if number not in self.jobs:
            raise UsageError(f"there is no job {number}")
        return self.jobs[number]

    def post(self, _: str, told: Any, **__: Any) -> Any:
        """Take jobs, which end at once."""
        parts = {
            part: one.name
            for one in told.series
            for part in ([one.part] if one.part else range(1, one.parts + 1))
        }
        self.asked.append([*parts])
        for part, name in parts.items():
            number = len(self.jobs) + 1
            state = self.states.pop(part, "done")
            self.jobs[number] = {
                "id": number, "submission": len(self.asked), "study": "noise", "part": part,
                "state": state, "status": 0 if state == "done" else 3, "why": "no answer",
                "board": "mps2-an386", "ended": 1.0, "attempt": 1, "runs": None, "title": "noise",
                "run_s": 1.0, "waits_for": None, "series": name,
            }  # fmt: skip
        lost, self.lost = self.lost, None
        if lost is not None:
            raise lost
        return {"submission": len(self.asked), "jobs": len(parts), "boards": 0, "nowhere": 0}

    def fetch(self, path: str, into: IO[bytes], _: int) -> None:
        """Send the folder of a job."""
        number = int(path.split("/")[3])
        with zipfile.ZipFile(into, "w") as archive:
            archive.writestr(f"job-{number}/asked.json", json.dumps(self.jobs[number]["part"]))


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Return the lab that is asked."""
    made = Lab()
    monkeypatch.setattr(ask, "Lab", lambda *_: made)
    return made


def typed(out: Path, *words: str, do: Callable[..., int] = lambda *_, **__: 0) -> int:
    """Type a study of noise that a lab does; `do` is what does it here."""
    command = study.commands["noise"]
    assert isinstance(command, Command)
    with command.make_context("noise", [*WORDS, f"--out={out}", "--lab", *words]) as ctx:
        said = {k: v for k, v in ctx.params.items() if k not in ("verbose", "quiet", "json")}
        assert ctx.meta[TYPED]["eta"] == "0,.1"
        return in_lab.or_in_lab("noise")(do)(Voice(), **said)


def parts_of(folders: tuple[Path, ...]) -> list[int]:
    """Return which parts are in folders."""
    return [json.loads((one / "asked.json").read_text()) for one in folders]


def test_parts_are_as_many_as_boards_that_fit_and_are_gathered(lab: Lab, tmp_path: Path) -> None:
    """Of one kind, by their folders; what a lab did is left nowhere else."""
    told: list[tuple[str, list[int]]] = []

    def do(_: Voice, **said: Any) -> int:
        told.append((said["board"], parts_of(said["gather"])))
        return 1

    assert typed(tmp_path / "n", do=do) == 1
    assert told == [("mps2-an386", [1, 2])]
    assert lab.asked == [[1, 2]]
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_that_chooses_as_it_goes_is_one_job(lab: Lab) -> None:
    """What is next depends on what is known."""
    job = Job(series="a", study="sweep", words={"by": "limit=1,2"}, board="mps2-an386")
    assert through_lab._fitting(lab, job) == 2  # type: ignore[arg-type]
    job = msgspec.structs.replace(job, words={**job.words, "budget": "1h"})
    assert through_lab._fitting(lab, job) == 1  # type: ignore[arg-type]


def test_what_failed_alone_is_asked_for_anew(lab: Lab, tmp_path: Path) -> None:
    """What is done is kept until then; it is said which part failed, and why."""
    lab.states = {2: "failed"}
    with pytest.raises(BenchError, match=r"part 2 of 3 \(job 2\) is failed: no answer. The others"):
        typed(tmp_path / "n", "--parts=3")
    kept = {one.name for one in (tmp_path / "n.lab").iterdir()}
    assert kept == {"lab.json", "part-1", "part-3"}
    assert typed(tmp_path / "n", "--parts=3") == 0
    assert lab.asked == [[1, 2, 3], [2]]


def test_where_all_failed_another_study_may_be_asked_for(lab: Lab, tmp_path: Path) -> None:
    """Nothing is kept."""
    lab.states = {1: "cancelled", 2: "cancelled"}
    with pytest.raises(BenchError, match="is cancelled"):
        typed(tmp_path / "n")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_asks_for_nothing_twice(lab: Lab, tmp_path: Path) -> None:
    """Also where it comes while the parts are gathered."""

    def interrupted(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        typed(tmp_path / "n", do=interrupted)
    assert typed(tmp_path / "n") == 0
    assert lab.asked == [[1, 2]]


@pytest.mark.parametrize("lost", [KeyboardInterrupt(), BenchError("no lab answers")])
def test_an_answer_that_is_lost_asks_for_nothing_twice(
    lab: Lab, tmp_path: Path, lost: BaseException
) -> None:
    """Of all parts, and of those that are asked for anew."""
    lab.lost, lab.states = lost, {2: "failed"}
    with pytest.raises(type(lost)):
        typed(tmp_path / "n")
    lab.lost = lost
    with pytest.raises(type(lost)):
        typed(tmp_path / "n")
    assert typed(tmp_path / "n") == 0
    assert lab.asked == [[1, 2], [2]]


def test_two_processes_do_not_ask_for_the_same(lab: Lab, tmp_path: Path) -> None:
    """The second one is refused while the first is at work."""

    def again(*_: object, **__: object) -> int:
        with pytest.raises(RunFolderError, match="another tinybench asks a lab"):
            typed(tmp_path / "n")
        return 0

    assert typed(tmp_path / "n", do=again) == 0
    assert lab.asked == [[1, 2]]


def test_the_working_folder_may_be_that_of_a_study(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the root of all may not."""
    (tmp_path / "n").mkdir()
    monkeypatch.chdir(tmp_path / "n")
    assert typed(Path()) == 0
    with pytest.raises(UsageError, match="name a folder in it"):
        typed(Path("/"))
    assert lab.asked == [[1, 2]]
    assert [one.name for one in tmp_path.iterdir()] == ["n"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--trials=3"], "an option differs"),
        (["--limit=3"], "an option differs"),
        (["--board=host"], "board differs"),
        (["--parts=4"], "the number of parts differs"),
        (["--at=http://127.0.0.1:1"], "the lab differs"),
    ],
)
def test_another_study_does_not_take_what_was_asked_for(
    lab: Lab, tmp_path: Path, words: list[str], why: str
) -> None:
    """It is refused before anything is asked for."""
    lab.states = {2: "failed"}
    with pytest.raises(BenchError):
        typed(tmp_path / "n")
    with pytest.raises(UsageError, match=why):
        typed(tmp_path / "n", *words)
    assert lab.asked == [[1, 2]]


def test_another_lab_is_not_believed(lab: Lab, tmp_path: Path) -> None:
    """One that has no such jobs, or others by these numbers; nor boards of several kinds."""
    lab.states = {2: "failed"}
    with pytest.raises(BenchError):
        typed(tmp_path / "n")
    lab.jobs[2]["part"] = 1
    with pytest.raises(UsageError, match="no part 2 of it; is that another lab"):
        typed(tmp_path / "n")
    del lab.jobs[1]
    with pytest.raises(UsageError, match="no job 1; is that another lab"):
        typed(tmp_path / "n")
    (tmp_path / "n.lab" / "lab.json").write_text("{")
    with pytest.raises(RunFolderError, match=r"lab\.json: cannot be read"):
        typed(tmp_path / "n")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--port=/dev/ttyACM0"], "--port is of this computer"),
        (["--wait=5m"], "--wait is of this computer"),
        (["--jobs=3"], "--jobs is of this computer"),
        (["--data=x"], "--data is of this computer"),
        (["--part=1/2"], "--part is of this computer"),
        (["--gather=x"], "--gather is of this computer"),
        (["--parts=65"], "at most 64"),
        (["--board=mine.toml", "--parts=2"], "is a file"),
        (["--model=none.tflite"], "cannot be read"),
        (["--task=kwz"], "did you mean 'kws'"),
        (["--trials=100000"], "100,000 trials of 2 amounts"),
    ],
)
def test_what_a_lab_cannot_have_is_refused(
    lab: Lab, tmp_path: Path, words: list[str], why: str
) -> None:
    """In words, before anything is asked for or kept."""
    with pytest.raises((UsageError, click.UsageError), match=why):
        typed(tmp_path / "n", *words)
    assert lab.asked == []
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_refused_first(lab: Lab, tmp_path: Path) -> None:
    """Before a lab works for nothing."""
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="holds something else"):
        typed(tmp_path)
    with pytest.raises(RunFolderError, match="holds something else"):
        typed(tmp_path / "file")
    assert lab.asked == []


def test_parts_without_a_lab_are_refused(tmp_path: Path) -> None:
    """With what is meant here."""
    command = study.commands["noise"]
    assert isinstance(command, Command)
    with (
        command.make_context("noise", [*WORDS, "--parts=2", f"--out={tmp_path}"]) as ctx,
        pytest.raises(UsageError, match="--parts is of --lab"),
    ):
        command.do(Voice(), **{k: v for k, v in ctx.params.items() if k != "json"})


def test_the_word_of_a_folder_may_be_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever stands behind --lab; no lab listens there."""
    words = ["study", "noise", "--task", "kws", "--at", "http://127.0.0.1:9", "-o", str(tmp_path)]
    assert cli.main([*words, "--lab", "--parts", "2"]) == 3
    assert "no lab answers" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
