"""The pytest plugin: what a firmware team's own tests see."""

import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.runner.compare.test_store import stored
from tinybench.runner.compare.baseline import write_baseline
from tinybench.runner.pytest_plugin import Baseline

pytest_plugins = ["pytester"]

MOMENT = """\
name = "moment"
title = "as little as can be judged"
source = "these tests"
accuracy_inputs = 10
window_min_s = 0.02
"""
TESTS = """\
def test_it_is_quick(tinybench_run, tinybench_board):
    assert tinybench_run.board == tinybench_board.name == "host"
    assert tinybench_run.valid
    assert 0 < tinybench_run.latency_s < 5

def test_it_is_right(tinybench_run):
    assert tinybench_run.inputs == 10
    assert tinybench_run.top1 > 0.5
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A firmware team's project: a profile of its own, and tests of a run."""
    pytester.makefile(".toml", moment=MOMENT)
    pytester.makepyfile(TESTS)
    return pytester


def _run(project: pytest.Pytester, *words: str) -> pytest.RunResult:
    """Run the project's tests in a process of their own, as its team does."""
    return project.runpytest_subprocess(
        "--strict-markers", "--tinybench-profile", str(project.path / "moment.toml"), *words
    )


INI = """
[pytest]
tinybench_board = host
tinybench_profile = moment.toml
tinybench_baseline = kept/baseline.json
tinybench_limit = 20
"""
GATED = """
    import pytest

    @pytest.mark.tinybench(mode="accuracy")
    def test_it_is_no_worse(tinybench_run, tinybench_baseline):
        assert tinybench_baseline.passes("accuracy<-0.5pt")

    @pytest.mark.tinybench(mode="accuracy", limit=3)
    def test_the_run_is_whole(tinybench_run):
        assert tinybench_run.valid
"""


def test_pytest_finds_the_plugin_by_the_distribution() -> None:
    """Nothing needs to be named in the project's conftest."""
    (found,) = entry_points(group="pytest11", name="tinybench")
    assert found.value == "tinybench.runner.pytest_plugin"


def test_tests_share_one_run(project: pytest.Pytester, tmp_path: Path) -> None:
    """Both read the figures of the same run, whose folder is kept where it was asked for."""
    out = tmp_path / "out"
    done = _run(project, "--tinybench-board", "host", "--tinybench-out", str(out))
    done.assert_outcomes(passed=2)
    done.stdout.fnmatch_lines(["tinybench: kws on host, profile *moment.toml"])
    (folder,) = out.iterdir()
    assert (folder / "result.json").is_file()


def test_workers_share_one_run(project: pytest.Pytester, tmp_path: Path) -> None:
    """With pytest-xdist one worker runs it, the other waits."""
    out = tmp_path / "out"
    done = _run(project, "-n", "2", "--tinybench-board", "host", "--tinybench-out", str(out))
    done.assert_outcomes(passed=2)
    assert len(list(out.iterdir())) == 1


def test_a_failing_test_shows_the_run(project: pytest.Pytester) -> None:
    """Its verdict, its folder, and which rules it breaks."""
    project.makepyfile(
        """
        import pytest

        @pytest.mark.tinybench(limit=3, mode="accuracy")
        def test_all_inputs(tinybench_run):
            assert tinybench_run.valid, tinybench_run.broken_rules
        """
    )
    done = _run(project, "--tinybench-board", "host")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(
        [
            "*AssertionError: ?'accuracy-count'?",
            "not valid under profile moment, not an MLPerf result: 1 rule broken; run folder: *",
            "accuracy-count: wanted at least 10 inputs, each once, found 3 answers to 3 inputs",
        ]
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tinybench-board", "hots"], "there is no board 'hots': did you mean 'host'?"),
        (["--tinybench-board", "host", "--tinybench-task", "kvs"], "did you mean 'kws'?"),
        (["--tinybench-port", "/dev/nowhere"], "/dev/nowhere"),
    ],
)
def test_a_bench_that_fails_is_an_error_in_its_own_words(
    project: pytest.Pytester, words: list[str], said: str
) -> None:
    """No traceback through tinybench, and each test that needed the run says so."""
    done = _run(project, *words)
    done.assert_outcomes(errors=2)
    text = done.stdout.str()
    assert said in text
    assert "Traceback" not in text
    assert "runner/" not in text.replace(str(project.path), "")


def test_without_a_board_the_tests_are_skipped_with_what_to_type(project: pytest.Pytester) -> None:
    """A developer without a bench runs all other tests."""
    done = _run(project, "-rs")
    done.assert_outcomes(skipped=2)
    done.stdout.fnmatch_lines(["*give one with --tinybench-board, such as mps2-an386*"])


