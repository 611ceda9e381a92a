"""A study on several boards of a desk at a time, each on its own port, and one is unplugged."""

import functools
import re
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.runner.study.desk import Desk, desk
from tinybench.errors import (
    BenchError,
    BoardOutError,
    BuildError,
    DeadlineError,
    InferenceError,
    UsageError,
)
from tinybench.runner import cli
from tinybench.runner.desk import flash
from tinybench.runner.dut.client import Dut
from tinybench.runner.dut.line import Patience
from tinybench.runner.report.study import noise as report
from tinybench.runner.results.journal import read
from tinybench.runner.results.words import request_of
from tinybench.runner.study.boards import kind_of
from tinybench.runner.study.kept import read_trials
from tinybench.runner.study.noise import on_board, trials
from tinybench.runner.study.noise.asked import ask
from tinybench.runner.study.noise.noise import PIECES, run_noise
from tinybench.runner.study.noise.on_board import opened
from tinybench.runner.study.parts import gather
from tinybench.runner.study.runs import done
from tinybench.runner.study.shards import on_each
from tinybench.runner.study.subject import subject
from tinybench.runner.study.sweep.factors import factor, request_for
from tinybench.runner.study.work import Work
from tinybench.track import silent

CALLED = ("left", "middle", "right")


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Three equal boards."""
    with desk(tmp_path_factory.mktemp("desk"), CALLED) as made:
        yield made


@pytest.fixture(autouse=True)
def environment(three: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bench.toml is the one that is found, and a silent board is not waited for as long."""
    monkeypatch.setattr(flash, "PATIENCE", Patience(name_s=0.3, name_tries=2))
    for name, value in three.words.items():
        monkeypatch.setenv(name, value)


def work_on(folder: Path, *boards: str, **more: Any) -> Work:
    """Return a work on some boards, told to nobody."""
    return Work(folder, {"board": "kind"}, silent, lambda _: None, len(boards), boards, **more)


