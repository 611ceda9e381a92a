"""Sweeps: what is varied, which combination is next, and what the runs come to."""

import io
import re
import threading
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from msgspec.structs import replace as replace_
from rich.console import Console

from tests.program import tinybench
from tests.runner.study.dealt import but_times, copy_runs, gathered
from tinybench.errors import (
    AbsentError,
    BoardOutError,
    DeclarationError,
    ModelError,
    RunFolderError,
    ToolMissingError,
    UsageError,
)
from tinybench.runner.build.board import load_board
from tinybench.runner.cli.study import study
from tinybench.runner.compare.store import find_runs
from tinybench.runner.report.study import frame
from tinybench.runner.report.study import sweep as report
from tinybench.runner.results.defaults import hertz
from tinybench.runner.study.declared import contents
from tinybench.runner.study.kept import read_study, store_study
from tinybench.runner.study.listed import find_studies, rows_of
from tinybench.runner.study.parts import gather
from tinybench.runner.study.sweep import sweep
from tinybench.runner.study.sweep.asked import ask
from tinybench.runner.study.sweep.design import (
    choose,
    columns,
    combinations,
    contrast,
    fitted,
    leverage,
    on_front,
    t_quantile,
)
from tinybench.runner.study.sweep.factors import as_toml, factor, value_of, words_of
from tinybench.runner.study.sweep.findings import Figure, Row, SweepStudy, summed
from tinybench.runner.study.sweep.sweep import Budget, pieces, run_sweep, share_sweep
from tinybench.runner.study.work import Work
from tinybench.track import silent

QUIET = (silent, lambda _: None)
WORDS: dict[str, Any] = {
    "task": "kws", "board": "mps2-an386", "mode": "performance", "profile": "rapid",
}  # fmt: skip


def swept(folder: Path, budget: Budget, shards: int = 1) -> tuple[SweepStudy, list[str]]:
    """Sweep where weights lie by how long a window is; return what was said, too."""
    factors = [factor("weights=flash,ram"), factor("iterations=1,2")]
    said = list[str]()
    asked = ask(factors, WORDS, ("latency", "ram"), 2, folder.parent / "tried")
    return run_sweep(asked, Work(folder, WORDS, silent, said.append, shards), budget), said


