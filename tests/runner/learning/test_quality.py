"""Time to quality: the rules' worked example, runs that miss, and what is too fast."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from tests.program import tinybench
from tinybench.errors import RunFolderError, UsageError
from tinybench.runner.learning.course import COURSE_FILE, Course, Point, read_course, write_course
from tinybench.runner.learning.curve import bands
from tinybench.runner.learning.mllog import mllog_lines
from tinybench.runner.learning.quality import (
    judged,
    olympic,
    point_for,
    reference_point,
    t_quantile,
)
from tinybench.runner.report.fleet.quality import pictures
from tinybench.runner.report.page.axes import BOTTOM, HEIGHT, TOP

SMALL = [16, 14, 16, 17, 16, 16, 15, 16, 15, 16]
LARGE = [20, 21, 21, 20, 22, 22, 21, 21, 20, 20]


def course(seed: int, samples: int | None, batch: int = 8, what: str = "a head") -> Course:
    """Return a run that has its quality after so many samples, a second each; None: it has not."""
    last = samples or 1000
    points = [
        Point(last // 2, last / 2, last * 0.05, 0.4),
        Point(last, float(last), last * 0.1, 0.9 if samples else 0.5),
    ]
    return Course(
        what=what, seed=seed, batch=batch, target=0.88, time="emulated", energy="modelled",
        points=points, ended="target" if samples else "rounds",
    )  # fmt: skip


def test_reference_points_are_those_of_the_rules_worked_example() -> None:
    """Means, deviations and least means of both batch sizes and of one between them."""
    small, large = reference_point(256, SMALL, 5), reference_point(512, LARGE, 5)
    between = point_for(384, [large, small])
    for point, mean, deviation, least, speedup in (
        (small, 15.75, 0.43, 15.2126, 1.0353),
        (large, 20.75, 0.66, 19.9291, 1.0412),
        (between, 18.25, 0.547, 17.603, 1.0368),
    ):
        assert point.mean == mean
        assert point.deviation == pytest.approx(deviation, abs=0.005)
        assert point.least == pytest.approx(least, abs=1e-3)
        assert point.speedup_most == pytest.approx(speedup, abs=1e-4)
    assert small.least <= 15.33  # S1 passes
    assert large.least > 19.33  # S2 fails
    assert 18.0 >= between.least > small.least  # S3: held against the point between
    assert point_for(128, [small, large]) == small
    with pytest.raises(UsageError, match="no reference for batches of 1024"):
        point_for(1024, [small, large])
    with pytest.raises(UsageError, match="each needs 3"):
        reference_point(8, [1, 2], 5)


def test_the_quantile_is_students() -> None:
    """As scipy has it, for few and for many runs."""
    stats = pytest.importorskip("scipy.stats")
    for freedom in (1, 2, 3, 8, 9, 30):
        for share in (0.9, 0.95, 0.975):
            assert t_quantile(share, freedom) == pytest.approx(stats.t.ppf(share, freedom))


def test_an_olympic_mean_leaves_out_one_run_that_missed() -> None:
    """As the slowest; two that missed, or fewer than three runs, are no result."""
    assert olympic(SMALL) == 15.75
    assert olympic(LARGE) == 20.75
    assert olympic([5, 1, 3, 4, 2]) == 3
    assert olympic([5, 1, 3, 4, None]) == 4
    assert olympic([5, 1, 3, None, None]) is None
    assert olympic([5, 1]) is None


def test_runs_are_judged_by_time_energy_and_samples() -> None:
    """Groups apart; one miss is left out; the reasons why one is invalid are said."""
    runs = [course(n, s) for n, s in enumerate((500, 300, 400, None, 900))]
    (found,) = judged(runs)
    assert found.valid
    assert (found.time_s, found.samples_mean) == (600, 600)
    assert found.energy_j == pytest.approx(60)
    assert found.times_s == [500, 300, 400, None, 900]
    two = [*runs[:3], course(3, None), course(4, None)]
    for group, why in (
        (two, "2 of 5 runs did not reach 0.88"),
        (runs[:2], "2 runs; at least 3"),
        ([runs[0]] * 3, "the same seed"),
    ):
        (bad,) = judged(group)
        assert not bad.valid
        assert why in bad.why_not
        assert bad.time_s is None
    assert len(judged([*runs, *(course(n, 400, batch=16) for n in range(3))])) == 2


def test_runs_that_converge_too_fast_are_invalid() -> None:
    """Against ten runs of a reference; as fast as these is valid, and has its factor."""
    reference = [course(n, s * 100, what="theirs") for n, s in enumerate(SMALL)]
    (same,) = judged(
        [course(n, s) for n, s in enumerate((1500, 1600, 1550, 1500, 1600))], reference
    )
    assert same.valid
    assert same.too_fast is False
    assert same.against == pytest.approx(1575 / 1550)
    (fast,) = judged(
        [course(n, s) for n, s in enumerate((1400, 1500, 1500, 1520, 1600))], reference
    )
    assert not fast.valid
    assert fast.too_fast
    assert "too fast" in fast.why_not
    missing = [*reference[:8], course(8, None, what="theirs"), course(9, None, what="theirs")]
    with pytest.raises(UsageError, match="2 of 10 runs: it is none"):
        judged([course(n, 1500) for n in range(5)], missing)


def test_logs_are_read_by_the_benchmarks_own_parser() -> None:
    """mlperf-logging's checker finds the run, its evaluations and its end."""
    parser = pytest.importorskip("mlperf_logging.compliance_checker.mlp_parser.ruleset_610")
    lines = mllog_lines(course(7, 400))
    parsed, faults = parser.parse_generator(iter(lines))
    assert not faults
    by_key = {line.key: line for line in parsed}
    assert by_key["seed"].value["value"] == 7
    assert by_key["run_stop"].value["metadata"]["status"] == "success"
    assert by_key["run_stop"].timestamp == 400_000
    assert sum(line.key == "eval_accuracy" for line in parsed) == 2
    missed, _ = parser.parse_generator(iter(mllog_lines(course(7, None))))
    assert missed[-1].value["metadata"]["status"] == "aborted"
    assert "not an MLPerf Training result" in lines[0]
    assert str(Path.cwd()) not in "".join(lines)