def test_a_board_that_is_unplugged_takes_nothing_of_the_others_along(
    three: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They do all but the trial it failed at, which is done once the same is asked for again.

    Of layers one by one, too.
    """
    monkeypatch.setattr(on_board, "Dut", functools.partial(Dut, patience=Patience(return_s=0.2)))
    of = subject("kws", limit=4)
    kind = kind_of(CALLED, {})
    asked = ask(of, "gaussian", (0.1,), 8, 1, board=kind)
    words = {"task": "kws", "board": kind}

    def track(items: Iterable[Any], label: str, total: int) -> Iterator[Any]:
        for number, item in enumerate(silent(items, label, total)):
            if (label, number) == ("noise", 4):  # once those are done that layers alone wait for
                three.unplug("middle")
            yield item

    work = Work(tmp_path / "noise", words, track, lambda _: None, 3, CALLED)
    with pytest.raises(
        BoardOutError, match=r"^board middle: .*tty-middle.* ask for the same again"
    ):
        run_noise(of, asked, work)
    done_ = len(read_trials(work.folder))
    assert all(three.flashed(name) == 1 for name in CALLED)
    three.plug("middle")
    found = run_noise(of, asked, Work(work.folder, words, silent, lambda _: None, 3, CALLED))
    assert found.layers
    assert (found.board_trials, found.board_equal) == (done_ + 1, done_ + 1)
    assert [one.name for one in found.by_board] == [
        f"{name} at {three.folder}/tty-{name}" for name in sorted(CALLED)
    ]
    assert sum(one.equal for one in found.by_board) == found.board_equal
    assert re.search(r"\(left at \S+ \d+ of \d+, middle ", " ".join(report.said(found)))
    alone = Work(tmp_path / "alone", {**words, "board": "left"}, silent, lambda _: None)
    assert run_noise(of, asked, alone).points == found.points
    # Of what is gathered: another desk may have a board of the same name, at the same port.
    into = tmp_path / "gathered"
    gather(into, [work.folder], asked, PIECES)
    whole = run_noise(of, asked, Work(into, words, silent, lambda _: None, 3, CALLED))
    assert (whole.board_equal, whole.by_board) == (found.board_equal, [])


def test_once_no_board_is_left_no_trial_is_computed_for_nothing(
    three: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is measured is kept."""
    monkeypatch.setattr(on_board, "Dut", functools.partial(Dut, patience=Patience(return_s=0.2)))
    of, kind, begun = subject("kws", limit=2), kind_of(CALLED, {}), list[int]()

    def infer_there(*given: Any) -> Any:
        begun.append(1)
        return on_board.infer_there(*given)

    def track(items: Iterable[Any], label: str, total: int) -> Iterator[Any]:
        for number, item in enumerate(silent(items, label, total)):
            if number == 1:
                three.unplug("left")
                three.unplug("right")
            yield item

    monkeypatch.setattr(trials, "infer_there", infer_there)
    asked = ask(of, "gaussian", (0.1,), 300, 1, alone=False, board=kind)
    work = Work(tmp_path, {"task": "kws", "board": kind}, track, print, 2, ("left", "right"))
    try:
        with pytest.raises(BoardOutError, match=r"board left: .*board right: |board right: .*left"):
            run_noise(of, asked, work)
    finally:
        three.plug("left")
        three.plug("right")
    assert len(begun) < 300
    assert 2 <= len(read_trials(tmp_path)) < len(begun)


def test_a_study_goes_on_by_the_words_that_are_said_with_a_board_that_is_out(
    three: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One is absent from the beginning: the others do all, and they, or one of them, sum it up."""
    words = (
        f"study noise --task kws --limit 2 --trials 4 --eta .1 --together-only -o {tmp_path}/study"
    )
    own = words.split()
    three.unplug("right")
    try:
        assert cli.main([*own, "--board", "left,right"]) == 3
        told = capsys.readouterr().err
        assert "board right is out: " in told
        typed = re.search(r"with the same -o and (--board) (left) to have the rest", told)
        assert typed
        assert len(read_trials(tmp_path / "study")) == 4
        assert cli.main([*own, *typed.groups()]) == 0
        assert cli.main([*own, "--board", "left,"]) == 0
    finally:
        three.plug("right")


def test_a_desk_that_calls_the_boards_otherwise_takes_them_in_the_same_order(
    three: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else of two studies, one from each desk, each might wait for a board that the other has."""
    of, took, wrong = subject("kws", limit=2), list[list[str]](), tmp_path / "bench.toml"
    other = three.bench.read_text()
    for was, name in (("left", "x"), ("right", "left"), ("x", "right")):
        other = other.replace(f"[boards.{was}]", f"[boards.{name}]")
    wrong.write_text(other.replace('"mine.toml"', f'"{three.folder}/mine.toml"'))
    for bench in (three.bench, wrong):
        monkeypatch.setenv("TINYBENCH_BENCH", str(bench))
        said = list[str]()
        work = Work(tmp_path, {"task": "kws"}, silent, said.append, 2, ("left", "right"))
        with opened(of, work):
            took.append([text.rpartition(" at ")[2] for text in said if text.startswith("board ")])
        assert ask(of, "gaussian", None, 1, 1, board="left").board == "mine"
    assert took[0] == took[1]
    assert sorted(took[0]) == [f"{three.folder}/tty-{name}" for name in ("left", "right")]


def test_a_run_that_was_begun_on_another_board_is_begun_anew(three: Desk, tmp_path: Path) -> None:
    """What the other one answered is no part of it, and is kept beside; its own goes on."""
    out, said = tmp_path / "run", list[str]()

    def stopped(items: Iterable[Any], label: str, total: int) -> Iterator[Any]:
        for item in items:
            yield item
            if label == "accuracy":
                raise KeyboardInterrupt

    asked = {"task": "kws", "mode": "accuracy", "limit": 3, "out": out}
    with pytest.raises(KeyboardInterrupt):
        done(request_of(board="left", **asked), out, stopped, said.append)
    with pytest.raises(KeyboardInterrupt):
        done(request_of(board="left", **asked), out, stopped, said.append)
    assert len([one for one in read(out)[1] if one.answer]) == 2
    found = done(request_of(board="right", **asked), out, silent, said.append).result
    assert found.accuracy is not None
    assert found.accuracy.count == 3
    assert read(out)[0].asked.ports == (f"{three.folder}/tty-right",)
    assert read(tmp_path / "run-begun-1")[0].asked.ports == (f"{three.folder}/tty-left",)
    assert f"run was begun at {three.folder}/tty-left: it is begun anew" in " ".join(said)


def test_each_part_is_on_one_board_and_none_has_two(tmp_path: Path) -> None:
    """As many are at work as there are boards; what each makes comes back in the order of parts."""
    together, busy = threading.Barrier(3), list[str]()

    def do(part: int, there: Work) -> tuple[int, str]:
        name = there.words["board"]
        assert name not in busy
        busy.append(name)
        together.wait(30)
        busy.remove(name)
        return part, name

    found = on_each(work_on(tmp_path, *CALLED), do, range(6))
    assert [part for part, _ in found] == list(range(6))
    assert {name for _, name in found} == set(CALLED)


def test_once_all_boards_are_out_what_is_left_is_not_begun(tmp_path: Path) -> None:
    """Each is named, with what it failed by."""
    begun = list[int]()

    def do(part: int, there: Work) -> None:
        begun.append(part)
        raise DeadlineError(f"{there.words['board']} is silent")

    with pytest.raises(BoardOutError) as caught:
        on_each(work_on(tmp_path, "left", "right"), do, range(9))
    assert "board left: left is silent" in str(caught.value)
    assert "board right: right is silent" in str(caught.value)
    assert (len(begun), caught.value.exit_status) == (2, 3)


@pytest.mark.parametrize("kind", [BuildError, InferenceError, BenchError])
def test_what_all_boards_would_fail_by_takes_none_out(
    tmp_path: Path, kind: type[BenchError]
) -> None:
    """As a build, an inference of the model, or C of this computer: it ends the study as it is."""
    said = list[str]()

    def broken(*_: object) -> None:
        raise kind("of the model")

    work = Work(tmp_path, {"board": "kind"}, silent, said.append, 2, ("left", "right"))
    with pytest.raises(kind, match=r"^of the model$"):
        on_each(work, broken, range(9))
    assert not said


@pytest.mark.parametrize("boards", [(), ("left", "right")], ids=["emulated", "of the desk"])
def test_a_study_that_ends_early_interrupts_what_is_at_work(
    boards: tuple[str, ...], tmp_path: Path
) -> None:
    """Beside a part that fails another one would go on for minutes."""
    begun, ended = threading.Event(), list[str]()

    def endless() -> Iterator[int]:
        begun.set()
        while True:
            yield 0

    def do(part: int, there: Work) -> None:
        if part == 0:
            assert begun.wait(30)
            raise UsageError("this cannot be")
        try:
            for _ in there.track(endless(), "windows", 1):
                pass
        except KeyboardInterrupt:
            ended.append("interrupted")
            raise

    work = Work(tmp_path, {"board": "mps2-an386"}, silent, lambda _: None, 2, boards)
    with pytest.raises(UsageError, match="this cannot be"):
        on_each(work, do, range(2))
    assert ended == ["interrupted"]


def test_a_board_that_a_sweep_declares_otherwise_keeps_its_place(
    three: Desk, tmp_path: Path
) -> None:
    """Port and probe are those of bench.toml."""
    by = factor("flags=-O2,-Os")
    request = request_for(
        {"flags": "-Os"}, [by], {"task": "kws", "board": "left"}, tmp_path, tmp_path
    )
    assert request.board == str(tmp_path / "board.toml")
    assert '"-Os"' in Path(request.board).read_text()
    assert (request.ports, request.probe) == ((f"{three.folder}/tty-left",), "left")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("classic --task kws --board left,left", "name each board once"),
        ("sweep --task kws --by iterations=1,2 --board ,", "--board ',' names none"),
        ("classic --task kws --board left,lift", "did you mean 'left'?"),
        ("classic --task kws --board left,right --monitor lpm01a", "--monitor is of one board"),
        ("compress --board left,right --port /dev/null", "--port is of one board"),
        ("compress --board left,right --shards 2", "--shards is of emulated boards"),
        ("sparsity --board left --shards 2", "--board LEFT,RIGHT"),
        ("quantisation --task kws --board left,right --emulate", "--emulate is of one board"),
        ("noise --task kws --board left,right --probe x", "--probe is of one board"),
        ("noise --task kws --board left,right --lab", "boards of this desk"),
        ("sweep --task kws --by board=left,right --board left,right", "--by board says which"),
    ],
)
def test_boards_that_cannot_be_at_work_together_are_refused(
    words: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In words, before anything is made."""
    assert cli.main(["study", *words.split(), "-o", str(tmp_path / "study")]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(
    ("left", "right", "common"),
    [
        ('serial = "1"', 'serial = "1"\nport = "/dev/null"', "serial number 1"),
        ('serial = "1"\nprobe = "3"', 'serial = "2"\nprobe = "3"', "serial number 3"),
        ('serial = "1"', 'serial = "2"\nprobe = "1"', "serial number 1"),
        ('port = "/dev/null"', 'port = "/dev/../dev/null"', "port /dev/null"),
        ('serial = "1"\nlock = "labgrid:rig"', 'serial = "2"\nlock = "labgrid:rig"', "labgrid:rig"),
    ],
    ids=["serial", "probe", "both", "port", "labgrid"],
)
def test_boards_that_share_what_a_run_has_for_itself_are_refused(
    left: str, right: str, common: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For one would wait for the other."""
    bench = tmp_path / "bench.toml"
    bench.write_text(
        f'[boards.left]\nboard = "nucleo-l4r5"\n{left}\n'
        f'[boards.right]\nboard = "nucleo-l4r5"\n{right}\n'
    )
    monkeypatch.setenv("TINYBENCH_BENCH", str(bench))
    with pytest.raises(UsageError, match=f"left and right have {common} in common"):
        kind_of(("left", "right"), {})


def test_boards_of_two_kinds_are_no_one_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For cycles of two cores are not compared."""
    bench = tmp_path / "bench.toml"
    bench.write_text(
        '[boards.left]\nboard = "nucleo-l4r5"\nserial = "1"\n'
        '[boards.right]\nboard = "nucleo-f446re"\nserial = "2"\n'
    )
    monkeypatch.setenv("TINYBENCH_BENCH", str(bench))
    with pytest.raises(UsageError, match="left is a nucleo-l4r5, and right a nucleo-f446re"):
        kind_of(("left", "right"), {})