def test_combinations_are_measured_as_runs_within_the_budget_and_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two at a time; what is there is not done again; what is counted is run once.

    Parts that are gathered are the same study.
    """
    found, _ = swept(tmp_path / "s", Budget(runs=3), shards=2)
    assert (found.possible, found.left, len(found.runs)) == (4, 1, 3)
    assert found.emulated
    states = {path: path.stat().st_mtime_ns for path in tmp_path.glob("s/*/*/result.json")}
    assert len(states) == 3
    found, said = swept(tmp_path / "s", Budget(seconds=3600))
    assert (found.left, len(found.runs)) == (0, 4)
    assert "3 runs there already" in said[0]
    assert all(path.stat().st_mtime_ns == at for path, at in states.items())
    assert found.fields == {"latency": "estimated_latency_s", "ram": "ram_b"}
    (ram,) = [e for e in found.effects if (e.factor, e.objective) == ("weights", "ram")]
    assert ram.value > 2
    assert (ram.pairs, ram.low) == (2, None)
    for one in found.combinations:
        assert one.front == (one.levels[0] == "flash")  # a core without a cache gains nothing
    with pytest.raises(
        RunFolderError, match=r"asked for otherwise .*: weights is .* there, and nothing here"
    ):
        run_sweep(
            ask([factor("iterations=1,2")], WORDS, ("ram",), 1, tmp_path / "tried"),
            Work(tmp_path / "s", WORDS, *QUIET), Budget(),
        )  # fmt: skip
    tagged = find_runs(tmp_path).runs
    assert (
        sorted(run.tags[1] for run in tagged) == ["by_weights=flash"] * 2 + ["by_weights=ram"] * 2
    )
    listed = find_studies(tmp_path).rows
    assert {row.name for row in listed} >= {"weights=ram iterations=2"}
    assert all(row.instructions and row.ram_b for row in listed)
    text = (tmp_path / "s" / "study.json").read_text()
    (tmp_path / "forged").mkdir()
    one_end = re.sub(r'"least": [0-9.]+', '"least": null', text, count=1)
    for forged in (text.replace('"ram_b"', '"score"', 1), one_end):
        (tmp_path / "forged" / "study.json").write_text(forged)
        with pytest.raises(RunFolderError, match="no study of this kind"):
            read_study(tmp_path / "forged", SweepStudy)
    told = Console(record=True, width=200, file=io.StringIO())
    told.print(report.terminal(found))
    for text in (told.export_text(), report.markdown(found), report.as_csv(found)):
        assert text.count("flash") >= 2
        assert "iterations" in text
    assert report.as_png(found).startswith(b"\x89PNG")
    whole, dealt = tmp_path / "s", tmp_path / "dealt"
    copy_runs(monkeypatch, sweep, whole)
    again = gathered(
        dealt,
        lambda folder, part: share_sweep(found.asked, Work(folder, WORDS, *QUIET, 2), part),
        lambda folder: run_sweep(found.asked, Work(folder, WORDS, *QUIET), Budget()),
        found.asked,
        pieces(found.asked),
    )
    why = {run.why for run in found.runs}
    assert again == re.sub("|".join(why), "all are measured", but_times(whole))
    assert len(find_runs(dealt).runs) == 4
    (dealt / "gathered" / "combinations" / "0000-0" / "result.json.0a1b2c~").touch()
    gather(dealt / "copy", [dealt / "gathered"], found.asked, pieces(found.asked))
    copied = {one.name for one in (dealt / "copy" / "combinations" / "0000-0").iterdir()}
    assert "result.json" in copied
    assert "result.json.0a1b2c~" not in copied
    kept = dealt / "gathered" / "combinations" / "0000-0.json"
    kept.write_text(kept.read_text().replace('"combination":0', '"combination":9999'))
    with pytest.raises(RunFolderError, match=r"0000-0.json cannot be of this study"):
        gather(tmp_path / "more", [dealt / "gathered"], found.asked, pieces(found.asked))
    with pytest.raises(RunFolderError, match="of another combination"):
        run_sweep(found.asked, Work(dealt / "gathered", WORDS, *QUIET), Budget())


def test_a_combination_that_cannot_be_is_said_and_hides_no_other(tmp_path: Path) -> None:
    """A chip whose RAM is too small for the arena; where all are so, that is the answer."""
    factors = [factor("memory.ram_size_b=4194304,2048")]
    asked = ask(factors, WORDS, ("ram",), 1, tmp_path / "tried")
    found = run_sweep(asked, Work(tmp_path / "s", WORDS, *QUIET), Budget())
    assert len(found.combinations) == 1
    assert "2048" in found.refused[0].levels
    asked = ask([factor("memory.ram_size_b=1024,2048")], WORDS, ("ram",), 1, tmp_path / "tried")
    with pytest.raises(UsageError, match="no combination of 2 was measured"):
        run_sweep(asked, Work(tmp_path / "t", WORDS, *QUIET), Budget())


def test_a_tool_that_is_missing_here_is_looked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said of its combination, and not kept: it may be there the next time, or elsewhere."""
    asked = ask([factor("weights=flash,ram")], WORDS, ("ram",), 1, tmp_path / "tried")
    tried = list[str]()

    def missing(*_: Any) -> None:
        tried.append("run")
        raise ToolMissingError("no compiler")

    monkeypatch.setattr(sweep, "done", missing)
    for count in (2, 4):
        with pytest.raises(UsageError, match="no compiler"):
            run_sweep(asked, Work(tmp_path / "s", WORDS, *QUIET), Budget())
        assert len(tried) == count


