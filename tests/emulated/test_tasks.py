"""Every task, on the embedded sets, answers the same on the emulated M4 and on the host."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.program import tinybench
from tinybench.runner.build.board import load_board
from tinybench.runner.build.board import names as boards
from tinybench.runner.build.task import load_task, names
from tinybench.runner.results.result import Result, read_result
from tinybench.runner.rules import WINDOWS

LIMIT = 4
SMALL = {"qemu-microbit"}
"""Boards that the smallest model alone fits."""
LIMITS = {"ad": 1, "ic": 1, "ic02": 1, "vww": 1}
"""Fewer where an input has 57 windows, or takes many million instructions: of more inputs each
core is asked in test_official_models.py."""


NAMES = [name for name in names() if not load_task(name).streams]
"""Tasks with an accuracy mode."""
TASKS = [pytest.param(name, marks=pytest.mark.soak) if name == "ic02" else name for name in NAMES]
"""ic02 takes a hundred million instructions an input: but for one board it is among the long tests,
and its kernels on each core are in test_official_models.py."""


def _run(
    folder: Path, board: str, task: str, mode: str, *, emulate: bool = False, limit: int = LIMIT
) -> tuple[Result, dict]:
    words = ["--board", board, "--task", task, "--mode", mode, "--limit", str(limit)]
    words += ["--emulate"] * emulate
    done = tinybench(*words, "--json", "--out", str(folder))
    assert done.returncode in (0, 1), done.stderr
    return read_result(folder), json.loads(done.stdout)


Wanted = Callable[[str], list[str]]
"""From a task: what the host's plain C answers."""


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> Wanted:
    """Return the answers of the host, each task asked once."""

    @cache
    def answers(task: str) -> list[str]:
        folder = tmp_path_factory.mktemp(task) / "host"
        host, _ = _run(folder, "host", task, "accuracy", limit=LIMITS.get(task, LIMIT))
        assert host.accuracy is not None
        return [answer.results for answer in host.accuracy.answers]

    return answers


@pytest.mark.parametrize("task", NAMES)
def test_a_task_answers_the_same_on_the_emulated_board_and_on_the_host(
    task: str, wanted: Wanted, tmp_path: Path
) -> None:
    """Different kernels, the same digits; as many values as the task says."""
    limit = LIMITS.get(task, LIMIT)
    board, _ = _run(tmp_path / "board", "mps2-an386", task, "accuracy", limit=limit)
    assert board.accuracy is not None
    assert board.accuracy.count == limit
    for ours, theirs in zip(board.accuracy.answers, wanted(task), strict=True):
        assert ours.results == theirs
        values = ours.results.count(",") + 1
        assert values == len(ours.elapsed_us) * load_task(task).result_count


EMULATED = [name for name in boards() if name != "mps2-an386" and load_board(name).emulated]
OF_EACH_CORE = {load_board(name).core: name for name in EMULATED if name != "mps2-an500"}
"""A board of each core; the Cortex-M7 runs the kernels of the Cortex-M4, which has tests above."""


@pytest.mark.parametrize(
    ("task", "board"),
    [
        pytest.param(
            task,
            board,
            marks=[pytest.mark.soak]
            * (task == "ic02" or (task != "kws" and board not in OF_EACH_CORE.values())),
        )
        for task in NAMES
        for board in EMULATED
        if board not in SMALL or task == "kws"
    ],
)
def test_every_board_answers_the_same(
    task: str, board: str, wanted: Wanted, tmp_path: Path
) -> None:
    """Whatever kernels a core has, the digits are those of the host's plain C."""
    limit = LIMITS.get(task, LIMIT)
    found, _ = _run(tmp_path / "run", board, task, "accuracy", limit=limit)
    assert found.accuracy is not None
    assert [answer.results for answer in found.accuracy.answers] == wanted(task)


@pytest.mark.parametrize("task", TASKS)
def test_the_image_of_a_real_board_answers_the_same(
    task: str, wanted: Wanted, tmp_path: Path
) -> None:
    """Over an emulated USART, too, and labelled as emulated; tasks fit the smaller chip."""
    found, _ = _run(tmp_path / "board", "nucleo-l4r5", task, "accuracy", emulate=True, limit=1)
    assert found.emulated
    assert found.time_base.startswith("emulated")
    assert found.accuracy is not None
    assert [answer.results for answer in found.accuracy.answers] == wanted(task)[:1]


@pytest.mark.parametrize("task", [name for name in NAMES if load_task(name).metric == "auc"])
def test_a_window_of_sliding_inputs_answers_as_the_first_of_the_file(
    task: str, tmp_path: Path
) -> None:
    """Performance mode runs window 0 of a recording; the rule compares just that."""
    result, document = _run(tmp_path / "run", "mps2-an386", task, "all")
    assert result.performance is not None
    assert len(result.performance.windows) == WINDOWS
    assert "same-output" not in [violation["rule"] for violation in document["violations"]]
    assert result.vips is None


def test_all_tasks_make_a_suite(tmp_path: Path) -> None:
    """`--task all`: a folder and a verdict each, and the sum of what is valid in a second."""
    words = ["--board", "host", "--task", "all", "--mode", "accuracy", "--limit", "1"]
    done = tinybench(*words, "--json", "--out", str(tmp_path / "all"))
    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    assert [run["task"] for run in document["runs"]] == NAMES
    assert {path.name for path in (tmp_path / "all").iterdir()} == set(NAMES)
    assert document["valid"] is False
    assert document["vips"] == 0