def test_an_ini_file_says_it_for_all_and_a_baseline_is_kept(project: pytest.Pytester) -> None:
    """Written once; then held against, with failures of a line each; paths are from the file."""
    project.makeini(INI)
    project.makepyfile(GATED)
    done = project.runpytest_subprocess("--tinybench-update", "-k", "worse", "-n", "2")
    done.assert_outcomes(passed=1)
    baseline = project.path / "kept" / "baseline.json"
    text = baseline.read_text()
    (kept,) = json.loads(text)["runs"]
    assert (kept["task"], kept["board"], kept["inputs"]) == ("kws", "host", 20)
    value = kept["metrics"]["accuracy"]["value"]
    baseline.write_text(text.replace(f'"value": {value}', '"value": 2.0', 1))
    done = project.runpytest_subprocess()
    done.assert_outcomes(failed=2)
    done.stdout.fnmatch_lines(
        [
            "*where <FAILED, gates passed: 0 of 1; * changed; accuracy<-0.5pt: -1*> = *",
            "*where False = <run: kws on host, breaks accuracy-count, profile moment>.valid",
        ]
    )
    assert max(len(line) for line in done.outlines if line.startswith("E ")) < 200


def test_a_baseline_without_the_run_fails_the_test_in_a_line(tmp_path: Path) -> None:
    """Nothing passes that was held against nothing, and it says what to type."""
    held = Baseline(stored(tmp_path / "run"), tmp_path / "baseline.json")
    for gates, said in ((), "has no run of this task on this board; write it with: pytest --t"), (
        ("speed>1%",), "no metric 'speed'",
    ):  # fmt: skip
        with pytest.raises(pytest.fail.Exception, match=said):
            held.passes(*gates)
        write_baseline([held.run], held.file)
    assert held.passes()
    assert repr(held) == "<baseline baseline.json>"


def test_a_number_that_is_none_in_the_ini_file_is_refused(project: pytest.Pytester) -> None:
    """Before any test runs, in one line."""
    project.makeini("[pytest]\ntinybench_limit = many\n")
    done = project.runpytest_subprocess()
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*tinybench_limit = many: no number"])


def test_a_marker_names_the_board(project: pytest.Pytester) -> None:
    """A project of several boards; without any option or ini file the others are skipped."""
    project.makepyfile(
        """
        import pytest

        @pytest.mark.tinybench(board="mps2-an386")
        def test_that(tinybench_board):
            assert repr(tinybench_board) == "<board mps2-an386 (Cortex-M4F)>"

        @pytest.mark.tinybench(board="nucleo-l4r5", emulate=True)
        def test_other(tinybench_board):
            assert tinybench_board.emulated

        def test_none(tinybench_board):
            pass
        """
    )
    _run(project).assert_outcomes(passed=2, skipped=1)


def test_workers_run_on_a_board_one_after_the_other(
    project: pytest.Pytester, tmp_path: Path
) -> None:
    """Runs of different kinds: none begins before the one on the same board has ended."""
    project.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("limit", [2, 3])
        def test_it(tinybench_run, limit):
            assert tinybench_run.inputs == limit
        """
    )
    project.makeconftest(
        """
        import pytest

        def pytest_collection_modifyitems(items):
            for item in items:
                limit = item.callspec.params["limit"]
                item.add_marker(pytest.mark.tinybench(mode="accuracy", limit=limit))
        """
    )
    out = tmp_path / "out"
    done = _run(project, "-n", "2", "--tinybench-board", "host", "--tinybench-out", str(out))
    done.assert_outcomes(passed=2)
    first, second = sorted(
        (json.loads((folder / "result.json").read_bytes()) for folder in out.iterdir()),
        key=lambda result: (result["started_at"], result["finished_at"]),
    )
    assert first["finished_at"] <= second["started_at"]


def test_a_marker_may_ask_for_a_scenario(project: pytest.Pytester) -> None:
    """In place of the mode that the options say; its percentiles are those of the queries."""
    project.makepyfile(
        """
        import pytest

        @pytest.mark.tinybench(scenario="offline", min_queries=20, min_duration=0, seed=4)
        def test_it(tinybench_run):
            assert tinybench_run.scenario == "offline"
            assert tinybench_run.rate_per_s > 0
            assert tinybench_run.latency_p99_s is not None
        """
    )
    done = _run(project, "--tinybench-board", "host")
    done.assert_outcomes(passed=1)


def test_a_marker_that_asks_for_nonsense_is_an_error(project: pytest.Pytester) -> None:
    """A slip in a marker must not run something else."""
    project.makepyfile(
        """
        import pytest

        @pytest.mark.tinybench(tasks="kws")
        def test_it(tinybench_run):
            pass
        """
    )
    done = _run(project, "--tinybench-board", "host")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*the marker tinybench takes board, emulate, task, *, not 'tasks'"])


def test_a_project_that_does_not_use_it_loads_nothing_of_tinybench() -> None:
    """The plugin is loaded in every project beside which tinybench is installed."""
    code = (
        "import sys, pytest, tinybench.runner.pytest_plugin;"
        "known = sorted(name for name in sys.modules if name.startswith(('tinybench.', 'msgspec', "
        "'numpy', 'filelock')));"
        "print(known)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['tinybench.runner', 'tinybench.runner.pytest_plugin']"