BENCH = """\
[boards.left]
board = "nucleo-l4r5"
port = "/dev/null"
energy_port = "/dev/zero"
monitor = "lpm01a"

[boards.right]
board = "nucleo-l4r5"
port = "/dev/full"
"""


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Work:
    """A work on two boards of a desk, one of which has a monitor."""
    (tmp_path / "bench.toml").write_text(BENCH)
    monkeypatch.setenv("TINYBENCH_BENCH", str(tmp_path / "bench.toml"))
    words = {**WORDS, "board": "nucleo-l4r5"}
    return Work(tmp_path / "s", words, *QUIET, 2, ("left", "right"))


@pytest.mark.parametrize("by", ["flags=-O2,-Os", "prune=true,false"])
def test_a_board_that_cannot_do_what_is_swept_is_named_before_any_run(
    by: str, two: Work, tmp_path: Path
) -> None:
    """It is no combination's fault, which another board can do."""
    words = {**two.words, "mode": "energy"}
    asked = ask([factor(by)], words, ("ram",), 1, tmp_path / "tried")
    bench = tmp_path / "bench.toml"
    for more, said in (
        ("", "talks on other pins"),
        ('energy_port = "/dev/random"\n', "needs --monitor"),
    ):
        bench.write_text(BENCH + more)
        with pytest.raises(UsageError, match=f"board right: --by .* {said}"):
            run_sweep(asked, replace(two, words=words), Budget())
        assert not two.folder.exists()