def test_a_band_is_the_mean_with_its_confidence() -> None:
    """Of three runs, the one that ended holding its last score; one run has none."""
    runs = [
        [(1.0, 0.2), (2.0, 0.8)],
        [(1.0, 0.4), (3.0, 0.8)],
        [(1.0, 0.3), (2.0, 0.5), (3.0, 0.8)],
    ]
    found = bands(runs, points=3)
    assert [one.at for one in found] == [1, 2, 3]
    assert found[0].mean == pytest.approx(0.3)
    assert found[1].mean == pytest.approx((0.8 + 0.4 + 0.5) / 3)
    half = t_quantile(0.975, 2) * 0.1 / 3**0.5
    assert found[0].high - found[0].mean == pytest.approx(half)
    assert found[2] == pytest.approx((3, 0.8, 0.8, 0.8))
    (alone,) = bands([[(5.0, 0.5)]])
    assert alone == (5, 0.5, 0.5, 0.5)
    assert bands([[]]) == []


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[1]", '{"format": 2}', "\xff", '{"points": [[1, 2, 3, "x"]]}', "9" * 5000],
)
def test_a_file_that_is_no_course_is_refused(text: str, tmp_path: Path) -> None:
    """By its name, and without a traceback."""
    (tmp_path / COURSE_FILE).write_text(text, encoding="latin-1")
    with pytest.raises(RunFolderError, match=COURSE_FILE):
        read_course(tmp_path)


def test_curves_are_named_by_what_tells_their_runs_apart() -> None:
    """Of the words of a run only those that the others lack; the axis is that of the metric."""
    words = "the head of a for b on {}: float32 weights, rate 0.1"
    runs = [
        msgspec.structs.replace(course(seed, 400), what=words.format(board), metric="auc")
        for seed, board in ((1, "host"), (2, "host"), (1, "mps2-an386"))
    ]
    drawn = {one.name: one.svg for one in pictures(runs)}
    assert ">host: mean of 2 runs, its 95 % band<" in drawn["learning-over-time"]
    assert ">mps2-an386: one run<" in drawn["learning-over-time"]
    assert ">AUC<" in drawn["learning-over-samples"]
    assert pictures([]) == []


@pytest.mark.parametrize("target", [1.0, 0.2])
def test_a_target_lies_within_the_picture(target: float) -> None:
    """Also where the first weights have it, at 1, and where all points are above it."""
    at_once = msgspec.structs.replace(
        course(1, 400), target=target, points=[Point(0, 0.0, None, 1.0)], ended="target"
    )
    svg = pictures([at_once])[0].svg
    line = re.search(r'class="middle"[^>]* y1="([0-9.]+)"', svg)
    assert line is not None
    assert TOP <= float(line[1]) <= HEIGHT - BOTTOM


def test_points_out_of_order_are_refused(tmp_path: Path) -> None:
    """And a format that a newer version wrote."""
    one = course(1, 400)
    for bad in (
        msgspec.structs.replace(one, points=one.points[::-1]),
        msgspec.structs.replace(one, batch=0),
        msgspec.structs.replace(one, format=2),
    ):
        write_course(tmp_path, bad)
        with pytest.raises(RunFolderError):
            read_course(tmp_path)


def test_the_command_shows_judges_and_logs(tmp_path: Path) -> None:
    """Exit status 0 of valid runs, 1 of others, 2 where there are none."""
    for number, samples in enumerate((500, 300, 400)):
        write_course(tmp_path / "runs" / str(number), course(number, samples))
    done = tinybench("quality", str(tmp_path / "runs"), "--mllog", str(tmp_path / "logs"))
    assert done.returncode == 0, done.stderr
    assert "never an MLPerf Training result" in done.stdout
    assert "times are emulated, energies modelled" in done.stdout
    (first, *_) = (tmp_path / "logs" / "result_0.txt").read_text().splitlines()
    assert json.loads(first.removeprefix(":::MLLOG "))["key"] == "submission_benchmark"
    words = ("quality", str(tmp_path / "runs"), "--reference", str(tmp_path / "runs"))
    shown = json.loads(tinybench(*words, "--json").stdout)
    assert shown[0]["time_s"] == 400
    assert shown[0]["against"] == 1
    drawn = tinybench("quality", str(tmp_path / "runs"), "--to", "svg", "-o", str(tmp_path / "p"))
    assert drawn.returncode == 0
    assert "emulated time" in (tmp_path / "p" / "learning-over-time.svg").read_text()
    over_energy = (tmp_path / "p" / "learning-over-energy.svg").read_text()
    assert "modelled energy" in over_energy
    assert "mean of 3 runs, its 95 % band" in over_energy
    write_course(tmp_path / "runs" / "1", course(1, None))
    write_course(tmp_path / "runs" / "2", course(2, None))
    for form in ("terminal", "csv", "markdown"):
        missed = tinybench("quality", str(tmp_path / "runs"), "--to", form)
        assert missed.returncode == 1
        assert "2 of 3 runs did not reach" in missed.stdout
    assert tinybench("quality", str(tmp_path / "logs")).returncode == 2