def test_what_is_one_boards_alone_is_kept_of_no_combination(
    two: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others have its time, too: a budget is that of the boards that the study began with."""
    at_work = list[int]()

    class Told(Budget):
        def allows(self, rows: Any, count: int, at_a_time: int) -> bool:
            at_work.append(at_a_time)
            return super().allows(rows, count, at_a_time)

    def done(request: Any, *_: Any) -> None:
        if request.board == "right":
            raise AbsentError("two devices have its number")
        raise ModelError("too large")

    monkeypatch.setattr(sweep, "done", done)
    asked = ask([factor("iterations=1,2,3,4")], two.words, ("ram",), 1, tmp_path / "tried")
    with pytest.raises(BoardOutError, match="board right: two devices"):
        run_sweep(asked, two, Told(seconds=3600))
    kept = [path.read_text() for path in two.folder.glob("combinations/*.json")]
    assert len(kept) == 3
    assert all("too large" in text for text in kept)
    assert set(at_work) == {2}


def test_without_a_budget_a_slow_board_keeps_no_other_one_waiting(
    two: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All combinations are dealt out at once, each to the board that is free."""
    others = threading.Semaphore(0)

    def done(request: Any, *_: Any) -> None:
        if request.iterations == 1:
            assert all(others.acquire(timeout=30) for _ in range(5))
        else:
            others.release()
        raise ModelError("too large")

    monkeypatch.setattr(sweep, "done", done)
    asked = ask([factor("iterations=1,2,3,4,5,6")], two.words, ("ram",), 1, tmp_path / "tried")
    with pytest.raises(UsageError, match="no combination of 6"):
        run_sweep(asked, two, Budget())


def test_effects_are_those_that_the_figures_were_made_by() -> None:
    """Also of an unbalanced part of all combinations; what no run tells has no effect."""
    counts = [3, 2, 2]
    points = combinations(counts)
    rng = np.random.default_rng(1)
    truth = np.array([5.0, 0.3, -0.7, 0.2, 0.0])
    part = [points[n] for n in rng.permutation(len(points))[:9]]
    values = columns(part, counts) @ truth + rng.normal(0, 0.01, len(part))
    fit = fitted(part, values, counts)
    for at in range(1, 5):
        effect, half = contrast(fit, at) or (0.0, None)
        assert half is not None
        assert abs(effect - truth[at]) < half < 0.1
    only = [point for point in points if point[1] == 0]
    assert contrast(fitted(only, np.ones(len(only)), counts), 3) is None
    exact, half = contrast(fitted(points[:1] + points[-1:], np.ones(2), [2, 2, 2][:3]), 1) or (0, 0)
    assert (exact, half) == (0, 0)


def test_intervals_hold_what_they_say() -> None:
    """The quantiles of a table of Student's t; 95 of 100 intervals hold the truth."""
    for free, quantile in ((1, 12.706), (2, 4.303), (5, 2.571), (10, 2.228), (30, 2.042)):
        assert t_quantile(0.975, free) == pytest.approx(quantile, abs=5e-4)
    counts = [2, 3]
    points = combinations(counts) * 2
    rng, inside = np.random.default_rng(2), 0
    for _ in range(400):
        effect, half = contrast(fitted(points, rng.normal(0, 1, len(points)), counts), 1) or (0, 0)
        inside += abs(effect) <= (half or 0)
    assert 0.92 < inside / 400 < 0.98


def test_the_next_is_what_is_least_known_and_then_what_may_be_ahead() -> None:
    """As many as there are effects first, all levels; then the best that is left."""
    counts = [3, 2, 2]
    left = combinations(counts)
    points = [left.pop(0)]
    figures = np.zeros((0, 0))
    for _ in range(4):
        at, why = choose(left, points, figures, counts)
        assert why == "effects are unknown"
        points.append(left.pop(at))
    assert np.linalg.matrix_rank(columns(points, counts)) == 5
    truth = np.array([[1.0, 0.5, -1.0, 0.25, 0.1]]).T
    figures = columns(points, counts) @ truth
    best = min(left, key=lambda one: float((columns([one], counts) @ truth)[0, 0]))
    at, why = choose(left, points, figures, counts)
    if float((columns([best], counts) @ truth)[0, 0]) < figures.min():
        assert (left[at], why) == (best, "may be on the front")
    worse = [one for one in left if one != best]
    figures[0] = -100  # nothing is ahead of that
    assert choose(worse[:2], points, figures, counts)[0] in (0, 1)
    assert leverage(columns(points, counts), columns(points, counts)).max() <= 1 + 1e-6


def test_the_front_is_what_nothing_dominates() -> None:
    """Equal points are both on it."""
    figures = np.array([[1, 5], [2, 2], [5, 1], [3, 3], [2, 2], [5, 5]], float)
    assert on_front(figures).tolist() == [True, True, True, False, True, False]


def test_a_declaration_with_other_keys_is_the_same_else(tmp_path: Path) -> None:
    """Flags are added, frequencies read, files beside it found; and it is TOML again."""
    factors = [factor("clock=24MHz,80MHz"), factor("flags=-O2,-Os -fno-inline")]
    words = words_of(
        {"clock": "24MHz", "flags": "-Os -fno-inline"}, factors, {"board": "nucleo-l4r5"}, tmp_path
    )
    made, was = load_board(words["board"]), load_board("nucleo-l4r5")
    assert made.clock_hz == 24_000_000
    assert made.toolchain is not None
    assert was.toolchain is not None
    assert made.toolchain.cflags == [*was.toolchain.cflags, "-Os", "-fno-inline"]
    assert (made.memory, made.port, made.flash) == (was.memory, was.port, was.flash)
    table = {"a": 'x"\\\n', "b": [1, [2.5, True]], "c": {"d e": {"f": -3}}}
    assert tomllib.loads(as_toml(table)) == table
    assert [value_of(text) for text in ("12.5 kHz", "80MHz", "7", "true", "1.5", "ram", "0Hz")] == [
        12_500, 80_000_000, 7, True, 1.5, "ram", "0Hz",
    ]  # fmt: skip
    for text, hz in (
        ("1.2345678MHz", 1_234_568),
        ("80mhz", 80_000_000),
        ("80_000_000", 80_000_000),
    ):
        assert value_of(text) == hertz(text) == hz
    for text in ("_80", "80_", "8__0", "80 mh", ""):
        with pytest.raises(UsageError, match="no clock such as"):
            hertz(text)


@pytest.mark.parametrize(
    ("by", "said"),
    [
        (["kernels=plain"], "1 different value"),
        (["kernels"], "give NAME=VALUE,VALUE"),
        (["kernel=plain,dsp"], "did you mean 'kernels'"),
        (["nonsense=1,2"], "no key of a board's declaration; valid: "),
        (["port=a,b"], "the same for all runs"),
        (["kernels=plain,dsp"] * 2, "given twice"),
        (["kernels=plain,dsp", "toolchain.kernels=plain,blocked"], "toolchain.kernels are one key"),
        (["clock=0Hz,2MHz"], "'0Hz' is no clock such as 80MHz"),
        (["clock_hz=fast,2MHz"], "'fast' is no clock such as 80MHz"),
        (["kernels=plain,foo"], "kernels=foo"),
        (["toolchain.foo=1,2"], "unknown key"),
        (["core.x=1,2"], "is no table"),
        (["prune=true,maybe"], "no True or False"),
        (["board=host,foo"], "no board 'foo'"),
        (["task=kws,foo"], "no task 'foo'"),
        (["iterations=" + ",".join(map(str, range(1, 33)))] * 1 + [
            f"{name}=" + ",".join(map(str, range(1, 33))) for name in ("limit", "baud")
        ], "combinations"),
    ],
)  # fmt: skip
def test_what_cannot_be_swept_is_refused(by: list[str], said: str, tmp_path: Path) -> None:
    """Before anything is built, with what to write instead."""
    with pytest.raises((UsageError, DeclarationError), match=said):
        ask([factor(text) for text in by], WORDS, ("latency",), 1, tmp_path)


def test_the_command_says_what_is_missing() -> None:
    """In one line, status 2."""
    done = tinybench("study", "sweep", "--task", "kws")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "say what is varied" in done.stderr


def test_a_budget_of_no_time_is_refused() -> None:
    """A run would be done in it all the same."""
    words = ["--task", "kws", "--by", "kernels=plain,dsp", "--budget", "0s"]
    with pytest.raises(click.UsageError, match="'0s' is no time to do anything in"):
        study.commands["sweep"].make_context("sweep", words)


def test_a_sweep_is_the_same_by_what_its_files_hold_and_at_any_port(tmp_path: Path) -> None:
    """Parts of it are done elsewhere, where a model has another name and a board another line."""
    (tmp_path / "a.tflite").write_bytes(b"one")
    (tmp_path / "b.tflite").write_bytes(b"one")
    said = [
        ask([factor("iterations=1,2")], {**WORDS, "model": tmp_path / name, "port": port},
            ("ram",), 1, tmp_path / "tried")
        for name, port in (("a.tflite", "/dev/ttyACM0"), ("b.tflite", None))
    ]  # fmt: skip
    assert said[0] == said[1]
    (tmp_path / "b.tflite").write_bytes(b"two")
    assert said[0].words["model"] != contents(tmp_path / "b.tflite")
    before = contents(tmp_path)
    (tmp_path / "b.tflite").rename(tmp_path / "c.tflite")
    assert contents(tmp_path) != before
    with pytest.raises(UsageError, match="cannot be read"):
        contents(tmp_path / "none")


def test_what_is_varied_is_told_of_each_row_and_not_of_all(tmp_path: Path) -> None:
    """Which task and board it is, and whether that one is emulated."""
    by = [factor("task=kws,ic"), factor("board=mps2-an386,host")]
    asked = ask(by, WORDS, ("ram",), 1, tmp_path / "tried")
    points = combinations([2, 2])
    rows = [
        Row(combination=n, repeat=0, levels=[by[0].levels[task], by[1].levels[board]], took_s=1.0,
            emulated=not board, figures={"ram_b": Figure(value=9.0)}, why="")
        for n, (task, board) in enumerate(points)
    ]  # fmt: skip
    found = summed(asked, points, rows)
    assert "several tasks on several boards" in report.title(found)
    store_study(tmp_path, found)
    assert [(row.of, row.board, row.kind) for row in rows_of(tmp_path)] == [
        (task, board, kind)
        for task in by[0].levels
        for board, kind in (("mps2-an386", "emulated"), ("host", "measured"))
    ]


def test_figures_of_two_kinds_stand_for_nothing_in_common(tmp_path: Path) -> None:
    """Scores by two metrics, and energy measured here and modelled there; it is said why."""
    by = [factor("task=kws,ad")]
    asked = ask(by, WORDS, ("ram", "score", "energy"), 1, tmp_path / "tried")
    rows = [
        Row(combination=n, repeat=0, levels=[task], took_s=1.0, metric=metric, why="",
            energy_modelled=modelled, figures={
                "ram_b": Figure(value=9.0), "score": Figure(value=0.5),
                "energy_per_inference_j": Figure(value=1e-3)})
        for n, (task, metric, modelled) in enumerate((("kws", "top1", False), ("ad", "auc", True)))
    ]  # fmt: skip
    found = summed(asked, [(0,), (1,)], rows)
    assert found.fields == {"ram": "ram_b"}
    assert {one.objective for one in found.effects} == {"ram"}
    assert report.said(found)[-2:] == [
        "asked for, and not known of all runs: score, for it is AUC here and top-1 there",
        "asked for, and not known of all runs: energy, for it is measured here and modelled there",
    ]
    alike = [replace_(row, metric="auc", energy_modelled=True) for row in rows]
    found = summed(asked, [(0,), (1,)], alike)
    assert [report.name_of(found, one) for one in found.fields] == ["RAM B", "AUC", "uJ modelled"]
    with pytest.raises(ValueError, match="no figure of a sweep: score"):
        replace_(found, runs=rows)


def test_modes_that_are_varied_are_run_as_they_are_called(tmp_path: Path) -> None:
    """Of a stream too, which has not all of them: two rows of one run would be told as two."""
    by, words = [factor("mode=performance,all")], {**WORDS, "task": "sww"}
    assert words_of({"mode": "performance"}, by, words, tmp_path)["mode"] == "performance"


@pytest.mark.parametrize(("task", "mode"), [("sww", "all"), ("kws", "performance")])
def test_a_stream_is_swept_in_its_own_mode(task: str, mode: str, tmp_path: Path) -> None:
    """What the command takes for granted of other tasks is refused of a stream."""
    words = {**WORDS, "mode": "performance"}
    assert words_of({"task": task}, [factor("task=sww,kws")], words, tmp_path)["mode"] == mode


def test_a_picture_names_no_more_points_than_one_can_read() -> None:
    """Of many the first ones: names are laid out one by one."""
    taken = list[Any]()

    def draw(panels: Any) -> None:
        taken.append(panels[0])
        for at in range(frame.NAMED_MOST + 9):
            frame.name_point(panels[0], (at, at % 7), f"point {at}")

    assert frame.picture("many", 1, draw).startswith(b"\x89PNG")
    names = [text.get_text() for text in taken[0].texts]
    assert names == [f"point {at}" for at in range(frame.NAMED_MOST)]


def test_a_name_of_a_point_lies_beside_lines_and_ticks_are_plain() -> None:
    """A line through where it would stand by itself moves it; points without a line do not."""
    taken = list[Any]()

    def draw(panels: Any) -> None:
        for axes, style in zip(panels, ("-", "None"), strict=True):
            axes.plot([2000, 4000, 9000], [1, 2, 3], "o", linestyle=style)
            frame.plain_log(axes.xaxis)
            frame.name_point(axes, (4000, 2), "the second of three")
            taken.append(axes)

    assert frame.picture("two", 2, draw).startswith(b"\x89PNG")
    places = [axes.texts[0].get_position() for axes in taken]
    assert places[0] != frame.PLACES[0] == places[1]
    ticks = [one.get_text() for one in taken[0].get_xticklabels()]
    assert "3,000" in ticks or "4,000" in ticks
    assert frame.plain_tick(0.5, None) == "0.5"
